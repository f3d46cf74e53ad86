/* SPDX-License-Identifier: MIT */
/* What a program says about its settings: --print-config, --help, the man page's list and the
 * reference in docs/, all from the tables, so that they cannot disagree with the parser.
 * Must not show a secret: values go through conf_value_show(). */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <base/conf.h>
#include <base/sbuf.h>

#include "conf_internal.h"

/* --- --print-config --------------------------------------------------------------------------- */

static void print_item(const struct conf_item *it, FILE *out)
{
	struct sbuf value = SBUF_INIT;
	for (size_t i = 0; i < it->n; i++) {
		const struct conf_slot *s = &it->slots[i];
		sbuf_clear(&value);
		conf_value_show(s->opt, s->at, &value);
		(void)fprintf(out, "%s%s = %s  # %s\n", it->prefix, s->opt->key, sbuf_str(&value),
		    s->where ? s->where : "default");
	}
	sbuf_done(&value);
}

void conf_print(const struct conf *c, FILE *out)
{
	print_item(&c->top, out);
	for (size_t i = 0; i < c->n_groups; i++) {
		for (size_t j = 0; j < c->groups[i].n; j++)
			print_item(&c->groups[i].items[j], out);
	}
}

/* --- the facts of one row --------------------------------------------------------------------- */

struct row {
	struct sbuf env; /* "ADMINS, PROSODY_ADMINS"; "" in sections */
	struct sbuf key; /* "c2s.port", or "secret, secret_file" */
	struct sbuf def; /* "5222", "required", "none" */
	char allowed[256];
};

static void row_init(struct row *r, const struct conf_opt *o, const struct conf_section *sec)
{
	*r = (struct row){ .env = SBUF_INIT };
	char name[CONF_NAME_MAX];
	for (size_t i = 0; !sec && conf_env_name(o, i, name); i++)
		sbuf_printf(&r->env, "%s%s", i ? ", " : "", name);
	if (sec && sec->env_secret && strcmp(sec->env_secret, o->key) == 0) {
		conf_env_title(sec, "TITLE", name);
		sbuf_puts(&r->env, name);
	} else if (sec && o->env) {
		conf_env_pattern(o->env, "TITLE", name);
		sbuf_puts(&r->env, name);
	}
	sbuf_puts(&r->key, o->key);
	if (o->type == CONF_SECRET)
		sbuf_printf(&r->key, ", %s_file", o->key);

	if (o->flags & CONF_REQUIRED)
		sbuf_puts(&r->def, "required");
	else if (o->def && *o->def)
		sbuf_puts(&r->def, o->def);
	else if (o->type == CONF_BOOL)
		sbuf_puts(&r->def, "false");
	else if (o->type == CONF_CHOICE)
		sbuf_add(&r->def, o->choices, strcspn(o->choices, "|"));
	else if (o->type == CONF_INT || o->type == CONF_SIZE || o->type == CONF_TIME)
		sbuf_puts(&r->def, "0");
	else
		sbuf_puts(&r->def, "none");
	conf_allowed(o, r->allowed, sizeof r->allowed);
}

static void row_done(struct row *r)
{
	sbuf_done(&r->env);
	sbuf_done(&r->key);
	sbuf_done(&r->def);
}

static bool reloads(const struct conf_opt *o, const struct conf_section *sec)
{
	return sec || (o->flags & CONF_RELOAD); /* sections are replaced whole */
}

/* Calls fn for each table: the program's, libcomp's, each section's (with sec set). */
static void each_table(const struct conf_def *d, FILE *out,
    void (*fn)(const struct conf_opt *opts, const struct conf_section *sec, FILE *out))
{
	fn(d->opts, NULL, out);
	if (d->more)
		fn(d->more, NULL, out);
	for (const struct conf_section *s = d->sections; s && s->name; s++)
		fn(s->opts, s, out);
}

/* --- --help ----------------------------------------------------------------------------------- */

static void help_table(const struct conf_opt *opts, const struct conf_section *sec, FILE *out)
{
	if (sec)
		(void)fprintf(out, "\n  in sections %s TITLE { ... }:\n", sec->name);
	for (const struct conf_opt *o = opts; o && o->key; o++) {
		struct row r;
		row_init(&r, o, sec);
		(void)fprintf(out, "  %s%s%s\n", sbuf_str(&r.env), sbuf_len(&r.env) ? ", " : "",
		    sbuf_str(&r.key));
		(void)fprintf(out, "      %s\n      %s; default: %s%s\n", o->help, r.allowed,
		    sbuf_str(&r.def), reloads(o, sec) ? "; SIGHUP" : "");
		row_done(&r);
	}
}

void conf_print_help(const struct conf_def *d, FILE *out)
{
	(void)fprintf(out, "Settings: VARIABLE, key in files.  Files come before the environment; "
			   "VARIABLE_FILE names\n"
			   "a file with the value; SIGHUP: read anew without a restart.\n");
	each_table(d, out, help_table);
}

/* --- mdoc ------------------------------------------------------------------------------------- */

