/* SPDX-License-Identifier: MIT */
/* Which messages are worth keeping for who is not there, or wants to read them again (XEP-0313,
 * XEP-0160): a question to the message alone. */
#ifndef ROUTER_KEEP_H
#define ROUTER_KEEP_H

#include <stdbool.h>

struct el;
struct stanza;

enum keep {
	KEEP_NOT,     /* gone when nobody can show it */
	KEEP_OFFLINE, /* until somebody comes, and not longer (XEP-0334 4.1) */
	KEEP_ALWAYS,
};
enum keep keep_judge(const struct stanza *st);
/* Does this child stand for a body that nobody but the recipient can read? */
bool keep_is_encrypted(const struct el *child);

#endif
