/* SPDX-License-Identifier: MIT */
/* Privileged entities (XEP-0356, urn:xmpp:privilege:2 and :1): what a component may do in the name
 * of the accounts of the hosts that it works for, and what it is told of them.
 *
 * Nothing is granted by default.  What a component says without the grant is answered forbidden;
 * the same payloads from anybody else mean nothing. */
#ifndef ROUTER_PRIVILEGE_H
#define ROUTER_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>

struct component;
struct member;
struct conf_list;
struct el;
struct jid;
struct roster;
struct router;
struct session;
struct stanza;

/* A component's `privilege`: 0, or -EINVAL and what is wrong in err. */
int privileges_check(const struct conf_list *list, char *err, size_t err_len);

/* --- for hooks.c ------------------------------------------------------------------------------ */
void privilege_online(struct router *r, struct component *c, struct member *m, bool resumed);
void privilege_changed(struct router *r, struct component *c);
void privilege_removed(struct component *c);

/* --- for intake.c: each answers --------------------------------------------------------------- */
/* <privilege><forwarded><message/></forwarded></privilege> to a served domain. */
void privilege_message(struct router *r, struct component *c, struct stanza *st);
/* Is c granted messages in the name of from, an account or a served domain? */
bool privilege_may_write(struct router *r, struct component *c, const struct jid *from);
/* <privileged_iq><iq/></privileged_iq>, whomever it is addressed to. */
void privilege_iq(struct router *r, struct component *c, struct stanza *st);
/* A roster iq to the bare JID of an account. */
void privilege_roster(struct router *r, struct component *c, struct stanza *st);
/* <extra xmlns='urn:switchyard:presence-extra:1'/> to the bare JID of an account. */
void privilege_extra(struct router *r, struct component *c, struct stanza *st);

/* --- what components are told ----------------------------------------------------------------- */
/* An iq result or error to the bare JID of an account: goes to the component that asked in its
 * name, if one did. */
void privilege_iq_answer(struct router *r, const struct stanza *st);
/* A roster push (an iq set, addressed to nobody) of this account. */
void privilege_push(struct router *r, const struct jid *owner, const struct el *push);
/* The session is available; before: what it said last, NULL: it was not available.  ro NULL: the
 * roster cannot be read. */
void privilege_available(struct session *s, struct roster *ro, const struct el *before);
/* The session is available, and the contact may see it, who could not before. */
void privilege_shown(struct session *s, const struct jid *contact);
/* The session, which was available, has become unavailable with el. */
void privilege_unavailable(struct session *s, struct roster *ro, const struct el *el);
/* Presence, available or not, that somebody who is no local session sends to an account (`to`; st
 * may be one for many). */
void privilege_contact(struct router *r, const struct stanza *st, const struct jid *to);

/* The namespaces in which components may add to the presence of accounts at this domain. */
typedef void privilege_extra_fn(const char *ns, void *arg);
void privilege_each_extra(
    struct router *r, const char *domain, size_t len, privilege_extra_fn *fn, void *arg);

#endif
