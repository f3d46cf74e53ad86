/* SPDX-License-Identifier: MIT */
/* A program's settings: the struct, a slot per setting that remembers who set it, the titled
 * sections, and the order of the sources.
 *
 * A load goes: defaults, main file, conf.d, environment, what is missing.  Each source writes over
 * the one before, every value is validated even if a later source replaces it, and nothing stops
 * at a fault, so that all are listed.  A loaded configuration changes only by conf_reload().
 *
 * Owns every string and list in the program's struct.  Must not show a secret's value anywhere. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/conf.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "conf_internal.h"

#define SHOWN_MAX 200 /* bytes of a bad value that a fault shows */

/* --- faults ----------------------------------------------------------------------------------- */

void conf_fault(struct conf_load *l, const char *setting, const char *where, const char *fmt, ...)
{
	l->faults++;
	if (!l->errs)
		return;
	va_list ap;
	va_start(ap, fmt);
	char *why = xvasprintf(fmt, ap);
	va_end(ap);
	char *line = xasprintf("%s: %s%s%s", setting, where ? where : "", where ? ": " : "", why);
	for (char *p = line; *p; p++) {
		if (iscntrl((unsigned char)*p))
			*p = '?'; /* one fault, one line */
	}
	(void)fprintf(l->errs, "%s\n", line);
	free(line);
	free(why);
}

static void fault_value(struct conf_load *l, const struct conf_item *it, const struct conf_slot *s,
    const char *where, const char *value, const char *want)
{
	char name[2 * CONF_NAME_MAX];
	(void)snprintf(name, sizeof name, "%s%s", it->prefix, s->opt->key);
	if (s->opt->type == CONF_SECRET)
		conf_fault(l, name, where, "the value is not %s", want);
	else
		conf_fault(l, name, where, "\"%.*s%s\" is not %s", SHOWN_MAX, value,
		    strlen(value) > SHOWN_MAX ? "..." : "", want);
}

/* --- structs of settings ---------------------------------------------------------------------- */

static size_t opts_count(const struct conf_opt *o)
{
	size_t n = 0;
	while (o && o[n].key)
		n++;
	return n;
}

static void set_default(const struct conf_slot *s, const char *def)
{
	char want[256];
	const char *bad;
	char *copy = xstrdup(def);
	struct conf_list v = { &copy, 1 };
	if (s->opt->type == CONF_LIST)
		conf_list_split(&v, def);
	int rc = conf_value_set(s->opt, s->at, &v, false, want, sizeof want, &bad);
	assert(rc == 0); /* a default that its own table does not allow */
	if (s->opt->type == CONF_LIST)
		conf_list_done(&v, false);
	free(copy);
}

/* libconfuse complains of a key that is declared twice, on standard error, and goes on. */
static bool keys_differ(const struct conf_item *it)
{
	for (size_t i = 0; i < it->n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(it->slots[i].opt->key, it->slots[j].opt->key) == 0)
				return false;
		}
	}
	return true;
}

static void slot_init(struct conf_slot *s, const struct conf_opt *o, void *base)
{
	const char *def = o->def;
	if (!def && (o->type == CONF_STR || o->type == CONF_SECRET))
		def = "";
	*s = (struct conf_slot){ .opt = o, .at = (char *)base + o->off };
	if (def) /* else zeroed memory: 0, false, first choice, empty list */
		set_default(s, def);
}

static void item_init(struct conf_item *it, char *prefix, size_t size, const struct conf_opt *opts,
    const struct conf_opt *more, size_t more_off)
{
	size_t n = opts_count(opts), m = opts_count(more);
	it->prefix = prefix;
	it->data = xzalloc(size);
	it->n = n + m;
	it->slots = xreallocarray(NULL, it->n + 1, sizeof *it->slots);
	for (size_t i = 0; i < n; i++)
		slot_init(&it->slots[i], &opts[i], it->data);
	for (size_t i = 0; i < m; i++)
		slot_init(&it->slots[n + i], &more[i], (char *)it->data + more_off);
	assert(keys_differ(it));
}

