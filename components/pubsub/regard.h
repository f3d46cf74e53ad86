/* SPDX-License-Identifier: MIT */
/* What a changed roster gives and takes (XEP-0163 7): last items to who may see a node from now on,
 * the end of a subscription of who may not any more. */
#ifndef PUBSUB_REGARD_H
#define PUBSUB_REGARD_H

#include "roster.h"

/* The account of this roster sees the contact from now on. */
void regard_seen(const struct roster *ro, const struct contact *c);
/* A contact stands as it does since now; before it saw the account's presence or not, and was in
 * these groups (as in struct contact). */
void regard_changed(const struct roster *ro, const struct contact *c, bool saw, const char *groups);
/* The entry of `bare` is another one, or gone; the roster need not be in memory. */
void regard_entry(struct pubsub *p, const char *account, const char *bare);
/* The roster has been read: something may have changed meanwhile. */
void regard_all(const struct roster *ro);

#endif
