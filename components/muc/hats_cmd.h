/* SPDX-License-Identifier: MIT */
/* Hats are made, given and taken by commands (XEP-0317, XEP-0050) of owners and admins.  Each has
 * one form; nothing is kept between it and its answer. */
#ifndef MUC_HATS_CMD_H
#define MUC_HATS_CMD_H

#include "handler.h"

#define NS_COMMANDS "http://jabber.org/protocol/commands"

int hats_command(struct muc *m, struct room *r, struct comp_req *rq);
/* disco of the commands: those that one may use; one of them (COMP_PASS: it is none). */
void hats_items(const struct room *r, const struct jid *who, struct el *query);
int hats_info(const char *node, struct el *query);

#endif
