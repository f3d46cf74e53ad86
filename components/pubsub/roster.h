/* SPDX-License-Identifier: MIT */
/* The rosters of accounts, as far as somebody needs them: read when they are (XEP-0356), kept
 * current by pushes or, where the server sends none, read again and again, dropped when a link
 * begins anew.  Where the server does not show them they are empty. */
#ifndef PUBSUB_ROSTER_H
#define PUBSUB_ROSTER_H

#include "config.h"
#include "pubsub.h"

struct contact {
	struct map_node node;
	struct list watch; /* of a contact at another server: who has it in his roster */
	struct roster *roster;
	bool from, to; /* sees the account; is seen by it */
	char *groups;  /* NUL after each, and at the end; NULL: none */
	size_t groups_len;
	char bare[];
};
struct roster {
	struct pubsub *p;
	struct map_node node;
	struct list by_use;
	struct list waiting;
	struct comp_iq *asked; /* while it is being read */
	bool ready;
	uint64_t read_at;
	bool again;          /* what is being read may be out of date */
	uint64_t failed;     /* when it could not be read; 0: it could, or nobody has tried */
	struct map contacts; /* struct contact by bare JID */
	size_t bytes;
	char account[];
};

/* err: 0; -EAGAIN and others: it cannot be read now; -ECANCELED: forget about it, at the end or
 * before all is read anew. */
typedef void roster_fn(struct pubsub *p, int err, const struct roster *ro, void *arg);

/* NULL: it has to be read first. */
const struct roster *roster_ready(struct pubsub *p, const char *account);
const struct roster *roster_loaded(const struct pubsub *p, const char *account); /* or NULL */
/* It could not be read just now: nobody should wait for it who can do without. */
bool roster_has_failed(const struct pubsub *p, const char *account);
/* fn runs once, never inside this call, in the order of the calls. */
void roster_want(struct pubsub *p, const char *account, roster_fn *fn, void *arg);
const struct contact *roster_contact(const struct roster *ro, const char *bare); /* NULL: none */
/* Fills in contact and in_group. */
void roster_standing(
    const struct roster *ro, const char *bare, const struct node_conf *conf, struct standing *out);
/* The contacts (struct contact, by `watch`) of all rosters in memory that are this one at another
 * server; NULL: none. */
struct list *roster_watchers(const struct pubsub *p, const char *bare);

/* A push from an account (an iq set to the domain). */
int roster_push(struct comp_req *rq, void *arg);
void roster_forget(struct pubsub *p, const char *account); /* an account is gone */
void rosters_trim(struct pubsub *p);
void rosters_drop(struct pubsub *p); /* all are to be read again; who waits is served by that */
void rosters_free(struct pubsub *p); /* and nobody waits any more */

#endif
