/* SPDX-License-Identifier: MIT */
/* Invitations in the table `invite` (schema.c).
 *
 * All of this is rare, so nothing is kept in memory: look-ups are single indexed reads, and whether
 * a use is left is decided by the batch that spends it.
 *
 * Must not: log tokens, or keep them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/db.h>
#include <base/digest.h>
#include <base/loop.h>
#include <base/mem.h>
#include <base/rnd.h>
#include <xmpp/jid.h>

#include "auth/invites.h"
#include "router.h"

/* Who has shown his token in time may still register for a while: only then the row goes. */
#define GRACE_MS (3600 * (int64_t)1000)

static struct db_q q_add = { "INSERT INTO invite (id, hash, domain, account, uses, created,"
			     " expires) VALUES ($1, $2, $3, $4, $5, $6, $7)" };
static struct db_q q_purge = { "DELETE FROM invite WHERE expires <= $1" };
static struct db_q q_revoke = { "DELETE FROM invite WHERE id = $1" };
static struct db_q q_list = { "SELECT id, domain, account, uses, created, expires FROM invite"
			      " WHERE id > $1 AND expires > $2 ORDER BY id LIMIT $3" };
static struct db_q q_find = { "SELECT id, account FROM invite"
			      " WHERE hash = $1 AND domain = $2 AND uses > 0 AND expires > $3" };
static struct db_q q_spend = { "UPDATE invite SET uses = uses - 1"
			       " WHERE hash = $1 AND uses > 0" };
static struct db_q q_spent = { "DELETE FROM invite WHERE hash = $1 AND uses = 0" };
static struct db_q q_reserved = { "SELECT 1 FROM invite WHERE account = $1 AND expires > $2"
				  " LIMIT 1" };

void invite_pass_done(struct invite_pass *p)
{
	free(p->account);
	mem_wipe(p, sizeof(*p));
}

/* --- for operators ---------------------------------------------------------------------------- */

void invites_create(struct router *r, const struct invite *in, char id[INVITE_ID + 1],
    char token[INVITE_TOKEN + 1], invites_done *done, void *arg)
{
	struct db_batch *b = db_batch_new(r->db);
	int64_t now = loop_wall_ms(r->loop);
	uint8_t hash[INVITE_HASH];

	rnd_id(id, INVITE_ID);
	rnd_id(token, INVITE_TOKEN);
	digest(DIGEST_SHA256, token, INVITE_TOKEN, hash);
	db_batch_add(b, &q_purge, "i", now - GRACE_MS);
	db_batch_add(b, &q_add, "sbssiii", id, (const void *)hash, sizeof(hash), in->domain,
	    in->account, in->uses, now, in->expires_ms);
	db_submit(b, done, arg);
}

void invites_revoke(struct router *r, const char *id, invites_done *done, void *arg)
{
	struct db_batch *b = db_batch_new(r->db);

	db_batch_must(b, &q_revoke, "s", id);
	db_submit(b, done, arg);
}

static int read_error(int err)
{
	return err == -EBUSY ? -EBUSY : -EIO;
}

int invites_list(struct router *r, const char *after, unsigned n,
    void (*fn)(const struct invite *in, void *arg), void *arg)
{
	struct db *db = r->db;
	int rc =
	    db_query(db, &q_list, "sii", after ? after : "", loop_wall_ms(r->loop), (int64_t)n);

	if (rc < 0)
		return read_error(rc);
	while ((rc = db_next(db, &q_list)) > 0) {
		const struct invite in = {
			.id = db_text(db, &q_list, 0),
			.domain = db_text(db, &q_list, 1),
			.account = db_is_null(db, &q_list, 2) ? NULL : db_text(db, &q_list, 2),
			.uses = db_int(db, &q_list, 3),
			.created_ms = db_int(db, &q_list, 4),
			.expires_ms = db_int(db, &q_list, 5),
		};

		fn(&in, arg);
	}
	return rc < 0 ? read_error(rc) : 0;
}

/* --- for those who come with one -------------------------------------------------------------- */

int invites_check(struct router *r, const char *token, const char *domain, struct invite_pass *out)
{
	struct db *db = r->db;
	struct invite_pass p = { .account = NULL };
	size_t len = strlen(token);
	int rc;

	if (len != INVITE_TOKEN)
		return -ENOENT;
	digest(DIGEST_SHA256, token, len, p.hash);
	rc = db_query(db, &q_find, "bsi", (const void *)p.hash, sizeof(p.hash), domain,
	    loop_wall_ms(r->loop));
	if (rc == 0)
		rc = db_next(db, &q_find);
	if (rc <= 0)
		return rc == 0 ? -ENOENT : read_error(rc);
	strncpy(p.id, db_text(db, &q_find, 0), INVITE_ID);
	p.account = db_text_dup(db, &q_find, 1);
	db_reset(db, &q_find);
	*out = p;
	return 0;
}

void invites_burn(struct db_batch *b, const struct invite_pass *p)
{
	db_batch_must(b, &q_spend, "b", (const void *)p->hash, sizeof(p->hash));
	db_batch_add(b, &q_spent, "b", (const void *)p->hash, sizeof(p->hash));
}

int invites_keep(struct router *r, const struct jid *bare)
{
	struct db *db = r->db;
	int rc = db_query(db, &q_reserved, "si", bare->s, loop_wall_ms(r->loop));

	if (rc == 0)
		rc = db_next(db, &q_reserved);
	if (rc > 0)
		db_reset(db, &q_reserved);
	return rc < 0 ? read_error(rc) : rc;
}
