/* SPDX-License-Identifier: MIT */
/* A node's configuration: what its form offers can be chosen, and nothing else. */
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

static const struct config_limits domain = { .max_items = 100, .max_payload = 1024 };
static const struct config_limits account = { .pep = true, .max_items = 100, .max_payload = 1024 };

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

static void test_no_presence_at_the_domain(void **state)
{
	bool model;

	(void)state;
	assert_true(set(&domain, "pubsub#access_model", "presence", &model) < 0 && model);
	assert_true(set(&domain, "pubsub#access_model", "roster", &model) < 0 && model);
	assert_true(set(&domain, "pubsub#access_model", "everybody", &model) < 0 && model);
	assert_true(set(&domain, "pubsub#publish_model", "everybody", &model) < 0 && !model);
}

static void test_bounds(void **state)
{
	bool model;

	(void)state;
	assert_int_equal(set(&account, "pubsub#max_items", "100", &model), 0);
	assert_int_equal(set(&account, "pubsub#max_items", "max", &model), 0);
	assert_true(set(&account, "pubsub#max_items", "101", &model) < 0);
	assert_true(set(&account, "pubsub#max_payload_size", "1025", &model) < 0);
	assert_int_equal(set(&account, "pubsub#item_expire", "max", &model), 0);
	assert_true(set(&account, "pubsub#item_expire", "60", &model) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_offered_is_possible),
		cmocka_unit_test(test_no_presence_at_the_domain),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
