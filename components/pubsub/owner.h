/* SPDX-License-Identifier: MIT */
/* What owners do with a node as a whole (XEP-0060 8.2 to 8.5). */
#ifndef PUBSUB_OWNER_H
#define PUBSUB_OWNER_H

#include "request.h"

int owner_get_config(struct request *r);
int owner_set_config(struct request *r);
int owner_get_default(struct request *r); /* <default/>, for everybody */
int owner_delete(struct request *r);
int owner_purge(struct request *r);

#endif
