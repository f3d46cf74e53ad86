/* SPDX-License-Identifier: MIT */
/* What the owner may say about a room beyond name and description, for who asks (XEP-0045 6.4):
 * whom to write to, where its logs are, which group and which node belong to it.  It is only said:
 * nothing here follows from it.  Pure. */
#ifndef MUC_ABOUT_H
#define MUC_ABOUT_H

struct el;
struct form;

enum about {           /* the numbers are in the database */
	ABOUT_CONTACT, /* bare JIDs, one a line */
	ABOUT_LOGS,
	ABOUT_LDAP,
	ABOUT_PUBSUB,
	ABOUT_N
};

/* From a submitted form; a field that is absent leaves things as they are.  0, or
 * -COND_NOT_ACCEPTABLE and *ret_why, a line for a human. */
int about_read(char *about[ABOUT_N], const struct form *f, const char **ret_why)
    __attribute__((warn_unused_result));
/* One of them as a field: in the owner's form, or, where it is said, in the room's information. */
void about_write(char *const about[ABOUT_N], enum about which, struct el *form);

#endif
