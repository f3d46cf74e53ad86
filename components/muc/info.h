/* SPDX-License-Identifier: MIT */
/* What a room tells of itself to who asks (XEP-0045 6.4, muc#roominfo). */
#ifndef MUC_INFO_H
#define MUC_INFO_H

#include "room.h"

void info_write(const struct room *r, const struct jid *who, struct el *query);

#endif
