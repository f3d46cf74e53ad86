/* SPDX-License-Identifier: MIT */
/* Subscriptions that an owner has to allow (XEP-0060 8.6). */
#ifndef PUBSUB_APPROVE_H
#define PUBSUB_APPROVE_H

#include "node.h"
#include "request.h"

void approve_ask(struct node *n, const char *jid); /* all owners */
/* pubsub#notify_sub: who has come or gone. */
void approve_tell_owners(struct node *n, const char *jid, int state);
/* An owner's answer: a message to the service. */
int approve_message(struct request *r);

#endif
