/* SPDX-License-Identifier: MIT */
/* A component (XEP-0114): one link to a server, one loop, one process.
 *
 * Guarantees:
 * - Handlers never run inside the parser or inside comp_send().
 * - The callback of comp_ask() runs exactly once (with the answer, at time-out, when the link is
 *   lost, at stop) unless it was cancelled.
 * - Every iq get and set is answered exactly once: by a reply, by the error that a handler returns,
 *   by service-unavailable if no row of the table fits.  A handler that returns COMP_DONE without a
 *   reply or a comp_defer() is a bug: it is logged and answered internal-server-error.
 * - The library reconnects by itself (back-off with jitter, the router's address looked up anew at
 *   each try) and answers disco#info, disco#items, ping and version by itself.
 * - On an acknowledged link (XEP-0198) a handler sees each stanza exactly once, however often the
 *   process is killed: what it writes with comp_tx(), what it sends and the stanza's count are one
 *   transaction.  On a plain one, what it sends leaves once what it wrote is committed.
 *
 * - Where several processes share the domain (component_share) each serves its part of the keys,
 *   which comp_owns() knows; what one left behind that has ended, another one sends and does.
 *
 * Settings that every component has without doing anything: component_domain (COMPONENT_DOMAIN or
 * DOMAIN_<NAME>), component_secret (COMPONENT_SECRET), component_share, component_max_stanza,
 * router_host, router_port, router_tls, router_cert_name, router_ca_file, router_domains, and those
 * of base/daemon.h. */
#ifndef COMP_COMP_H
#define COMP_COMP_H

#include <base/conf.h>
#include <base/daemon.h>
#include <base/log.h>
#include <xmpp/el.h>
#include <xmpp/jid.h>

struct db;
struct db_batch;
struct db_step;
struct comp;     /* the component */
struct comp_req; /* one received stanza and the duty to answer it */
struct comp_iq;  /* one question of ours still unanswered */

/* --- the program ------------------------------------------------------------------------------ */
struct comp_conf { /* first member of every component's settings */
	struct daemon_conf daemon;
	char *domain;
	char *router_host;
	int64_t router_port;
	bool router_tls;
	char *router_cert_name; /* empty: the first of router_domains */
	char *router_ca_file;   /* empty: the system's */
	char *secret;
	bool share;
	int64_t max_stanza;
	struct conf_list router_domains;
};
struct comp_ops {
	const char *name;             /* "muc": log tag, environment prefix, switchyard-muc */
	const char *summary;          /* one line for --help */
	const char *label;            /* of its domain below the server's; NULL: the name */
	const struct conf_opt *opts;  /* the component's own; ends with a zero entry; NULL: none */
	size_t conf_size;             /* of the component's settings, which begin with comp_conf */
	const struct db_step *schema; /* the component's own tables; NULL: none */
	size_t n_schema;
	int (*start)(struct comp *c, void *arg); /* once, before load; 0 or -Exxx */
	/* Reads what it keeps in memory from the database, which is as the last commit left it:
	 * after start, and again after each forget.  0 or -Exxx: at start the program ends, later
	 * it is tried again. */
	int (*load)(struct comp *c, void *arg);
	/* Where the domain is shared: what comp_owns() says has changed, or is known for the first
	 * time after start or forget.  Drops the keys that it denies, reads those that it grants
	 * and that are not in memory yet: others have committed all that they did to them.  Keys
	 * that stay are not read again.  0, or -Exxx, which is as if a commit had failed.  What
	 * load reads at start belongs to no key, as comp_owns() says no to all then.  NULL: the
	 * component may share its domain only if it has no load, either. */
	int (*owned)(struct comp *c, void *arg);
	/* comp_tx_safe() has grown: what waits for that can go on.  Once a turn at most, at its
	 * end. */
	void (*committed)(struct comp *c, void *arg);
	/* A commit has failed: what handlers put into memory may never have happened.  Drops all
	 * that load and they put there, deferred requests too: they are gone after this. */
	void (*forget)(struct comp *c, void *arg);
	/* resumed: the link goes on where it was, nothing was lost or doubled. */
	void (*online)(struct comp *c, bool resumed, void *arg);
	void (*offline)(struct comp *c, void *arg);
	/* The server has told what it grants (XEP-0356), anew or once more: rosters are read after
	 * it (docs/component-protocol.md 4).  In the transaction of that stanza; not for what was
	 * told to an earlier process. */
	void (*granted)(struct comp *c, void *arg);
	void (*reload)(struct comp *c, void *arg);
	void (*stop)(struct comp *c, void *arg);
};
int comp_main(int argc, char **argv, const struct comp_ops *ops, void *arg);
void *comp_conf(struct comp *c); /* the component's settings */
const char *comp_domain(const struct comp *c);
struct loop *comp_loop(struct comp *c);
bool comp_online(const struct comp *c);
/* Whether it is the server itself that speaks: one of router_domains, by default the domain above
 * the component's.  What only a server may say (delegation, privileges, taps, shared domains, SASL)
 * reaches no handler from anybody else. */
