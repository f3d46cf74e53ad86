/* SPDX-License-Identifier: MIT */
/* Date and time as XMPP writes them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <base/sbuf.h>
#include <xmpp/stamp.h>

static void test_stamps(void **state)
{
	static const struct {
		const char *s;
		int64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1969-07-21T02:56:15Z", -14159025000 },
		{ "2002-09-10T23:08:25.5Z", 1031699305500 },
		{ "2002-09-10T23:08:25.123456Z", 1031699305123 },
		{ "2002-09-11T01:08:25+02:00", 1031699305000 },
		{ "2002-09-10T18:38:25-04:30", 1031699305000 },
	};
	static const char *const bad[] = { "", "2002", "2002-09-10", "2002-09-10T23:08:25",
		"2002-13-10T23:08:25Z", "2002-09-32T23:08:25Z", "2002-09-10T25:08:25Z",
		"2002-09-10T23:61:25Z", "2002-09-10T23:08:61Z", "2002-09-10T23:08:25.Z",
		"2002-09-10T23:08:25Zx", "2002-09-10T23:08:25+2:00", "2002-09-10T23:08:25+15:00",
		"2002-09-10 23:08:25Z", "x002-09-10T23:08:25Z" };
	char out[STAMP_LEN + 1];
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(stamp_parse(good[i].s, &v), 0);
		assert_true(v == good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(stamp_parse(bad[i], &v), -EINVAL);
	stamp_write(1031699305007, out);
	assert_string_equal(out, "2002-09-10T23:08:25.007Z");
	stamp_write_s(1031699305007, out);
	assert_string_equal(out, "2002-09-10T23:08:25Z");
}

static void test_delays(void **state)
{
	struct sbuf b = SBUF_INIT;

	(void)state;
	stamp_delay(&b, NULL, 1031699305007);
	stamp_delay(&b, "\"&\"@test", 0);
	assert_string_equal(sbuf_str(&b),
	    "<delay xmlns=\"urn:xmpp:delay\" stamp=\"2002-09-10T23:08:25.007Z\"/>"
	    "<delay xmlns=\"urn:xmpp:delay\" from=\"&quot;&amp;&quot;@test\""
	    " stamp=\"1970-01-01T00:00:00.000Z\"/>");
	sbuf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
