/* SPDX-License-Identifier: MIT */
/* Settings from the environment.
 *
 * A setting has a list of names (the derived one, or those of its table row), each of which may
 * have the program's name before it, which wins, and _FILE behind it, which names a file with the
 * value.  An empty variable counts as not set: that is what compose makes of ${NAME:-}.
 * Variables that belong to no setting are none of our business. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/conf.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "conf_internal.h"

/* --- names ------------------------------------------------------------------------------------ */

static void to_env(char *buf, size_t room, const char *key)
{
	size_t i = 0;
	for (; key[i] && i + 1 < room; i++)
		buf[i] =
		    isalnum((unsigned char)key[i]) ? (char)toupper((unsigned char)key[i]) : '_';
	buf[i] = '\0';
}

bool conf_env_name(const struct conf_opt *o, size_t i, char buf[static CONF_NAME_MAX])
{
	if (!o->env) {
		to_env(buf, CONF_NAME_MAX, o->key);
		return i == 0;
	}
	const char *p = o->env;
	for (; i > 0; i--) {
		p = strchr(p, '|');
		if (!p)
			return false;
		p++;
	}
	(void)snprintf(buf, CONF_NAME_MAX, "%.*s", (int)strcspn(p, "|"), p);
	return true;
}

void conf_env_title(const struct conf_section *s, const char *title, char buf[static CONF_NAME_MAX])
{
	char *name = xasprintf("%s_secret_%s", s->name, title);
	to_env(buf, CONF_NAME_MAX, name);
	free(name);
}

void conf_env_pattern(const char *pattern, const char *title, char buf[static CONF_NAME_MAX])
{
	size_t before = strcspn(pattern, "*");
	char *name = xasprintf("%.*s%s", (int)before, pattern, title);
	to_env(buf, CONF_NAME_MAX, name);
	free(name);
}

/* --- values ----------------------------------------------------------------------------------- */

struct found {
	char *text; /* NULL: nothing */
	char *where;
	bool plain; /* not from a file */
};

static void found_done(struct found *f)
{
	if (f->text)
		mem_wipe(f->text, strlen(f->text));
	free(f->text);
	free(f->where);
	*f = (struct found){ NULL, NULL, false };
}

static const char *env_get(const struct conf_load *l, const char *name)
{
	size_t n = strlen(name);
	for (char *const *e = l->env; *e; e++) {
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return (*e)[n + 1] ? *e + n + 1 : NULL;
	}
	return NULL;
}

/* NAME or NAME_FILE.  0: what was found, if anything; -1: a fault, reported. */
static int find_one(struct conf_load *l, const char *setting, const char *name, struct found *f)
{
	char *name_file = xasprintf("%s_FILE", name);
	const char *plain = env_get(l, name), *path = env_get(l, name_file), *err;
	int rc = 0;
	if (plain && path) {
		conf_fault(l, setting, name, "%s and %s are both set, one of them is allowed", name,
		    name_file);
		rc = -1;
	} else if (plain) {
		*f = (struct found){ xstrdup(plain), xstrdup(name), true };
	} else if (path) {
		f->text = conf_text_value(path, &err);
		if (f->text) {
			f->where = xasprintf("%s (%s)", name_file, path);
		} else {
			conf_fault(l, setting, name_file, "%s cannot be read: %s", path, err);
			rc = -1;
		}
	}
	free(name_file);
	return rc;
}

/* The next of a setting's names. */
static int find_alias(struct conf_load *l, const char *setting, const char *name, struct found *f)
{
	struct found other = { NULL, NULL, false };
	int rc = find_one(l, setting, name, &other);
	if (rc < 0 || !other.text)
		return rc;
	if (!f->text) {
		*f = other;
		return 0;
	}
	if (strcmp(f->text, other.text) != 0) {
		conf_fault(l, setting, other.where, "%s has another value, one of them is allowed",
		    f->where);
		rc = -1;
	}
	f->plain = f->plain || other.plain;
	found_done(&other);
	return rc;
}

static void set_text(
    struct conf_load *l, const struct conf_item *it, struct conf_slot *s, struct found *f)
{
	struct conf_list v = { &f->text, 1 };
	if (s->opt->type == CONF_LIST)
		conf_list_split(&v, f->text);
	conf_slot_set(l, it, s, &v, f->where);
	if (s->opt->type == CONF_LIST)
		conf_list_done(&v, false);
	if (s->opt->type == CONF_SECRET && f->plain)
		sbuf_printf(&l->plain, "%s%s", sbuf_len(&l->plain) ? ", " : "", f->where);
}

