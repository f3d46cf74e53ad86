/* SPDX-License-Identifier: MIT */
/* What waited for an account is fetched from its archive when somebody comes, a page at a time
 * (XEP-0160, docs/component-protocol.md 5).
 *
 * One session of an account is given it.  A page is over when the client has it; until then the
 * archive keeps it, so a session that ends in between costs nothing: the next one begins with the
 * same page. */
#ifndef ROUTER_OFFLINE_H
#define ROUTER_OFFLINE_H

#include <stdbool.h>

struct component;
struct jid;
struct offline;
struct router;
struct session;

void offline_open(struct offline **out, struct router *r);
void offline_close(struct offline *o); /* after the components: no answer comes any more */

/* The session gets messages from now on. */
void offline_available(struct session *s);
/* Its client reads what it has missed in its archive, up to now (XEP-0386 3.2): it is given only
 * what is not there, and what comes later. */
void offline_catches_up(struct session *s);
/* Its client has acknowledged more (XEP-0198). */
void offline_acked(struct session *s);
/* It ends, or gets no messages any more. */
void offline_session_end(struct session *s);
/* The archive may be there again. */
void offline_online(struct router *r, struct component *c, bool resumed);
/* It is told of a message that waits for an account from now on; expired: and has waited for a
 * session of his before. */
void offline_told(struct router *r, const struct jid *account, bool expired);

#endif
