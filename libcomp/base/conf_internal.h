/* SPDX-License-Identifier: MIT */
/* What the conf*.c files (and daemon.c, for --health) share and nobody else includes.
 *
 *   conf.c        order of the sources, slots and sections, reload
 *   conf_value.c  one value: text to typed and back, what is allowed
 *   conf_file.c   files: libconfuse, conf.d, texts of secret files
 *   conf_env.c    environment: names, aliases, NAME_FILE
 *   conf_print.c  --print-config and the references */
#ifndef BASE_CONF_INTERNAL_H
#define BASE_CONF_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <base/conf.h>
#include <base/sbuf.h>

enum {
	CONF_FILE_MAX = 256 * 1024,  /* bytes of one settings file */
	CONF_SECRET_MAX = 64 * 1024, /* bytes of a file that NAME_FILE or key_file names */
	CONF_DIR_MAX = 256,          /* files in conf.d */
	CONF_ITEMS_MAX = 256,        /* titled sections of one kind */
	CONF_TITLE_MAX = 63,
	CONF_NAME_MAX = 128, /* a setting's or variable's name, NUL included */
};

/* One setting of one struct: where its value stands and who set it. */
struct conf_slot {
	const struct conf_opt *opt;
	void *at;
	char *where;     /* "file:line" or variable; NULL: the default */
	bool bad;        /* a malformed value was reported: not reported as missing, too */
	bool by_file;    /* set by key_file rather than by key */
	unsigned source; /* number of the file that set it last; 0: none */
};

/* A struct of settings: the program's own (no prefix) or a titled section. */
struct conf_item {
	char *prefix; /* "" or "component.muc." */
	void *data;
	struct conf_slot *slots;
	size_t n;
};

/* All sections of one kind. */
struct conf_group {
	const struct conf_section *sec;
	struct conf_item *items;
	size_t n;
	void **published; /* what the program's struct points at */
};

struct conf {
	struct conf_def def;
	struct conf_item top;
	struct conf_group *groups;
	size_t n_groups;
};

/* State of one conf_load(). */
struct conf_load {
	struct conf *c;
	char *const *env;
	FILE *errs;         /* NULL: nobody wants to know */
	size_t faults;      /* lines written (or not) to errs */
	bool broken;        /* a file was not read to its end: nothing is called missing */
	unsigned source;    /* number of the file being read */
	struct sbuf plain;  /* variables that hold a secret in plain: ", " separated */
	struct sbuf unused; /* secrets of sections that do not exist */
};

/* One line of errs.  where may be NULL.  Control characters are replaced. */
void conf_fault(struct conf_load *l, const char *setting, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* As conf_load(), but *out is there after errors, too: with the values that were good. */
size_t conf_read(struct conf **out, const struct conf_def *def, const char *file, const char *dir,
    char *const *environ_, FILE *errs);

struct conf_slot *conf_slot_find(const struct conf_item *it, const char *key); /* or NULL */
/* Validates and stores one value; a fault is reported.  v is a list for CONF_LIST, else v[0]. */
void conf_slot_set(struct conf_load *l, const struct conf_item *it, struct conf_slot *s,
    const struct conf_list *v, const char *where);
/* A key as it stands in a file; "K_file" of a secret K is understood.  Unknown ones are ignored. */
void conf_put(struct conf_load *l, const struct conf_item *it, const char *key,
    const struct conf_list *v, const char *where);
/* The section with this title, created when it is new; NULL after a fault. */
struct conf_item *conf_item_get(
    struct conf_load *l, const char *section, const char *title, const char *where);

/* --- conf_value.c ----------------------------------------------------------------------------- */
/* 0, or -EINVAL with what is allowed in want and, for lists, the item at fault in *bad.  *at is
 * replaced only on success.  checked: with opt->check, too (defaults are not). */
int conf_value_set(const struct conf_opt *o, void *at, const struct conf_list *v, bool checked,
    char *want, size_t want_len, const char **bad);
void conf_value_done(const struct conf_opt *o, void *at); /* frees, wipes, zeroes */
void conf_value_move(const struct conf_opt *o, void *to, void *from);
bool conf_value_same(const struct conf_opt *o, const void *a, const void *b);
bool conf_value_empty(const struct conf_opt *o, const void *at); /* as if never set */
void conf_value_show(const struct conf_opt *o, const void *at, struct sbuf *out); /* masked */
void conf_allowed(const struct conf_opt *o, char *buf, size_t len); /* "a number from 1 to 9" */
void conf_list_split(struct conf_list *out, const char *text); /* commas; trimmed; no empty ones */
void conf_list_done(struct conf_list *l, bool wipe);

/* --- conf_file.c ------------------------------------------------------------------------------ */
void conf_file_read(struct conf_load *l, const char *path); /* absent: fine */
void conf_dir_read(struct conf_load *l, const char *dir);   /* likewise */
/* The whole text of a file, NUL-terminated, to be wiped and freed.  *err: why not, static text. */
char *conf_text_read(const char *path, size_t max, size_t *len, const char **err);
/* The same without its final newline and without NUL bytes: a value. */
char *conf_text_value(const char *path, const char **err);

/* --- conf_scan.c ------------------------------------------------------------------------------ */
/* Blanks comments in place and refuses what libconfuse's lexer would silently drop or expand.
 * NULL, or what is wrong with *line set. */
const char *conf_scan(char *text, size_t len, unsigned *line);

/* --- conf_env.c ------------------------------------------------------------------------------- */
void conf_env_read(struct conf_load *l);
/* The i-th name of a top-level setting in buf; false: there are no more. */
bool conf_env_name(const struct conf_opt *o, size_t i, char buf[static CONF_NAME_MAX]);
/* The variable of a section's secret: COMPONENT_SECRET_MUC. */
void conf_env_title(
    const struct conf_section *s, const char *title, char buf[static CONF_NAME_MAX]);
/* "DOMAIN_*" of a section's row and its title. */
void conf_env_pattern(const char *pattern, const char *title, char buf[static CONF_NAME_MAX]);

#endif
