/* SPDX-License-Identifier: MIT */
/* Schema steps: those a database does not have yet are applied in one exclusive transaction, so it
 * has either all of them or none, and of several processes that start at once one does the work.
 * A schema may have several parts, each with steps and a version of its own.
 *
 * Must not: touch a database that a newer release has changed. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "db_backend.h"

struct update {
	const struct db_ops *ops;
	struct db_conn *c;
	const char *path;
	const struct db_part *parts;
	size_t n_parts;
	char *err;
	size_t err_len;
};

/* The name under which a part's version is kept. */
static const char *key_of(const struct update *u, const struct db_part *p)
{
	return p == u->parts ? NULL : p->name;
}

static int known_version(const struct update *u, const struct db_part *p, int *out)
{
	const char *key = key_of(u, p);
	int last = (int)p->n_steps;
	int version, r;

	assert(last == 0 || p->steps[last - 1].version == last);
	r = u->ops->get_version(u->c, key, &version, u->err, u->err_len);
	if (r < 0)
		return r;
	if (version < 0 || version > last) {
		(void)snprintf(u->err, u->err_len,
		    "%s: its schema%s%s has version %d, this program knows %d at most: start a "
		    "newer "
		    "release, or restore a backup",
		    u->path, key ? " of " : "", key ? key : "", version, last);
		return -ENOTSUP;
	}
	*out = version;
	return 0;
}

static int apply_part(const struct update *u, const struct db_part *p)
{
	const char *key = key_of(u, p);
	char what[80];
	int version, r;

	r = known_version(u, p, &version); /* another process may have been faster */
	if (r < 0)
		return r;
	for (size_t i = (size_t)version; r == 0 && i < p->n_steps; i++) {
		assert(p->steps[i].version == (int)i + 1);
		(void)snprintf(what, sizeof(what), "schema step %d%s%s", p->steps[i].version,
		    key ? " of " : "", key ? key : "");
		r = u->ops->script(u->c, p->steps[i].sql, what, u->err, u->err_len);
		if (r == 0)
			r = u->ops->set_version(u->c, key, p->steps[i].version, u->err, u->err_len);
	}
	return r;
}

static int apply(const struct update *u)
{
	int r = u->ops->lock_schema(u->c, u->err, u->err_len);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < u->n_parts; i++)
		r = apply_part(u, &u->parts[i]);
	if (r == 0)
		r = u->ops->script(u->c, "COMMIT", "cannot commit the schema", u->err, u->err_len);
	if (r < 0)
		(void)u->ops->tx(u->c, DB_ROLLBACK);
	return r;
}

int db_schema_update(const struct db_ops *ops, struct db_conn *c, const char *path,
    const struct db_part *parts, size_t n_parts, char *err, size_t err_len)
{
	const struct update u = { ops, c, path, parts, n_parts, err, err_len };
	bool complete = true;

	/* Usually nothing is to be done, and then nobody is locked out. */
	for (size_t i = 0; i < n_parts; i++) {
		int version, r = known_version(&u, &parts[i], &version);

		if (r < 0)
			return r;
		complete = complete && version == (int)parts[i].n_steps;
	}
	return complete ? 0 : apply(&u);
}
