/* SPDX-License-Identifier: MIT */
/* The program skeleton: arguments, settings, signals, the loop's life, the way out.
 *
 * States: STARTING (settings good, loop made) -> RUNNING ("ready" logged) -> STOPPING (`stop` was
 * called, 5 s) -> STOPPED (the loop ends after this turn).
 * Owns the settings, the loop and the health port; the program owns the rest.  Must not know what
 * a program does. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <base/conf.h>
#include <base/daemon.h>
#include <base/health.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>

#include "conf_internal.h"

#define STOP_MS 5000 /* an orderly end may take this long */
#define USAGE 2      /* exit status for arguments that make no sense */
#define RUN_FOLDER "/run/switchyard"

#define AT(field) offsetof(struct daemon_conf, field)

const struct conf_opt daemon_opts[] = {
	{ "log_level", CONF_CHOICE, AT(log_level), "info", .choices = "debug|info|warn|error",
	    .flags = CONF_RELOAD, .help = "how much is logged" },
	{ "health_listen", CONF_STR, AT(health_listen),
	    .help = "where health and metrics are asked: Unix socket, host:port or off; "
		    "none: /run/switchyard/PROGRAM.health" },
	{ "data_dir", CONF_STR, AT(data_dir), "/var/lib/switchyard",
	    .help = "folder of the program's data" },
	{ 0 },
};

enum state { STARTING, RUNNING, STOPPING, STOPPED };
enum action { RUN, HELP, VERSION, CHECK, PRINT, HEALTH, MAN, MD };

struct daemon {
	const struct daemon_ops *ops;
	void *arg;
	enum state state;
	int status;
	const char *file, *dir; /* settings */
	struct conf_def def;
	struct conf *conf;
	struct loop *loop;
	struct health *health;
	struct sig *hup, *term, *intr;
	struct timer deadline;
};

struct loop *daemon_loop(struct daemon *d)
{
	return d->loop;
}
void *daemon_conf(struct daemon *d)
{
	return conf_data(d->conf);
}
struct health *daemon_health(struct daemon *d)
{
	return d->health;
}

static const struct daemon_conf *settings(const struct daemon *d)
{
	return conf_data(d->conf);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void on_deadline(void *arg)
{
	struct daemon *d = arg;
	log_error(NULL, "not stopped after %d s: ending at once", STOP_MS / 1000);
	_exit(d->status ? d->status : 1);
}

static void begin_stop(struct daemon *d)
{
	if (d->state >= STOPPING)
		return;
	d->state = STOPPING;
	timer_set(&d->deadline, STOP_MS);
	if (d->ops->stop)
		d->ops->stop(d, d->arg);
	else
		daemon_stopped(d);
}

void daemon_stopped(struct daemon *d)
{
	d->state = STOPPED;
	loop_stop(d->loop);
}

void daemon_fail(struct daemon *d, int status, const char *why)
{
	log_error(NULL, "%s", why);
	if (d->status == 0)
		d->status = status;
	/* During `start` there is nothing to stop yet: start_program() sees the status. */
	if (d->state == RUNNING)
		begin_stop(d);
}

/* --- signals ---------------------------------------------------------------------------------- */

/* One log line for each line of text, which is freed. */
static void log_lines(enum log_level lvl, const char *what, char *text)
{
	char *save = NULL;
	for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		log_at(NULL, lvl, "%s: %s", what, p);
	free(text);
}

static FILE *text_open(char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);
	if (!f)
		abort(); /* out of memory */
	return f;
}

int daemon_reload(struct daemon *d, char **notes)
{
	size_t len;
	struct conf *fresh;
	FILE *f = text_open(notes, &len);
	int rc = d->state == RUNNING ? 0 : -EAGAIN;
	if (rc < 0)
		(void)fputs("starting or stopping\n", f);
	else if ((rc = conf_load(&fresh, &d->def, d->file, d->dir, environ, f)) == 0)
		conf_reload(d->conf, fresh, f);
	(void)fclose(f);
	log_lines(rc < 0 ? LOG_LVL_ERROR : LOG_LVL_WARN, "settings", xstrdup(*notes));
	if (rc < 0) {
		log_error(NULL, "settings not reloaded: the old ones stay");
		return rc;
	}
	log_set_level((enum log_level)settings(d)->log_level);
	if (d->ops->reload)
		d->ops->reload(d, d->arg);
	log_info(NULL, "settings reloaded");
	return 0;
}

