/* SPDX-License-Identifier: MIT */
/* A stanza on its way through the router, and its completion.
 *
 * Whoever has to keep a stanza for a while (a delegated answer, an archive's acknowledgement, a
 * link's queue) holds it; when the last hold is let go, it counts as handled: the sender's session
 * is told once, and the tree is freed. The struct lives in the tree's arena, so holding costs no
 * allocation. */
#ifndef ROUTER_STANZA_H
#define ROUTER_STANZA_H

#include <stdbool.h>
#include <stdint.h>

#include <base/list.h>
#include <xmpp/el.h>
#include <xmpp/jid.h>

struct component;
struct member;
struct session;
struct tapped;

enum stanza_type {
	ST_IQ_GET,
	ST_IQ_SET,
	ST_IQ_RESULT,
	ST_IQ_ERROR,
	ST_MSG_NORMAL,
	ST_MSG_CHAT,
	ST_MSG_GROUPCHAT,
	ST_MSG_HEADLINE,
	ST_MSG_ERROR,
	ST_PRES_AVAILABLE,
	ST_PRES_UNAVAILABLE,
	ST_PRES_SUBSCRIBE,
	ST_PRES_SUBSCRIBED,
	ST_PRES_UNSUBSCRIBE,
	ST_PRES_UNSUBSCRIBED,
	ST_PRES_PROBE,
	ST_PRES_ERROR,
};

struct stanza;
struct router;

/* Of a stanza that a component says in an account's name (XEP-0356): it has neither session nor
 * component, and what would be answered to its sender is given to `answer`.  Lives in its arena. */
struct stanza_proxy {
	const char *domain;     /* the component's */
	const struct el *outer; /* start tag of the stanza that it came in: whom to answer */
	void (*answer)(struct router *r, struct stanza *st, const struct el *reply);
};

struct stanza {
	struct el *el; /* owned: freed with the last hold */
	enum el_kind kind;
	enum stanza_type type;
	struct jid from, to;         /* prepared; to.s NULL: none was given */
	struct session *session;     /* the local session that sent it; NULL: none, or it ended */
	struct component *component; /* the component that sent it; NULL: none */
	struct member *member; /* and which of its links; NULL: none, or it has no part in this */
	struct jid payer;      /* whose share of a queue it takes; payer.s NULL: that of `from` */
	const struct stanza_proxy *proxy; /* said in the name of `from`; NULL: not */
	struct list link;                 /* of the sender: what it has in flight */
	struct stanza *whole; /* of a copy (stanza_copy()): held until it is let go; NULL: none */
	struct list copies;   /* of struct stanza.link: those that somebody holds */
	uint32_t number;      /* of those that came from its sender, for XEP-0198 */
	uint32_t bytes;       /* as it came: what the sender's share is counted in; 0: made here */
	unsigned holds;
	bool for_one : 1; /* said to one member of a shared domain: nobody else gets it */
	bool for_all : 1; /* what every member is told */
	bool bounced : 1; /* its sender was told that it has not arrived */
	bool dropped : 1; /* who held it last gave up: set before that hold is let go */
	bool payer_is_component : 1;
	bool acked_only : 1; /* a link without acknowledgements does not get it: it is dropped */
	void (*done)(struct stanza *st); /* the sender's: counts it as handled */
	/* A component's grace is over; true: it waits on in the queue.  NULL: it does not. */
	bool (*stays)(struct stanza *st);
	void *arg;           /* the sender's own, for done and stays */
	const char *sent_id; /* what its sender, who keeps it, will find it by; NULL: he does not */
	struct tapped *tapped; /* of a message that others hear of: im/tapped.h */
};

/* Takes el.  Checks shape: a known kind and type, `to` and `from` valid addresses if present, an iq
 * with an id and, for get and set, exactly one child.  0 and one hold in *out; or -enum el_cond
 * with *out set as far as an error answer needs it (released by the caller too); -EBADMSG for what
 * is no stanza at all (el is freed, *out untouched). */
int stanza_new(struct stanza **out, struct el *el) __attribute__((warn_unused_result));
void stanza_set_from(struct stanza *st, const struct jid *from); /* stamps attribute and field */
void stanza_set_to(struct stanza *st, const struct jid *to);

/* One of many: el, which is taken, has come in `whole`, whose handling ends with that of the last
 * copy; what is said about a copy is said to the sender of the whole.  As stanza_new(). */
int stanza_copy(struct stanza **out, struct stanza *whole, struct el *el)
    __attribute__((warn_unused_result));
/* Takes it out of its sender's list; the whole, if it is a copy, does not wait for it any more. */
void stanza_detach(struct stanza *st);
/* Of it and its copies. */
void stanza_set_member(struct stanza *st, struct member *m);
/* The component that sent it, and its copies, is gone: nobody is left to be told. */
void stanza_orphan(struct stanza *st);

struct stanza *stanza_hold(struct stanza *st);
void stanza_release(struct stanza *st); /* NULL is fine */

static inline bool stanza_is_error(const struct stanza *st)
{
	return st->type == ST_IQ_ERROR || st->type == ST_MSG_ERROR || st->type == ST_PRES_ERROR;
}
static inline const struct el *stanza_payload(const struct stanza *st)
{
	return el_child(st->el, NULL, NULL);
}

#endif
