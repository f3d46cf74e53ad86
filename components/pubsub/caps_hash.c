/* SPDX-License-Identifier: MIT */
/* Entity capabilities (XEP-0115): the verification string and its hash.
 *
 * The answer is read into arrays of strings, each array is sorted by octets (RFC 4790 9.3), which
 * brings together what must not be there twice, and then written in order.
 *
 * Separators: a '<' inside of a string would look like one.  5.1 has it stand as "&lt;", as it does
 * on the wire, and a "&lt;" that is part of a string stays.  Strings are compared in that form.
 *
 * Must not: send, keep, or know who has answered. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/sbuf.h>
#include <xmpp/form.h>

#include "caps_hash.h"

#define NOTIFY "+notify"
enum { NOTIFY_LEN = sizeof(NOTIFY) - 1 };

struct identity {
	const char *part[4]; /* category, type, xml:lang, name */
};
struct caps_field {
	const char *var;
	const char **values;
	size_t n;
};
struct caps_form {
	const char *type; /* FORM_TYPE */
	struct caps_field *fields;
	size_t n;
};
struct caps {
	struct arena *arena;
	size_t n_identities, n_features, n_forms, forms_seen;
	struct identity identities[CAPS_IDENTITIES_MAX];
	const char *features[CAPS_FEATURES_MAX];
	struct caps_form forms[CAPS_FORMS_MAX];
};

int caps_alg(const char *name, enum digest_alg *out)
{
	static const struct {
		const char *name;
		enum digest_alg alg;
	} known[] = {
		{ "sha-1", DIGEST_SHA1 },
		{ "sha-256", DIGEST_SHA256 },
		{ "sha-512", DIGEST_SHA512 },
	};

	for (size_t i = 0; name && i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(name, known[i].name)) {
			*out = known[i].alg;
			return 0;
		}
	}
	return -EINVAL;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool ends_in_notify(const char *s)
{
	size_t n = strlen(s);

	return n >= NOTIFY_LEN && !memcmp(s + n - NOTIFY_LEN, NOTIFY, NOTIFY_LEN);
}

/* s as it stands in the verification string. */
static const char *literal(struct caps *c, const char *s)
{
	static const char lt[] = "&lt;";
	size_t n = strlen(s), count = 0;
	char *copy, *p;

	for (const char *at = strchr(s, '<'); at; at = strchr(at + 1, '<'))
		count++;
	if (!count)
		return s;
	p = copy = arena_alloc(c->arena, n + count * (sizeof(lt) - 2) + 1);
	for (; *s; s++) {
		if (*s != '<') {
			*p++ = *s;
			continue;
		}
		memcpy(p, lt, sizeof(lt) - 1);
		p += sizeof(lt) - 1;
	}
	*p = '\0';
	return copy;
}

/* XEP-0030 has category and type, and not empty.  No '/' in them: the URI of a feature cannot be
 * taken for an identity. */
static int read_identity(struct caps *c, const struct el *el)
{
	static const char *const names[] = { "category", "type", "xml:lang", "name" };
	struct identity *id;

	if (c->n_identities == CAPS_IDENTITIES_MAX)
		return -EINVAL;
	id = &c->identities[c->n_identities++];
	for (size_t i = 0; i < 4; i++) {
		const char *s = el_attr(el, names[i]);

		if ((i < 2 && (!s || !*s)) || (i < 3 && s && strchr(s, '/')))
			return -EINVAL;
		id->part[i] = s ? literal(c, s) : "";
	}
	return ends_in_notify(id->part[3]) ? -EINVAL : 0;
}

static int read_feature(struct caps *c, const struct el *el)
{
	const char *var = el_attr(el, "var");

	if (!var || !*var || c->n_features == CAPS_FEATURES_MAX)
		return -EINVAL;
	if (ends_in_notify(var) && strchr(var, '<')) /* else two names in one string */
		return -EINVAL;
	c->features[c->n_features++] = literal(c, var);
	return 0;
}

static bool is_form_type(const struct el *field)
{
	const char *var = el_attr(field, "var");

	return var && !strcmp(var, "FORM_TYPE");
}

