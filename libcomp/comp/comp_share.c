/* SPDX-License-Identifier: MIT */
/* A domain that several processes serve (urn:switchyard:share:1, docs/component-protocol.md): which
 * keys are this one's.
 *
 * The server tells two things of each change.  <members/> names who is there from now on: keys that
 * are another one's by that list are not acted upon any more, what members that are gone have left
 * is adopted, and the answer says that all of it is committed.  <settled/> says that all have
 * answered: now the component forgets what it lost and loads what it won.  A key is this member's
 * while it wins it by both lists.
 *
 * Both are kept with the session: a process that takes it over, or has failed, is told nothing
 * anew.  They count once the link is resumed, for until then the session may be over.
 *
 * Must not: write what the component keeps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/rendezvous.h>

#include "comp_internal.h"

static const struct log_tag tag = { .mod = "comp" };

/* --- lists ------------------------------------------------------------------------------------ */

/* It becomes the resource of an address, and a word among others. */
bool share_valid_id(const char *id)
{
	size_t n = 0;

	if (!id)
		return false;
	for (; id[n]; n++)
		if (n == COMP_MEMBER_ID || id[n] <= ' ' || id[n] > '~')
			return false;
	return n > 0;
}

static int list_add(struct share_list *l, const char *id)
{
	if (!share_valid_id(id) || l->n == COMP_MEMBERS_MAX)
		return -EINVAL;
	(void)snprintf(l->v[l->n].id, sizeof(l->v[l->n].id), "%s", id);
	l->v[l->n].hash = rendezvous_hash(id, strlen(id));
	l->n++;
	return 0;
}

/* As it stands in the database: the epoch and the ids, a space before each. */
static void list_write(struct sbuf *out, const struct share_list *l)
{
	sbuf_printf(out, "%u", (unsigned)l->epoch);
	for (size_t i = 0; i < l->n; i++)
		sbuf_printf(out, " %s", l->v[i].id);
}

static void list_read(struct share_list *l, const char *text)
{
	char id[COMP_MEMBER_ID + 1], *end;

	l->n = 0;
	l->epoch = (uint32_t)strtoul(text, &end, 10);
	for (const char *p = end; *p == ' ';) {
		size_t len = strcspn(++p, " ");

		if (len < sizeof(id)) {
			memcpy(id, p, len);
			id[len] = '\0';
			(void)list_add(l, id);
		}
		p += len;
	}
}

static const char *winner_of(const struct share_list *l, uint64_t key)
{
	const char *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint64_t w = rendezvous_weight(l->v[i].hash, key);

		if (!best || w > most || (w == most && strcmp(l->v[i].id, best) < 0)) {
			best = l->v[i].id;
			most = w;
		}
	}
	return best;
}

const char *share_winner(const struct share_list *l, const char *key, size_t len)
{
	return winner_of(l, rendezvous_hash(key, len));
}

static bool is_me(const struct comp *c, const char *id)
{
	return id && c->ledger.member && strcmp(id, c->ledger.member) == 0;
}

bool comp_owns(const struct comp *c, const char *key)
{
	const struct share *s = &c->share;
	uint64_t hash;

	if (!c->conf->share)
		return true;
	if (!s->active)
		return false;
	hash = rendezvous_hash(key, strlen(key));
	return is_me(c, winner_of(&s->settled, hash)) && is_me(c, winner_of(&s->newest, hash));
}

const char *comp_member(const struct comp *c)
{
	return c->conf->share ? c->ledger.member : NULL;
}

bool share_wins(const struct comp *c, const struct share_list *l, const struct jid *to)
{
	if (jid_resource(to) && !to->dom && is_me(c, jid_resource(to)))
		return true;
	return is_me(c, share_winner(l, to->s, jid_bare_len(to)));
}

/* --- life ------------------------------------------------------------------------------------- */

void share_reset(struct comp *c)
{
	struct share *s = &c->share;

	s->newest.n = s->settled.n = 0;
	s->newest.epoch = s->settled.epoch = 0;
	s->active = s->busy = false;
	s->fenced = 0;
}

void share_restore(struct comp *c, const char *newest, const char *settled)
{
	share_reset(c);
	list_read(&c->share.newest, newest);
	list_read(&c->share.settled, settled);
	c->share.loaded = c->ledger.in_done;
}

static void put_lists(struct comp *c)
{
	struct sbuf newest = SBUF_INIT, settled = SBUF_INIT;
	const struct share *s = &c->share;

	list_write(&newest, &s->newest);
	if (s->settled.n > 0)
		list_write(&settled, &s->settled);
	ledger_put_lists(
	    c, tx_batch(c), sbuf_str(&newest), s->settled.n > 0 ? sbuf_str(&settled) : NULL);
	sbuf_done(&newest);
	sbuf_done(&settled);
}

/* --- what is this member's now ---------------------------------------------------------------- */

static void on_claimed(struct comp *c)
{
	int r = claim_read(c);

	c->share.busy = false;
	if (r < 0)
		recover_start(c, r);
}

