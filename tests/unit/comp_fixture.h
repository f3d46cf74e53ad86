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
	ROUTER_CONFLICT, /* <conflict/> to the header */
	ROUTER_UNKNOWN,  /* <host-unknown/> */
	ROUTER_SILENT,   /* header, but no answer to the handshake */
	ROUTER_NO_ID,    /* header without an id */
	ROUTER_FEATURES, /* stream features before the handshake's answer */
};

struct fix {
	struct loop *l;
	struct listener *ln;
	char path[64];
	char dir[64]; /* of the component's database */
	struct stream *r; /* the router's end; NULL: no link */
	enum router_mode mode;
	unsigned accepted;   /* connections so far */
	unsigned ended;      /* of them */
	bool features_asked; /* by the last header */
	struct sbuf in;      /* stanzas the router received, each on a line */
	unsigned n_in;
	enum stream_err received; /* by the router */

	struct comp *c;
	struct comp_conf conf;
	struct comp_ops ops;
	unsigned onlines, offlines, stops, stoppeds;
	struct sbuf log;
};

/* The component is made by fix_new() and started by fix_start() after the test set ops or mode. */
struct fix *fix_new(void);
void fix_start(struct fix *f);
void fix_free(struct fix *f);
void fix_spin(struct fix *f);
void fix_advance(struct fix *f, uint64_t ms);
void fix_online(struct fix *f); /* starts and asserts that the link stands */

/* The router sends this (namespace jabber:component:accept) and all that follows is done. */
void fix_send(struct fix *f, const char *xml);
void fix_sendf(struct fix *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What the router received since the last call of fix_clear(). */
const char *fix_got(struct fix *f);
void fix_clear(struct fix *f);
void fix_has(struct fix *f, const char *want);
void fix_hasnt(struct fix *f, const char *not_wanted);
void fix_logged(struct fix *f, const char *want);

#endif
