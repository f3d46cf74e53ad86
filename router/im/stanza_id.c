/* SPDX-License-Identifier: MIT */
/* 48 bits of time, 12 of a counter within the millisecond, 62 that are drawn for each: who has seen
 * one can guess no other (XEP-0313 3).
 *
 * The row `stanza-id` of the table `state` is a time that no id has reached: a new process begins
 * there if its clock says less.  It is moved on while ids are made, LEASE_MS ahead, without waiting
 * for the commit: only a clock that was set back and a router that was killed within the same
 * moment could tell. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/db.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>
#include <base/rnd.h>
#include <base/sbuf.h>
#include <xmpp/el.h>
#include <xmpp/jid.h>

#include "core/stanza.h"
#include "im/stanza_id.h"
#include "router.h"

enum {
	LEASE_MS = 3000,
	DRAWN = 64, /* tails that are drawn at once */
};

struct stanza_ids {
	struct router *router;
	int64_t ms;       /* of the last one */
	unsigned counter; /* likewise */
	int64_t leased;   /* as far as the database knows, or is being told */
	bool leasing;
	uint64_t tails[DRAWN]; /* of those to come: 62 bits each */
	size_t n_tails;
};

static struct db_q q_get = { "SELECT value FROM state WHERE key = 'stanza-id'" };
static struct db_q q_put = { "INSERT INTO state (key, value) VALUES ('stanza-id', $1)"
			     " ON CONFLICT (key) DO UPDATE SET value = excluded.value" };

/* --- life ------------------------------------------------------------------------------------- */

int stanza_ids_open(struct stanza_ids **out, struct router *r)
{
	struct stanza_ids *ids = xzalloc(sizeof(*ids));
	int rc = db_query(r->db, &q_get, "");

	ids->router = r;
	*out = ids;
	if (rc == 0)
		rc = db_number(r->db, &q_get, &ids->leased);
	ids->ms = ids->leased;
	return rc < 0 ? rc : 0;
}

void stanza_ids_close(struct stanza_ids *ids)
{
	free(ids);
}

static void leased(int err, void *arg)
{
	struct stanza_ids *ids = arg;

	ids->leasing = false;
	if (err < 0)
		ids->leased = 0; /* as good as not said: the next one tries again */
}

static void lease(struct stanza_ids *ids)
{
	struct db_batch *b;

	if (ids->leasing || ids->ms + LEASE_MS / 2 < ids->leased)
		return;
	ids->leased = ids->ms + LEASE_MS;
	ids->leasing = true;
	b = db_batch_new(ids->router->db);
	db_batch_add(b, &q_put, "i", ids->leased);
	db_submit(b, leased, ids);
}

/* --- making ----------------------------------------------------------------------------------- */

static uint64_t draw(struct stanza_ids *ids)
{
	if (ids->n_tails == 0) {
		rnd_bytes(ids->tails, sizeof(ids->tails));
		ids->n_tails = DRAWN;
	}
	return ids->tails[--ids->n_tails];
}

int64_t stanza_id_new(struct stanza_ids *ids, char out[STANZA_ID + 1])
{
	int64_t now = loop_wall_ms(ids->router->loop);
	uint64_t tail = draw(ids);

	if (now > ids->ms) {
		ids->ms = now;
		ids->counter = 0;
	} else if (ids->counter < UUID7_COUNT_MAX) {
		ids->counter++;
	} else {
		ids->ms++;
		ids->counter = 0;
	}
	lease(ids);
	uuid7_write(&(struct uuid7){ ids->ms, ids->counter, tail }, out);
	return ids->ms;
}

/* --- in messages ------------------------------------------------------------------------------ */

/* What came in bytes goes on in bytes: they grow by this one. */
static void extend(struct el *message, const char *raw, size_t len, const struct el *child)
{
	struct sbuf out = SBUF_INIT;

	sbuf_add(&out, raw, len);
	el_write(&out, child, NS_CLIENT);
	el_set_raw(message, arena_strndup(el_arena(message), sbuf_data(&out), sbuf_len(&out)),
	    sbuf_len(&out));
	sbuf_done(&out);
}

void stanza_id_add(struct el *message, const char *by, const char *id)
{
	size_t len = 0;
	const char *raw = el_raw(message, &len);
	struct el *el = el_add(message, "stanza-id", NS_SID);

	el_set(el, "by", by);
	el_set(el, "id", id);
	if (raw)
		extend(message, raw, len, el);
}

const char *stanza_id_of(const struct el *message, const struct jid *account)
{
	EL_EACH (el, message, "stanza-id", NS_SID) {
		const char *by = el_attr(el, "by");

		if (by && strlen(by) == jid_bare_len(account) &&
		    !memcmp(by, account->s, jid_bare_len(account)))
			return el_attr(el, "id");
	}
	return NULL;
}

struct stripping {
	const struct router *router;
	struct stanza *st;
};

/* What is no address, as far as a glance tells, is nobody's either. */
static bool is_ours(const struct el *el, void *arg)
{
	const struct stripping *s = arg;
	const char *by = el_attr(el, "by");
	struct jid jid;

	if (!el_is(el, "stanza-id", NS_SID))
		return false;
	if (!by || (!jid_view_ascii(&jid, by) && jid_parse(&jid, el_arena(s->st->el), by) < 0))
		return true;
	return router_serves(s->router, jid_domain(&jid), jid_domain_len(&jid));
}

void stanza_id_strip(struct router *r, struct stanza *st)
{
	struct stripping s = { r, st };

	if (el_child(st->el, "stanza-id", NS_SID))
		el_remove_all(st->el, is_ours, &s);
}