static void item_done(struct conf_item *it)
{
	for (size_t i = 0; i < it->n; i++) {
		conf_value_done(it->slots[i].opt, it->slots[i].at);
		free(it->slots[i].where);
	}
	free(it->slots);
	free(it->prefix);
	free(it->data);
}

static struct conf *conf_new(const struct conf_def *def)
{
	struct conf *c = xzalloc(sizeof *c);
	c->def = *def;
	item_init(&c->top, xstrdup(""), def->size, def->opts, def->more, def->more_off);
	while (def->sections && def->sections[c->n_groups].name)
		c->n_groups++;
	c->groups = xzalloc((c->n_groups + 1) * sizeof *c->groups);
	for (size_t i = 0; i < c->n_groups; i++)
		c->groups[i].sec = &def->sections[i];
	return c;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	item_done(&c->top);
	for (size_t i = 0; i < c->n_groups; i++) {
		struct conf_group *g = &c->groups[i];
		for (size_t j = 0; j < g->n; j++) {
			free(*(char **)g->items[j].data); /* title */
			item_done(&g->items[j]);
		}
		free(g->items);
		free(g->published);
	}
	free(c->groups);
	free(c);
}

void *conf_data(struct conf *c)
{
	return c->top.data;
}

/* The arrays of sections in the program's struct. */
static void publish(struct conf *c)
{
	for (size_t i = 0; i < c->n_groups; i++) {
		struct conf_group *g = &c->groups[i];
		g->published = xreallocarray(g->published, g->n + 1, sizeof *g->published);
		for (size_t j = 0; j < g->n; j++)
			g->published[j] = g->items[j].data;
		g->published[g->n] = NULL;
		char *at = (char *)c->top.data + g->sec->off_items;
		memcpy(at, &g->published, sizeof g->published);
	}
}

/* --- what the sources call -------------------------------------------------------------------- */

struct conf_slot *conf_slot_find(const struct conf_item *it, const char *key)
{
	for (size_t i = 0; i < it->n; i++) {
		if (strcmp(it->slots[i].opt->key, key) == 0)
			return &it->slots[i];
	}
	return NULL;
}

void conf_slot_set(struct conf_load *l, const struct conf_item *it, struct conf_slot *s,
    const struct conf_list *v, const char *where)
{
	char want[256];
	const char *bad = "";
	if (conf_value_set(s->opt, s->at, v, true, want, sizeof want, &bad) < 0) {
		fault_value(l, it, s, where, bad, want);
		s->bad = true;
		return;
	}
	s->bad = false;
	free(s->where);
	s->where = xstrdup(where);
}

/* The slot of "password_file" is that of the secret "password". */
static struct conf_slot *slot_of_file(const struct conf_item *it, const char *key)
{
	size_t n = strlen(key);
	if (n <= 5 || strcmp(key + n - 5, "_file") != 0)
		return NULL;
	char *bare = xstrndup(key, n - 5);
	struct conf_slot *s = conf_slot_find(it, bare);
	free(bare);
	return s && s->opt->type == CONF_SECRET ? s : NULL;
}

static void put_secret_file(struct conf_load *l, const struct conf_item *it, struct conf_slot *s,
    const char *path, const char *where)
{
	const char *err;
	char *text = conf_text_value(path, &err);
	if (!text) {
		char name[2 * CONF_NAME_MAX];
		(void)snprintf(name, sizeof name, "%s%s_file", it->prefix, s->opt->key);
		conf_fault(l, name, where, "%s cannot be read: %s", path, err);
		s->bad = true;
		return;
	}
	struct conf_list v = { &text, 1 };
	conf_slot_set(l, it, s, &v, where);
	mem_wipe(text, strlen(text));
	free(text);
}

