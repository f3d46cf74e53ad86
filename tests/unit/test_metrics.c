/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <base/metrics.h>
#include <base/sbuf.h>

static struct metric messages =
    METRIC_COUNTER("switchyard_stanzas_total", "Stanzas routed.", "kind=\"message\"");
static struct metric iqs =
    METRIC_COUNTER("switchyard_stanzas_total", "Stanzas routed.", "kind=\"iq\"");
static struct metric sessions = METRIC_GAUGE("switchyard_sessions", "Sessions now.", NULL);
static struct metric unused = METRIC_GAUGE("switchyard_unused", "Never touched.", NULL);

static void queue_hook(struct sbuf *out, void *arg)
{
	sbuf_printf(out,
	    "# TYPE switchyard_queue gauge\n# HELP switchyard_queue Waiting.\n"
	    "switchyard_queue{component=\"muc\"} %d\n",
	    *(int *)arg);
}

static void assert_text(const char *want)
{
	struct sbuf b = SBUF_INIT;

	metrics_write(&b);
	assert_string_equal(sbuf_str(&b), want);
	sbuf_done(&b);
}

/* One test, because the registry is the process's. */
static void test_text(void **state)
{
	static int queued = 3;

	(void)state;
	assert_text("# EOF\n");
	metric_add(&messages, 1);
	metric_set(&sessions, 5);
	metric_add(&sessions, -2);
	metric_add(&iqs, 7); /* registered last, shown with its family */
	metric_add(&messages, 1);
	metric_register(&messages);
	assert_false(unused.known);
	assert_text("# TYPE switchyard_stanzas counter\n"
		    "# HELP switchyard_stanzas Stanzas routed.\n"
		    "switchyard_stanzas_total{kind=\"message\"} 2\n"
		    "switchyard_stanzas_total{kind=\"iq\"} 7\n"
		    "# TYPE switchyard_sessions gauge\n"
		    "# HELP switchyard_sessions Sessions now.\n"
		    "switchyard_sessions 3\n"
		    "# EOF\n");
	metrics_hook(queue_hook, &queued);
	queued = 4;
	assert_text("# TYPE switchyard_stanzas counter\n"
		    "# HELP switchyard_stanzas Stanzas routed.\n"
		    "switchyard_stanzas_total{kind=\"message\"} 2\n"
		    "switchyard_stanzas_total{kind=\"iq\"} 7\n"
		    "# TYPE switchyard_sessions gauge\n"
		    "# HELP switchyard_sessions Sessions now.\n"
		    "switchyard_sessions 3\n"
		    "# TYPE switchyard_queue gauge\n"
		    "# HELP switchyard_queue Waiting.\n"
		    "switchyard_queue{component=\"muc\"} 4\n"
		    "# EOF\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
