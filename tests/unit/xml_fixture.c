/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "xml_fixture.h"

const struct xml_limits no_limits;

void head_put(struct sbuf *out, const char *content_ns, const char *decls)
{
	sbuf_printf(
	    out, "<stream:stream xmlns='%s' xmlns:stream='" NS_STREAM "' %s>", content_ns, decls);
}

struct el *xml_one(const char *content_ns, const char *decls, const char *p, size_t n)
{
	struct xml *x = xml_new(content_ns, &no_limits);
	struct sbuf b = SBUF_INIT;
	struct el *el = NULL, *it;
	enum xml_ev ev;

	head_put(&b, content_ns, decls);
	sbuf_add(&b, p, n);
	xml_feed(x, sbuf_data(&b), sbuf_len(&b));
	while ((ev = xml_pop(x, &it)) != XML_NONE) {
		if (ev == XML_EL && el)
			el_free(it);
		else if (ev == XML_EL)
			el = it;
	}
	xml_free(x);
	sbuf_done(&b);
	return el;
}

struct el *xml_str(const char *content_ns, const char *stanza)
{
	return xml_one(content_ns, "", stanza, strlen(stanza));
}

char *el_sent(const struct el *el, const char *content_ns)
{
	struct sbuf b = SBUF_INIT;

	el_write(&b, el, content_ns);
	return sbuf_steal(&b);
}

char *el_canon(const struct el *el)
{
	struct el *copy = el_dup(el);
	char *s;

	el_drop_raw(copy);
	s = el_sent(copy, NULL);
	el_free(copy);
	return s;
}

static void note(struct sbuf *out, const char *what, const struct el *el)
{
	char *s = el_canon(el);

	sbuf_printf(out, "%s %s\n", what, s);
	free(s);
}

static void drain(struct xml *x, struct sbuf *out)
{
	struct el *el;
	enum xml_ev ev;

	while ((ev = xml_pop(x, &el)) != XML_NONE) {
		if (ev == XML_HEAD) {
			note(out, "head", xml_head(x));
		} else if (ev == XML_EL) {
			note(out, "el", el);
			el_free(el);
		} else {
			sbuf_puts(out, ev == XML_END ? "end\n" : "fault\n");
		}
	}
}

char *xml_transcript(struct xml *x, const char *p, size_t n, size_t step)
{
	struct sbuf out = SBUF_INIT;

	for (size_t i = 0; i < n; i += step) {
		xml_feed(x, p + i, step < n - i ? step : n - i);
		drain(x, &out);
	}
	return sbuf_steal(&out);
}
