/* SPDX-License-Identifier: MIT */
/* The session table.  Two maps: accounts with sessions by bare JID, sessions by full JID. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <base/loop.h>
#include <base/metrics.h>
#include <base/rnd.h>

#include "conf.h"
#include "core/asleep.h"
#include "core/session.h"
#include "core/session_csi.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "core/untold.h"
#include "router.h"

struct sessions {
	struct router *router;
	struct map by_full;
	struct map by_bare;
	struct list all;
	struct asleep asleep;
	struct untold untold;
};

static struct metric m_sessions =
    METRIC_GAUGE("switchyard_sessions", "Bound client sessions.", NULL);

int sessions_open(struct sessions **out, struct router *r)
{
	struct sessions *ss = xzalloc(sizeof(*ss));

	ss->router = r;
	map_init(&ss->by_full);
	map_init(&ss->by_bare);
	list_init(&ss->all);
	asleep_init(&ss->asleep);
	untold_init(&ss->untold, r->loop);
	metric_set(&m_sessions, 0);
	*out = ss;
	return 0;
}

void sessions_close(struct sessions *ss)
{
	if (!ss)
		return;
	assert(list_empty(&ss->all)); /* c2s ends its sessions first */
	map_done(&ss->by_full);
	map_done(&ss->by_bare);
	untold_done(&ss->untold);
	free(ss);
}

static struct user *user_enter(struct sessions *ss, const struct jid *jid)
{
	struct user *u = sessions_user(ss, jid);

	if (u)
		return u;
	u = xzalloc(sizeof(*u));
	u->jid = *jid;
	u->jid.res = 0;
	u->jid.len = (uint16_t)jid_bare_len(jid);
	u->jid.s = xstrndup(jid->s, u->jid.len);
	list_init(&u->sessions);
	map_put(&ss->by_bare, &u->node, u->jid.s, u->jid.len);
	return u;
}

static void user_leave(struct sessions *ss, struct user *u)
{
	if (--u->n_sessions > 0)
		return;
	map_del(&ss->by_bare, &u->node);
	jid_done(&u->jid);
	free(u);
}

struct session *session_new(struct sessions *ss, const struct jid *jid, struct stream *stream,
    void *owner, const char *lang)
{
	struct session *s = xzalloc(sizeof(*s));

	assert(jid->res && !sessions_find(ss, jid));
	s->router = ss->router;
	s->jid = jid_dup(jid);
	s->stream = stream;
	s->owner = owner;
	s->lang = lang ? xstrdup(lang) : NULL;
	s->since_ms = loop_wall_ms(ss->router->loop);
	rnd_id(s->id, sizeof(s->id) - 1);
	s->tag = (struct log_tag){ "session", s->id, io_peer(stream_io_of(stream)), s->jid.s };
	list_init(&s->flight.list);
	list_init(&s->flight.apart);
	map_init(&s->im.directed);
	map_init(&s->im.told);

	s->user = user_enter(ss, jid);
	s->user->n_sessions++;
	list_add_tail(&s->user->sessions, &s->of_user);
	list_add_tail(&ss->all, &s->of_all);
	map_put(&ss->by_full, &s->node, s->jid.s, s->jid.len);
	metric_add(&m_sessions, 1);
	return s;
}

static void session_destroy(void *arg)
{
	struct session *s = arg;

	jid_done(&s->jid);
	free(s->lang);
	free(s->archived_until);
	free(s->page.last);
	free(s->queue.ends);
	free(s);
}

void session_free(struct session *s)
{
	struct sessions *ss = s->router->sessions;

	/* im/ and the policy have emptied what is theirs (presence_session_end). */
	assert(!s->im.presence && map_len(&s->im.directed) == 0);
	session_csi_free(s);
	session_sm_free(s);
	map_done(&s->im.directed);
	map_done(&s->im.told);
	map_del(&ss->by_full, &s->node);
	list_del(&s->of_user);
	list_del(&s->of_all);
	user_leave(ss, s->user);
	s->user = NULL;
	s->stream = NULL;
	metric_add(&m_sessions, -1);
	loop_reap(s->router->loop, session_destroy, s);
}

struct session *sessions_find(struct sessions *ss, const struct jid *full)
{
	struct map_node *n = map_get(&ss->by_full, full->s, full->len);

	return n ? MAP_ENTRY(n, struct session, node) : NULL;
}

struct user *sessions_user(struct sessions *ss, const struct jid *any)
{
	struct map_node *n = map_get(&ss->by_bare, any->s, jid_bare_len(any));

	return n ? MAP_ENTRY(n, struct user, node) : NULL;
}

struct asleep *sessions_asleep(struct sessions *ss)
{
	return &ss->asleep;
}

struct untold *sessions_untold(struct sessions *ss)
{
	return &ss->untold;
}

