/* SPDX-License-Identifier: MIT */
/* A node's configuration: every field of its form, and options as preconditions (XEP-0060 7.1.5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xmpp/form.h>

#include "config.h"
#include "pubsub.h"
#include "xml_fixture.h"

static const struct config_limits domain = { false, 100, 4096 };
static const struct config_limits account = { true, 100, 4096 };

#define F(name, value) "<field var='pubsub#" name "'><value>" value "</value></field>"
#define F0(name) "<field var='pubsub#" name "'/>"
#define F2(name, a, b) \
	"<field var='pubsub#" name "'><value>" a "</value><value>" b "</value></field>"
#define X10(s) s s s s s s s s s s
#define X1024 X10(X10("0123456789")) "012345678901234567890123"

static struct el *submitted(const char *inner, struct form *f)
{
	char *xml = xasprintf("<x xmlns='jabber:x:data' type='submit'>%s</x>", inner);
	struct el *el = xml_str(NS_CLIENT, xml);

	free(xml);
	assert_int_equal(form_parse(f, el), 0);
	return el;
}

/* Reads a form into c; *ret_model as config_read() has it. */
static int apply(
    struct node_conf *c, const char *inner, const struct config_limits *lim, bool *ret_model)
{
	const char *why = NULL;
	struct form f;
	struct el *el = submitted(inner, &f);
	int r = config_read(c, &f, lim, &why, ret_model);

	assert_true(r <= 0);
	assert_int_equal(why != NULL, r < 0);
	el_free(el);
	return r;
}

