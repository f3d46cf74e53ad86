/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/sbuf.h>

#include "presence.h"

void note_code(struct note *n, unsigned code)
{
	assert(n->n_codes < NOTE_CODES_MAX);
	n->codes[n->n_codes++] = code;
}

void note_self(struct note *n, unsigned code)
{
	assert(n->n_self < NOTE_CODES_MAX);
	n->self[n->n_self++] = code;
}

/* --- one presence ------------------------------------------------------------------------------
 */

static void put_codes(struct el *x, const unsigned *codes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		el_setf(el_add(x, "status", NULL), "code", "%u", codes[i]);
}

/* muc#user's <x/> as an element of its own. */
static struct el *make_x(const struct occupant *o, const struct note *n, bool jid, bool self)
{
	struct el *x = el_new("x", NS_MUC_USER), *item = el_add(x, "item", NULL);
	bool none = n->gone && !n->stays;

	el_set(item, "affiliation", aff_name(n->destroy ? AFF_NONE : o->aff));
	el_set(item, "role", role_name(none ? ROLE_NONE : o->role));
	if (jid)
		el_set(item, "jid", occupant_main(o)->jid.s);
	if (n->new_nick)
		el_set(item, "nick", n->new_nick);
	if (n->actor)
		el_set(el_add(item, "actor", NULL), "nick", n->actor);
	if (n->reason)
		el_add_text(item, "reason", NULL, n->reason);
	if (n->destroy)
		el_add_copy(x, n->destroy);
	if (self) {
		static const unsigned me = 110;

		put_codes(x, &me, 1);
		put_codes(x, n->self, n->n_self);
	}
	put_codes(x, n->codes, n->n_codes);
	return x;
}

static struct el *make(const struct occupant *o, const struct note *n, bool jid, bool self)
{
	struct el *p = el_presence(n->gone ? "unavailable" : NULL, NULL);
	EL_AUTO struct el *x = make_x(o, n, jid, self);
	const struct session *s = occupant_main(o);
	struct sbuf inner = SBUF_INIT;

	el_set(p, "from", o->jid);
	if (self && n->id)
		el_set(p, "id", n->id);
	if (!n->gone) {
		sbuf_add(&inner, s->pres, s->pres_len);
		sbuf_add(&inner, o->hats ? o->hats : "", o->hats_len);
	} else if (n->status) {
		sbuf_puts(&inner, "<status>");
		el_escape(&inner, n->status, strlen(n->status));
		sbuf_puts(&inner, "</status>");
	}
	el_write(&inner, x, NS_CLIENT);
	occupant_id_write(&inner, o->id);
	el_set_raw(
	    p, arena_strndup(el_arena(p), sbuf_data(&inner), sbuf_len(&inner)), sbuf_len(&inner));
	sbuf_done(&inner);
	return p;
}

/* --- who sees what -----------------------------------------------------------------------------
 */

/* 7.2.3, 7.2.4 */
static bool sees_jids(const struct occupant *viewer)
{
	return viewer->room->conf.nonanon || viewer->role == ROLE_MODERATOR;
}

bool presence_is_broadcast(const struct occupant *o)
{
	return (o->room->conf.broadcast & ROLE_BIT(o->role)) != 0;
}

static void add_sessions(struct comp_many *many, const struct occupant *viewer)
{
	LIST_EACH (it, &viewer->sessions)
		comp_many_add(many, LIST_ENTRY(it, struct session, link)->jid.s);
}

static void send_to(const struct occupant *viewer, const struct el *p)
{
	struct comp_many *many = comp_many_begin(viewer->room->m->c, p);

	add_sessions(many, viewer);
	(void)comp_many_end(many);
}

static void tell_others(const struct occupant *o, const struct note *n)
{
	struct el *v[2] = { NULL, NULL };
	struct comp_many *many[2] = { NULL, NULL };

	LIST_EACH (it, &o->room->occupants) {
		const struct occupant *viewer = LIST_ENTRY(it, struct occupant, link);
		bool jid = sees_jids(viewer);

		if (viewer == o || viewer->going)
			continue;
		if (!v[jid]) {
			v[jid] = make(o, n, jid, false);
			many[jid] = comp_many_begin(o->room->m->c, v[jid]);
		}
		add_sessions(many[jid], viewer);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (many[i])
			(void)comp_many_end(many[i]);
		el_free(v[i]);
	}
}

void presence_tell(struct occupant *o, const struct note *n)
{
	static const struct note left = { .gone = true };
	EL_AUTO struct el *self = make(o, n, sees_jids(o), true);

	send_to(o, self);
	if (n->gone) {
		if (o->visible)
			tell_others(o, n);
		o->visible = false;
	} else if (presence_is_broadcast(o)) {
		o->visible = true;
		tell_others(o, n);
	} else if (o->visible) {
		o->visible = false;
		tell_others(o, &left);
	}
}

void presence_tell_one(struct occupant *o, const struct note *n, const struct session *to)
{
	EL_AUTO struct el *p = make(o, n, sees_jids(to->occ), to->occ == o);

	(void)comp_send_copy(o->room->m->c, p, NULL, to->jid.s);
}

void presence_roster(const struct session *to)
{
	static const struct note plain = { 0 };
	bool jid = sees_jids(to->occ);

	LIST_EACH (it, &to->occ->room->occupants) {
		struct occupant *o = LIST_ENTRY(it, struct occupant, link);

		if (o == to->occ || !o->visible)
			continue;
		if (!o->shown[jid])
			o->shown[jid] = make(o, &plain, jid, false);
		(void)comp_send_copy(o->room->m->c, o->shown[jid], NULL, to->jid.s);
	}
}

void presence_forget(struct occupant *o)
{
	el_free(o->shown[0]);
	el_free(o->shown[1]);
	o->shown[0] = o->shown[1] = NULL;
}

/* 7.2.18: the client believes to be in the room. */
void presence_not_here(struct muc *m, const struct jid *room_nick, const struct jid *to)
{
	static const unsigned codes[] = { 110, 307, 333 };
	struct el *p = el_presence("unavailable", to->s);
	struct el *x = el_add(p, "x", NS_MUC_USER), *item = el_add(x, "item", NULL);

	el_set(p, "from", room_nick->s);
	el_set(item, "affiliation", "none");
	el_set(item, "role", "none");
	el_add_text(item, "reason", NULL, "You are not in the room.");
	put_codes(x, codes, 3);
	(void)comp_send(m->c, p);
}
