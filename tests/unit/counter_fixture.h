/* SPDX-License-Identifier: MIT */
/* A component that counts: each message with <n seq=''/> is noted in its database and answered once
 * with its number; other payloads make it do what the tests want to see go wrong. */
#ifndef COUNTER_FIXTURE_H
#define COUNTER_FIXTURE_H

#include "comp_fixture.h"

#define NS_N "urn:test:n"
#define N_MSG "<message from='" ME "' to='" DOM "'><n xmlns='" NS_N "' seq='%d'/></message>"
#define Q_IQ(id, name) \
	"<iq type='set' id='" id "' from='" ME "' to='" DOM "'><" name " xmlns='" NS_N "'/></iq>"

struct counter {
	int last; /* in memory: the highest number */
	unsigned loads, forgets, handled, repeated, asks_over;
	int ask_err;
	struct comp_req *kept; /* deferred */
};
extern struct counter counter;

struct fix *counter_new(void);  /* ROUTER_ACKS */
struct fix *counter_bare(void); /* without the component */
/* A test whose state is one. */
int counter_setup(void **state);
#define COUNTER_TEST(fn) cmocka_unit_test_setup_teardown(fn, counter_setup, fix_teardown)

int64_t counter_rows(struct fix *f, const char *table); /* seen, comp_... */

#endif
