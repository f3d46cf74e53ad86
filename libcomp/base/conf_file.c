/* SPDX-License-Identifier: MIT */
/* Settings files: the only place that knows libconfuse.
 *
 * libconfuse does the grammar; every value is read as text (or a list of texts) and handed to
 * conf_put(), so that files and the environment are validated by the same code.  It gives up at
 * the first fault of a file.  For a name that it does not know, the most frequent one, the name is
 * noted, declared, and the file read again, so that all of them are listed; after any other fault
 * of syntax we go on with the next file.
 *
 * Texts are wiped after use: a settings file may hold secrets. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <confuse.h>

#include <base/conf.h>
#include <base/mem.h>
#include <base/whose.h>

#include "conf_internal.h"

#define UNKNOWN_MAX 32 /* unknown names listed per file */
#define SILENT_MS 2000 /* how long a pipe's writer may say nothing */

struct unknown {
	char *section; /* "root" outside sections, as libconfuse calls it */
	char *name;
};

struct reading {
	struct conf_load *load;
	const char *path;
	struct unknown unknown[UNKNOWN_MAX];
	size_t n_unknown;
	bool again;      /* the fault was a new unknown name */
	bool reported;   /* something was said about this pass */
	int secret_line; /* line of the last secret: what follows there may be a part of it */
	char **names;    /* made-up names, until cfg_init() has copied them */
	size_t n_names;
};

/* libconfuse's callbacks have no argument of ours; settings are read by one thread at start and
 * at SIGHUP, never nested. */
static struct reading *reading_now;

/* --- texts ------------------------------------------------------------------------------------ */

static const char *read_all(int fd, char *buf, size_t max, size_t *len)
{
	*len = 0;
	for (;;) {
		ssize_t n = read(fd, buf + *len, max + 1 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			/* a pipe (-c <(...)) with a writer */
			if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, SILENT_MS) == 0)
				return "its writer says nothing";
			continue;
		}
		if (n < 0)
			return strerror(errno);
		*len += (size_t)n;
		if (*len > max)
			return "it is too large";
		if (n == 0)
			return NULL;
	}
}

/* Why it could not be opened; valid until the next time. */
static const char *why_not(const char *path)
{
	static char said[PATH_MAX + 256];
	char owner[PATH_MAX + 128];

	if (errno != EACCES && errno != EPERM)
		return strerror(errno);
	(void)snprintf(
	    said, sizeof said, "%s (%s)", strerror(errno), whose(path, owner, sizeof owner));
	return said;
}

