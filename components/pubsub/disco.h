/* SPDX-License-Identifier: MIT */
/* What the service, accounts and nodes say of themselves (XEP-0060 5, XEP-0163 6). */
#ifndef PUBSUB_DISCO_H
#define PUBSUB_DISCO_H

#include "request.h"

void disco_start(struct pubsub *p);
int disco_info(struct request *r);  /* of a node */
int disco_items(struct request *r); /* of a service, or of a node */

#endif
