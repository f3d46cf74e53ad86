/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/rnd.h>
#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "conf.h"
#include "core/delay.h"
#include "core/deliver.h"
#include "core/policy.h"
#include "core/session.h"
#include "core/session_sm.h"
#include "core/stanza.h"
#include "core/untold.h"
#include "im/blocking.h"
#include "im/carbons.h"
#include "im/offline.h"
#include "im/presence.h"
#include "im/tapped.h"
#include "links/component.h"
#include "router.h"

enum {
	ASK_STANZAS = 16, /* sent, after which we ask at once */
	ASK_MS = 1000,    /* and otherwise after so long */
};

struct kept {
	struct list link;
	struct delivery *delivery; /* NULL: no message to a user */
	int64_t at;                /* Unix milliseconds */
	size_t len;
	char data[]; /* the stanza as it was written */
};

/* --- what is kept -------------------------------------------------------------------------------
 */

static struct delivery *delivery_hold(struct delivery *d)
{
	if (d)
		d->holders++;
	return d;
}

/* had: this holder's client has it.  true: nobody has it, and nobody else will see to it. */
static bool delivery_release(struct delivery *d, bool had)
{
	bool orphan;

	if (!d)
		return !had;
	d->had = d->had || had;
	orphan = --d->holders == 0 && !d->had;
	if (d->holders == 0)
		free(d);
	return orphan;
}

/* Without anybody who keeps what he is sent there is nothing to remember. */
void session_delivery_begin(struct user *u)
{
	LIST_EACH (it, &u->sessions) {
		if (LIST_ENTRY(it, struct session, of_user)->sm) {
			u->delivery = delivery_hold(xzalloc(sizeof(*u->delivery)));
			return;
		}
	}
}

void session_delivery_end(struct user *u)
{
	struct delivery *d = u->delivery;

	u->delivery = NULL;
	if (d)
		(void)delivery_release(d, d->had); /* who holds it is asked at its end */
}

/* had: as of delivery_release(). */
static void drop(struct session_sm *sm, struct kept *k, bool had)
{
	(void)delivery_release(k->delivery, had);
	if (sm->next == &k->link)
		sm->next = k->link.next;
	list_del(&k->link);
	sm->n--;
	sm->bytes -= k->len;
	free(k);
}

static void drop_all(struct session_sm *sm)
{
	LIST_EACH_SAFE (it, &sm->kept)
		drop(sm, LIST_ENTRY(it, struct kept, link), true); /* it was written */
}

static void keep(struct session_sm *sm, const struct sbuf *out)
{
	struct kept *k = xmalloc(sizeof(*k) + sbuf_len(out));

	k->delivery = delivery_hold(sm->session->user->delivery);
	k->at = loop_wall_ms(sm->session->router->loop);
	k->len = sbuf_len(out);
	memcpy(k->data, sbuf_data(out), k->len);
	list_add_tail(&sm->kept, &k->link);
	sm->n++;
	sm->bytes += k->len;
}

static bool has_room(const struct session *s, size_t len)
{
	const struct router_conf *c = s->router->conf;
	const struct session_sm *sm = s->sm;

	return (c->limit.sm_stanzas == 0 || (int64_t)sm->n < c->limit.sm_stanzas) &&
	       (c->limit.sm_bytes == 0 || (int64_t)(sm->bytes + len) <= c->limit.sm_bytes);
}

/* --- asking -------------------------------------------------------------------------------------
 */

static void ask(struct session *s)
{
	struct session_sm *sm = s->sm;

	timer_stop(&sm->timer);
	if (sm->asking || sm->acked == sm->sent || !s->stream || !stream_alive(s->stream))
		return;
	sm->asking = true;
	stream_puts(s->stream, "<r xmlns='" NS_SM "'/>");
}

static void ask_in_time(struct session *s)
{
	struct session_sm *sm = s->sm;

	if (sm->asking)
		return;
	if (sm->sent - sm->acked >= ASK_STANZAS)
		ask(s);
	else if (!timer_armed(&sm->timer))
		timer_set(&sm->timer, ASK_MS);
}

static void on_timer(void *arg)
{
	struct session *s = arg;

	if (s->owner)
		ask(s);
	else
		session_sm_end(s);
}

/* --- sending ------------------------------------------------------------------------------------
 */

/* Without a connection: it waits, or the session is over. */
static int put_by(struct session *s, const struct sbuf *out)
{
	if (!has_room(s, sbuf_len(out))) {
		session_sm_end_soon(s);
		return -ENOBUFS;
	}
	s->sm->sent++;
	keep(s->sm, out);
	return 0;
}

