/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <base/rendezvous.h>
#include <sqlite3.h>

#include "comp_share_fixture.h"

struct shared shared;

static int owned(struct comp *c, void *arg)
{
	int err = shared.err;

	(void)c;
	(void)arg;
	shared.owned++;
	shared.err = 0;
	return err;
}

struct fix *share_bare(void)
{
	struct fix *f = counter_bare();

	memset(&shared, 0, sizeof(shared));
	f->conf.share = true;
	f->offers = "<share xmlns='" NS_SHARE "'/>";
	f->ops.owned = owned;
	return f;
}

struct fix *share_new(void)
{
	struct fix *f = share_bare();

	fix_make(f);
	return f;
}

int share_setup(void **state)
{
	*state = share_new();
	return 0;
}

/* --- the server ------------------------------------------------------------------------------- */

void share_online(struct fix *f)
{
	fix_online(f);
	share_change(f, 1, MEMBER("m1"));
	fix_clear(f);
}

void share_members(struct fix *f, unsigned epoch, const char *inner)
{
	fix_postf(f,
	    "<iq type='set' id='e%u' from='" SERVER "' to='" DOM "/m%u'><members xmlns='" NS_SHARE
	    "' epoch='%u'>%s</members></iq>",
	    epoch, f->sessions, epoch, inner);
	fix_spin(f);
}

void share_settled(struct fix *f, unsigned epoch)
{
	fix_postf(f,
	    "<message from='" SERVER "' to='" DOM "/m%u'><settled xmlns='" NS_SHARE
	    "' epoch='%u'/></message>",
	    f->sessions, epoch);
	fix_spin(f);
}

void share_change(struct fix *f, unsigned epoch, const char *inner)
{
	share_members(f, epoch, inner);
	share_settled(f, epoch);
}

static const char *winner(const char *const ids[], size_t n, const char *key)
{
	const char *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t w = rendezvous_weight(
		    rendezvous_hash(ids[i], strlen(ids[i])), rendezvous_hash(key, strlen(key)));

		if (!best || w > most)
			best = ids[i];
		most = w > most ? w : most;
	}
	return best;
}

const char *won_by(
    const char *id, const char *const ids[], size_t n, const char *prefix, const char *suffix)
{
	static char texts[8][64];
	static unsigned last;
	char *text = texts[last++ % 8];

	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(texts[0]), "%s%u%s", prefix, i, suffix);
		if (strcmp(winner(ids, n, text), id) == 0)
			return text;
	}
	fail_msg("nothing is won by %s", id);
	return NULL;
}

/* --- what is left ----------------------------------------------------------------------------- */

static sqlite3 *open_it(struct fix *f)
{
	char path[128];
	sqlite3 *h;

	(void)snprintf(path, sizeof(path), "%s/echo.db", f->dir);
	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	(void)sqlite3_busy_timeout(h, 5000);
	return h;
}

void by_hand(struct fix *f, const char *fmt, ...)
{
	sqlite3 *h = open_it(f);
	char sql[4096], *err = NULL;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	if (sqlite3_exec(h, sql, NULL, NULL, &err) != SQLITE_OK)
		fail_msg("%s in: %s", err, sql);
	sqlite3_close(h);
}

void left_stanzas(struct fix *f, int slot, int last, const struct sbuf *packed, int count)
{
	static const char sql[] =
	    "INSERT INTO comp_outbox(slot, n, count, stanzas) VALUES(?,?,?,?)";
	sqlite3 *h = open_it(f);
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &s, NULL), SQLITE_OK);
	sqlite3_bind_int(s, 1, slot);
	sqlite3_bind_int(s, 2, last);
	sqlite3_bind_int(s, 3, count);
	sqlite3_bind_blob(s, 4, sbuf_data(packed), (int)sbuf_len(packed), SQLITE_STATIC);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	sqlite3_close(h);
}

static void left_five(struct fix *f, int slot, int last, char first)
{
	struct sbuf packed = SBUF_INIT;

	for (char text[2] = { first }; text[0] < first + 5; text[0]++) {
		EL_AUTO struct el *m = el_message(NULL, ME);

		el_add_text(m, "body", NULL, text);
		out_pack(&packed, m, DOM, NULL);
	}
	left_stanzas(f, slot, last, &packed, 5);
	sbuf_done(&packed);
}

void left_session(struct fix *f, int slot, const char *member)
{
	by_hand(f,
	    "INSERT INTO comp_link(slot, domain, incarnation, seq, sm_id, member, in_total, "
	    "in_base,"
	    " out_total, out_base, out_acked)"
	    " VALUES(%d, '" DOM "', 1, 5, 'smx', '%s', 110, 12, 30, 10, 20)",
	    slot, member);
	left_five(f, slot, 25, 'a');
	left_five(f, slot, 30, 'f');
}

void left_request(struct fix *f, int slot, int n, const char *key)
{
	by_hand(f,
	    "INSERT INTO comp_deferred(slot, n, stanza) VALUES(%d, %d, '<iq xmlns=\"jabber:client\""
	    " type=\"set\" id=\"d%d\" from=\"" ME "\" to=\"%s\"><defer xmlns=\"" NS_N "\"/></iq>')",
	    slot, n, n, key);
}
