/* SPDX-License-Identifier: MIT */
/* Last activity of accounts (XEP-0012): a time and a text in the account's row.
 *
 * They are written when the last session of the account ends, in a batch of their own that nobody
 * waits for: if it is lost, so is a time of day, and the log says why.  What a kill -9 cuts short
 * leaves what the end before that one has written.
 *
 * Must not: tell anything to who may not see the account's presence. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <base/db.h>
#include <base/log.h>
#include <base/loop.h>

#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"
#include "im/last.h"
#include "im/presence.h"
#include "im/roster.h"
#include "router.h"

#define STATUS_MAX 1024 /* bytes of a status that are kept */

static struct db_q q_put = { "UPDATE account SET last_ms = $2, last_status = $3 WHERE jid = $1" };
static struct db_q q_get = { "SELECT last_ms, last_status FROM account WHERE jid = $1" };

/* --- keeping ---------------------------------------------------------------------------------- */

/* Bytes of s up to max that are whole characters. */
static size_t utf8_cut(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n <= max)
		return n;
	for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

void last_status(struct session *s, const struct el *presence)
{
	const char *text = presence ? el_child_text(presence, "status", NS_CLIENT) : NULL;

	free(s->im.last_status);
	s->im.last_status = text && *text ? xstrndup(text, utf8_cut(text, STATUS_MAX)) : NULL;
}

static void stored(int err, void *arg)
{
	(void)arg;
	if (err < 0)
		log_err(NULL, LOG_LVL_WARN, err, "the end of a session was not stored");
}

void last_session_end(struct session *s)
{
	struct router *r = s->router;
	struct db_batch *b;

	if (s->user->n_sessions == 1) {
		b = db_batch_new(r->db);
		db_batch_add(
		    b, &q_put, "sis", s->user->jid.s, loop_wall_ms(r->loop), s->im.last_status);
		db_submit(b, stored, NULL);
	}
	last_status(s, NULL);
}

/* --- answering -------------------------------------------------------------------------------- */

static bool asks(const struct stanza *st)
{
	return st->type == ST_IQ_GET && el_is(stanza_payload(st), "query", NS_LAST);
}

static void answer(struct router *r, struct stanza *st, int64_t seconds, const char *status)
{
	EL_AUTO struct el *res = el_result(st->el);
	struct el *query = el_add(res, "query", NS_LAST);

	el_setf(query, "seconds", "%" PRId64, seconds > 0 ? seconds : 0);
	if (*status)
		el_text(query, status);
	route_reply(r, st, res);
}

/* From the account's row. */
static void answer_offline(struct router *r, struct stanza *st, const struct jid *account)
{
	struct db *db = r->db;
	int rc = db_query(db, &q_get, "s", account->s);

	if (rc == 0)
		rc = db_next(db, &q_get);
	if (rc < 0) {
		route_bounce(r, st, COND_RESOURCE_CONSTRAINT, NULL);
	} else if (rc == 0 || db_is_null(db, &q_get, 0)) {
		route_bounce(r, st, COND_ITEM_NOT_FOUND, "nobody has logged in yet");
	} else {
		answer(r, st, (loop_wall_ms(r->loop) - db_int(db, &q_get, 0)) / 1000,
		    db_text(db, &q_get, 1));
	}
	if (rc > 0)
		db_reset(db, &q_get);
}

bool last_account(struct router *r, struct stanza *st)
{
	struct jid account;

	if (!asks(st))
		return false;
	account = jid_bare(st->to.s ? &st->to : &st->from, el_arena(st->el));
	if (!roster_sees(r, &account, &st->from))
		route_bounce(r, st, COND_FORBIDDEN, NULL);
	else if (sessions_user(r->sessions, &account))
		answer(r, st, 0, "");
	else
		answer_offline(r, st, &account);
	return true;
}

bool last_admits(struct router *r, struct stanza *st, const struct session *s)
{
	if (!asks(st) || roster_sees(r, &s->jid, &st->from) || presence_directed_to(s, &st->from))
		return true;
	route_bounce(r, st, COND_FORBIDDEN, NULL);
	return false;
}
