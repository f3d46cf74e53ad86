/* SPDX-License-Identifier: MIT */
/* The tables of rooms; SQL stands here and nowhere else.  What is put goes into the transaction of
 * the stanza that is being handled (comp_tx). */
#ifndef MUC_STORE_H
#define MUC_STORE_H

#include <base/db.h>

#include "room.h"

struct session;

enum { STORE_SCHEMA_N = 10 };
extern const struct db_step store_schema[STORE_SCHEMA_N];

/* All rooms that are this process's and not in memory yet; those with somebody in them whole, the
 * others without lists and history.  0 or -Exxx. */
int store_load_rooms(struct muc *m);
/* The key of occupants' ids, which all processes have in common.  0 or -Exxx. */
int store_load_key(struct muc *m);
struct room *store_loading(const struct muc *m, const char *name); /* of these; NULL: none */
int store_load_room(struct room *r); /* lists, invitations, requests, hats and history */

void store_put_room(struct db_batch *b, const struct room *r); /* a new one, with its lists */
void store_put_conf(struct db_batch *b, const struct room *r);
void store_put_subject(struct db_batch *b, const struct room *r);
void store_put_aff(struct db_batch *b, const char *room, const char *jid, enum aff aff,
    const char *nick, const char *reason);
void store_put_session(struct db_batch *b, const struct session *s);
void store_del_session(struct db_batch *b, const char *room, const char *jid);
void store_put_invited(
    struct db_batch *b, const char *room, const char *who, const char *by, int64_t seq);
void store_del_invited(struct db_batch *b, const char *room, const char *who);
void store_put_waiting(
    struct db_batch *b, const char *room, const char *who, const char *nick, int64_t seq);
void store_del_waiting(struct db_batch *b, const char *room, const char *who);
/* store_vcard.c */
int store_load_vcards(struct muc *m);                           /* all but their texts */
void store_put_vcard(struct db_batch *b, const struct room *r); /* as it is in memory, or none */
/* On the heap; NULL: there is none.  0 or -Exxx. */
int store_read_vcard(const struct room *r, char **ret_text);
/* store_hats.c */
int store_load_hats(struct room *r);
void store_put_hat(struct db_batch *b, const char *room, const struct hat *hat);
void store_del_hat(struct db_batch *b, const char *room, const char *uri); /* from all heads */
void store_put_worn(struct db_batch *b, const char *room, const char *uri, const char *who);
void store_del_worn(struct db_batch *b, const char *room, const char *uri, const char *who);
void store_del_room(struct db_batch *b, const char *room); /* and all that belongs to it */
/* store_listed.c: for listing.h; 0 or -Exxx. */
int store_count_rooms(struct muc *m, size_t *ret_n); /* those of all processes */
int store_count_listed(struct muc *m, size_t *ret_n);
size_t store_find_listed(struct muc *m, const char *name, size_t len, bool *ret_there);
int store_read_listed(struct muc *m, size_t from, size_t n, listed_fn *fn, void *arg);
void store_read_flags(int64_t flags, struct listed *l); /* store.c: what they say of a room */

#endif
