/* SPDX-License-Identifier: MIT */
/* A router of rosters and presence over a real database.  Sessions are what the test says; what
 * they and the component are sent is kept as text. */
#ifndef TESTS_IM_FIXTURE_H
#define TESTS_IM_FIXTURE_H

#include <base/sbuf.h>

#include "conf.h"
#include "core/session.h"
#include "core/stanza.h"
#include "db_fixture.h"
#include "im/presence.h"
#include "im/roster.h"
#include "router.h"
#include "text_fixture.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"
#define NOBODY "nobody@example.org"
#define ECHO "echo.example.org" /* a component */

/* What stands for the one component. */
#define IM_COMPONENT ((struct component *)(void *)&im)

enum { IM_GRANTS = 16, IM_HELD = 128 };

struct im {
	struct fixture f;
	struct router r;
	struct router_conf conf;
	struct list users; /* of struct im_user */
	bool component_away;
	bool component_in_grace; /* what it is sent waits: it is kept as text all the same */
	struct sbuf to_component;
	/* its privileges */
	struct privileged *privileged;
	struct component_conf component_conf;
	char *grants[IM_GRANTS];
	bool other_host; /* it does not work for example.org */
	bool two_hosts;  /* example.net is served, too, and it does not work for that */
	size_t queued;   /* on its link */
	bool full;       /* its queue */
	bool holds;      /* it keeps what it is sent with component_send() */
	struct stanza *held[IM_HELD];
	unsigned n_held;
	bool refuses;       /* the policy, whatever is said in an account's name */
	struct sbuf routed; /* by route_stanza() */
	char routed_id[32];
	struct list all; /* struct session.of_all */
	char ver[24];    /* of the last roster or push that was sent; it is cut out of the text */
};
extern struct im im;

int im_setup(void **state);
int im_teardown(void **state);
/* Everything that is in memory is forgotten, as by a restart. */
void im_forget(void);

/* A connected session of an account, which is made if need be. */
struct session *im_session(const char *full);
void im_session_end(struct session *s);
void im_account(const char *bare);
void im_account_gone(const char *bare); /* deleted by somebody who told nobody */

/* The session sends this and the database settles.  xml: one stanza, in single quotes. */
void im_send(struct session *s, const char *xml);
/* As im_send without waiting for the database. */
void im_send_only(struct session *s, const char *xml);
void im_component_sends(const char *xml); /* to a local account */
void im_settle(void);
/* The component is granted this, and told if it is there. */
void im_grant(const char *const *grants, size_t n);
#define IM_GRANT(...)                                  \
	im_grant((const char *const[]){ __VA_ARGS__ }, \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
/* The component sends what one of links/intake.c's functions takes. */
void im_component_asks(
    void (*fn)(struct router *r, struct component *c, struct stanza *st), const char *xml);
const char *im_routed(void);
void im_let_go(void); /* of what the component holds */

/* What was sent to it since the last call; ids of pushes read as id="...". */
const char *im_got(struct session *s);
const char *im_component_got(void);
/* Asserts that all of what it got since the last call is this text. */
#define assert_got(s, text) assert_string_equal(im_got(s), (text))
#define assert_component_got(text) assert_string_equal(im_component_got(), (text))

/* "both ask pending approved unlisted name=N groups=A,B", as far as it applies; "-": no item. */
const char *im_item(const char *owner, const char *contact);
/* The same after im_forget(): what the database says. */
const char *im_stored(const char *owner, const char *contact);

#endif
