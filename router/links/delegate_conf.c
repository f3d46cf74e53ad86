/* SPDX-License-Identifier: MIT */
/* The setting `delegate`: rows out of text, and what no component may be given.
 *
 * Must not: look at anything but settings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/ns.h>

#include "conf.h"
#include "links/delegate.h"

#define FAULT(...) ((void)snprintf(err, err_len, __VA_ARGS__), -EINVAL)
#define NS_MAX 256

/* --- what stays the router's ------------------------------------------------------------------ */

/* Who is logged in, whom he knows and whom he hears: without these the router could not decide
 * where a stanza goes.  The last of them would let a component speak in another's name. */
static const struct {
	const char *ns;
	bool below; /* and all that begin so */
} kept[] = {
	{ NS_CLIENT, false },
	{ NS_COMPONENT, false },
	{ NS_SERVER, false },
	{ NS_STREAM, false },
	{ "urn:ietf:params:xml:ns:", true }, /* SASL, bind, session, TLS, errors */
	{ "jabber:iq:auth", false },
	{ NS_ROSTER, false },
	{ NS_BLOCKING, false },
	{ NS_REGISTER, false },
	{ "urn:xmpp:sasl:", true },
	{ "urn:xmpp:bind:", true },
	{ "urn:xmpp:sm:", true },
	{ "urn:xmpp:csi:", true },
	{ "urn:xmpp:carbons:", true },
	{ "urn:xmpp:delegation:", true }, /* XEP-0355 8, rule 5 */
	{ "urn:xmpp:privilege:", true },
	{ "urn:switchyard:", true },
};

static bool is_kept(const char *ns)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		size_t n = strlen(kept[i].ns);

		if (kept[i].below ? !strncmp(ns, kept[i].ns, n) : !strcmp(ns, kept[i].ns))
			return true;
	}
	return false;
}

/* --- one row ---------------------------------------------------------------------------------- */

/* Nothing that XML could not carry in an attribute, or an operator could not see. */
static bool is_printable(const char *s, size_t n, const char * not )
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || strchr(not, s[i]))
			return false;
	}
	return n > 0;
}

