/* SPDX-License-Identifier: MIT */
/* Schema steps: those a database does not have yet are applied in one exclusive transaction, so it
 * has either all of them or none, and of several processes that start at once one does the work.
 *
 * Must not: touch a database that a newer release has changed. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "db_backend.h"

static int known_version(const struct db_ops *ops, struct db_conn *c, const char *path, int last,
    int *out, char *err, size_t err_len)
{
	int version, r;

	r = ops->get_version(c, &version, err, err_len);
	if (r < 0)
		return r;
	if (version < 0 || version > last) {
		(void)snprintf(err, err_len,
		    "%s: its schema has version %d, this program knows %d at most: start a newer "
		    "release, "
		    "or restore a backup",
		    path, version, last);
		return -ENOTSUP;
	}
	*out = version;
	return 0;
}

static int apply(const struct db_ops *ops, struct db_conn *c, int version,
    const struct db_step *steps, size_t n_steps, char *err, size_t err_len)
{
	char what[48];
	int r;

	for (size_t i = (size_t)version; i < n_steps; i++) {
		assert(steps[i].version == (int)i + 1);
		(void)snprintf(what, sizeof(what), "schema step %d", steps[i].version);
		r = ops->script(c, steps[i].sql, what, err, err_len);
		if (r == 0)
			r = ops->set_version(c, steps[i].version, err, err_len);
		if (r < 0)
			return r;
	}
	return ops->script(c, "COMMIT", "cannot commit the schema", err, err_len);
}

int db_schema_update(const struct db_ops *ops, struct db_conn *c, const char *path,
    const struct db_step *steps, size_t n_steps, char *err, size_t err_len)
{
	int last = n_steps > 0 ? steps[n_steps - 1].version : 0;
	int version, r;

	assert(last == (int)n_steps);
	/* Usually nothing is to be done, and then nobody is locked out. */
	r = known_version(ops, c, path, last, &version, err, err_len);
	if (r < 0 || version == last)
		return r;
	r = ops->lock_schema(c, err, err_len);
	if (r < 0)
		return r;
	r = known_version(
	    ops, c, path, last, &version, err, err_len); /* another may have been faster */
	if (r == 0)
		r = apply(ops, c, version, steps, n_steps, err, err_len);
	if (r < 0)
		(void)ops->tx(c, DB_ROLLBACK);
	return r;
}
