/* SPDX-License-Identifier: MIT */
/* Occupants: a nickname each, with the sessions (full JIDs) that one user has under it.  Several
 * sessions of one bare JID may share a nickname (XEP-0045 7.2.8); to the others they are one
 * occupant, and what it shows is the presence of the session that spoke last. */
#ifndef MUC_OCCUPANT_H
#define MUC_OCCUPANT_H

#include "room.h"

enum { SESSION_WHISPERS = 8 };

struct session {
	struct occupant *occ;
	struct map_node node; /* in room->by_jid */
	struct list link;     /* in occ->sessions: the one that spoke last comes first */
	struct jid jid;
	char *pres; /* what is between the tags of its last presence, without muc's own */
	size_t pres_len;
	int64_t came, spoke; /* muc->seq: order in the room, and among the sessions of a nick */
	struct rate rate;
	/* relay.c: hashes of the private messages that it was sent last; 0: none */
	uint64_t whispers[SESSION_WHISPERS];
	unsigned n_whispers;
	/* ghost.c: it may be gone */
	struct list suspect;  /* in muc->suspects: not asked yet */
	struct comp_iq *ping; /* NULL: none on its way */
	uint64_t pinged_at;
};
struct occupant {
	struct room *room;
	struct map_node node; /* in room->by_nick */
	struct list link;     /* in room->occupants */
	struct list sessions;
	char *nick, *jid; /* jid: the room's with the nick */
	char id[OCCUPANT_ID_LEN + 1];
	enum aff aff; /* as the room has it now */
	enum role role;
	bool visible;   /* the others have been shown it */
	bool going;     /* in the change that is being made: it is not told of others */
	unsigned shows; /* likewise: how often the others will be told what it is */
	char *hats;     /* as XML; NULL: it wears none */
	size_t hats_len;
	struct el *shown[2]; /* presence.c's: as sent to who may not, and may, see the real JID */
};

struct session *room_session(const struct room *r, const struct jid *full); /* NULL: none */
struct occupant *room_occupant(const struct room *r, const char *nick);
/* The first session of a bare JID, in whatever nick; NULL: not in the room. */
struct session *room_session_of(const struct room *r, const struct jid *bare);
struct session *occupant_main(const struct occupant *o);
bool occupant_is(const struct occupant *o, const struct jid *bare);
/* 7.2.8: in use by somebody else, or reserved for somebody else. */
bool room_nick_taken(const struct room *r, const char *nick, const struct jid *who);
/* 7.2.9, for who has this affiliation: no more sessions, as the service has it; no more occupants,
 * as the owner has it, should this nick make one. */
bool room_full(const struct room *r, enum aff aff);
bool room_crowded(const struct room *r, enum aff aff, const char *nick);

/* A session enters under a nick that is free or the same user's.  Affiliation and role of a new
 * occupant follow from the room. */
struct session *session_new(struct room *r, const char *nick, const struct jid *full);
void session_speaks(struct session *s); /* it is the main one now */
/* From the database, too.  Its occupant goes with the last one: true. */
bool session_free(struct session *s);
/* It takes another nick, alone: one that is free, with the role it has, or one that another session
 * of the same user has.  Its occupant goes with the last one. */
void session_move(struct session *s, const char *nick);
void occupant_rename(struct occupant *o, const char *nick);
void occupant_set_role(struct occupant *o, enum role role);
void occupant_dress(struct occupant *o); /* its hats are others */
void occupants_free(struct room *r);     /* from memory alone */

/* Writes a session as it is now.  Who changes a session or its occupant calls it last. */
void session_keep(const struct session *s);
void occupant_keep(const struct occupant *o); /* all of its sessions */
/* As the database has it, at the start: pres is what session_read_presence() had made. */
void session_restore(struct room *r, const char *nick, const struct jid *full, enum role role,
    int64_t came, int64_t spoke, const char *pres);

/* What a session wants to show (7.7, 17.3): the children of its presence but for what is
 * muc's own to say.  -COND_NOT_ACCEPTABLE if it is more than MUC_PRESENCE_MAX. */
int session_read_presence(const struct el *presence, struct sbuf *out)
    __attribute__((warn_unused_result));
void session_set_presence(struct session *s, struct sbuf *shown); /* takes what is in it */

#endif