static void on_hup(int signo, void *arg)
{
	struct daemon *d = arg;
	char *notes;
	(void)signo;
	if (d->state != RUNNING)
		return;
	(void)daemon_reload(d, &notes);
	free(notes);
}

static void on_term(int signo, void *arg)
{
	struct daemon *d = arg;
	if (d->state >= STOPPING) {
		log_warn(NULL, "%s again: ending at once", strsignal(signo));
		_exit(d->status ? d->status : 1);
	}
	log_info(NULL, "stopping: %s", strsignal(signo));
	begin_stop(d);
}

/* --- the health port's place ------------------------------------------------------------------ */

/* "": nowhere.  client: who asks needs no right to write there. */
static char *health_where(const struct daemon *d, bool client)
{
	const char *set = settings(d)->health_listen;
	if (strcmp(set, "off") == 0)
		return xstrdup("");
	if (*set)
		return xstrdup(set);
	if (!client && access(RUN_FOLDER, W_OK | X_OK) < 0)
		return xstrdup("");
	return xasprintf("%s/%s.health", RUN_FOLDER, d->ops->name);
}

/* --health: other settings may be wrong or missing where it is called. */
static int ask_health(struct daemon *d)
{
	log_set_level(LOG_LVL_ERROR);
	(void)conf_read(&d->conf, &d->def, d->file, d->dir, environ, NULL);
	char *where = health_where(d, true);
	int status = 1;
	if (*where)
		status = health_ask(where);
	else
		(void)fputs("the health port is off (HEALTH_LISTEN)\n", stderr);
	free(where);
	conf_free(d->conf);
	return status;
}

/* --- running ---------------------------------------------------------------------------------- */

static void raise_limits(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r); /* the old limit also works */
	}
}

/* Until somebody handles them they wait: one that comes while the settings are read would end the
 * program without a word, and as the first process of a container be lost. */
static void hold_signals(bool hold)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void watch_signals(struct daemon *d)
{
	(void)signal(SIGPIPE, SIG_IGN);
	d->hup = sig_new(d->loop, SIGHUP, on_hup, d);
	d->term = sig_new(d->loop, SIGTERM, on_term, d);
	d->intr = sig_new(d->loop, SIGINT, on_term, d);
	hold_signals(false);
}

/* 0, or the status to end with, logged.  *begun: `finish` is needed. */
static int start_program(struct daemon *d, bool *begun)
{
	char err[512] = "";
	char *where = health_where(d, false);
	int rc = health_open(&d->health, d->loop, where, err, sizeof err);
	free(where);
	if (rc < 0) {
		log_err(NULL, LOG_LVL_ERROR, rc, "health port: %s", err);
		return 1;
	}
	*begun = true;
	rc = d->ops->start(d, d->arg, err, sizeof err);
	if (rc < 0) {
		log_err(NULL, LOG_LVL_ERROR, rc, "not started: %s", err);
		return 1;
	}
	return d->status;
}

static int run(struct daemon *d)
{
	bool begun = false;
	raise_limits();
	log_set_level((enum log_level)settings(d)->log_level);
	d->loop = loop_new();
	timer_init(&d->deadline, d->loop, on_deadline, d);
	watch_signals(d);
	d->status = start_program(d, &begun);
	if (d->status == 0 && d->state == STARTING) {
		d->state = RUNNING;
		log_info(NULL, "ready: switchyard-%s " SWITCHYARD_VERSION, d->ops->name);
		loop_run(d->loop);
	}
	if (begun && d->ops->finish)
		d->ops->finish(d, d->arg);
	health_close(d->health);
	sig_free(d->hup);
	sig_free(d->term);
	sig_free(d->intr);
	timer_done(&d->deadline);
	loop_free(d->loop);
	conf_free(d->conf);
	if (d->status == 0)
		log_info(NULL, "stopped");
	return d->status;
}

/* --- arguments -------------------------------------------------------------------------------- */

