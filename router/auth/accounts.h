/* SPDX-License-Identifier: MIT */
/* Accounts: SCRAM keys in the database, never passwords.  Reads are single indexed rows on the
 * loop; writes are batches with a completion. */
#ifndef ROUTER_ACCOUNTS_H
#define ROUTER_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include <xmpp/jid.h>
#include <xmpp/scram.h>

struct accounts;
struct db_batch;
struct router;

struct account {
	bool disabled;
	struct scram_keys sha256, sha1;
};

int accounts_open(struct accounts **out, struct router *r);
void accounts_close(struct accounts *a);

/* By bare JID (any form is given, the bare part counts).  0, -ENOENT, -EBUSY (try again), -EIO. */
int accounts_get(struct accounts *a, const struct jid *jid, struct account *out);
bool accounts_exist(struct accounts *a, const struct jid *jid); /* cached; true when unsure */

/* done: 0; -EEXIST; -EINPROGRESS: there was one of this name, and not every component has
 * acknowledged that it is gone (links/events.h); -ENOENT; or the database's error.  Returns at once
 * with -EINVAL (not a bare JID of a served domain, or no valid password), else 0 and done runs
 * later. */
typedef void accounts_done(int err, void *arg);
int accounts_add(struct accounts *a, const struct jid *bare, const char *password,
    accounts_done *done, void *arg);
/* The same with what else must happen or fail with it: b is taken, also on failure.  done: what the
 * batch says, -ENOENT too. */
int accounts_add_in(struct accounts *a, struct db_batch *b, const struct jid *bare,
    const char *password, accounts_done *done, void *arg);
int accounts_passwd(struct accounts *a, const struct jid *bare, const char *password,
    accounts_done *done, void *arg);
/* Removes the account, its roster and its place in others' rosters' presence, and ends its
 * sessions (not-authorized) once that is committed. */
int accounts_delete(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg);

/* A disabled account keeps all that it has, and nobody can log in to it (account-disabled); its
 * sessions end (not-authorized) once that is committed. */
int accounts_disable(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg);
int accounts_enable(struct accounts *a, const struct jid *bare, accounts_done *done, void *arg);

/* A page of bare JIDs in order, behind `after` (NULL: from the first): fn is called for each, at
 * most n.  0 or -Exxx. */
int accounts_list(struct accounts *a, const char *after, unsigned n,
    void (*fn)(const char *bare, bool disabled, void *arg), void *arg);

#endif
