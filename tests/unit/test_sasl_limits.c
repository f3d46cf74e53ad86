/* SPDX-License-Identifier: MIT */
/* What failing costs: tries of a connection, late answers, the queue of PLAIN; and the log. */
#include <sys/socket.h>

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>

#include "auth/sasl_internal.h"
#include "sasl_client.h"

#define ROMEO "romeo@" DOMAIN
#define PASSWORD "wherefore art"
#define SCRAM "SCRAM-SHA-256"
#define MINUTE 60000

static struct io *near;
static struct client c;
static int far;

static void io_event(struct io *io, enum io_ev ev, void *arg)
{
	(void)arg;
	(void)io;
	fail_msg("event %d", (int)ev);
}

static int setup(void **state)
{
	int fd[2];

	auth_setup(state);
	auth.conf.limit.failed_logins = 2;
	assert_int_equal(sasl_server_open(&auth.r.sasl, &auth.r), 0);
	assert_int_equal(auth_add(ROMEO, PASSWORD), 0);
	assert_int_equal(auth_add("juliet@" DOMAIN, PASSWORD), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	near = io_new(auth.f.loop, fd[0], io_event, NULL);
	far = fd[1];
	client_open(&c, near);
	return 0;
}

static int teardown(void **state)
{
	client_close(&c);
	io_close(near);
	close(far);
	log_capture(NULL, NULL);
	log_set_level(LOG_LVL_ERROR);
	return auth_teardown(state);
}

static void again(void)
{
	client_close(&c);
	client_open(&c, near);
}

/* A connection from there. */
static void again_from(const char *addr)
{
	again();
	(void)snprintf(c.sa->addr, sizeof(c.sa->addr), "%s", addr);
}

static void advance(uint64_t ms)
{
	loop_clock_advance(auth.f.loop, ms);
	for (int i = 0; i < 5; i++)
		(void)loop_turn(auth.f.loop, false);
}

static void wrong_at_once(const char *user)
{
	assert_int_equal(client_scram(&c, SCRAM, user, "rapier"), SASL_FAILED);
	client_failed(&c, "not-authorized");
}

static void late_after(uint64_t ms)
{
	assert_true(c.waits);
	advance(ms - 1500); /* the real clock goes on, too: a loaded machine has room for 1.5 s */
	assert_true(c.waits);
	advance(1500);
	assert_false(c.waits);
}

/* --- tries ------------------------------------------------------------------------------------ */

static void test_five_tries(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(client_raw(&c, "auth", "NOSUCH", NULL), SASL_FAILED);
	assert_int_equal(client_raw(&c, "auth", "NOSUCH", NULL), SASL_DROP);
	client_failed(&c, "invalid-mechanism");
	assert_int_equal(client_plain(&c, "romeo", PASSWORD), SASL_DROP);
	assert_int_equal(sbuf_len(&c.xml), 0);
}

/* --- late answers ----------------------------------------------------------------------------- */

static void test_late_by_address(void **state)
{
	(void)state;
	wrong_at_once("romeo");
	wrong_at_once("tybalt"); /* nobody */
	assert_int_equal(client_scram(&c, SCRAM, "mercutio", "x"), SASL_SENT);
	late_after(3000);
	assert_int_equal(c.status, SASL_FAILED);
	client_failed(&c, "not-authorized");

	/* Each time a bit longer, also for the right one, which was not tried before. */
	assert_int_equal(client_scram(&c, SCRAM, "juliet", PASSWORD), SASL_SENT);
	late_after(5000);
	assert_int_equal(c.status, SASL_SUCCESS);
	assert_memory_equal(c.data, "v=", 2);
	assert_string_equal(sasl_jid(c.sa)->s, "juliet@" DOMAIN);

	again_from("192.0.2.1");
	assert_int_equal(client_scram(&c, SCRAM, "juliet", PASSWORD), SASL_SUCCESS);
	again();
	advance(MINUTE);
	assert_int_equal(client_scram(&c, SCRAM, "juliet", PASSWORD), SASL_SUCCESS);
}

/* From many addresses on one name, whether it exists or not. */
static void test_late_by_account(void **state)
{
	static const char *const names[] = { "romeo", "tybalt" };
	char addr[32];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned k = 0; k < 2; k++) {
			(void)snprintf(addr, sizeof(addr), "192.0.2.%u", 10 * i + k);
			again_from(addr);
			wrong_at_once(names[i]);
		}
		again_from("192.0.2.100");
		assert_int_equal(client_scram(&c, SCRAM, names[i], "rapier"), SASL_SENT);
		late_after(3000);
		client_failed(&c, "not-authorized");
	}
	again_from("192.0.2.101");
	assert_int_equal(client_scram(&c, SCRAM, "juliet", PASSWORD), SASL_SUCCESS);
	again_from("192.0.2.102");
	(void)client_plain(&c, "romeo", PASSWORD);
	for (int i = 0; i < 10; i++)
		(void)loop_turn(auth.f.loop, false);
	late_after(3000);
	assert_int_equal(c.status, SASL_SUCCESS);
}

