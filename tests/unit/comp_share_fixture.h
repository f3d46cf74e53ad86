/* SPDX-License-Identifier: MIT */
/* The counter of counter_fixture.h as a member of a shared domain, and what others, which there are
 * not, have left in its database. */
#ifndef COMP_SHARE_FIXTURE_H
#define COMP_SHARE_FIXTURE_H

#include "counter_fixture.h"

#define SERVER "test"
#define MEMBER(id) "<member id='" id "'/>"

struct shared {
	unsigned owned; /* calls */
	int err;        /* what the next one returns */
};
extern struct shared shared;

struct fix *share_bare(void); /* without the component */
struct fix *share_new(void);
int share_setup(void **state);
#define SHARE_TEST(fn) cmocka_unit_test_setup_teardown(fn, share_setup, fix_teardown)

/* It is online, as m1, and all is its own: epoch 1. */
void share_online(struct fix *f);
/* The server says this to the last session; inner: members and what is gone. */
void share_members(struct fix *f, unsigned epoch, const char *inner);
void share_settled(struct fix *f, unsigned epoch);
void share_change(struct fix *f, unsigned epoch, const char *inner); /* both */

/* Text that this one of the ids wins, the first of PREFIX0SUFFIX, PREFIX1SUFFIX, ... */
const char *won_by(
    const char *id, const char *const ids[], size_t n, const char *prefix, const char *suffix);

void by_hand(struct fix *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A session with ten stanzas, a to j, of which none is recorded as acknowledged: numbers 21 to 30,
 * the first being 11, in rows of five.  98 stanzas were committed. */
void left_session(struct fix *f, int slot, const char *member);
/* A deferred request for this key, whose id is "d" and the number. */
void left_request(struct fix *f, int slot, int n, const char *key);
void left_stanzas(struct fix *f, int slot, int last, const struct sbuf *packed, int count);

#endif