/* 5.4: a form without a FORM_TYPE, or with one that is not hidden, is ignored. */
static bool is_typed(const struct el *x)
{
	bool found = false;

	EL_EACH (field, x, "field", NS_XDATA) {
		const char *type = el_attr(field, "type");

		if (!is_form_type(field))
			continue;
		if (!type || strcmp(type, "hidden") != 0)
			return false;
		found = true;
	}
	return found;
}

/* 5.4: of several values all are the same. */
static int read_form_type(struct caps *c, struct caps_form *f, const struct el *field)
{
	if (f->type)
		return -EINVAL;
	EL_EACH (v, field, "value", NS_XDATA) {
		const char *s = literal(c, el_body(v));

		if (f->type && strcmp(f->type, s) != 0)
			return -EINVAL;
		f->type = s;
	}
	return !f->type || ends_in_notify(f->type) ? -EINVAL : 0;
}

/* A field without a name (a fixed one may be, XEP-0004 3.2) has no place in the string. */
static int read_field(struct caps *c, struct caps_field *f, const struct el *field)
{
	const char *var = el_attr(field, "var");

	if (!var || !*var)
		return -EINVAL;
	f->var = literal(c, var);
	if (ends_in_notify(f->var))
		return -EINVAL;
	EL_EACH (v, field, "value", NS_XDATA) {
		const char *s = literal(c, el_body(v));

		if (ends_in_notify(s))
			return -EINVAL;
		f->values[f->n++] = s;
	}
	return 0;
}

static int count_fields(const struct el *x, size_t *fields, size_t *values)
{
	*fields = *values = 0;
	EL_EACH (field, x, "field", NS_XDATA) {
		(*fields)++;
		EL_EACH (v, field, "value", NS_XDATA)
			(*values)++;
	}
	return *fields > FORM_FIELDS_MAX || *values > FORM_VALUES_MAX ? -EINVAL : 0;
}

static int read_form(struct caps *c, const struct el *x)
{
	size_t fields, values;
	const char **next;
	struct caps_form *f;

	if (c->forms_seen++ == CAPS_FORMS_MAX)
		return -EINVAL;
	if (!is_typed(x))
		return 0;
	if (count_fields(x, &fields, &values) < 0)
		return -EINVAL;
	f = &c->forms[c->n_forms++];
	f->fields = arena_zalloc(c->arena, fields * sizeof(*f->fields));
	next = arena_alloc(c->arena, values * sizeof(*next) + 1);
	EL_EACH (field, x, "field", NS_XDATA) {
		struct caps_field *to = &f->fields[f->n];

		if (is_form_type(field)) {
			if (read_form_type(c, f, field) < 0)
				return -EINVAL;
			continue;
		}
		to->values = next;
		if (read_field(c, to, field) < 0)
			return -EINVAL;
		next += to->n;
		f->n++;
	}
	return 0;
}