static void test_delay_has_a_bound(void **state)
{
	static const unsigned ms[] = { 3000, 5000, 7000, 9000, 10000 };

	(void)state;
	wrong_at_once("romeo");
	wrong_at_once("romeo");
	again();
	for (int i = 0; i < 5; i++) {
		auth.conf.limit.failed_logins = 1; /* a slow refill */
		sasl_server_reload(auth.r.sasl);
		while (rate_table_take(auth.r.sasl->by_account, ROMEO, 1, loop_now(auth.f.loop))) {
		}
		assert_int_equal(client_scram(&c, SCRAM, "romeo", "rapier"), SASL_SENT);
		late_after(ms[i]);
		assert_int_equal(c.status, i < 4 ? SASL_FAILED : SASL_DROP);
	}
	assert_int_equal(client_raw(&c, "abort", NULL, NULL), SASL_DROP);
}

/* What is no guess is answered at once and does not count.  Some clients try a channel binding
 * that we have not before anything else. */
static void test_what_does_not_count(void **state)
{
	static const char binding[] = "p=tls-unique,,n=romeo,r=nonce";

	(void)state;
	for (int i = 0; i < 10; i++) {
		again();
		assert_int_equal(client_raw(&c, "abort", NULL, NULL), SASL_FAILED);
		assert_int_equal(client_raw(&c, "auth", "PLAIN", "!"), SASL_FAILED);
		assert_int_equal(
		    client_say(&c, "auth", SCRAM, binding, sizeof(binding) - 1), SASL_FAILED);
	}
	again();
	assert_int_equal(client_scram(&c, SCRAM, "romeo", PASSWORD), SASL_SUCCESS);
}

static void test_no_limit(void **state)
{
	(void)state;
	auth.conf.limit.failed_logins = 0;
	sasl_server_reload(auth.r.sasl);
	for (int i = 0; i < 10; i++) {
		again();
		wrong_at_once("romeo");
	}
}

/* One address with many connections. */
#define CROWD 12
static struct client crowd[CROWD];

static void crowd_comes(void)
{
	wrong_at_once("romeo");
	wrong_at_once("tybalt");
	for (int i = 0; i < CROWD; i++)
		client_open(&crowd[i], near);
}

static void crowd_goes(void)
{
	for (int i = 0; i < CROWD; i++)
		client_close(&crowd[i]);
}

static int answered(void)
{
	int n = 0;

	for (int i = 0; i < CROWD; i++)
		n += (int)crowd[i].late;
	return n;
}

/* Three at once, then one every three seconds, and none that would have to wait for more than
 * twenty: their outcome is not told. */
static void test_guesses_stand_in_line(void **state)
{
	enum { FIT = 8 };

	(void)state;
	crowd_comes();
	for (int i = 0; i < FIT; i++) {
		assert_int_equal(client_scram(&crowd[i], SCRAM, "mercutio", "x"), SASL_SENT);
		assert_true(crowd[i].waits);
	}
	for (int i = FIT; i < CROWD; i++) {
		const char *password = i % 2 ? PASSWORD : "x";

		assert_int_equal(client_scram(&crowd[i], SCRAM, "juliet", password), SASL_FAILED);
		client_failed(&crowd[i], "temporary-auth-failure");
	}
	again_from("192.0.2.1");
	assert_int_equal(client_scram(&c, SCRAM, "juliet", PASSWORD), SASL_SUCCESS);
	advance(1500);
	assert_int_equal(answered(), 0);
	advance(1500);
	for (int n = 3; n <= FIT; n++) {
		assert_int_equal(answered(), n);
		advance(1500);
		assert_int_equal(answered(), n);
		advance(1500);
	}
	for (int i = 0; i < FIT; i++)
		client_failed(&crowd[i], "not-authorized");
	crowd_goes();
}

/* Who knows their passwords does not have to wait for one another: an office behind one address,
 * and one device in it that does not. */
