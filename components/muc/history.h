/* SPDX-License-Identifier: MIT */
/* What was said in a room: each message that is kept has an id (sid.h), and is for those who enter
 * (XEP-0045 7.2.13, 7.2.14), for the room's archive (mam.h), or for both.  All is in the database
 * once; in memory is what is shown to who enters: at most as many messages as the room's
 * configuration says, as the bytes that are sent again. */
#ifndef MUC_HISTORY_H
#define MUC_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>

#include "permission.h"
#include "sid.h"

struct el;
struct room;
struct session;

enum said_flag {
	SAID_SHOWN = 1,  /* to who enters */
	SAID_KEPT = 2,   /* in the archive */
	SAID_GONE = 4,   /* taken back: there is a tombstone in its place */
	SAID_NOTICE = 8, /* a subject or a retraction: it cannot be taken back */
	SAID_AFF_SHIFT = 4,
	SAID_ROLE_SHIFT = 8,
};
struct said {
	struct list link;
	struct sid sid;
	unsigned flags;  /* enum said_flag, and what its author was */
	char *nick;      /* NULL: the room itself */
	char *jid;       /* of its author; NULL: nobody knows any more */
	char *id, *lang; /* NULL: none */
	char *inner;     /* what is between the message's tags, without its stanza-id */
	size_t len;
};
struct history {
	struct list said; /* oldest first */
	size_t n, bytes;  /* bytes: of all inner, below MUC_HISTORY_BYTES */
	int64_t seq;      /* of the newest message that was ever kept */
	uint64_t tx;      /* what is kept can be read once this transaction is committed */
};

void history_init(struct history *h);
void history_done(struct history *h);

/* Is it more than a sign (of typing, reading, ...)?  Encrypted or not. */
bool history_has_content(const struct el *msg);
/* What becomes of a message of an occupant's, or (NULL) of the room's own: NULL, it is not kept.
 * msg is frozen (el_freeze). */
struct said *said_new(struct room *r, const struct el *msg, const struct session *by);
void said_free(struct said *s);
bool said_is_by(
    const char *author, const struct jid *who); /* by the bare JID; author may be NULL */
enum aff said_aff(unsigned flags);
enum role said_role(unsigned flags);
/* Gives the frozen message that is reflected the id that it is kept under (XEP-0359). */
void said_stamp(const struct room *r, const struct said *s, struct el *msg);
/* Takes s, which has been reflected: into the transaction, and what is shown. */
void history_keep(struct room *r, struct said *s);
/* From the database, newest first; false: that is enough, and s was not taken. */
bool history_restore(struct room *r, struct said *s);
void history_trim(struct room *r);                /* what is too much goes */
void history_expire(struct room *r, int64_t seq); /* what is older goes, from memory */
struct said *history_find(struct room *r, const struct sid *id);
void history_blank(struct room *r, struct said *s, const char *tombstone); /* in memory */

/* What one who enters has asked for; XEP-0045 table 5. */
struct history_limits {
	int64_t max_chars, max_stanzas; /* -1: no limit */
	int64_t since;                  /* Unix milliseconds; INT64_MIN: all */
};
/* x: <x xmlns='http://jabber.org/protocol/muc'/>.  What makes no sense limits nothing. */
void history_limits(struct history_limits *l, const struct el *x, int64_t now);
/* How many of the newest of n messages fit: at[] and chars[] in order, the newest last. */
size_t history_pick(
    const struct history_limits *l, const int64_t *at, const size_t *chars, size_t n);
void history_send(struct room *r, const struct session *to, const struct history_limits *l);

#endif