/* Text for lines of its own, each sentence on a new one, as mdoc wants it. */
static void man_text(const char *s, FILE *out)
{
	for (bool begin = true; *s; s++) {
		if (begin && (*s == '.' || *s == '\''))
			(void)fputs("\\&", out);
		begin = *s == '.' && s[1] == ' ' && s[2];
		if (*s == '\\')
			(void)fputs("\\e", out);
		else
			(void)fputc(*s, out);
		if (begin) {
			(void)fputc('\n', out);
			s += strspn(s + 1, " ");
		}
	}
}

/* A macro's argument: quoted, and not read as a macro's name itself. */
static void man_arg(const char *s, FILE *out)
{
	(void)fputs(" \"\\&", out);
	for (; *s; s++) {
		if (*s == '"')
			(void)fputs("\\(dq", out);
		else
			(void)fputs(*s == '\\' ? "\\e" : (char[]){ *s, '\0' }, out);
	}
	(void)fputc('"', out);
}

static bool ends_sentence(const char *s)
{
	return *s && s[strlen(s) - 1] == '.';
}

static void man_row(const struct conf_opt *o, const struct conf_section *sec, FILE *out)
{
	struct row r;
	row_init(&r, o, sec);
	(void)fputs(".It", out);
	if (sbuf_len(&r.env) > 0) {
		(void)fputs(" Ev", out);
		man_arg(sbuf_str(&r.env), out);
		(void)fputs(" ,", out);
	}
	(void)fputs(" Cm", out);
	man_arg(sbuf_str(&r.key), out);
	(void)fputc('\n', out);
	man_text(o->help, out);
	(void)fputs(ends_sentence(o->help) ? "\nValue: " : ".\nValue: ", out);
	man_text(r.allowed, out);
	(void)fputs(".\nDefault: ", out);
	man_text(sbuf_str(&r.def), out);
	(void)fputs(ends_sentence(sbuf_str(&r.def)) ? "\n" : ".\n", out);
	if (reloads(o, sec))
		(void)fputs("Changed by\n.Dv SIGHUP .\n", out);
	row_done(&r);
}

static void man_table(const struct conf_opt *opts, const struct conf_section *sec, FILE *out)
{
	if (!opts || !opts->key)
		return;
	if (sec) {
		(void)fputs("In sections\n.Cm", out);
		man_arg(sec->name, out);
		(void)fputs(" Ar title\nof files:\n", out);
	}
	(void)fputs(".Bl -tag -width Ds\n", out);
	for (const struct conf_opt *o = opts; o->key; o++)
		man_row(o, sec, out);
	(void)fputs(".El\n", out);
}

void conf_print_man(const struct conf_def *d, FILE *out)
{
	each_table(d, out, man_table);
}

/* --- Markdown --------------------------------------------------------------------------------- */

static void md_text(const char *s, FILE *out)
{
	for (; *s; s++) {
		if (strchr("|\\<>*_", *s))
			(void)fputc('\\', out);
		(void)fputc(*s, out);
	}
}

/* Names and values: each of a comma list in code quotes. */
static void md_code(const char *s, FILE *out)
{
	while (*s) {
		size_t n = strcspn(s, ",");
		(void)fprintf(out, "`%.*s`", (int)n, s);
		s += n;
		if (*s) {
			s += strspn(s, ", ");
			(void)fputs(", ", out);
		}
	}
}

static void md_default(const struct conf_opt *o, struct row *r, FILE *out)
{
	bool word = (o->flags & CONF_REQUIRED) || !o->def || !*o->def;
	if (word && o->type != CONF_INT && o->type != CONF_SIZE && o->type != CONF_TIME)
		md_text(sbuf_str(&r->def), out);
	else
		(void)fprintf(out, "`%s`", sbuf_str(&r->def));
}

static void md_table(const struct conf_opt *opts, const struct conf_section *sec, FILE *out)
{
	if (!opts || !opts->key)
		return;
	if (sec)
		(void)fprintf(out, "In sections `%s TITLE { ... }`:\n\n", sec->name);
	(void)fputs("| variable | key | value | default | reload | meaning |\n"
		    "| --- | --- | --- | --- | --- | --- |\n",
	    out);
	for (const struct conf_opt *o = opts; o->key; o++) {
		struct row r;
		row_init(&r, o, sec);
		(void)fputs("| ", out);
		md_code(sbuf_str(&r.env), out);
		(void)fputs(" | ", out);
		md_code(sbuf_str(&r.key), out);
		(void)fputs(" | ", out);
		md_text(r.allowed, out);
		(void)fputs(" | ", out);
		md_default(o, &r, out);
		(void)fprintf(out, " | %s | ", reloads(o, sec) ? "yes" : "restart");
		md_text(o->help, out);
		(void)fputs(" |\n", out);
		row_done(&r);
	}
	(void)fputc('\n', out);
}

void conf_print_md(const struct conf_def *d, FILE *out)
{
	each_table(d, out, md_table);
}
