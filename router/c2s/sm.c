/* SPDX-License-Identifier: MIT */
/* Stream management (XEP-0198): what client and server say to each other about it.
 *
 * Our h is what the router has handled without a gap; where that is less than what has come when
 * the client asks, an <a/> follows by itself.  Resuming is resume.c's. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <base/digest.h>

#include "c2s/conn.h"
#include "conf.h"
#include "core/session.h"
#include "core/session_csi.h"
#include "core/session_sm.h"
#include "router.h"

#define TRIES 5 /* of a connection to resume */

/* --- saying -------------------------------------------------------------------------------------
 */

struct el *conn_sm_failed(enum el_cond cond)
{
	struct el *el = el_new("failed", NS_SM);

	el_add(el, el_cond_name(cond), NS_STANZAS);
	return el;
}

static void say_handled(struct conn *c)
{
	struct session *s = c->session;
	char text[64];

	s->sm->told = session_sm_handled(s);
	repeats_told(&s->sm->repeats, s->sm->told, s->sm->sent);
	s->sm->owes = !list_empty(&s->flight.list);
	(void)snprintf(text, sizeof(text), "<a xmlns='" NS_SM "' h='%" PRIu32 "'/>", s->sm->told);
	stream_puts(c->stream, text);
}

void conn_sm_handled(struct conn *c)
{
	const struct session *s = c->session;

	if (s && s->sm->owes && session_sm_handled(s) != s->sm->told)
		say_handled(c);
}

/* --- beginning ----------------------------------------------------------------------------------
 */

/* 3, 5: how long it may sleep; 0: not at all. */
static uint64_t sleep_of(const struct conn *c, const struct el *el)
{
	uint64_t most = (uint64_t)c->router->conf->limit.sleep;
	uint32_t max;

	if (!el_attr_true(el, "resume"))
		return 0;
	return el_attr_u32(el, "max", &max) == 0 && max > 0 && max < most ? max : most;
}

struct el *conn_sm_enable(struct conn *c, const struct el *el)
{
	struct session *s = c->session;
	struct el *enabled;
	uint64_t seconds;

	if (!s || s->sm) /* 3: after binding, and once */
		return conn_sm_failed(COND_UNEXPECTED_REQUEST);
	seconds = sleep_of(c, el);
	session_sm_begin(s, seconds * 1000);
	enabled = el_new("enabled", NS_SM);
	if (seconds > 0) {
		el_set(enabled, "id", s->sm->id);
		el_set(enabled, "resume", "true");
		el_setf(enabled, "max", "%" PRIu64, seconds);
	}
	return enabled;
}

/* --- the connection is gone ----------------------------------------------------------------------
 */

bool conn_sm_sleep(struct conn *c)
{
	struct session *s = c->session;

	if (!s || !session_sm_may_sleep(s) || stream_ended_by_peer(c->stream) ||
	    stream_error_sent(c->stream) != STREAM_E_NONE ||
	    stream_error_received(c->stream) != STREAM_E_NONE)
		return false;
	c->session = NULL;
	c->tag.jid = c->account.s;
	timer_stop(&c->patience);
	session_sm_sleep(s);
	return true;
}

/* --- hearing ------------------------------------------------------------------------------------
 */

static void resume(struct conn *c, const struct el *el)
{
	EL_AUTO struct el *answer = NULL;
	const char *gone = c->session ? NULL : conn_account_gone(c);
	bool resumed;

	if (gone) {
		stream_error(c->stream, STREAM_E_NOT_AUTHORIZED, gone);
		return;
	}
	if (conn_resume_waits(c, el, el, NULL))
		return;
	answer = c->session ? conn_sm_failed(COND_UNEXPECTED_REQUEST) : conn_sm_resume(c, el);
	resumed = answer && el_is(answer, "resumed", NS_SM);
	if (answer)
		stream_send(c->stream, answer);
	if (!resumed && ++c->failed_resumes >= TRIES)
		stream_error(c->stream, STREAM_E_POLICY_VIOLATION, "too many tries");
	if (!resumed)
		return;
	conn_opened(c);
	conn_sm_resumed(c);
}

static void enable(struct conn *c, const struct el *el)
{
	EL_AUTO struct el *answer = conn_sm_enable(c, el);

	stream_send(c->stream, answer);
}

void conn_sm_element(struct conn *c, const struct el *el)
{
	struct session *s = c->session;
	const char *name = el_name(el);
	uint32_t h;

	if (!strcmp(name, "enable")) {
		enable(c, el);
	} else if (!strcmp(name, "resume")) {
		resume(c, el);
	} else if (!s || !s->sm || (strcmp(name, "r") != 0 && strcmp(name, "a") != 0)) {
		stream_error(c->stream, STREAM_E_UNSUPPORTED_STANZA_TYPE, NULL);
	} else if (*name == 'r') {
		say_handled(c);
	} else if (el_attr_u32(el, "h", &h) < 0) {
		stream_error(c->stream, STREAM_E_INVALID_XML, "<a/> without a number in h");
	} else if (!session_sm_ack(s, h)) {
		stream_error_h(c->stream, h, s->sm->sent);
	}
}
