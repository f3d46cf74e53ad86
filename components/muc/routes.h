/* SPDX-License-Identifier: MIT */
/* Which stanza goes where: the handlers of all that comes to the service or to a room, but for what
 * libcomp answers itself (disco.c says with what). */
#ifndef MUC_ROUTES_H
#define MUC_ROUTES_H

#include "muc.h"

void muc_routes(struct muc *m);

#endif
