/* SPDX-License-Identifier: MIT */
/* Tokens in the table `fast_token` (schema.c).
 *
 * Nothing is kept in memory: a look-up is one indexed read of two rows at most, and what must not
 * happen twice, or after a revocation, is decided by the batch that writes it.
 *
 * Must not: log tokens, or write one down. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/db.h>
#include <base/digest.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>
#include <base/rnd.h>
#include <base/sbuf.h>
#include <xmpp/scram.h>

#include "auth/tokens.h"
#include "conf.h"
#include "router.h"

#define SECRET_LEN 32
#define SECRET_FILE "fast.key"
#define PURGE_MAX 32                      /* expired ones that go with each new one */
#define ROTATE_MS (86400 * (int64_t)1000) /* how old one may be until the next one is given */

struct tokens {
	struct router *router;
	bool ready; /* the secret is there */
	uint8_t secret[SECRET_LEN];
};

static struct db_q q_find = { "SELECT place, mech, nonce, issued, expires, count FROM fast_token"
			      " WHERE account = $1 AND client = $2" };
/* The one in the other place goes, if this one moves there. */
static struct db_q q_use = { "UPDATE OR REPLACE fast_token SET place = 0, count = max(count, $4)"
			     " WHERE account = $1 AND client = $2 AND nonce = $3"
			     " AND ($4 < 0 OR count < $4)" };
static struct db_q q_earlier = { "DELETE FROM fast_token WHERE account = $1 AND client = $2"
				 " AND expires < $3" };
static struct db_q q_drop = { "DELETE FROM fast_token WHERE account = $1 AND client = $2"
			      " AND nonce = $3 AND ($4 < 0 OR count < $4)" };
static struct db_q q_drop_all = { "DELETE FROM fast_token WHERE account = $1 AND client = $2" };
static struct db_q q_purge = { "DELETE FROM fast_token WHERE (account, client, place) IN"
			       " (SELECT account, client, place FROM fast_token"
			       " WHERE expires <= $1 ORDER BY expires LIMIT $2)" };
static struct db_q q_issue = { "INSERT OR REPLACE INTO fast_token"
			       " (account, client, place, mech, nonce, issued, expires, count)"
			       " SELECT jid, $2, 1, $3, $4, $5, $6, -1 FROM account"
			       " WHERE jid = $1 AND disabled = 0"
			       " AND ($7 IS NULL OR salt256 = $7 OR salt1 = $7)" };
/* The clients that got one longest ago, above so many. */
static struct db_q q_bound = { "DELETE FROM fast_token WHERE account = $1 AND client IN"
			       " (SELECT client FROM fast_token WHERE account = $1 GROUP BY client"
			       " ORDER BY client = $2 DESC, max(issued) DESC LIMIT -1 OFFSET $3)" };
static struct db_q q_revoke = { "DELETE FROM fast_token WHERE account = $1" };

/* --- the secret ------------------------------------------------------------------------------- */

/* 0; -ENOENT: there is no file; or why it cannot be had. */
static int read_secret(struct tokens *ts, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t buf[SECRET_LEN + 1];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf));
	(void)close(fd);
	if (n != SECRET_LEN)
		return -EBADMSG;
	memcpy(ts->secret, buf, SECRET_LEN);
	mem_wipe(buf, sizeof(buf));
	return 0;
}

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

/* Whole or not at all: it is what tokens of the next years are made of. */
static int write_secret(struct tokens *ts, const char *folder, const char *path)
{
	char *fresh = xasprintf("%s.new", path);
	int fd, r = 0;

	rnd_bytes(ts->secret, SECRET_LEN);
	(void)unlink(fresh);
	errno = 0;
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, ts->secret, SECRET_LEN) != SECRET_LEN || fsync(fd) < 0)
		r = errno ? -errno : -EIO;
	if (fd >= 0)
		(void)close(fd);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (r == 0)
		r = sync_folder(folder);
	else
		(void)unlink(fresh);
	free(fresh);
	return r;
}

static void load_secret(struct tokens *ts)
{
	const struct router_conf *conf = ts->router->conf;
	char *path;
	int r;

	if (ts->ready || conf->fast.token_ttl == 0)
		return;
	path = xasprintf("%s/" SECRET_FILE, conf->daemon.data_dir);
	r = read_secret(ts, path);
	if (r == -ENOENT)
		r = write_secret(ts, conf->daemon.data_dir, path);
	ts->ready = r == 0;
	if (r == -EBADMSG)
		log_warn(NULL, "%s is damaged: nobody gets a token to log in with", path);
	else if (r < 0)
		log_err(NULL, LOG_LVL_WARN, r, "%s: nobody gets a token to log in with", path);
	free(path);
}

struct tokens *tokens_open(struct router *r)
{
	struct tokens *ts = xzalloc(sizeof(*ts));

	ts->router = r;
	load_secret(ts);
	return ts;
}

void tokens_reload(struct tokens *ts)
{
	load_secret(ts);
}

void tokens_close(struct tokens *ts)
{
	if (!ts)
		return;
	mem_wipe(ts, sizeof(*ts));
	free(ts);
}

