/* SPDX-License-Identifier: MIT */
/* The stream object: its states, its queues and its events.
 *
 * States (enum io_state) go CONNECTING -> OPEN -> CLOSING -> LINGERING -> DEAD, and from each of
 * the first three FAILED -> DEAD.  Only an open stream reads for its owner.
 *
 * Per turn a connection costs one recv when it has input and one send when it has output.  Nothing
 * asks a second time to learn that there is no more: the watch is level-triggered, so what is left
 * comes in the next turn.  The watch itself is changed in the flush only, so a pause and a resume
 * within one turn cost nothing.
 *
 * An idle stream owns no buffer.  A queue takes its memory from a small stock of the loop and gives
 * it back when the kernel has taken everything; only bytes that the kernel refused stay.
 *
 * Must not: call its owner from a function that the owner called; free itself before the end of the
 * turn; touch the stream after an event without looking at its state. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>

#include "io_internal.h"
#include "loop_internal.h"

/* --- what a loop's streams share -------------------------------------------------------------- */

static void shared_end(void *obj)
{
	struct io_shared *sh = obj;

	io_connect_shared_done(sh);
	for (size_t i = 0; i < sh->n_spare; i++)
		sbuf_done(&sh->spare[i]);
	sbuf_done(&sh->cipher);
	BIO_meth_free(sh->bio);
	free(sh);
}

/* The loop ends: streams that were closing by themselves have no owner who could close them. */
static void shared_free(struct io_shared *sh)
{
	while (!list_empty(&sh->orphans))
		io_close(LIST_ENTRY(sh->orphans.next, struct io, orphan));
	loop_reap(sh->loop, shared_end, sh); /* after them */
}

static struct io_shared *shared_of(struct loop *l)
{
	if (!l->io) {
		l->io = xzalloc(sizeof(*l->io));
		l->io->loop = l;
		list_init(&l->io->orphans);
		l->io_free = shared_free;
		io_tls_shared_init(l->io);
		io_connect_shared_init(l->io);
	}
	return l->io;
}

static void queue_take(struct io *io)
{
	if (!io->out.cap && io->sh->n_spare > 0)
		io->out = io->sh->spare[--io->sh->n_spare];
}

static void queue_give(struct io *io)
{
	struct io_shared *sh = io->sh;

	if (!io->out.cap)
		return;
	if (io->out.cap > IO_SPARE_CAP || sh->n_spare == IO_SPARES) {
		sbuf_done(&io->out);
		return;
	}
	sbuf_clear(&io->out);
	sh->spare[sh->n_spare++] = io->out;
	io->out = (struct sbuf)SBUF_INIT;
}

/* --- failing and events ----------------------------------------------------------------------- */

void io_event(struct io *io, enum io_ev ev)
{
	if (io->fn)
		io->fn(io, ev, io->arg);
}

void io_deliver(struct io *io, const char *p, size_t n)
{
	io->data = p;
	io->data_len = n;
	io_event(io, IO_DATA);
	io->data = NULL;
	io->data_len = 0;
}

static void on_closed(void *arg)
{
	io_event(arg, IO_CLOSED);
}

void io_fail(struct io *io, int err, const char *fmt, ...)
{
	va_list ap;

	if (io->state == IO_FAILED || io->state == IO_DEAD)
		return;
	if (io->state >= IO_CLOSING) { /* nobody is left to be told */
		io_close(io);
		return;
	}
	io->state = IO_FAILED;
	io->err = err;
	va_start(ap, fmt);
	io->err_text = xvasprintf(fmt, ap);
	va_end(ap);
	timer_stop(&io->timer);
	sbuf_done(&io->wire);
	queue_give(io);
	task_defer(io->loop, &io->closed);
	task_flush(io->loop, &io->flush); /* takes the watch off, should the owner wait */
}

/* --- reading ---------------------------------------------------------------------------------- */

static void on_input(struct io *io)
{
	ssize_t n = recv(io->fd, io->sh->in, sizeof(io->sh->in), 0);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			io_fail(io, -errno, "recv: %s", strerror(errno));
		return;
	}
	if (n > 0)
		io->last_read = loop_now(io->loop);
	if (io->ssl && n > 0)
		io_tls_input(io, (size_t)n);
	else if (io->ssl)
		io_tls_eof(io);
	else if (n > 0)
		io_deliver(io, io->sh->in, (size_t)n);
	else
		io_fail(io, 0, "closed by peer");
}

