/* SPDX-License-Identifier: MIT */
/* The keys that local accounts authenticate with, in a form that does not tell which exist. */
#ifndef ROUTER_AUTH_LOCAL_H
#define ROUTER_AUTH_LOCAL_H

#include <xmpp/jid.h>
#include <xmpp/scram.h>

struct auth_local;
struct router;

int auth_local_open(struct auth_local **out, struct router *r);
void auth_local_close(struct auth_local *al); /* NULL is fine */

/* The account's keys for this hash; for one that does not exist, keys that no password fits and
 * that are the same each time.  0; -EBUSY, -EIO: the database does not answer. */
int auth_local_keys(
    struct auth_local *al, const struct jid *bare, enum digest_alg alg, struct scram_keys *out);

/* The password was right: may the account log in?  0; -ENOENT: deleted meanwhile; -EACCES:
 * disabled; -EBUSY, -EIO. */
int auth_local_admit(struct auth_local *al, const struct jid *bare);

#endif
