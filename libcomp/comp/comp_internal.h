/* SPDX-License-Identifier: MIT */
/* What the comp_*.c files share and nobody else includes.
 *
 *   comp_main.c     the program and its settings
 *   comp_life.c     start, stop, the link's news
 *   comp_link.c     the connection: handshake, back-off, pings
 *   comp_sm.c       acknowledgements on it: XEP-0198
 *   comp_inbox.c    stanzas that came and wait for their turn
 *   comp_route.c    an inbound stanza: checks, table, fallback answers
 *   comp_req.c      the duty to answer one
 *   comp_tx.c       what belongs to one stanza: effects, output, count
 *   comp_out.c      output until the server has acknowledged it
 *   comp_many.c     one stanza to many
 *   comp_ledger.c   libcomp's own tables
 *   comp_slot.c     which row of them is this process's
 *   comp_recover.c  when a commit fails
 *   comp_share.c    a domain that several processes serve: who has what
 *   comp_adopt.c    what a process that has ended left behind
 *   comp_claim.c    requests that it deferred
 *   comp_ask.c      questions of our own
 *   comp_delegate.c requests that the server has delegated
 *   comp_privilege.c  what is done in an account's name
 *   comp_disco.c    what is answered without the component's doing */
#ifndef COMP_INTERNAL_H
#define COMP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/db.h>
#include <base/list.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/sbuf.h>
#include <xmpp/stream.h>

#include <comp/comp.h>

#include "comp_share.h"

enum {
	COMP_QUEUE_HIGH = 1 << 20,     /* bytes queued above which nothing more is read */
	COMP_OUTBOX_HIGH = 4 << 20,    /* not acknowledged, above which no handler runs */
	COMP_QUEUE_MAX = 32 << 20,     /* above which comp_send() refuses: one stanza to a room */
	COMP_QUEUE_HARD = 64 << 20,    /* answers may still queue; nothing above this */
	COMP_INBOX_HARD = 64 << 20,    /* bytes that came and wait; above it the link is dropped */
	COMP_OPEN_MAX = 512,           /* transactions not committed, above which no handler runs */
	COMP_TRIM = 64,                /* acknowledged stanzas that may lie in the database */
	COMP_TRIM_MS = 5 * 1000,       /* and how long, when nothing else is written */
	COMP_COUNT_MS = 20,            /* a count that nothing else carries waits so long */
	COMP_ASKS_MAX = 1024,          /* open questions */
	COMP_TABLES_MAX = 16,          /* comp_routes() calls */
	COMP_CONNECT_MS = 10 * 1000,   /* name, TCP */
	COMP_HANDSHAKE_MS = 20 * 1000, /* header, handshake and what is negotiated then */
	COMP_RETRY_MS = 1000,          /* first back-off, doubled up to: */
	COMP_RETRY_MAX_MS = 30 * 1000,
	COMP_CONFLICT_MS = 30 * 1000, /* at least, after <conflict/> */
	COMP_STABLE_MS = 30 * 1000,   /* a link that lived so long starts the back-off anew */
	COMP_PING_MS = 60 * 1000,     /* without input: ping */
	COMP_PONG_MS = 30 * 1000,     /* and without input still: the link is dead */
};

/* --- the link --------------------------------------------------------------------------------- */

enum link_state {
	LINK_DOWN,        /* no stream; the timer starts the next try */
	LINK_CONNECTING,  /* TCP */
	LINK_OPENING,     /* header sent, the server's and its <handshake/> awaited */
	LINK_NEGOTIATING, /* features, then the answer to <resume/> or <enable/> awaited */
	LINK_ONLINE,
	LINK_STOPPING, /* our end tag is out */
	LINK_STOPPED,
};

/* What LINK_NEGOTIATING waits for. */
enum sm_step { SM_FEATURES, SM_RESUMED, SM_ENABLED };