static void test_right_ones_take_no_time(void **state)
{
	(void)state;
	crowd_comes();
	for (int i = 0; i < CROWD; i++) {
		bool wrong = i == CROWD / 2 || i == CROWD / 2 + 1;
		const char *password = wrong ? "x" : PASSWORD;

		assert_int_equal(client_scram(&crowd[i], SCRAM, "juliet", password), SASL_SENT);
	}
	advance(1500);
	assert_int_equal(answered(), 0);
	advance(1501); /* the line is three seconds, rounded up */
	assert_int_equal(answered(), CROWD);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(crowd[i].status,
		    i == CROWD / 2 || i == CROWD / 2 + 1 ? SASL_FAILED : SASL_SUCCESS);
	crowd_goes();
}

/* The connection goes while an answer is held; and one that speaks meanwhile is dropped. */
static void test_gone_while_held(void **state)
{
	(void)state;
	wrong_at_once("romeo");
	wrong_at_once("romeo");
	assert_int_equal(client_scram(&c, SCRAM, "romeo", PASSWORD), SASL_SENT);
	assert_true(c.waits);
	again();
	advance(20000);
	assert_int_equal(c.late, 0);

	assert_int_equal(client_scram(&c, SCRAM, "romeo", "rapier"), SASL_SENT);
	assert_true(c.waits);
	assert_int_equal(client_raw(&c, "auth", SCRAM, NULL), SASL_DROP);
	advance(20000);
	assert_int_equal(c.late, 0);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void test_one_a_turn(void **state)
{
	struct client v[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		client_open(&v[i], near);
		assert_int_equal(client_plain(&v[i], "romeo", PASSWORD), SASL_SENT);
	}
	client_close(&v[1]); /* gives its place up */
	(void)loop_turn(auth.f.loop, false);
	assert_true(!v[0].waits && v[2].waits);
	(void)loop_turn(auth.f.loop, false);
	assert_true(!v[2].waits && v[3].waits);
	assert_int_equal(client_raw(&v[3], "abort", NULL, NULL), SASL_DROP);
	assert_int_equal(auth.r.sasl->n_plain, 0);
	for (int i = 0; i < 3; i++)
		(void)loop_turn(auth.f.loop, false);
	assert_int_equal(v[0].status, SASL_SUCCESS);
	assert_int_equal(v[2].status, SASL_SUCCESS);
	assert_int_equal(v[3].late, 0);
	client_close(&v[0]);
	client_close(&v[2]);
	client_close(&v[3]);
}

static void test_full_queue(void **state)
{
	struct client *v = xzalloc(1024 * sizeof(*v));

	(void)state;
	for (int i = 0; i < 1024; i++) {
		client_open(&v[i], near);
		assert_int_equal(client_plain(&v[i], "romeo", PASSWORD), SASL_SENT);
		assert_true(v[i].waits);
	}
	assert_int_equal(client_plain(&c, "romeo", PASSWORD), SASL_FAILED);
	client_failed(&c, "temporary-auth-failure");
	for (int i = 0; i < 1024; i++)
		client_close(&v[i]);
	(void)client_plain(&c, "romeo", PASSWORD);
	assert_int_equal(client_wait(&c), SASL_SUCCESS);
	free(v);
}

/* --- the log ---------------------------------------------------------------------------------- */

static struct sbuf lines;

static void take_line(const char *line, void *arg)
{
	(void)arg;
	sbuf_puts(&lines, line);
	sbuf_putc(&lines, '\n');
}

static void test_log(void **state)
{
	const char *p;

	(void)state;
	log_set_level(LOG_LVL_DEBUG);
	log_capture(take_line, NULL);
	(void)client_plain(&c, "tybalt", "hunter2");
	assert_int_equal(client_wait(&c), SASL_FAILED);
	p = sbuf_str(&lines);
	assert_non_null(strstr(p, "lvl=info mod=sasl"));
	assert_non_null(strstr(p, "peer=unix"));
	assert_non_null(strstr(p, "jid=tybalt@" DOMAIN));
	assert_non_null(strstr(p, "not-authorized, PLAIN"));
	sbuf_clear(&lines);
	assert_int_equal(client_scram(&c, SCRAM, "romeo", PASSWORD), SASL_SUCCESS);
	p = sbuf_str(&lines);
	assert_non_null(strstr(p, "jid=" ROMEO));
	assert_non_null(strstr(p, "login: " SCRAM));
	assert_null(strstr(p, "hunter2"));
	assert_null(strstr(p, PASSWORD));
	sbuf_done(&lines);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_five_tries),
		CASE(test_late_by_address),
		CASE(test_late_by_account),
		CASE(test_delay_has_a_bound),
		CASE(test_what_does_not_count),
		CASE(test_no_limit),
		CASE(test_guesses_stand_in_line),
		CASE(test_right_ones_take_no_time),
		CASE(test_gone_while_held),
		CASE(test_one_a_turn),
		CASE(test_full_queue),
		CASE(test_log),
	};

	log_set_level(LOG_LVL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
