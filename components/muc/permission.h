/* SPDX-License-Identifier: MIT */
/* Who may do what: the tables of XEP-0045 5 as pure functions.  Where it says "conflict" for what
 * only a look at the whole list can tell (the last owner), affiliation.c looks. */
#ifndef MUC_PERMISSION_H
#define MUC_PERMISSION_H

#include <stdbool.h>

/* In order of privilege. */
enum aff { AFF_OUTCAST, AFF_NONE, AFF_MEMBER, AFF_ADMIN, AFF_OWNER };
enum role { ROLE_NONE, ROLE_VISITOR, ROLE_PARTICIPANT, ROLE_MODERATOR };

#define ROLES_LISTED "moderator|participant|visitor" /* as data forms list them */
/* The bit of a role in a set read by form_choices() with that list. */
#define ROLE_BIT(role) (1U << (ROLE_MODERATOR - (role)))
#define ROLES_ALL 7U

const char *aff_name(enum aff a);
const char *role_name(enum role r);
/* 0, or -EINVAL (also for NULL). */
int aff_parse(const char *s, enum aff *out);
int role_parse(const char *s, enum role *out);

/* 5.1.2 */
enum role role_default(enum aff a, bool moderated);
/* An occupant's role once its affiliation went from old to now. */
enum role role_after(enum aff old, enum aff now, enum role role, bool moderated);

struct actor { /* who acts: a moderator may be in the room without affiliation */
	enum aff aff;
	enum role role;
};
/* All of these: 0, or -enum el_cond that refuses. */
int perm_affiliation(const struct actor *by, enum aff from, enum aff to, bool self);
int perm_role(const struct actor *by, enum aff target, enum role from, enum role to);
int perm_list_affiliation(
    const struct actor *by, enum aff list, bool nonanon, unsigned member_list);
int perm_list_role(const struct actor *by, enum role list);

#endif
