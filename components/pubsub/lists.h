/* SPDX-License-Identifier: MIT */
/* A node's lists, read and changed by its owners (XEP-0060 8.8, 8.9). */
#ifndef PUBSUB_LISTS_H
#define PUBSUB_LISTS_H

#include "request.h"

int lists_get_affiliations(struct request *r);
int lists_set_affiliations(struct request *r);
int lists_get_subscriptions(struct request *r);
int lists_set_subscriptions(struct request *r);

#endif
