/* SPDX-License-Identifier: MIT */
/* The lists of owners and admins in the owner's form, which are whole lists and not changes
 * (XEP-0045 10.2): an admin who is missing from one that is there becomes a member; so does an
 * owner, or an admin if the form has no list of these. */
#ifndef MUC_OWNER_LISTS_H
#define MUC_OWNER_LISTS_H

#include "apply.h"

struct form;

#define VAR_OWNERS "muc#roomconfig_roomowners"
#define VAR_ADMINS "muc#roomconfig_roomadmins"

/* Adds what a submitted form changes; 0 or -enum el_cond. */
int owner_lists_read(struct plan *p, const struct form *f, struct arena *a)
    __attribute__((warn_unused_result));
/* The two fields as they are. */
void owner_lists_write(const struct room *r, struct el *form);

#endif
