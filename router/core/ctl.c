/* SPDX-License-Identifier: MIT */
/* The control socket: who is connected, lines in, lines out.  ctl_cmd.c does what they ask for.
 *
 * A client is reading (its lines are carried out one after the other, one a turn) or waiting (for
 * the answer to its request, or until it has taken earlier answers: then nothing is read from it,
 * so that it has gone away shows at the answer).
 * Silent for IDLE_MS it is closed, except while it waits for us.
 *
 * Who may open the socket is who may do everything here: there is no login.  Must not log what a
 * line says: it may hold a password. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/io.h>
#include <base/lim.h>
#include <base/listen.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/sbuf.h>

#include "conf.h"
#include "core/ctl.h"
#include "core/ctl_cmd.h"
#include "router.h"

enum {
	CLIENTS_MAX = 16,
	IDLE_MS = 60000,
	FLUSH_MS = 1000,
	OUT_LOW = 32768,
	OUT_HIGH = 262144,
};

struct ctl {
	struct router *router;
	struct listener *listener;
	struct list clients, requests;
	size_t n_clients;
	uint64_t opened; /* loop_now() */
};

struct ctl_client {
	struct list link;
	struct ctl *ctl;
	struct io *io;
	struct sbuf in;
	struct timer idle;
	struct task work;
	struct ctl_req *req; /* being carried out; NULL: none */
	bool paused;
};

static const struct log_tag tag = { .mod = "ctl" };

/* --- answers -------------------------------------------------------------------------------- */

static void req_done(struct ctl_req *req)
{
	struct ctl_client *c = req->client;

	if (c) {
		c->req = NULL;
		timer_set(&c->idle, IDLE_MS);
		task_next(req->router->loop, &c->work);
	}
	list_del(&req->link);
	ctl_call_done(&req->call);
	free(req->jid);
	free(req);
}

static void put_line(struct io *io, json_t *answer)
{
	char *line = json_dumps(answer, JSON_COMPACT);

	io_write(io, line, strlen(line));
	io_write(io, "\n", 1);
	free(line);
}

void ctl_answer(struct ctl_req *req, json_t *rows, const char *next)
{
	json_t *answer = json_object();

	(void)json_object_set_new(answer, "ok", json_true());
	(void)json_object_set_new(answer, "rows", rows ? rows : json_array());
	if (next)
		(void)json_object_set_new(answer, "next", ctl_text(next));
	if (req->client)
		put_line(req->client->io, answer);
	json_decref(answer);
	req_done(req);
}

static json_t *refusal(const char *why)
{
	json_t *answer = json_object();

	(void)json_object_set_new(answer, "ok", json_false());
	(void)json_object_set_new(answer, "error", ctl_text(why));
	return answer;
}

void ctl_refuse(struct ctl_req *req, const char *fmt, ...)
{
	json_t *answer;
	va_list ap;
	char *why;

	va_start(ap, fmt);
	why = xvasprintf(fmt, ap);
	va_end(ap);
	answer = refusal(why);
	if (req->client)
		put_line(req->client->io, answer);
	json_decref(answer);
	free(why);
	req_done(req);
}

int64_t ctl_uptime(const struct ctl_req *req)
{
	return req->ctl ? (int64_t)((loop_now(req->router->loop) - req->ctl->opened) / 1000) : 0;
}

/* --- clients -------------------------------------------------------------------------------- */

static void forget_input(struct ctl_client *c)
{
	mem_wipe(c->in.data, c->in.cap); /* passwords came this way */
	sbuf_clear(&c->in);
}

static void client_free(struct ctl_client *c)
{
	if (c->req)
		c->req->client = NULL;
	c->ctl->n_clients--;
	list_del(&c->link);
	timer_done(&c->idle);
	task_cancel(&c->work);
	forget_input(c);
	sbuf_done(&c->in);
	loop_reap(c->ctl->router->loop, free, c);
}

static void on_idle(void *arg)
{
	struct ctl_client *c = arg;

	log_debug(&tag, "a client was silent for %d s", IDLE_MS / 1000);
	io_close(c->io);
	client_free(c);
}

static void refuse_client(struct ctl_client *c, const char *why)
{
	json_t *answer = refusal(why);

	put_line(c->io, answer);
	json_decref(answer);
	io_close_flushed(c->io, FLUSH_MS);
	client_free(c);
}

