/* SPDX-License-Identifier: MIT */
/* What a served domain says of itself beside disco: uptime, version, time. */
#ifndef ROUTER_HOST_H
#define ROUTER_HOST_H

#include <stdbool.h>

struct router;
struct stanza;

/* true: it was such a question and has been answered. */
bool host_iq(struct router *r, struct stanza *st);

#endif
