/* SPDX-License-Identifier: MIT */
/* Presence for components (XEP-0356 7): of accounts, and with presence=roster of their contacts.
 *
 * Of an account's session the first available presence, the unavailable one and, a stated addition,
 * those that change its capabilities.  Each crosses a link once, however many rosters it matters
 * to: a session's is sent when it is broadcast, not when it arrives; of a contact elsewhere the
 * last one is known by its hash, and the same is not sent twice in a row.
 *
 * Who connects late is told who is here, a step at a time: the next when what is under way has been
 * taken by the link, and not while much waits there.  Contacts elsewhere are probed once each, in
 * the name of an account that is online. */
#include <string.h>

#include <base/mem.h>
#include <base/sbuf.h>

#include "core/session.h"
#include "core/stanza.h"
#include "im/blocking.h"
#include "im/presence_send.h"
#include "im/roster_internal.h"
#include "links/component.h"
#include "links/privilege_internal.h"
#include "router.h"

#define NS_CAPS_2 "urn:xmpp:caps" /* XEP-0390 */

struct dump_row {
	struct map_node node; /* by full JID */
	struct list link;
	struct jid jid; /* owned */
};

struct seen {                 /* a contact that is no local session */
	struct map_node node; /* by JID, full or bare */
	struct list by_use;
	uint64_t hash; /* of the presence that was sent on; 0: it was only probed */
	char jid[];
};

/* --- who may see what ------------------------------------------------------------------------- */

static bool works_for(const struct privileged *p, const struct jid *j)
{
	return j->dom && router_serves(p->router, jid_domain(j), jid_domain_len(j)) &&
	       component_for_host(p->component, jid_domain(j), jid_domain_len(j));
}

/* May an account that the component works for see it?  But for that one; NULL: any. */
static bool seen_by_account(const struct privileged *p, struct roster *ro, const struct jid *but)
{
	MAP_EACH (n, &ro->items) {
		const struct roster_item *it = MAP_ENTRY(n, struct roster_item, node);

		if ((it->sub & SUB_FROM) && works_for(p, &it->jid) &&
		    !(but && jid_same(&it->jid, but)))
			return true;
	}
	return false;
}

/* Is the session's presence the component's to see: as that of an account, or of the contact of an
 * account?  Not if it gets it anyway, being a contact itself. */
static bool sees(const struct privileged *p, const struct jid *session, struct roster *ro)
{
	struct jid domain = jid_view(component_domain(p->component));
	const struct roster_item *it = ro ? roster_find(ro, &domain) : NULL;

	if (p->grants.presence == PRIV_PRESENCE_NONE || (it && (it->sub & SUB_FROM)) ||
	    blocking_judge(p->router, session, &domain) != BLOCKING_PASS)
		return false;
	if (works_for(p, session))
		return true;
	return p->grants.presence == PRIV_PRESENCE_ROSTER && ro && seen_by_account(p, ro, NULL);
}

static struct el *copy_for(const struct privileged *p, const struct el *presence)
{
	struct el *copy = el_dup(presence);

	el_set(copy, "to", component_domain(p->component));
	return copy;
}

/* --- the dump --------------------------------------------------------------------------------- */

static void row_drop(struct dump *d, struct dump_row *row)
{
	map_del(&d->open, &row->node);
	list_del(&row->link);
	jid_done(&row->jid);
	free(row);
}

/* true: its turn had still to come. */
static bool row_forget(struct dump *d, const struct jid *full)
{
	struct map_node *n = map_get(&d->open, full->s, full->len);

	if (n)
		row_drop(d, MAP_ENTRY(n, struct dump_row, node));
	return n != NULL;
}

static void dump_next(struct privileged *p)
{
	struct dump *d = &p->dump;

	if (!list_empty(&d->rows) && list_empty(&d->under_way) && !d->stepping)
		task_next(p->router->loop, &d->task);
}

/* The link has taken it, or has ended with it. */
static void dump_taken(struct stanza *st)
{
	dump_next(st->arg);
}

static void dump_send(struct privileged *p, const struct el *presence)
{
	struct stanza *st;

	if (stanza_new(&st, copy_for(p, presence)) == 0) {
		st->done = dump_taken;
		st->arg = p;
		list_add_tail(&p->dump.under_way, &st->link);
		(void)component_tell(p->component, st);
	}
	stanza_release(st);
}

static struct seen *seen_enter(struct privileged *p, const char *jid, size_t len)
{
	struct map_node *n = map_get(&p->seen, jid, len);
	struct seen *s;

