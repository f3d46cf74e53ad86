/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "apply.h"
#include "handler.h"
#include "invite.h"
#include "leave.h"
#include "nick.h"
#include "reach.h"
#include "register.h"
#include "store.h"

struct change {
	struct map_node node;
	struct map_node by_nick; /* if nick is set */
	struct jid who;          /* bare, or a domain */
	enum aff from, to;
	char *nick, *reason; /* NULL: none */
	bool present;        /* somebody in the room is meant */
};

enum { ABSENT_TAGS = 1024 }; /* of a message to who is not in the room, but for its texts */

/* --- making ------------------------------------------------------------------------------------
 */

static char *dup(const char *s)
{
	return s && *s ? xstrdup(s) : NULL;
}

void plan_init(struct plan *p, struct room *r, const struct jid *by)
{
	const struct session *s = room_session(r, by);
	char *bare = xstrndup(by->s, jid_bare_len(by));
	struct jid view = jid_view(bare);

	if (!s)
		s = room_session_of(r, by);
	*p = (struct plan){
		.room = r,
		.by = jid_dup(&view),
		.members_only = r->conf.members_only,
		.moderated = r->conf.moderated,
		.broadcast = r->conf.broadcast,
	};
	if (s)
		p->actor = xstrdup(s->occ->nick);
	p->name = xstrdup(s ? invite_name(s) : bare);
	map_init(&p->changes);
	map_init(&p->nicks);
	free(bare);
}

void plan_done(struct plan *p)
{
	struct map_node *n;

	reach_clear(p->room);
	map_done(&p->nicks);
	while ((n = map_first(&p->changes))) {
		struct change *c = MAP_ENTRY(n, struct change, node);

		map_del(&p->changes, n);
		jid_done(&c->who);
		free(c->nick);
		free(c->reason);
		free(c);
	}
	map_done(&p->changes);
	jid_done(&p->by);
	free(p->actor);
	free(p->name);
}

/* The nick reserved after the change; outcasts have none (17.4). */
static int new_nick(const struct plan *p, const struct jid *who, enum aff to, const char *nick,
    struct arena *a, const char **out)
{
	const struct room *r = p->room;
	const struct aff_entry *e = affs_find(&r->affs, who->s);
	int ret;

	*out = NULL;
	if (to < AFF_MEMBER)
		return 0;
	if (!nick) {
		*out = e ? e->nick : NULL;
		return 0;
	}
	if (!*nick)
		return 0;
	ret = nick_read(a, nick, (size_t)r->m->conf->max_nick, out);
	if (ret < 0)
		return ret;
	if (e && e->nick && !strcmp(e->nick, *out))
		return 0;
	/* in use as well: where nicks are locked down, who has it could not come in (7.2.2) */
	return room_nick_taken(r, *out, who) || map_gets(&p->nicks, *out) ? -COND_CONFLICT : 0;
}

/* Who asks for membership and a nick that is free still gets both. */
static const char *wanted_nick(const struct plan *p, const struct jid *who)
{
	const char *nick = register_wanted(p->room, who->s);

	if (!nick || room_nick_taken(p->room, nick, who) || map_gets(&p->nicks, nick))
		return NULL;
	return nick;
}

static void add(struct plan *p, const struct jid *who, const struct aff_entry *e, enum aff to,
    const char *nick, const char *reason)
{
	struct change *c = xzalloc(sizeof(*c));

	c->who = jid_dup(who);
	c->from = e ? e->aff : AFF_NONE;
	c->to = to;
	c->nick = dup(nick);
	c->reason = dup(reason);
	map_put(&p->changes, &c->node, c->who.s, c->who.len);
	if (c->nick)
		map_put(&p->nicks, &c->by_nick, c->nick, strlen(c->nick));
	p->owners += (to == AFF_OWNER) - (c->from == AFF_OWNER);
	p->entries += (to != AFF_NONE) - (c->from != AFF_NONE);
	if (!p->silent)
		p->bytes += ABSENT_TAGS + 2 * reach_text(c->who.s) + reach_text(c->reason) +
		            2 * reach_text(p->room->jid) + reach_text(p->name) +
		            reach_text(p->room->conf.password);
}

