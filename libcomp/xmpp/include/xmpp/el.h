/* SPDX-License-Identifier: MIT */
/* One XML element and its subtree.  A tree lives in one arena, owned by its root.
 *
 * Builders never fail (out of memory aborts); text with characters that XML cannot carry is
 * cleaned.  Reading borrows: every pointer lives as long as the root.
 *
 * Content namespaces: stanzas and their children are in NS_CLIENT inside the program, whatever
 * stream they came from; the writer maps it to the stream's own.
 *
 * A parsed stanza keeps the bytes between its start and end tag (el_raw), so that one that is only
 * passed on is not rebuilt.  Setting attributes of the root leaves them valid; changing anything
 * below drops them. */
#ifndef XMPP_EL_H
#define XMPP_EL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xmpp/jid.h>
#include <xmpp/ns.h>

struct arena;
struct el;
struct sbuf;

enum el_kind { EL_OTHER, EL_IQ, EL_MESSAGE, EL_PRESENCE }; /* of the root, in NS_CLIENT */

/* All of RFC 6120 8.3.3, and policy-violation's kin; 0 is "no error".  Returned negated from
 * handlers. */
enum el_cond {
	COND_BAD_REQUEST = 1,
	COND_CONFLICT,
	COND_FEATURE_NOT_IMPLEMENTED,
	COND_FORBIDDEN,
	COND_GONE,
	COND_INTERNAL_SERVER_ERROR,
	COND_ITEM_NOT_FOUND,
	COND_JID_MALFORMED,
	COND_NOT_ACCEPTABLE,
	COND_NOT_ALLOWED,
	COND_NOT_AUTHORIZED,
	COND_POLICY_VIOLATION,
	COND_RECIPIENT_UNAVAILABLE,
	COND_REDIRECT,
	COND_REGISTRATION_REQUIRED,
	COND_REMOTE_SERVER_NOT_FOUND,
	COND_REMOTE_SERVER_TIMEOUT,
	COND_RESOURCE_CONSTRAINT,
	COND_SERVICE_UNAVAILABLE,
	COND_SUBSCRIPTION_REQUIRED,
	COND_UNDEFINED_CONDITION,
	COND_UNEXPECTED_REQUEST,
	COND_LAST_ = COND_UNEXPECTED_REQUEST
};

/* --- roots: the caller owns what these return ------------------------------------------------- */
struct el *el_new(const char *name, const char *ns);
struct el *el_new_in(struct arena *a, const char *name, const char *ns); /* takes the arena */
struct el *el_message(const char *type, const char *to); /* NULL: attribute absent */
struct el *el_presence(const char *type, const char *to);
struct el *el_iq(const char *type, const char *to); /* no id yet: who sends it gives one */
struct el *el_dup(const struct el *src);            /* any element becomes a root */
void el_free(struct el *root);                      /* NULL is fine; frees the arena */
static inline void el_freep(struct el **p)
{
	el_free(*p);
}
#define EL_AUTO __attribute__((cleanup(el_freep)))
struct arena *el_arena(const struct el *el); /* of the tree: for what should live as long */

/* --- building: children belong to the root ---------------------------------------------------- */
struct el *el_add(struct el *parent, const char *name, const char *ns); /* ns NULL: the parent's */
struct el *el_add_text(struct el *parent, const char *name, const char *ns, const char *text);
struct el *el_add_copy(struct el *parent, const struct el *src);
/* As el_add_copy() of a stanza, but below the copy there are only the bytes that el_raw() has given
 * for it, now or before it was changed: they are written as they are, and cannot be read.  The
 * parent is no part of a stanza itself. */
