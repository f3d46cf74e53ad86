/* SPDX-License-Identifier: MIT */
/* Hats (XEP-0317): the lists, the commands, who is shown with what. */
#include "hats_cmd.h"
#include "muc_fixture.h"

#define CMD "urn:xmpp:hats:commands:"
#define F(name, value) FIELD("hats#" name, value)
#define HOST "http://x.test/hats#host"
#define HAT F("title", "Host") F("uri", HOST) F("hue", "327.25")
#define WORN                                                                                    \
	"<hats xmlns=\"urn:xmpp:hats:0\"><hat title=\"Host\" uri=\"" HOST "\" hue=\"327.25\"/>" \
	"</hats>"

/* fields NULL: asks for the form. */
static void command(struct fix *f, const char *who, const char *node, const char *fields)
{
	fix_postf(f,
	    "<iq type='set' id='c' from='%s' to='" ROOM "'><command xmlns='" NS_COMMANDS
	    "' node='" CMD "%s'>%s%s%s</command></iq>",
	    who, node, fields ? "<x xmlns='jabber:x:data' type='submit'>" : "",
	    fields ? fields : "", fields ? "</x>" : "");
	fix_spin(f);
}

static void done(struct fix *f, const char *who, const char *node, const char *fields)
{
	fix_clear(f);
	command(f, who, node, fields);
	if (!got(f, "id=\"c\"", "status=\"completed\""))
		fail_msg("%s: %s", node, fix_got(f));
}

static void refused(
    struct fix *f, const char *who, const char *node, const char *fields, const char *cond)
{
	fix_clear(f);
	command(f, who, node, fields);
	if (!got(f, "type=\"error\"", cond))
		fail_msg("%s: %s", node, fix_got(f));
}

static void test_pure(void **state)
{
	struct jid a = jid_view("a@test/1"), b = jid_view("b@test");
	struct sbuf out = SBUF_INIT;
	char one[41], two[41];
	struct hats h;

	(void)state;
	hats_init(&h);
	hats_write(&h, &a, &out);
	assert_int_equal(sbuf_len(&out), 0);
	hats_put(&h, "x:b", "B", "");
	hats_hash(&h, one);
	hats_put(&h, "x:a", "A & <", "10");
	hats_hash(&h, two);
	assert_string_not_equal(one, two);
	hats_wear(&h, hats_find(&h, "x:b"), &a);
	hats_wear(&h, hats_find(&h, "x:a"), &a);
	hats_wear(&h, hats_find(&h, "x:a"), &a);
	assert_int_equal(h.n_worn, 2);
	assert_int_equal(hats_worn(&h, &a), 2);
	assert_int_equal(hats_worn(&h, &b), 0);
	hats_write(&h, &a, &out);
	assert_string_equal(sbuf_str(&out),
	    "<hats xmlns=\"urn:xmpp:hats:0\"><hat title=\"A &amp; &lt;\" uri=\"x:a\" hue=\"10\"/>"
	    "<hat title=\"B\" uri=\"x:b\"/></hats>");
	hats_put(&h, "x:b", "C", NULL);
	assert_int_equal(h.n, 2);
	assert_true(hat_is_worn(hats_find(&h, "x:b"), &a));
	hats_drop(&h, hats_find(&h, "x:b"));
	assert_int_equal(h.n_worn, 1);
	hats_done(&h);
	assert_int_equal(h.n_worn, 0);
	sbuf_done(&out);
}

