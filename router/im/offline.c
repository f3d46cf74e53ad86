/* SPDX-License-Identifier: MIT */
/* ASKING -> GIVEN -> ASKING ... until an answer is empty; ASKING -> WAITING -> ASKING where there
 * is no answer.  Whoever comes while a session is given something waits behind it, unless that one
 * sleeps: then the newcomer begins anew.  A session that goes out of sight and comes back goes on
 * behind the page that it has.
 *
 * Must not: keep messages; count them as what somebody has sent (they were checked, copied and
 * archived when they came). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/list.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "core/session.h"
#include "core/session_sm.h"
#include "im/offline.h"
#include "im/stanza_id.h"
#include "links/ask.h"
#include "links/component.h"
#include "links/tap.h"
#include "router.h"

enum {
	PAGE_STANZAS = 100,
	PAGE_BYTES = 262144,
	ASK_MS = 30000,
	RETRY_MS = 30000, /* the archive did not answer, or with an error */
	BUSY_MS = 1000,   /* it is asked too much already */
	QUIET = 65536,    /* accounts that nothing waits for, at most */
	POLL_MS = 50,     /* has it left, where nothing is acknowledged? */
};

enum flush_state { ASKING, GIVEN, WAITING };

struct flush {
	struct map_node node; /* by account; not if it was given up */
	struct offline *offline;
	struct session *session; /* NULL: it was given up, and an answer is to come */
	enum flush_state state;
	struct timer timer;
	bool more;      /* the archive was told of something meanwhile */
	bool late;      /* since it was asked, of something that is older than others */
	char account[]; /* bare JID */
};

/* Most who come have nothing waiting, and many come often: of whom the archive has said so, it is
 * asked again only when it has been told of something for them.  A hash for each, keyed, in the
 * place that it chooses; the next one in that place takes it. */
struct offline {
	struct router *router;
	struct map flushes;
	uint64_t quiet[QUIET]; /* 0: nobody */
};

/* --- life ------------------------------------------------------------------------------------- */

void offline_open(struct offline **out, struct router *r)
{
	struct offline *o = xzalloc(sizeof(*o));

	o->router = r;
	map_init(&o->flushes);
	*out = o;
}

void offline_close(struct offline *o)
{
	if (!o)
		return;
	map_done(&o->flushes); /* all went with their sessions */
	free(o);
}

static uint64_t *quiet_place(struct offline *o, const struct jid *account, uint64_t *hash)
{
	*hash = map_hash(account->s, jid_bare_len(account));
	if (*hash == 0)
		*hash = 1;
	return &o->quiet[*hash % QUIET];
}

static bool is_quiet(struct offline *o, const struct jid *account)
{
	uint64_t hash, *place = quiet_place(o, account, &hash);

	return *place == hash;
}

static void be_quiet(struct offline *o, const struct jid *account, bool quiet)
{
	uint64_t hash, *place = quiet_place(o, account, &hash);

	if (quiet)
		*place = hash;
	else if (*place == hash)
		*place = 0;
}

/* It is out of sight; an answer that is still to come finds nobody. */
static void flush_end(struct flush *f)
{
	map_del(&f->offline->flushes, &f->node);
	timer_done(&f->timer);
	f->session->flush = NULL;
	f->session = NULL;
	if (f->state != ASKING)
		loop_reap(f->offline->router->loop, free, f);
}

/* --- a page ----------------------------------------------------------------------------------- */

static void ask(struct flush *f);

/* false: the session does not take it. */
static bool give_one(struct session *s, const struct el *forwarded)
{
	const struct el *message = el_child(forwarded, "message", NS_CLIENT);
	const struct el *delay = el_child(forwarded, "delay", NS_DELAY);
	EL_AUTO struct el *copy = message ? el_dup(message) : NULL;

	if (!copy)
		return true;
	if (delay)
		(void)el_add_copy(copy, delay);
	return session_send(s, copy) == 0;
}

/* What is not acknowledged of it is the archive's still: nobody settles it.  false: the session is
 * about to end, and has not taken all. */
static bool give(struct flush *f, const struct el *page)
{
	struct session *s = f->session;
	bool taken = true;

	session_delivery_begin(s->user);
	if (s->user->delivery)
		s->user->delivery->had = true;
	EL_EACH (it, page, "forwarded", NS_FORWARD)
		taken = taken && give_one(s, it);
	session_delivery_end(s->user);
	return taken;
}

/* Has the client got all of the page? */
static bool has_it(const struct session *s)
{
	if (s->sm)
		return (int32_t)(s->sm->acked - s->page.sent) >= 0;
	return s->stream && io_taken(stream_io_of(s->stream)) >= s->page.taken;
}

static void check(struct flush *f)
{
	if (has_it(f->session))
		ask(f);
	else if (!f->session->sm)
		timer_set(&f->timer, POLL_MS);
}

static void page_forget(struct session *s)
{
	free(s->page.last);
	s->page.last = NULL;
}

