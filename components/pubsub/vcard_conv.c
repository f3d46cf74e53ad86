/* SPDX-License-Identifier: MIT */
/* Conversion of vCards (XEP-0292 9), by a table of fields.  Each field is looked at once; what it
 * holds is bounded, and is copied as it is but for the white space around what is no free text.
 *
 * Where XEP-0292 gives less than RFC 6351, the RFC is followed: units of an organisation are kept
 * as further texts, and all parts of a name or an address are there, if empty. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <base/arena.h>

#include "vcard_conv.h"
#include "vcard_value.h"

struct part {
	const char *temp, *v4;
};

struct field {
	const char *temp, *v4;
	/* Append the field to out if it holds something. */
	void (*to_4)(const struct field *f, struct el *out, const struct el *in);
	void (*from_4)(const struct field *f, struct el *out, const struct el *in);
	const char *value;        /* of vCard4: "text" or "uri" */
	const struct part *parts; /* of N and ADR */
	unsigned types;           /* so many of type_names[] are for it */
	bool once;                /* in vCard4 */
};

/* --- parameters ---------------------------------------------------------------------------------
 */
/* XEP-0292 9.3: the other types of vcard-temp are not in vCard4. */
static const struct part type_names[] = {
	{ "HOME", "home" },
	{ "WORK", "work" },
	{ "VOICE", "voice" },
	{ "FAX", "fax" },
	{ "PAGER", "pager" },
	{ "CELL", "cell" },
	{ "VIDEO", "video" },
};
enum {
	TYPES_PLACE = 2, /* HOME and WORK only */
	TYPES_ALL = sizeof(type_names) / sizeof(type_names[0]),
	PREF = 1 << TYPES_ALL
};

static unsigned types_temp(const struct field *f, const struct el *in)
{
	unsigned set = 0;

	for (unsigned i = 0; i < f->types; i++) {
		if (el_child(in, type_names[i].temp, NS_VCARD_TEMP))
			set |= 1U << i;
	}
	return el_child(in, "PREF", NS_VCARD_TEMP) ? set | PREF : set;
}

static unsigned type_bit(const struct field *f, struct span name)
{
	for (unsigned i = 0; i < f->types; i++) {
		if (span_is(name, type_names[i].v4))
			return 1U << i;
	}
	return 0;
}

/* The most preferred is 1 (RFC 6350 5.3), which is all that vcard-temp can say. */
static bool is_pref(const struct el *params)
{
	const struct el *pref = el_child(params, "pref", NS_VCARD_4);
	const char *n = pref ? el_child_text(pref, "integer", NS_VCARD_4) : NULL;

	return pref && span_is(trim(n ? n : el_body(pref)), "1");
}

static unsigned types_4(const struct field *f, const struct el *in)
{
	const struct el *params = el_child(in, "parameters", NS_VCARD_4), *type;
	unsigned set = 0, n = 0;

	if (!params)
		return 0;
	type = el_child(params, "type", NS_VCARD_4);
	for (const struct el *t = type ? el_child(type, "text", NS_VCARD_4) : NULL;
	     t && n < VCARD_LIST_MAX; t = el_next(t, "text", NS_VCARD_4), n++)
		set |= type_bit(f, trim(el_body(t)));
	return is_pref(params) ? set | PREF : set;
}

static void put_types_4(struct el *out, unsigned set)
{
	struct el *params, *type;

	if (!set)
		return;
	params = el_add(out, "parameters", NULL);
	type = set & ~(unsigned)PREF ? el_add(params, "type", NULL) : NULL;
	for (unsigned i = 0; i < TYPES_ALL; i++) {
		if (set & 1U << i)
			el_add_text(type, "text", NULL, type_names[i].v4);
	}
	if (set & PREF)
		el_add_text(el_add(params, "pref", NULL), "integer", NULL, "1");
}

static void put_types_temp(struct el *out, unsigned set)
{
	for (unsigned i = 0; i < TYPES_ALL; i++) {
		if (set & 1U << i)
			el_add(out, type_names[i].temp, NULL);
	}
}

