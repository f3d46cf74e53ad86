/* SPDX-License-Identifier: MIT */
/* One message has at most two owners, its sender and its recipient, as far as they are local.  Each
 * component that is granted something at an owner's domain gets one event.
 *
 * Whether a component can take its event is asked before the message is delivered, because that
 * decides whether anybody gets it; the event itself is made behind the delivery, when it is known
 * who has the message. */
#include <string.h>

#include <base/arena.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/metrics.h>
#include <xmpp/stamp.h>

#include "auth/accounts.h"
#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/keep.h"
#include "im/offline.h"
#include "im/prefs.h"
#include "im/stanza_id.h"
#include "im/tapped.h"
#include "links/component.h"
#include "links/tap.h"
#include "router.h"

#define SAY_MS 60000
#define NOT_NOW "messages cannot be kept now"

static struct metric m_refused = METRIC_COUNTER("switchyard_messages_refused_total",
    "Messages refused because the archive could not take them.", NULL);

struct owner {
	const char *jid;           /* bare; NULL: nobody here */
	char id[STANZA_ID + 1];    /* empty: nobody has to know it yet */
	bool keep;                 /* then there are both, jid and archive */
	struct component *archive; /* granted `messages`; NULL: none */
};

struct tapped {
	struct owner sender, recipient;
	enum keep worth;
	bool expired;    /* a session had it: all but this is known */
	bool offline;    /* nobody has taken it, and it is kept until somebody comes */
	int64_t ms;      /* the time of the ids */
	const char *raw; /* its bytes as it came; NULL: it is in the tree alone */
	size_t raw_len;
};

/* --- who is concerned ------------------------------------------------------------------------- */

static bool is_here(struct router *r, const struct jid *j)
{
	return j->s && j->dom && router_serves(r, jid_domain(j), jid_domain_len(j));
}

static const char *bare_of(const struct stanza *st, const struct jid *j)
{
	return arena_strndup(el_arena(st->el), j->s, jid_bare_len(j));
}

/* Then the recipient's archive, which has been looked for, is the sender's, too. */
static bool same_domain(const struct stanza *st)
{
	return st->tapped->recipient.archive &&
	       jid_domain_len(&st->from) == jid_domain_len(&st->to) &&
	       !memcmp(jid_domain(&st->from), jid_domain(&st->to), jid_domain_len(&st->to));
}

/* Who sends through a component in the account's name (XEP-0356) is the account. */
static void find_sender(struct router *r, struct stanza *st)
{
	struct owner *o = &st->tapped->sender;

	if ((!st->session && !st->proxy) || !is_here(r, &st->from))
		return;
	o->archive =
	    same_domain(st) ? st->tapped->recipient.archive : tap_find(r, TAP_MESSAGES, &st->from);
	if (!o->archive)
		return;
	o->jid = bare_of(st, &st->from);
	o->keep = st->tapped->worth == KEEP_ALWAYS && prefs_keeps(r, &st->from, &st->to);
}

static void find_recipient(struct router *r, struct stanza *st)
{
	struct owner *o = &st->tapped->recipient;

	if (!is_here(r, &st->to) || !accounts_exist(r->accounts, &st->to))
		return;
	o->archive = tap_find(r, TAP_MESSAGES, &st->to);
	if (!o->archive && !tap_find(r, TAP_UNDELIVERED, &st->to))
		return;
	o->jid = bare_of(st, &st->to);
	o->keep =
	    o->archive && st->tapped->worth == KEEP_ALWAYS && prefs_keeps(r, &st->to, &st->from);
}

static void give_id(struct router *r, struct tapped *t, struct owner *o)
{
	t->ms = stanza_id_new(r->stanza_ids, o->id);
}

/* What one says to oneself has one owner, the recipient. */
static void find_owners(struct router *r, struct stanza *st)
{
	struct tapped *t = st->tapped;

	find_recipient(r, st);
	if (!jid_same_bare(&st->from, &st->to))
		find_sender(r, st);
	if (t->sender.keep) {
		give_id(r, t, &t->sender);
		st->sent_id = t->sender.id;
	}
	if (t->recipient.keep)
		give_id(r, t, &t->recipient);
}

/* --- events ----------------------------------------------------------------------------------- */

