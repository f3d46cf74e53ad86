/* SPDX-License-Identifier: MIT */
/* Avatars of rooms (XEP-0486): a vcard-temp that owners set and anybody who may know of the room
 * gets; its pictures' hashes are in the room's information and in a presence of the room itself
 * (XEP-0153), for clients that look there.
 *
 * A vCard is in memory only until it is committed; after that it is read when somebody asks. */
#ifndef MUC_AVATAR_H
#define MUC_AVATAR_H

#include "handler.h"

#define NS_VCARD "vcard-temp"

int avatar_get(struct muc *m, struct room *r, struct comp_req *rq);
int avatar_set(struct muc *m, struct room *r, struct comp_req *rq);
/* The room's own presence to who has come; nothing if it has no picture. */
void avatar_tell_one(const struct room *r, const struct session *to);
/* The field of muc#roominfo; nothing if it has no picture. */
void avatar_info(const struct room *r, struct el *form);
void avatar_free(struct room *r); /* from memory alone */

#endif
