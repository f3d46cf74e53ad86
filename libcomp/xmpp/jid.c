/* SPDX-License-Identifier: MIT */
/* Addresses: taking them apart and putting them together (RFC 7622 3).  The rules for the parts are
 * in prep.c; here is only the way around them for addresses that are prepared ASCII already, which
 * nearly all are. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/lim.h>
#include <base/mem.h>

#include <xmpp/jid.h>

#include "jid_internal.h"

static_assert(LIM_JID <= UINT16_MAX, "the offsets in struct jid hold any address");

#define L JID_CH_LOCAL
#define U JID_CH_UPPER
#define D JID_CH_DOMAIN
#define R JID_CH_RESOURCE
const uint8_t jid_ascii[256] = {
	[' '] = R,
	['!'] = L | R,
	['"'] = R,
	['#' ... '%'] = L | R,
	['&' ... '\''] = R,
	['(' ... ','] = L | R,
	['-'] = L | D | R,
	['.'] = L | R | JID_CH_DOT,
	['/'] = R,
	['0' ... '9'] = L | D | R,
	[':'] = R,
	[';'] = L | R,
	['<'] = R,
	['='] = L | R,
	['>'] = R,
	['?'] = L | R,
	['@'] = R,
	['A' ... 'Z'] = U | R,
	['[' ... '`'] = L | R,
	['a' ... 'z'] = L | D | R,
	['{' ... '~'] = L | R,
};
#undef L
#undef U
#undef D
#undef R

/* --- views ------------------------------------------------------------------------------------ */
/* The first slash ends the bare address, and only then the first at sign ends the localpart:
 * resources may hold both (RFC 7622 3.1). */
static struct jid split(const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len), *at;
	size_t bare = slash ? (size_t)(slash - s) : len;

	at = memchr(s, '@', bare);
	return (struct jid){
		.s = s,
		.dom = at ? (uint16_t)(at - s + 1) : 0,
		.res = slash ? (uint16_t)(bare + 1) : 0,
		.len = (uint16_t)len,
	};
}

struct jid jid_view(const char *prepared)
{
	size_t n = strlen(prepared);

	assert(n <= LIM_JID);
	return split(prepared, n);
}

struct jid jid_dup(const struct jid *j)
{
	struct jid out = *j;

	out.s = xstrndup(j->s, j->len);
	return out;
}

void jid_done(struct jid *j)
{
	free((char *)(uintptr_t)j->s); /* jid_dup() made it */
	memset(j, 0, sizeof(*j));
}

struct jid jid_bare(const struct jid *j, struct arena *a)
{
	struct jid out = *j;

	out.len = (uint16_t)jid_bare_len(j);
	out.res = 0;
	out.s = arena_strndup(a, j->s, out.len);
	return out;
}

/* --- parsing ---------------------------------------------------------------------------------- */
static bool all_of(const char *s, size_t n, unsigned cls)
{
	for (size_t i = 0; i < n; i++) {
		if (!(jid_ascii[(uint8_t)s[i]] & cls))
			return false;
	}
	return n && n <= LIM_JID_PART;
}

/* Nothing to prepare: every part is ASCII in its final form. */
static bool is_prepared(const struct jid *j)
{
	if (j->dom && !all_of(j->s, jid_local_len(j), JID_CH_LOCAL))
		return false;
	if (j->res && !all_of(j->s + j->res, (size_t)(j->len - j->res), JID_CH_RESOURCE))
		return false;
	return jid_domain_ascii(jid_domain(j), jid_domain_len(j));
}

bool jid_view_ascii(struct jid *out, const char *s)
{
	size_t len = strnlen(s, LIM_JID + 1);
	struct jid j;

	if (!len || len > LIM_JID)
		return false;
	j = split(s, len);
	if (!is_prepared(&j))
		return false;
	*out = j;
	return true;
}

int jid_parse(struct jid *out, struct arena *a, const char *s)
{
	char buf[LIM_JID + 1];
	struct jid j;
	size_t len;

	if (jid_view_ascii(&j, s)) {
		j.s = arena_strndup(a, s, j.len);
		*out = j;
		return 0;
	}
	len = strnlen(s, LIM_JID + 1);
	if (!len || len > LIM_JID)
		return -EINVAL;
	j = split(s, len);
	memcpy(buf, s, len + 1);
	if (j.dom)
		buf[j.dom - 1] = '\0';
	if (j.res)
		buf[j.res - 1] = '\0';
	return jid_make(out, a, j.dom ? buf : NULL, buf + j.dom, j.res ? buf + j.res : NULL);
}

int jid_make(
    struct jid *out, struct arena *a, const char *local, const char *domain, const char *resource)
{
	char *l = NULL, *d, *r = NULL, *p;
	size_t ll = 0, dl, rl = 0;

	if ((local && prep_local(a, local, &l) < 0) || prep_domain(a, domain, &d) < 0 ||
	    (resource && prep_resource(a, resource, &r) < 0))
		return -EINVAL;
	ll = l ? strlen(l) + 1 : 0;
	dl = strlen(d);
	rl = r ? strlen(r) + 1 : 0;
	p = arena_alloc(a, ll + dl + rl + 1);
	if (l) {
		memcpy(p, l, ll);
		p[ll - 1] = '@';
	}
	memcpy(p + ll, d, dl);
	if (r) {
		p[ll + dl] = '/';
		memcpy(p + ll + dl + 1, r, rl);
	}
	p[ll + dl + rl] = '\0';
	*out = (struct jid){
		.s = p,
		.dom = (uint16_t)ll,
		.res = r ? (uint16_t)(ll + dl + 1) : 0,
		.len = (uint16_t)(ll + dl + rl),
	};
	return 0;
}
