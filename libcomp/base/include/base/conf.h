/* SPDX-License-Identifier: MIT */
/* Settings: one table per program feeds files, environment, --help, --check-config, --print-config,
 * the man page and the reference in docs/.
 *
 * built-in default < switchyard.conf < conf.d/ *.conf in name order < environment.
 *
 * Key "c2s.port" is `port` in section `c2s { }` of a file and C2S_PORT in the environment; key
 * "log_level" stands outside sections and is LOG_LEVEL.  Every environment name has a NAME_FILE
 * form (one final newline dropped; both set is an error), and PROGRAM_NAME beats NAME
 * (MUC_LOG_LEVEL beats LOG_LEVEL for the program "muc").  An empty variable counts as not set.
 *
 * Every secret K also has the key K_file in files.  Files are libconfuse's syntax without its
 * surprises: ${NAME} is not expanded, += is not known, and what its lexer would drop without a word
 * (an unquoted `*`, the end of `https://x`) is refused; see conf_scan.c.  A section may stand in
 * several files: later values replace earlier ones. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_type {
	CONF_STR,    /* char * */
	CONF_SECRET, /* char *, masked wherever it would be shown */
	CONF_BOOL,   /* bool */
	CONF_INT,    /* int64_t, min..max */
	CONF_SIZE,   /* int64_t bytes: 64k, 2M, 1G accepted */
	CONF_TIME,   /* int64_t seconds: 90, 10m, 7d accepted */
	CONF_CHOICE, /* int: index into choices ("none|optional|required") */
	CONF_LIST,   /* struct conf_list: comma list in the environment, braces in files */
};
struct conf_list {
	char **v;
	size_t n;
};
/* Do the first n bytes of s stand in it? */
bool conf_list_has(const struct conf_list *l, const char *s, size_t n);
enum {
	CONF_REQUIRED = 1, /* no default: missing stops the start */
	CONF_RELOAD = 2,   /* SIGHUP changes it; the others say that they need a restart */
	CONF_IN_TURN = 4,  /* of several variables the first that is set counts */
};
struct conf_opt {
	const char *key;
	enum conf_type type;
	size_t off;          /* into the program's struct */
	const char *def;     /* as it would be written; NULL: none (empty string, 0, empty list) */
	int64_t min, max;    /* CONF_INT, SIZE, TIME; both 0: any value >= 0 */
	const char *choices; /* CONF_CHOICE */
	const char *env; /* other environment name instead of the derived one; "A|B": aliases, which
	                  * must agree unless CONF_IN_TURN; in a section's row "DOMAIN_*": * stands
	                  * for the title in capitals */
	unsigned flags;
	const char *help; /* one line */
	/* 0, or -EINVAL and what is allowed in err ("a domain name"); NULL: no further check */
	int (*check)(const char *value, char *err, size_t err_len);
};

/* What a section of this title has where a row says otherwise: our own components'. */
struct conf_preset {
	const char *title, *key, *value;
};

/* A titled section, any number of times: component muc { ... }.  Each becomes one zeroed struct of
 * `size` bytes whose first member is `char *title`; opts' offsets point into it and keys are bare
 * ("domain").  env_secret: the option that the variable <NAME>_SECRET_<TITLE> (title in capitals,
 * '-' as '_') also sets, and whose being set creates the section if no file has it. */
struct conf_section {
	const char *name;
	const struct conf_opt *opts; /* ends with a zero entry */
	size_t size;
	size_t off_items; /* void **: array of pointers to the structs, NULL-terminated */
	const char *env_secret;
	const char *const *builtin; /* titles that exist once their secret is set; NULL: none */
	const struct conf_preset *presets; /* ends with a zero entry; NULL: none */
};
struct conf_def {
	const char *program;         /* "router", "muc": prefix in the environment */
	const struct conf_opt *opts; /* ends with a zero entry */
	const struct conf_opt *more; /* a second table (libcomp's own), same struct; may be NULL */
	const struct conf_section *sections; /* ends with a zero entry; may be NULL */
	size_t size;                         /* of the program's struct */
	size_t more_off;                     /* where more's struct stands in it */
	/* What no single row can check, once all rows are good; may also normalise values in place.
	 * 0, or -EINVAL and one line in err.  NULL: nothing more. */
	int (*check)(void *data, char *err, size_t err_len);
};

struct conf; /* a loaded configuration: the struct, and where each value came from */

/* Reads everything.  All problems are found in one go and written to errs, one line each, that
 * names setting, file and line or variable, value and what is allowed; secrets are not shown.
 * file: the main file (NULL or absent: fine), dir: conf.d (likewise).  Returns 0 or -EINVAL. */
int conf_load(struct conf **out, const struct conf_def *def, const char *file, const char *dir,
    char *const *environ_, FILE *errs) __attribute__((warn_unused_result));
void *conf_data(struct conf *c); /* the program's struct; owned by c */
void conf_free(struct conf *c);  /* NULL is fine; wipes secrets */

/* Writes the values of CONF_RELOAD settings and sections of `from` into `to`, and one line per
 * setting that differs but needs a restart to `notes`. `from` is consumed.  conf_data(to) stays;
 * all values and sections that were read from it before are gone. */
void conf_reload(struct conf *to, struct conf *from, FILE *notes);

void conf_print(const struct conf *c, FILE *out);          /* --print-config */
void conf_print_help(const struct conf_def *d, FILE *out); /* --help's list of settings */
void conf_print_man(const struct conf_def *d, FILE *out);  /* mdoc, for the man page's section */
void conf_print_md(const struct conf_def *d, FILE *out);   /* Markdown table, for docs/ */

#endif