void conf_put(struct conf_load *l, const struct conf_item *it, const char *key,
    const struct conf_list *v, const char *where)
{
	struct conf_slot *s = conf_slot_find(it, key);
	bool by_file = !s;
	if (!s)
		s = slot_of_file(it, key);
	/* The file's reader has said that it is unknown; "c2s.port" outside of a section, too,
	 * which is read as a list because nobody knows better. */
	if (!s || (v->n != 1 && (by_file || s->opt->type != CONF_LIST)))
		return;

	/* A later file may replace a secret by a file's name or the other way round. */
	if (s->source == l->source && s->by_file != by_file) {
		char name[2 * CONF_NAME_MAX];
		(void)snprintf(name, sizeof name, "%s%s", it->prefix, s->opt->key);
		conf_fault(l, name, where, "%s and %s_file are both set, one of them is allowed",
		    s->opt->key, s->opt->key);
		s->bad = true;
		return;
	}
	s->source = l->source;
	s->by_file = by_file;
	if (by_file)
		put_secret_file(l, it, s, v->v[0], where);
	else
		conf_slot_set(l, it, s, v, where);
}

/* --- titled sections -------------------------------------------------------------------------- */

static const char *item_title(const struct conf_item *it)
{
	return *(char *const *)it->data;
}

/* NULL, or what is wrong with a new title. */
static const char *title_fault(const struct conf_group *g, const char *title)
{
	size_t n = strlen(title);
	if (n == 0 || n > CONF_TITLE_MAX)
		return "a title has 1 to 63 characters";
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)title[i]) && !strchr("-_.", title[i]))
			return "a title consists of letters, digits, '-', '_' and '.'";
	}
	if (g->n >= CONF_ITEMS_MAX)
		return "there are too many sections of this kind";
	if (!g->sec->env_secret)
		return NULL;

	char mine[CONF_NAME_MAX], other[CONF_NAME_MAX];
	conf_env_title(g->sec, title, mine);
	if (strcmp(mine + strlen(mine) - 5, "_FILE") == 0)
		return "a title must not end in \"file\": the variable of its secret would name "
		       "a file";
	for (size_t i = 0; i < g->n; i++) {
		conf_env_title(g->sec, item_title(&g->items[i]), other);
		if (strcmp(mine, other) == 0)
			return "another section has the same variable for its secret";
	}
	return NULL;
}

struct conf_item *conf_item_get(
    struct conf_load *l, const char *section, const char *title, const char *where)
{
	struct conf_group *g = l->c->groups;
	while (strcmp(g->sec->name, section) != 0)
		g++; /* libconfuse lets through what the table has */
	for (size_t i = 0; i < g->n; i++) {
		if (strcmp(item_title(&g->items[i]), title) == 0)
			return &g->items[i];
	}
	const char *wrong = title_fault(g, title);
	if (wrong) {
		char name[2 * CONF_NAME_MAX];
		(void)snprintf(name, sizeof name, "%s %s", section, title);
		conf_fault(l, name, where, "%s", wrong);
		return NULL;
	}
	g->items = xreallocarray(g->items, g->n + 1, sizeof *g->items);
	struct conf_item *it = &g->items[g->n++];
	char *prefix = xasprintf("%s.%s.", section, title);
	item_init(it, prefix, g->sec->size, g->sec->opts, NULL, 0);
	char *copy = xstrdup(title);
	memcpy(it->data, &copy, sizeof copy);
	for (const struct conf_preset *p = g->sec->presets; p && p->title; p++) {
		if (strcmp(p->title, title) == 0)
			set_default(conf_slot_find(it, p->key), p->value);
	}
	return it;
}

/* --- loading ---------------------------------------------------------------------------------- */

