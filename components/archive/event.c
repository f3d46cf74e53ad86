/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "event.h"
#include "fresh.h"
#include "held.h"
#include "message.h"
#include "owner.h"
#include "store.h"

static const struct log_tag tag = { .mod = "archive" };

struct mine { /* what a <for/> says */
	struct jid jid;
	struct uid uid;
	bool keep, waits;
	struct owner *owner;
};

/* false: nothing is kept for it, or it cannot be understood. */
static bool read_for(struct archive *a, const struct el *el, struct mine *out)
{
	const char *jid = el_attr(el, "jid"), *id = el_attr(el, "id"),
		   *state = el_attr(el, "state");

	*out = (struct mine){ .keep = el_attr_true(el, "keep") };
	out->waits = state && (strcmp(state, "offline") == 0 || strcmp(state, "expired") == 0);
	if (!out->keep && !out->waits)
		return false;
	if (!jid || !id || jid_parse(&out->jid, el_arena(el), jid) < 0 || !jid_is_bare(&out->jid) ||
	    jid_is_domain(&out->jid) || !comp_is_served(a->c, &out->jid) ||
	    uid_parse(&out->uid, id) < 0) {
		log_warn(&tag, "a message for %s, with the id %s, cannot be kept",
		    jid ? jid : "nobody", id ? id : "none");
		return false;
	}
	return true;
}

/* By the other side, as the account sees it. */
static struct store_entry entry_of(const struct message *m, const struct mine *f)
{
	bool sent = jid_same_bare(&m->from, &f->jid);

	return (struct store_entry){
		.ref = { f->owner->id, f->uid },
		.peer = sent ? m->to_bare.s : m->from_bare.s,
		.resource = jid_resource(sent ? &m->to : &m->from),
	};
}

static void put_waiting(struct archive *a, const struct mine *f, size_t n, int64_t body)
{
	for (size_t i = 0; i < n; i++) {
		const struct store_ref ref = { f[i].owner->id, f[i].uid };

		if (f[i].waits)
			store_put_offline(comp_tx(a->c), &ref, body, a->conf->offline_limit);
	}
}

/* In whichever archive of those who see it taken back it is found: it has one text. */
static void retract(struct archive *a, const struct message *m, const struct mine *f, size_t n)
{
	struct sbuf tombstone = SBUF_INIT;

	fresh_file(a);
	message_tombstone(&tombstone, m, uid_ms(&f[0].uid));
	for (size_t i = 0; i < n; i++) {
		struct store_entry e = entry_of(m, &f[i]);

		if (f[i].keep)
			store_retract(comp_tx(a->c), &e, m->retracts, &tombstone);
	}
	sbuf_done(&tombstone);
}

/* For one or two of those who have it. */
static void put(struct archive *a, const struct message *m, const struct mine *f, size_t n)
{
	struct store_entry v[2] = { 0 };
	int64_t body = ++a->last_body;

	for (size_t i = 0; i < n; i++) {
		v[i] = entry_of(m, &f[i]);
		if (!f[i].keep)
			v[i].peer = NULL;
	}
	put_waiting(a, f, n, body);
	store_put_body(comp_tx(a->c), body, v, m);
	for (size_t i = 0; i < n; i++) {
		owner_touch(a, f[i].owner);
		fresh_put(a, f[i].owner, &f[i].uid);
	}
	if (m->retracts && owner_retracts(a, f[0].owner))
		retract(a, m, f, n);
}

/* A session had it, and its client has not got it. */
static void put_again(struct archive *a, const struct mine *f)
{
	struct store_ref ref = { f->owner->id, f->uid };

	if (f->owner->id == 0 || !f->waits)
		return;
	(void)fresh_wait(a, f->owner); /* so that it is in the archive then */
	store_put_offline_known(comp_tx(a->c), &ref, a->conf->offline_limit);
	owner_touch(a, f->owner);
}

/* What is said of a message that is in the archive has none. */
static int take_again(struct archive *a, const struct el *tapped)
{
	struct mine f;
	int r;

	EL_EACH (el, tapped, "for", NS_TAP) {
		if (!read_for(a, el, &f))
			continue;
		r = owner_find(a, f.jid.s, &f.owner);
		if (r < 0)
			return r;
		put_again(a, &f);
	}
	return 0;
}

/* 1: its archive has it already, and all that is left to say of it has been said. */
static int is_known(struct archive *a, const struct mine *f)
{
	int r = fresh_repeats(a, &f->uid) ? store_has(a, f->owner->id, &f->uid) : 0;

	if (r > 0)
		put_again(a, f);
	return r;
}

/* A message has two owners at most; what names more is kept once for each two. */
static int take(struct archive *a, const struct el *tapped, const struct message *m)
{
	struct mine f[2];
	size_t n = 0;
	int r;

	EL_EACH (el, tapped, "for", NS_TAP) {
		if (!read_for(a, el, &f[n]))
			continue;
		r = owner_make(a, f[n].jid.s, &f[n].owner);
		if (r == 0)
			r = is_known(a, &f[n]);
		if (r < 0)
			return r;
		if (r == 0 && ++n == 2) {
			put(a, m, f, n);
			n = 0;
		}
	}
	if (n > 0)
		put(a, m, f, n);
	return 0;
}

static int take_message(struct archive *a, const struct el *tapped, const struct el *forwarded)
{
	const struct el *el = el_child(forwarded, "message", NS_CLIENT);
	struct message m;
	int r;

	if (!el || message_read(&m, el) < 0) {
		log_warn(&tag, "the server tells of a message that is none: it is not kept");
		return 0;
	}
	r = take(a, tapped, &m);
	message_done(&m);
	return r;
}

/* Nothing of it is lost because the database cannot be read right now. */
static enum held_next run(struct archive *a, struct comp_req *rq, void *state)
{
	const struct el *tapped = comp_payload(rq);
	const struct el *forwarded = el_child(tapped, "forwarded", NS_FORWARD);
	int r = forwarded ? take_message(a, tapped, forwarded) : take_again(a, tapped);

	(void)state;
	if (r < 0)
		return HELD_AGAIN;
	comp_reply_ok(rq);
	return HELD_DONE;
}

/* Whether it has come before can be read once all that came before it is where it belongs.  Ids
 * grow, so that this is asked of few. */
static uint64_t wait_for(struct archive *a, const struct el *tapped)
{
	struct uid uid;

	EL_EACH (el, tapped, "for", NS_TAP) {
		const char *id = el_attr(el, "id");

		if (id && uid_parse(&uid, id) == 0 && fresh_repeats(a, &uid)) {
			fresh_file(a);
			return a->fresh.tx;
		}
	}
	return 0;
}

int event_tapped(struct comp_req *rq, void *arg)
{
	static const struct held_ops ops = { .run = run };
	const struct el *tapped = comp_payload(rq);
	bool again = !el_child(tapped, "forwarded", NS_FORWARD);

	return held_start(arg, rq, again ? 0 : wait_for(arg, tapped), &ops, NULL);
}
