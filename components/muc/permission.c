/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <xmpp/el.h>

#include "permission.h"

static const char *const affs[] = {
	[AFF_OUTCAST] = "outcast",
	[AFF_NONE] = "none",
	[AFF_MEMBER] = "member",
	[AFF_ADMIN] = "admin",
	[AFF_OWNER] = "owner",
};
static const char *const roles[] = {
	[ROLE_NONE] = "none",
	[ROLE_VISITOR] = "visitor",
	[ROLE_PARTICIPANT] = "participant",
	[ROLE_MODERATOR] = "moderator",
};

static int parse(const char *const *names, int n, const char *s)
{
	for (int i = 0; s && i < n; i++) {
		if (!strcmp(s, names[i]))
			return i;
	}
	return -EINVAL;
}

const char *aff_name(enum aff a)
{
	return affs[a];
}

const char *role_name(enum role r)
{
	return roles[r];
}

int aff_parse(const char *s, enum aff *out)
{
	int i = parse(affs, AFF_OWNER + 1, s);

	if (i < 0)
		return i;
	*out = (enum aff)i;
	return 0;
}

int role_parse(const char *s, enum role *out)
{
	int i = parse(roles, ROLE_MODERATOR + 1, s);

	if (i < 0)
		return i;
	*out = (enum role)i;
	return 0;
}

/* --- roles that follow from affiliations -------------------------------------------------------
 */

enum role role_default(enum aff a, bool moderated)
{
	if (a >= AFF_ADMIN)
		return ROLE_MODERATOR;
	if (a == AFF_NONE && moderated)
		return ROLE_VISITOR;
	return a == AFF_OUTCAST ? ROLE_NONE : ROLE_PARTICIPANT;
}

/* 5.1.3: what an affiliation gives is certain; a moderator by role alone stays one. */
enum role role_after(enum aff old, enum aff now, enum role role, bool moderated)
{
	enum role dflt = role_default(now, moderated);

	if (old == now)
		return role;
	if (old < AFF_ADMIN && role == ROLE_MODERATOR)
		return now == AFF_OUTCAST ? ROLE_NONE : role;
	return dflt;
}

/* --- changes -----------------------------------------------------------------------------------
 */

/* 5.2.2, 9.1, 9.3, 10.3 to 10.8 */
int perm_affiliation(const struct actor *by, enum aff from, enum aff to, bool self)
{
	if (by->aff < AFF_ADMIN)
		return -COND_FORBIDDEN;
	if (to == AFF_OUTCAST && self) /* 9.1 */
		return -COND_CONFLICT;
	if (by->aff == AFF_OWNER)
		return 0;
	if (to == AFF_OUTCAST && from >= AFF_ADMIN) /* 9.1: of a higher or the same affiliation */
		return -COND_NOT_ALLOWED;
	return from >= AFF_ADMIN || to >= AFF_ADMIN ? -COND_FORBIDDEN : 0;
}

/* Kicking, 8.2: not whom a higher affiliation protects, nor a moderator unless by an admin (5.1.3).
 */
static int perm_kick(const struct actor *by, enum aff target, enum role from)
{
	if (target > by->aff)
		return -COND_NOT_ALLOWED;
	return from == ROLE_MODERATOR && by->aff < AFF_ADMIN ? -COND_NOT_ALLOWED : 0;
}

int perm_role(const struct actor *by, enum aff target, enum role from, enum role to)
{
	if (by->role != ROLE_MODERATOR && by->aff < AFF_ADMIN)
		return -COND_FORBIDDEN;
	if (to == ROLE_NONE)
		return perm_kick(by, target, from);
	if (to == from)
		return 0;
	if (to == ROLE_MODERATOR || from == ROLE_MODERATOR) { /* 9.6, 9.7 */
		if (by->aff < AFF_ADMIN)
			return -COND_FORBIDDEN;
		return from == ROLE_MODERATOR && target >= AFF_ADMIN ? -COND_NOT_ALLOWED : 0;
	}
	if (to == ROLE_PARTICIPANT) /* 8.3 */
		return 0;
	/* 8.4: from nobody at or above the moderator's level.  Taken by the letter, a moderator
	 * without affiliation could take voice from nobody. */
	if (target >= AFF_ADMIN || (target >= by->aff && target != AFF_NONE))
		return -COND_NOT_ALLOWED;
	return 0;
}

/* --- lists -------------------------------------------------------------------------------------
 */

/* 9.5 to 10.8: owners see all, admins all but, in a semi-anonymous room, owners and admins; in a
 * non-anonymous one members do, and occupants whose role the room names: clients that encrypt need
 * to know for whom. */
int perm_list_affiliation(const struct actor *by, enum aff list, bool nonanon, unsigned member_list)
{
	if (by->aff == AFF_OWNER)
		return 0;
	if (by->aff == AFF_ADMIN && (nonanon || list < AFF_ADMIN))
		return 0;
	if (!nonanon || list < AFF_MEMBER || by->aff == AFF_OUTCAST)
		return -COND_FORBIDDEN;
	if (by->aff >= AFF_MEMBER)
		return 0;
	return by->role != ROLE_NONE && (member_list & ROLE_BIT(by->role)) ? 0 : -COND_FORBIDDEN;
}

/* 8.5, 9.8 */
int perm_list_role(const struct actor *by, enum role list)
{
	if (by->aff >= AFF_ADMIN)
		return 0;
	return by->role == ROLE_MODERATOR && list != ROLE_MODERATOR ? 0 : -COND_FORBIDDEN;
}
