/* SPDX-License-Identifier: MIT */
/* A router with two components that are played: what they are asked and sent, and what askers get
 * back, is kept as text. */
#ifndef DELEGATE_FIXTURE_H
#define DELEGATE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <base/sbuf.h>

#include "conf.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/delegate.h"
#include "router.h"
#include "text_fixture.h"

#define ALICE "alice@example.org/a"
#define PUBSUB "pubsub.example.org"
#define ARCHIVE "archive.example.org"
#define NS_P "http://jabber.org/protocol/pubsub"

enum { ASKED_MAX = 4096 };

struct component {
	struct component_conf conf;
	char *delegate[DELEGATE_ROWS_MAX + 1], *hosts[2];
	bool away;
	unsigned kept; /* answers of what it says of its domain */
};

struct dx {
	struct router r;
	struct router_conf conf;
	struct component_conf *sections[3];
	struct component pubsub, archive;
	unsigned asked; /* questions so far */
	struct sbuf sent, got, log;
};
extern struct dx dx;

int dx_setup(void **state); /* nothing is delegated */
int dx_teardown(void **state);
/* Settings before dx_open(), or before dx_reload(). */
void dx_delegate(struct component *c, const char *row);
void dx_hosts(struct component *c, const char *host);
void dx_clear(struct component *c);
void dx_open(void);
void dx_reload(void);

/* A session sends this; it has its `from`.  What delegate_iq() says. */
bool dx_iq(const char *xml);
bool dx_iq_of(struct component *c, const char *xml);

/* The i-th question: its text (id left out); answered once by a stanza, or with an error. */
const char *dx_question(unsigned i);
void dx_answer(unsigned i, const char *xml);
void dx_fail(unsigned i, int err);
bool dx_open_question(unsigned i);

/* What was sent to components, and what askers got, since the last call. */
const char *dx_sent(void);
const char *dx_got(void);
const char *dx_logged(void);

struct el *dx_parse(const char *xml);

#endif
