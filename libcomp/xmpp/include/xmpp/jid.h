/* SPDX-License-Identifier: MIT */
/* Addresses (RFC 7622, prepared with the stringprep profiles of RFC 6122 through libidn).
 * A struct jid is a view of a prepared address in a buffer that somebody else owns (a stanza's
 * arena, a session); comparing prepared addresses is comparing bytes. */
#ifndef XMPP_JID_H
#define XMPP_JID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct jid {
	const char *s; /* NUL-terminated: [local@]domain[/resource] */
	uint16_t dom;  /* offset of the domain; 0: no localpart */
	uint16_t res;  /* offset of the resource; 0: none */
	uint16_t len;  /* of the whole */
};

/* Prepares s; the result lives in a.  0 or -EINVAL (then out is untouched).  The fast path for
 * addresses that are prepared already copies nothing but the bytes. */
int jid_parse(struct jid *out, struct arena *a, const char *s) __attribute__((warn_unused_result));
/* A view of s itself if it is ASCII and prepared already, as nearly all are; nothing is copied.
 * false: jid_parse() decides. */
bool jid_view_ascii(struct jid *out, const char *s);
/* Builds one out of parts that are prepared here; local and resource may be NULL. */
int jid_make(struct jid *out, struct arena *a, const char *local, const char *domain,
    const char *resource) __attribute__((warn_unused_result));
/* A view of a string known to be prepared (read from our own database). */
struct jid jid_view(const char *prepared);
/* On the heap: released with jid_done(). */
struct jid jid_dup(const struct jid *j);
void jid_done(struct jid *j); /* zeroed memory is fine */
/* The bare form, in a. */
struct jid jid_bare(const struct jid *j, struct arena *a);

static inline size_t jid_bare_len(const struct jid *j)
{
	return j->res ? (size_t)j->res - 1 : j->len;
}
static inline const char *jid_domain(const struct jid *j)
{
	return j->s + j->dom;
} /* + rest */
static inline size_t jid_domain_len(const struct jid *j)
{
	return jid_bare_len(j) - j->dom;
}
static inline size_t jid_local_len(const struct jid *j)
{
	return j->dom ? (size_t)j->dom - 1 : 0;
}
static inline const char *jid_resource(const struct jid *j) /* NULL: none */
{
	return j->res ? j->s + j->res : NULL;
}
static inline bool jid_is_bare(const struct jid *j)
{
	return !j->res;
}
static inline bool jid_is_domain(const struct jid *j)
{
	return !j->res && !j->dom;
}
static inline bool jid_same(const struct jid *a, const struct jid *b)
{
	return a->len == b->len && !memcmp(a->s, b->s, a->len);
}
static inline bool jid_same_bare(const struct jid *a, const struct jid *b)
{
	return jid_bare_len(a) == jid_bare_len(b) && !memcmp(a->s, b->s, jid_bare_len(a));
}
static inline bool jid_has_domain(const struct jid *j, const char *domain)
{
	size_t n = strlen(domain);

	return jid_domain_len(j) == n && !memcmp(jid_domain(j), domain, n);
}

/* --- preparation of single parts (prep.c) ----------------------------------------------------- */
/* 0 and the prepared form in a, or -EINVAL (empty, too long, prohibited). */
int prep_local(struct arena *a, const char *s, char **out) __attribute__((warn_unused_result));
int prep_domain(struct arena *a, const char *s, char **out) __attribute__((warn_unused_result));
int prep_resource(struct arena *a, const char *s, char **out) __attribute__((warn_unused_result));
int prep_sasl(struct arena *a, const char *s, char **out) __attribute__((warn_unused_result));

#endif
