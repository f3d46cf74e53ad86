/* SPDX-License-Identifier: MIT */
/* Keys of local accounts, and made-up ones for names that are none.
 *
 * The secret that fake salts come from is made once and kept in the database: a name must show the
 * same salt before and after a restart, as a real account does.
 *
 * Must not: compare passwords or count failures (sasl.c). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/db.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/rnd.h>

#include "auth/accounts.h"
#include "auth/auth_local.h"
#include "router.h"

#define SECRET_LEN 32

struct auth_local {
	struct router *router;
	uint8_t secret[SECRET_LEN];
};

static struct db_q q_secret = { "SELECT value FROM state WHERE key = 'sasl-fake'" };
static struct db_q q_keep = { "INSERT INTO state (key, value) VALUES ('sasl-fake', $1)"
			      " ON CONFLICT (key) DO UPDATE SET value = excluded.value" };

/* 1: read; 0: there is none (or not a whole one); < 0: the database does not answer. */
static int read_secret(struct auth_local *al)
{
	struct db *db = al->router->db;
	const void *p;
	size_t n;
	int r = db_query(db, &q_secret, "");

	if (r == 0)
		r = db_next(db, &q_secret);
	if (r <= 0)
		return r;
	p = db_blob(db, &q_secret, 0, &n);
	if (n == SECRET_LEN)
		memcpy(al->secret, p, n);
	db_reset(db, &q_secret);
	return n == SECRET_LEN;
}

static void kept(int err, void *arg)
{
	(void)arg;
	if (err < 0)
		log_err(NULL, LOG_LVL_WARN, err, "could not keep the key of fake salts");
}

int auth_local_open(struct auth_local **out, struct router *r)
{
	struct auth_local *al = xzalloc(sizeof(*al));
	struct db_batch *b;
	int rc;

	al->router = r;
	rc = read_secret(al);
	if (rc < 0) {
		free(al);
		return rc;
	}
	if (rc == 0) {
		rnd_bytes(al->secret, SECRET_LEN);
		b = db_batch_new(r->db);
		db_batch_add(b, &q_keep, "b", (const void *)al->secret, (size_t)SECRET_LEN);
		db_submit(b, kept, NULL);
	}
	*out = al;
	return 0;
}

void auth_local_close(struct auth_local *al)
{
	if (!al)
		return;
	mem_wipe(al, sizeof(*al));
	free(al);
}

int auth_local_keys(
    struct auth_local *al, const struct jid *bare, enum digest_alg alg, struct scram_keys *out)
{
	struct account acc;
	int r;

	/* Both are done for every name, so the time does not tell either. */
	scram_fake(out, alg, bare->s, al->secret, SCRAM_ITERATIONS);
	r = accounts_get(al->router->accounts, bare, &acc);
	if (r == 0) {
		*out = alg == DIGEST_SHA1 ? acc.sha1 : acc.sha256;
		mem_wipe(&acc, sizeof(acc));
	}
	return r == -ENOENT ? 0 : r;
}

int auth_local_admit(struct auth_local *al, const struct jid *bare)
{
	struct account acc;
	int r = accounts_get(al->router->accounts, bare, &acc);

	if (r < 0)
		return r;
	r = acc.disabled ? -EACCES : 0;
	mem_wipe(&acc, sizeof(acc));
	return r;
}
