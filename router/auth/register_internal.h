/* SPDX-License-Identifier: MIT */
/* Shared by register.c (before login) and register_own.c (after it); nobody else's. */
#ifndef ROUTER_REGISTER_INTERNAL_H
#define ROUTER_REGISTER_INTERNAL_H

#include <base/rate.h>
#include <xmpp/el.h>

#include "auth/register.h"

/* Deriving the keys of a password takes milliseconds of the loop: how many passwords all together,
 * and one account, may set. */
#define ALL_PER_SECOND 5.0
#define ALL_BURST 20.0
#define OWN_PER_SECOND (1.0 / 60)
#define OWN_BURST 5.0

struct registrar {
	struct router *router;
	struct rate_table *by_addr;    /* registrations */
	struct rate_table *by_account; /* changes of passwords */
	struct rate all;               /* both */
};

/* May this much work be done now?  key counts in t. */
bool registrar_take(struct registrar *rr, struct rate_table *t, const char *key);
/* What the error of accounts.h means to who asked. */
enum el_cond registrar_cond(int err);
/* The text of a field that must be there and not be empty, as an element or in a submitted form;
 * NULL: it is not so. */
const char *registrar_field(const struct el *query, const char *name);

#endif