/* The message as it came; what is put into it later is not for the others. */
static struct el *event_new(const struct stanza *st, const struct component *c)
{
	const struct jid *at = st->tapped->sender.jid ? &st->from : &st->to;
	struct el *ev = el_message(NULL, component_domain(c)), *tapped;
	char *domain = arena_strndup(el_arena(ev), jid_domain(at), jid_domain_len(at));
	char stamp[STAMP_LEN + 1];

	el_set(ev, "from", domain);
	el_setf(ev, "id", "tap-%s",
	    *st->tapped->recipient.id ? st->tapped->recipient.id : st->tapped->sender.id);
	tapped = el_add(ev, "tapped", NS_TAP);
	stamp_write(st->tapped->ms, stamp);
	el_set(tapped, "stamp", stamp);
	return ev;
}

static struct el *event_for(struct el *ev, const struct owner *o, bool keep)
{
	struct el *el = el_add(el_mut(el_child(ev, "tapped", NS_TAP)), "for", NULL);

	el_set(el, "jid", o->jid);
	el_set(el, "id", o->id);
	if (keep)
		el_set(el, "keep", "true");
	return el;
}

static void event_message(struct el *ev, const struct stanza *st)
{
	struct el *tapped = el_mut(el_child(ev, "tapped", NS_TAP)), *copy;
	struct el *forwarded = el_add(tapped, "forwarded", NS_FORWARD);

	if (st->tapped->raw) {
		(void)el_add_raw(forwarded, st->el, st->tapped->raw, st->tapped->raw_len);
		return;
	}
	copy = el_add_copy(forwarded, st->el);
	EL_EACH (el, copy, "stanza-id", NS_SID) {
		const char *by = el_attr(el, "by");

		if (by && st->tapped->recipient.jid && !strcmp(by, st->tapped->recipient.jid)) {
			el_remove(copy, el);
			break;
		}
	}
}

/* --- where nobody looks ----------------------------------------------------------------------- */

/* What keeps a session from showing it now; NULL: nothing. */
static const char *hidden(const struct session *s)
{
	if (!s->owner)
		return "asleep";
	return s->csi ? "inactive" : NULL;
}

/* The state of one that sessions have taken: NULL if one of them shows it. */
static const char *taken_state(struct user *u)
{
	const char *state = NULL;

	LIST_EACH (it, &u->sessions) {
		const struct session *s = LIST_ENTRY(it, struct session, of_user);
		const char *why = hidden(s);

		if (!session_available(s) || s->im.priority < 0)
			continue;
		if (!why)
			return NULL;
		if (!state || !strcmp(why, "inactive"))
			state = why;
	}
	return state;
}

static void say_sessions(struct el *to, struct user *u)
{
	LIST_EACH (it, &u->sessions) {
		const struct session *s = LIST_ENTRY(it, struct session, of_user);
		struct el *el;

		if (!session_available(s) || s->im.priority < 0)
			continue;
		el = el_add(to, "session", NULL);
		el_set(el, "resource", jid_resource(&s->jid));
		el_set(el, "state", hidden(s));
	}
}

/* NULL: it is seen, or not for anybody here. */
static const char *state_of(struct router *r, const struct stanza *st)
{
	const struct tapped *t = st->tapped;
	struct user *u;

	if (!t->recipient.jid)
		return NULL;
	if (t->offline)
		return t->expired ? "expired" : "offline";
	u = t->expired ? NULL : sessions_user(r->sessions, &st->to);
	return u ? taken_state(u) : NULL;
}

/* --- telling ---------------------------------------------------------------------------------- */

struct telling {
	struct router *router;
	struct stanza *st;
	const char *state; /* of its recipient, as <for/> has it */
	bool failed;
};

static bool keeps_for(const struct component *c, const struct owner *o)
{
	return o->keep && o->archive == c;
}

/* Whoever keeps it, or has to know that nobody shows it, gets one event. */
static void tell(struct component *c, void *arg)
{
	struct telling *t = arg;
	const struct tapped *tp = t->st->tapped;
	bool sent = keeps_for(c, &tp->sender);
	bool known = tp->expired && tp->recipient.keep; /* it has the message by this id */
	bool received = keeps_for(c, &tp->recipient) && !tp->expired;
	bool mine = tp->offline && c == tp->recipient.archive; /* and nobody else's */
	bool hidden_too =
	    mine || (t->state && !tp->offline && tap_granted(c, TAP_UNDELIVERED, &t->st->to));
	struct el *ev, *to;

	if (!sent && !received && !hidden_too)
		return;
	ev = event_new(t->st, c);
	if (sent)
		(void)event_for(ev, &tp->sender, true);
	if (received || hidden_too) {
		to = event_for(ev, &tp->recipient, received);
		el_set(to, "state", t->state);
		if (t->state && !tp->offline)
			say_sessions(to, sessions_user(t->router->sessions, &t->st->to));
	}
	if (!known)
		event_message(ev, t->st);
	if (!tap_send(t->router, c, ev, t->st,
		(struct tap_how){
		    .taken = !mine || tp->expired, .holds = sent || received || mine }))
		t->failed = t->failed || mine;
}

