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

#include "core/stanza.h"
#include "xml_fixture.h"

static inline struct stanza *stanza_of(const char *xml)
{
	struct stanza *st;

	assert_int_equal(stanza_new(&st, xml_str(NS_CLIENT, xml)), 0);
	return st;
}

#endif
