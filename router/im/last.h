/* SPDX-License-Identifier: MIT */
/* Last activity of accounts (XEP-0012): when the last session of one ended, and what it said. */
#ifndef ROUTER_LAST_H
#define ROUTER_LAST_H

#include <stdbool.h>

struct el;
struct router;
struct session;
struct stanza;

/* The session has sent this unavailable presence, or (NULL) is available again. */
void last_status(struct session *s, const struct el *presence);
/* The last session of its account ends now.  Before session_free(); any other only forgets. */
void last_session_end(struct session *s);

/* A question about a local account, to its bare JID: true if it was one, and has been answered. */
bool last_account(struct router *r, struct stanza *st);
/* May it go on to the session that it is for?  false: it was such a question from somebody who may
 * not see the session's presence, and has been refused (3: no presence leak). */
bool last_admits(struct router *r, struct stanza *st, const struct session *s);

#endif
