/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/metrics.h>
#include <base/sbuf.h>

#include "ghost.h"
#include "occupant.h"
#include "presence.h"
#include "store.h"

static struct metric m_sessions =
    METRIC_GAUGE("switchyard_muc_sessions", "Sessions in rooms.", NULL);

/* --- finding -----------------------------------------------------------------------------------
 */

struct session *room_session(const struct room *r, const struct jid *full)
{
	struct map_node *n = map_get(&r->by_jid, full->s, full->len);

	return n ? MAP_ENTRY(n, struct session, node) : NULL;
}

struct occupant *room_occupant(const struct room *r, const char *nick)
{
	struct map_node *n = map_gets(&r->by_nick, nick);

	return n ? MAP_ENTRY(n, struct occupant, node) : NULL;
}

struct session *occupant_main(const struct occupant *o)
{
	return LIST_FIRST(&o->sessions, struct session, link);
}

bool occupant_is(const struct occupant *o, const struct jid *bare)
{
	return jid_same_bare(&occupant_main(o)->jid, bare);
}

struct session *room_session_of(const struct room *r, const struct jid *bare)
{
	LIST_EACH (it, &r->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if (occupant_is(o, bare))
			return occupant_main(o);
	}
	return NULL;
}

bool room_nick_taken(const struct room *r, const char *nick, const struct jid *who)
{
	const struct occupant *o = room_occupant(r, nick);
	const struct aff_entry *e = affs_nick(&r->affs, nick);
	size_t n = jid_bare_len(who);

	if (o && !occupant_is(o, who))
		return true;
	return e && (strlen(e->jid) != n || memcmp(e->jid, who->s, n) != 0);
}

/* 7.2.9: admins and owners come in still. */
static size_t extra(enum aff aff)
{
	return aff >= AFF_ADMIN ? MUC_EXTRA_USERS : 0;
}

bool room_full(const struct room *r, enum aff aff)
{
	return map_len(&r->by_jid) >= (size_t)r->m->conf->max_occupants + extra(aff);
}

bool room_crowded(const struct room *r, enum aff aff, const char *nick)
{
	return r->conf.max_users > 0 && !room_occupant(r, nick) &&
	       r->n_occupants >= (size_t)r->conf.max_users + extra(aff);
}

/* --- life --------------------------------------------------------------------------------------
 */

static void set_nick(struct occupant *o, const char *nick)
{
	o->nick = xstrdup(nick);
	o->jid = xasprintf("%s/%s", o->room->jid, nick);
	map_put(&o->room->by_nick, &o->node, o->nick, strlen(o->nick));
}

static void drop_nick(struct occupant *o)
{
	map_del(&o->room->by_nick, &o->node);
	free(o->nick);
	free(o->jid);
}

static void put_on(struct occupant *o, const struct jid *who)
{
	struct sbuf out = SBUF_INIT;

	free(o->hats);
	hats_write(&o->room->hats, who, &out);
	o->hats_len = sbuf_len(&out);
	o->hats = o->hats_len > 0 ? sbuf_steal(&out) : NULL;
	sbuf_done(&out);
}

void occupant_dress(struct occupant *o)
{
	put_on(o, &occupant_main(o)->jid);
	presence_forget(o);
}

static struct occupant *occupant_new(struct room *r, const char *nick, const struct jid *full)
{
	struct occupant *o = xzalloc(sizeof(*o));

	o->room = r;
	o->aff = room_aff(r, full);
	occupant_id_make(r->m->id_key, r->jid, full, o->id);
	put_on(o, full);
	o->role = role_default(o->aff, r->conf.moderated);
	list_init(&o->sessions);
	list_add_tail(&r->occupants, &o->link);
	r->n_occupants++;
	set_nick(o, nick);
	return o;
}

static void occupant_free(struct occupant *o)
{
	presence_forget(o);
	drop_nick(o);
	list_del(&o->link);
	o->room->n_occupants--;
	free(o->hats);
	free(o);
}

struct session *session_new(struct room *r, const char *nick, const struct jid *full)
{
	struct occupant *o = room_occupant(r, nick);
	struct session *s = xzalloc(sizeof(*s));