struct link {
	/* What is trusted; NULL: nothing has been read yet. */
	struct tls_ctx *tls;
	struct comp *c;
	struct stream *s; /* NULL: LINK_DOWN, LINK_STOPPED */
	enum link_state state;
	struct timer timer; /* the next thing that this state waits for */
	struct task turn;   /* output and acknowledgements of this turn */
	struct log_tag tag;
	uint64_t online_at;
	uint64_t progress; /* at that time */
	unsigned tries;    /* failed ones in a row */
	bool was_online;   /* ever */
	bool pinged;       /* since the last input */
	bool paused;       /* too much waits to read on */

	const char *refused; /* why we close it; NULL: we do not */

	/* comp_sm.c, anew with each connection */
	struct el *features; /* <stream:features/>; NULL: none came */
	enum sm_step step;
	bool acked;        /* stanzas are counted and acknowledged */
	bool asked;        /* an <r/> of ours is unanswered */
	uint64_t asked_at; /* the number of the last stanza before it */
	uint64_t came;     /* the number of the last stanza that came */
	uint64_t told;     /* and of the last one that we acknowledged */
};

void link_init(struct link *k, struct comp *c);
void link_done(struct link *k);
void link_start(struct link *k); /* connects in the next turn */
void link_stop(struct link *k);  /* comp_link_stopped() follows, never from within */
void link_halt(struct link *k);  /* cuts it off and stays down until link_start() */
bool link_online(const struct link *k);
size_t link_queued(const struct link *k);                     /* bytes in the stream */
void link_put(struct link *k, const char *bytes, size_t len); /* a stanza, if it is online */
void link_kick(struct link *k); /* there may be something to send, or room again */
/* For comp_sm.c: negotiations are over. */
void link_go_online(struct link *k, bool resumed);
void link_refuse(struct link *k, const char *why); /* closes it; a literal */

/* An element in LINK_NEGOTIATING, after sm_begin(), or one of NS_SM later. */
void sm_begin(struct link *k);
void sm_plain(struct link *k);                    /* the server has made it a plain one */
void sm_negotiate(struct link *k, struct el *el); /* takes el */
void sm_element(struct link *k, const struct el *el);
void sm_turn(struct link *k);                           /* <a/> and <r/>, if they are due */
void sm_probe(struct link *k);                          /* <r/>: a sign of life is wanted */
void sm_tell(struct link *k);                           /* <a/> */
bool comp_offers(const struct comp *c, const char *ns); /* the features of this connection do */

/* --- the transaction, and what becomes of it -------------------------------------------------- */

struct tx {
	struct list link; /* ledger.open, then, if it is kept, ledger.outbox */
	struct comp *c;
	struct db_batch *batch;       /* NULL: nothing to be written yet */
	struct sbuf out;              /* its stanzas, each behind its length (out_pack()) */
	size_t at;                    /* in out: the next one to be sent */
	uint32_t count;               /* stanzas in out */
	uint64_t last;                /* number of the last one, if it is kept */
	uint64_t in;                  /* the inbound count that it commits */
	uint64_t number;              /* comp_tx_number(); 0: the component has not written */
	uint64_t row;                 /* of the deferred request that it is about; 0: none */
	uint64_t adopts;              /* stanzas of others that it makes ours, before its own */
	void (*then)(struct comp *c); /* once it is committed; NULL: nothing */
	struct sbuf refusal;          /* the answer if the database refuses the effects */
	bool session;                 /* a new session of the link */
	bool takes;                   /* it takes rows away from others, who may be faster */
	bool adopted;                 /* it was another process's */
	bool kept;                    /* out is in the database until it has been acknowledged */
	bool ready;                   /* nothing to commit, but others before it */
};

enum ledger_state {
	LEDGER_OK,
	LEDGER_FAILED, /* a commit failed; others are still to come back */
	LEDGER_RETRY,  /* until the timer */
	LEDGER_TRYING, /* a first write is under way */
	LEDGER_LOST,   /* another process has the database, which is not shared */
};

