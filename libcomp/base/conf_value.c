/* SPDX-License-Identifier: MIT */
/* One value of a setting: text to typed value and back, and what its option allows.
 *
 * Owns the memory behind a value (char *, struct conf_list) in the program's struct.  A value is
 * parsed whole before the old one is released, so a malformed one changes nothing.
 * Must not know files, the environment, or where a value came from. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <base/conf.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "conf_internal.h"

union value {
	char *str;
	bool flag;
	int64_t num;
	int choice;
	struct conf_list list;
};

struct unit {
	char c;
	int64_t mult;
};
static const struct unit size_units[] = { { 'k', 1 << 10 }, { 'm', 1 << 20 }, { 'g', 1 << 30 },
	{ 0 } };
static const struct unit time_units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	{ 'w', INT64_C(7) * 86400 }, { 0 } };
static const struct unit no_units[] = { { 0 } };

static const struct unit *units_of(const struct conf_opt *o)
{
	if (o->type == CONF_SIZE)
		return size_units;
	return o->type == CONF_TIME ? time_units : no_units;
}

/* --- what is allowed -------------------------------------------------------------------------- */

static void add_range(const struct conf_opt *o, struct sbuf *b)
{
	if (o->min == 0 && o->max == 0)
		sbuf_puts(b, ", 0 or more");
	else if (o->max == INT64_MAX)
		sbuf_printf(b, ", %" PRId64 " or more", o->min);
	else
		sbuf_printf(b, " from %" PRId64 " to %" PRId64, o->min, o->max);
}

static void add_choices(const struct conf_opt *o, struct sbuf *b)
{
	const char *before = "one of ";
	for (const char *p = o->choices; *p;) {
		size_t n = strcspn(p, "|");
		sbuf_puts(b, before);
		sbuf_add(b, p, n);
		before = ", ";
		p += n + (p[n] == '|');
	}
}

void conf_allowed(const struct conf_opt *o, char *buf, size_t len)
{
	struct sbuf b = SBUF_INIT;
	switch (o->type) {
	case CONF_STR:
	case CONF_SECRET:
		sbuf_puts(&b, "text");
		break;
	case CONF_BOOL:
		sbuf_puts(&b, "true or false");
		break;
	case CONF_INT:
		sbuf_puts(&b, "a number");
		add_range(o, &b);
		break;
	case CONF_SIZE:
		sbuf_puts(&b, "a size in bytes (64k, 2M, 1G)");
		add_range(o, &b);
		break;
	case CONF_TIME:
		sbuf_puts(&b, "a time in seconds (90, 10m, 7d)");
		add_range(o, &b);
		break;
	case CONF_CHOICE:
		add_choices(o, &b);
		break;
	case CONF_LIST:
		sbuf_puts(&b, "a list");
		break;
	}
	(void)snprintf(buf, len, "%s", sbuf_str(&b));
	sbuf_done(&b);
}

/* --- text to value ---------------------------------------------------------------------------- */