/* --- fields of one value ------------------------------------------------------------------------
 */
/* Free text stays as it is. */
static struct span flat_value(const struct field *f, const char *s)
{
	struct span t = trim(s);

	if (t.n > 0 && !strcmp(f->value, "text"))
		t = (struct span){ s, strlen(s) };
	return t;
}

static void flat_to_4(const struct field *f, struct el *out, const struct el *in)
{
	struct span t = flat_value(f, el_body(in));

	if (t.n > 0)
		add_span(el_add(out, f->v4, NULL), f->value, t);
}

/* RFC 6351 has several texts in one NICKNAME: here each is one. */
static void flat_from_4(const struct field *f, struct el *out, const struct el *in)
{
	EL_EACH (v, in, f->value, NS_VCARD_4) {
		struct span t = flat_value(f, el_body(v));

		if (el_child_count(out) >= VCARD_FIELDS_MAX)
			return;
		if (t.n > 0)
			add_span(out, f->temp, t);
	}
}

/* RFC 6351 has an element for each kind of value; XEP-0292's own example writes a date with its
 * hyphens. */
static const char *bday_kind(struct span t)
{
	bool time = false;

	for (size_t i = 0; i < t.n; i++) {
		if (t.s[i] == 'T' && i > 0)
			time = true;
		else if (!strchr(time ? "0123456789:.+-Z" : "0123456789-", t.s[i]))
			return "text";
	}
	return time ? "date-time" : "date";
}

static void bday_to_4(const struct field *f, struct el *out, const struct el *in)
{
	struct span t = trim(el_body(in));

	if (t.n > 0)
		add_span(el_add(out, f->v4, NULL), bday_kind(t), t);
}

static void bday_from_4(const struct field *f, struct el *out, const struct el *in)
{
	static const char *const kinds[] = { "date", "date-time", "text" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct span t = trim(el_child_text(in, kinds[i], NS_VCARD_4));

		if (t.n > 0) {
			add_span(out, f->temp, t);
			return;
		}
	}
}

/* --- fields of several parts --------------------------------------------------------------------
 */
static const struct part n_parts[] = {
	{ "FAMILY", "surname" },
	{ "GIVEN", "given" },
	{ "MIDDLE", "additional" }, /* XEP-0292 9.1.3 */
	{ "PREFIX", "prefix" },
	{ "SUFFIX", "suffix" },
	{ NULL, NULL },
};
static const struct part adr_parts[] = {
	{ "POBOX", "pobox" },
	{ "EXTADD", "ext" },
	{ "STREET", "street" },
	{ "LOCALITY", "locality" },
	{ "REGION", "region" },
	{ "PCODE", "code" },
	{ "CTRY", "country" },
	{ NULL, NULL },
};

/* The values of one part, in a list as XEP-0054's DTD wants it.  Where out is NULL: is there one?
 */
static bool join_part(struct el *out, const struct el *in, const char *name, const char *ns)
{
	unsigned n = 0;
	bool any = false;

	EL_EACH (v, in, name, ns) {
		const char *s = el_body(v);

		if (n++ == VCARD_LIST_MAX)
			break;
		if (blank(s))
			continue;
		if (out && any)
			el_text(out, ",");
		if (out)
			el_text(out, s);
		any = true;
	}
	return any;
}

static bool any_part(const struct part *p, const struct el *in, bool temp)
{
	for (; p->temp; p++) {
		if (join_part(NULL, in, temp ? p->temp : p->v4, el_ns(in)))
			return true;
	}
	return false;
}

static void parts_to_4(const struct field *f, struct el *out, const struct el *in)
{
	struct el *to;

	if (!any_part(f->parts, in, true))
		return;
	to = el_add(out, f->v4, NULL);
	put_types_4(to, f->types ? types_temp(f, in) : 0);
	for (const struct part *p = f->parts; p->temp; p++)
		join_part(el_add(to, p->v4, NULL), in, p->temp, NS_VCARD_TEMP);
}

