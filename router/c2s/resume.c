/* SPDX-License-Identifier: MIT */
/* Resuming a session (XEP-0198 5).
 *
 * Our h is what counts, without a gap, as in any <a/>.  What has come and has not settled would
 * have to be repeated; most of it settles in a moment, so that the answer waits for that, for five
 * seconds at most, and the connection is not read meanwhile.  What the client then repeats is known
 * again (core/repeats.h).
 *
 * A session that is waited for has no connection: it sleeps.  Who asks for it last gets it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <base/digest.h>

#include "c2s/conn.h"
#include "conf.h"
#include "core/session.h"
#include "core/session_csi.h"
#include "core/session_sm.h"
#include "router.h"

#define WAIT_MS 5000

struct conn_wait {
	struct session_wait session;
	struct conn *c;
	struct el *request; /* <resume/>, or the <authenticate/> that it came in */
	struct el *success; /* to the latter; NULL: there is none */
};

/* Of this account, and nobody else's: compared without telling by its time how far it is right. */
static struct session *find(struct conn *c, const char *id)
{
	struct user *u = sessions_user(c->router->sessions, &c->account);

	if (!u || strlen(id) != SESSION_SM_ID)
		return NULL;
	LIST_EACH (it, &u->sessions) {
		struct session *s = LIST_ENTRY(it, struct session, of_user);

		if (s->sm && s->sm->id[0] && !s->sm->lost &&
		    digest_same(s->sm->id, id, SESSION_SM_ID))
			return s;
	}
	return NULL;
}

/* The older connection, if its end has not been noticed yet, is left without a session; and so is
 * one that waits for it. */
static void take_from_others(struct session *s)
{
	struct session_wait *w = s->sm->wait;
	struct conn *other = w ? CONTAINER_OF(w, struct conn_wait, session)->c : s->owner;

	if (!other)
		return;
	conn_resume_end(other);
	other->session = NULL;
	other->tag.jid = other->account.s;
	timer_stop(&other->patience);
	stream_error(other->stream, STREAM_E_CONFLICT, "the session was resumed elsewhere");
}

/* --- waiting ------------------------------------------------------------------------------------
 */

static void on_settled(void *arg)
{
	conn_resume_go(arg);
}

static void wait_begin(
    struct conn *c, struct session *s, const struct el *request, const struct el *success)
{
	struct conn_wait *w = xzalloc(sizeof(*w));
	bool awake = s->owner != NULL;

	take_from_others(s);
	if (awake)
		session_sm_sleep(s);
	task_init(&w->session.task, on_settled, c);
	w->c = c;
	w->request = el_dup(request);
	w->success = success ? el_dup(success) : NULL;
	c->wait = w;
	session_sm_await(s, &w->session);
	stream_pause(c->stream);
	timer_stop(&c->timer);
	timer_set(&c->patience, WAIT_MS);
	log_debug(&c->tag, "waits until what its session has sent is settled");
}

bool conn_resume_waits(
    struct conn *c, const struct el *resume, const struct el *request, const struct el *success)
{
	const char *id = el_attr(resume, "previd");
	struct session *s;
	uint32_t h;

	if (c->session || c->has_waited || !id || el_attr_u32(resume, "h", &h) < 0)
		return false;
	s = find(c, id);
	if (!s || c->router->stopping || !session_sm_pending(s) || !session_sm_ack(s, h))
		return false;
	wait_begin(c, s, request, success);
	return true;
}

static void wait_free(struct conn_wait *w)
{
	if (w->session.session)
		session_sm_await(w->session.session, NULL);
	task_cancel(&w->session.task);
	el_free(w->request);
	el_free(w->success);
	free(w);
}

void conn_resume_end(struct conn *c)
{
	struct conn_wait *w = c->wait;

	if (!w)
		return;
	c->wait = NULL;
	wait_free(w);
}

/* Whether it settled, took too long, or is over: it is asked for as if it were now. */
void conn_resume_go(struct conn *c)
{
	struct conn_wait *w = c->wait;

	c->wait = NULL;
	timer_stop(&c->patience);
	if (w->session.session)
		session_sm_await(w->session.session, NULL);
	if (!stream_closing(c->stream)) {
		stream_resume(c->stream);
		c->has_waited = true;
		if (w->success)
			conn_inline(c, w->request, w->success);
		else
			conn_sm_element(c, w->request);
		c->has_waited = false;
		if (!c->session && c->router->conf->limit.login_time > 0)
			timer_set(&c->timer, (uint64_t)c->router->conf->limit.login_time * 1000);
	}
	wait_free(w);
}

/* --- the answer ---------------------------------------------------------------------------------
 */

static void take_over(struct conn *c, struct session *s)
{
	take_from_others(s);
	c->session = s;
	c->tag.jid = s->jid.s;
	s->owner = c;
	s->stream = c->stream;
	s->tag.peer = c->peer;
	s->flight.impatient = c->has_waited; /* else it would not be read for as long again */
	session_queue_reset(s);
}

struct el *conn_sm_resume(struct conn *c, const struct el *el)
{
	const char *id = el_attr(el, "previd");
	struct el *resumed;
	struct session *s;
	uint32_t h;

	if (!id || el_attr_u32(el, "h", &h) < 0)
		return conn_sm_failed(COND_BAD_REQUEST);
	s = find(c, id);
	if (!s)
		return conn_sm_failed(COND_ITEM_NOT_FOUND);
	if (!session_sm_ack(s, h)) {
		stream_error_h(c->stream, h, s->sm->sent);
		return NULL;
	}
	take_over(c, s);
	s->sm->told = session_sm_rewind(s);
	s->sm->owes = false;
	repeats_told(&s->sm->repeats, s->sm->told, s->sm->acked);
	resumed = el_new("resumed", NS_SM);
	el_set(resumed, "previd", s->sm->id);
	el_setf(resumed, "h", "%" PRIu32, s->sm->told);
	return resumed;
}

void conn_sm_resumed(struct conn *c)
{
	session_sm_wake(c->session);
	session_csi_set(c->session, false); /* XEP-0352 5.1: a stream begins active */
	conn_flight_check(c);
}
