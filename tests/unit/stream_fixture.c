/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "stream_fixture.h"

static void note(struct end *e, const char *what)
{
	size_t n = strlen(e->log);

	(void)snprintf(e->log + n, sizeof(e->log) - n, "%s ", what);
}

static void on_el(struct end *e, struct stream *s)
{
	const struct el *el = stream_el(s);

	e->els++;
	if (++e->turn_now > e->turn_max)
		e->turn_max = e->turn_now;
	if (e->els <= 100)
		note(e, el_name(el));
	if (e->restart && !strcmp(el_name(el), "auth")) {
		stream_puts(s, "<success/>");
		stream_restart(s);
	}
	if (e->starttls && !strcmp(el_name(el), "starttls")) {
		const struct io_tls t = { .dflt = e->server };

		stream_puts(s, "<proceed/>");
		e->starttls_err = stream_starttls(s, &t);
		if (e->starttls_err < 0)
			stream_error(s, STREAM_E_POLICY_VIOLATION, "clear bytes");
	}
	if (e->client && !strcmp(el_name(el), "proceed"))
		stream_tls_client(s, e->client, "example.org", NULL);
	if (e->close_on_el)
		stream_close(s);
	if (e->pause_on_el)
		stream_pause(s);
	if (e->error_on_el)
		stream_error(s, STREAM_E_CONFLICT, "<&> \"two\"");
}

void end_event(struct stream *s, enum stream_ev ev, void *arg)
{
	static const struct stream_header hd = {
		.from = "example.org", .id = "x1", .version = "1.0"
	};
	struct end *e = arg;

	switch (ev) {
	case STREAM_CONNECTED:
		note(e, "C");
		break;
	case STREAM_SECURE:
		note(e, "S");
		if (e->client)
			stream_send_header(s, &hd);
		break;
	case STREAM_HEAD:
		note(e, "H");
		assert_non_null(stream_head(s));
		if (e->answer)
			stream_send_header(s, &hd);
		break;
	case STREAM_EL:
		on_el(e, s);
		break;
	case STREAM_DRAINED:
		note(e, "D");
		break;
	case STREAM_CLOSED:
		note(e, "X");
		e->closed++;
		(void)snprintf(e->reason, sizeof(e->reason), "%s", stream_reason(s));
		e->sent = stream_error_sent(s);
		e->received = stream_error_received(s);
		assert_non_null(stream_io_of(s));
		stream_free(s);
		e->s = NULL;
		break;
	}
}

const struct stream_conf stream_conf = {
	.content_ns = NS_CLIENT,
	.accepts = true,
	.lim = { .stanza = 10000, .depth = 16, .attrs = 16, .nodes = 100 },
	.out_low = 1 << 16,
	.out_high = 1 << 18,
	.out_hard = 1 << 20,
};

static void nonblock(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

int stream_setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	nonblock(fd[0]);
	nonblock(fd[1]);
	f->l = loop_new();
	f->fd = fd[1];
	f->a.answer = true;
	f->a.s = stream_accept(f->l, fd[0], &stream_conf, end_event, &f->a);
	*state = f;
	return 0;
}

int stream_teardown(void **state)
{
	struct fix *f = *state;

	stream_free(f->a.s);
	(void)loop_turn(f->l, false);
	if (f->fd >= 0)
		close(f->fd);
	sbuf_done(&f->in);
	(void)loop_turn(f->l, false);
	loop_free(f->l);
	free(f);
	return 0;
}

void spin(struct fix *f)
{
	for (int quiet = 0; quiet < 3;) {
		char buf[65536];
		ssize_t n;

		f->a.turn_now = 0;
		quiet = loop_turn(f->l, false) ? 0 : quiet + 1;
		while (f->fd >= 0 && (n = read(f->fd, buf, sizeof(buf))) > 0)
			sbuf_add(&f->in, buf, (size_t)n);
	}
}

void send_raw(struct fix *f, const char *p)
{
	assert_int_equal(write(f->fd, p, strlen(p)), (ssize_t)strlen(p));
	spin(f);
}

const char *got(struct fix *f)
{
	return sbuf_str(&f->in);
}

void has(struct fix *f, const char *want)
{
	if (!strstr(got(f), want))
		fail_msg("no %s in: %s", want, got(f));
}