static void parts_from_4(const struct field *f, struct el *out, const struct el *in)
{
	unsigned set = f->types ? types_4(f, in) : 0;
	struct el *to;

	if (!any_part(f->parts, in, false))
		return;
	to = el_add(out, f->temp, NULL);
	put_types_temp(to, set);
	if (set & PREF)
		el_add(to, "PREF", NULL);
	for (const struct part *p = f->parts; p->temp; p++) {
		if (join_part(NULL, in, p->v4, NS_VCARD_4))
			join_part(el_add(to, p->temp, NULL), in, p->v4, NS_VCARD_4);
	}
}

/* The texts of an organisation: its name, which may be empty, and its units (RFC 6350 6.6.4). */
static void org_to_4(const struct field *f, struct el *out, const struct el *in)
{
	const char *name = el_child_text(in, "ORGNAME", NS_VCARD_TEMP);
	struct el *to;
	unsigned n = 1;

	if (blank(name) && !join_part(NULL, in, "ORGUNIT", NS_VCARD_TEMP))
		return;
	to = el_add(out, f->v4, NULL);
	el_add_text(to, "text", NULL, blank(name) ? "" : name);
	EL_EACH (unit, in, "ORGUNIT", NS_VCARD_TEMP) {
		if (n++ == VCARD_LIST_MAX)
			return;
		if (!blank(el_body(unit)))
			el_add_text(to, "text", NULL, el_body(unit));
	}
}

static void org_from_4(const struct field *f, struct el *out, const struct el *in)
{
	struct el *to = NULL;
	unsigned n = 0;

	if (!join_part(NULL, in, "text", NS_VCARD_4))
		return;
	EL_EACH (text, in, "text", NS_VCARD_4) {
		const char *s = el_body(text);

		if (n++ == VCARD_LIST_MAX)
			return;
		if (!to) {
			to = el_add(out, f->temp, NULL);
			el_add_text(to, "ORGNAME", NULL, blank(s) ? "" : s);
		} else if (!blank(s)) {
			el_add_text(to, "ORGUNIT", NULL, s);
		}
	}
}

/* --- fields with a type -------------------------------------------------------------------------
 */
/* RFC 3966: what else is in a number makes it free text (RFC 6350 6.4.1). */
static bool is_tel(struct span t)
{
	for (size_t i = 0; i < t.n; i++) {
		if (!strchr("0123456789-.()", t.s[i]) && !(i == 0 && t.s[i] == '+'))
			return false;
	}
	return t.n > 0;
}

static void tel_to_4(const struct field *f, struct el *out, const struct el *in)
{
	struct span t = trim(el_child_text(in, "NUMBER", NS_VCARD_TEMP));
	struct el *to, *uri;

	if (!t.n)
		return;
	to = el_add(out, f->v4, NULL);
	put_types_4(to, types_temp(f, in));
	if (!is_tel(t)) {
		add_span(to, "text", t);
		return;
	}
	uri = el_add(to, "uri", NULL);
	el_text(uri, "tel:");
	el_text_n(uri, t.s, t.n);
}

static void tel_from_4(const struct field *f, struct el *out, const struct el *in)
{
	const char *uri = el_child_text(in, "uri", NS_VCARD_4);
	struct span t =
	    uri ? after_scheme(trim(uri), "tel:") : trim(el_child_text(in, "text", NS_VCARD_4));
	unsigned set = types_4(f, in);
	struct el *to;

	if (!t.n)
		return;
	to = el_add(out, f->temp, NULL);
	put_types_temp(to, set);
	if (set & PREF)
		el_add(to, "PREF", NULL);
	add_span(to, "NUMBER", t);
}

static void email_to_4(const struct field *f, struct el *out, const struct el *in)
{
	struct span t = trim(el_child_text(in, "USERID", NS_VCARD_TEMP));
	struct el *to;

	if (!t.n)
		return;
	to = el_add(out, f->v4, NULL);
	put_types_4(to, types_temp(f, in));
	add_span(to, "text", t);
}

