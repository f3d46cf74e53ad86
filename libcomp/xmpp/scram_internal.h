/* SPDX-License-Identifier: MIT */
/* For the unit tests: the example exchanges of the RFCs have nonces of their own. */
#ifndef XMPP_SCRAM_INTERNAL_H
#define XMPP_SCRAM_INTERNAL_H

#include <xmpp/scram.h>

#define SCRAM_NONCE_TEST 40 /* RFC 7677's is longer than ours */

/* Our part of the nonce, at most SCRAM_NONCE_TEST characters, instead of a random one. */
void scram_set_nonce(struct scram *s, const char *nonce);

#endif