static int parse_bool(const char *s, bool *out)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcasecmp(s, words[i]) == 0) {
			*out = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_num(const struct conf_opt *o, const char *s, int64_t *out)
{
	if (!isdigit((unsigned char)s[*s == '-']))
		return -EINVAL; /* strtoll would take white space and '+' */
	errno = 0;
	char *end;
	long long n = strtoll(s, &end, 10);
	if (errno != 0)
		return -EINVAL;
	int64_t mult = 1;
	if (*end) {
		const struct unit *u = units_of(o);
		while (u->c && u->c != tolower((unsigned char)*end))
			u++;
		if (!u->c || end[1])
			return -EINVAL;
		mult = u->mult;
	}
	int64_t v;
	if (__builtin_mul_overflow((int64_t)n, mult, &v))
		return -EINVAL;
	bool bounded = o->min != 0 || o->max != 0;
	if (bounded ? v < o->min || v > o->max : v < 0)
		return -EINVAL;
	*out = v;
	return 0;
}

static int parse_choice(const struct conf_opt *o, const char *s, int *out)
{
	size_t len = strlen(s);
	int i = 0;
	for (const char *p = o->choices; *p; i++) {
		size_t n = strcspn(p, "|");
		if (n == len && strncasecmp(p, s, n) == 0) {
			*out = i;
			return 0;
		}
		p += n + (p[n] == '|');
	}
	return -EINVAL;
}

static int parse_scalar(const struct conf_opt *o, const char *s, union value *v)
{
	switch (o->type) {
	case CONF_STR:
	case CONF_SECRET:
		v->str = xstrdup(s);
		return 0;
	case CONF_BOOL:
		return parse_bool(s, &v->flag);
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
		return parse_num(o, s, &v->num);
	case CONF_CHOICE:
		return parse_choice(o, s, &v->choice);
	case CONF_LIST:
		break;
	}
	return -EINVAL;
}

static int check_one(const struct conf_opt *o, const char *s, char *want, size_t want_len)
{
	/* Text that may be left out may also be set to nothing, which says the same. */
	bool text = o->type == CONF_STR || o->type == CONF_SECRET;
	if (!o->check || (text && *s == '\0' && (!o->def || *o->def == '\0')))
		return 0;
	return o->check(s, want, want_len) < 0 ? -EINVAL : 0;
}

static int set_list(const struct conf_opt *o, struct conf_list *at, const struct conf_list *v,
    bool checked, char *want, size_t want_len, const char **bad)
{
	for (size_t i = 0; checked && i < v->n; i++) {
		*bad = v->v[i];
		if (check_one(o, v->v[i], want, want_len) < 0)
			return -EINVAL;
	}
	struct conf_list copy = { NULL, v->n };
	if (v->n > 0)
		copy.v = xreallocarray(NULL, v->n, sizeof *copy.v);
	for (size_t i = 0; i < v->n; i++)
		copy.v[i] = xstrdup(v->v[i]);
	conf_list_done(at, false);
	*at = copy;
	return 0;
}

/* The choice of the type's member: every other function goes through these two. */
static void store(const struct conf_opt *o, void *at, const union value *v)
{
	switch (o->type) {
	case CONF_STR:
	case CONF_SECRET:
		*(char **)at = v->str;
		break;
	case CONF_BOOL:
		*(bool *)at = v->flag;
		break;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
		*(int64_t *)at = v->num;
		break;
	case CONF_CHOICE:
		*(int *)at = v->choice;
		break;
	case CONF_LIST:
		*(struct conf_list *)at = v->list;
		break;
	}
}

static union value load(const struct conf_opt *o, const void *at)
{
	union value v = { .list = { NULL, 0 } };
	switch (o->type) {
	case CONF_STR:
	case CONF_SECRET:
		v.str = *(char *const *)at;
		break;
	case CONF_BOOL:
		v.flag = *(const bool *)at;
		break;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
		v.num = *(const int64_t *)at;
		break;
	case CONF_CHOICE:
		v.choice = *(const int *)at;
		break;
	case CONF_LIST:
		v.list = *(const struct conf_list *)at;
		break;
	}
	return v;
}

int conf_value_set(const struct conf_opt *o, void *at, const struct conf_list *v, bool checked,
    char *want, size_t want_len, const char **bad)
{
	conf_allowed(o, want, want_len);
	if (o->type == CONF_LIST)
		return set_list(o, at, v, checked, want, want_len, bad);

	assert(v->n == 1);
	*bad = v->v[0];
	if (checked && check_one(o, v->v[0], want, want_len) < 0)
		return -EINVAL;
	union value new;
	int rc = parse_scalar(o, v->v[0], &new);
	if (rc < 0)
		return rc;
	conf_value_done(o, at);
	store(o, at, &new);
	return 0;
}

/* --- the rest of a value's life --------------------------------------------------------------- */

void conf_value_done(const struct conf_opt *o, void *at)
{
	union value v = load(o, at);
	if (o->type == CONF_LIST) {
		conf_list_done(&v.list, false);
	} else if (o->type == CONF_STR || o->type == CONF_SECRET) {
		if (v.str && o->type == CONF_SECRET)
			mem_wipe(v.str, strlen(v.str));
		free(v.str);
	}
	store(o, at, &(union value){ .list = { NULL, 0 } });
}

void conf_value_move(const struct conf_opt *o, void *to, void *from)
{
	conf_value_done(o, to);
	union value v = load(o, from);
	store(o, to, &v);
	store(o, from, &(union value){ .list = { NULL, 0 } });
}

bool conf_value_same(const struct conf_opt *o, const void *a, const void *b)
{
	union value x = load(o, a), y = load(o, b);
	switch (o->type) {
	case CONF_STR:
	case CONF_SECRET:
		return strcmp(x.str, y.str) == 0;
	case CONF_BOOL:
		return x.flag == y.flag;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
		return x.num == y.num;
	case CONF_CHOICE:
		return x.choice == y.choice;
	case CONF_LIST:
		break;
	}
	if (x.list.n != y.list.n)
		return false;
	for (size_t i = 0; i < x.list.n; i++) {
		if (strcmp(x.list.v[i], y.list.v[i]) != 0)
			return false;
	}
	return true;
}

bool conf_value_empty(const struct conf_opt *o, const void *at)
{
	union value v = load(o, at);
	if (o->type == CONF_STR || o->type == CONF_SECRET)
		return *v.str == '\0';
	return o->type == CONF_LIST && v.list.n == 0;
}

/* As it would be written in a file. */
static void show_text(const char *s, struct sbuf *out)
{
	sbuf_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			sbuf_putc(out, '\\');
		if (*s == '\n')
			sbuf_puts(out, "\\n");
		else if (iscntrl((unsigned char)*s))
			sbuf_putc(out, '?');
		else
			sbuf_putc(out, *s);
	}
	sbuf_putc(out, '"');
}

