/* SPDX-License-Identifier: MIT */
/* The program skeleton: every executable's main() is a table and one call.
 *
 *   --help --version --check-config --print-config --health, -c FILE, -d DIR (conf.d)
 *   --print-man --print-md: the reference of the settings, for the man page and docs/
 *
 * Order: settings are loaded (a fault ends with status 1 and all faults listed), the log level is
 * set, SIGPIPE ignored, the descriptor limit raised to its hard limit, the loop made, health
 * opened (it answers once the loop turns), `start` called, "ready" logged.  SIGHUP reloads (a
 * broken file keeps the old values whole), SIGTERM and SIGINT call `stop`, which ends by calling
 * daemon_stopped(); a second one, or 5 s, ends the program at once.
 * Settings that every program has stand in daemon_opts and in no table of a program's own:
 * log_level, health_listen, data_dir. */
#ifndef BASE_DAEMON_H
#define BASE_DAEMON_H

#include <base/conf.h>

struct daemon;
struct health;
struct loop;

struct daemon_conf { /* first member of every program's settings */
	int log_level;
	char *health_listen;
	char *data_dir;
};
extern const struct conf_opt daemon_opts[];

struct daemon_ops {
	const char *name;     /* "router": switchyard-router */
	const char *summary;  /* one line for --help */
	struct conf_def conf; /* .more is filled with daemon_opts unless the program set it */
	/* Returns 0, or -Exxx after having written one line into err. */
	int (*start)(struct daemon *d, void *arg, char *err, size_t err_len);
	void (*reload)(struct daemon *d, void *arg); /* the settings have changed; may be NULL */
	void (*stop)(struct daemon *d, void *arg);   /* begin; call daemon_stopped() when done */
	/* After the loop or a failed start: free everything, also half-built; may be NULL. */
	void (*finish)(struct daemon *d, void *arg);
};

int daemon_main(int argc, char **argv, const struct daemon_ops *ops, void *arg);

struct loop *daemon_loop(struct daemon *d);
void *daemon_conf(struct daemon *d); /* the program's settings */
struct health *daemon_health(struct daemon *d);
void daemon_stopped(struct daemon *d);
/* What SIGHUP does, for who wants to know how it went.  0, or -Exxx: the old settings stay. *notes,
 * freed by the caller: a line for each thing that is wrong or needs a restart; logged as well. */
int daemon_reload(struct daemon *d, char **notes);
/* Logs why and ends the program with this status, by way of `stop` (a failure after the start). */
void daemon_fail(struct daemon *d, int status, const char *why);

#endif
