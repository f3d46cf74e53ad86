/* SPDX-License-Identifier: MIT */
/* Which stanza goes where: for comp_routes(), with struct pubsub. */
#ifndef PUBSUB_ROUTES_H
#define PUBSUB_ROUTES_H

#include "pubsub.h"

enum { PUBSUB_ROUTES = 11 };
extern const struct comp_route pubsub_routes[PUBSUB_ROUTES];

#endif