	if (n) {
		s = MAP_ENTRY(n, struct seen, node);
		list_del(&s->by_use);
	} else {
		if (map_len(&p->seen) >= PRIV_SEEN_MAX) {
			s = LIST_ENTRY(p->seen_by_use.next, struct seen, by_use);
			map_del(&p->seen, &s->node);
			list_del(&s->by_use);
			free(s);
		}
		s = xzalloc(sizeof(*s) + len + 1);
		memcpy(s->jid, jid, len);
		map_put(&p->seen, &s->node, s->jid, len);
	}
	list_add_tail(&p->seen_by_use, &s->by_use);
	return s;
}

/* Of whom the account at hand hears elsewhere; its answers come to it, and from there here. */
static unsigned probe_contacts(struct privileged *p, const struct user *u, struct roster *ro)
{
	EL_AUTO struct el *probe = el_presence("probe", NULL);
	unsigned n = 0;

	el_set(probe, "from", u->jid.s);
	MAP_EACH (node, &ro->items) {
		const struct roster_item *it = MAP_ENTRY(node, struct roster_item, node);

		if (!(it->sub & SUB_TO) || presence_is_local(p->router, &it->jid) ||
		    jid_has_domain(&it->jid, component_domain(p->component)) ||
		    map_get(&p->seen, it->jid.s, it->jid.len))
			continue;
		(void)seen_enter(p, it->jid.s, it->jid.len);
		presence_send(p->router, probe, &it->jid);
		n++;
	}
	return n;
}

/* How many stanzas its turn has cost. */
static unsigned dump_session(struct privileged *p, const struct session *s)
{
	struct roster *ro = roster_peek(p->router->rosters, &s->user->jid);
	unsigned n = 0;

	if (sees(p, &s->jid, ro)) {
		dump_send(p, s->im.presence);
		n++;
	}
	if (p->grants.presence == PRIV_PRESENCE_ROSTER && ro && works_for(p, &s->jid))
		n += probe_contacts(p, s->user, ro);
	return n;
}

static void dump_step(void *arg)
{
	struct privileged *p = arg;
	struct dump *d = &p->dump;
	struct component_state now;
	unsigned n = 0;

	if (!component_online(p->component))
		return; /* it goes on, or begins anew, when the link is back */
	component_state(p->component, &now);
	if (now.queued > PRIV_DUMP_QUEUED) {
		timer_set(&d->timer, PRIV_DUMP_WAIT_MS);
		return;
	}
	d->stepping = true;
	while (n < PRIV_DUMP_STEP && !list_empty(&d->rows)) {
		struct dump_row *row = LIST_ENTRY(d->rows.next, struct dump_row, link);
		const struct session *s = sessions_find(p->router->sessions, &row->jid);

		row_drop(d, row);
		n += s && session_available(s) ? dump_session(p, s) : 0;
	}
	d->stepping = false;
	dump_next(p);
}

static void forget_all(struct privileged *p)
{
	struct dump *d = &p->dump;
	struct map_node *n;

	while (!list_empty(&d->rows))
		row_drop(d, LIST_ENTRY(d->rows.next, struct dump_row, link));
	task_cancel(&d->task);
	timer_stop(&d->timer);
	while ((n = map_first(&p->seen))) {
		map_del(&p->seen, n);
		free(MAP_ENTRY(n, struct seen, node));
	}
	list_init(&p->seen_by_use);
}

void privilege_dump(struct privileged *p)
{
	struct dump *d = &p->dump;

	forget_all(p);
	if (p->grants.presence == PRIV_PRESENCE_NONE)
		return;
	LIST_EACH (it, sessions_all(p->router->sessions)) {
		const struct session *s = LIST_ENTRY(it, struct session, of_all);
		struct dump_row *row;

		if (!session_available(s))
			continue;
		row = xzalloc(sizeof(*row));
		row->jid = jid_dup(&s->jid);
		list_add_tail(&d->rows, &row->link);
		map_put(&d->open, &row->node, row->jid.s, row->jid.len);
	}
	dump_next(p);
}

void privilege_resume(struct privileged *p)
{
	dump_next(p);
}

void privilege_presence_init(struct privileged *p)
{
	struct dump *d = &p->dump;

	map_init(&d->open);
	list_init(&d->rows);
	list_init(&d->under_way);
	task_init(&d->task, dump_step, p);
	timer_init(&d->timer, p->router->loop, dump_step, p);
	map_init(&p->seen);
	list_init(&p->seen_by_use);
}

