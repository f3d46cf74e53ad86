/* SPDX-License-Identifier: MIT */
/* What the comp_*.c files share and nobody else includes.
 *
 *   comp_main.c   the program and the component's life
 *   comp_link.c   the connection: handshake, back-off, pings, queue
 *   comp_route.c  an inbound stanza: checks, table, fallback answers
 *   comp_req.c    the duty to answer one
 *   comp_ask.c    questions of our own
 *   comp_privilege.c  what is done in an account's name
 *   comp_disco.c  what is answered without the component's doing */
#ifndef COMP_INTERNAL_H
#define COMP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/list.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/map.h>
#include <xmpp/stream.h>

#include <comp/comp.h>

enum {
	COMP_QUEUE_HIGH = 1 << 20,     /* bytes queued above which nothing more is read */
	COMP_QUEUE_MAX = 32 << 20,     /* above which comp_send() refuses: one stanza to a room */
	COMP_QUEUE_HARD = 64 << 20,    /* answers may still queue; above this the link is dropped */
	COMP_ASKS_MAX = 1024,          /* open questions */
	COMP_TABLES_MAX = 16,          /* comp_routes() calls */
	COMP_CONNECT_MS = 10 * 1000,   /* name, TCP */
	COMP_HANDSHAKE_MS = 20 * 1000, /* header and handshake */
	COMP_RETRY_MS = 1000,          /* first back-off, doubled up to: */
	COMP_RETRY_MAX_MS = 30 * 1000,
	COMP_CONFLICT_MS = 30 * 1000, /* at least, after <conflict/> */
	COMP_STABLE_MS = 30 * 1000,   /* a link that lived so long starts the back-off anew */
	COMP_PING_MS = 60 * 1000,     /* without input: ping */
	COMP_PONG_MS = 30 * 1000,     /* and without input still: the link is dead */
};

/* --- the link --------------------------------------------------------------------------------- */

enum link_state {
	LINK_DOWN,       /* no stream; the timer starts the next try */
	LINK_CONNECTING, /* TCP */
	LINK_OPENING,    /* header sent, the server's and its <handshake/> awaited */
	LINK_ONLINE,
	LINK_STOPPING, /* our end tag is out */
	LINK_STOPPED,
};

struct link {
	struct comp *c;
	struct stream *s; /* NULL: LINK_DOWN, LINK_STOPPED */
	enum link_state state;
	struct timer timer; /* the next thing that this state waits for */
	struct log_tag tag;
	uint64_t online_at;
	unsigned tries;  /* failed ones in a row */
	bool was_online; /* ever */
	bool pinged;     /* since the last input */
	bool paused;     /* too much output is queued to read on */
};

void link_init(struct link *k, struct comp *c);
void link_done(struct link *k);
void link_start(struct link *k); /* connects in the next turn */
void link_stop(struct link *k);  /* comp_link_stopped() follows, never from within */
/* Serialises el, which stays the caller's.  must: an answer, which only the hard bound stops. */
int link_send(struct link *k, const struct el *el, bool must);
int link_send_copy(struct link *k, const struct el *el, const char *from, const char *to);
size_t link_space(const struct link *k); /* 0: no link */
bool link_online(const struct link *k);

/* --- the component ---------------------------------------------------------------------------- */

struct comp_table {
	const struct comp_route *rows;
	size_t n;
	void *arg;
};

struct comp_disco_state {
	struct el *info; /* a <query/> of disco#info with our identities and features */
	bool has_identity;
	comp_disco_fn *info_fn, *items_fn;
	void *arg;
};

struct comp {
	const struct comp_ops *ops;
	void *arg;
	struct daemon *daemon; /* NULL in tests */
	struct loop *loop;
	struct comp_conf *conf;
	char *domain; /* prepared */
	struct link link;
	struct comp_table tables[COMP_TABLES_MAX];
	size_t n_tables;
	struct map asks;      /* struct comp_iq by id */
	struct list failed;   /* those whose callback is due */
	struct list deferred; /* struct comp_req */
	struct comp_disco_state disco;
	struct list grants; /* comp_privilege.c: of each host that has granted something */
	size_t n_grants;
	void (*stopped)(struct comp *c);
	bool stopping;
};

/* conf is borrowed and the component's whole settings.  err: one line. */
int comp_new(struct comp **out, const struct comp_ops *ops, void *arg, struct loop *l,
    struct daemon *d, void *conf, char *err, size_t err_len) __attribute__((warn_unused_result));
int comp_start(struct comp *c) __attribute__((warn_unused_result));
void comp_stop(struct comp *c, void (*stopped)(struct comp *c));
void comp_free(struct comp *c); /* NULL is fine */

/* The link's news. */
void comp_link_online(struct comp *c);
void comp_link_offline(struct comp *c);
void comp_link_stopped(struct comp *c);

/* comp_route.c: takes el. */
void comp_inbound(struct comp *c, struct el *el);

/* comp_ask.c */
void comp_answer(struct comp *c, const struct el *iq, const struct jid *from);
void comp_asks_fail(struct comp *c, int err); /* all: their callbacks run now */
void comp_asks_free(struct comp *c);          /* no callback runs */

/* A question that fails with err, as if it had been asked. */
struct comp_iq *comp_ask_failed(struct comp *c, int err, comp_iq_cb *cb, void *arg);
/* The answer is handed on as what is wrapped in it (comp_unwrap). */
void comp_ask_wrapped(struct comp_iq *q);

/* comp_privilege.c */
void comp_privilege_init(struct comp *c);
void comp_privilege_forget(struct comp *c); /* a new session begins, or the end has come */
/* A message that tells what is granted: true, and it has been dealt with. */
bool comp_privilege_told(struct comp *c, const struct el *el, const struct jid *from);
/* The inner answer of one to a privileged iq; NULL: there is none. */
const struct el *comp_unwrap(const struct el *answer);

/* comp_disco.c: the library's own rows. */
void comp_disco_init(struct comp *c);
void comp_disco_done(struct comp *c);
extern const struct comp_route comp_disco_rows[];
extern const size_t comp_disco_n_rows;

/* --- requests --------------------------------------------------------------------------------- */

/* Lives in the arena of its stanza. */
struct comp_req {
	struct comp *c;
	struct el *el;
	const struct el *payload;
	struct jid from, to;
	struct list link; /* in c->deferred */
	bool must_answer; /* iq get or set */
	bool answered, deferred;
	bool in_handler; /* the router frees it */
	bool abandoned;  /* answered at stop, kept for an owner who may not know */
};

struct comp_req *req_new(
    struct comp *c, struct el *el, const struct jid *from, const struct jid *to); /* takes el */
/* After the handlers; ret is what the last one returned. */
void req_finish(struct comp_req *rq, int ret);
void reqs_abandon(struct comp *c); /* answers what is still open at stop */
void reqs_free(struct comp *c);

#endif