static bool meets(const struct node_conf *c, const char *inner, const struct config_limits *lim)
{
	struct form f;
	struct el *el = submitted(inner, &f);
	bool ok = config_meets(c, &f, lim);

	el_free(el);
	return ok;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static void test_defaults(void **state)
{
	static const struct config_limits few = { false, 5, 10 };
	struct node_conf c;

	(void)state;
	config_init(&c, &domain);
	assert_int_equal(c.access, ACCESS_OPEN);
	assert_int_equal(c.max_items, 20);
	config_init(&c, &account);
	assert_int_equal(c.access, ACCESS_PRESENCE);
	assert_int_equal(c.max_items, 1);
	config_init(&c, &few);
	assert_int_equal(c.max_items, 1);
	assert_int_equal(c.max_payload, 10);
}

static void test_values_that_are_possible(void **state)
{
	static const char *const rows[] = {
		F("title", "T"),
		F("title", X1024),
		F("title", ""),
		F0("title"),
		F("description", "D"),
		F("type", "urn:x"),
		F("language", "en"), //
		F("persist_items", "true"),
		F("persist_items", "0"), //
		F("access_model", "open"),
		F("access_model", "authorize"),
		F("access_model", "whitelist"), //
		F("publish_model", "publishers"),
		F("publish_model", "subscribers"),
		F("publish_model", "open"), //
		F("send_last_published_item", "never"),
		F("send_last_published_item", "on_sub"),
		F("send_last_published_item", "on_sub_and_presence"), //
		F("publish_node_full", "retract-oldest"),
		F("publish_node_full", "discard-oldest"),
		F("publish_node_full", "reject"), //
		F("notification_type", "headline"),
		F("notification_type", "normal"),
		F("notification_type", "chat"), //
		F("max_items", "0"),
		F("max_items", "100"),
		F("max_items", "max"),
		F("max_payload_size", "4096"),
		F("max_payload_size", "max"), //
		F("item_expire", "max"),
		F("item_expire", "0"), //
		F("itemreply", "none"),
		F("itemreply", "owner"),
		F("itemreply", "publisher"), //
		F("node_type", "leaf"),
		F("unknown", "x"),
		"", //
		"<field var='title'><value>not ours</value></field>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_conf c;
		bool model = true;

		config_init(&c, &domain);
		assert_int_equal(apply(&c, rows[i], &domain, &model), 0);
		assert_false(model);
		config_done(&c);
	}
}

static void test_values_that_are_not(void **state)
{
	static const struct {
		const char *inner;
		bool model;
	} rows[] = {
		{ F("title", X1024 "x"), false },
		{ F2("title", "a", "b"), false },
		{ F("persist_items", "yes"), false },
		{ F0("persist_items"), false },
		{ F2("persist_items", "1", "1"), false },
		{ F("access_model", "presence"), true },
		{ F("access_model", "roster"), true },
		{ F("access_model", "Open"), true },
		{ F("access_model", ""), true },
		{ F("publish_model", "everybody"), false },
		{ F("send_last_published_item", "1"), false },
		{ F("publish_node_full", "open|reject"), false },
		{ F("notification_type", "groupchat"), false },
		{ F("max_items", "101"), false },
		{ F("max_items", "-1"), false },
		{ F("max_items", ""), false },
		{ F("max_items", "maximum"), false },
		{ F("max_items", "9223372036854775808"), false },
		{ F("max_items", "111111111111111111111111111111111"), false },
		{ F("max_payload_size", "4097"), false },
		{ F("item_expire", "60"), false },
		{ F("itemreply", "both"), false },
		{ F("node_type", "collection"), false },
		{ "<field var='pubsub#roster_groups_allowed'><value>" X1024 "x</value></field>",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_conf c;
		bool model = !rows[i].model;

		config_init(&c, &domain);
		assert_int_equal(apply(&c, rows[i].inner, &domain, &model), -COND_NOT_ACCEPTABLE);
		assert_int_equal(model, rows[i].model);
		config_done(&c);
	}
}

static void test_an_account_has_presence_and_a_roster(void **state)
{
	struct node_conf c;
	bool model;

	(void)state;
	config_init(&c, &account);
	assert_int_equal(apply(&c, F("access_model", "roster"), &account, &model), 0);
	assert_int_equal(c.access, ACCESS_ROSTER);
	assert_string_equal(config_access_name(&c), "roster");
	config_done(&c);
}

static void test_groups(void **state)
{
	struct node_conf c, copy;
	char *many = xstrdup("");
	bool model;

	(void)state;
	config_init(&c, &account);
	assert_int_equal(
	    apply(&c, F2("roster_groups_allowed", "", "Friends"), &account, &model), 0);
	assert_true(config_has_group(&c, "Friends"));
	assert_false(config_has_group(&c, "Friend"));
	assert_false(config_has_group(&c, ""));
	assert_int_equal(apply(&c, F2("roster_groups_allowed", "A", "B C"), &account, &model), 0);
	assert_false(config_has_group(&c, "Friends"));
	config_copy(&copy, &c);
	assert_true(config_has_group(&copy, "A") && config_has_group(&copy, "B C"));
	assert_true(meets(&copy, F2("roster_groups_allowed", "A", "B C"), &account));
	assert_false(meets(&copy, F("roster_groups_allowed", "A"), &account));
	assert_false(meets(&copy, F0("roster_groups_allowed"), &account));
	for (int i = 0; i < PUBSUB_GROUPS + 1; i++) {
		char *more = xasprintf("%s<value>g%d</value>", many, i);

		free(many);
		many = more;
	}
	config_done(&copy);
	{
		char *field =
		    xasprintf("<field var='pubsub#roster_groups_allowed'>%s</field>", many);

		assert_int_equal(apply(&c, field, &account, &model), -COND_NOT_ACCEPTABLE);
		free(field);
	}
	free(many);
	assert_int_equal(apply(&c, F0("roster_groups_allowed"), &account, &model), 0);
	assert_null(c.groups);
	config_done(&c);
}

static void test_what_is_absent_stays(void **state)
{
	struct node_conf c;
	bool model;

	(void)state;
	config_init(&c, &domain);
	assert_int_equal(apply(&c, F("title", "T") F("max_items", "7") F("itemreply", "publisher"),
			     &domain, &model),
	    0);
	assert_int_equal(apply(&c, F("description", "D"), &domain, &model), 0);
	assert_string_equal(c.title, "T");
	assert_string_equal(c.description, "D");
	assert_int_equal(c.max_items, 7);
	assert_true(c.publisher);
	assert_int_equal(apply(&c, F("title", "") F("itemreply", "owner"), &domain, &model), 0);
	assert_null(c.title);
	assert_false(c.publisher);
	config_done(&c);
}

/* --- writing ------------------------------------------------------------------------------------
 */

static void test_round_trip(void **state)
{
	static const char all[] = F("title", "T") F("description", "D") F("type", "y")
	    F("language", "en") F("persist_items", "0") F("deliver_payloads", "0")
		F("deliver_notifications", "0") F("notify_config", "1") F("notify_delete", "0")
		    F("notify_retract", "0") F("notify_sub", "1") F("subscribe", "0")
			F("access_model", "roster") F("publish_model", "open")
			    F("send_last_published_item", "on_sub") F("publish_node_full", "reject")
				F("notification_type", "chat") F("max_items", "3")
				    F("max_payload_size", "9") F("itemreply", "publisher")
					F2("roster_groups_allowed", "a", "b");
	struct el *top = el_new("q", "q"), *x = form_add(top, FORM_SUBMIT, NS_PUBSUB_NODE_CONFIG);
	struct node_conf c, back;
	const char *why;
	struct form f;
	bool model;

	(void)state;
	config_init(&c, &account);
	assert_int_equal(apply(&c, all, &account, &model), 0);
	config_write(&c, x, &account);
	assert_int_equal(form_parse(&f, x), 0);
	assert_int_equal(f.n, 21);
	config_init(&back, &account);
	assert_false(config_meets(&back, &f, &account));
	assert_int_equal(config_read(&back, &f, &account, &why, &model), 0);
	assert_true(config_meets(&back, &f, &account));
	assert_true(meets(&back, all, &account));
	assert_string_equal(config_notification_name(&back), "chat");
	config_done(&c);
	config_done(&back);
	el_free(top);
}

static void test_meta(void **state)
{
	struct el *top = el_new("q", "q"), *x = form_add(top, FORM_RESULT, NS_PUBSUB_META);
	struct node_conf c;
	const char *s;
	struct form f;
	bool model;

	(void)state;
	config_init(&c, &domain);
	assert_int_equal(apply(&c, F("title", "T") F("max_items", "7"), &domain, &model), 0);
	config_write_meta(&c, x);
	assert_int_equal(form_parse(&f, x), 0);
	assert_int_equal(f.n, 4);
	assert_int_equal(form_text(&f, "pubsub#title", 10, &s), 1);
	assert_string_equal(s, "T");
	assert_int_equal(form_text(&f, "pubsub#access_model", 10, &s), 1);
	assert_string_equal(s, "open");
	config_done(&c);
	el_free(top);
}

/* --- offering -----------------------------------------------------------------------------------
 */

/* What a form that sets one field leads to. */
static int set(const struct config_limits *lim, const char *var, const char *value, bool *ret_model)
{
	char *xml = xasprintf("<x xmlns='jabber:x:data' type='submit'><field var='%s'>"
			      "<value>%s</value></field></x>",
	    var, value);
	struct el *el = xml_str(NS_CLIENT, xml);
	struct node_conf c;
	const char *why = NULL;
	struct form f;
	int r;

	assert_int_equal(form_parse(&f, el), 0);
	config_init(&c, lim);
	r = config_read(&c, &f, lim, &why, ret_model);
	assert_true(r == 0 || (r == -COND_NOT_ACCEPTABLE && why));
	config_done(&c);
	el_free(el);
	free(xml);
	return r;
}

/* Every option of the form is possible, and so is what it shows; how many options of `var`. */
static size_t try_all(const struct config_limits *lim, const char *var)
{
	struct el *top = el_new("query", "q"),
		  *form = form_add(top, FORM_FORM, NS_PUBSUB_NODE_CONFIG);
	struct node_conf c;
	size_t n = 0;
	bool model;

	config_init(&c, lim);
	config_write(&c, form, lim);
	config_done(&c);
	EL_EACH (field, form, "field", NS_XDATA) {
		const char *name = el_attr(field, "var");

		if (strcmp(name, "FORM_TYPE") == 0)
			continue;
		if (el_child(field, "value", NULL))
			assert_int_equal(
			    set(lim, name, el_body(el_child(field, "value", NULL)), &model), 0);
		EL_EACH (option, field, "option", NULL) {
			const char *value = el_body(el_child(option, "value", NULL));

			assert_int_equal(set(lim, name, value, &model), 0);
			n += strcmp(name, var) == 0;
		}
	}
	el_free(top);
	return n;
}

static void test_what_is_offered_is_possible(void **state)
{
	(void)state;
	assert_int_equal(try_all(&account, "pubsub#access_model"), 5);
	assert_int_equal(try_all(&domain, "pubsub#access_model"), 3);
	assert_int_equal(try_all(&domain, "pubsub#publish_model"), 3);
}

/* --- preconditions ------------------------------------------------------------------------------
 */

static void test_preconditions(void **state)
{
	static const struct {
		const char *inner;
		bool met;
	} rows[] = {
		{ "", true },
		{ F("title", "T"), true },
		{ F("title", ""), false },
		{ F0("description"), true },
		{ F("description", "D"), false },
		{ F("persist_items", "1") F("persist_items_not", "1"), false },
		{ F("persist_items", "true"), true },
		{ F("persist_items", "false"), false },
		{ F("access_model", "whitelist"), true },
		{ F("access_model", "open"), false },
		{ F("access_model", "presence"), false },
		{ F("access_model", "whitelist") F("title", "U"), false },
		{ F("max_items", "max"), true },
		{ F("max_items", "100"), true },
		{ F("max_items", "99"), false },
		{ F("max_items", "1000"), false },
		{ F("max_payload_size", "4096"), true },
		{ F("itemreply", "owner"), true },
		{ F("itemreply", "publisher"), false },
		{ F("item_expire", "max"), true },
		{ F("node_type", "leaf"), true },
		{ F("node_type", "collection"), false },
		{ F("send_last_published_item", "never"), false },
		{ "<field var='title'><value>T</value></field>", false },
		{ F("whatever", ""), false },
	};
	struct node_conf c;
	bool model;

	(void)state;
	config_init(&c, &domain);
	assert_int_equal(
	    apply(&c, F("title", "T") F("access_model", "whitelist") F("max_items", "max"), &domain,
		&model),
	    0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(meets(&c, rows[i].inner, &domain), rows[i].met);
	assert_string_equal(c.title, "T");
	config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values_that_are_possible),
		cmocka_unit_test(test_values_that_are_not),
		cmocka_unit_test(test_an_account_has_presence_and_a_roster),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_what_is_absent_stays),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_meta),
		cmocka_unit_test(test_what_is_offered_is_possible),
		cmocka_unit_test(test_preconditions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
