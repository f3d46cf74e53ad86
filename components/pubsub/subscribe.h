/* SPDX-License-Identifier: MIT */
/* One's own subscriptions and affiliations (XEP-0060 5.6, 5.7, 6.1, 6.2). */
#ifndef PUBSUB_SUBSCRIBE_H
#define PUBSUB_SUBSCRIBE_H

#include "node.h"
#include "request.h"

int subscribe_set(struct request *r);
int subscribe_unset(struct request *r);
int subscribe_list(struct request *r);         /* <subscriptions/> */
int subscribe_affiliations(struct request *r); /* <affiliations/> */
int subscribe_options(struct request *r);      /* there are none */

/* "subscribed", "pending", "none" (state 0). */
const char *subscribe_state_name(int state);
/* 8.6, 8.8.4: somebody's subscription has been changed by others. */
void subscribe_tell(struct node *n, const char *jid, int state);

#endif
