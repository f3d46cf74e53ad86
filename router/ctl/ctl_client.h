/* SPDX-License-Identifier: MIT */
/* The parts of switchyardctl. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

enum { EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE }; /* exit statuses */

/* --- ask.c: the connection -------------------------------------------------------------------- */
struct ask;
/* NULL: the router cannot be reached, said on stderr. */
struct ask *ask_open(const char *path);
void ask_close(struct ask *a); /* NULL is fine */
/* Sends {"cmd", "args"} (args is taken) and waits for the answer, which the caller owns; NULL: none
 * came, said on stderr. */
json_t *ask_router(struct ask *a, const char *cmd, json_t *args);

/* --- password.c ------------------------------------------------------------------------------- */
#define PASSWORD_MAX 1023 /* bytes (RFC 6120 6: one simple user name or password) */
/* From a file (its one final newline dropped); from the terminal, asked twice without echo; or the
 * first line of a stdin that is none; or made up.  On the heap, password_free(); NULL: none, said
 * on stderr. */
char *password_from_file(const char *path);
char *password_ask(const char *jid);
char *password_generate(void);
void password_free(char *password); /* wipes; NULL is fine */

/* --- table.c: for people ---------------------------------------------------------------------- */
struct column {
	const char *key, *title;
};
/* columns end with a zero entry. */
void table_print(const json_t *rows, const struct column *columns);
/* Text that came from elsewhere, without what would steer a terminal. */
void text_print(FILE *out, const char *s);

/* --- show.c: what each command's answer looks like -------------------------------------------- */
extern const struct column account_columns[], session_columns[], component_columns[],
    invite_columns[];
void show_added(const json_t *row);
void show_changed(const json_t *row); /* a password */
void show_deleted(const json_t *row);
void show_disabled(const json_t *row);
void show_enabled(const json_t *row);
void show_kicked(const json_t *row);
void show_invited(const json_t *row);
void show_revoked(const json_t *row);
void show_reloaded(const json_t *row);
void show_status(const json_t *row);
void show_error(const char *error);

#endif
