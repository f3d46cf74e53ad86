/* SPDX-License-Identifier: MIT */
/* A router that has a database, accounts and nothing else.  What accounts.c calls of the session
 * table and of rosters is played here. */
#ifndef TESTS_AUTH_FIXTURE_H
#define TESTS_AUTH_FIXTURE_H

#include <stdbool.h>

#include "auth/accounts.h"
#include "auth/sasl.h"
#include "conf.h"
#include "db_fixture.h"
#include "router.h"

#define DOMAIN "example.org"

struct auth {
	struct fixture f;
	struct router r;
	struct router_conf conf;
	unsigned kicked;         /* sessions that were ended */
	unsigned rosters_gone;   /* calls of roster_delete_account() */
	unsigned blocks_gone;    /* calls of blocking_forget() */
	const char *has_session; /* the bare JID that has two; NULL: nobody */
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
