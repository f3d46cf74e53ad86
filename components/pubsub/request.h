/* SPDX-License-Identifier: MIT */
/* A request to a service: who asks whom, and the answers that publish-subscribe has of its own.
 *
 * A request to an account waits until its roster is known, so that a handler can decide at once.
 * Waiting requests of one account are handled in the order in which they came. */
#ifndef PUBSUB_REQUEST_H
#define PUBSUB_REQUEST_H

#include <xmpp/rsm.h>

#include "access.h"
#include "service.h"

struct roster;

struct request {
	struct pubsub *p;
	struct comp_req *rq;
	const struct el *action; /* the first child of the payload; NULL: none */
	struct service *service;
	const struct roster *roster; /* of the account; NULL: of a service that is no account */
	struct jid bare;             /* who asks */
};
/* Replies and returns COMP_DONE, or -enum el_cond; it does not defer. */
typedef int request_fn(struct request *r);

/* Runs fn, now or when the roster is there. */
int request_run(struct pubsub *p, struct comp_req *rq, request_fn *fn);
/* The same for what needs no roster, as vCards. */
int request_run_plain(struct pubsub *p, struct comp_req *rq, request_fn *fn);

bool request_is_owner(const struct request *r);    /* of the account that is asked */
const char *request_node(const struct request *r); /* the action's; NULL: none, or too long */
/* The node of the action; NULL: *ret is the answer (item-not-found, nodeid-required). */
struct node *request_find(struct request *r, int *ret);
/* The same for owners alone; others are forbidden. */
struct node *request_find_own(struct request *r, int *ret);
/* What whoever asks is to the node. */
void request_standing(const struct request *r, const struct node *n, struct standing *out);
/* 0: go on; -enum el_cond; 1: it has been answered, the handler is done. */
int request_judge(struct request *r, enum verdict v);

/* Answers with what may be long, in place of comp_reply(): with an error if it is longer than a
 * link takes.  Takes the answer; returns COMP_DONE. */
int request_reply(struct request *r, struct el *answer);
/* Leaves as many rows of the page as an answer has room for, one at least; of one that was asked
 * for backwards those at its end.  row_len: bytes of a row as it is written. */
void request_fit(const struct request *r, struct rsm_page *page, bool backwards,
    size_t (*row_len)(void *rows, size_t i), void *rows);
/* Bytes of an attribute's value as it is written. */
size_t request_attr_len(const char *value);
/* Answers with an error and one of XEP-0060's own conditions; both return COMP_DONE. */
int request_error(struct request *r, enum el_cond cond, const char *own, const char *text);
int request_unsupported(struct request *r, const char *feature);
/* What has been asked for costs so many changes: 0, or -COND_RESOURCE_CONSTRAINT. */
int request_charge(struct request *r, size_t changes);
/* -EBUSY and other failures of the database to give the nodes of an address. */
int request_failed(const char *address, int err);

#endif