bool delegate_is_namespace(const char *s, size_t n)
{
	return n <= NS_MAX && is_printable(s, n, "<>&'\"");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "attr1,attr2" up to the bracket. */
static int parse_filter(struct delegate_row *row, const char *s, const char *end)
{
	while (s <= end) {
		size_t n = strcspn(s, ",]");

		if (!is_printable(s, n, "<>&'\"[=/") || row->n_attrs >= DELEGATE_ATTRS_MAX)
			return -EINVAL;
		row->attrs[row->n_attrs++] = xstrndup(s, n);
		s += n + 1;
	}
	qsort(row->attrs, row->n_attrs, sizeof(row->attrs[0]), by_name);
	for (size_t i = 1; i < row->n_attrs; i++) {
		if (!strcmp(row->attrs[i - 1], row->attrs[i]))
			return -EINVAL;
	}
	return 0;
}

/* As much of it as fits into one line. */
static int shown(const char *text)
{
	int n = 0;

	while (n < 60 && (unsigned char)text[n] >= ' ' && text[n] != 0x7f)
		n++;
	return n;
}

static int parse_text(struct delegate_row *row, const char *text, char *err, size_t err_len)
{
	size_t len = strlen(text);
	const char *filter = strchr(text, '['), *end = text + len - 1;
	size_t n = filter ? (size_t)(filter - text) : len;

	if (!delegate_is_namespace(text, n) || memchr(text, ']', n))
		return FAULT("\"%.*s\" is not a namespace", shown(text), text);
	row->ns = xstrndup(text, n);
	if (!strcmp(row->ns, DELEGATE_INFO_NS))
		row->kind = DELEGATE_INFO;
	else if (!strcmp(row->ns, DELEGATE_ITEMS_NS))
		row->kind = DELEGATE_ITEMS;
	if (filter &&
	    (*end != ']' || row->kind != DELEGATE_NS || parse_filter(row, filter + 1, end) < 0))
		return FAULT("\"%.*s\": behind the namespace stand the attributes that must be "
			     "there, as in \"urn:example[node,ver]\"",
		    shown(text), text);
	if (row->kind != DELEGATE_NS)
		return 0;
	if (!strcmp(row->ns, NS_DISCO_INFO) || !strcmp(row->ns, NS_DISCO_ITEMS))
		return FAULT("\"%s\" is delegated as \"%s\"", row->ns,
		    !strcmp(row->ns, NS_DISCO_INFO) ? DELEGATE_INFO_NS : DELEGATE_ITEMS_NS);
	if (is_kept(row->ns))
		return FAULT("\"%s\" is the router's own and cannot be delegated", row->ns);
	return 0;
}

int delegate_row_parse(struct delegate_row *out, const char *text, char *err, size_t err_len)
{
	struct delegate_row row = { .kind = DELEGATE_NS };
	int r = parse_text(&row, text, err, err_len);

	if (r < 0)
		delegate_row_done(&row);
	else
		*out = row;
	return r;
}

void delegate_row_done(struct delegate_row *row)
{
	for (size_t i = 0; i < row->n_attrs; i++)
		free(row->attrs[i]);
	free(row->ns);
	*row = (struct delegate_row){ 0 };
}

/* --- all of them together --------------------------------------------------------------------- */

static bool has_attr(const struct delegate_row *row, const char *name)
{
	for (size_t i = 0; i < row->n_attrs; i++) {
		if (!strcmp(row->attrs[i], name))
			return true;
	}
	return false;
}

/* Filters only say what must be there, so two rows for one namespace are told apart by them only
 * if one asks for all that the other does, and for more. */
static bool told_apart(const struct delegate_row *a, const struct delegate_row *b)
{
	const struct delegate_row *less = a->n_attrs < b->n_attrs ? a : b;
	const struct delegate_row *more = less == a ? b : a;

	if (a->n_attrs == b->n_attrs)
		return false;
	for (size_t i = 0; i < less->n_attrs; i++) {
		if (!has_attr(more, less->attrs[i]))
			return false;
	}
	return true;
}

struct owned_row {
	struct delegate_row row;
	const struct component_conf *by;
};

static int check_against(const struct router_conf *c, const struct owned_row *all, size_t n,
    const struct owned_row *o, char *err, size_t err_len)
{
	for (size_t i = 0; i < n; i++) {
		const char *host = conf_common_host(c, all[i].by, o->by);

		if (!host || strcmp(all[i].row.ns, o->row.ns) != 0 ||
		    told_apart(&all[i].row, &o->row))
			continue;
		return FAULT("component %s: delegate: \"%s\" of %s is component %s's already",
		    o->by->title, o->row.ns, host, all[i].by->title);
	}
	return 0;
}

static int check_component(const struct router_conf *c, const struct component_conf *cc,
    struct owned_row *all, size_t *n, char *err, size_t err_len)
{
	char why[256];

	if (cc->delegate.n > DELEGATE_ROWS_MAX)
		return FAULT("component %s: delegate: more than %d namespaces", cc->title,
		    DELEGATE_ROWS_MAX);
	for (size_t i = 0; i < cc->delegate.n; i++) {
		struct owned_row *o = &all[*n];

		if (delegate_row_parse(&o->row, cc->delegate.v[i], why, sizeof(why)) < 0)
			return FAULT("component %s: delegate: %s", cc->title, why);
		o->by = cc;
		(*n)++;
		if (check_against(c, all, *n - 1, o, err, err_len) < 0)
			return -EINVAL;
	}
	return 0;
}

int delegate_check(const struct router_conf *c, char *err, size_t err_len)
{
	struct owned_row *all;
	size_t max = 0, n = 0;
	int r = 0;

	for (size_t i = 0; c->components && c->components[i]; i++)
		max += c->components[i]->delegate.n;
	if (max == 0)
		return 0;
	all = xzalloc(max * sizeof(*all));
	for (size_t i = 0; c->components[i] && r == 0; i++)
		r = check_component(c, c->components[i], all, &n, err, err_len);
	for (size_t i = 0; i < n; i++)
		delegate_row_done(&all[i].row);
	free(all);
	return r;
}