bool tokens_on(const struct tokens *ts)
{
	return ts->ready && ts->router->conf->fast.token_ttl > 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The parts of fixed length come first, and neither of the others has a NUL. */
static void make_text(
    const struct tokens *ts, const struct token_owner *o, const char *mech, struct token *t)
{
	struct sbuf b = SBUF_INIT;
	uint8_t mac[DIGEST_MAX];

	sbuf_add(&b, t->nonce, TOKEN_NONCE);
	sbuf_add(&b, o->client, TOKEN_CLIENT);
	sbuf_puts(&b, mech);
	sbuf_putc(&b, '\0');
	sbuf_puts(&b, o->account);
	digest_hmac(DIGEST_SHA256, ts->secret, SECRET_LEN, sbuf_data(&b), sbuf_len(&b), mac);
	sbuf_done(&b);
	base64_encode(mac, digest_len(DIGEST_SHA256), t->text);
	mem_wipe(mac, sizeof(mac));
}

static void take_row(struct db *db, const char *mech, struct token out[TOKEN_PLACES])
{
	int64_t place = db_int(db, &q_find, 0);
	size_t n;
	const void *nonce = db_blob(db, &q_find, 2, &n);
	struct token *t = &out[place == TOKEN_NEW];

	t->expires_ms = db_int(db, &q_find, 4);
	if (n != TOKEN_NONCE || strcmp(db_text(db, &q_find, 1), mech) != 0)
		return;
	memcpy(t->nonce, nonce, n);
	t->there = true;
	t->newer = place == TOKEN_NEW;
	t->issued_ms = db_int(db, &q_find, 3);
	t->count = db_int(db, &q_find, 5);
}

int tokens_find(struct tokens *ts, const struct token_owner *o, const char *mech,
    struct token out[TOKEN_PLACES])
{
	struct db *db = ts->router->db;
	int r;

	memset(out, 0, TOKEN_PLACES * sizeof(*out));
	for (int i = 0; i < TOKEN_PLACES; i++)
		rnd_bytes(out[i].nonce, TOKEN_NONCE);
	r = db_query(db, &q_find, "sb", o->account, (const void *)o->client, (size_t)TOKEN_CLIENT);
	while (r == 0 && (r = db_next(db, &q_find)) > 0) {
		take_row(db, mech, out);
		r = 0;
	}
	if (r < 0)
		return r == -EBUSY ? -EBUSY : -EIO;
	for (int i = 0; i < TOKEN_PLACES; i++)
		make_text(ts, o, mech, &out[i]);
	return 0;
}

bool tokens_due(const struct tokens *ts, const struct token *t)
{
	int64_t age = loop_wall_ms(ts->router->loop) - t->issued_ms;

	return age >= ROTATE_MS || age >= (t->expires_ms - t->issued_ms) / 2;
}

/* --- writing ---------------------------------------------------------------------------------- */

#define OWNER(o) (o)->account, (const void *)(o)->client, (size_t)TOKEN_CLIENT
#define NONCE(t) (const void *)(t)->nonce, (size_t)TOKEN_NONCE

void tokens_use(
    struct db_batch *b, const struct token_owner *o, const struct token *t, int64_t count)
{
	db_batch_must(b, &q_use, "sbbi", OWNER(o), NONCE(t), count);
	db_batch_add(b, &q_earlier, "sbi", OWNER(o), t->expires_ms);
}

void tokens_drop(
    struct db_batch *b, const struct token_owner *o, const struct token *t, int64_t count)
{
	db_batch_must(b, &q_drop, "sbbi", OWNER(o), NONCE(t), count);
	db_batch_add(b, &q_drop_all, "sb", OWNER(o));
}

void tokens_issue(struct tokens *ts, struct db_batch *b, const struct token_owner *o,
    const char *mech, const uint8_t *salt, struct token *out)
{
	const struct router_conf *conf = ts->router->conf;
	int64_t now = loop_wall_ms(ts->router->loop);

	*out = (struct token){
		.there = true,
		.newer = true,
		.issued_ms = now,
		.expires_ms = now + conf->fast.token_ttl * 1000,
		.count = -1,
	};
	rnd_bytes(out->nonce, TOKEN_NONCE);
	make_text(ts, o, mech, out);
	db_batch_add(b, &q_purge, "ii", now, (int64_t)PURGE_MAX);
	if (salt)
		db_batch_must(b, &q_issue, "sbsbiib", OWNER(o), mech, NONCE(out), now,
		    out->expires_ms, (const void *)salt, (size_t)SCRAM_SALT);
	else
		db_batch_must(
		    b, &q_issue, "sbsbiin", OWNER(o), mech, NONCE(out), now, out->expires_ms);
	if (conf->limit.fast_clients > 0)
		db_batch_add(b, &q_bound, "sbi", OWNER(o), conf->limit.fast_clients);
}

void tokens_revoke(struct db_batch *b, const char *account)
{
	db_batch_add(b, &q_revoke, "s", account);
}
