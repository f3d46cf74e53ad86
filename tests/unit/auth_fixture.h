/* SPDX-License-Identifier: MIT */
/* A router that has a database, accounts, what tells components of them, and nothing else.  What
 * these call of the session table, of rosters and of components is played here. */
#ifndef TESTS_AUTH_FIXTURE_H
#define TESTS_AUTH_FIXTURE_H

#include <stdbool.h>

#include "auth/accounts.h"
#include "auth/sasl.h"
#include "conf.h"
#include "db_fixture.h"
#include "core/stanza.h"
#include "links/component.h"
#include "links/events.h"
#include "router.h"

#define DOMAIN "example.org"

enum { HELD_MAX = 400 };

struct component {          /* one that a test plays */
	const char *domain; /* NULL: it is not configured */
	struct component_conf conf;
	bool acked; /* online, with acknowledgements */
	enum component_verdict verdict;
	struct stanza *held[HELD_MAX]; /* sent, in order */
	size_t n_held;
};

struct auth {
	struct fixture f;
	struct router r;
	struct router_conf conf;
	unsigned kicked;         /* sessions that were ended */
	unsigned rosters_gone;   /* calls of roster_delete_account() */
	unsigned blocks_gone;    /* calls of blocking_forget() */
	const char *has_session; /* the bare JID that has two; NULL: nobody */
	struct component components[2];
};
extern struct auth auth;

int auth_setup(void **state);
int auth_teardown(void **state);

/* A view of a prepared address. */
#define JID(s) ((struct jid[1]){ jid_view(s) })

/* Calls and waits; the completion's error, or what was returned. */
int auth_add(const char *jid, const char *password);
int auth_passwd(const char *jid, const char *password);
int auth_delete(const char *jid);
int auth_disable(const char *jid);
int auth_enable(const char *jid);
void auth_sql(struct db_q *q, const char *jid); /* one statement with $1 */

#endif