static int read_query(struct caps *c, const struct el *query)
{
	int r = 0;

	if (!el_is(query, "query", NS_DISCO_INFO))
		return -EINVAL;
	EL_EACH (it, query, NULL, NULL) {
		if (el_is(it, "identity", NS_DISCO_INFO))
			r = read_identity(c, it);
		else if (el_is(it, "feature", NS_DISCO_INFO))
			r = read_feature(c, it);
		else if (el_is(it, "x", NS_XDATA))
			r = read_form(c, it);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- order ------------------------------------------------------------------------------------ */

static int by_octets(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Part by part: "a-b" comes behind "a" although '-' comes before '/'. */
static int by_parts(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;
	int r = 0;

	for (size_t i = 0; i < 4 && r == 0; i++)
		r = strcmp(x->part[i], y->part[i]);
	return r;
}

static int by_var(const void *a, const void *b)
{
	return strcmp(((const struct caps_field *)a)->var, ((const struct caps_field *)b)->var);
}

static int by_form_type(const void *a, const void *b)
{
	return strcmp(((const struct caps_form *)a)->type, ((const struct caps_form *)b)->type);
}

typedef int compare(const void *a, const void *b);

static void sort(void *base, size_t n, size_t size, compare *cmp)
{
	if (n > 1)
		qsort(base, n, size, cmp);
}

/* -EINVAL: something is there twice. */
static int sort_unique(void *base, size_t n, size_t size, compare *cmp)
{
	const char *p = base;

	sort(base, n, size, cmp);
	for (size_t i = 1; i < n; i++) {
		if (cmp(p + (i - 1) * size, p + i * size) == 0)
			return -EINVAL;
	}
	return 0;
}

static int put_in_order(struct caps *c)
{
	if (sort_unique(c->identities, c->n_identities, sizeof(c->identities[0]), by_parts) < 0 ||
	    sort_unique(c->features, c->n_features, sizeof(c->features[0]), by_octets) < 0 ||
	    sort_unique(c->forms, c->n_forms, sizeof(c->forms[0]), by_form_type) < 0)
		return -EINVAL;
	for (size_t i = 0; i < c->n_forms; i++) {
		struct caps_form *f = &c->forms[i];

		if (sort_unique(f->fields, f->n, sizeof(f->fields[0]), by_var) < 0)
			return -EINVAL;
		for (size_t k = 0; k < f->n; k++)
			sort(f->fields[k].values, f->fields[k].n, sizeof(f->fields[k].values[0]),
			    by_octets);
	}
	return 0;
}

/* --- the string ------------------------------------------------------------------------------- */

static void put(struct sbuf *out, const char *s)
{
	sbuf_puts(out, s);
	sbuf_putc(out, '<');
}

static void put_all(struct sbuf *out, const struct caps *c)
{
	for (size_t i = 0; i < c->n_identities; i++) {
		for (size_t k = 0; k < 3; k++) {
			sbuf_puts(out, c->identities[i].part[k]);
			sbuf_putc(out, '/');
		}
		put(out, c->identities[i].part[3]);
	}
	for (size_t i = 0; i < c->n_features; i++)
		put(out, c->features[i]);
	for (size_t i = 0; i < c->n_forms; i++) {
		const struct caps_form *f = &c->forms[i];

		put(out, f->type);
		for (size_t k = 0; k < f->n; k++) {
			put(out, f->fields[k].var);
			for (size_t v = 0; v < f->fields[k].n; v++)
				put(out, f->fields[k].values[v]);
		}
	}
}

int caps_hash(const struct el *query, enum digest_alg alg, char out[CAPS_HASH_LEN + 1])
{
	struct arena *a = arena_new();
	struct caps *c = arena_zalloc(a, sizeof(*c));
	struct sbuf s = SBUF_INIT;
	uint8_t hash[DIGEST_MAX];
	int r;

	c->arena = a;
	r = read_query(c, query);
	if (r == 0)
		r = put_in_order(c);
	if (r == 0) {
		put_all(&s, c);
		digest(alg, sbuf_data(&s), sbuf_len(&s), hash);
		base64_encode(hash, digest_len(alg), out);
	}
	sbuf_done(&s);
	arena_free(a);
	return r;
}

/* --- notifications ---------------------------------------------------------------------------- */

struct name {
	const char *s;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int r = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);

	return r ? r : (x->n > y->n) - (x->n < y->n);
}

static size_t collect_names(const struct el *query, struct name *names)
{
	size_t n = 0;

	EL_EACH (it, query, "feature", NS_DISCO_INFO) {
		const char *var = el_attr(it, "var");
		size_t len;

		if (!var || !ends_in_notify(var))
			continue;
		len = strlen(var) - NOTIFY_LEN;
		if (len > 0 && len <= CAPS_NAME_MAX)
			names[n++] = (struct name){ var, len };
	}
	return n;
}

size_t caps_notify(const struct el *query, struct sbuf *out)
{
	struct arena *a = arena_new();
	struct name *names = arena_alloc(a, el_child_count(query) * sizeof(*names) + 1);
	size_t n = collect_names(query, names), put = 0;

	sort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n && put < CAPS_NOTIFY_MAX; i++) {
		if (i > 0 && by_name(&names[i - 1], &names[i]) == 0)
			continue;
		sbuf_add(out, names[i].s, names[i].n);
		sbuf_putc(out, '\0');
		put++;
	}
	arena_free(a);
	return put;
}