/* The owner is gone: whatever still comes is thrown away, so that closing does not become a reset
 * that takes our last bytes from the other side. */
static void discard_input(struct io *io)
{
	ssize_t n = recv(io->fd, io->sh->in, sizeof(io->sh->in), 0);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (n < 0 || io->state == IO_LINGERING) {
		io_close(io);
		return;
	}
	io->eof = true;
	task_flush(io->loop, &io->flush);
}

static void on_fd(int fd, unsigned what, void *arg)
{
	struct io *io = arg;

	(void)fd;
	if (io->state == IO_CONNECTING) {
		io_connect_ready(io);
		return;
	}
	if (what & LOOP_WRITE) {
		io->blocked = false;
		task_flush(io->loop, &io->flush);
		return;
	}
	if (io->state == IO_OPEN && !io->paused)
		on_input(io);
	else if ((io->state == IO_CLOSING && !io->eof) || io->state == IO_LINGERING)
		discard_input(io);
}

/* --- writing ---------------------------------------------------------------------------------- */

int io_send(struct io *io, struct sbuf *b)
{
	size_t want = sbuf_len(b);
	ssize_t n;

	if (want == 0)
		return 0;
	do
		n = send(io->fd, sbuf_data(b), want, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n > 0)
		sbuf_drop(b, (size_t)n);
	if (n > 0 && b == &io->out)
		io->taken += (uint64_t)n;
	io->blocked = n < 0 || (size_t)n < want;
	return 0;
}

static unsigned watch_wanted(const struct io *io)
{
	unsigned write = io->blocked ? LOOP_WRITE : 0;

	switch (io->state) {
	case IO_CONNECTING:
		return LOOP_WRITE;
	case IO_OPEN:
		return io->paused ? write : LOOP_READ | write;
	case IO_CLOSING:
		return io->eof ? write : LOOP_READ | write;
	case IO_LINGERING:
		return LOOP_READ;
	case IO_FAILED:
	case IO_DEAD:
		break;
	}
	return 0;
}

/* All is sent: shuts our side and waits for the other's, see discard_input(). */
static void linger(struct io *io)
{
	uint64_t now = loop_now(io->loop);
	uint64_t left = io->deadline > now ? io->deadline - now : 0;

	if (io->eof || shutdown(io->fd, SHUT_WR) < 0) {
		io_close(io);
		return;
	}
	io->state = IO_LINGERING;
	timer_set(&io->timer, left < IO_LINGER_MS ? left : IO_LINGER_MS);
}

static void after_send(struct io *io)
{
	size_t queued = io_queued(io);

	if (sbuf_len(&io->out) == 0)
		queue_give(io);
	else if (!io->blocked && (!io->ssl || io->secure))
		task_next(io->loop, &io->flush); /* more than one turn's share: others first */
	if (io->state == IO_CLOSING && queued == 0) {
		linger(io);
	} else if (io->was_high && queued <= io->low) {
		io->was_high = false;
		io_event(io, IO_DRAINED);
	}
}

static void on_flush(void *arg)
{
	struct io *io = arg;
	int r;

	if ((io->state == IO_OPEN || io->state == IO_CLOSING) && !io->blocked) {
		r = io->ssl ? io_tls_flush(io) : io_send(io, &io->out);
		if (r < 0)
			io_fail(io, r, "send: %s", strerror(-r));
		else
			after_send(io);
	}
	if (io->state != IO_DEAD && io->watch)
		watch_set(io->watch, watch_wanted(io));
}

struct sbuf *io_out(struct io *io)
{
	queue_take(io);
	return &io->out;
}

void io_wrote(struct io *io)
{
	size_t queued = io_queued(io);

	if (io->state != IO_OPEN && io->state != IO_CONNECTING) {
		queue_give(io);
		return;
	}
	if (io->high && queued > io->high)
		io->was_high = true;
	if (io->hard && queued > io->hard)
		io_fail(io, -ENOBUFS, "%zu bytes wait to be sent", queued);
	else
		task_flush(io->loop, &io->flush);
}

void io_write(struct io *io, const void *p, size_t n)
{
	if (io->state != IO_OPEN && io->state != IO_CONNECTING)
		return;
	sbuf_add(io_out(io), p, n);
	io_wrote(io);
}

size_t io_queued(const struct io *io)
{
	return sbuf_len(&io->out) + sbuf_len(&io->wire);
}