char *conf_text_read(const char *path, size_t max, size_t *len, const char **err)
{
	/* O_NONBLOCK: a FIFO without a writer must not hang the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		*err = why_not(path);
		return NULL;
	}
	char *buf = xmalloc(max + 1);
	*err = read_all(fd, buf, max, len);
	(void)close(fd);
	if (*err) {
		mem_wipe(buf, max + 1);
		free(buf);
		return NULL;
	}
	buf[*len] = '\0';
	return buf;
}

char *conf_text_value(const char *path, const char **err)
{
	size_t len;
	char *text = conf_text_read(path, CONF_SECRET_MAX, &len, err);
	if (!text)
		return NULL;
	if (strlen(text) != len) {
		*err = "it has a NUL byte in it";
		mem_wipe(text, len);
		free(text);
		return NULL;
	}
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return text;
}

/* --- libconfuse's callbacks ------------------------------------------------------------------- */

static void where_of(const struct reading *r, long line, char *buf, size_t len)
{
	if (line > 0)
		(void)snprintf(buf, len, "%s:%ld", r->path, line);
	else
		(void)snprintf(buf, len, "%s", r->path);
}

static bool is_unknown(const struct reading *r, const char *section, const char *name)
{
	for (size_t i = 0; i < r->n_unknown; i++) {
		if (strcmp(r->unknown[i].section, section) == 0 &&
		    strcmp(r->unknown[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The name in "no such option 'name'", to be freed; NULL: another message. */
static char *quoted_name(const char *msg, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *end = strrchr(msg, '\'');
	if (strncmp(msg, prefix, n) != 0 || end < msg + n)
		return NULL;
	return xstrndup(msg + n, (size_t)(end - msg) - n);
}

static void unknown_name(struct reading *r, cfg_t *cfg, const char *name, const char *where)
{
	bool in_section = strcmp(cfg->name, "root") != 0;
	char setting[2 * CONF_NAME_MAX];
	(void)snprintf(setting, sizeof setting, "%s%s%s", in_section ? cfg->name : "",
	    in_section ? "." : "", name);
	conf_fault(r->load, setting, where, "there is no such setting");
	if (r->n_unknown == UNKNOWN_MAX || is_unknown(r, cfg->name, name) || *name == '\0')
		return;
	r->unknown[r->n_unknown++] = (struct unknown){ xstrdup(cfg->name), xstrdup(name) };
	r->again = true;
}

static void __attribute__((format(printf, 2, 0))) on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct reading *r = reading_now;
	char where[512];
	char *msg = xvasprintf(fmt, ap);
	char *name = quoted_name(msg, "no such option '");
	char *opened = quoted_name(msg, "missing equal sign after option '");

	where_of(r, cfg->line, where, sizeof where);
	r->reported = true;
	if (cfg->line == r->secret_line)
		conf_fault(r->load, "syntax", where, "more text after a secret: %s",
		    "put the secret into quotes");
	else if (name)
		unknown_name(r, cfg, name, where);
	else if (!opened || !is_unknown(r, cfg->name, opened)) /* else: an unknown section */
		conf_fault(r->load, "syntax", where, "%s", msg);
	free(opened);
	free(name);
	mem_wipe(msg, strlen(msg));
	free(msg);
}

/* Called after each value.  def.number is of no use to an option of type string: it keeps the
 * line, def.boolean that it is a secret. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	opt->def.number = cfg->line;
	if (opt->def.boolean)
		reading_now->secret_line = cfg->line;
	return 0;
}

/* --- the options as libconfuse wants them ----------------------------------------------------- */

struct optvec {
	cfg_opt_t *v;
	size_t n;
};

static void opts_push(struct optvec *o, cfg_opt_t opt)
{
	static const cfg_opt_t end = CFG_END();
	o->v = xreallocarray(o->v, o->n + 2, sizeof *o->v);
	o->v[o->n++] = opt;
	o->v[o->n] = end;
}

static const char *keep_name(struct reading *r, char *name)
{
	r->names = xreallocarray(r->names, r->n_names + 1, sizeof *r->names);
	r->names[r->n_names++] = name;
	return name;
}

static void push_value(struct optvec *o, const char *name, bool list, bool secret)
{
	cfg_opt_t one = CFG_STR(name, NULL, CFGF_NODEFAULT);
	cfg_opt_t many = CFG_STR_LIST(name, NULL, CFGF_NODEFAULT);
	cfg_opt_t opt = list ? many : one;
	opt.validcb = on_value;
	opt.def.boolean = secret ? cfg_true : cfg_false;
	opts_push(o, opt);
}

static void push_section(struct optvec *o, const char *name, struct optvec *sub, cfg_flag_t flags)
{
	if (sub->n == 0) { /* subopts must not be NULL */
		cfg_opt_t end = CFG_END();
		opts_push(sub, end);
	}
	cfg_opt_t opt = CFG_SEC(name, sub->v, CFGF_MULTI | flags);
	opts_push(o, opt);
}

static void push_opt(
    struct reading *r, struct optvec *o, const struct conf_opt *opt, const char *name)
{
	push_value(o, name, opt->type == CONF_LIST, opt->type == CONF_SECRET);
	if (opt->type == CONF_SECRET)
		push_value(o, keep_name(r, xasprintf("%s_file", name)), false, false);
}

static void push_unknown(const struct reading *r, struct optvec *o, const char *section)
{
	for (size_t i = 0; i < r->n_unknown; i++) {
		if (strcmp(r->unknown[i].section, section) == 0)
			push_value(o, r->unknown[i].name, true, false);
	}
}

/* Length of the section's name in "c2s.port"; 0: outside sections. */
static size_t section_len(const char *key)
{
	const char *dot = strchr(key, '.');
	return dot ? (size_t)(dot - key) : 0;
}

static bool same_section(const char *a, const char *b)
{
	size_t n = section_len(a);
	return n > 0 && n == section_len(b) && memcmp(a, b, n) == 0;
}

/* `c2s { port = ...; }` from all keys that begin with "c2s.", at the first of them. */
static void push_plain_section(
    struct reading *r, struct optvec *o, const struct conf_item *top, size_t first)
{
	const char *key = top->slots[first].opt->key;
	for (size_t i = 0; i < first; i++) {
		if (same_section(top->slots[i].opt->key, key))
			return;
	}
	struct optvec sub = { NULL, 0 };
	for (size_t i = first; i < top->n; i++) {
		const struct conf_opt *opt = top->slots[i].opt;
		if (same_section(opt->key, key))
			push_opt(r, &sub, opt, opt->key + section_len(key) + 1);
	}
	const char *name = keep_name(r, xstrndup(key, section_len(key)));
	push_unknown(r, &sub, name);
	push_section(o, name, &sub, CFGF_NONE);
}

static struct optvec opts_build(struct reading *r)
{
	const struct conf *c = r->load->c;
	struct optvec o = { NULL, 0 };
	for (size_t i = 0; i < c->top.n; i++) {
		const struct conf_opt *opt = c->top.slots[i].opt;
		if (section_len(opt->key) > 0)
			push_plain_section(r, &o, &c->top, i);
		else
			push_opt(r, &o, opt, opt->key);
	}
	for (size_t i = 0; i < c->n_groups; i++) {
		const struct conf_section *sec = c->groups[i].sec;
		struct optvec sub = { NULL, 0 };
		for (const struct conf_opt *opt = sec->opts; opt->key; opt++)
			push_opt(r, &sub, opt, opt->key);
		push_unknown(r, &sub, sec->name);
		push_section(&o, sec->name, &sub, CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	}
	push_unknown(r, &o, "root");
	return o;
}

static void opts_done(struct reading *r, struct optvec *o)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->v[i].type == CFGT_SEC)
			free(o->v[i].subopts);
	}
	free(o->v);
	for (size_t i = 0; i < r->n_names; i++)
		free(r->names[i]);
	free(r->names);
	r->names = NULL;
	r->n_names = 0;
}

/* --- values out of a file that was read ------------------------------------------------------- */

static void take_value(
    struct reading *r, cfg_opt_t *opt, const struct conf_item *it, const char *section)
{
	unsigned n = cfg_opt_size(opt);
	bool list = (opt->flags & CFGF_LIST) != 0;
	/* MODIFIED: also set by `key = {}` and by a line that ends in a fault. */
	if (!(opt->flags & CFGF_MODIFIED) || (!list && n != 1) || (list && n > 0 && !opt->values))
		return;

	char key[2 * CONF_NAME_MAX], where[512];
	(void)snprintf(key, sizeof key, "%s%s%s", section ? section : "", section ? "." : "",
	    cfg_opt_name(opt));
	where_of(r, opt->def.number, where, sizeof where);
	struct conf_list v = { n ? xreallocarray(NULL, n, sizeof *v.v) : NULL, n };
	bool whole = true;
	for (unsigned i = 0; i < n; i++) {
		v.v[i] = cfg_opt_getnstr(opt, i);
		whole = whole && v.v[i];
	}
	if (whole)
		conf_put(r->load, it, key, &v, where);
	for (unsigned i = 0; opt->def.boolean && i < n; i++) {
		if (v.v[i])
			mem_wipe(v.v[i], strlen(v.v[i]));
	}
	free(v.v);
}

static void take_section(struct reading *r, cfg_t *sec)
{
	const struct conf_item *it = &r->load->c->top;
	const char *title = cfg_title(sec), *name = cfg_name(sec);
	if (title) {
		char where[512];
		where_of(r, sec->line, where, sizeof where);
		it = conf_item_get(r->load, name, title, where);
	}
	for (unsigned i = 0; it && i < cfg_num(sec); i++)
		take_value(r, cfg_getnopt(sec, i), it, title ? NULL : name);
}

static void take_all(struct reading *r, cfg_t *cfg)
{
	for (unsigned i = 0; i < cfg_num(cfg); i++) {
		cfg_opt_t *opt = cfg_getnopt(cfg, i);
		if (opt->type != CFGT_SEC) {
			take_value(r, opt, &r->load->c->top, NULL);
			continue;
		}
		for (unsigned j = 0; j < cfg_opt_size(opt); j++) {
			cfg_t *sec = cfg_opt_getnsec(opt, j);
			if (sec)
				take_section(r, sec);
		}
	}
}

/* One pass; 0, or not when it ended early (r->again: worth another one). */
static int parse_once(struct reading *r, char *text, size_t len)
{
	struct optvec o = opts_build(r);
	r->again = r->reported = false;
	r->secret_line = 0;
	cfg_t *cfg = cfg_init(o.v, CFGF_NONE);
	opts_done(r, &o);
	FILE *in = len ? fmemopen(text, len, "r") : NULL;
	if (!cfg || (len && !in))
		abort(); /* out of memory */

	(void)cfg_set_error_function(cfg, on_error);
	int rc = in ? cfg_parse_fp(cfg, in) : CFG_SUCCESS;
	if (in)
		(void)fclose(in);
	if (!r->again)
		take_all(r, cfg);
	if (rc != CFG_SUCCESS && !r->reported) {
		char where[512];
		where_of(r, cfg->line, where, sizeof where);
		conf_fault(r->load, "syntax", where, "this line is not understood");
	}
	(void)cfg_free(cfg);
	return rc;
}

static void parse(struct conf_load *l, const char *path, char *text, size_t len)
{
	struct reading r = { .load = l, .path = path };
	unsigned line;
	const char *err = conf_scan(text, len, &line);
	if (err) {
		char where[512];
		where_of(&r, line, where, sizeof where);
		conf_fault(l, "syntax", where, "%s", err);
		l->broken = true;
		return;
	}
	reading_now = &r;
	int rc;
	do
		rc = parse_once(&r, text, len);
	while (r.again);
	reading_now = NULL;
	if (rc != CFG_SUCCESS)
		l->broken = true;
	for (size_t i = 0; i < r.n_unknown; i++) {
		free(r.unknown[i].section);
		free(r.unknown[i].name);
	}
}

void conf_file_read(struct conf_load *l, const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return;
	size_t len;
	const char *err;
	char *text = conf_text_read(path, CONF_FILE_MAX, &len, &err);
	if (!text) {
		conf_fault(l, "settings file", path, "it cannot be read: %s", err);
		l->broken = true;
		return;
	}
	l->source++;
	parse(l, path, text, len);
	mem_wipe(text, len);
	free(text);
}

/* --- conf.d ----------------------------------------------------------------------------------- */

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

/* By bytes, whatever the locale: the order must be the same everywhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void conf_dir_read(struct conf_load *l, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_conf, by_name);
	if (n < 0) {
		if (errno == ENOENT)
			return;
		conf_fault(l, "conf.d", dir, "it cannot be read: %s", why_not(dir));
		l->broken = true;
		return;
	}
	if (n > CONF_DIR_MAX)
		conf_fault(l, "conf.d", dir, "there are more than %d files", CONF_DIR_MAX);
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, list[i]->d_name);
		if (i < CONF_DIR_MAX)
			conf_file_read(l, path);
		free(path);
		free(list[i]);
	}
	free(list);
}
