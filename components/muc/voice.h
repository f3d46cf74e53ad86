/* SPDX-License-Identifier: MIT */
/* Requests for voice in a moderated room, and the moderators' answers (XEP-0045 7.13, 8.6). */
#ifndef MUC_VOICE_H
#define MUC_VOICE_H

#include "handler.h"

/* A message of type normal to the room with a data form. */
int voice_message(struct muc *m, struct room *r, struct comp_req *rq);

#endif