uint64_t io_written(const struct io *io)
{
	return io->taken + sbuf_len(&io->out);
}

uint64_t io_taken(const struct io *io)
{
	return io->taken;
}

bool io_alive(const struct io *io)
{
	return io->state == IO_OPEN || io->state == IO_CONNECTING;
}

void io_set_marks(struct io *io, size_t low, size_t high, size_t hard)
{
	io->low = low;
	io->high = high;
	io->hard = hard;
}

bool io_full(const struct io *io)
{
	return io->high && io_queued(io) > io->high;
}

void io_pause(struct io *io)
{
	io->paused++;
	task_flush(io->loop, &io->flush);
}

void io_resume(struct io *io)
{
	assert(io->paused > 0);
	io->paused--;
	task_flush(io->loop, &io->flush);
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
	struct io *io = arg;

	if (io->state == IO_CONNECTING)
		io_connect_timeout(io);
	else
		io_close(io);
}

struct io *io_alloc(struct loop *l, io_fn *fn, void *arg)
{
	struct io *io = xzalloc(sizeof(*io));

	io->loop = l;
	io->sh = shared_of(l);
	io->fn = fn;
	io->arg = arg;
	io->fd = -1;
	io->last_read = loop_now(l);
	list_init(&io->orphan);
	task_init(&io->flush, on_flush, io);
	task_init(&io->closed, on_closed, io);
	timer_init(&io->timer, l, on_timer, io);
	return io;
}

void io_attach(struct io *io, int fd)
{
	watch_free(io->watch);
	io->watch = NULL;
	if (io->fd >= 0)
		close(io->fd);
	io->fd = fd;
	if (fd < 0)
		return;
	io->watch = watch_new(io->loop, fd, on_fd, io);
	watch_set(io->watch, watch_wanted(io));
}

void io_opened(struct io *io)
{
	io->state = IO_OPEN;
	addr_of_peer(&io->addr, io->fd);
	watch_set(io->watch, watch_wanted(io));
}

struct io *io_new(struct loop *l, int fd, io_fn *fn, void *arg)
{
	struct io *io = io_alloc(l, fn, arg);

	io->state = IO_OPEN;
	io_attach(io, fd);
	io_opened(io);
	return io;
}

static void io_free(void *obj)
{
	struct io *io = obj;

	io_tls_done(io);
	sbuf_done(&io->wire);
	free(io->err_text);
	free(io);
}

void io_close(struct io *io)
{
	if (!io)
		return;
	assert(io->state != IO_DEAD);
	io->state = IO_DEAD;
	io->fn = NULL;
	list_del(&io->orphan);
	task_cancel(&io->flush);
	task_cancel(&io->closed);
	timer_done(&io->timer);
	io_connect_done(io);
	io_attach(io, -1);
	queue_give(io);
	loop_reap(io->loop, io_free, io);
}

void io_close_flushed(struct io *io, unsigned timeout_ms)
{
	assert(io->state != IO_CLOSING && io->state != IO_LINGERING);
	if (io->state != IO_OPEN || (io->ssl && !io->secure)) {
		io_close(io); /* nothing can be sent any more, or yet */
		return;
	}
	io->fn = NULL;
	io->state = IO_CLOSING;
	list_add_tail(&io->sh->orphans, &io->orphan);
	io->deadline = loop_now(io->loop) + timeout_ms;
	timer_set(&io->timer, timeout_ms);
	task_flush(io->loop, &io->flush);
}

/* --- questions -------------------------------------------------------------------------------- */

const char *io_data(const struct io *io, size_t *ret_len)
{
	*ret_len = io->data_len;
	return io->data;
}

int io_error(const struct io *io)
{
	return io->err;
}

const char *io_error_text(const struct io *io)
{
	return io->err_text ? io->err_text : "";
}

const char *io_peer(const struct io *io)
{
	return io->addr.text;
}

uint16_t io_peer_port(const struct io *io)
{
	switch (io->addr.sa.sa_family) {
	case AF_INET:
		return ntohs(io->addr.in.sin_port);
	case AF_INET6:
		return ntohs(io->addr.in6.sin6_port);
	default:
		return 0;
	}
}

const struct sockaddr *io_peer_addr(const struct io *io)
{
	return io->addr.text[0] ? &io->addr.sa : NULL;
}

struct loop *io_loop(const struct io *io)
{
	return io->loop;
}

uint64_t io_last_read(const struct io *io)
{
	return io->last_read;
}
