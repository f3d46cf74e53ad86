/* SPDX-License-Identifier: MIT */
/* XEP-0030 for served domains and accounts; components list themselves. */
#ifndef ROUTER_DISCO_H
#define ROUTER_DISCO_H

#include <stdbool.h>

struct router;
struct stanza;

/* true: it was a disco request and has been answered. */
bool disco_host(struct router *r, struct stanza *st);
bool disco_account(struct router *r, struct stanza *st);

#endif
