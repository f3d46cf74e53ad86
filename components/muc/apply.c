/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>

#include "apply.h"
#include "invite.h"
#include "leave.h"
#include "nick.h"
#include "store.h"

struct change {
	struct map_node node;
	struct jid who; /* bare, or a domain */
	enum aff from, to;
	char *nick, *reason; /* NULL: none */
	bool present;        /* somebody in the room is meant */
};

/* --- making ------------------------------------------------------------------------------------
 */

static char *dup(const char *s)
{
	return s && *s ? xstrdup(s) : NULL;
}

void plan_init(struct plan *p, const struct room *r, const struct jid *by)
{
	const struct session *s = room_session(r, by);
	char *bare = xstrndup(by->s, jid_bare_len(by));
	struct jid view = jid_view(bare);

	if (!s)
		s = room_session_of(r, by);
	*p = (struct plan){ .by = jid_dup(&view) };
	if (s)
		p->actor = xstrdup(s->occ->nick);
	p->name = xstrdup(s ? invite_name(s) : bare);
	map_init(&p->changes);
	free(bare);
}

void plan_done(struct plan *p)
{
	struct map_node *n;

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

/* The nick reserved after the change; outcasts have none (14.4). */
static int new_nick(const struct room *r, const struct aff_entry *e, enum aff to, const char *nick,
    struct arena *a, const char **out)
{
	const struct aff_entry *other;

	*out = NULL;
	if (to < AFF_MEMBER)
		return 0;
	if (!nick) {
		*out = e ? e->nick : NULL;
		return 0;
	}
	if (!*nick)
		return 0;
	*out = nick_clean(a, nick, (size_t)r->m->conf->max_nick);
	if (!*out)
		return -COND_NOT_ACCEPTABLE;
	other = affs_nick(&r->affs, *out);
	return other && other != e ? -COND_CONFLICT : 0;
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
	p->owners += (to == AFF_OWNER) - (c->from == AFF_OWNER);
	p->entries += (to != AFF_NONE) - (c->from != AFF_NONE);
}

int plan_add(struct plan *p, const struct room *r, const struct actor *by, const struct jid *who,
    enum aff to, const char *nick, const char *reason)
{
	struct arena *a = arena_new();
	struct jid bare = jid_bare(who, a);
	const struct aff_entry *e = affs_find(&r->affs, bare.s);
	int ret = perm_affiliation(by, e ? e->aff : AFF_NONE, to, jid_same(&bare, &p->by));

	if (ret == 0 && map_get(&p->changes, bare.s, bare.len))
		ret = -COND_BAD_REQUEST; /* twice in one change */
	if (ret == 0 && reason && strlen(reason) > MUC_REASON_MAX)
		ret = -COND_NOT_ACCEPTABLE;
	if (ret == 0)
		ret = new_nick(r, e, to, nick, a, &nick);
	if (ret == 0)
		add(p, &bare, e, to, nick, reason);
	arena_free(a);
	return ret;
}

int plan_check(const struct plan *p, const struct room *r)
{
	if ((int)r->affs.n_owners + p->owners < 1) /* 10.2, 10.5 */
		return -COND_CONFLICT;
	if (p->entries > 0 &&
	    affs_count(&r->affs) + (size_t)p->entries > (size_t)r->m->conf->max_affiliations)
		return -COND_RESOURCE_CONSTRAINT;
	return 0;
}

/* --- applying ----------------------------------------------------------------------------------
 */

static struct change *change_of(const struct plan *p, const struct jid *who)
{
	struct map_node *n = map_get(&p->changes, who->s, jid_bare_len(who));

	if (!n)
		n = map_get(&p->changes, jid_domain(who), jid_domain_len(who));
	return n ? MAP_ENTRY(n, struct change, node) : NULL;
}

/* 9.1, 9.3, 9.4: removed, or shown to all as what it is now. */
static void apply_to(const struct plan *p, struct occupant *o, const struct change *c)
{
	struct room *r = o->room;
	enum aff now = room_aff(r, &occupant_main(o)->jid), old = o->aff;
	struct note n = { .actor = p->actor, .reason = c->reason };

	if (now == old)
		return;
	o->aff = now;
	presence_forget(o);
	if (now == AFF_OUTCAST || (r->conf.members_only && now < AFF_MEMBER)) {
		n.gone = true;
		note_code(&n, now == AFF_OUTCAST ? 301 : 321);
		leave_occupant(o, &n);
		return;
	}
	occupant_set_role(o, role_after(old, now, o->role, r->conf.moderated));
	presence_tell(o, &n);
}

/* 15.1 (code 101), and 9.5: a new member of a members-only room is invited. */
static void tell_absent(const struct plan *p, struct room *r, const struct change *c)
{
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

void plan_apply(const struct plan *p, struct room *r)
{
	MAP_EACH (it, &p->changes) {
		const struct change *c = MAP_ENTRY(it, struct change, node);

		affs_put(&r->affs, c->who.s, c->to, c->nick, c->reason);
		store_put_aff(comp_tx(r->m->c), r->local, c->who.s, c->to, c->nick, c->reason);
	}
	LIST_EACH_SAFE (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);
		struct change *c = change_of(p, &occupant_main(o)->jid);

		if (c) {
			c->present = true;
			apply_to(p, o, c);
		}
	}
	if (p->silent)
		return;
	MAP_EACH (it, &p->changes) {
		const struct change *c = MAP_ENTRY(it, struct change, node);

		if (!c->present)
			tell_absent(p, r, c);
	}
}