static void test_what_they_may_be(void **state)
{
	static const char *const hues[] = { "", "0", "327.255249", "360", "360.0", "1." };
	static const char *const no_hues[] = { "361", "-1", "a", ".5", "1e1", "0001", "1.5x", " 1",
		"1.00000000000000000" };
	static const char *const no_uris[] = { "", "x", ":x", "x:", "x:a b", "x:\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(hues) / sizeof(hues[0]); i++)
		assert_true(hats_valid_hue(hues[i]));
	for (size_t i = 0; i < sizeof(no_hues) / sizeof(no_hues[0]); i++)
		assert_false(hats_valid_hue(no_hues[i]));
	for (size_t i = 0; i < sizeof(no_uris) / sizeof(no_uris[0]); i++)
		assert_false(hats_valid_uri(no_uris[i]));
	assert_true(hats_valid_uri(HOST));
	assert_false(hats_valid_title(" "));
}

static void test_a_hat_is_worn(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	done(f, ALICE, "create", HAT);
	assert_non_null(got(f, "code=\"104\"", "to=\"" BOB "\""));
	done(f, ALICE, "assign", F("jid", "bob@test/any") F("uri", HOST));
	assert_non_null(got(f, WORN, "to=\"" ALICE "\""));
	assert_non_null(got(f, WORN, "to=\"" BOB "\"")); /* of itself */
	done(f, ALICE, "assign", F("jid", "bob@test") F("uri", HOST));
	assert_int_equal(fix_count(f, WORN), 0); /* nothing new */
	fix_postf(f, "<presence from='" BOB "' to='" ROOM "/Robert'/>");
	fix_spin(f);
	assert_non_null(got(f, "from=\"" ROOM "/Robert\"", WORN));
	assert_null(got(f, "type=\"unavailable\"", "hats"));
	enter(f, CAROL, ROOM "/Carol", "");
	assert_non_null(got(f, WORN, "to=\"" CAROL "\""));
	leave(f, BOB, ROOM "/Robert");
	fix_replace(f);
	fix_clear(f);
	enter(f, BOB, ROOM "/Bob", "");
	assert_non_null(got(f, WORN, "to=\"" CAROL "\""));
	/* Changed, taken, destroyed. */
	done(f, ALICE, "create", F("title", "Guest") F("uri", HOST));
	assert_non_null(got(f, "<hat title=\"Guest\" uri=\"" HOST "\"/>", "to=\"" CAROL "\""));
	done(f, ALICE, "unassign", F("jid", "bob@test") F("uri", HOST));
	assert_non_null(got(f, "from=\"" ROOM "/Bob\"", "to=\"" CAROL "\""));
	fix_hasnt(f, "<hats");
	done(f, ALICE, "assign", F("jid", "bob@test") F("uri", HOST));
	done(f, ALICE, "destroy", F("uri", HOST));
	assert_non_null(got(f, "from=\"" ROOM "/Bob\"", "to=\"" CAROL "\""));
	fix_hasnt(f, "<hats");
	fix_replace(f);
	assert_int_equal(the_room()->hats.n, 0);
}

static void test_forged_ones_go(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	fix_postf(f,
	    "<presence from='" BOB "' to='" ROOM "/Bob'><show>away</show>"
	    "<hats xmlns='urn:xmpp:hats:0'><hat title='King' uri='x:k'/></hats></presence>");
	fix_spin(f);
	assert_non_null(got(f, "<show>away", "to=\"" ALICE "\""));
	fix_hasnt(f, "King");
}

static void test_who_may(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	done(f, ALICE, "create", HAT);
	refused(f, BOB, "create", HAT, "<forbidden");
	refused(f, BOB, "assign", F("jid", "bob@test") F("uri", HOST), "<forbidden");
	refused(f, BOB, "list-assigned", NULL, "<forbidden");
	refused(f, CAROL, "list", NULL, "<forbidden");
	done(f, BOB, "list", NULL);
	fix_has(f, HOST);
	done(f, ALICE, "assign", F("jid", "bob@test") F("uri", HOST));
	done(f, ALICE, "list-assigned", NULL);
	assert_non_null(got(f, "<value>bob@test</value>", HOST));
	affs_put(&the_room()->affs, "bob@test", AFF_ADMIN, NULL, NULL);
	done(f, BOB, "destroy", F("uri", HOST));
}

static void test_refused(void **state)
{
	struct fix *f = *state;
	char fields[512];

	two_in(f, "");
	done(f, ALICE, "create", HAT);
	refused(f, ALICE, "nothing", NULL, "<item-not-found");
	refused(f, ALICE, "create", F("title", "x"), "<bad-request");
	refused(f, ALICE, "create", F("title", " ") F("uri", "x:y"), "<not-acceptable");
	refused(f, ALICE, "create", F("title", "x") F("uri", "y"), "<not-acceptable");
	refused(f, ALICE, "create", HAT F("uri", "x:y"), "<bad-request");
	refused(f, ALICE, "assign", F("uri", HOST), "<bad-request");
	refused(f, ALICE, "assign", F("uri", HOST) F("jid", "@"), "<jid-malformed");
	refused(f, ALICE, "assign", F("uri", "x:none") F("jid", "a@b"), "<item-not-found");
	refused(f, ALICE, "unassign", F("uri", HOST) F("jid", "a@b"), "<item-not-found");
	refused(f, ALICE, "destroy", F("uri", "x:none"), "<item-not-found");
	for (unsigned i = 1; i < HATS_MAX; i++) {
		(void)snprintf(fields, sizeof(fields),
		    F("title", "T") "<field var='hats#uri'><value>x:%u</value></field>", i);
		done(f, ALICE, "create", fields);
	}
	refused(f, ALICE, "create", F("title", "T") F("uri", "x:many"), "<resource-constraint");
	for (unsigned i = 1; i <= HATS_WORN_MAX; i++) {
		(void)snprintf(fields, sizeof(fields),
		    F("jid", "bob@test") "<field var='hats#uri'><value>x:%u</value></field>", i);
		done(f, ALICE, "assign", fields);
	}
	refused(f, ALICE, "assign", F("jid", "bob@test") F("uri", HOST), "<resource-constraint");
}

static void test_forms_and_disco(void **state)
{
	struct fix *f = *state;

	two_in(f, "");
	done(f, ALICE, "create", HAT);
	fix_clear(f);
	command(f, ALICE, "assign", NULL);
	assert_non_null(got(f, "status=\"executing\"", "<option label=\"Host\"><value>" HOST));
	fix_postf(f, "<iq type='get' id='i' from='" ALICE "' to='" ROOM
		     "'><query node='" NS_COMMANDS "' xmlns='" NS_DISCO_ITEMS "'/></iq>");
	fix_postf(f, "<iq type='get' id='j' from='" BOB "' to='" ROOM "'><query node='" NS_COMMANDS
		     "' xmlns='" NS_DISCO_ITEMS "'/></iq>");
	fix_postf(f, "<iq type='get' id='k' from='" BOB "' to='" ROOM
		     "'><query xmlns='" NS_DISCO_INFO "'/></iq>");
	fix_postf(f, "<iq type='get' id='l' from='" BOB "' to='" ROOM "'><query node='" CMD
		     "list' xmlns='" NS_DISCO_INFO "'/></iq>");
	fix_spin(f);
	assert_non_null(got(f, "id=\"i\"", CMD "create"));
	assert_non_null(got(f, "id=\"j\"", CMD "list\""));
	assert_null(got(f, "id=\"j\"", CMD "create"));
	assert_non_null(got(f, "id=\"k\"", "<feature var=\"urn:xmpp:hats:0\"/>"));
	assert_non_null(got(f, "id=\"k\"", "hats#hash"));
	assert_non_null(got(f, "id=\"l\"", "type=\"command-node\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pure),
		cmocka_unit_test(test_what_they_may_be),
		MUC_TEST(test_a_hat_is_worn),
		MUC_TEST(test_forged_ones_go),
		MUC_TEST(test_who_may),
		MUC_TEST(test_refused),
		MUC_TEST(test_forms_and_disco),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