size_t sessions_count(const struct sessions *ss)
{
	return map_len(&ss->by_full);
}

struct list *sessions_all(struct sessions *ss)
{
	return &ss->all;
}

static void detach(struct list *all)
{
	LIST_EACH_SAFE (it, all) {
		struct stanza *st = LIST_ENTRY(it, struct stanza, link);

		list_del(it);
		st->session = NULL;
		st->done = NULL;
	}
}

void session_flight_detach(struct session *s)
{
	detach(&s->flight.list);
	detach(&s->flight.apart);
	s->flight.n = s->flight.bytes = 0;
}

/* --- what waits for the client ---------------------------------------------------------------- */

/* The bytes have a hard mark of their own in the stream; this is the bound on their number.  A
 * stanza waits until its last byte has left the queue, so one position for each is enough.  Those
 * that have left are forgotten when the next comes. */
#define QUEUE_MIN 8

static void queue_forget(struct session *s)
{
	uint64_t taken = io_taken(stream_io_of(s->stream));

	while (s->queue.n > 0 && s->queue.ends[s->queue.first] <= taken) {
		s->queue.first = (s->queue.first + 1) & (s->queue.cap - 1);
		s->queue.n--;
	}
	if (s->queue.n > 0 || s->queue.cap <= QUEUE_MIN)
		return;
	free(s->queue.ends); /* it was behind for a while, and is not any more */
	s->queue.ends = NULL;
	s->queue.cap = 0;
}

void session_queue_reset(struct session *s)
{
	s->queue.first = s->queue.n = 0;
}

bool session_has_room(struct session *s)
{
	int64_t max = s->router->conf->limit.output_stanzas;

	if (!s->stream || !stream_alive(s->stream) || io_full(stream_io_of(s->stream)))
		return false;
	queue_forget(s);
	return max == 0 || 2 * s->queue.n < (uint64_t)max;
}

static void queue_grow(struct session *s)
{
	size_t cap = s->queue.cap ? 2 * s->queue.cap : QUEUE_MIN;
	uint64_t *ends = xreallocarray(NULL, cap, sizeof(*ends));

	for (size_t i = 0; i < s->queue.n; i++)
		ends[i] = s->queue.ends[(s->queue.first + i) & (s->queue.cap - 1)];
	free(s->queue.ends);
	s->queue.ends = ends;
	s->queue.first = 0;
	s->queue.cap = cap;
}

/* Before a stanza is written: as session_send(). */
static int queue_room(struct session *s)
{
	int64_t max = s->router->conf->limit.output_stanzas;

	if (!s->stream || !stream_alive(s->stream))
		return -ENOTCONN;
	queue_forget(s);
	if (max == 0 || s->queue.n < (uint64_t)max)
		return 0;
	session_kick(s, STREAM_E_RESOURCE_CONSTRAINT, "the client does not read");
	return -ENOBUFS;
}

/* It has been written. */
static int queue_add(struct session *s)
{
	if (!stream_alive(s->stream)) /* by this: its bytes were too many */
		return -ENOBUFS;
	if (s->queue.n == s->queue.cap)
		queue_grow(s);
	s->queue.ends[(s->queue.first + s->queue.n) & (s->queue.cap - 1)] =
	    io_written(stream_io_of(s->stream));
	s->queue.n++;
	return 0;
}

int session_write(struct session *s, const char *p, size_t n)
{
	int r = queue_room(s);

	if (r < 0)
		return r;
	stream_send_raw(s->stream, p, n);
	return queue_add(s);
}

int session_send_now(struct session *s, const struct el *el, const char *from, const char *to)
{
	int r;

	if (s->sm)
		return session_sm_send(s, el, from, to);
	r = queue_room(s);
	if (r < 0)
		return r;
	stream_send_addr(s->stream, el, from, to);
	r = queue_add(s);
	if (r == 0 && s->user->delivery)
		s->user->delivery->had = true; /* as far as anybody can tell */
	return r;
}

int session_send_addr(struct session *s, const struct el *el, const char *from, const char *to)
{
	int r = 0;

	if (!s->csi || !session_csi_hold(s, el, from, to))
		r = session_send_now(s, el, from, to);
	if (!s->owner)
		asleep_weigh(s);
	return r;
}

int session_send(struct session *s, const struct el *el)
{
	return session_send_addr(s, el, NULL, NULL);
}

void session_kick(struct session *s, enum stream_err e, const char *text)
{
	if (s->sm)
		s->sm->id[0] = '\0'; /* it does not sleep, or be resumed, instead */
	if (!s->owner && s->sm)
		session_sm_end_soon(s);
	else if (s->stream && !stream_closing(s->stream))
		stream_error(s->stream, e, text);
}
