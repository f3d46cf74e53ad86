/* SPDX-License-Identifier: MIT */
/* Who may do what with a node (XEP-0060 4.1, 4.5): pure. */
#ifndef PUBSUB_ACCESS_H
#define PUBSUB_ACCESS_H

#include <stdbool.h>

enum affiliation {
	AFF_NONE,
	AFF_OUTCAST,
	AFF_MEMBER,
	AFF_PUBLISH_ONLY,
	AFF_PUBLISHER,
	AFF_OWNER,
	AFF_LAST_ = AFF_OWNER
};
enum access_model {
	ACCESS_OPEN,
	ACCESS_PRESENCE,
	ACCESS_ROSTER,
	ACCESS_AUTHORIZE,
	ACCESS_WHITELIST,
	ACCESS_LAST_ = ACCESS_WHITELIST
};
#define ACCESS_MODELS "open|presence|roster|authorize|whitelist"
enum publish_model { PUBLISH_PUBLISHERS, PUBLISH_SUBSCRIBERS, PUBLISH_OPEN };
#define PUBLISH_MODELS "publishers|subscribers|open"

struct standing { /* of somebody with a node */
	enum affiliation affiliation;
	bool subscribed; /* explicitly, and approved */
	bool contact;    /* sees the owner's presence */
	bool in_group;   /* in one of the groups that may see the node */
};

enum verdict {
	MAY,
	MAY_AFTER_APPROVAL, /* 6.1.4 */
	NOT_OUTCAST,        /* forbidden */
	NOT_CONTACT,        /* not-authorized, presence-subscription-required */
	NOT_IN_GROUP,       /* not-authorized, not-in-roster-group */
	NOT_SUBSCRIBED,     /* not-authorized, not-subscribed */
	NOT_LISTED,         /* not-allowed, closed-node */
};

enum verdict access_subscribe(enum access_model m, const struct standing *s);
enum verdict access_retrieve(enum access_model m, const struct standing *s);
bool access_publish(enum publish_model m, const struct standing *s);
/* Any item, or only one's own (4.1, note). */
bool access_retract(enum publish_model m, const struct standing *s, bool own);

const char *affiliation_name(enum affiliation a);
int affiliation_parse(const char *name, enum affiliation *out); /* 0 or -EINVAL */

#endif
