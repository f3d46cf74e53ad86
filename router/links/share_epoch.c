/* SPDX-License-Identifier: MIT */
/* A change of the members of a shared domain, one at a time.
 *
 * SETTLED -> ASKING (all that know of members have been sent the new list) -> SETTLED.  Who has
 * ended meanwhile, being on the new list, makes a newer list at once; the settled one stays the
 * same.  Whatever else happens waits for the end of the change.
 *
 * When all have answered, what ended members left in their queues goes to the winners, without what
 * their store is said to have; then what was held.
 *
 * Must not: let a key be two members'. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <base/loop.h>
#include <base/rnd.h>

#include "conf.h"
#include "core/stanza.h"
#include "links/link.h"
#include "links/share_internal.h"
#include "router.h"

#define ID_LEN 16

/* --- what members are told -------------------------------------------------------------------- */

/* In whose name: that of the domain above its own, which a component knows without being told, if
 * it works for that one. */
static const char *server_of(const struct component *c)
{
	const struct conf_list *hosts = &c->conf->hosts;
	const struct conf_list *of = hosts->n > 0 ? hosts : &c->router->conf->domains;
	const char *above = strchr(c->domain, '.');

	if (above && conf_list_has(of, above + 1, strlen(above + 1)))
		return above + 1;
	return of->v[0];
}

static struct el *to_member(const struct member *m, struct el *el)
{
	char id[ID_LEN + 1];

	rnd_id(id, ID_LEN);
	el_set(el, "id", id);
	el_set(el, "from", server_of(m->component));
	el_setf(el, "to", "%s/%s", m->component->domain, m->share.id);
	return el;
}

/* Whatever room there is: what it is told of members is little, and comes in order. */
static void tell(struct member *m, struct el *el)
{
	struct stanza *st;

	if (stanza_new(&st, to_member(m, el)) == -EBADMSG)
		return;
	st->for_one = true;
	outbound_place(m, st, false);
	stanza_release(st);
}

static void tell_settled(const struct sharing *sh, struct member *m)
{
	struct el *msg = el_message(NULL, NULL);

	el_setf(el_add(msg, "settled", NS_SHARE), "epoch", "%" PRIu32, sh->epoch);
	tell(m, msg);
}

static void ask(struct sharing *sh, struct member *m)
{
	struct el *iq = el_iq("set", NULL), *list = el_add(iq, "members", NS_SHARE);

	el_setf(list, "epoch", "%" PRIu32, sh->epoch);
	LIST_EACH (it, &sh->members)
		el_set(el_add(list, "member", NULL), "id", share_member(it)->share.id);
	LIST_EACH (it, &sh->gone) {
		struct shared *gone = &share_member(it)->share;
		struct el *el;

		if (!gone->extended || gone->adopted)
			continue;
		gone->told = sh->epoch;
		el = el_add(list, "gone", NULL);
		el_set(el, "id", gone->id);
		el_setf(el, "h", "%" PRIu32, gone->h);
	}
	tell(m, iq);
	if (!m->share.owes)
		m->share.owes_from = loop_now(m->router->loop);
	m->share.owes = true;
}

static bool is_asked(const struct member *m)
{
	return m->share.will && m->share.extended;
}

/* Until the one that has owed an answer for the longest time has to have given it.  A change that
 * follows gives nobody more time: else who comes and goes would keep who hangs. */
static void set_timer(struct sharing *sh)
{
	uint64_t now = loop_now(sh->component->router->loop), waited = 0;

	LIST_EACH (it, &sh->members) {
		const struct shared *m = &share_member(it)->share;

		if (m->owes && now - m->owes_from > waited)
			waited = now - m->owes_from;
	}
	timer_set(&sh->timer, waited < SHARE_MS ? SHARE_MS - waited : 0);
}

/* --- what is held ----------------------------------------------------------------------------- */

