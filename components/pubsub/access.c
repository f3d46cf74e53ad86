/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "access.h"

static const char *const names[] = { "none", "outcast", "member", "publish-only", "publisher",
	"owner" };

const char *affiliation_name(enum affiliation a)
{
	return names[a];
}

int affiliation_parse(const char *name, enum affiliation *out)
{
	for (int i = 0; name && i <= AFF_LAST_; i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum affiliation)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Who stands in the node's lists gets in whatever the model is. */
static bool is_listed(const struct standing *s)
{
	return s->affiliation == AFF_MEMBER || s->affiliation == AFF_PUBLISHER ||
	       s->affiliation == AFF_OWNER;
}

/* What both ways to read have in common; closed: what a model without rule of its own says. */
static enum verdict judge(enum access_model m, const struct standing *s, enum verdict closed)
{
	if (s->affiliation == AFF_OUTCAST || s->affiliation == AFF_PUBLISH_ONLY)
		return NOT_OUTCAST;
	if (is_listed(s))
		return MAY;
	switch (m) {
	case ACCESS_OPEN:
		return MAY;
	case ACCESS_PRESENCE:
		return s->contact ? MAY : NOT_CONTACT;
	case ACCESS_ROSTER:
		if (!s->contact)
			return NOT_CONTACT;
		return s->in_group ? MAY : NOT_IN_GROUP;
	case ACCESS_AUTHORIZE:
		return closed;
	case ACCESS_WHITELIST:
		break;
	}
	return NOT_LISTED;
}

enum verdict access_subscribe(enum access_model m, const struct standing *s)
{
	return judge(m, s, MAY_AFTER_APPROVAL);
}

enum verdict access_retrieve(enum access_model m, const struct standing *s)
{
	return judge(m, s, s->subscribed ? MAY : NOT_SUBSCRIBED);
}

bool access_publish(enum publish_model m, const struct standing *s)
{
	if (s->affiliation == AFF_OUTCAST)
		return false;
	if (s->affiliation >= AFF_PUBLISH_ONLY)
		return true;
	return m == PUBLISH_OPEN || (m == PUBLISH_SUBSCRIBERS && s->subscribed);
}

bool access_retract(enum publish_model m, const struct standing *s, bool own)
{
	if (s->affiliation == AFF_OWNER || s->affiliation == AFF_PUBLISHER)
		return true;
	return own && access_publish(m, s);
}
