/* SPDX-License-Identifier: MIT */
/* A registrar on a router of fakes, as test_register.c and test_register_invites.c use it: what it
 * answers and logs is kept.  The answers of the router's routing are played here. */
#ifndef TESTS_REGISTER_FIXTURE_H
#define TESTS_REGISTER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <base/sbuf.h>

#include "auth/invites.h"
#include "auth/register.h"
#include "auth_fixture.h"

#define SECONDS 1000ULL
#define DAY (86400 * SECONDS)
#define GET "<iq type='get' id='g'><query xmlns='jabber:iq:register'/></iq>"
#define SET(user, password)                                                                        \
	"<iq type='set' id='s' to='example.org'><query xmlns='jabber:iq:register'><username>" user \
	"</username><password>" password "</password></query></iq>"
#define OK "<iq type=\"result\" id=\"s\" from=\"example.org\"/>"

extern struct sbuf logged;
extern char answer[4096]; /* the last one */
extern bool answered;

int register_setup(void **state);
int register_teardown(void **state); /* fails if a password stands in the log */

struct el *parse(const char *text);
struct registration *connect_from(const char *peer);
void on_later(struct el *reply, void *arg); /* keeps the answer */
/* Sends it and waits for the answer; what registration_iq() said. */
enum reg_status say(struct registration *rg, const char *xml);
void assert_refused(const char *cond);
bool exists(const char *jid);

struct invited {
	char id[INVITE_ID + 1], token[INVITE_TOKEN + 1];
};
struct invited invite(const char *account, int64_t uses, uint64_t ms);
enum reg_status show(struct registration *rg, const char *token);

#endif
