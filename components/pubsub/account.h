/* SPDX-License-Identifier: MIT */
/* Accounts that are gone: what they owned goes with them (docs/component-protocol.md 5). */
#ifndef PUBSUB_ACCOUNT_H
#define PUBSUB_ACCOUNT_H

#include "pubsub.h"

int account_event(struct comp_req *rq, void *arg);
/* Its end is not committed yet: what the database still says of it is over. */
bool account_is_gone(const struct pubsub *p, const char *bare);
void account_free(struct pubsub *p);

#endif