static void email_from_4(const struct field *f, struct el *out, const struct el *in)
{
	struct span t = trim(el_child_text(in, "text", NS_VCARD_4));
	unsigned set = types_4(f, in);
	struct el *to;

	if (!t.n)
		return;
	to = el_add(out, f->temp, NULL);
	put_types_temp(to, set);
	el_add(to, "INTERNET", NULL);
	if (set & PREF)
		el_add(to, "PREF", NULL);
	add_span(to, "USERID", t);
}

/* --- addresses of XMPP --------------------------------------------------------------------------
 */
static void jabberid_to_4(const struct field *f, struct el *out, const struct el *in)
{
	struct arena *a = el_arena(out);
	struct span t = trim(el_body(in));
	struct jid j;

	if (jid_parse(&j, a, arena_strndup(a, t.s, t.n)) == 0)
		xmpp_uri_put(el_add(el_add(out, f->v4, NULL), "uri", NULL), &j);
}

static void impp_from_4(const struct field *f, struct el *out, const struct el *in)
{
	struct arena *a = el_arena(out);
	struct jid j;

	if (xmpp_uri_read(&j, a, trim(el_child_text(in, "uri", NS_VCARD_4))) == 0)
		el_add_text(out, f->temp, NULL, jid_bare(&j, a).s);
}

/* --- the whole ----------------------------------------------------------------------------------
 */
#define FLAT(temp, v4, value)                                                 \
	{                                                                     \
		(temp), (v4), flat_to_4, flat_from_4, (value), NULL, 0, false \
	}
static const struct field fields[] = {
	FLAT("FN", "fn", "text"),
	{ "N", "n", parts_to_4, parts_from_4, NULL, n_parts, 0, true },
	FLAT("NICKNAME", "nickname", "text"),
	FLAT("URL", "url", "uri"),
	{ "BDAY", "bday", bday_to_4, bday_from_4, NULL, NULL, 0, true },
	{ "ORG", "org", org_to_4, org_from_4, NULL, NULL, 0, false },
	FLAT("TITLE", "title", "text"),
	FLAT("ROLE", "role", "text"),
	FLAT("DESC", "note", "text"), /* XEP-0292 9.1.1; before NOTE: what a note becomes */
	FLAT("NOTE", "note", "text"),
	{ "TEL", "tel", tel_to_4, tel_from_4, NULL, NULL, TYPES_ALL, false },
	{ "EMAIL", "email", email_to_4, email_from_4, NULL, NULL, TYPES_PLACE, false },
	{ "ADR", "adr", parts_to_4, parts_from_4, NULL, adr_parts, TYPES_PLACE, false },
	{ "JABBERID", "impp", jabberid_to_4, impp_from_4, NULL, NULL, 0, false },
};
enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const struct field *find_field(const char *name, bool temp)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (!strcmp(name, temp ? fields[i].temp : fields[i].v4))
			return &fields[i];
	}
	return NULL;
}

static void convert(struct el *out, const struct el *in, bool to_4)
{
	bool seen[N_FIELDS] = { false };

	EL_EACH (it, in, NULL, el_ns(in)) {
		const struct field *f = find_field(el_name(it), to_4);
		size_t before = el_child_count(out);

		if (before >= VCARD_FIELDS_MAX)
			return;
		if (!f || (f->once && seen[f - fields]))
			continue;
		(to_4 ? f->to_4 : f->from_4)(f, out, it);
		if (el_child_count(out) > before)
			seen[f - fields] = true;
	}
}

struct el *vcard_to_4(const struct el *vcard_temp)
{
	struct el *out;

	if (!el_is(vcard_temp, "vCard", NS_VCARD_TEMP))
		return NULL;
	out = el_new("vcard", NS_VCARD_4);
	convert(out, vcard_temp, true);
	if (el_child_count(out) > 0 && !el_child(out, "fn", NULL))
		el_add(el_add(out, "fn", NULL), "text", NULL);
	return out;
}

struct el *vcard_from_4(const struct el *vcard4)
{
	struct el *out;

	if (!el_is(vcard4, "vcard", NS_VCARD_4))
		return NULL;
	out = el_new("vCard", NS_VCARD_TEMP);
	convert(out, vcard4, false);
	return out;
}