/* No handler runs before what was deferred elsewhere has come back: it came before the rest. */
static void activate(struct comp *c)
{
	struct share *s = &c->share;
	bool first = !s->active;
	int r = 0;

	s->active = true;
	if (c->ops->owned)
		r = c->ops->owned(c, c->arg);
	if (r >= 0)
		r = claim(c, first);
	if (r > 0) {
		s->busy = true;
		tx_then(c, on_claimed);
	}
	if (r < 0)
		recover_start(c, r);
}

void share_resumed(struct comp *c)
{
	if (!c->share.active && c->share.settled.n > 0)
		activate(c);
}

/* --- <members/> ------------------------------------------------------------------------------- */

static bool gone_fits(const struct el *el)
{
	uint32_t h;

	return share_valid_id(el_attr(el, "id")) &&
	       (!el_attr(el, "h") || el_attr_u32(el, "h", &h) == 0);
}

static int read_members(const struct el *members, struct share_list *l)
{
	size_t n_gone = 0;

	l->n = 0;
	if (el_attr_u32(members, "epoch", &l->epoch) < 0 || l->epoch == 0)
		return -EINVAL;
	EL_EACH (it, members, "member", NS_SHARE)
		if (list_add(l, el_attr(it, "id")) < 0)
			return -EINVAL;
	EL_EACH (it, members, "gone", NS_SHARE)
		if (++n_gone > COMP_GONE_MAX || !gone_fits(it))
			return -EINVAL;
	return l->n > 0 ? 0 : -EINVAL;
}

static const struct el *members_of(const struct el *el)
{
	const char *type = el_attr(el, "type");

	if (el_kind(el) != EL_IQ || !type || strcmp(type, "set") != 0 || !el_attr(el, "id") ||
	    el_child_count(el) != 1)
		return NULL;
	return el_child(el, "members", NS_SHARE);
}

static void on_fenced(struct comp *c)
{
	c->share.busy = false;
}

bool share_ready(struct comp *c, const struct el *el, uint64_t n)
{
	const struct el *members = members_of(el);
	struct share_list l;
	int r;

	if (!members || c->share.fenced == n || read_members(members, &l) < 0)
		return true;
	tx_end(c);
	r = adopt_fence(c, members, &l, on_fenced);
	if (r < 0) {
		recover_start(c, r);
		return false;
	}
	c->share.fenced = n;
	c->share.busy = r > 0;
	return r == 0;
}

static void refuse(struct comp *c, const struct el *el)
{
	EL_AUTO struct el *err = el_error_reply(el, COND_BAD_REQUEST, NULL);

	log_warn(&tag, "refused a malformed list of members from %s", el_attr(el, "from"));
	if (err)
		tx_say(c, err);
}

static void take_list(struct comp *c, const struct share_list *l)
{
	if (l->epoch < c->share.newest.epoch)
		return;
	c->share.newest = *l;
	log_debug(&tag, "epoch %u is to come, with %zu members", (unsigned)l->epoch, l->n);
	put_lists(c);
	claim_give(c);
}

static void on_members(struct comp *c, const struct el *el, const struct el *members)
{
	struct share_list l;
	EL_AUTO struct el *answer = NULL;
	struct el *payload;
	int r;

	if (read_members(members, &l) < 0) {
		refuse(c, el);
		return;
	}
	take_list(c, &l);
	answer = el_result(el);
	el_setf(answer, "from", "%s/%s", c->domain, c->ledger.member ? c->ledger.member : "");
	payload = el_add(answer, "members", NS_SHARE);
	el_setf(payload, "epoch", "%u", (unsigned)l.epoch);
	r = adopt(c, members, &l, payload);
	if (r < 0)
		recover_start(c, r);
	else
		tx_say(c, answer);
}

/* --- <settled/> ------------------------------------------------------------------------------- */

static void on_settled(struct comp *c, const struct el *settled)
{
	struct share *s = &c->share;
	uint32_t epoch;

	if (el_attr_u32(settled, "epoch", &epoch) < 0 || epoch != s->newest.epoch ||
	    s->newest.n == 0) {
		log_debug(&tag, "ignored that something is settled that is not known");
		return;
	}
	s->settled = s->newest;
	log_debug(&tag, "epoch %u is settled: %s of %zu members", (unsigned)epoch, c->ledger.member,
	    s->settled.n);
	put_lists(c);
	activate(c);
}

/* --- the way in ------------------------------------------------------------------------------- */

bool share_is(const struct comp *c, const struct el *el)
{
	const char *from = el_attr(el, "from");

	return c->conf->share && from && el_child(el, NULL, NS_SHARE) &&
	       conf_list_has(&c->routers, from, strlen(from));
}

bool share_inbound(struct comp *c, struct el *el, const struct jid *from)
{
	const struct el *payload = c->conf->share ? el_child(el, NULL, NS_SHARE) : NULL;
	const char *type = el_attr(el, "type");

	if (!payload || !c->ledger.member || !comp_is_router(c, from))
		return false;
	if (members_of(el))
		on_members(c, el, members_of(el));
	else if (el_kind(el) == EL_MESSAGE && el_is(payload, "settled", NS_SHARE) &&
		 (!type || strcmp(type, "error") != 0))
		on_settled(c, payload);
	else
		return false;
	el_free(el);
	return true;
}
