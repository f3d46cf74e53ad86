/* SPDX-License-Identifier: MIT */
/* Several connections that serve one domain (`connections = share`, docs/component-protocol.md 7):
 * each is a member with a queue of its own, and a stanza goes to the one that wins its key by
 * rendezvous hashing.
 *
 * Two lists, and nothing else, say who that is: the settled one and, while a change is under way,
 * the one that is to follow.  A key that both give to the same member goes there; any other waits
 * in the component's own queue until those that know of members have answered. */
#ifndef ROUTER_SHARE_H
#define ROUTER_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "links/component.h"

struct jid;
struct link;
struct member;
struct sbuf;
struct sharing;
struct stanza;

enum {
	SHARE_MAX = 64,       /* members that are here, or may come back */
	SHARE_GONE_MAX = 128, /* ended ones that nobody has taken over yet */
	SHARE_MS = 5000,      /* to answer a change in */
};

/* The settings say that the domain is shared, or do not any more: all begin anew. */
void share_open(struct component *c);
void share_close(struct component *c);
void share_free(struct component *c, bool quiet); /* quiet: nobody is told what is lost */

/* --- members come and go ---------------------------------------------------------------------- */
/* A link takes part; NULL: there are too many.  resumes: as component_attach(). */
struct member *share_attach(struct sharing *sh, struct link *l, struct member *resumes);
void share_extend(struct member *m);                 /* before it has joined */
void share_joined(struct member *m);                 /* its link may be written to */
void share_lost(struct member *m, bool left);        /* its link has gone; left: in order */
void share_ended(struct member *m, const char *why); /* its session is over */
void share_away(struct sharing *sh);                 /* nobody has come for too long */
struct member *share_session(const struct sharing *sh, const char *previd); /* NULL: none */
void share_detach_all(struct sharing *sh, const char *why); /* as if all were lost */

/* --- what goes to them ------------------------------------------------------------------------ */
enum component_verdict share_send(struct sharing *sh, struct stanza *st);
enum component_verdict share_tell(struct sharing *sh, struct stanza *st); /* to every member */

/* --- what they say ---------------------------------------------------------------------------- */
/* true: it was an answer to a change of members, and is used up. */
bool share_answer(struct component *c, struct stanza *st);

/* --- what is asked of all --------------------------------------------------------------------- */
bool share_any_online(const struct sharing *sh);
bool share_any_acked(const struct sharing *sh); /* online, with acknowledgements */
enum component_phase share_phase(const struct sharing *sh);
bool share_may_resume(const struct sharing *sh);
bool share_is_only(const struct sharing *sh, const struct member *m); /* the only one online? */
void share_state(const struct sharing *sh, struct component_state *out);
void share_each(const struct sharing *sh, component_member_fn *fn, void *arg);

#endif