struct ledger {
	struct db *db;
	char *path;
	enum ledger_state state;

	int locks;    /* comp_slot.c; -1: not shared */
	int64_t slot; /* of the row */
	/* The row comp_link as the last batch leaves it.  Numbers of stanzas go on over all
	 * sessions; a session's own count begins at its base.
	 * out_acked <= out_sent <= out_safe <= out_last, in_safe <= in_done. */
	int64_t incarnation, seq;
	char *sm_id;  /* NULL: plain link, nothing is kept; "": acknowledged, not to be resumed */
	char *member; /* the session's id among those that share the domain; NULL: it does not */
	uint64_t in_done, in_base;              /* handlers have seen */
	uint64_t out_last, out_base, out_acked; /* made; acknowledged by the server */
	uint64_t in_safe, out_safe;             /* committed */
	uint64_t in_noted;                      /* in_done of the last batch */
	uint64_t out_sent;                      /* on this connection or before */
	uint64_t out_trimmed;                   /* rows up to this are gone */

	uint64_t tx_last, tx_safe; /* the last number given; all up to this are committed */

	struct tx *cur;     /* the one under way */
	struct tx *spare;   /* the memory of one, for the next */
	bool in_handler;    /* it is a stanza's; else the turn's */
	struct list open;   /* ended, not committed; in order */
	size_t n_open;      /* of them, with a batch */
	size_t n_sessions;  /* of them, new sessions: nothing leaves before they are committed */
	struct list outbox; /* committed, not acknowledged; in order */
	struct list *next;  /* in it: the first that is not sent whole */
	size_t bytes;       /* of output in all of these */
	size_t adopted;     /* of them, what was another process's */
	struct task end;    /* of the turn's transaction */
	struct task safe;   /* tx_safe has grown, and the component is to be told */
	struct timer count; /* a stanza without a batch of its own is to be counted */
	struct timer trim;

	/* comp_recover.c */
	struct task fail;
	bool failing; /* that is to come */
	bool anew;    /* the row is given up, and another one is to be made */
	struct timer retry;
	unsigned tries;
	uint64_t skip_in, skip_row; /* of the stanza that the database refused */
	struct sbuf refusal;
};

/* comp_ledger.c */
int ledger_open(struct comp *c, char *err, size_t err_len) __attribute__((warn_unused_result));
/* The row, the outbox and the deferred requests (which join the inbox).  0 or -Exxx. */
int ledger_read(struct comp *c) __attribute__((warn_unused_result));
/* Once: later it is in memory, and what a failed commit takes back the server sends again. */
int ledger_read_told(struct comp *c) __attribute__((warn_unused_result));
/* What t, which is committed, has adopted: into the outbox. */
int ledger_read_adopted(struct comp *c, const struct tx *t) __attribute__((warn_unused_result));
struct el *ledger_stanza(
    const char *text);            /* as ledger_put_deferred() wrote it; NULL: it is none */
bool ledger_mine(struct comp *c); /* no other process has taken the row since */
/* Statements, added to b. */
void ledger_put_counts(struct comp *c, struct db_batch *b, uint64_t in, uint64_t out);
void ledger_put_out(struct db_batch *b, const struct tx *t);
void ledger_put_trim(struct comp *c, struct db_batch *b, uint64_t upto);
void ledger_put_session(struct comp *c, struct db_batch *b);
void ledger_put_lists(struct comp *c, struct db_batch *b, const char *newest, const char *settled);
void ledger_put_deferred(struct comp *c, struct db_batch *b, uint64_t n, const struct el *stanza);
void ledger_del_deferred(struct comp *c, struct db_batch *b, uint64_t n);
/* said: the child of the stanza that tells it. */
void ledger_put_told(struct comp *c, struct db_batch *b, const char *host, const struct el *said,
    const struct el *stanza);
