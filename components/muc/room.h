/* SPDX-License-Identifier: MIT */
/* Rooms: one object each, in memory from the start (persistent ones with their configuration and
 * subject; lists and history are read when somebody first needs the room).  All that a room knows
 * is here, so that a room can be given away and taken over as a whole: one room has one home.
 *
 * A room is created locked (XEP-0045 10.1) and temporary, and then ends with its last occupant.
 * Every room is in the database, who is in it included: after the process was killed nobody has to
 * come again. */
#ifndef MUC_ROOM_H
#define MUC_ROOM_H

#include <base/list.h>
#include <base/map.h>
#include <base/rate.h>

#include "affiliation.h"
#include "config.h"
#include "hats.h"
#include "history.h"
#include "muc.h"
#include "slow.h"

struct room {
	struct muc *m;
	struct map_node node; /* in m->rooms */
	char *local, *jid;
	int64_t no; /* what was said is kept under it: no later room of this name has it */
	struct room_conf conf;
	bool locked; /* its owner has not configured it yet */
	bool loaded; /* lists, invitations, requests, hats and history are here */
	bool gone;   /* destroyed: freed at the end of the turn */
	bool listed; /* listing.c's */

	struct affs affs;
	char *subject, *subject_nick; /* NULL: none */
	char *subject_by;             /* occupant id; NULL: none, or not known */
	int64_t subject_at;           /* Unix milliseconds; 0: never set */
	struct history history;
	struct {                  /* avatar.c */
		char *hashes;     /* of the pictures, a space between them; NULL: none */
		bool there;       /* there is a vCard, */
		size_t bytes;     /* of so many */
		char *fresh;      /* which is not committed yet; NULL: the database has it */
		uint64_t number;  /* what commits it: comp_tx_number() */
		struct list link; /* in m->fresh_vcards */
	} avatar;

	struct list occupants; /* struct occupant, in the order in which they came */
	size_t n_occupants;
	struct map by_nick; /* struct occupant */
	struct map by_jid;  /* struct session by full JID */
	struct rate rate;   /* of messages */
	struct slow slow;
	struct hats hats;

	struct list invited; /* struct invited (invite.c), oldest first */
	size_t n_invited;
	struct list waiting; /* struct waiting (register.c), oldest first */
	size_t n_waiting;
};

struct room *rooms_find(const struct muc *m, const char *local, size_t len);
struct room *rooms_find_jid(const struct muc *m, const struct jid *j); /* by its local part */
bool rooms_full(const struct muc *m);

struct room *room_new(struct muc *m, const char *local); /* with the service's configuration */
/* Reads what is not loaded yet.  0, or -Exxx: try again later. */
int room_load(struct room *r);
/* Ends it, in the database too, without a word: presence is the caller's. */
void room_end(struct room *r);
/* Ends it if it is temporary and empty. */
void room_settle(struct room *r);
/* All of them, from memory alone. */
void rooms_free(struct muc *m);

/* The service's admins own every room. */
enum aff room_aff(const struct room *r, const struct jid *j);
/* 7.10, 7.12; NULL: none. */
const char *room_reserved_nick(const struct room *r, const struct jid *who);
void room_set_subject(
    struct room *r, const char *subject, const char *nick, const char *by, int64_t at);

#endif