bool comp_is_router(const struct comp *c, const struct jid *from);
/* Whether an address is of one of these domains: the server itself, or somebody there. */
bool comp_is_served(const struct comp *c, const struct jid *j);
struct health *comp_health(struct comp *c); /* for health_set(); NULL in tests */

/* --- state ------------------------------------------------------------------------------------ */
/* DATA_DIR/<name>.db, for reading (base/db.h): what is committed. */
struct db *comp_db(struct comp *c);
/* The transaction under way: that of the stanza whose handler runs, else that of what happens in
 * this turn of the loop.  What is added to it (db_batch_add, db_batch_must) is committed together
 * with everything that is sent meanwhile and with the count of the stanza, or none of it is;
 * nothing leaves before.  The only way to write: it is never submitted or freed by who adds to it.
 */
struct db_batch *comp_tx(struct comp *c);
/* For what is kept in memory until it can be read: what is added while comp_tx_number() says n can
 * be read with comp_db() once comp_tx_safe() says n or more; what a failed commit took back never
 * can, of which forget tells.  Each transaction that is written to has the next number, over all
 * forgets; a process begins anew.  As comp_tx(), comp_tx_number() begins one if there is none. */
uint64_t comp_tx_number(struct comp *c);
uint64_t comp_tx_safe(const struct comp *c);

/* --- a shared domain (component_share) -------------------------------------------------------- */
/* Whether a key is this process's: a bare JID of the component's domain, or the domain itself; for
 * what is delegated, tapped or privileged, the account's bare JID or its domain.  Prepared text.
 * Always yes where the domain is not shared.  A stanza for another's key reaches no handler; what a
 * timer or the answer to a question is about has to be asked for, for it may have gone meanwhile.
 * What is no longer owned is not written to any more.
 *
 * A deferred request goes with the key of its comp_to(): the new owner's handler has it, marked
 * comp_repeated().  A reply to it by the old one frees it and does nothing more, and has to come
 * all the same. */
bool comp_owns(const struct comp *c, const char *key);
/* This process's id among those that share the domain, the resource at which it alone is reached;
 * NULL: it is not shared, or no link has been up yet. */
const char *comp_member(const struct comp *c);

/* --- receiving -------------------------------------------------------------------------------- */
enum { COMP_DONE = 0, COMP_PASS = 1 }; /* or -enum el_cond: answered with that error */
typedef int comp_handler(struct comp_req *rq, void *arg);
enum { COMP_TO_HOST = 1, COMP_TO_BARE = 2, COMP_TO_FULL = 4, COMP_TO_ANY = 7 };
/* Requests that the server has delegated (XEP-0355): for an account, for a domain that it serves.
 * Rows without these bits never see them. */
enum { COMP_FOR_ACCOUNT = 8, COMP_FOR_SERVER = 16, COMP_FOR_ANY = 24 };
struct comp_route {
	enum el_kind kind;
	/* NULL: any (type: any but "error", which a row has to name); ns and name are the
	 * payload's. A message without a type is "normal", a presence without one "available". */
	const char *type, *ns, *name;
	unsigned to;
	comp_handler *fn;
	/* Not to be called again for a request that was deferred when the process ended: it gets
	 * resource-constraint (wait). */
	bool once;
};
/* Rows are tried in order; COMP_PASS goes on to the next. tab is borrowed for ever. */
void comp_routes(struct comp *c, const struct comp_route *tab, size_t n, void *arg);

struct comp *comp_of(const struct comp_req *rq);
const struct el *comp_el(const struct comp_req *rq);
const struct el *comp_payload(
    const struct comp_req *rq); /* first child that is not <error/>; NULL */
const struct jid *comp_from(const struct comp_req *rq);
const struct jid *comp_to(const struct comp_req *rq);
/* comp_from() is who asks; comp_to() the component's address or, delegated, the bare JID or domain
 * that is asked.  Nothing else about a delegated request is different. */

/* The process that was given it first ended before it answered. */
bool comp_repeated(const struct comp_req *rq);

struct el *comp_result(const struct comp_req *rq);       /* empty result, caller owns */
void comp_reply(struct comp_req *rq, struct el *answer); /* takes answer */
void comp_reply_ok(struct comp_req *rq);
void comp_reply_err(struct comp_req *rq, enum el_cond cond, const char *text);
struct comp_req *comp_defer(struct comp_req *rq); /* outlives the handler; a reply ends it */

/* --- sending ---------------------------------------------------------------------------------- */
/* Takes el, also when it fails: -ENOTCONN (no link; an acknowledged one that is away takes it all
 * the same), -ENOBUFS (the link's queue is at its bound), -EMSGSIZE (longer than
 * component_max_stanza; of an answer the asker is told so).  A missing `from` becomes the
 * component's domain. */
int comp_send(struct comp *c, struct el *el);
/* As comp_send(), of one of many copies: el is written with these addresses (NULL: its own) and
 * stays the caller's.  el_freeze() first makes each copy cheap. */