/* A write after a failure: takes the row as it is, counts skip_in and its refusal. */
void ledger_put_recovery(struct comp *c, struct db_batch *b);

/* comp_slot.c */
/* A row for this process: another one's that is dead, or a new one.  At start, and waits. */
int slot_take(struct comp *c, char *err, size_t err_len) __attribute__((warn_unused_result));
/* In the place of the slot that it has a new one, which is locked and has no row yet. */
int slot_next(struct comp *c) __attribute__((warn_unused_result));
void slot_put_row(struct comp *c, struct db_batch *b); /* for it */
void slot_leave(struct comp *c);
bool slot_alive(struct comp *c, int64_t slot); /* another process has it */
void slot_done(struct comp *c);

/* comp_tx.c */
void tx_init(struct comp *c);
void tx_done(struct comp *c);
/* Around a handler; n: the stanza's number, 0 if it is not counted. */
void tx_begin(struct comp *c, uint64_t n);
struct db_batch *tx_batch(struct comp *c); /* of the one under way, for libcomp's own statements */
void tx_refusable(struct comp *c, const struct el *stanza, uint64_t row);
void tx_end(struct comp *c);   /* also between handlers: ends that of the turn, if there is one */
void tx_write(struct comp *c); /* one batch for what waits for a batch */
/* Of the one under way: what is to be done once it is committed. */
void tx_then(struct comp *c, void (*then)(struct comp *c));
/* A new session, or none (NULL); member: its id if the domain is shared. */
void tx_session(struct comp *c, const char *sm_id, const char *member);
void tx_discard(struct comp *c); /* a commit has failed: what waits for none of it */
void tx_free(struct tx *t);
/* Serialises el, which stays the caller's, with these addresses (NULL: its own).  must: an answer,
 * which only the hard bound stops.  -ENOTCONN, -ENOBUFS. */
int tx_send(struct comp *c, const struct el *el, const char *from, const char *to, bool must);
/* n stanzas that out_pack() has packed, all or none. */
int tx_send_packed(struct comp *c, const struct sbuf *packed, uint32_t n);
int tx_may_send(const struct comp *c, bool must);
/* What the server waits for: no bound stops it. */
void tx_say(struct comp *c, const struct el *el);

/* comp_out.c */
void out_pack(struct sbuf *out, const struct el *el, const char *from, const char *to);
/* What outer holds, as bytes: <name xmlns='ns'><forwarded/> around inner with this `to` (NULL: its
 * own), which is in jabber:client there.  name and ns are literals. */
void out_forward(
    struct el *outer, const char *name, const char *ns, const struct el *inner, const char *to);
/* What is left of packed stanzas behind the first n; NULL: there are not so many. */
const char *out_skip(const char *p, size_t *len, uint64_t n);
void out_settle(struct tx *t);   /* committed: to be sent; takes t */
void out_push(struct comp *c);   /* sends while the stream has room */
void out_rewind(struct comp *c); /* a new connection: from the first that is not acknowledged */
int out_ack(struct comp *c, uint32_t h); /* -ERANGE: more than was sent */
/* A row of the outbox, read anew; takes t.  -EBADMSG: it is damaged. */
int out_unpack(struct comp *c, struct tx *t);
void out_clear(struct comp *c);
size_t out_queued(const struct comp *c); /* bytes that count against COMP_QUEUE_... */

/* comp_recover.c: takes t, whose batch failed with err, or came back after one that did. */
void recover(struct comp *c, struct tx *t, int err);
void recover_init(struct comp *c);
void recover_done(struct comp *c);
void recover_lost(struct comp *c); /* another process has the database, or this one's row */
/* These may be called anywhere; what follows from them comes at the end of the turn. */
void recover_start(struct comp *c, int err);        /* as if a commit had failed */
void recover_anew(struct comp *c, const char *why); /* the row is given up */

/* --- inbox ------------------------------------------------------------------------------------ */

