/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <base/arena.h>

#include "vcard_value.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct span trim(const char *s)
{
	struct span t = { s ? s : "", 0 };

	while (is_space(*t.s))
		t.s++;
	t.n = strlen(t.s);
	while (t.n > 0 && is_space(t.s[t.n - 1]))
		t.n--;
	return t;
}

bool blank(const char *s)
{
	return trim(s).n == 0;
}

bool span_is(struct span t, const char *s)
{
	return t.n == strlen(s) && !strncasecmp(t.s, s, t.n);
}

void add_span(struct el *parent, const char *name, struct span t)
{
	el_text_n(el_add(parent, name, NULL), t.s, t.n);
}

struct span after_scheme(struct span uri, const char *scheme)
{
	size_t n = strlen(scheme);

	if (uri.n <= n || strncasecmp(uri.s, scheme, n) != 0)
		return (struct span){ NULL, 0 };
	return (struct span){ uri.s + n, uri.n - n };
}

/* --- addresses --------------------------------------------------------------------------------
 */
/* RFC 5122 2.3: what is not allowed in this part of the URI as it is. */
static void put_pct(struct el *uri, const char *s, size_t n, const char *allowed)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)s[i];
		char pct[3] = { '%', hex[c >> 4], hex[c & 15] };

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
		    strchr(allowed, s[i]))
			el_text_n(uri, s + i, 1);
		else
			el_text_n(uri, pct, sizeof(pct));
	}
}

void xmpp_uri_put(struct el *uri, const struct jid *j)
{
	el_text(uri, "xmpp:");
	if (j->dom) {
		put_pct(uri, j->s, jid_local_len(j), "-._~!$()*+,;=");
		el_text(uri, "@");
	}
	put_pct(uri, jid_domain(j), jid_domain_len(j), "-._~:[]");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The address in the path of an xmpp: URI, in a; NULL: it is malformed, or has what separates the
 * parts of an address escaped, as if it were none. */
static const char *un_pct(struct arena *a, struct span t)
{
	char *s = arena_alloc(a, t.n + 1), *p = s;

	for (size_t i = 0; i < t.n && !strchr("?#", t.s[i]); i++) {
		int hi, lo;

		if (t.s[i] != '%') {
			*p++ = t.s[i];
			continue;
		}
		hi = t.n - i > 2 ? hex_digit(t.s[i + 1]) : -1;
		lo = hi >= 0 ? hex_digit(t.s[i + 2]) : -1;
		if (lo < 0)
			return NULL;
		*p = (char)(hi << 4 | lo);
		if (strchr("@/", *p)) /* the NUL as well */
			return NULL;
		p++;
		i += 2;
	}
	*p = '\0';
	return s;
}

int xmpp_uri_read(struct jid *out, struct arena *a, struct span uri)
{
	struct span t = after_scheme(uri, "xmpp:");
	const char *path, *s;

	if (t.n > 2 && t.s[0] == '/' && t.s[1] == '/') { /* as whom: RFC 5122 2.2 */
		path = memchr(t.s + 2, '/', t.n - 2);
		if (!path)
			return -EINVAL;
		t = (struct span){ path + 1, t.n - (size_t)(path + 1 - t.s) };
	}
	s = t.n > 0 ? un_pct(a, t) : NULL;
	return s ? jid_parse(out, a, s) : -EINVAL;
}