/* Who left while that waited: with whoever has it now, or until that is settled. */
static void place_ghosts(struct sharing *sh, struct member *from)
{
	struct stanza *st;

	for (size_t n = map_len(&from->ghosts.by_pair); n > 0; n--) {
		struct member *m;

		if (stanza_new(&st, ghosts_next(&from->ghosts)) == -EBADMSG)
			continue;
		m = share_pick(sh, st);
		(void)ghosts_keep(m ? &m->ghosts : &sh->component->own.ghosts, st);
		stanza_release(st);
	}
}

/* What the change before this one would have moved and this one does not: it is ahead of all that
 * comes for the same keys from now on. */
static void place_unmoved(struct sharing *sh)
{
	struct member *own = &sh->component->own;

	LIST_EACH_SAFE (it, &own->queue.all) {
		struct lq_entry *e = LIST_ENTRY(it, struct lq_entry, of_queue);
		struct member *m = e->st->for_all ? NULL : share_pick(sh, e->st);

		if (m)
			share_move(own, e, m);
	}
	place_ghosts(sh, own);
	LIST_EACH (it, &sh->members)
		place_ghosts(sh, share_member(it));
}

/* --- the beginning ---------------------------------------------------------------------------- */

static void begin(struct sharing *sh)
{
	sh->again = false;
	sh->changing = true;
	sh->running = false;
	timer_stop(&sh->timer);
	if (list_empty(&sh->members) || sh->component->router->stopping)
		return;
	sh->epoch++;
	sh->running = true;
	outbound_hold(&sh->component->own);
	LIST_EACH (it, &sh->members)
		share_member(it)->share.will = true;
	LIST_EACH (it, &sh->members) {
		if (is_asked(share_member(it)))
			ask(sh, share_member(it));
	}
	place_unmoved(sh);
	set_timer(sh);
	LIST_EACH (it, &sh->members)
		outbound_pump(share_member(it));
	share_settle(sh);
}

