/* SPDX-License-Identifier: MIT */
/* The policy on messages as a client would send them: never a crash, and what is refused is refused
 * again after it went through the writer. */
#include <stdint.h>
#include <stdlib.h>

#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "core/policy.h"

static const char head[] = "<stream:stream xmlns='jabber:client' "
			   "xmlns:stream='http://etherx.jabber.org/streams'>";

static struct el *parse(const char *p, size_t n)
{
	const struct xml_limits lim = { .stanza = 65536, .depth = 64, .attrs = 64, .nodes = 4096 };
	struct xml *x = xml_new(NS_CLIENT, &lim);
	struct el *el = NULL, *first = NULL;
	enum xml_ev ev;

	xml_feed(x, head, sizeof(head) - 1);
	xml_feed(x, p, n);
	while ((ev = xml_pop(x, &el)) != XML_NONE && ev != XML_FAULT && ev != XML_END) {
		if (ev != XML_EL)
			continue;
		if (first)
			el_free(el);
		else
			first = el;
	}
	xml_free(x);
	return first;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EL_AUTO struct el *el = parse((const char *)data, size);

	if (!el || el_kind(el) != EL_MESSAGE)
		return 0;
	enum policy_kind kind = policy_classify(el);
	struct sbuf out = SBUF_INIT;

	el_drop_raw(el);
	el_write(&out, el, NS_CLIENT);
	EL_AUTO struct el *again = parse(sbuf_data(&out), sbuf_len(&out));
	if (!again || policy_classify(again) != kind)
		abort();
	sbuf_done(&out);
	return 0;
}
