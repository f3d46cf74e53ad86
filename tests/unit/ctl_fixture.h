/* SPDX-License-Identifier: MIT */
/* A control socket on a router of fakes: accounts, sessions and components that do what a test
 * says, and clients that talk to it on the same loop. */
#ifndef CTL_FIXTURE_H
#define CTL_FIXTURE_H

#include <stdbool.h>

#include <jansson.h>

#include <base/loop.h>
#include <base/sbuf.h>

#include "auth/accounts.h"
#include "auth/invites.h"
#include "conf.h"
#include "core/ctl.h"
#include "core/session.h"
#include "links/component.h"
#include "router.h"

struct ctl_fixture {
	struct loop *loop;
	struct router_conf conf;
	struct router router;
	char dir[32];
	char path[64];
	struct sbuf log;
};
int ctl_setup(void **state); /* cmocka: *state is a struct ctl_fixture */
int ctl_teardown(void **state);

int dial(struct ctl_fixture *f);
void turns(struct ctl_fixture *f, int n);
void say(int fd, const char *line); /* with its end */
/* The next answer, waiting for it; NULL: the other side has closed. */
json_t *hear(struct ctl_fixture *f, int fd);
json_t *ask(struct ctl_fixture *f, int fd, const char *line);
void assert_error(json_t *answer, const char *error); /* whole text; takes answer */
/* Member `key` of row i as text. */
const char *row_text(const json_t *answer, size_t i, const char *key);

/* What the router's parts were asked, and what they say. */
extern struct fakes {
	char call[16], jid[128], password[64], after[128];
	unsigned n;
	int at_once, list_err;
	accounts_done *done; /* the completion that is due */
	void *arg;
	unsigned n_accounts;      /* u000@example.org and so on; invitations i000 and so on */
	int64_t uses, expires_ms; /* of the invitation that was made */
	struct sessions *sessions;
	char kicked[256], kick_text[64];
	unsigned asked_sessions;
	struct component_state components[3];
	bool db_fails;
	int reload_err;
	const char *reload_notes;
} fakes;
void complete(int err);

/* Sessions of the fake table. */
struct session *fake_session(const char *full, const char *id, int64_t since_ms);
void fake_session_end(struct session *s);

#endif
