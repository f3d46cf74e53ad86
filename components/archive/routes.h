/* SPDX-License-Identifier: MIT */
/* Which stanza goes where. */
#ifndef ARCHIVE_ROUTES_H
#define ARCHIVE_ROUTES_H

#include "archive.h"

enum { ARCHIVE_ROUTES = 8 };
extern const struct comp_route archive_routes[ARCHIVE_ROUTES];

#endif
