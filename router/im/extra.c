/* SPDX-License-Identifier: MIT */
/* The table `presence_extra`, and presence that carries its rows.
 *
 * A row decides once it is committed: then the answer goes out and the account's sessions say
 * their presence again.  Rows in a namespace that no component is granted any more are as good as
 * none; they are read only while one is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/db.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "core/route.h"
#include "core/stanza.h"
#include "im/extra.h"
#include "im/presence.h"
#include "links/privilege.h"
#include "router.h"

static struct db_q q_get = { "SELECT element FROM presence_extra WHERE account = $1 AND ns = $2" };
static struct db_q q_put = { "INSERT INTO presence_extra (account, ns, element)"
			     " VALUES ($1, $2, $3) ON CONFLICT (account, ns)"
			     " DO UPDATE SET element = excluded.element" };
static struct db_q q_del = { "DELETE FROM presence_extra WHERE account = $1 AND ns = $2" };

/* --- presence ------------------------------------------------------------------------------- */

static void replace(struct el *presence, const char *ns, const struct el *by)
{
	const struct el *old;

	while ((old = el_child(presence, NULL, ns)))
		el_remove(presence, old);
	if (by)
		(void)el_add_copy(presence, by);
}

struct target {
	struct router *router;
	const struct jid *account;
	struct el *presence;
};

static void apply_ns(const char *ns, void *arg)
{
	static const struct xml_limits lim = { .stanza = (size_t)2 * EXTRA_MAX };
	const struct target *t = arg;
	struct db *db = t->router->db;
	int rc = db_query(db, &q_get, "ss", t->account->s, ns);

	if (rc == 0)
		rc = db_next(db, &q_get);
	if (rc < 0) {
		log_err(NULL, LOG_LVL_WARN, rc, "what belongs into presence could not be read");
	} else if (rc > 0) {
		EL_AUTO struct el *el = xml_read(db_text(db, &q_get, 0), &lim);

		db_reset(db, &q_get);
		if (el)
			replace(t->presence, ns, el);
	}
}

void extra_apply(struct router *r, const struct jid *account, struct el *presence)
{
	struct target t = { r, account, presence };

	privilege_each_extra(r, jid_domain(account), jid_domain_len(account), apply_ns, &t);
}

/* --- setting it ------------------------------------------------------------------------------- */

struct change {
	struct router *router;
	struct stanza *st;
	char *ns;
	const struct el *element; /* of the stanza's; NULL: removed */
};

static void change_presence(struct el *presence, void *arg)
{
	const struct change *c = arg;

	replace(presence, c->ns, c->element);
}

static void stored(int err, void *arg)
{
	struct change *c = arg;
	struct router *r = c->router;

	if (err == 0) {
		route_reply_ok(r, c->st);
		presence_renew(r, &c->st->to, change_presence, c);
	} else if (err == -EINVAL) {
		route_bounce(r, c->st, COND_ITEM_NOT_FOUND, "there is no such account");
	} else {
		log_err(NULL, LOG_LVL_WARN, err, "what belongs into presence was not stored");
		route_bounce(r, c->st, COND_RESOURCE_CONSTRAINT, "try again");
	}
	stanza_release(c->st);
	free(c->ns);
	free(c);
}

static void store(
    struct router *r, struct stanza *st, const char *ns, const struct el *element, const char *text)
{
	struct change *c = xzalloc(sizeof(*c));
	struct db_batch *b = db_batch_new(r->db);

	c->router = r;
	c->st = stanza_hold(st);
	c->ns = xstrdup(ns);
	c->element = element;
	if (element)
		db_batch_add(b, &q_put, "sss", st->to.s, ns, text);
	else
		db_batch_add(b, &q_del, "ss", st->to.s, ns);
	db_submit(b, stored, c);
}

/* What is there already is not said again (while nothing is under way that could change it). */
static bool is_stored(struct router *r, const struct jid *account, const char *ns, const char *text)
{
	bool same;

	if (db_query(r->db, &q_get, "ss", account->s, ns) != 0)
		return false;
	if (db_next(r->db, &q_get) <= 0)
		return false;
	same = !strcmp(db_text(r->db, &q_get, 0), text);
	db_reset(r->db, &q_get);
	return same;
}

void extra_iq(struct router *r, struct stanza *st, const char *ns)
{
	const struct el *extra = stanza_payload(st);
	const struct el *element = el_child(extra, NULL, NULL);
	struct sbuf text = SBUF_INIT;

	if (element)
		el_write(&text, element, NULL);
	if (st->type != ST_IQ_SET || el_child_count(extra) > 1)
		route_bounce(r, st, COND_BAD_REQUEST, NULL);
	else if (element && strcmp(el_ns(element), ns) != 0)
		route_bounce(r, st, COND_FORBIDDEN, "another namespace is granted");
	else if (sbuf_len(&text) > EXTRA_MAX)
		route_bounce(r, st, COND_NOT_ACCEPTABLE, "the element is too long");
	else if (element && db_waiting(r->db) == 0 && is_stored(r, &st->to, ns, sbuf_str(&text)))
		route_reply_ok(r, st);
	else
		store(r, st, ns, element, sbuf_str(&text));
	sbuf_done(&text);
}
