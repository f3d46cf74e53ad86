/* SPDX-License-Identifier: MIT */
/* How much of delegated requests is held until they are answered. */
#include "delegate_fixture.h"

#include <errno.h>
#include <stdio.h>

#include "links/delegate_internal.h"

static int setup(void **state)
{
	dx_setup(state);
	dx_delegate(&dx.pubsub, NS_P);
	dx_open();
	return 0;
}

/* Of the same size whoever asks, with numbers of two digits.  true: it is held. */
static bool asks(struct component *c, unsigned name)
{
	char xml[256];

	(void)snprintf(xml, sizeof(xml),
	    "<iq type='get' id='1' from='u%02u@%s/a' to='example.org'><query xmlns='" NS_P
	    "' node='0123456789abcdef0123456789abcdef'/></iq>",
	    name, c ? ARCHIVE : "somewhere.example.org");
	assert_true(c ? dx_iq_of(c, xml) : dx_iq(xml));
	return !*dx_got();
}

/* Whose counter is another than that of the first. */
static unsigned stranger(void)
{
	struct jid first = jid_view("u00@somewhere.example.org"), other;
	unsigned n = 0;
	char name[64];

	do {
		(void)snprintf(name, sizeof(name), "u%02u@somewhere.example.org", ++n);
		other = jid_view(name);
	} while (shares_of(&other, false).sender == shares_of(&first, false).sender);
	return n;
}

static size_t held(void)
{
	return manager_find(dx.r.delegates, &dx.pubsub)->held;
}

/* Room for n of them. */
static void room_for(unsigned n)
{
	dx.pubsub.conf.link_queue = INT64_MAX;
	assert_true(asks(NULL, 0));
	dx.pubsub.conf.link_queue = (int64_t)(n * held());
	dx_fail(dx.asked - 1, -ETIMEDOUT);
	assert_has(dx_got(), "service-unavailable");
	assert_int_equal(held(), 0);
}

static void of_one_account(void **state)
{
	(void)state;
	dx.pubsub.conf.link_queue = 1; /* one is always held */
	assert_true(asks(NULL, 0));
	assert_false(asks(NULL, 0));
	dx_fail(0, -ETIMEDOUT);
	(void)dx_got();
	room_for(8 * 3); /* of which it has an eighth */
	for (unsigned i = 0; i < 3; i++)
		assert_true(asks(NULL, 0));
	assert_false(asks(NULL, 0));
	assert_true(asks(NULL, stranger()));
	/* What is answered makes room, what was refused takes none. */
	dx_fail(dx.asked - 1, -ETIMEDOUT);
	dx_fail(dx.asked - 2, -ETIMEDOUT);
	(void)dx_got();
	assert_true(asks(NULL, 0));
	assert_false(asks(NULL, 0));
}

/* So many that it does not matter who of them shares a counter. */
static void of_one_component(void **state)
{
	(void)state;
	room_for(80);
	for (unsigned i = 0; i < 40; i++)
		assert_true(asks(&dx.archive, i));
	assert_false(asks(&dx.archive, 40));
	assert_true(asks(NULL, 40));
}

static void of_all(void **state)
{
	(void)state;
	room_for(80);
	for (unsigned i = 0; i < 80; i++)
		assert_true(asks(NULL, i));
	assert_false(asks(NULL, 80));
	dx_fail(dx.asked - 1, -ETIMEDOUT);
	(void)dx_got();
	assert_true(asks(NULL, 80));
}

/* Its version is being asked for. */
static void of_what_waits(void **state)
{
	(void)state;
	room_for(80);
	delegate_online(&dx.r, &dx.pubsub, NULL, true, false);
	for (unsigned i = 0; i < 80; i++)
		assert_true(asks(NULL, i));
	assert_false(asks(NULL, 80));
	assert_int_equal(dx.r.delegates->n_waiting, 80);
	delegate_away(&dx.r, &dx.pubsub);
	assert_int_equal(held(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, dx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_one_account),
		TEST(of_one_component),
		TEST(of_all),
		TEST(of_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
