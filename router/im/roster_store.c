/* SPDX-License-Identifier: MIT */
/* SQL of the table `roster`, and of account.roster_ver (schema.c).  Statements are written here and
 * nowhere else; what is decided about rosters stands in the other modules.
 *
 * A row is written whole each time: what is in memory decides, and the last writer of a row has
 * seen all that went before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/lim.h>
#include <base/log.h>
#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "im/roster_internal.h"
#include "im/roster_store.h"

#define GROUP_SEP '\x1f'

static struct db_q q_load = {
	"SELECT contact, name, groups, sub, ask, pending, approved, listed, request"
	" FROM roster WHERE owner = $1"
};
static struct db_q q_put = {
	"INSERT INTO roster"
	" (owner, contact, name, groups, sub, ask, pending, approved, listed, request)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT (owner, contact) DO UPDATE SET"
	" name = excluded.name, groups = excluded.groups, sub = excluded.sub, ask = excluded.ask,"
	" pending = excluded.pending, approved = excluded.approved, listed = excluded.listed,"
	" request = excluded.request"
};
static struct db_q q_ver_load = { "SELECT roster_ver FROM account WHERE jid = $1" };
static struct db_q q_ver = { "UPDATE account SET roster_ver = $2 WHERE jid = $1" };
static struct db_q q_del = { "DELETE FROM roster WHERE owner = $1 AND contact = $2" };
static struct db_q q_account = { "SELECT 1 FROM account WHERE jid = $1" };

/* --- requests ------------------------------------------------------------------------------- */

static void request_write(struct sbuf *out, const struct el *el)
{
	el_write(out, el, NS_CLIENT);
}

static struct el *request_read(const char *text)
{
	static const struct xml_limits lim = { .stanza = (size_t)2 * ROSTER_REQUEST_MAX };

	return xml_read(text, &lim);
}

struct el *roster_store_request(const struct el *presence)
{
	struct sbuf text = SBUF_INIT;
	struct el *el;

	request_write(&text, presence);
	if (sbuf_len(&text) <= ROSTER_REQUEST_MAX) {
		el = el_dup(presence);
	} else {
		el = el_presence("subscribe", el_attr(presence, "to"));
		el_set(el, "from", el_attr(presence, "from"));
	}
	sbuf_done(&text);
	return el;
}

/* --- rows to items -------------------------------------------------------------------------- */

static void groups_read(struct roster_item *it, const char *text)
{
	char **v = NULL;
	size_t n = 0;

	while (*text) {
		size_t len = strcspn(text, "\x1f");

		v = xreallocarray(v, n + 1, sizeof(*v));
		v[n++] = xstrndup(text, len);
		text += len;
		if (*text == GROUP_SEP)
			text++;
	}
	roster_item_regroup(it, v, n);
}

static int row_read(struct db *db, struct roster *ro)
{
	const char *contact = db_text(db, &q_load, 0);
	struct roster_item *it;
	struct jid jid;

	if (!*contact || strlen(contact) > LIM_JID)
		return -EIO;
	jid = jid_view(contact);
	it = roster_add(ro, &jid);
	if (!db_is_null(db, &q_load, 1))
		roster_item_rename(it, db_text(db, &q_load, 1));
	groups_read(it, db_text(db, &q_load, 2));
	it->sub = (enum roster_sub)(db_int(db, &q_load, 3) & SUB_BOTH);
	it->ask = db_int(db, &q_load, 4) != 0;
	it->pending = db_int(db, &q_load, 5) != 0;
	it->approved = db_int(db, &q_load, 6) != 0;
	if (db_int(db, &q_load, 7) != 0)
		roster_list(ro, it);
	if (!db_is_null(db, &q_load, 8))
		it->request = request_read(db_text(db, &q_load, 8));
	return 0;
}

static int ver_load(struct db *db, struct roster *ro)
{
	int r = db_query(db, &q_ver_load, "s", ro->owner.s);

	if (r == 0)
		r = db_number(db, &q_ver_load, &ro->ver);
	return r < 0 ? r : 0;
}

int roster_store_load(struct db *db, struct roster *ro)
{
	int r = ver_load(db, ro);

	if (r == 0)
		r = db_query(db, &q_load, "s", ro->owner.s);
	if (r < 0)
		return r;
	while ((r = db_next(db, &q_load)) > 0) {
		r = row_read(db, ro);
		if (r < 0) {
			db_reset(db, &q_load);
			return r;
		}
	}
	return r;
}

/* --- items to rows -------------------------------------------------------------------------- */

static char *groups_write(const struct roster_item *it)
{
	struct sbuf s = SBUF_INIT;

	if (it->n_groups == 0)
		return NULL;
	for (size_t i = 0; i < it->n_groups; i++) {
		if (i > 0)
			sbuf_putc(&s, GROUP_SEP);
		sbuf_puts(&s, it->groups[i]);
	}
	return sbuf_steal(&s);
}

void roster_store_put(struct db_batch *b, const struct roster *ro, const struct roster_item *it)
{
	struct sbuf request = SBUF_INIT;
	char *groups = groups_write(it);

	if (it->request)
		request_write(&request, it->request);
	db_batch_add(b, &q_put, "ssssiiiiis", ro->owner.s, it->jid.s, it->name, groups,
	    (int64_t)it->sub, (int64_t)it->ask, (int64_t)it->pending, (int64_t)it->approved,
	    (int64_t)it->listed, it->request ? sbuf_str(&request) : NULL);
	sbuf_done(&request);
	free(groups);
}

void roster_store_del(struct db_batch *b, const struct roster *ro, const struct jid *contact)
{
	db_batch_add(b, &q_del, "ss", ro->owner.s, contact->s);
}

void roster_store_ver(struct db_batch *b, const struct roster *ro)
{
	db_batch_add(b, &q_ver, "si", ro->owner.s, ro->ver);
}

bool roster_store_account_gone(struct db *db, const struct jid *owner)
{
	int r = db_query(db, &q_account, "s", owner->s);

	if (r == 0)
		r = db_next(db, &q_account);
	if (r > 0)
		db_reset(db, &q_account);
	return r == 0;
}