int comp_send_copy(struct comp *c, const struct el *el, const char *from, const char *to);
/* One stanza to many: where the server offers it (urn:switchyard:fanout:1) it crosses the link
 * once, else as single copies; a handler does not notice.  el is borrowed until comp_many_end(),
 * has its `from` and no `to`.  Addresses are prepared ones.  -ENOBUFS: none of it was taken.
 * With a `from` that is not of the component's domain it is a message in an account's name, for
 * each as by comp_send_as(), or the server's own: -EPERM if COMP_MAY_MESSAGE is not granted there,
 * or it is no message. */
struct comp_many;
struct comp_many *comp_many_begin(struct comp *c, const struct el *el);
void comp_many_add(struct comp_many *m, const char *to);
int comp_many_end(struct comp_many *m); /* frees m */
/* Two of them, in this order, all of both or nothing; frees them. */
int comp_many_end_both(struct comp_many *a, struct comp_many *b);
/* Bytes that the link takes before it says -ENOBUFS; who sends to many looks first. */
size_t comp_send_space(const struct comp *c);
/* err: 0 a result, -EBADMSG an error answer (see el_error), -ETIMEDOUT, -ENOTCONN, -ENOBUFS,
 * -ECANCELED (at stop, and before forget); answer is NULL except for the first two. */
typedef void comp_iq_cb(struct comp *c, int err, const struct el *answer, void *arg);
/* Takes iq, gives it an id.  The answer is matched by id and sender.  Bounded: 1,024 open ones.  A
 * missing `from` becomes the component's domain; where that is shared, with a resource of this
 * process's own, so that the answer comes here. */
struct comp_iq *comp_ask(
    struct comp *c, struct el *iq, unsigned timeout_ms, comp_iq_cb *cb, void *arg);
void comp_ask_cancel(struct comp_iq *q); /* cb will not run; NULL is fine */

/* --- delegation (XEP-0355) -------------------------------------------------------------------- */
/* Has the server said in this session of the link that it delegates ns to us? */
bool comp_delegated(const struct comp *c, const char *ns);
/* What the server's own disco#info, or that of each account (where: COMP_FOR_...), says because ns
 * is delegated.  At start. */
void comp_identity_for(struct comp *c, unsigned where, const char *ns, const char *category,
    const char *type, const char *name);
void comp_feature_for(struct comp *c, unsigned where, const char *ns, const char *feature);

/* --- in an account's name (XEP-0356) ---------------------------------------------------------- */
/* What the server has granted is remembered from what it says when the link opens and after a
 * change, in either version, for as long as the session (over a restart, too, if the link is
 * acknowledged); the calls below use what it understands.  A host is asked for itself:
 * account is any address there.  Behind a server that grants nothing all of them say no. */
enum comp_privilege {
	COMP_MAY_ROSTER_GET, /* comp_ask() with a roster iq to the account's bare JID */
	COMP_MAY_ROSTER_SET,
	COMP_MAY_ROSTER_PUSH, /* changes come as iq sets from the account's bare JID */
	COMP_MAY_MESSAGE,
	COMP_MAY_PRESENCE,        /* presence of accounts comes to the domain */
	COMP_MAY_PRESENCE_ROSTER, /* and of their contacts */
	COMP_MAY_PRESENCE_EXTRA,
};
bool comp_may(const struct comp *c, const char *account, enum comp_privilege what);
/* An iq of this type ("get", "set") with a payload in this namespace. */
bool comp_may_iq(const struct comp *c, const char *account, const char *ns, const char *type);
/* A message whose `from` is an account's bare JID, sent as the account's own.  Takes el: -EPERM
 * not granted, else as comp_send().  What the server refuses comes back as an error from it, under
 * the message's id. */
int comp_send_as(struct comp *c, struct el *el);
/* An iq whose `from` is an account's bare JID; without `to` it is for the account itself.  As
 * comp_ask(), -EPERM too; the answer is what the asked one has said. */
struct comp_iq *comp_ask_as(
    struct comp *c, struct el *iq, unsigned timeout_ms, comp_iq_cb *cb, void *arg);
/* Sets the element in the account's presence, in the granted namespace (256 bytes at most); NULL
 * removes it.  Takes el; cb as that of comp_ask(), -EPERM too. */
struct comp_iq *comp_presence_extra(
    struct comp *c, const char *account, struct el *el, comp_iq_cb *cb, void *arg);

/* --- disco ------------------------------------------------------------------------------------ */
void comp_identity(struct comp *c, const char *category, const char *type, const char *name);
void comp_feature(struct comp *c, const char *ns);
/* For addresses below the domain and for nodes (items: for the domain itself, too): adds to query
 * and returns COMP_DONE, COMP_PASS (item-not-found) or -enum el_cond.  node NULL: none. */
typedef int comp_disco_fn(struct comp_req *rq, const char *node, struct el *query, void *arg);
void comp_disco(struct comp *c, comp_disco_fn *info, comp_disco_fn *items, void *arg);

#endif