static void begin(struct ctl_client *c, const char *line, size_t n)
{
	struct ctl_req *req = xzalloc(sizeof(*req));
	char err[256];

	req->router = c->ctl->router;
	req->ctl = c->ctl;
	req->client = c;
	list_add_tail(&c->ctl->requests, &req->link);
	c->req = req;
	timer_stop(&c->idle);
	if (ctl_call_parse(&req->call, ctl_cmds, line, n, err, sizeof(err)) < 0)
		ctl_refuse(req, "%s", err);
	else
		req->call.cmd->run(req);
}

static void set_paused(struct ctl_client *c, bool paused)
{
	if (c->paused == paused)
		return;
	c->paused = paused;
	if (paused)
		io_pause(c->io);
	else
		io_resume(c->io);
}

/* The next line, if it may be its turn; nothing is read while there are lines to carry out, so what
 * waits here is bounded by one line and what is read at once. */
static void work(void *arg)
{
	struct ctl_client *c = arg;
	const char *line = sbuf_data(&c->in), *end;

	if (c->req || io_full(c->io)) {
		set_paused(c, true);
		return;
	}
	end = memchr(line, '\n', sbuf_len(&c->in));
	if ((end ? (size_t)(end - line) : sbuf_len(&c->in)) > LIM_CTL_LINE) {
		refuse_client(c, "the request is too long");
		return;
	}
	set_paused(c, end != NULL);
	if (!end)
		return;
	begin(c, line, (size_t)(end - line));
	sbuf_drop(&c->in, (size_t)(end - line) + 1);
	if (sbuf_len(&c->in) == 0)
		forget_input(c);
}

static void on_io(struct io *io, enum io_ev ev, void *arg)
{
	struct ctl_client *c = arg;
	const char *p;
	size_t n;

	switch (ev) {
	case IO_DATA:
		p = io_data(io, &n);
		sbuf_add(&c->in, p, n);
		if (!c->req)
			timer_set(&c->idle, IDLE_MS);
		if (!c->paused)
			work(c);
		break;
	case IO_DRAINED:
		work(c);
		break;
	case IO_CLOSED:
		io_close(io);
		client_free(c);
		break;
	case IO_CONNECTED:
	case IO_SECURE:
		break;
	}
}

static void accepted(int fd, void *arg)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients of the control "
				   "socket, try again later\"}\n";
	struct ctl *ctl = arg;
	struct ctl_client *c;

	if (ctl->n_clients >= CLIENTS_MAX) {
		(void)send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)close(fd);
		return;
	}
	c = xzalloc(sizeof(*c));
	c->ctl = ctl;
	ctl->n_clients++;
	list_add_tail(&ctl->clients, &c->link);
	timer_init(&c->idle, ctl->router->loop, on_idle, c);
	timer_set(&c->idle, IDLE_MS);
	task_init(&c->work, work, c);
	c->io = io_new(ctl->router->loop, fd, on_io, c);
	io_set_marks(c->io, OUT_LOW, OUT_HIGH, 0);
}

/* --- the socket ----------------------------------------------------------------------------- */

int ctl_open(struct ctl **out, struct router *r, char *err, size_t err_len)
{
	struct ctl *c;
	char why[256];
	int rc;

	if (!*r->conf->ctl_socket) {
		*out = NULL;
		return 0;
	}
	json_set_alloc_funcs(xmalloc, free); /* so that building an answer never fails */
	c = xzalloc(sizeof(*c));
	c->router = r;
	c->opened = loop_now(r->loop);
	list_init(&c->clients);
	list_init(&c->requests);
	rc = listen_unix(
	    &c->listener, r->loop, r->conf->ctl_socket, 0600, accepted, c, why, sizeof(why));
	if (rc < 0) {
		(void)snprintf(err, err_len, "control socket (CTL_SOCKET): %s", why);
		free(c);
		return rc;
	}
	*out = c;
	return 0;
}

/* What was begun goes on: its completions find nobody to answer. */
void ctl_close(struct ctl *ctl)
{
	if (!ctl)
		return;
	listen_close(ctl->listener);
	LIST_EACH_SAFE (it, &ctl->clients) {
		struct ctl_client *c = LIST_ENTRY(it, struct ctl_client, link);

		io_close(c->io);
		client_free(c);
	}
	LIST_EACH_SAFE (it, &ctl->requests) {
		LIST_ENTRY(it, struct ctl_req, link)->ctl = NULL;
		list_del(it);
	}
	free(ctl);
}
