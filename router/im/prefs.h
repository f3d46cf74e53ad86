/* SPDX-License-Identifier: MIT */
/* Which messages accounts want to be kept (XEP-0441), as the archive has told us
 * (docs/component-protocol.md 5). */
#ifndef ROUTER_PREFS_H
#define ROUTER_PREFS_H

#include <stdbool.h>
#include <stddef.h>

struct component;
struct jid;
struct prefs;
struct router;
struct stanza;

enum { PREFS_ADDRESSES = 500 }; /* in both lists together */

int prefs_open(struct prefs **out, struct router *r);
void prefs_close(struct prefs *p);

/* Does the account (its bare part counts) keep what it says to `other`, and is told by it? */
bool prefs_keeps(struct router *r, const struct jid *account, const struct jid *other);
/* An iq with <prefs/> to the bare JID of an account, from a component.  Always answers. */
void prefs_iq(struct router *r, struct component *c, struct stanza *st);
/* Whatever is remembered of a deleted account is forgotten; its row goes with it. */
void prefs_forget(struct prefs *p, const struct jid *account);

#endif