struct inbox {
	struct list list; /* struct held */
	size_t bytes;
	size_t n_share; /* of them: the server waits for the answer */
	struct task task;
};
void inbox_init(struct comp *c);
void inbox_done(struct comp *c);
/* Takes el.  n: its number, 0 if stanzas are not counted; repeated: see comp_repeated(). */
void inbox_add(struct comp *c, struct el *el, uint64_t n, bool repeated);
void inbox_add_first(struct comp *c, struct el *el, uint64_t n); /* a repeated one */
void inbox_run(struct comp *c);            /* handlers for as many as there is room for */
void inbox_kick(struct comp *c);           /* the same later in this turn, if anything waits */
void inbox_drop(struct comp *c, bool all); /* else: those that the server will send again */

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

struct comp_delegate_state {
	struct list adverts; /* what the server has delegated */
	struct list nests;   /* what its disco#info is to say */
	struct el *nothing;  /* a <query/> */
	bool announced;
};

struct comp {
	const struct comp_ops *ops;
	void *arg;
	struct daemon *daemon; /* NULL in tests */
	struct loop *loop;
	struct comp_conf *conf;
	char *domain;             /* prepared */
	struct conf_list routers; /* prepared */
	struct link link;
	struct ledger ledger;
	struct inbox inbox;
	struct share share;
	struct comp_table tables[COMP_TABLES_MAX];
	size_t n_tables;
	struct map asks;      /* struct comp_iq by id */
	struct list failed;   /* those whose callback is due */
	struct list deferred; /* struct comp_req */
	struct comp_disco_state disco;
	struct comp_delegate_state delegate;
	struct list grants; /* comp_privilege.c: of each host that has granted something */
	size_t n_grants;
	void (*stopped)(struct comp *c);
	bool stopping;
	bool closing; /* what was to be committed is: the link is being closed */
	bool freeing;
};

/* conf is borrowed and the component's whole settings.  err: one line. */
int comp_new(struct comp **out, const struct comp_ops *ops, void *arg, struct loop *l,
    struct daemon *d, void *conf, char *err, size_t err_len) __attribute__((warn_unused_result));
int comp_start(struct comp *c) __attribute__((warn_unused_result));
void comp_stop(struct comp *c, void (*stopped)(struct comp *c));
void comp_free(struct comp *c); /* NULL is fine; without comp_stop(): as if it were killed */

/* The link's news. */
void comp_link_online(struct comp *c, bool resumed);
void comp_link_offline(struct comp *c);
void comp_link_stopped(struct comp *c);
/* A transaction is over: the end of the component may have waited for it. */
void comp_tx_over(struct comp *c);

/* comp_route.c: takes el. */
void comp_inbound(struct comp *c, struct el *el, uint64_t n, bool repeated);
void comp_dispatch(struct comp_req *rq); /* to the rows, with its answer or the end of it */
/* What the server said in this session to an earlier process. */
void comp_told_before(struct comp *c, const struct el *el);

/* comp_ask.c */
void comp_answer(struct comp *c, const struct el *iq, const struct jid *from);
void comp_asks_fail(struct comp *c, int err); /* all: their callbacks run now */
void comp_asks_free(struct comp *c);          /* no callback runs */

/* comp_many.c: of the library's own rows, an error that answers a fan-out. */
comp_handler comp_many_refused;
/* A question that fails with err, as if it had been asked. */
struct comp_iq *comp_ask_failed(struct comp *c, int err, comp_iq_cb *cb, void *arg);
/* The answer is handed on as what is wrapped in it (comp_unwrap). */
void comp_ask_wrapped(struct comp_iq *q);

/* comp_privilege.c */
void comp_privilege_init(struct comp *c);
void comp_privilege_forget(struct comp *c); /* a new session begins, or the end has come */
/* A message that tells what is granted: true, and it has been dealt with.  n: its number; kept with
 * the session if it has one. */
bool comp_privilege_inbound(
    struct comp *c, const struct el *el, const struct jid *from, uint64_t n);