static void given(struct flush *f, const char *last)
{
	struct session *s = f->session;

	page_forget(s);
	if (!f->late)
		s->page.last = xstrdup(last);
	f->state = GIVEN;
	if (s->sm)
		s->page.sent = s->sm->sent;
	else if (s->stream)
		s->page.taken = io_written(stream_io_of(s->stream));
	check(f);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void later(struct flush *f, int err)
{
	timer_set(&f->timer, err == -ENOBUFS ? BUSY_MS + rnd_below(BUSY_MS) : RETRY_MS);
}

static void answered(int err, const struct el *answer, void *arg)
{
	struct flush *f = arg;
	const struct el *page = err == 0 ? el_child(answer, "offline", NS_TAP) : NULL;
	const char *last = page ? el_attr(page, "last") : NULL;

	if (!f->session) { /* given up meanwhile */
		loop_reap(f->offline->router->loop, free, f);
		return;
	}
	f->state = WAITING;
	if (err < 0) {
		later(f, err);
	} else if (!last) {
		be_quiet(f->offline, &f->session->jid, !f->more);
		page_forget(f->session);
		flush_end(f);
	} else if (!give(f, page)) {
		if (f->session) /* nothing of the page is over */
			later(f, -ENOTCONN);
	} else if (f->session) { /* it may have ended by it */
		given(f, last);
	}
}

static void ask(struct flush *f)
{
	struct router *r = f->offline->router;
	struct component *c = tap_keeper(r, &f->session->jid);
	struct el *iq, *offline;

	if (!c) {
		flush_end(f);
		return;
	}
	timer_stop(&f->timer);
	f->state = ASKING;
	f->late = false;
	iq = el_iq("set", NULL);
	el_set(iq, "from", f->account);
	offline = el_add(iq, "offline", NS_TAP);
	el_set(offline, "after", f->session->page.last);
	el_set(offline, "archived-until", f->session->archived_until);
	el_setf(offline, "max", "%d", PAGE_STANZAS);
	el_setf(offline, "bytes", "%d", PAGE_BYTES);
	component_ask(c, iq, ASK_MS, answered, f);
}

static void on_timer(void *arg)
{
	struct flush *f = arg;

	if (f->state == GIVEN)
		check(f);
	else
		ask(f);
}

/* --- who comes and goes ----------------------------------------------------------------------- */

void offline_available(struct session *s)
{
	struct offline *o = s->router->offline;
	size_t len = s->user->jid.len;
	struct map_node *n = map_get(&o->flushes, s->user->jid.s, len);
	struct flush *f = n ? MAP_ENTRY(n, struct flush, node) : NULL;

	if (!tap_keeper(s->router, &s->jid) || (f && f->session->owner))
		return;
	if (is_quiet(o, &s->jid))
		return;
	if (f)
		flush_end(f);
	f = xzalloc(sizeof(*f) + len + 1);
	f->offline = o;
	f->session = s;
	memcpy(f->account, s->user->jid.s, len);
	timer_init(&f->timer, s->router->loop, on_timer, f);
	map_put(&o->flushes, &f->node, f->account, len);
	s->flush = f;
	f->state = GIVEN; /* if it was there before: it is not given the same again */
	if (s->page.last)
		check(f);
	else
		ask(f);
}

void offline_catches_up(struct session *s)
{
	char id[STANZA_ID + 1];

	if (!tap_keeper(s->router, &s->jid))
		return;
	(void)stanza_id_new(s->router->stanza_ids, id);
	free(s->archived_until);
	s->archived_until = xstrdup(id);
}

void offline_acked(struct session *s)
{
	if (s->flush && s->flush->state == GIVEN)
		check(s->flush);
}

/* Another one that is there gets what this one has not taken. */
void offline_session_end(struct session *s)
{
	if (!s->flush)
		return;
	flush_end(s->flush);
	LIST_EACH (it, &s->user->sessions) {
		struct session *other = LIST_ENTRY(it, struct session, of_user);

		if (other != s && session_available(other) && other->im.priority >= 0) {
			offline_available(other);
			return;
		}
	}
}

/* Of what has expired the id is an old one: it may lie before the end of a page that was read
 * without it, which is asked for once more then, rather than that all up to there is over. */
static void older_told(struct user *u)
{
	LIST_EACH (it, &u->sessions)
		page_forget(LIST_ENTRY(it, struct session, of_user));
}

void offline_told(struct router *r, const struct jid *account, bool expired)
{
	struct map_node *n = map_get(&r->offline->flushes, account->s, jid_bare_len(account));
	struct flush *f = n ? MAP_ENTRY(n, struct flush, node) : NULL;
	struct user *u = expired ? sessions_user(r->sessions, account) : NULL;

	be_quiet(r->offline, account, false);
	if (f) {
		f->more = true;
		f->late = f->late || expired;
	}
	if (u)
		older_told(u);
}

void offline_online(struct router *r, struct component *c, bool resumed)
{
	if (!tap_has(c, TAP_UNDELIVERED))
		return;
	if (!resumed) /* who knows what it has become meanwhile */
		memset(r->offline->quiet, 0, sizeof(r->offline->quiet));
	MAP_EACH (n, &r->offline->flushes) {
		struct flush *f = MAP_ENTRY(n, struct flush, node);

		if (f->state == WAITING)
			timer_set(&f->timer, 0);
	}
}
