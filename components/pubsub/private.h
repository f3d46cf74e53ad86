/* SPDX-License-Identifier: MIT */
/* Private XML (XEP-0049). */
#ifndef PUBSUB_PRIVATE_H
#define PUBSUB_PRIVATE_H

#include "request.h"

int private_get(struct request *r);
int private_set(struct request *r);

#endif
