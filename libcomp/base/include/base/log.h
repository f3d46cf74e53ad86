/* SPDX-License-Identifier: MIT */
/* logfmt on stderr, one line per event, one write(2) per line:
 *   ts=2026-01-02T03:04:05.678Z lvl=info mod=c2s id=7f3a peer=192.0.2.1 msg="..."
 * Values are quoted and escaped, so nothing from the wire can forge a line.
 * Never log bodies, tokens or passwords.  Library code logs only at debug level. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdnoreturn.h>

enum log_level { LOG_LVL_DEBUG, LOG_LVL_INFO, LOG_LVL_WARN, LOG_LVL_ERROR };

/* Who speaks: embedded in the object (session, link).  Strings are borrowed; NULL ones are left
 * out.  A NULL tag logs as the program itself. */
struct log_tag {
	const char *mod;  /* module: "c2s" */
	const char *id;   /* short random id of the object */
	const char *peer; /* address of the other side */
	const char *jid;  /* once known */
};

#define LOG_FMT(f, a) __attribute__((format(printf, f, a)))
void log_at(const struct log_tag *tag, enum log_level lvl, const char *fmt, ...) LOG_FMT(3, 4);
/* Adds err="<strerror(-err)>". */
void log_err(const struct log_tag *tag, enum log_level lvl, int err, const char *fmt, ...)
    LOG_FMT(4, 5);
/* Logs at error level and exits with status 1: the operator's fault, at start only. */
noreturn void log_die(const char *fmt, ...) LOG_FMT(1, 2);

/* The level is tested before the arguments are evaluated. */
extern enum log_level log_level_now;
#define log_on(lvl) ((lvl) >= log_level_now)
#define log_debug(tag, ...) \
	(log_on(LOG_LVL_DEBUG) ? log_at((tag), LOG_LVL_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(tag, ...) \
	(log_on(LOG_LVL_INFO) ? log_at((tag), LOG_LVL_INFO, __VA_ARGS__) : (void)0)
#define log_warn(tag, ...) \
	(log_on(LOG_LVL_WARN) ? log_at((tag), LOG_LVL_WARN, __VA_ARGS__) : (void)0)
#define log_error(tag, ...) log_at((tag), LOG_LVL_ERROR, __VA_ARGS__)

void log_set_level(enum log_level lvl);
int log_level_parse(const char *s, enum log_level *out); /* 0 or -EINVAL */

/* Tests: lines go to fn (without newline) instead of stderr; NULL restores stderr. */
void log_capture(void (*fn)(const char *line, void *arg), void *arg);

#endif