void tapped_end(struct router *r, struct stanza *st)
{
	struct telling t = { .router = r, .st = st };

	if (st->tapped && (!st->bounced || st->tapped->offline)) {
		t.state = state_of(r, st);
		if (st->tapped->offline)
			offline_told(r, &st->to, st->tapped->expired);
		if (t.state && !*st->tapped->recipient.id)
			give_id(r, st->tapped, &st->tapped->recipient);
		components_each(r->components, tell, &t);
	}
	if (t.failed && st->tapped->offline)
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, NOT_NOW);
	st->tapped = NULL;
}

/* --- before ----------------------------------------------------------------------------------- */

static bool can_keep(const struct stanza *st, const struct owner *o)
{
	return !o->keep || tap_ready(o->archive, st);
}

static bool fits(const struct stanza *st, const struct owner *o)
{
	return !o->keep || tap_fits(o->archive, st);
}

/* An operator hears of it once a minute: whoever grants an archive what it asks for and does not
 * start it has a server that takes no messages. */
static void refuse(struct router *r, struct stanza *st)
{
	static uint64_t said;
	const struct tapped *t = st->tapped;
	uint64_t now = loop_now(r->loop);

	metric_add(&m_refused, 1);
	if (said == 0 || now - said >= SAY_MS) {
		said = now;
		log_warn(NULL,
		    "messages are refused: %s, which keeps them, is not there or is behind",
		    component_domain(t->sender.archive ? t->sender.archive : t->recipient.archive));
	}
	route_bounce(r, st, COND_RESOURCE_CONSTRAINT, NOT_NOW);
	st->tapped = NULL;
}

bool tapped_begin(struct router *r, struct stanza *st)
{
	enum keep worth = keep_judge(st);
	struct tapped *t;

	stanza_id_strip(r, st);
	if (worth == KEEP_NOT)
		return true;
	t = st->tapped = arena_zalloc(el_arena(st->el), sizeof(*t));
	t->worth = worth;
	find_owners(r, st);
	if (!t->sender.jid && !t->recipient.jid) {
		st->tapped = NULL;
		return true;
	}
	if (!fits(st, &t->sender) || !fits(st, &t->recipient)) {
		st->tapped = NULL;
		route_bounce(r, st, COND_NOT_ACCEPTABLE, "too long to be kept");
		return false;
	}
	if (can_keep(st, &t->sender) && can_keep(st, &t->recipient) &&
	    !((t->sender.keep || t->recipient.keep) && st->session &&
		st->session->flight.impatient))
		return true;
	refuse(r, st);
	return false;
}

void tapped_begin_expired(struct router *r, struct stanza *st)
{
	const char *id = stanza_id_of(st->el, &st->to);
	enum keep worth = keep_judge(st);
	struct tapped *t;

	if (worth == KEEP_NOT)
		return;
	t = st->tapped = arena_zalloc(el_arena(st->el), sizeof(*t));
	t->worth = worth;
	t->expired = true;
	find_recipient(r, st);
	if (!t->recipient.jid) {
		st->tapped = NULL;
		return;
	}
	t->recipient.keep = id != NULL; /* only what is kept has one */
	give_id(r, t, &t->recipient);
	if (id && strlen(id) == STANZA_ID)
		memcpy(t->recipient.id, id, STANZA_ID);
}

void tapped_stamp(struct stanza *st)
{
	struct tapped *t = st->tapped;

	if (t)
		t->raw = el_raw(st->el, &t->raw_len);
	if (t && t->recipient.keep)
		stanza_id_add(st->el, t->recipient.jid, t->recipient.id);
}

bool tapped_offline(struct stanza *st)
{
	struct tapped *t = st->tapped;

	if (!t || !t->recipient.archive || !tap_has(t->recipient.archive, TAP_UNDELIVERED) ||
	    !tap_ready(t->recipient.archive, st))
		return false;
	t->offline = true;
	return true;
}
