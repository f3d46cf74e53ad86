/* SPDX-License-Identifier: MIT */
/* What the control socket can be asked: a request's line (ctl_line.c), the table of commands and
 * what each of them does (ctl_cmd.c, ctl_invite.c), and how it is answered (ctl.c). */
#ifndef ROUTER_CTL_CMD_H
#define ROUTER_CTL_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <base/list.h>

struct arena;
struct ctl;
struct ctl_client;
struct ctl_req;
struct jid;
struct router;

enum ctl_arg {
	CTL_JID,
	CTL_PASSWORD,
	CTL_TEXT,
	CTL_AFTER,
	CTL_DOMAIN,
	CTL_ID,
	CTL_LIMIT, /* from here on numbers */
	CTL_USES,
	CTL_EXPIRES,
	CTL_ARGS
};

struct ctl_cmd {
	const char *name;
	unsigned needs, takes;            /* 1u << enum ctl_arg */
	void (*run)(struct ctl_req *req); /* leads to one ctl_answer() or ctl_refuse() */
};
extern const struct ctl_cmd ctl_cmds[]; /* ends with a zero entry */

struct ctl_call { /* a request, understood */
	const struct ctl_cmd *cmd;
	char *text[CTL_ARGS];     /* what was given as text, unchecked beyond UTF-8; else NULL */
	int64_t number[CTL_ARGS]; /* what was given as a number: at least 1; else 0 */
};
/* Reads one line (without its end).  Pure.  0, or -EINVAL and a sentence in err; then out is
 * untouched. */
int ctl_call_parse(struct ctl_call *out, const struct ctl_cmd *cmds, const char *line, size_t n,
    char *err, size_t err_len) __attribute__((warn_unused_result));
void ctl_call_done(struct ctl_call *call); /* wipes the password; zeroed memory is fine */

/* Text of unknown origin as JSON: NULL is null, and what is not UTF-8 (a line that was cut)
 * becomes ASCII. */
json_t *ctl_text(const char *s);

/* One request on its way: it outlives a client that does not wait for its answer, and the socket
 * itself. */
struct ctl_req {
	struct router *router;
	struct ctl_call call;
	char *jid; /* the prepared address that it is about, once that is known */
	/* ctl.c's own: */
	struct ctl *ctl;           /* NULL: the socket is closed */
	struct ctl_client *client; /* NULL: nobody waits any more */
	struct list link;
};
/* Exactly one of the two, which also frees req.  rows: an array, taken; NULL: an empty one.
 * next: what `after` of the next page must be; NULL: there is none. */
void ctl_answer(struct ctl_req *req, json_t *rows, const char *next);
void ctl_refuse(struct ctl_req *req, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int64_t ctl_uptime(const struct ctl_req *req); /* seconds */

/* --- shared by the commands ------------------------------------------------------------------- */
void ctl_put(json_t *row, const char *key, json_t *value); /* takes value */
void ctl_put_time(json_t *row, const char *key, int64_t wall_ms);
json_t *ctl_one_row(json_t *row); /* an array of it; takes row */
unsigned ctl_page_size(const struct ctl_req *req);
/* The account (its sessions: with `resources`) that a request is about, in req->jid too; false: the
 * request has been refused. */
bool ctl_account_jid(struct ctl_req *req, struct arena *a, bool resources, struct jid *out);
void ctl_refuse_db(struct ctl_req *req, int err);

/* ctl_invite.c */
void ctl_invite_create(struct ctl_req *req);
void ctl_invite_list(struct ctl_req *req);
void ctl_invite_revoke(struct ctl_req *req);

#endif