/* Something older has still to be written. */
static bool is_behind(const struct session_sm *sm)
{
	return sm->next != &sm->kept;
}

/* XEP-0198 8: a client that never acknowledges keeps its connection, and no more. */
static int make_room(struct session *s, size_t len)
{
	struct session_sm *sm = s->sm;

	if (sm->lost || has_room(s, len))
		return 0;
	if (is_behind(sm)) {
		session_kick(s, STREAM_E_RESOURCE_CONSTRAINT, "the client does not read");
		return -ENOBUFS;
	}
	sm->lost = true;
	drop_all(sm);
	return 0;
}

static int write_out(struct session *s, const struct sbuf *out)
{
	struct session_sm *sm = s->sm;
	bool behind = is_behind(sm);
	int r;

	if (!stream_alive(s->stream) && session_sm_may_sleep(s))
		return put_by(s, out); /* its end has not been noticed yet */
	r = make_room(s, sbuf_len(out));
	if (r == 0 && !behind)
		r = session_write(s, sbuf_data(out), sbuf_len(out));
	if (r < 0)
		return r;
	sm->sent++;
	if (!sm->lost)
		keep(sm, out);
	else if (s->user->delivery)
		s->user->delivery->had = true; /* it is read, as far as anybody can tell */
	return 0;
}

int session_sm_send(struct session *s, const struct el *el, const char *from, const char *to)
{
	EL_AUTO struct el *copy = !s->owner && el_kind(el) == EL_MESSAGE ? el_dup(el) : NULL;
	struct sbuf out = SBUF_INIT;
	int r;

	if (copy)
		delay_stamp(s, copy);
	el_write_addr(&out, copy ? copy : el, NS_CLIENT, from, to);
	r = s->owner ? write_out(s, &out) : put_by(s, &out);
	sbuf_done(&out);
	if (r < 0 || !s->owner)
		return r;
	if (el_kind(el) == EL_MESSAGE)
		ask(s); /* who goes in a moment has it, and its sender hears of no error */
	else
		ask_in_time(s);
	return 0;
}

bool session_sm_ack(struct session *s, uint32_t h)
{
	struct session_sm *sm = s->sm;
	uint32_t more = h - sm->acked;

	if (more > sm->sent - sm->acked)
		return false;
	sm->acked = h;
	repeats_heard(&sm->repeats, h);
	while (more-- > 0 && !list_empty(&sm->kept))
		drop(sm, LIST_ENTRY(sm->kept.next, struct kept, link), true);
	sm->asking = false;
	if (sm->acked == sm->sent)
		sm->lost = false; /* all that was too much has come */
	else if (s->owner)
		session_sm_push(s);
	offline_acked(s);
	return true;
}

/* --- life ---------------------------------------------------------------------------------------
 */

void session_sm_begin(struct session *s, uint64_t sleep_ms)
{
	struct session_sm *sm = xzalloc(sizeof(*sm));

	sm->session = s;
	sm->sleep_ms = sleep_ms;
	sm->base = s->flight.in;
	list_init(&sm->kept);
	repeats_init(&sm->repeats);
	sm->next = &sm->kept;
	timer_init(&sm->timer, s->router->loop, on_timer, s);
	if (sleep_ms > 0)
		rnd_id(sm->id, SESSION_SM_ID);
	s->sm = sm;
}

void session_sm_free(struct session *s)
{
	if (!s->sm)
		return;
	drop_all(s->sm);
	repeats_done(&s->sm->repeats);
	if (s->sm->wait) {
		s->sm->wait->session = NULL;
		task_defer(s->router->loop, &s->sm->wait->task);
	}
	timer_done(&s->sm->timer);
	asleep_leave(s);
	free(s->sm);
	s->sm = NULL;
}

void session_sm_push(struct session *s)
{
	struct session_sm *sm = s->sm;

	while (is_behind(sm) && session_has_room(s)) {
		const struct kept *k = LIST_ENTRY(sm->next, struct kept, link);

		if (session_write(s, k->data, k->len) < 0)
			return; /* gone again: it is all kept still */
		sm->next = sm->next->next;
	}
	if (sm->acked != sm->sent)
		ask_in_time(s);
}

void session_sm_wake(struct session *s)
{
	struct session_sm *sm = s->sm;

	asleep_leave(s);
	timer_stop(&sm->timer);
	sm->asking = false;
	sm->next = sm->kept.next;
	session_sm_push(s);
}