static void find_missing(struct conf_load *l, const struct conf_item *it)
{
	for (size_t i = 0; i < it->n; i++) {
		const struct conf_slot *s = &it->slots[i];
		if (!(s->opt->flags & CONF_REQUIRED) || s->bad)
			continue;
		if (s->where && !conf_value_empty(s->opt, s->at))
			continue;
		char name[2 * CONF_NAME_MAX], env[CONF_NAME_MAX], want[256];
		(void)snprintf(name, sizeof name, "%s%s", it->prefix, s->opt->key);
		conf_allowed(s->opt, want, sizeof want);
		if (it != &l->c->top)
			conf_fault(l, name, s->where, "it is required: %s", want);
		else if (conf_env_name(s->opt, 0, env))
			conf_fault(l, name, s->where,
			    "it is required: %s, as %s or %s_FILE in the environment or in a file",
			    want, env, env);
	}
}

static void warn(struct conf_load *l)
{
	if (sbuf_len(&l->plain) > 0)
		log_warn(NULL,
		    "secrets stand in plain in the environment (%s), "
		    "NAME_FILE variables would keep them out of it",
		    sbuf_str(&l->plain));
	if (sbuf_len(&l->unused) > 0)
		log_warn(
		    NULL, "variables name no section and are not used: %s", sbuf_str(&l->unused));
	sbuf_done(&l->plain);
	sbuf_done(&l->unused);
}

size_t conf_read(struct conf **out, const struct conf_def *def, const char *file, const char *dir,
    char *const *environ_, FILE *errs)
{
	struct conf_load l = { .c = conf_new(def), .env = environ_, .errs = errs };
	if (file)
		conf_file_read(&l, file);
	if (dir)
		conf_dir_read(&l, dir);
	if (environ_)
		conf_env_read(&l);
	if (!l.broken) {
		find_missing(&l, &l.c->top);
		for (size_t i = 0; i < l.c->n_groups; i++) {
			for (size_t j = 0; j < l.c->groups[i].n; j++)
				find_missing(&l, &l.c->groups[i].items[j]);
		}
	}
	publish(l.c);
	warn(&l);
	*out = l.c;
	return l.faults;
}

int conf_load(struct conf **out, const struct conf_def *def, const char *file, const char *dir,
    char *const *environ_, FILE *errs)
{
	struct conf *c;
	char err[512] = "";
	size_t faults = conf_read(&c, def, file, dir, environ_, errs);
	if (faults == 0 && def->check && def->check(conf_data(c), err, sizeof err) < 0) {
		if (errs)
			(void)fprintf(errs, "%s\n", err);
		faults++;
	}
	if (faults > 0) {
		conf_free(c);
		return -EINVAL;
	}
	*out = c;
	return 0;
}

/* --- reload ----------------------------------------------------------------------------------- */

static void note_restart(const struct conf_slot *old, const struct conf_slot *new, FILE *notes)
{
	const struct conf_opt *o = old->opt;
	if (o->type == CONF_SECRET) {
		(void)fprintf(notes, "%s: the change needs a restart\n", o->key);
		return;
	}
	struct sbuf a = SBUF_INIT, b = SBUF_INIT;
	conf_value_show(o, old->at, &a);
	conf_value_show(o, new->at, &b);
	(void)fprintf(notes, "%s: the change from %s to %s needs a restart\n", o->key, sbuf_str(&a),
	    sbuf_str(&b));
	sbuf_done(&a);
	sbuf_done(&b);
}

void conf_reload(struct conf *to, struct conf *from, FILE *notes)
{
	assert(to->top.n == from->top.n && to->n_groups == from->n_groups);
	for (size_t i = 0; i < to->top.n; i++) {
		struct conf_slot *a = &to->top.slots[i], *b = &from->top.slots[i];
		bool same = conf_value_same(a->opt, a->at, b->at);
		if (!same && !(a->opt->flags & CONF_RELOAD)) {
			note_restart(a, b, notes);
			continue;
		}
		if (!same)
			conf_value_move(a->opt, a->at, b->at);
		char *where = a->where;
		a->where = b->where;
		b->where = where;
	}
	struct conf_group *groups = to->groups;
	to->groups = from->groups;
	from->groups = groups;
	publish(to);
	conf_free(from);
}
