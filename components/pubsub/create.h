/* SPDX-License-Identifier: MIT */
/* Nodes that are made (XEP-0060 8.1), and the settings that a request carries. */
#ifndef PUBSUB_CREATE_H
#define PUBSUB_CREATE_H

#include "config.h"
#include "request.h"

struct el;
struct form;

void create_limits(const struct service *s, struct config_limits *out);
void create_defaults(const struct service *s, struct node_conf *out);
/* Fills in conf with the form's settings on top of what it has.  0, -enum el_cond, or 1: it has
 * been answered; conf must be thrown away unless 0. */
int create_read(struct request *r, struct node_conf *conf, const struct form *f);
/* Reads the submitted form of this FORM_TYPE below el.  1: there is one, 0: none, or
 * -COND_BAD_REQUEST. */
int create_form(const struct el *el, const char *form_type, struct form *out);
/* May whoever asks make one more node here?  0, -enum el_cond. */
int create_may(struct request *r);
/* The node, its items in memory; it is made with these settings (taken) if it is not there.  NULL:
 * it cannot be. */
struct node *create_obtain(struct request *r, const char *name, struct node_conf *conf);
int create_node(struct request *r); /* <create/>, with <configure/> */
/* What has to stand behind <create/> or <publish/> comes first, or alone (8.1.3). */
int create_misplaced(struct request *r);

#endif