/* The same, told to an earlier process. */
void comp_privilege_told(struct comp *c, const struct el *el, const struct jid *from);
struct granted; /* by one host */
/* Is `from` (NULL: the component) somebody else's, in whose name it needs a privilege? */
bool comp_privilege_needed(const struct comp *c, const char *from);
/* Messages may be sent in that name: by whose grant; NULL: by none.  Until the server says
 * more. */
const struct granted *comp_privilege_to_write(const struct comp *c, const char *from);
const char *comp_privilege_host(const struct granted *g);
/* The message with this `to` (NULL: its own), for that host; the caller owns it. */
struct el *comp_wrap_as(const struct granted *g, const struct el *el, const char *to);
/* The inner answer of one to a privileged iq; NULL: there is none. */
const struct el *comp_unwrap(const struct el *answer);

/* comp_disco.c: the library's own rows. */
void comp_disco_init(struct comp *c);
void comp_disco_done(struct comp *c);
extern const struct comp_route comp_disco_rows[];
extern const size_t comp_disco_n_rows;

/* comp_delegate.c */
void comp_delegate_init(struct comp *c);
void comp_delegate_done(struct comp *c);
void comp_delegate_reset(struct comp *c); /* a new session: the server tells anew */
void comp_delegate_announce(struct comp *c);
/* As comp_privilege_inbound(), of what is delegated. */
bool comp_delegate_told(struct comp *c, const struct el *el, const struct jid *from, uint64_t n);
/* true: el was the server's word about delegation and is used up. */
bool comp_delegate_inbound(struct comp *c, struct el *el, const struct jid *from,
    const struct jid *to, uint64_t n, bool repeated);
/* The answer to a delegated request, as the server wants it; the caller owns it. */
struct el *comp_delegate_wrap(const struct comp_req *rq, const struct el *answer);
/* Whom a delegated request is for, if el, which came from there, is one. */
bool comp_delegate_to(const struct el *el, const struct jid *from, struct jid *to);
/* disco#info of a nesting node; NULL: it is none of ours. */
const struct el *comp_delegate_info(const struct comp *c, const char *node);

/* --- requests --------------------------------------------------------------------------------- */

/* Lives in the arena of its stanza. */
struct comp_req {
	struct comp *c;
	struct el *root;        /* as it came: owns the arena */
	struct el *el;          /* what is to be answered: root, or what was delegated in it */
	const char *delegation; /* the namespace that it came in; NULL: not delegated */
	const struct el *payload;
	struct jid from, to;
	struct list link; /* in c->deferred */
	uint64_t n;       /* the stanza's number; 0: not counted */
	bool must_answer; /* iq get or set */
	bool answered, deferred;
	bool repeated;
	bool stored;     /* it has a row, which the answer deletes */
	bool in_handler; /* the router frees it */
	bool abandoned;  /* no answer is wanted any more; kept for an owner who may not know */
};

struct comp_req *req_new(
    struct comp *c, struct el *el, const struct jid *from, const struct jid *to); /* takes el */
/* After the handlers; ret is what the last one returned. */
void req_finish(struct comp_req *rq, int ret);
void reqs_stop(struct comp *c);    /* at stop: answers what is open, or leaves it to the database */
void reqs_abandon(struct comp *c); /* a commit has failed: they are read anew */
void reqs_free(struct comp *c);

/* --- TLS: comp_tls.c -------------------------------------------------------------------------- */

/* Reads what is trusted.  err: one line that names the setting. */
int link_tls_load(struct link *k, char *err, size_t err_len) __attribute__((warn_unused_result));
void link_tls_start(struct link *k); /* the connection stands; STREAM_SECURE or CLOSED follows */
void link_tls_secure(const struct link *k);                          /* says so */
const char *link_tls_hint(const struct link *k, const char *reason); /* "": none */
void link_tls_done(struct link *k);

#endif