	assert(!o || occupant_is(o, full));
	s->occ = o ? o : occupant_new(r, nick, full);
	s->jid = jid_dup(full);
	rate_init(&s->rate, &r->m->occupant_rate, muc_now(r->m));
	map_put(&r->by_jid, &s->node, s->jid.s, s->jid.len);
	list_init(&s->suspect);
	list_add_head(&s->occ->sessions, &s->link);
	s->came = s->spoke = ++r->m->seq;
	presence_forget(s->occ);
	metric_add(&m_sessions, 1);
	return s;
}

void session_speaks(struct session *s)
{
	list_del(&s->link);
	list_add_head(&s->occ->sessions, &s->link);
	s->spoke = ++s->occ->room->m->seq;
	presence_forget(s->occ);
}

/* From memory. */
static bool drop(struct session *s)
{
	struct occupant *o = s->occ;
	bool last;

	ghost_forget(s);
	map_del(&o->room->by_jid, &s->node);
	list_del(&s->link);
	last = list_empty(&o->sessions);
	jid_done(&s->jid);
	free(s->pres);
	free(s);
	metric_add(&m_sessions, -1);
	presence_forget(o);
	if (last)
		occupant_free(o);
	return last;
}

bool session_free(struct session *s)
{
	const struct room *r = s->occ->room;

	store_del_session(comp_tx(r->m->c), r->local, s->jid.s);
	return drop(s);
}

void session_move(struct session *s, const char *nick)
{
	struct occupant *from = s->occ, *to = room_occupant(from->room, nick);

	assert(to != from && (!to || occupant_is(to, &s->jid)));
	if (!to) {
		to = occupant_new(from->room, nick, &s->jid);
		to->role = from->role;
	}
	list_del(&s->link);
	presence_forget(from);
	if (list_empty(&from->sessions))
		occupant_free(from);
	list_add_head(&to->sessions, &s->link);
	s->occ = to;
	session_speaks(s);
}

void occupant_set_role(struct occupant *o, enum role role)
{
	o->role = role;
	presence_forget(o);
	occupant_keep(o);
}

void occupant_rename(struct occupant *o, const char *nick)
{
	assert(!room_occupant(o->room, nick));
	presence_forget(o);
	drop_nick(o);
	set_nick(o, nick);
}

void occupants_free(struct room *r)
{
	while (!list_empty(&r->occupants)) {
		struct occupant *o = LIST_FIRST(&r->occupants, struct occupant, link);

		(void)drop(occupant_main(o));
	}
}

/* --- the database ------------------------------------------------------------------------------
 */

void session_keep(const struct session *s)
{
	store_put_session(comp_tx(s->occ->room->m->c), s);
}

void occupant_keep(const struct occupant *o)
{
	LIST_EACH (it, &o->sessions)
		session_keep(LIST_ENTRY(it, struct session, link));
}

/* They come in the order in which they came; the one that spoke last has the first place. */
void session_restore(struct room *r, const char *nick, const struct jid *full, enum role role,
    int64_t came, int64_t spoke, const char *pres)
{
	const struct occupant *o = room_occupant(r, nick);
	const struct session *main = o ? occupant_main(o) : NULL;
	struct session *s = session_new(r, nick, full);

	s->came = came;
	s->spoke = spoke;
	s->pres = xstrdup(pres);
	s->pres_len = strlen(pres);
	s->occ->role = role;
	s->occ->visible = presence_is_broadcast(s->occ);
	if (main && main->spoke > spoke) {
		list_del(&s->link);
		list_add_tail(&s->occ->sessions, &s->link);
	}
}

/* --- presence ----------------------------------------------------------------------------------
 */

static bool is_mucs_own(const struct el *child)
{
	return !strncmp(el_ns(child), NS_MUC, sizeof(NS_MUC) - 1) || occupant_id_is(child) ||
	       hats_is(child);
}

int session_read_presence(const struct el *presence, struct sbuf *out)
{
	EL_EACH (child, presence, NULL, NULL) {
		if (!is_mucs_own(child))
			el_write(out, child, NS_CLIENT);
	}
	return sbuf_len(out) > MUC_PRESENCE_MAX ? -COND_NOT_ACCEPTABLE : 0;
}

void session_set_presence(struct session *s, struct sbuf *shown)
{
	free(s->pres);
	s->pres_len = sbuf_len(shown);
	s->pres = sbuf_steal(shown);
	presence_forget(s->occ);
}
