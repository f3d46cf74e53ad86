/* SPDX-License-Identifier: MIT */
/* Namespace delegation (XEP-0355) in admin mode: iq requests to a served domain or to the bare JID
 * of an account, whose payload's namespace a component has been given, are answered by that
 * component.
 *
 * A request is held until it is answered, exactly once: by what the component says, if its
 * addresses, id and type are right, else with service-unavailable.  Bounded: 1,024 open ones a
 * component (links/ask.h), 128 a bare JID that asks, 512 a component that asks; in bytes as
 * its queue is. */
#ifndef ROUTER_DELEGATE_H
#define ROUTER_DELEGATE_H

#include <stdbool.h>
#include <stddef.h>

struct component;
struct delegates;
struct member;
struct router;
struct router_conf;
struct stanza;

/* --- the setting (delegate_conf.c) ------------------------------------------------------------ */

enum {
	DELEGATE_ROWS_MAX = 64,   /* of one component */
	DELEGATE_ATTRS_MAX = 8,   /* of one filter */
	DELEGATE_ASKER_MAX = 128, /* of one bare JID: two sessions that are read no more (c2s/) */
	DELEGATE_COMPONENT_MAX = 512, /* of a component that asks, under all its names */
	DELEGATE_TIMEOUT_MS = 30 * 1000,
};
/* What is left of disco to bare JIDs once the router has answered what it can (XEP-0355 7.2.4 and
 * 7.2.5). */
#define DELEGATE_INFO_NS "urn:xmpp:delegation:2:bare:disco#info:*"
#define DELEGATE_ITEMS_NS "urn:xmpp:delegation:2:bare:disco#items:*"

enum delegate_kind { DELEGATE_NS, DELEGATE_INFO, DELEGATE_ITEMS };
struct delegate_row {
	enum delegate_kind kind;
	char *ns;
	char *attrs[DELEGATE_ATTRS_MAX]; /* in order of their names */
	size_t n_attrs;
};
/* Of n bytes: not empty, not long, and nothing in it that would have to be escaped. */
bool delegate_is_namespace(const char *s, size_t n);
/* "ns" or "ns[attr1,attr2]".  0, or -EINVAL and half a line for the operator. */
int delegate_row_parse(struct delegate_row *out, const char *text, char *err, size_t err_len)
    __attribute__((warn_unused_result));
void delegate_row_done(struct delegate_row *row);
/* All sections' rows, hosts prepared: 0, or -EINVAL and a line. */
int delegate_check(const struct router_conf *c, char *err, size_t err_len)
    __attribute__((warn_unused_result));

/* --- requests (delegate.c, delegate_table.c) -------------------------------------------------- */

void delegates_open(struct delegates **out, struct router *r);
void delegates_close(struct delegates *ds);  /* after the components; NULL is fine */
void delegates_reload(struct delegates *ds); /* before components_reload() */

/* An iq get or set for a served domain or a bare JID there, or without `to`.  true: it is the
 * component's, and will be or has been answered. */
bool delegate_iq(struct router *r, struct stanza *st);
/* Is ns delegated for this served domain, whatever the filter?  Then what the router itself could
 * say about it does not count (XEP-0355 7.2.1). */
bool delegate_has(struct router *r, const char *ns, const char *host, size_t len);

/* For hooks.c.  only: no other member of it is online.  true: it is asked what it says of its
 * domain (info.h). */
bool delegate_online(
    struct router *r, struct component *c, struct member *m, bool only, bool resumed);
void delegate_away(struct router *r, struct component *c);
void delegate_changed(struct router *r, struct component *c);
void delegate_removed(struct router *r, struct component *c);

#endif