int plan_add(struct plan *p, const struct actor *by, const struct jid *who, enum aff to,
    const char *nick, const char *reason)
{
	struct arena *a = arena_new();
	struct jid bare = jid_bare(who, a);
	const struct aff_entry *e = affs_find(&p->room->affs, bare.s);
	int ret = perm_affiliation(by, e ? e->aff : AFF_NONE, to, jid_same(&bare, &p->by));

	if (ret == 0 && map_get(&p->changes, bare.s, bare.len))
		ret = -COND_BAD_REQUEST; /* twice in one change */
	if (ret == 0 && reason && strlen(reason) > MUC_REASON_MAX)
		ret = -COND_NOT_ACCEPTABLE;
	if (!nick && !e && to >= AFF_MEMBER)
		nick = wanted_nick(p, &bare);
	if (ret == 0)
		ret = new_nick(p, &bare, to, nick, a, &nick);
	if (ret == 0)
		add(p, &bare, e, to, nick, reason);
	arena_free(a);
	return ret;
}

/* --- checking ----------------------------------------------------------------------------------
 */

static struct change *find_change(const struct plan *p, const char *s, size_t len)
{
	struct map_node *n = map_get(&p->changes, s, len);

	return n ? MAP_ENTRY(n, struct change, node) : NULL;
}

/* The entry of a list after the change; AFF_NONE: there is none. */
static enum aff entry_after(const struct plan *p, const char *s, size_t len)
{
	const struct change *c = find_change(p, s, len);
	const struct aff_entry *e = c ? NULL : affs_find_n(&p->room->affs, s, len);

	if (c)
		return c->to;
	return e ? e->aff : AFF_NONE;
}

/* As room_aff() will have it. */
static enum aff aff_after(const struct plan *p, const struct jid *j)
{
	enum aff aff;

	if (muc_is_admin(p->room->m, j))
		return AFF_OWNER;
	aff = entry_after(p, j->s, jid_bare_len(j));
	if (aff == AFF_NONE && j->dom)
		aff = entry_after(p, jid_domain(j), jid_domain_len(j));
	return aff;
}

/* 9.1, 9.3, 10.2: from a members-only room goes who was a member until now, and everybody else when
 * it becomes one. */
static void mark(const struct plan *p, struct occupant *o)
{
	enum aff now = aff_after(p, &occupant_main(o)->jid);
	enum role role = role_after(o->aff, now, o->role, p->moderated);
	const struct room_conf *c = &p->room->conf;

	o->going = (now == AFF_OUTCAST && now != o->aff) ||
	           (p->members_only && now < AFF_MEMBER && (now != o->aff || !c->members_only));
	o->shows = now != o->aff;
	if ((p->broadcast ^ c->broadcast) & ROLE_BIT(role))
		o->shows++;
}

int plan_check(struct plan *p, size_t more)
{
	const struct room *r = p->room;
	struct note n = { .actor = p->actor };
	size_t longest = 0;

	if ((int)r->affs.n_owners + p->owners < 1) /* 10.2, 10.5 */
		return -COND_CONFLICT;
	if (p->entries > 0 &&
	    affs_count(&r->affs) + (size_t)p->entries > (size_t)r->m->conf->max_affiliations)
		return -COND_RESOURCE_CONSTRAINT;
	LIST_EACH (it, &r->occupants)
		mark(p, LIST_ENTRY(it, struct occupant, link));
	MAP_EACH (it, &p->changes) {
		const struct change *c = MAP_ENTRY(it, struct change, node);

		if (reach_text(c->reason) > longest) {
			n.reason = c->reason;
			longest = reach_text(c->reason);
		}
	}
	return reach_fits(r, &n, p->bytes + more) ? 0 : -COND_RESOURCE_CONSTRAINT;
}

