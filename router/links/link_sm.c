/* SPDX-License-Identifier: MIT */
/* Features and acknowledgements of a link (XEP-0198): what decides between a plain link, a new
 * session and a resumed one, and the <r/> and <a/> of both sides.
 *
 * A system call costs more than an ack saves: in a turn at most one <a/> and one <r/> leave, with
 * whatever else goes, and only one <r/> is open at a time. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <base/sbuf.h>

#include "conf.h"
#include "links/hooks.h"
#include "links/link_internal.h"
#include "links/share.h"
#include "router.h"

#define NEGOTIATE_MS 5000
#define ASK_AGAIN_MS 1000
#define TRIES 3 /* that may fail on one link */

/* --- what we say ------------------------------------------------------------------------------ */

static void say(struct link *l, const char *fmt, ...) MEM_FMT(2, 3);
static void say(struct link *l, const char *fmt, ...)
{
	struct sbuf out = SBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	sbuf_vprintf(&out, fmt, ap);
	va_end(ap);
	stream_send_raw(l->stream, sbuf_data(&out), sbuf_len(&out));
	sbuf_done(&out);
}

void link_sm_features(struct link *l)
{
	struct sbuf more = SBUF_INIT;

	hooks_features(l->component, &more);
	say(l, "<stream:features><sm xmlns='" NS_SM "'/>%s</stream:features>", sbuf_str(&more));
	sbuf_done(&more);
	timer_set(&l->timer, NEGOTIATE_MS);
}

/* The peer may <enable/> or go on without. */
static void failed(struct link *l, enum el_cond cond, const uint32_t *h)
{
	char attr[24] = "";

	if (h)
		(void)snprintf(attr, sizeof(attr), " h='%" PRIu32 "'", *h);
	say(l, "<failed xmlns='" NS_SM "'%s><%s xmlns='" NS_STANZAS "'/></failed>", attr,
	    el_cond_name(cond));
	if (++l->tries >= TRIES)
		stream_error(l->stream, STREAM_E_POLICY_VIOLATION, "too many tries");
	else if (l->state == LINK_NEGOTIATE)
		timer_set(&l->timer, NEGOTIATE_MS);
}

static void beyond(struct link *l, const struct member *m, uint32_t h)
{
	stream_error_h(l->stream, h, m->sm.sent);
}

/* --- acks --------------------------------------------------------------------------------------*/

static void on_acks(void *arg)
{
	struct link *l = arg;
	struct sm *sm;

	if (stream_closing(l->stream) || !l->member)
		return;
	sm = &l->member->sm;
	if (l->a_due) {
		uint32_t h = sm_handled(sm);

		l->a_due = false;
		l->owes = h != l->owed;
		say(l, "<a xmlns='" NS_SM "' h='%" PRIu32 "'/>", h);
	}
	if (l->r_due && !sm->asking && sm->sent != sm->acked) {
		sm->asking = true;
		sm->asked = sm->sent;
		stream_puts(l->stream, "<r xmlns='" NS_SM "'/>");
	}
	l->r_due = false;
}

void link_want_ack(struct link *l)
{
	l->r_due = true;
	task_defer(l->router->loop, &l->acks);
}

static void on_again(void *arg)
{
	struct link *l = arg;

	if (!l->member)
		return;
	l->member->sm.asking = false;
	link_want_ack(l);
}

void link_sm_ping(struct link *l)
{
	stream_puts(l->stream, "<r xmlns='" NS_SM "'/>");
}

void link_handled(struct link *l)
{
	if (l->owes && l->acked && (int32_t)(sm_handled(&l->member->sm) - l->owed) >= 0) {
		l->a_due = true;
		task_defer(l->router->loop, &l->acks);
	}
}

static void on_r(struct link *l)
{
	l->a_due = true;
	l->owed = sm_came(&l->member->sm);
	task_defer(l->router->loop, &l->acks);
}

/* A peer that has not handled all yet tells when it has (or is asked again after a while): asking
 * at once would only go back and forth. */
static void on_a(struct link *l, const struct el *el)
{
	struct member *m = l->member;
	uint32_t h, more;

	if (el_attr_u32(el, "h", &h) < 0) {
		stream_error(l->stream, STREAM_E_INVALID_XML, "h must be a number");
		return;
	}
	if (sm_judge(&m->sm, h, &more) == SM_H_BEYOND) {
		beyond(l, m, h);
		return;
	}
	outbound_acked(m, more);
	if (m->sm.asking) {
		if (!timer_armed(&l->again))
			timer_set(&l->again, ASK_AGAIN_MS);
		return;
	}
	timer_stop(&l->again);
	if (m->sm.sent != m->sm.acked)
		link_want_ack(l);
}

