/* SPDX-License-Identifier: MIT */
/* Components (XEP-0114): the configured ones, and a component's connection and queue behind one
 * interface.  A component has at most one link, with acknowledgements (XEP-0198) or without, and a
 * queue that outlives it for a while. */
#ifndef ROUTER_COMPONENT_H
#define ROUTER_COMPONENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xmpp/el.h>
#include <xmpp/jid.h>

struct asks;
struct component;
struct component_conf;
struct components;
struct privileged;
struct member;
struct router;
struct stanza;

/* Opens the component port; err: one line for the operator. */
int components_open(struct components **out, struct router *r, char *err, size_t err_len);
void components_close(struct components *cs);
void components_stop(struct components *cs);   /* system-shutdown to all links */
void components_reload(struct components *cs); /* sections added, changed, removed */

/* The component that owns a domain, connected or not; NULL: none is configured. */
struct component *components_find(struct components *cs, const char *domain, size_t len);
const struct component_conf *component_conf_of(const struct component *c);
const char *component_domain(const struct component *c);
bool component_online(const struct component *c);
/* It is online, and acknowledges what it is sent (XEP-0198). */
bool component_acked(const struct component *c);
/* Is anything but unavailable presence worth making for it: online, or back in a moment? */
bool component_expects(const struct component *c);
/* Nobody but the router itself may address it (`internal`). */
bool component_internal(const struct component *c);
/* Takes bytes from the rate of the link that st came by, beyond those that came: for what it
 * became.
 */
void component_charge(const struct stanza *st, size_t bytes);
struct asks *component_asks(struct component *c);              /* ask.h */
struct privileged **component_privileged(struct component *c); /* privilege_internal.h */
/* Does it work for this served domain (its `hosts`)? */
bool component_for_host(const struct component *c, const char *domain, size_t len);

enum component_verdict { COMPONENT_TAKEN, COMPONENT_AWAY, COMPONENT_FULL, COMPONENT_TOO_LONG };
/* Hands a stanza over.  TAKEN: written, queued (then it holds the stanza, until it is acknowledged
 * or `dropped`), or answered.  All else: the caller answers as docs/component-protocol.md's table
 * says (route.c does).  Unavailable presence is never lost, whatever this returns. */
enum component_verdict component_send(struct component *c, struct stanza *st);
/* Will it take an event (stanza.stays) of so many bytes in this sender's share, and acknowledge it?
 * Then component_send() takes it in this turn. */
bool component_keeps(struct component *c, size_t bytes, const struct jid *payer, bool of_component);
/* What the router itself says (probes, unavailable presence): borrowed. */
enum component_verdict component_send_el(struct component *c, const struct el *el);
/* The same, taken: no copy is made where it has to wait. */
enum component_verdict component_send_own(struct component *c, struct el *el);

/* What every member of a shared domain has to know (grants, presence, account events), or, with m,
 * that one: to any other component it is sent as above. */
enum component_verdict component_tell(struct component *c, struct stanza *st);
enum component_verdict component_tell_el(
    struct component *c, struct member *m, const struct el *el);
enum component_verdict component_tell_own(struct component *c, struct member *m, struct el *el);
/* Is m the only one that is online? */
bool component_is_only(const struct component *c, const struct member *m);

/* What a component has sent is in our hands: it counts as handled there, so that nothing on its
 * link waits for another one (no deadlock between links).  Nothing happens to what others sent. */
void component_settle(struct stanza *st);

/* For ctl and disco: in order of the sections. */
typedef void component_each_fn(struct component *c, void *arg);
void components_each(struct components *cs, component_each_fn *fn, void *arg);
enum component_phase {
	COMP_NEVER, /* it has not connected yet */
	COMP_ONLINE,
	COMP_GRACE, /* its link was lost: what comes waits */
	COMP_AWAY,  /* for longer than that */
};
const char *component_phase_name(enum component_phase p);
struct component_state {
	const char *domain, *title, *peer, *last_error; /* borrowed; NULL: none */
	enum component_phase phase;
	bool acked;       /* the link has acknowledgements, or had when it was lost */
	int64_t since_ms; /* wall clock, of the present phase */
	uint64_t in, out; /* stanzas on this link */
	uint64_t in_total, out_total;
	size_t queued;         /* bytes that have not been handed to the kernel */
	size_t unacknowledged; /* stanzas that were */
	size_t links, members; /* members: 0 unless the domain is shared */
};
void component_state(const struct component *c, struct component_state *out);
/* Of each member of a shared domain. */
typedef void component_member_fn(const struct component_state *st, const char *id, void *arg);
void component_each_member(const struct component *c, component_member_fn *fn, void *arg);

#endif
