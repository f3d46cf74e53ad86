/* SPDX-License-Identifier: MIT */
/* What a component has put into an account's presence (urn:switchyard:presence-extra:1,
 * docs/component-protocol.md): one element for each namespace, kept in the database until it is
 * removed or the account goes.  The router does not know what it means. */
#ifndef ROUTER_EXTRA_H
#define ROUTER_EXTRA_H

struct el;
struct jid;
struct router;
struct stanza;

enum { EXTRA_MAX = 256 }; /* bytes of the element */

/* Adds what there is to an available presence of the account, in place of what is there in the same
 * namespaces.  account: bare. */
void extra_apply(struct router *r, const struct jid *account, struct el *presence);
/* An iq with <extra/> to the bare JID of an account, from a component that is granted this
 * namespace.  Always answers; what it sets is seen by others from then on. */
void extra_iq(struct router *r, struct stanza *st, const char *ns);

#endif
