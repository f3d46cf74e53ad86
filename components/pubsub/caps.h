/* SPDX-License-Identifier: MIT */
/* What clients want to be told of: the "+notify" features behind an entity capabilities hash
 * (XEP-0115), asked for once, verified, and kept in the database.
 *
 * Whoever says a hash and answers with something else has no capabilities, and harms nobody who can
 * prove it; whoever does not answer has them once another one has proven them. */
#ifndef PUBSUB_CAPS_H
#define PUBSUB_CAPS_H

#include "pubsub.h"

struct session;

struct caps {
	struct pubsub *p;
	struct map_node node; /* by key */
	struct list by_use;   /* while nobody has it */
	struct list users;    /* struct session, by `of_caps`, */
	struct list silent;   /* and those that have been asked in vain */
	unsigned refs;        /* `seen` of sessions included */
	bool known;
	struct comp_iq *asked;
	struct session *asking; /* who is asked; a user */
	char *names;            /* a NUL after each; sorted */
	const char **sorted;
	size_t n;
	char key[]; /* hash, ver, node, with spaces in between */
};

/* The key that a presence names; NULL: none.  It lives as long as the presence. */
const char *caps_key(const struct el *presence);
/* A reference; from memory or the database, else one that is not known yet. */
struct caps *caps_obtain(struct pubsub *p, const char *key);
struct caps *caps_ref(struct caps *c); /* NULL is fine */
void caps_unref(struct caps *c);       /* NULL is fine */
/* The session has these capabilities, or its own ones no more. */
void caps_enter(struct caps *c, struct session *s);
void caps_leave(struct session *s);
/* Asks one of its users what it stands for; session.c and last.c are told of the end. */
void caps_ask(struct caps *c);
bool caps_wants(const struct caps *c, const char *node); /* NULL wants nothing */
void caps_free(struct pubsub *p);                        /* once there are no sessions */

#endif
