/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <base/arena.h>
#include <base/rnd.h>
#include <base/sbuf.h>
#include <xmpp/stamp.h>

#include "caps.h"
#include "notify.h"
#include "roster.h"
#include "session.h"

enum { ID_LEN = 16 };

/* --- content -----------------------------------------------------------------------------------
 */

static void begin(struct sbuf *out, const char *element, const struct node *n)
{
	sbuf_printf(out, "<event xmlns=\"" NS_PUBSUB_EVENT "\"><%s", element);
	el_write_attr(out, "node", n->name);
}

void notify_item(struct sbuf *out, const struct node *n, const char *id, const char *publisher,
    const char *payload)
{
	begin(out, "items", n);
	if (!id) {
		sbuf_puts(out, "/></event>");
		return;
	}
	sbuf_puts(out, "><item");
	el_write_attr(out, "id", id);
	if (n->conf.publisher && publisher)
		el_write_attr(out, "publisher", publisher);
	if (payload && *payload) {
		sbuf_putc(out, '>');
		sbuf_puts(out, payload);
		sbuf_puts(out, "</item></items></event>");
	} else {
		sbuf_puts(out, "/></items></event>");
	}
}

void notify_retract(struct sbuf *out, const struct node *n, const char *id)
{
	begin(out, "items", n);
	sbuf_puts(out, "><retract");
	el_write_attr(out, "id", id);
	sbuf_puts(out, "/></items></event>");
}

void notify_about(
    struct sbuf *out, const char *element, const struct node *n, const struct el *below)
{
	begin(out, element, n);
	if (!below) {
		sbuf_puts(out, "/></event>");
		return;
	}
	sbuf_putc(out, '>');
	el_write(out, below, NULL);
	sbuf_printf(out, "</%s></event>", element);
}

void notify_subscription(struct sbuf *out, const struct node *n, const char *jid, const char *state)
{
	begin(out, "subscription", n);
	el_write_attr(out, "jid", jid);
	el_write_attr(out, "subscription", state);
	sbuf_puts(out, "/></event>");
}

void notify_delay(struct sbuf *out, int64_t at)
{
	char stamp[STAMP_LEN + 1];

	stamp_write_s(at, stamp);
	sbuf_printf(out, "<delay xmlns=\"" NS_DELAY "\" stamp=\"%s\"/>", stamp);
}

void notify_reply_to(struct sbuf *out, const char *publisher)
{
	sbuf_puts(out, "<addresses xmlns=\"http://jabber.org/protocol/address\">"
		       "<address type=\"replyto\"");
	el_write_attr(out, "jid", publisher);
	sbuf_puts(out, "/></addresses>");
}

/* --- messages ----------------------------------------------------------------------------------
 */

struct el *notify_message(
    const char *type, const char *from, const char *to, const struct sbuf *content)
{
	struct el *m = el_message(type, to);
	size_t n = sbuf_len(content);
	char id[ID_LEN + 1];

	rnd_id(id, ID_LEN);
	el_set(m, "from", from);
	el_set(m, "id", id);
	el_set_raw(m, arena_strndup(el_arena(m), sbuf_data(content), n), n);
	return m;
}

static struct el *message_of(const struct node *n, const struct sbuf *content)
{
	return notify_message(
	    config_notification_name(&n->conf), n->service->address, NULL, content);
}

int notify_one(const struct node *n, const struct sbuf *content, const char *to)
{
	EL_AUTO struct el *m = message_of(n, content);
	struct comp_many *many = comp_many_begin(n->service->p->c, m);

	comp_many_add(many, to);
	return comp_many_end(many);
}

/* --- who ---------------------------------------------------------------------------------------
 */

struct audience {
	struct node *n;
	const struct roster *ro;
	struct comp_many *contacts, *subscribers;
	size_t n_contacts, n_subscribers;
};

static bool may(const struct audience *a, const char *bare)
{
	struct standing st = {
		.affiliation = node_affiliation(a->n, bare),
		.subscribed = node_subscribed(a->n, bare),
	};

	if (a->ro)
		roster_standing(a->ro, bare, &a->n->conf, &st);
	return access_retrieve((enum access_model)a->n->conf.access, &st) == MAY;
}

/* Who may see it does so without having subscribed: the owner's sessions, and contacts. */
static bool is_implicit(const struct audience *a, const char *bare)
{
	const struct contact *c;

	if (!a->ro)
		return false;
	if (strcmp(a->ro->account, bare) == 0)
		return true;
	c = roster_contact(a->ro, bare);
	return c && c->from;
}

/* It has come and is about to be sent the last item, which is then this one: not twice (last.c). */
static bool is_served_later(const struct audience *a, const struct session *s)
{
	const struct node_conf *c = &a->n->conf;

	return !list_empty(&s->fresh) && c->send_last == LAST_ON_SUB_AND_PRESENCE && c->persist &&
	       !caps_wants(s->seen, a->n->name);
}