static void print_help(const struct daemon *d)
{
	printf("Usage: switchyard-%s [-c FILE] [-d DIR] [ACTION]\n%s\n\n", d->ops->name,
	    d->ops->summary);
	(void)fputs(
	    "  -c, --config FILE   settings file (SWITCHYARD_CONF, "
	    "/etc/switchyard/switchyard.conf)\n"
	    "  -d, --conf-dir DIR  folder of further ones, *.conf in name order (CONF_DIR,\n"
	    "                      /etc/switchyard/conf.d)\n"
	    "  --check-config      lists what is wrong with the settings and ends\n"
	    "  --print-config      shows every setting, its value and where it came from\n"
	    "  --health            asks the running program; status 0: ready\n"
	    "  --print-man, --print-md  the reference of the settings: mdoc, Markdown\n"
	    "  --version, --help\n\n",
	    stdout);
	conf_print_help(&d->def, stdout);
}

static int load(struct daemon *d)
{
	if (conf_load(&d->conf, &d->def, d->file, d->dir, environ, stderr) == 0)
		return 0;
	(void)fprintf(
	    stderr, "switchyard-%s: the settings cannot be used, see above\n", d->ops->name);
	return 1;
}

static int act(struct daemon *d, enum action what)
{
	switch (what) {
	case HELP:
		print_help(d);
		return 0;
	case VERSION:
		printf("switchyard-%s " SWITCHYARD_VERSION "\n", d->ops->name);
		return 0;
	case MAN:
		conf_print_man(&d->def, stdout);
		return 0;
	case MD:
		conf_print_md(&d->def, stdout);
		return 0;
	case HEALTH:
		return ask_health(d);
	case CHECK:
	case PRINT:
	case RUN:
		break;
	}
	if (what == RUN)
		hold_signals(true);
	int status = load(d);
	if (status != 0)
		return status;
	if (what == RUN)
		return run(d);
	if (what == PRINT)
		conf_print(d->conf, stdout);
	conf_free(d->conf);
	return 0;
}

/* A path that was given must be there; the built-in one need not.  0 or an exit status. */
static int settings_path(const char **path, const char *variable, const char *built_in)
{
	const char *env = getenv(variable);
	bool given = *path || (env && *env);
	if (!*path)
		*path = given ? env : built_in;
	if (!given || access(*path, F_OK) == 0)
		return 0;
	(void)fprintf(stderr, "%s: %s\n", *path, strerror(errno));
	return 1;
}

/* 0 or an exit status. */
static int parse_args(struct daemon *d, int argc, char **argv, enum action *what)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "conf-dir", required_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 256 + VERSION },
		{ "check-config", no_argument, NULL, 256 + CHECK },
		{ "print-config", no_argument, NULL, 256 + PRINT },
		{ "health", no_argument, NULL, 256 + HEALTH },
		{ "print-man", no_argument, NULL, 256 + MAN },
		{ "print-md", no_argument, NULL, 256 + MD }, { NULL, 0, NULL, 0 } };
	int opt;
	while ((opt = getopt_long(argc, argv, "c:d:h", longs, NULL)) != -1) {
		if (opt == 'c')
			d->file = optarg;
		else if (opt == 'd')
			d->dir = optarg;
		else if (opt == 'h')
			*what = HELP;
		else if (opt >= 256)
			*what = (enum action)(opt - 256);
		else
			return USAGE; /* getopt has said why */
	}
	if (optind < argc) {
		(void)fprintf(
		    stderr, "%s: %s is not understood, see --help\n", argv[0], argv[optind]);
		return USAGE;
	}
	return 0;
}

int daemon_main(int argc, char **argv, const struct daemon_ops *ops, void *arg)
{
	struct daemon d = { .ops = ops, .arg = arg, .def = ops->conf };
	enum action what = RUN;
	if (!d.def.more) {
		d.def.more = daemon_opts;
		d.def.more_off = 0;
	}
	int status = parse_args(&d, argc, argv, &what);
	if (status == 0 && (what == RUN || what == CHECK || what == PRINT || what == HEALTH))
		status =
		    settings_path(&d.file, "SWITCHYARD_CONF", "/etc/switchyard/switchyard.conf");
	if (status == 0 && (what == RUN || what == CHECK || what == PRINT || what == HEALTH))
		status = settings_path(&d.dir, "CONF_DIR", "/etc/switchyard/conf.d");
	return status ? status : act(&d, what);
}
