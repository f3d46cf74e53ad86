/* SPDX-License-Identifier: MIT */
/* Everything is checked before the first copy leaves; then the addresses are gone through in order.
 *
 * Nearly all of them are full JIDs of sessions here: for these a copy is one look-up, one question
 * to the block list and the frozen stanza's bytes under a start tag, without a tree or an
 * allocation.  All else (absent, blocked, bare, elsewhere, or a policy that has to know who it is)
 * gets a tree of its own and goes the way of every stanza, which knows all the rules. */
#include <assert.h>

#include <base/arena.h>
#include <base/sbuf.h>

#include "core/policy.h"
#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/blocking.h"
#include "im/carbons.h"
#include "im/keep.h"
#include "im/stanza_id.h"
#include "links/component.h"
#include "links/fanout.h"
#include "links/privilege.h"
#include "router.h"

struct fanout {
	struct router *router;
	struct component *component;
	struct stanza *whole; /* as it came */
	struct stanza *one;   /* what everybody gets, frozen, without `to` */
	struct jid *to;       /* in the arena of whole */
	size_t n, bytes;      /* of to; of all copies */
	const char *text;     /* why it is refused */
};

void fanout_feature(struct sbuf *out)
{
	sbuf_puts(out, "<fanout xmlns='" NS_FANOUT "'/>");
}

/* --- the payload ---------------------------------------------------------------------------- */

static int refuse(struct fanout *f, enum el_cond cond, const char *text)
{
	f->text = text;
	return -(int)cond;
}

/* In whose name may a component write to many? */
static bool may_speak_as(const struct fanout *f, const struct stanza *st)
{
	return jid_has_domain(&st->from, component_domain(f->component)) ||
	       (st->kind == EL_MESSAGE && privilege_may_write(f->router, f->component, &st->from));
}

/* A question has one answer, and an error is one: neither is for many. */
static int take_stanza(struct fanout *f, const struct el *inner)
{
	enum el_kind kind = el_kind(inner);
	int r;

	if (kind != EL_MESSAGE && kind != EL_PRESENCE)
		return refuse(f, COND_BAD_REQUEST, "first comes a message or presence");
	if (el_attr(inner, "to") || !el_attr(inner, "from"))
		return refuse(f, COND_BAD_REQUEST, "the stanza has `from` and no `to`");
	r = stanza_new(&f->one, el_dup(inner));
	if (r < 0)
		return refuse(f, (enum el_cond) - r, "the stanza's type or `from` is malformed");
	if (stanza_is_error(f->one))
		return refuse(f, COND_BAD_REQUEST, "an error is for one");
	if (!may_speak_as(f, f->one))
		return refuse(f, COND_FORBIDDEN, "the stanza is from somebody else");
	f->one->component = f->component;
	if (kind == EL_MESSAGE)
		stanza_id_strip(f->router, f->one);
	el_freeze(f->one->el);
	return 0;
}

static int take_address(struct fanout *f, const struct el *el)
{
	const char *jid = el_attr(el, "jid");
	struct jid *to = &f->to[f->n];

	if (!el_is(el, "to", NS_FANOUT) || !jid)
		return refuse(f, COND_BAD_REQUEST, "behind the stanza come addresses");
	if (!jid_view_ascii(to, jid) && jid_parse(to, el_arena(f->whole->el), jid) < 0)
		return refuse(f, COND_JID_MALFORMED, "an address is malformed");
	f->n++;
	f->bytes += to->len;
	return 0;
}

/* Of one copy, but for the address. */
static size_t copy_len(const struct el *el)
{
	struct sbuf b = SBUF_INIT;
	size_t n;

	el_write_addr(&b, el, NS_CLIENT, NULL, "");
	n = sbuf_len(&b);
	sbuf_done(&b);
	return n;
}

static int take_addresses(struct fanout *f, const struct el *inner, size_t n)
{
	int r;

	if (n == 0)
		return refuse(f, COND_BAD_REQUEST, "there is no address");
	if (n > FANOUT_TO_MAX)
		return refuse(f, COND_NOT_ACCEPTABLE, "more than 1000 addresses");
	f->to = arena_alloc(el_arena(f->whole->el), n * sizeof(*f->to));
	for (const struct el *el = el_next(inner, NULL, NULL); el; el = el_next(el, NULL, NULL)) {
		r = take_address(f, el);
		if (r < 0)
			return r;
	}
	f->bytes += n * copy_len(f->one->el);
	if (f->bytes > FANOUT_BYTES_MAX)
		return refuse(f, COND_NOT_ACCEPTABLE, "the copies have more than 16 MiB");
	return 0;
}

static int take(struct fanout *f)
{
	const struct el *payload = stanza_payload(f->whole);
	const struct el *inner = el_child(payload, NULL, NULL);
	int r;

	if (el_child_count(f->whole->el) != 1 || !inner)
		return refuse(f, COND_BAD_REQUEST, "<fanout/> stands alone and is not empty");
	r = take_stanza(f, inner);
	return r < 0 ? r : take_addresses(f, inner, el_child_count(payload) - 1);
}

/* --- the copies ----------------------------------------------------------------------------- */

/* Would a session get it as it is, whatever its user's account says? */
static bool is_direct(const struct fanout *f)
{
	if (f->one->kind == EL_MESSAGE)
		return policy_admits_all(f->router, f->one) && !carbons_apply(f->one) &&
		       keep_judge(f->one) == KEEP_NOT;
	return f->one->type == ST_PRES_AVAILABLE || f->one->type == ST_PRES_UNAVAILABLE;
}

static bool to_session(const struct fanout *f, const struct jid *to)
{
	struct session *s = to->res ? sessions_find(f->router->sessions, to) : NULL;

	if (!s || blocking_judge(f->router, &f->one->from, to) != BLOCKING_PASS)
		return false;
	if (session_send_addr(s, f->one->el, NULL, to->s) < 0)
		return false; /* its sender is told as of any other */
	route_count(f->one->kind);
	if (f->one->kind == EL_PRESENCE)
		privilege_contact(f->router, f->one, to);
	return true;
}

static void to_anybody(const struct fanout *f, const struct jid *to)
{
	struct el *el = el_dup(f->one->el);
	struct stanza *copy;
	int r;

	el_set(el, "to", to->s);
	r = stanza_copy(&copy, f->whole, el);
	assert(r == 0); /* all of it was checked */
	route_stanza(f->router, copy);
	stanza_release(copy);
}

void fanout(struct router *r, struct component *c, struct stanza *st)
{
	struct fanout f = { .router = r, .component = c, .whole = st };
	int rc = take(&f);

	if (rc < 0) {
		route_bounce(r, st, (enum el_cond) - rc, f.text);
	} else {
		bool direct = is_direct(&f);

		for (size_t i = 0; i < f.n; i++) {
			if (!direct || !to_session(&f, &f.to[i]))
				to_anybody(&f, &f.to[i]);
		}
		component_charge(st, f.bytes);
	}
	stanza_release(f.one);
}
