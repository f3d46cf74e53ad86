/* SPDX-License-Identifier: MIT */
/* What was said last in a room, for those who enter (XEP-0045 7.2.13, 7.2.14): at most as many
 * messages as the room's configuration says, kept as the bytes that are sent again. */
#ifndef MUC_HISTORY_H
#define MUC_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>

struct el;
struct room;
struct session;

struct said {
	struct list link;
	int64_t seq; /* in its room, growing */
	int64_t at;  /* Unix milliseconds */
	char *nick;
	char *id, *lang; /* NULL: none */
	char *inner;     /* what is between the message's tags */
	size_t len;
};
struct history {
	struct list said; /* oldest first */
	size_t n, bytes;  /* bytes: of all inner, below MUC_HISTORY_BYTES */
	int64_t seq;      /* of the newest there ever was */
};

void history_init(struct history *h);
void history_done(struct history *h);

/* Is it more than a sign (of typing, reading, ...)?  Encrypted or not. */
bool history_has_content(const struct el *msg);
/* Is a message one that who enters later should see? */
bool history_wants(const struct room *r, const struct el *msg);
/* msg is frozen (el_freeze); its seq is the room's next. */
struct said *said_new(struct room *r, const struct el *msg, const char *nick, int64_t at);
void said_free(struct said *s);
/* Takes s; what is too much for the room goes. */
void history_add(struct room *r, struct said *s);
void history_trim(struct room *r);
int64_t history_before(const struct history *h); /* seq up to which none is left */

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
