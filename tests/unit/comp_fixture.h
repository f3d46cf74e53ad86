/* SPDX-License-Identifier: MIT */
/* A component and a fake router in one process, joined by a Unix socket. */
#ifndef COMP_FIXTURE_H
#define COMP_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <base/listen.h>
#include <base/loop.h>
#include <base/sbuf.h>
#include <comp/comp.h>
#include <xmpp/stream.h>

#include "comp_internal.h"

#define DOM "echo.test"
#define ME "me@test/r"

/* What the fake router does with a connection. */
enum router_mode {
	ROUTER_ACCEPT,
	ROUTER_CONFLICT,    /* <conflict/> to the header */
	ROUTER_UNKNOWN,     /* <host-unknown/> */
	ROUTER_SILENT,      /* header, but no answer to the handshake */
	ROUTER_NO_ID,       /* header without an id */
	ROUTER_FEATURES,    /* stream features before the handshake's answer */
	ROUTER_ACKS,        /* XEP-0198, as the fields of struct fix say */
	ROUTER_NO_FEATURES, /* the attribute, but no features */
};
enum { POSTS_MAX = 1024 };
/* What it says to <resume/>. */
enum router_resume {
	RESUMES,
	FAILS_WITH_H,
	FAILS, /* it has been restarted */
	RESUMES_OTHER,
};

struct fix {
	struct loop *l;
	struct listener *ln;
	char path[64];
	char dir[64];     /* of the component's database */
	struct stream *r; /* the router's end; NULL: no link */
	enum router_mode mode;
	unsigned accepted;   /* connections so far */
	unsigned ended;      /* of them */
	bool features_asked; /* by the last header */
	const char *offers;  /* further features, XML */
	/* ROUTER_ACKS: a session with all that was posted in it (fix_post), sent again from where
	 * the component says that it is. */
	enum router_resume resume;
	bool mute; /* answers no <r/> */
	bool refuses_enable;
	bool shares_not;   /* a session of its own, although sharing is asked for */
	bool in_session;   /* this connection is part of it */
	unsigned sessions; /* <enabled/> so far */
	unsigned resumptions;
	uint32_t in_h;       /* stanzas that came in this session */
	uint32_t resumed_h;  /* what the component last said that it had */
	uint32_t acked_h;    /* of ours */
	unsigned acks, asks; /* <a/> and <r/> that came */
	char *posts[POSTS_MAX];
	size_t n_posts, base; /* the session began with posts[base] */
	struct sbuf in;       /* stanzas the router received, each on a line */
	unsigned n_in;
	enum stream_err received; /* by the router */

	void (*routes)(struct comp *c); /* called for each new component; may be NULL */
	struct comp *c;
	struct comp_conf conf;
	struct comp_conf *full; /* what conf is copied into and begins; NULL: it is all there is */
	void (*done)(void);     /* what the component keeps itself, once it is gone; may be NULL */
	struct comp_ops ops;
	unsigned onlines, offlines, stops, stoppeds;
	bool resumed; /* by the last online */
	struct sbuf log;
};

/* The component is made by fix_new() and started by fix_start() after the test set ops or mode. */
struct fix *fix_new(void);
struct fix *fix_bare(void);   /* without the component, */
void fix_make(struct fix *f); /* which this makes from ops and conf */
void fix_start(struct fix *f);
void fix_free(struct fix *f);
void fix_spin(struct fix *f);
void fix_advance(struct fix *f, uint64_t ms);
void fix_online(struct fix *f); /* starts and asserts that the link stands */

/* A whole component, of which ops says what it is made of and full is its settings: online, on an
 * acknowledged link.  offers: further features, or NULL. */
struct fix *fix_whole(
    const struct comp_ops *ops, struct comp_conf *full, void (*done)(void), const char *offers);
int fix_teardown(void **state); /* of a test whose state is one of these */

/* The component ends as if it were killed; what it has submitted is committed, or (lost) not. */
void fix_kill(struct fix *f, bool lost);
void fix_revive(struct fix *f);  /* a new process with the same database */
void fix_replace(struct fix *f); /* both, with all that was submitted */
void fix_cut(struct fix *f);     /* the connection is lost */
void fix_stop(struct fix *f);    /* comp_stop(); stoppeds says when it is done */
/* ROUTER_ACKS: a stanza of the session, now or as soon as there is a link. */
void fix_post(struct fix *f, const char *xml);
void fix_postf(struct fix *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same of the first POSTS_MAX stanzas: of those that come then, now and never again. */
void fix_put(struct fix *f, const char *xml);
/* How often this is in what the router received. */
unsigned fix_count(struct fix *f, const char *what);

/* Messages of 100 kB until comp_send() refuses; how many it took: 32 MiB. */
unsigned fix_fill(struct fix *f);

/* The router sends this (namespace jabber:component:accept) and all that follows is done. */
void fix_send(struct fix *f, const char *xml);
void fix_sendf(struct fix *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What the router received since the last call of fix_clear(). */
const char *fix_got(struct fix *f);
void fix_clear(struct fix *f);
void fix_has(struct fix *f, const char *want);
void fix_hasnt(struct fix *f, const char *not_wanted);
void fix_logged(struct fix *f, const char *want);
/* The texts of the messages that the router received, in order, one letter each: "abc". */
const char *texts(struct fix *f);

/* The number that the one row of this has, in the component's database. */
int64_t number(struct fix *f, const char *sql);

#endif