void privilege_presence_done(struct privileged *p)
{
	struct dump *d = &p->dump;

	forget_all(p);
	LIST_EACH_SAFE (it, &d->under_way) {
		LIST_ENTRY(it, struct stanza, link)->done = NULL;
		list_del(it);
	}
	timer_done(&d->timer);
	map_done(&d->open);
	map_done(&p->seen);
}

/* --- sessions --------------------------------------------------------------------------------- */

struct change {
	const struct session *session;
	struct roster *ro;
	const struct el *el;
	bool gone;
	const struct jid *contact; /* who may see it from now on; NULL: this is not the reason */
};

static void tell_session(struct privileged *p, void *arg)
{
	const struct change *c = arg;

	if (!sees(p, &c->session->jid, c->ro))
		return;
	if (c->contact && (works_for(p, &c->session->jid) || seen_by_account(p, c->ro, c->contact)))
		return; /* it has seen it before */
	if (row_forget(&p->dump, &c->session->jid) && c->gone)
		return; /* it has never heard of it */
	(void)component_tell_own(p->component, NULL, copy_for(p, c->el));
}

static void write_caps(struct sbuf *out, const struct el *presence)
{
	static const char *const spaces[] = { NS_CAPS, NS_CAPS_2 };

	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		const struct el *caps = el_child(presence, "c", spaces[i]);

		if (caps)
			el_write(out, caps, NULL);
	}
}

static bool same_caps(const struct el *a, const struct el *b)
{
	struct sbuf x = SBUF_INIT, y = SBUF_INIT;
	bool same;

	write_caps(&x, a);
	write_caps(&y, b);
	same = !strcmp(sbuf_str(&x), sbuf_str(&y));
	sbuf_done(&x);
	sbuf_done(&y);
	return same;
}

void privilege_available(struct session *s, struct roster *ro, const struct el *before)
{
	struct change c = { s, ro, s->im.presence, false, NULL };

	if (!before || !same_caps(before, s->im.presence))
		privileged_each(s->router, tell_session, &c);
}

void privilege_shown(struct session *s, const struct jid *contact)
{
	struct roster *ro = roster_peek(s->router->rosters, &s->user->jid);
	struct change c = { s, ro, s->im.presence, false, contact };

	if (ro)
		privileged_each(s->router, tell_session, &c);
}

void privilege_unavailable(struct session *s, struct roster *ro, const struct el *el)
{
	struct change c = { s, ro, el, true, NULL };

	privileged_each(s->router, tell_session, &c);
}

/* --- contacts elsewhere ----------------------------------------------------------------------- */

/* Of what it says, whoever it says it to, under whatever id. */
static uint64_t hash_of(const struct el *presence)
{
	EL_AUTO struct el *copy = el_dup(presence);
	struct sbuf text = SBUF_INIT;
	uint64_t hash;

	el_set(copy, "to", NULL);
	el_set(copy, "id", NULL);
	el_write(&text, copy, NULL);
	hash = map_hash(sbuf_data(&text), sbuf_len(&text));
	sbuf_done(&text);
	return hash ? hash : 1;
}

struct arrival {
	const struct stanza *st;
	const struct jid *to;
	bool judged, shown; /* is it from a contact whom the account sees? */
	uint64_t hash;
};

static bool is_contact(struct router *r, struct arrival *a)
{
	const struct roster_item *it;
	struct roster *ro;

	if (a->judged)
		return a->shown;
	a->judged = true;
	if (roster_get(r->rosters, a->to, &ro) < 0)
		return false;
	it = roster_find(ro, &a->st->from);
	a->shown = it && (it->sub & SUB_TO);
	a->hash = a->shown ? hash_of(a->st->el) : 0;
	return a->shown;
}

static void tell_contact(struct privileged *p, void *arg)
{
	struct arrival *a = arg;
	const struct jid *from = &a->st->from;
	struct map_node *n;

	if (p->grants.presence != PRIV_PRESENCE_ROSTER || a->st->component == p->component ||
	    !works_for(p, a->to) || !is_contact(p->router, a))
		return;
	n = map_get(&p->seen, from->s, from->len);
	if (n && MAP_ENTRY(n, struct seen, node)->hash == a->hash)
		return;
	if (component_tell_own(p->component, NULL, copy_for(p, a->st->el)) == COMPONENT_TAKEN)
		seen_enter(p, from->s, from->len)->hash = a->hash;
}

void privilege_contact(struct router *r, const struct stanza *st, const struct jid *to)
{
	struct arrival a = { .st = st, .to = to };

	if (st->type == ST_PRES_AVAILABLE || st->type == ST_PRES_UNAVAILABLE)
		privileged_each(r, tell_contact, &a);
}
