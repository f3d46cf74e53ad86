/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "../unit/xml_fixture.h"
#include "comp_internal.h"
#include "link.h"

void link_stanzas(const uint8_t *data, size_t size, void (*take)(struct el *el))
{
	static const char head[] =
	    "<stream:stream xmlns='" NS_COMPONENT "' xmlns:stream='" NS_STREAM "'>";
	static const struct xml_limits lim = { .tag = XML_TAG_LINK };
	struct xml *x = xml_new(NS_COMPONENT, &lim);
	enum xml_ev ev;
	struct el *el;

	xml_feed(x, head, sizeof(head) - 1);
	xml_feed(x, (const char *)data, size);
	while ((ev = xml_pop(x, &el)) == XML_HEAD || ev == XML_EL) {
		if (ev == XML_EL && el_kind(el) != EL_OTHER)
			take(el);
		else if (ev == XML_EL)
			el_free(el);
	}
	xml_free(x);
}

/* Each stanza of a transaction's. */
static unsigned each(const struct sbuf *out, void (*look)(struct el *el, void *arg), void *arg)
{
	const unsigned char *p = (const unsigned char *)sbuf_data(out);
	size_t left = sbuf_len(out), len;
	unsigned n = 0;

	for (; left > 0; n++, p += 4 + len, left -= 4 + len) {
		struct el *el;

		assert(left >= 4);
		len = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
		assert(len <= left - 4);
		el = xml_one(NS_COMPONENT, "", (const char *)p + 4, len);
		assert(el && el_kind(el) != EL_OTHER && el_attr(el, "to") && el_attr(el, "from"));
		look(el, arg);
		el_free(el);
	}
	return n;
}

unsigned link_said(const struct comp *c, void (*look)(struct el *el, void *arg), void *arg)
{
	return c->ledger.cur ? each(&c->ledger.cur->out, look, arg) : 0;
}

void link_sent(struct comp *c, void (*look)(struct el *el, void *arg), void *arg)
{
	LIST_EACH (l, &c->ledger.outbox)
		(void)each(&LIST_ENTRY(l, struct tx, link)->out, look, arg);
	out_clear(c);
}