/* The sessions that want it: how many there are.  to NULL: they are only counted. */
static size_t add_sessions(
    struct audience *a, const struct peer *peer, struct comp_many *to, size_t *n_added)
{
	size_t k = 0;

	if (peer)
		LIST_EACH (l, &peer->sessions) {
			const struct session *s = LIST_ENTRY(l, struct session, link);

			if (!caps_wants(s->caps, a->n->name))
				continue;
			k++;
			if (!to || is_served_later(a, s))
				continue;
			comp_many_add(to, s->jid);
			(*n_added)++;
		}
	return k;
}

static void add_contacts(struct audience *a)
{
	const struct pubsub *p = a->n->service->p;

	if (!a->ro)
		return;
	(void)add_sessions(a, peer_find(p, a->ro->account), a->contacts, &a->n_contacts);
	MAP_EACH (m, &a->ro->contacts) {
		const struct contact *c = MAP_ENTRY(m, struct contact, node);
		const struct peer *peer = c->from ? peer_find(p, c->bare) : NULL;

		if (peer && may(a, c->bare))
			(void)add_sessions(a, peer, a->contacts, &a->n_contacts);
	}
}

/* A session that is told because it wants it, with the account's contacts or as one of who has
 * subscribed with his bare JID. */
static bool is_told_anyway(const struct audience *a, const char *bare, const char *full)
{
	const struct session *s = session_find(a->n->service->p, full);
	const struct sub *all = a->n->service->pep ? node_sub(a->n, bare, bare) : NULL;

	return s && caps_wants(s->caps, a->n->name) &&
	       (is_implicit(a, bare) || (all && all->state == SUB_SUBSCRIBED));
}

/* XEP-0163 4.3.2: who has subscribed with a bare JID gets it at the sessions that want it, if we
 * see any that do. */
static void add_sub(struct audience *a, const char *bare, const char *jid)
{
	bool all = strcmp(jid, bare) == 0;
	const struct peer *peer = all ? peer_find(a->n->service->p, bare) : NULL;

	if (all ? is_implicit(a, bare) && add_sessions(a, peer, NULL, NULL) > 0
		: is_told_anyway(a, bare, jid))
		return; /* it has been added, or is */
	if (all && a->n->service->pep &&
	    add_sessions(a, peer, a->subscribers, &a->n_subscribers) > 0)
		return;
	comp_many_add(a->subscribers, jid);
	a->n_subscribers++;
}

static void add_subscribers(struct audience *a)
{
	LIST_EACH (l, &a->n->followers_in_order) {
		const struct follower *f = LIST_ENTRY(l, struct follower, link);

		if (list_empty(&f->subs) || !may(a, f->bare))
			continue;
		LIST_EACH (k, &f->subs) {
			const struct sub *s = LIST_ENTRY(k, struct sub, link);

			if (s->state == SUB_SUBSCRIBED)
				add_sub(a, f->bare, s->jid);
		}
	}
}

/* An event that nobody is there for costs nothing. */
static int end(struct comp_many *m, size_t n)
{
	int r = comp_many_end(m);

	return n > 0 && r == -ENOBUFS ? r : 0;
}

int notify_all(
    struct node *n, const struct roster *ro, const struct sbuf *content, const char *reply_to)
{
	struct comp *c = n->service->p->c;
	struct audience a = { .n = n, .ro = ro };
	struct sbuf told = SBUF_INIT;
	struct el *plain, *with_reply;
	int r;

	if (!n->conf.notifications)
		return 0;
	sbuf_add(&told, sbuf_data(content), sbuf_len(content));
	if (reply_to)
		notify_reply_to(&told, reply_to);
	plain = message_of(n, content);
	with_reply = message_of(n, &told);
	a.contacts = comp_many_begin(c, with_reply);
	a.subscribers = comp_many_begin(c, plain);
	add_contacts(&a);
	add_subscribers(&a);
	r = comp_many_end_both(a.contacts, a.subscribers);
	el_free(plain);
	el_free(with_reply);
	sbuf_done(&told);
	return a.n_contacts + a.n_subscribers > 0 && r == -ENOBUFS
	           ? r
	           : 0; /* else nobody may be told */
}

int notify_pending(struct node *n, const struct sbuf *content)
{
	EL_AUTO struct el *m = message_of(n, content);
	struct comp_many *many = comp_many_begin(n->service->p->c, m);
	size_t count = 0;

	LIST_EACH (l, &n->followers_in_order)
		LIST_EACH (k, &LIST_ENTRY(l, struct follower, link)->subs) {
			const struct sub *s = LIST_ENTRY(k, struct sub, link);

			if (s->state != SUB_PENDING || !n->conf.notifications)
				continue;
			comp_many_add(many, s->jid);
			count++;
		}
	return end(many, count);
}
