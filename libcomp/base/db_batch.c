/* SPDX-License-Identifier: MIT */
/* Batches of statements with their parameters, and the numbers of statements.
 *
 * A batch keeps everything in one buffer that grows: for each statement a head, for each parameter
 * its kind and then eight bytes of integer, or a length and that many bytes and a NUL.  Nothing in
 * it is aligned, so all of it is copied in and out.
 *
 * Must not: know about connections, threads or completions. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "db_internal.h"

struct head {
	struct db_q *q;
	unsigned n;
	bool must;
};

unsigned db_q_idx(struct db_q *q)
{
	static atomic_uint last;
	unsigned idx = __atomic_load_n(&q->idx, __ATOMIC_RELAXED);
	unsigned fresh;

	if (idx)
		return idx;
	fresh = atomic_fetch_add(&last, 1) + 1;
	/* The number that another thread was faster with is left in idx; ours stays unused. */
	if (__atomic_compare_exchange_n(
		&q->idx, &idx, fresh, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		idx = fresh;
	return idx;
}

/* --- parameters ------------------------------------------------------------------------------- */

static struct db_param text_param(const char *s)
{
	if (!s)
		return (struct db_param){ .kind = DB_NULL };
	return (struct db_param){ .kind = DB_TEXT, .p = s, .len = strlen(s) };
}

static struct db_param blob_param(const void *p, size_t len)
{
	assert(p || len == 0);
	return (struct db_param){ .kind = DB_BLOB, .p = p ? p : "", .len = len };
}

void db_params_read(struct db_params *out, const char *types, va_list ap)
{
	const void *p;

	out->n = 0;
	for (; *types; types++) {
		struct db_param *v = &out->v[out->n++];

		assert(out->n <= DB_PARAMS_MAX);
		switch (*types) {
		case 's':
			*v = text_param(va_arg(ap, const char *));
			break;
		case 'i':
			*v = (struct db_param){ .kind = DB_INT, .i = va_arg(ap, int64_t) };
			break;
		case 'b':
			p = va_arg(ap, const void *);
			*v = blob_param(p, va_arg(ap, size_t));
			break;
		default:
			assert(*types == 'n');
			*v = (struct db_param){ .kind = DB_NULL };
		}
	}
}

static void pack_param(struct sbuf *s, const struct db_param *v)
{
	sbuf_putc(s, (char)v->kind);
	if (v->kind == DB_INT)
		sbuf_add(s, &v->i, sizeof(v->i));
	if (v->kind == DB_TEXT || v->kind == DB_BLOB) {
		sbuf_add(s, &v->len, sizeof(v->len));
		sbuf_add(s, v->p, v->len);
		sbuf_putc(s, '\0');
	}
}

static const char *unpack_param(const char *at, struct db_param *out)
{
	*out = (struct db_param){ .kind = (enum db_kind) * at++ };
	if (out->kind == DB_INT) {
		memcpy(&out->i, at, sizeof(out->i));
		return at + sizeof(out->i);
	}
	if (out->kind == DB_NULL)
		return at;
	memcpy(&out->len, at, sizeof(out->len));
	out->p = at + sizeof(out->len);
	return at + sizeof(out->len) + out->len + 1;
}

/* --- batches ---------------------------------------------------------------------------------- */

struct db_batch *db_batch_new(struct db *db)
{
	struct db_batch *b = xzalloc(sizeof(*b));

	list_init(&b->link);
	b->db = db;
	return b;
}

void db_batch_free(struct db_batch *b)
{
	if (!b)
		return;
	sbuf_done(&b->stmts);
	free(b);
}

static void add(struct db_batch *b, struct db_q *q, bool must, const char *types, va_list ap)
{
	struct db_params params;
	struct head h;

	db_params_read(&params, types, ap);
	memset(&h, 0, sizeof(h)); /* with its padding */
	h.q = q;
	h.n = params.n;
	h.must = must;
	sbuf_add(&b->stmts, &h, sizeof(h));
	for (unsigned i = 0; i < params.n; i++)
		pack_param(&b->stmts, &params.v[i]);
}

void db_batch_add(struct db_batch *b, struct db_q *q, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	add(b, q, false, types, ap);
	va_end(ap);
}

void db_batch_must(struct db_batch *b, struct db_q *q, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	add(b, q, true, types, ap);
	va_end(ap);
}

bool db_batch_next(const struct db_batch *b, size_t *pos, struct db_stmt *out)
{
	const char *start, *at;
	struct head h;

	if (*pos == sbuf_len(&b->stmts))
		return false;
	start = sbuf_data(&b->stmts);
	at = start + *pos;
	memcpy(&h, at, sizeof(h));
	at += sizeof(h);
	out->q = h.q;
	out->must = h.must;
	out->params.n = h.n;
	for (unsigned i = 0; i < h.n; i++)
		at = unpack_param(at, &out->params.v[i]);
	*pos = (size_t)(at - start);
	return true;
}
