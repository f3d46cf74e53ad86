/* SPDX-License-Identifier: MIT */
/* Stanzas out of text, for the tests of what a link does with them. */
#ifndef LINK_FIXTURE_H
#define LINK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <xmpp/xml.h>

#include "core/stanza.h"

static inline struct el *parse(const char *xml)
{
	struct xml *x = xml_new(NS_CLIENT, &(struct xml_limits){ 0 });
	struct el *el = NULL;
	const char *head = "<stream:stream xmlns='jabber:client' "
			   "xmlns:stream='http://etherx.jabber.org/streams'>";

	xml_feed(x, head, strlen(head));
	xml_feed(x, xml, strlen(xml));
	assert_int_equal(xml_pop(x, &el), XML_HEAD);
	assert_int_equal(xml_pop(x, &el), XML_EL);
	xml_free(x);
	return el;
}

static inline struct stanza *stanza_of(const char *xml)
{
	struct stanza *st;

	assert_int_equal(stanza_new(&st, parse(xml)), 0);
	return st;
}

#endif
