/* SPDX-License-Identifier: MIT */
/* The vectors were computed with Python's hmac. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <base/digest.h>
#include <xmpp/ht.h>

#define TOKEN "WXZzciBwYmFmdmZnZiBqdmd1IGp2eXFhcmZm" /* XEP-0484's */

static void is_hash(const uint8_t hash[static HT_HASH], const char *want)
{
	char hex[2 * HT_HASH + 1];

	digest_hex(hash, HT_HASH, hex);
	assert_string_equal(hex, want);
}

static void test_hashes(void **state)
{
	static const struct {
		size_t cb_len;
		const char *initiator, *responder;
	} want[] = {
		{ 0, "9097787461a184e0fa84ec00c1381190b6c4d16a8ec4453c7b2ac5e7fcf935ed",
		    "4e513409631474863b986c9f3e8c1e27ca29d1d7ab9ed4097e7afd6007bf9c62" },
		{ 32, "0c5745576afeea711960549186a31a65c9f328205ee38b66825b3d4c872b395c",
		    "1260579b34d55aeba4e43062a412db609a0a7153abd218b0f148445c4e83529f" },
		{ HT_BINDING_MAX,
		    "084e213aff2cdbe51dd467a5761faccf99a036f6905db28820b36693e3c6242a",
		    "f79265f18fe70a7fd2250572c9e8b24d6d26602ff91c4a116db68964a4ae3dce" },
	};
	uint8_t cb[HT_BINDING_MAX], hash[HT_HASH];

	(void)state;
	for (size_t i = 0; i < sizeof(cb); i++)
		cb[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ht_initiator(TOKEN, want[i].cb_len ? cb : NULL, want[i].cb_len, hash);
		is_hash(hash, want[i].initiator);
		ht_responder(TOKEN, want[i].cb_len ? cb : NULL, want[i].cb_len, hash);
		is_hash(hash, want[i].responder);
	}
}

#define HASH "0123456789abcdef\0\1\2\3\4\5\6\7\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"

static void test_message(void **state)
{
	static const char msg[] = "romeo\0" HASH;
	struct ht_message m;

	(void)state;
	assert_int_equal(ht_parse(msg, sizeof(msg) - 1, &m), 0);
	assert_string_equal(m.user, "romeo");
	assert_memory_equal(m.hash, HASH, HT_HASH);
	assert_int_equal(ht_parse("r\0" HASH, 2 + HT_HASH, &m), 0); /* a name of one letter */
}

static void test_malformed(void **state)
{
	static const char msg[] = "romeo\0" HASH "\0";
	struct ht_message m;

	(void)state;
	assert_int_equal(ht_parse(msg, 0, &m), -EINVAL);
	assert_int_equal(ht_parse(msg, 5, &m), -EINVAL); /* a name alone */
	for (size_t n = 6; n < 6 + HT_HASH; n++)
		assert_int_equal(ht_parse(msg, n, &m), -EINVAL);
	assert_int_equal(ht_parse(msg, 6 + HT_HASH + 1, &m), -EINVAL);   /* too long */
	assert_int_equal(ht_parse("\0" HASH, 1 + HT_HASH, &m), -EINVAL); /* no name */
	assert_int_equal(ht_parse("0123456789abcdef0123456789abcdef", HT_HASH, &m), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