static void show_choice(const char *choices, int i, struct sbuf *out)
{
	for (; i > 0; i--)
		choices += strcspn(choices, "|") + 1;
	sbuf_add(out, choices, strcspn(choices, "|"));
}

void conf_value_show(const struct conf_opt *o, const void *at, struct sbuf *out)
{
	union value v = load(o, at);
	switch (o->type) {
	case CONF_STR:
		show_text(v.str, out);
		break;
	case CONF_SECRET:
		sbuf_puts(out, *v.str ? "(set)" : "(not set)");
		break;
	case CONF_BOOL:
		sbuf_puts(out, v.flag ? "true" : "false");
		break;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
		sbuf_printf(out, "%" PRId64, v.num);
		break;
	case CONF_CHOICE:
		show_choice(o->choices, v.choice, out);
		break;
	case CONF_LIST:
		sbuf_puts(out, "{");
		for (size_t i = 0; i < v.list.n; i++) {
			sbuf_puts(out, i ? ", " : "");
			show_text(v.list.v[i], out);
		}
		sbuf_puts(out, "}");
		break;
	}
}

void conf_list_split(struct conf_list *out, const char *text)
{
	static const char blank[] = " \t\r\n";
	*out = (struct conf_list){ NULL, 0 };
	for (const char *p = text;; p++) {
		p += strspn(p, blank);
		size_t n = strcspn(p, ","), len = n;
		while (len > 0 && strchr(blank, p[len - 1]))
			len--;
		if (len > 0) {
			out->v = xreallocarray(out->v, out->n + 1, sizeof *out->v);
			out->v[out->n++] = xstrndup(p, len);
		}
		p += n;
		if (!*p)
			return;
	}
}

void conf_list_done(struct conf_list *l, bool wipe)
{
	for (size_t i = 0; i < l->n; i++) {
		if (wipe)
			mem_wipe(l->v[i], strlen(l->v[i]));
		free(l->v[i]);
	}
	free(l->v);
	*l = (struct conf_list){ NULL, 0 };
}

bool conf_list_has(const struct conf_list *l, const char *s, size_t n)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strlen(l->v[i]) == n && memcmp(l->v[i], s, n) == 0)
			return true;
	}
	return false;
}
