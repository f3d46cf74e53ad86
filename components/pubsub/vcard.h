/* SPDX-License-Identifier: MIT */
/* vCards (XEP-0054) of accounts, kept in step with vCard4 (XEP-0292) and the avatar (XEP-0398). */
#ifndef PUBSUB_VCARD_H
#define PUBSUB_VCARD_H

#include "request.h"

void vcard_start(struct pubsub *p);
int vcard_get(struct request *r);
int vcard_set(struct request *r);

#endif
