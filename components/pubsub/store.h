/* SPDX-License-Identifier: MIT */
/* The tables of nodes, items and what is known of users; SQL stands here and nowhere else.  What is
 * put goes into the transaction of the stanza that is being handled (comp_tx). */
#ifndef PUBSUB_STORE_H
#define PUBSUB_STORE_H

#include <base/db.h>

#include "node.h"

struct item;
struct sbuf;

enum { STORE_SCHEMA_N = 1 };
extern const struct db_step store_schema[STORE_SCHEMA_N];

/* --- reading: 0 or -Exxx -----------------------------------------------------------------------
 */
int store_read_numbers(struct pubsub *p); /* last_node, last_seq */
int store_read_service(struct service *s);
int store_read_items(struct node *n);                   /* all, without payloads */
int store_read_last(struct node *n, struct item **out); /* the newest, with its payload */
int store_read_payload(const struct item *it, struct sbuf *out);

/* --- writing -----------------------------------------------------------------------------------
 */
void store_put_node(struct db_batch *b, const struct node *n); /* a new one */
void store_put_conf(struct db_batch *b, const struct node *n);
void store_del_node(struct db_batch *b, int64_t node); /* and all that belongs to it */
void store_put_affiliation(struct db_batch *b, int64_t node, const char *bare, enum affiliation a);
void store_put_sub(
    struct db_batch *b, int64_t node, const char *jid, const char *bare, enum sub_state state);
void store_del_sub(struct db_batch *b, int64_t node, const char *jid);
void store_put_item(struct db_batch *b, const struct item *it, const char *payload);
void store_del_item(struct db_batch *b, const struct item *it);
void store_purge(struct db_batch *b, int64_t node);
/* All that an account has, and what it is to others. */
void store_del_account(struct db_batch *b, const char *bare);

/* --- who is here -------------------------------------------------------------------------------
 */
/* seen: the capabilities that its last items were chosen by; NULL: none yet. */
typedef void store_session_fn(
    struct pubsub *p, const char *jid, const char *caps, const char *seen, void *arg);
int store_read_sessions(struct pubsub *p, store_session_fn *fn, void *arg);
void store_put_session(struct db_batch *b, const char *jid, const char *caps, const char *seen);
void store_del_session(struct db_batch *b, const char *jid);
void store_del_sessions(struct db_batch *b);
/* What a verified hash stands for: names, a NUL after each. 1, 0 none, or -Exxx. */
int store_read_caps(struct pubsub *p, const char *key, struct sbuf *out);
void store_put_caps(struct db_batch *b, const char *key, const char *names, size_t len, int64_t at);
void store_cut_caps(struct db_batch *b, int64_t keep); /* the newest stay */

/* Accounts with nodes that this bare JID is subscribed to, as far as it is committed. */
typedef void store_account_fn(const char *account, void *arg);
int store_read_subscribed(
    struct pubsub *p, const char *bare, int64_t most, store_account_fn *fn, void *arg);

/* The last account event of a domain that was handled. */
int store_read_told(struct pubsub *p, const char *host, int64_t *ret_n);
void store_put_told(struct db_batch *b, const char *host, int64_t n);

#endif
