/* SPDX-License-Identifier: MIT */
/* The tables of persistent rooms; SQL stands here and nowhere else.  What is to be written is given
 * as values, because memory changes only when it has been (turn.h). */
#ifndef MUC_STORE_H
#define MUC_STORE_H

#include <base/db.h>

#include "room.h"

extern const struct db_step store_schema[];
extern const size_t store_schema_n;

/* All rooms, without lists and history.  0 or -Exxx. */
int store_load_rooms(struct muc *m);
int store_load_room(struct room *r);

void store_put_conf(struct db_batch *b, const char *room, const struct room_conf *c);
void store_put_subject(
    struct db_batch *b, const char *room, const char *subject, const char *nick, int64_t at);
void store_put_aff(struct db_batch *b, const char *room, const char *jid, enum aff aff,
    const char *nick, const char *reason);
void store_put_said(struct db_batch *b, const char *room, const struct said *s);
void store_trim_said(struct db_batch *b, const char *room, int64_t seq); /* up to and with seq */
/* All that memory has of a room that becomes persistent with configuration c. */
void store_put_room(struct db_batch *b, const struct room *r, const struct room_conf *c);
void store_del_room(struct db_batch *b, const char *room);

#endif
