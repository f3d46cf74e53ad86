/* SPDX-License-Identifier: MIT */
/* Which ASCII characters stand in which part of a prepared address (jid.c, prep.c). */
#ifndef XMPP_JID_INTERNAL_H
#define XMPP_JID_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JID_CH_LOCAL = 1,
	JID_CH_UPPER = 2, /* folded in localparts and domains */
	JID_CH_DOMAIN = 4,
	JID_CH_DOT = 8,
	JID_CH_RESOURCE = 16, /* any that is printable */
};

extern const uint8_t jid_ascii[256];

/* n bytes of labels that are prepared already. */
bool jid_domain_ascii(const char *s, size_t n);

#endif