/* All names of a setting, or `only` this one: first with the program's name before them. */
static void set_slot(
    struct conf_load *l, const struct conf_item *it, struct conf_slot *s, const char *only)
{
	char program[CONF_NAME_MAX], name[CONF_NAME_MAX], setting[2 * CONF_NAME_MAX];
	to_env(program, sizeof program, l->c->def.program);
	(void)snprintf(setting, sizeof setting, "%s%s", it->prefix, s->opt->key);
	for (int own = 1; own >= 0; own--) {
		struct found f = { NULL, NULL, false };
		int rc = 0;
		for (size_t i = 0; only ? i < 1 : conf_env_name(s->opt, i, name); i++) {
			if (f.text && (s->opt->flags & CONF_IN_TURN))
				break;
			char *full = xasprintf(
			    "%s%s%s", own ? program : "", own ? "_" : "", only ? only : name);
			if (find_alias(l, setting, full, &f) < 0)
				rc = -1;
			free(full);
		}
		bool set = rc < 0 || f.text;
		if (rc < 0)
			s->bad = true;
		else if (f.text)
			set_text(l, it, s, &f);
		found_done(&f);
		if (set)
			return;
	}
}

/* --- sections --------------------------------------------------------------------------------- */

static bool is_set(const struct conf_load *l, const char *name)
{
	char program[CONF_NAME_MAX];
	to_env(program, sizeof program, l->c->def.program);
	char *names[] = { xstrdup(name), xasprintf("%s_FILE", name),
		xasprintf("%s_%s", program, name), xasprintf("%s_%s_FILE", program, name) };
	bool set = false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		set = set || env_get(l, names[i]);
		free(names[i]);
	}
	return set;
}

/* COMPONENT_SECRET_MUCC is a mistake that would otherwise go unnoticed. */
static void note_unused(struct conf_load *l, const struct conf_group *g)
{
	char prefix[CONF_NAME_MAX], used[CONF_NAME_MAX];
	conf_env_title(g->sec, "", prefix);
	size_t n = strlen(prefix);
	for (char *const *e = l->env; *e; e++) {
		size_t len = strcspn(*e, "=");
		if (strncmp(*e, prefix, n) != 0 || len <= n || (*e)[len] == '\0')
			continue;
		char *name = xstrndup(*e, len);
		if (len > 5 && strcmp(name + len - 5, "_FILE") == 0)
			name[len - 5] = '\0';
		bool known = strlen(name) < n; /* COMPONENT_SECRET_FILE is no section's */
		for (size_t i = 0; i < g->n && !known; i++) {
			conf_env_title(g->sec, *(char **)g->items[i].data, used);
			known = strcmp(name, used) == 0;
		}
		if (!known)
			sbuf_printf(
			    &l->unused, "%s%.*s", sbuf_len(&l->unused) ? ", " : "", (int)len, *e);
		free(name);
	}
}

/* DOMAIN_* of a section's row: DOMAIN_MUC for the section called muc. */
static void read_patterns(struct conf_load *l, const struct conf_item *it)
{
	char name[CONF_NAME_MAX];
	for (size_t i = 0; i < it->n; i++) {
		if (!it->slots[i].opt->env)
			continue;
		conf_env_pattern(it->slots[i].opt->env, *(char **)it->data, name);
		set_slot(l, it, &it->slots[i], name);
	}
}

static void read_group(struct conf_load *l, struct conf_group *g)
{
	const struct conf_section *sec = g->sec;
	char name[CONF_NAME_MAX];
	for (size_t i = 0; sec->builtin && sec->builtin[i]; i++) {
		conf_env_title(sec, sec->builtin[i], name);
		if (is_set(l, name))
			(void)conf_item_get(l, sec->name, sec->builtin[i], name);
	}
	for (size_t i = 0; i < g->n; i++) {
		struct conf_slot *s = conf_slot_find(&g->items[i], sec->env_secret);
		conf_env_title(sec, *(char **)g->items[i].data, name);
		set_slot(l, &g->items[i], s, name);
		read_patterns(l, &g->items[i]);
	}
	note_unused(l, g);
}

void conf_env_read(struct conf_load *l)
{
	for (size_t i = 0; i < l->c->top.n; i++)
		set_slot(l, &l->c->top, &l->c->top.slots[i], NULL);
	for (size_t i = 0; i < l->c->n_groups; i++) {
		if (l->c->groups[i].sec->env_secret)
			read_group(l, &l->c->groups[i]);
	}
}