/* --- the beginning ---------------------------------------------------------------------------- */

void link_sm_plain(struct link *l)
{
	if (!link_begin(l, NULL))
		return;
	outbound_new_session(l->member);
	link_opened(l, false);
}

/* Who has a session to resume did not mean to give it up: it was only slow.  So was who would share
 * a domain, and who hangs must not be given keys on a link that acknowledges nothing. */
void link_sm_silence(struct link *l)
{
	if (component_may_resume(l->component))
		stream_error(l->stream, STREAM_E_CONNECTION_TIMEOUT, "its session was not resumed");
	else if (l->component->sharing)
		stream_error(l->stream, STREAM_E_CONNECTION_TIMEOUT, "it has negotiated nothing");
	else
		link_sm_plain(l);
}

static int64_t grace_of(const struct link *l)
{
	int64_t s = component_conf_of(l->component)->link_grace;

	return s > 0 ? s : 1;
}

static void on_enable(struct link *l, const struct el *el)
{
	bool may_resume = el_attr_true(el, "resume");
	char share[64 + MEMBER_ID] = "";
	struct member *m;

	if (!link_begin(l, NULL))
		return;
	m = l->member;
	outbound_new_session(m);
	sm_begin(&m->sm);
	l->acked = true;
	if (l->component->sharing && el_child(el, "share", NS_SHARE)) {
		share_extend(m);
		(void)snprintf(
		    share, sizeof(share), "<share xmlns='" NS_SHARE "' member='%s'/>", m->share.id);
	}
	if (may_resume)
		say(l,
		    "<enabled xmlns='" NS_SM "' id='%s' resume='true' max='%" PRId64
		    "'>%s</enabled>",
		    m->sm.id, grace_of(l), share);
	else
		say(l, "<enabled xmlns='" NS_SM "'>%s</enabled>", share);
	link_opened(l, false);
}

static void resume(struct link *l, struct member *m, uint32_t h)
{
	uint32_t more;

	switch (sm_judge_resumed(&m->sm, h, &more)) {
	case SM_H_BEYOND:
		beyond(l, m, h);
		return;
	case SM_H_BEHIND: /* what it would need again has gone */
		failed(l, COND_ITEM_NOT_FOUND, &m->sm.in);
		return;
	case SM_H_OK:
		break;
	}
	if (!link_begin(l, m))
		return;
	outbound_acked(m, more); /* the link is not open yet: nothing is written */
	lq_rewind(&m->queue);
	sm_resume(&m->sm);
	l->acked = true;
	say(l, "<resumed xmlns='" NS_SM "' previd='%s' h='%" PRIu32 "'/>", m->sm.id,
	    sm_handled(&m->sm));
	link_opened(l, true);
}

static void on_resume(struct link *l, const struct el *el)
{
	const char *previd = el_attr(el, "previd");
	struct member *m;
	uint32_t h, past;

	if (!previd || el_attr_u32(el, "h", &h) < 0) {
		failed(l, COND_BAD_REQUEST, NULL);
		return;
	}
	m = component_resumes(l->component, previd);
	if (m) {
		resume(l, m, h);
		return;
	}
	failed(l, COND_ITEM_NOT_FOUND,
	    sm_recall(&l->component->past, previd, loop_now(l->router->loop), &past) ? &past
										     : NULL);
}

bool link_sm_element(struct link *l, const struct el *el)
{
	bool enable = el_is(el, "enable", NS_SM), again = el_is(el, "resume", NS_SM);

	if (!l->features || (!enable && !again && !l->acked))
		return false;
	if (l->state == LINK_NEGOTIATE && enable)
		on_enable(l, el);
	else if (l->state == LINK_NEGOTIATE && again)
		on_resume(l, el);
	else if (enable && l->acked) /* XEP-0198 3: once and not twice */
		stream_error(l->stream, STREAM_E_POLICY_VIOLATION, "enabled already");
	else if (enable || again)
		failed(l, COND_UNEXPECTED_REQUEST, NULL);
	else if (el_is(el, "r", NS_SM))
		on_r(l);
	else if (el_is(el, "a", NS_SM))
		on_a(l, el);
	else
		return false;
	return true;
}

/* --- the object ------------------------------------------------------------------------------- */

void link_sm_init(struct link *l)
{
	task_init(&l->acks, on_acks, l);
	timer_init(&l->again, l->router->loop, on_again, l);
}

void link_sm_done(struct link *l)
{
	task_cancel(&l->acks);
	timer_done(&l->again);
}