void share_changed(struct sharing *sh, bool pending)
{
	if (sh->running && !pending)
		sh->again = true;
	else
		begin(sh);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void place(struct sharing *sh, struct member *from, struct lq_entry *e)
{
	struct stanza *st = e->st;
	struct member *m;

	if (st->for_all) {
		(void)lq_take(&from->queue, e);
		if (share_tell(sh, st) != COMPONENT_TAKEN)
			st->dropped = true;
		stanza_release(st);
		return;
	}
	m = share_pick(sh, st);
	share_move(from, e, m);
}

/* What its store has is done; of whom nobody knows anything, what it had acknowledged. */
static void pass_on(struct sharing *sh, struct member *gone)
{
	struct lq_entry *e;

	for (uint32_t n = gone->share.done; n > 0 && (e = lq_first(&gone->queue)); n--)
		stanza_release(lq_take(&gone->queue, e));
	while ((e = lq_first(&gone->queue)))
		place(sh, gone, e);
}

static bool any_asked(const struct sharing *sh)
{
	LIST_EACH (it, &sh->members) {
		if (is_asked(share_member(it)))
			return true;
	}
	return false;
}

/* Of those that ended, only who came and went during the change has not been told of; and where
 * nobody could take a session over, it is told of to the first who can. */
static void pass_all_on(struct sharing *sh)
{
	bool asked = any_asked(sh);

	LIST_EACH_SAFE (it, &sh->gone) {
		struct member *m = share_member(it);
		struct log_tag tag = { "link", m->share.id, NULL, sh->component->domain };

		if (m->share.extended && !m->share.told && asked)
			continue;
		if (m->share.told && !m->share.adopted)
			log_warn(
			    &tag, "nobody has said that member %s was taken over", m->share.id);
		pass_on(sh, m);
		if (!m->share.extended || m->share.told || m->share.adopted)
			share_release(sh, m);
	}
}

static void settled(struct sharing *sh)
{
	struct member *own = &sh->component->own;
	struct lq_entry *e;

	sh->running = sh->changing = false;
	timer_stop(&sh->timer);
	LIST_EACH (it, &sh->gone)
		share_member(it)->share.was = false;
	LIST_EACH (it, &sh->members) {
		struct member *m = share_member(it);

		m->share.was = m->share.will;
		if (is_asked(m))
			tell_settled(sh, m);
	}
	pass_all_on(sh);
	while ((e = lq_first(&own->queue)))
		place(sh, own, e);
	place_ghosts(sh, own);
	LIST_EACH (it, &sh->members)
		outbound_pump(share_member(it));
}

void share_settle(struct sharing *sh)
{
	if (!sh->running)
		return;
	LIST_EACH (it, &sh->members) {
		if (is_asked(share_member(it)) && share_member(it)->share.answered != sh->epoch)
			return;
	}
	settled(sh);
	if (sh->again)
		begin(sh);
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct member *gone_by_id(const struct sharing *sh, const char *id)
{
	LIST_EACH (it, &sh->gone) {
		if (id && !strcmp(share_member(it)->share.id, id))
			return share_member(it);
	}
	return NULL;
}

/* A session that a router before this one knew is nobody here.  The first number counts: who found
 * nothing to take may only have come later. */
static void adopted(struct sharing *sh, const struct el *el)
{
	struct member *gone = gone_by_id(sh, el_attr(el, "id"));
	struct log_tag tag = { "link", NULL, NULL, sh->component->domain };
	uint32_t h;

	if (!gone)
		return;
	tag.id = gone->share.id;
	gone->share.adopted = true;
	if (!el_attr(el, "h") || gone->share.counted)
		return;
	gone->share.counted = true;
	if (el_attr_u32(el, "h", &h) < 0 || h - gone->share.acked > gone->share.unacked)
		log_warn(&tag, "member %s is said to have %s stanzas, which it was not sent",
		    gone->share.id, el_attr(el, "h"));
	else
		gone->share.done = h - gone->share.acked;
}

/* To one before this it is late; it has begun with this one now. */
static void answered(struct sharing *sh, struct member *m, uint32_t epoch)
{
	if (!sh->running || epoch > sh->epoch || epoch <= m->share.answered)
		return;
	m->share.answered = epoch;
	m->share.owes = epoch != sh->epoch;
	m->share.owes_from = loop_now(m->router->loop);
	set_timer(sh);
}

static bool is_to_server(const struct router *r, const struct stanza *st)
{
	return st->to.s && jid_is_domain(&st->to) && router_serves(r, st->to.s, st->to.len);
}

/* What it has taken over may have an answer of another one's in it, to a router before this one. */
static bool is_from(const struct stanza *st, const struct member *m)
{
	return st->from.res && !strcmp(jid_resource(&st->from), m->share.id);
}

bool share_answer(struct component *c, struct stanza *st)
{
	struct sharing *sh = c->sharing;
	struct member *m = st->member;
	const struct el *list;
	uint32_t epoch;

	if (!sh || !m || st->type != ST_IQ_RESULT || !is_to_server(c->router, st))
		return false;
	list = el_child(st->el, "members", NS_SHARE);
	if (!list)
		return false;
	EL_EACH (el, list, "adopted", NS_SHARE)
		adopted(sh, el);
	if (is_asked(m) && is_from(st, m) && el_attr_u32(list, "epoch", &epoch) == 0)
		answered(sh, m, epoch);
	share_settle(sh);
	return true;
}

/* --- who does not answer ---------------------------------------------------------------------- */

static void expel(struct member *m)
{
	struct log_tag tag = { "link", m->share.id, NULL, m->component->domain };
	struct link *l = m->link;

	log_warn(&tag,
	    "member %s (%s) has not answered a change of members within %d s: it is disconnected",
	    m->share.id, l ? link_peer(l) : "its link was lost", SHARE_MS / 1000);
	share_leave(m, "it has not answered a change of members");
	if (l)
		link_end(l, STREAM_E_CONNECTION_TIMEOUT, "a change of members was not answered");
}

void share_on_timeout(void *arg)
{
	struct sharing *sh = arg;
	uint64_t now = loop_now(sh->component->router->loop);
	bool any = false;

	LIST_EACH_SAFE (it, &sh->members) {
		struct member *m = share_member(it);

		if (!m->share.owes || now - m->share.owes_from < SHARE_MS)
			continue;
		expel(m);
		any = true;
	}
	if (any)
		share_changed(sh, true);
	else
		set_timer(sh);
}