/* --- applying ----------------------------------------------------------------------------------
 */

/* The change that an occupant is meant by; NULL: none. */
static struct change *change_of(const struct plan *p, const struct jid *who)
{
	struct change *c = find_change(p, who->s, jid_bare_len(who));

	return c ? c : find_change(p, jid_domain(who), jid_domain_len(who));
}

/* Removed, or shown to all as what it is now. */
static void apply_to(const struct plan *p, struct occupant *o, const struct change *c)
{
	struct room *r = o->room;
	enum aff now = room_aff(r, &occupant_main(o)->jid), old = o->aff;
	struct note n = { .actor = p->actor, .reason = c ? c->reason : NULL };

	if (now != old) {
		o->aff = now;
		presence_forget(o);
	}
	if (o->going) {
		n.gone = true;
		if (now == AFF_OUTCAST)
			note_code(&n, 301);
		else
			note_code(&n, now != old ? 321 : 322);
		leave_occupant(o, &n);
	} else if (now != old) {
		occupant_set_role(o, role_after(old, now, o->role, r->conf.moderated));
		presence_tell(o, &n);
	}
}

/* 18.1 (code 101), and 9.5: a new member of a members-only room is invited. */
static void tell_absent(const struct plan *p, const struct change *c)
{
	struct room *r = p->room;
	struct el *msg, *x, *item;

	if (c->from == c->to || !c->who.dom)
		return;
	if (r->conf.members_only && c->from == AFF_NONE && c->to >= AFF_MEMBER) {
		invite_send(r, p->name, &c->who, NULL, c->reason);
		return;
	}
	msg = el_message(NULL, c->who.s);
	el_set(msg, "from", r->jid);
	x = el_add(msg, "x", NS_MUC_USER);
	item = el_add(x, "item", NULL);
	el_set(item, "affiliation", aff_name(c->to));
	el_set(item, "jid", c->who.s);
	el_set(item, "role", role_name(ROLE_NONE));
	if (c->reason)
		el_add_text(item, "reason", NULL, c->reason);
	el_set(el_add(x, "status", NULL), "code", "101");
	(void)comp_send(r->m->c, msg);
}

void plan_apply(struct plan *p)
{
	struct room *r = p->room;

	MAP_EACH (it, &p->changes) {
		const struct change *c = MAP_ENTRY(it, struct change, node);

		affs_put(&r->affs, c->who.s, c->to, c->nick, c->reason);
		store_put_aff(comp_tx(r->m->c), r->local, c->who.s, c->to, c->nick, c->reason);
		if (c->to != AFF_NONE)
			register_settle(r, c->who.s);
	}
	LIST_EACH_SAFE (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);
		struct change *c = change_of(p, &occupant_main(o)->jid);

		if (c)
			c->present = true;
		apply_to(p, o, c);
	}
	if (p->silent)
		return;
	MAP_EACH (it, &p->changes) {
		const struct change *c = MAP_ENTRY(it, struct change, node);

		if (!c->present)
			tell_absent(p, c);
	}
}

int plan_answer(struct plan *p, struct comp_req *rq)
{
	int ret = plan_check(p, 0);

	if (ret != 0)
		return ret;
	comp_reply_ok(rq);
	plan_apply(p);
	return ANSWERED;
}

void apply_anew(struct room *r)
{
	static const struct note as_is = { 0 };

	LIST_EACH (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);
		enum aff now = room_aff(r, &occupant_main(o)->jid);

		if (now == o->aff)
			continue;
		occupant_set_role(o, role_after(o->aff, now, o->role, r->conf.moderated));
		o->aff = now;
		if (reach_fits_show(o)) /* else it is seen when it is next shown */
			presence_tell(o, &as_is);
	}
}
