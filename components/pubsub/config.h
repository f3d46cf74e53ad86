/* SPDX-License-Identifier: MIT */
/* The settings of a node, and the form that they are read and written in (pubsub#node_config).
 * Pure: what a change leads to stands in owner.c. */
#ifndef PUBSUB_CONFIG_H
#define PUBSUB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"

struct el;
struct form;

enum send_last { LAST_NEVER, LAST_ON_SUB, LAST_ON_SUB_AND_PRESENCE };
#define SEND_LAST "never|on_sub|on_sub_and_presence"
enum node_full { FULL_RETRACT_OLDEST, FULL_DISCARD_OLDEST, FULL_REJECT };
#define NODE_FULL "retract-oldest|discard-oldest|reject"
enum notification_type { NOTIFY_HEADLINE, NOTIFY_NORMAL, NOTIFY_CHAT };
#define NOTIFICATION_TYPES "headline|normal|chat"

struct node_conf {
	char *title, *description, *type, *language; /* NULL: none */
	char *groups;        /* NUL after each, and at the end; NULL: none */
	int access;          /* enum access_model */
	int publish;         /* enum publish_model */
	int send_last;       /* enum send_last */
	int full;            /* enum node_full */
	int notification;    /* enum notification_type */
	int64_t max_items;   /* at most the service's */
	int64_t max_payload; /* bytes; at most the service's */
	bool persist, payloads, notifications;
	bool notify_config, notify_delete, notify_retract, notify_sub;
	bool publisher; /* stands with the item (7.1.2.3) */
	bool subscribe; /* subscriptions are allowed */
};

struct config_limits {
	bool pep; /* of an account: has presence and roster */
	int64_t max_items, max_payload;
};

void config_init(struct node_conf *c, const struct config_limits *lim); /* the defaults */
void config_copy(struct node_conf *to, const struct node_conf *from);   /* to is uninitialised */
void config_done(struct node_conf *c);
size_t config_groups_len(const char *groups); /* with all that ends them; NULL: 0 */
bool config_has_group(const struct node_conf *c, const char *group);

/* Writes what a form says into c; a field that is absent leaves things as they are.  0 or a negated
 * enum el_cond; *ret_why then is a line for a human, and c must be thrown away.  *ret_model: it is
 * the access model that is not possible here (8.1.2). */
int config_read(struct node_conf *c, const struct form *f, const struct config_limits *lim,
    const char **ret_why, bool *ret_model) __attribute__((warn_unused_result));
/* Are all fields of publish options ones of a node's configuration? */
bool config_knows(const struct form *f);
/* Publish options (7.1.5): does a node of these settings meet them all? */
bool config_meets(const struct node_conf *c, const struct form *f, const struct config_limits *lim);
void config_write(const struct node_conf *c, struct el *form, const struct config_limits *lim);
/* What disco#info tells of it (5.4). */
void config_write_meta(const struct node_conf *c, struct el *form);

const char *config_access_name(const struct node_conf *c);
const char *config_notification_name(const struct node_conf *c); /* a message's type */

#endif
