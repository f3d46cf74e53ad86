/* SPDX-License-Identifier: MIT */
/* A room's configuration, and the form that its owner sees it in (muc#roomconfig).  Pure: what a
 * changed configuration leads to stands in owner.c. */
#ifndef MUC_CONFIG_H
#define MUC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "about.h"
#include "permission.h"

struct el;
struct form;
struct muc_conf;

enum allow_pm { PM_ANYONE, PM_PARTICIPANTS, PM_MODERATORS, PM_NONE };

/* Who may become a member by asking for it: nobody, whom an admin agrees to, everybody. */
enum registration { REGISTER_NONE, REGISTER_APPROVAL, REGISTER_OPEN };

struct room_conf {
	char *name, *desc, *lang; /* NULL: none */
	char *password;           /* NULL: none is needed */
	bool persistent, public, members_only, moderated, nonanon;
	bool archive;         /* what is said is kept, and found again (XEP-0313) */
	bool change_subject;  /* by participants */
	bool allow_invites;   /* by members, into a members-only room */
	int allow_pm;         /* enum allow_pm */
	int registration;     /* enum registration */
	bool lock_nicks;      /* who has a reserved nick uses it */
	int64_t max_users;    /* 0: as many as the service allows */
	int64_t history;      /* messages kept */
	int64_t slow_mode;    /* seconds between two messages of one account; 0: none */
	unsigned broadcast;   /* roles whose presence is shown: ROLE_BIT */
	unsigned member_list; /* roles that may read the lists of a non-anonymous room */
	char *about[ABOUT_N]; /* NULL: not said */
};

/* For conf_opt.check: a role. */
int config_check_role(const char *value, char *err, size_t err_len);
int config_check_lang(const char *value, char *err, size_t err_len);

void config_init(struct room_conf *c, const struct muc_conf *mc);     /* the service's defaults */
void config_copy(struct room_conf *to, const struct room_conf *from); /* to is uninitialised */
void config_done(struct room_conf *c);

/* Writes what a submitted form says into c; a field that is absent leaves things as they are.
 * 0, -COND_BAD_REQUEST: malformed, or -COND_NOT_ACCEPTABLE: out of what is allowed; *ret_why then
 * is a line for a human, and c must be thrown away. */
int config_read(struct room_conf *c, const struct form *f, const struct muc_conf *mc,
    const char **ret_why) __attribute__((warn_unused_result));
/* The fields of the owner's form but for the lists of owners and admins. */
void config_write(const struct room_conf *c, struct el *form, const struct muc_conf *mc);
/* What of it who asks for information about the room is told, under the same names. */
void config_tell(const struct room_conf *c, struct el *form);

#endif
