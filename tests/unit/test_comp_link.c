/* SPDX-License-Identifier: MIT */
/* The component's link: handshake, refusals, back-off, silence, bounds, stop. */
#include <errno.h>
#include <string.h>

#include "comp_fixture.h"

static int setup(void **state)
{
	*state = fix_new();
	return 0;
}

static void test_handshake(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	assert_int_equal(f->accepted, 1);
	assert_true(f->features_asked);
	fix_logged(f, "connected to");
}

static void test_features_ignored(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_FEATURES;
	fix_online(f);
}

static void test_wrong_secret(void **state)
{
	static char other[] = "wrong";
	struct fix *f = *state;

	f->conf.secret = other;
	fix_start(f);
	assert_false(comp_online(f->c));
	assert_int_equal(f->onlines, 0);
	fix_logged(f, "lvl=error");
	fix_logged(f, "not-authorized");
	fix_logged(f, "COMPONENT_SECRET");
	assert_null(strstr(sbuf_str(&f->log), "wrong"));
	fix_advance(f, 400);
	assert_int_equal(f->accepted, 1);
	fix_advance(f, 700); /* the first try waits for at most 1 s */
	assert_int_equal(f->accepted, 2);
	fix_advance(f, 900); /* the second for at least 1 s */
	assert_int_equal(f->accepted, 2);
	fix_advance(f, 1200);
	assert_int_equal(f->accepted, 3);
	assert_int_equal(f->offlines, 0); /* it never was online */
}

static void test_back_off_is_bounded(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_UNKNOWN;
	fix_start(f);
	fix_logged(f, "host-unknown");
	fix_logged(f, "COMPONENT_DOMAIN");
	for (int i = 0; i < 12; i++)
		fix_advance(f, 31000);
	assert_int_equal(f->accepted, 13);
	f->mode = ROUTER_ACCEPT;
	fix_advance(f, 31000);
	assert_true(comp_online(f->c));
}

static void test_conflict_waits(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_CONFLICT;
	fix_start(f);
	fix_advance(f, 29900);
	assert_int_equal(f->accepted, 1);
	fix_advance(f, 16000);
	assert_int_equal(f->accepted, 2);
}

static void test_silent_router(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_SILENT;
	fix_start(f);
	assert_false(comp_online(f->c));
	fix_advance(f, 20001);
	assert_int_equal(f->received, STREAM_E_CONNECTION_TIMEOUT);
	fix_logged(f, "no answer to the handshake");
}

static void test_header_without_id(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_NO_ID;
	fix_start(f);
	assert_int_equal(f->received, STREAM_E_BAD_FORMAT);
	assert_false(comp_online(f->c));
}

static void test_nobody_listens(void **state)
{
	struct fix *f = *state;

	listen_close(f->ln);
	f->ln = NULL;
	fix_start(f);
	fix_logged(f, "no link to");
	fix_logged(f, "next try in");
}

static void test_reconnect(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_advance(f, 40000); /* long enough to count as stable */
	stream_free(f->r);
	f->r = NULL;
	fix_spin(f);
	assert_int_equal(f->offlines, 1);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), -ENOTCONN);
	fix_advance(f, 1001);
	assert_true(comp_online(f->c));
	assert_int_equal(f->onlines, 2);
}

static void test_ping(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_advance(f, 59000);
	assert_int_equal(f->n_in, 0);
	fix_send(f, " "); /* any byte is a sign of life */
	fix_advance(f, 59000);
	assert_int_equal(f->n_in, 0);
	fix_advance(f, 1100);
	fix_has(f, "<ping xmlns=\"urn:xmpp:ping\"/>");
	fix_has(f, "to=\"" DOM "\"");
	fix_has(f, "from=\"" DOM "\"");
	assert_int_equal(f->n_in, 1);
	fix_send(f, "<iq type='result' id='x' from='" DOM "' to='" DOM "'/>");
	fix_advance(f, 31000);
	assert_true(comp_online(f->c));
}

static void test_dead_link(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_advance(f, 60001);
	assert_int_equal(f->n_in, 1);
	fix_advance(f, 29000);
	assert_true(comp_online(f->c));
	fix_advance(f, 1100);
	assert_false(comp_online(f->c));
	assert_int_equal(f->offlines, 1);
	fix_logged(f, "a ping was not answered");
}

static void test_queue_bound(void **state)
{
	struct fix *f = *state;
	unsigned n;

	fix_online(f);
	n = fix_fill(f);
	fix_spin(f);
	assert_int_equal(f->n_in, n);
	assert_int_equal(comp_send(f->c, el_message(NULL, ME)), 0);
}

static void test_from_is_filled_in(void **state)
{
	struct fix *f = *state;
	struct el *m = el_message(NULL, ME);

	fix_online(f);
	el_set(m, "from", "x@" DOM);
	assert_int_equal(comp_send(f->c, m), 0);
	assert_int_equal(comp_send(f->c, el_presence(NULL, ME)), 0);
	fix_spin(f);
	fix_has(f, "from=\"x@" DOM "\"");
	fix_has(f, "from=\"" DOM "\"");
}

/* --- stop ------------------------------------------------------------------------------------- */

static void test_stop(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	fix_stop(f);
	assert_int_equal(f->stoppeds, 0);
	assert_int_equal(f->stops, 1);
	fix_spin(f);
	assert_int_equal(f->stoppeds, 1);
	assert_int_equal(f->ended, 1);
	assert_int_equal(f->received, STREAM_E_NONE);
	fix_advance(f, 60000); /* and it stays so */
	assert_int_equal(f->accepted, 1);
	assert_int_equal(f->offlines, 0);
}

static void test_stop_while_down(void **state)
{
	struct fix *f = *state;

	f->mode = ROUTER_CONFLICT;
	fix_start(f);
	fix_stop(f);
	fix_spin(f);
	assert_int_equal(f->stoppeds, 1);
	fix_advance(f, 60000);
	assert_int_equal(f->accepted, 1);
}

static void test_stop_deaf_router(void **state)
{
	struct fix *f = *state;

	fix_online(f);
	stream_pause(f->r);
	fix_stop(f);
	fix_spin(f);
	assert_int_equal(f->stoppeds, 0);
	fix_advance(f, 2100);
	assert_int_equal(f->stoppeds, 1);
}

static void test_bad_domain(void **state)
{
	static char bad[] = "user@echo.test";
	struct fix *f = *state;
	struct comp *c = NULL;
	char err[256];

	f->conf.domain = bad;
	assert_int_equal(comp_new(&c, &f->ops, f, f->l, NULL, &f->conf, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "user@echo.test"));
	assert_null(c);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, fix_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_handshake),
		T(test_features_ignored),
		T(test_wrong_secret),
		T(test_back_off_is_bounded),
		T(test_conflict_waits),
		T(test_silent_router),
		T(test_header_without_id),
		T(test_nobody_listens),
		T(test_reconnect),
		T(test_ping),
		T(test_dead_link),
		T(test_queue_bound),
		T(test_from_is_filled_in),
		T(test_stop),
		T(test_stop_while_down),
		T(test_stop_deaf_router),
		T(test_bad_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