bool session_sm_may_sleep(const struct session *s)
{
	return s->sm && s->sm->id[0] && !s->sm->lost && !s->router->stopping;
}

void session_sm_sleep(struct session *s)
{
	s->stream = NULL;
	s->owner = NULL;
	s->tag.peer = NULL;
	log_info(&s->tag, "the connection is gone; the session waits for its client");
	timer_set(&s->sm->timer, s->sm->sleep_ms);
	asleep_enter(s);
}

void session_sm_end_soon(struct session *s)
{
	asleep_leave(s);
	s->sm->id[0] = '\0'; /* it is not resumed any more */
	timer_set(&s->sm->timer, 0);
}

/* --- the end ------------------------------------------------------------------------------------
 */

/* What a carbon is a copy of, as a stanza of its own; NULL: of what the user has said himself.  Any
 * other stanza: itself. */
static struct el *original(const struct session *s, struct el *el)
{
	const struct el *inner;
	struct el *copy = NULL;

	if (!carbons_inside(s->user, el, "sent")) {
		inner = carbons_inside(s->user, el, "received");
		if (!inner)
			return el;
		copy = el_dup(inner);
	}
	el_free(el);
	return copy;
}

/* Who has sent it, if he is there: errors go to him. */
static void find_sender(struct router *r, struct stanza *st)
{
	st->session = sessions_find(r->sessions, &st->from);
	if (!st->session)
		st->component = components_find(
		    r->components, jid_domain(&st->from), jid_domain_len(&st->from));
}

/* A message or a question goes where it would go now that the session is not there.  Headlines,
 * what rooms say, presence and answers: nobody waits for these. */
static void settle_one(struct session *s, struct stanza *st)
{
	struct router *r = s->router;
	bool talk = st->type == ST_MSG_NORMAL || st->type == ST_MSG_CHAT;

	if (!st->to.s || !st->from.s || !(talk || st->type == ST_IQ_GET || st->type == ST_IQ_SET) ||
	    blocking_judge(r, &st->from, &st->to) != BLOCKING_PASS)
		return;
	find_sender(r, st);
	if (talk)
		tapped_begin_expired(r, st);
	deliver_user(r, st);
	tapped_end(r, st);
	st->session = NULL;
	st->component = NULL;
}

/* Takes k.  Whoever gets a message late is told since when it is there (4). */
static void settle_kept(struct session *s, struct kept *k)
{
	static const struct xml_limits none = { 0 };
	bool orphan = delivery_release(k->delivery, false);
	int64_t at = k->at;
	char *text = xstrndup(k->data, k->len);
	struct el *el = orphan ? xml_read(text, &none) : NULL;
	struct stanza *st = NULL;

	list_del(&k->link);
	free(k);
	free(text);
	el = el ? original(s, el) : NULL;
	if (el && el_kind(el) == EL_MESSAGE)
		delay_stamp_at(s, el, at);
	if (el && stanza_new(&st, el) == 0)
		settle_one(s, st);
	stanza_release(st);
}

static void settle(struct session *s)
{
	struct list kept = LIST_INIT(kept);
	struct kept *k;

	if (!s->sm)
		return;
	s->sm->next = &s->sm->kept;
	list_take(&kept, &s->sm->kept);
	session_sm_free(s); /* nothing more is put by */
	while ((k = LIST_FIRST(&kept, struct kept, link)))
		settle_kept(s, k);
}

/* Who takes the time for an orderly end has read what he was told before. */
static void keep_untold(struct session *s)
{
	if (!s->sm || s->router->stopping)
		return;
	if (s->stream && stream_ended_by_peer(s->stream))
		repeats_sure(&s->sm->repeats, s->sm->told);
	untold_keep(sessions_untold(s->router->sessions), s);
}

void session_end(struct session *s)
{
	keep_untold(s);
	session_flight_detach(s);
	s->stream = NULL; /* nothing more can be sent to it, whatever the goodbye brings */
	s->owner = NULL;
	s->im.carbons = false;
	policy_session_end(s);
	presence_session_end(s);
	offline_session_end(s);
	settle(s);
	session_free(s);
}

void session_sm_end(struct session *s)
{
	log_info(&s->tag, "the session ended: its client did not come back");
	session_end(s);
}

void session_sm_end_all(struct router *r)
{
	LIST_EACH_SAFE (it, sessions_all(r->sessions)) {
		struct session *s = LIST_ENTRY(it, struct session, of_all);

		if (!s->owner)
			session_sm_end(s);
	}
}
