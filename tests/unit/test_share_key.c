/* SPDX-License-Identifier: MIT */
/* Whose a stanza for a shared domain is. */
#include "link_fixture.h"
#include "links/share_internal.h"

static const struct {
	const char *xml, *key;
} keys[] = {
	{ "<message from='a@b.org/c' to='room@x.org/nick'/>", "room@x.org" },
	{ "<message from='a@b.org/c' to='ROOM@X.org'/>", "room@x.org" },
	{ "<message from='a@b.org/c' to='x.org'/>", "x.org" },
	{ "<message from='a@b.org/c' to='x.org/member'/>", "x.org" },
	{ "<iq type='set' id='i' from='b.org' to='x.org'><delegation xmlns='urn:xmpp:delegation:2'>"
	  "<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' from='a@b.org/c' "
	  "type='get'/>"
	  "</forwarded></delegation></iq>",
	    "a@b.org" },
	{ "<iq type='set' id='i' from='b.org' to='x.org'><delegation xmlns='urn:xmpp:delegation:1'>"
	  "<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' from='a@b.org/c' "
	  "to='d@b.org'/>"
	  "</forwarded></delegation></iq>",
	    "d@b.org" },
	{ "<iq type='set' id='i' from='b.org' to='x.org'><delegation "
	  "xmlns='urn:xmpp:delegation:2'/></iq>",
	    "x.org" },
	{ "<iq type='result' id='i' from='a@b.org' to='x.org'><privilege "
	  "xmlns='urn:xmpp:privilege:2'>"
	  "<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' "
	  "to='a@b.org'/></forwarded>"
	  "</privilege></iq>",
	    "a@b.org" },
};

static void keys_of_stanzas(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct stanza *st = stanza_of(keys[i].xml);
		const char *key;
		size_t n = share_key(st, &key);

		if (n != strlen(keys[i].key) || memcmp(key, keys[i].key, n) != 0)
			fail_msg("row %zu: %.*s", i, (int)n, key);
		stanza_release(st);
	}
}

/* Only the server's own word is looked into. */
static void nobody_chooses_a_home(void **state)
{
	static char component; /* nobody looks into it */
	struct stanza *st = stanza_of(keys[4].xml);
	const char *key;

	(void)state;
	st->component = (struct component *)(void *)&component;
	assert_int_equal(share_key(st, &key), strlen("x.org"));
	stanza_release(st);
}

static void of_equal_ones_the_first_by_name(void **state)
{
	struct member a = { .share = { .id = "a", .hash = 7 } },
		      b = { .share = { .id = "b", .hash = 7 } };

	(void)state;
	assert_ptr_equal(share_better(&a, &b, 1), &a);
	assert_ptr_equal(share_better(&b, &a, 1), &a);
	assert_ptr_equal(share_better(NULL, &a, 1), &a);
	assert_ptr_equal(share_better(&a, NULL, 1), &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_stanzas),
		cmocka_unit_test(nobody_chooses_a_home),
		cmocka_unit_test(of_equal_ones_the_first_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
