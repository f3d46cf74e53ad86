/* SPDX-License-Identifier: MIT */
/* What a client may send a second time (XEP-0198 5), and how it is known again.
 *
 * A stanza is remembered from when it comes until it counts: `came`, in order of number.  When the
 * session is resumed the client is told what counts, and repeats all above that, in order: what
 * came is `expected` from then on.  A repeat takes the place of the first, which may be in flight
 * still, and is not routed; what matches nothing is new.
 *
 * - A stanza is the same if kind, type, `to`, id and content are.  Left out is a delay (XEP-0203),
 *   which clients add to what they repeat.
 * - One with an id may follow after others were left out (a client need not repeat presence).  One
 *   without is known by its place alone: it is the first of its kind, and nothing new came before.
 * - Where the client has gone on to new things, what it has not repeated is forgotten.
 *
 * A client that cannot resume sends its messages again in another session.  For that the last
 * messages with an id that count stay in the `tail`, for as long as the client may not have been
 * told that they do; untold.h has them after the session's end.  It is known to have been told by
 * what it acknowledges: who has a stanza that was written behind an <a/> has that <a/>.
 *
 * Numbers are those of XEP-0198, which go on at 0 after 2^32 - 1. */
#ifndef ROUTER_REPEATS_H
#define ROUTER_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <xmpp/el.h>

struct stanza;

enum {
	REPEATS_MAX = 16384, /* stanzas of one session that came and are not counted or repeated */
	REPEATS_TAIL = 256,  /* messages of one session that count and may be sent again */
	REPEATS_STRANGERS = 64 /* new ones after which no repeat is expected any more */
};

struct repeat {
	struct list link;  /* of came or of expected */
	struct stanza *st; /* in flight, its arg is this; NULL: it has settled */
	uint64_t hash;
	uint32_t number;
	enum el_kind kind;
	bool with_id, hashed;
	bool failed; /* settled by an error: it is new when it comes again in another session */
};

struct repeat_told { /* an <a/> that the client may have */
	uint32_t h, sent;
	bool open;
};

struct repeats {
	struct list came, expected; /* struct repeat */
	size_t n;                   /* in both */
	unsigned strangers;
	bool off; /* there were too many: nothing is remembered any more */
	struct repeat_tail {
		uint64_t hash;
		uint32_t number;
	} * tail; /* a ring */
	size_t tail_first, tail_n, tail_cap;
	struct repeat_told told, told_later;
};

/* A message that its client may send again in another session, once this one has ended. */
static inline bool repeat_stays(const struct repeat *rep)
{
	return rep->kind == EL_MESSAGE && rep->with_id && !rep->failed;
}

void repeats_init(struct repeats *rp);
void repeats_done(struct repeats *rp);
size_t repeats_bytes(const struct repeats *rp); /* that they keep */

/* As nobody else can make it: the key is this process's own.  Never 0. */
uint64_t repeats_hash(const struct stanza *st);

/* It has come and is on its way, under this number; hash 0: repeats_routed() finds out whether one
 * is needed.  false: that are too many, and no repeat can be told from a new one from now on. */
bool repeats_add(struct repeats *rp, struct stanza *st, uint64_t hash, uint32_t number);
/* It has been routed and is still there. */
void repeats_routed(struct repeats *rp, const struct stanza *st);
/* It has settled; not for one of which nothing is remembered (its arg is NULL). */
void repeats_settled(struct repeats *rp, const struct stanza *st);

/* The session is resumed: what came is expected again. */
void repeats_expect(struct repeats *rp);
/* What this one repeats; NULL: nothing, it is new. */
struct repeat *repeats_match(struct repeats *rp, const struct stanza *st, uint64_t hash);
/* That has come again, under this number. */
void repeats_again(struct repeats *rp, struct repeat *rep, uint32_t number);
/* The same for one of another session, which has settled. */
bool repeats_add_settled(
    struct repeats *rp, const struct stanza *st, uint64_t hash, uint32_t number);

/* The client has been told h, behind so many stanzas; and it has got so many. */
void repeats_told(struct repeats *rp, uint32_t h, uint32_t sent);
void repeats_heard(struct repeats *rp, uint32_t acked);
/* It is known to have been told h. */
void repeats_sure(struct repeats *rp, uint32_t h);

#endif
