/* SPDX-License-Identifier: MIT */
/* A node: its configuration, who is affiliated with it and subscribed to it. */
#ifndef PUBSUB_NODE_H
#define PUBSUB_NODE_H

#include "access.h"
#include "config.h"
#include "service.h"

enum sub_state { SUB_PENDING = 1, SUB_SUBSCRIBED = 2 };

struct sub { /* one of a follower's */
	struct list link;
	enum sub_state state;
	char jid[]; /* as subscribed: bare, or with a resource */
};
struct follower { /* who has an affiliation, or subscriptions */
	struct map_node node;
	struct list link; /* in the order in which they came */
	enum affiliation affiliation;
	struct list subs;
	char bare[];
};

struct node {
	struct service *service;
	struct map_node by_name;
	struct list link; /* of its service, by age */
	int64_t id;       /* in the database */
	int64_t created;  /* Unix milliseconds */
	struct node_conf conf;
	struct map followers;
	struct list followers_in_order;
	size_t n_affiliations, n_subs;
	/* item.c */
	bool items_known; /* all are in memory; else only the last may be */
	struct map items; /* struct item by id */
	struct list items_in_order;
	size_t n_items;
	struct item *last; /* only while !items_known: the newest one; NULL: not read */
	bool last_known;
	char name[];
};

struct node *node_find(const struct service *s, const char *name);
/* What an account has beside its nodes (vCard, private XML) is kept in nodes whose names nobody can
 * say: they begin with NODE_HIDDEN, which XML cannot carry. */
#define NODE_HIDDEN "\x01"
static inline bool node_is_hidden(const struct node *n)
{
	return n->name[0] == NODE_HIDDEN[0];
}
/* A node of these settings (taken), in memory alone. */
struct node *node_new(
    struct service *s, int64_t id, const char *name, struct node_conf *conf, int64_t created);
/* The same for good: stored in the transaction under way, owned by `creator`. */
struct node *node_create(
    struct service *s, const char *name, struct node_conf *conf, const char *creator);
void node_set_conf(struct node *n, struct node_conf *conf); /* takes conf; stored */
void node_delete(struct node *n); /* and from the database; items_load() first */
void node_free(struct node *n);   /* in memory alone */

/* --- who has to do with it ---------------------------------------------------------------------
 */
struct follower *node_follower(const struct node *n, const char *bare); /* NULL: none */
enum affiliation node_affiliation(const struct node *n, const char *bare);
bool node_is_owner(const struct node *n, const char *bare);
/* -ENOSPC: the list is full. */
int node_set_affiliation(struct node *n, const char *bare, enum affiliation a);
struct sub *node_sub(const struct node *n, const char *jid, const char *bare); /* NULL: none */
bool node_subscribed(const struct node *n, const char *bare); /* by any of its JIDs */
bool follower_subscribed(const struct follower *f);
int node_set_sub(struct node *n, const char *jid, const char *bare, enum sub_state state);
void node_del_sub(struct node *n, const char *jid, const char *bare);
/* As read from the database: nothing is written. */
void node_restore_affiliation(struct node *n, const char *bare, enum affiliation a);
void node_restore_sub(struct node *n, const char *jid, const char *bare, enum sub_state state);
/* An account is gone: nothing is written. */
void node_forget_follower(struct node *n, const char *bare);
/* How many owners there are. */
size_t node_owners(const struct node *n);

#endif