struct el *el_add_raw(struct el *parent, const struct el *src, const char *raw, size_t len);
void el_set(struct el *el, const char *attr, const char *val); /* NULL removes */
void el_setf(struct el *el, const char *attr, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void el_text(struct el *el, const char *text); /* appended behind the last child */
void el_text_n(struct el *el, const char *text, size_t n);
void el_remove(struct el *parent, const struct el *child);
/* All children that go, in one pass. */
void el_remove_all(struct el *parent, bool (*goes)(const struct el *child, void *arg), void *arg);
/* Attribute in a namespace (rare): written with a prefix of its own. */
void el_set_ns(struct el *el, const char *ns, const char *attr, const char *val);

/* --- reading ---------------------------------------------------------------------------------- */
enum el_kind el_kind(const struct el *el);
const char *el_name(const struct el *el);
const char *el_ns(const struct el *el);
bool el_is(const struct el *el, const char *name, const char *ns);
const char *el_attr(const struct el *el, const char *name); /* NULL: absent; "xml:lang" works */
/* An attribute in a namespace; ns NULL: as el_attr. */
const char *el_attr_ns(const struct el *el, const char *ns, const char *name);
/* As an xs:unsignedInt, with no more liberty than digits; -EINVAL: absent, or none. */
int el_attr_u32(const struct el *el, const char *name, uint32_t *out);
/* As an xs:boolean: whether it says yes. */
bool el_attr_true(const struct el *el, const char *name);
/* The text of the element itself, concatenated; "" : none.  The common case of one text node is
 * returned in place. */
const char *el_body(const struct el *el);
/* First and next child; name and ns NULL: any. */
const struct el *el_child(const struct el *el, const char *name, const char *ns);
const struct el *el_next(const struct el *cur, const char *name, const char *ns);
const char *el_child_text(
    const struct el *el, const char *name, const char *ns); /* NULL: no child */
size_t el_child_count(const struct el *el);
#define EL_EACH(it, parent, name, ns)                                    \
	for (const struct el *it = el_child((parent), (name), (ns)); it; \
	     it = el_next(it, (name), (ns)))
struct el *el_mut(const struct el *el); /* a tree that one owns may be changed below too */

/* --- errors (el_err.c): RFC 6120 8.3, with the legacy code of XEP-0086 ------------------------ */
/* The error answer to a stanza: to and from swapped, same id; NULL if it must not be answered
 * (it is an error or a result itself; RFC 6120 8.3.1) or is no stanza. text may be NULL.  The
 * caller owns it. */
struct el *el_error_reply(const struct el *stanza, enum el_cond cond, const char *text);
/* As above with the error type overridden ("modify", "cancel", "wait", "auth"; NULL: the usual). */
struct el *el_error_reply_type(
    const struct el *stanza, enum el_cond cond, const char *type, const char *text);
/* What an error stanza says; COND_UNDEFINED_CONDITION if nothing known; *ret_text may be NULL. */
enum el_cond el_error(const struct el *stanza, const char **ret_text);
const char *el_cond_name(enum el_cond c);  /* "bad-request" */
const char *el_cond_type(enum el_cond c);  /* its usual error type */
struct el *el_result(const struct el *iq); /* empty result: to and from swapped, same id */

/* --- writing (el_out.c) ----------------------------------------------------------------------- */
/* Appends the element as it stands inside a stream whose default namespace is content_ns
 * (NS_CLIENT, NS_COMPONENT, NS_SERVER; NULL: a document of its own).  NS_CLIENT becomes content_ns
 * from the root down to the first element of another namespace; below one (a forwarded stanza) it
 * is written as it is.  A root in NS_STREAM takes the stream's prefix "stream". */
void el_write(struct sbuf *out, const struct el *el, const char *content_ns);
/* As el_write, with `to`/`from` written instead of the root's own (NULL: as it is): a copy for one
 * of many recipients costs no tree. */
void el_write_addr(struct sbuf *out, const struct el *el, const char *content_ns, const char *from,
    const char *to);
/* Escapes for text and for attributes in double quotes; drops what XML 1.0 cannot carry. */
void el_escape(struct sbuf *out, const char *s, size_t n);
/* One attribute of a tag that is put together by hand; val NULL: none. */
void el_write_attr(struct sbuf *out, const char *name, const char *val);

/* The bytes between start and end tag as received; NULL: changed since, or not to be reused. */
const char *el_raw(const struct el *el, size_t *ret_len);
void el_set_raw(struct el *root, const char *raw, size_t len); /* borrowed from el_arena(root) */
void el_drop_raw(struct el *root);
/* Serialises what is below the root of a stanza once, as its raw bytes: each copy that follows is
 * a start tag and these bytes.  Nothing to do for one that has them. */
void el_freeze(struct el *root);
/* How many bytes the stanza had on the wire, both tags included; 0: it was made here. */
size_t el_wire_len(const struct el *root);

#endif
