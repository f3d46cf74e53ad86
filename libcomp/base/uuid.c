/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <base/uuid.h>

/* --- bytes and text ----------------------------------------------------------------------------
 */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

int uuid_parse(uint8_t out[UUID_LEN], const char *s)
{
	uint8_t id[UUID_LEN] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < UUID_TEXT; i++) {
		int d = digit(s[i]);

		if (is_dash(i) ? s[i] != '-' : d < 0)
			return -EINVAL;
		if (is_dash(i))
			continue;
		id[n / 2] = (uint8_t)(id[n / 2] << 4 | d);
		n++;
	}
	if (s[UUID_TEXT])
		return -EINVAL;
	memcpy(out, id, UUID_LEN);
	return 0;
}

void uuid_write(const uint8_t id[UUID_LEN], char out[UUID_TEXT + 1])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < UUID_TEXT; i++) {
		if (is_dash(i)) {
			out[i] = '-';
			continue;
		}
		out[i] = hex[id[n / 2] >> (n % 2 ? 0 : 4) & 15];
		n++;
	}
	out[UUID_TEXT] = '\0';
}

/* --- version 7 ---------------------------------------------------------------------------------
 */

static void put(uint8_t *out, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8)
		out[n - 1] = (uint8_t)v;
}

static uint64_t get(const uint8_t *in, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | in[i];
	return v;
}

int64_t uuid7_ms(const uint8_t id[UUID7_TIME])
{
	return (int64_t)get(id, UUID7_TIME);
}

void uuid7_put_ms(uint8_t out[UUID7_TIME], int64_t ms)
{
	put(out, (uint64_t)ms, UUID7_TIME);
}

int uuid7_parse(struct uuid7 *out, const char *s)
{
	uint8_t id[UUID_LEN];

	if (uuid_parse(id, s) < 0 || id[6] >> 4 != 7 || id[8] >> 6 != 2)
		return -EINVAL;
	out->ms = uuid7_ms(id);
	out->count = (unsigned)get(id + 6, 2) & UUID7_COUNT_MAX;
	out->tail = get(id + 8, 8) & UUID7_TAIL_MAX;
	return 0;
}

void uuid7_write(const struct uuid7 *id, char out[UUID_TEXT + 1])
{
	uint8_t b[UUID_LEN];

	uuid7_put_ms(b, id->ms);
	put(b + 6, 7 << 12 | (id->count & UUID7_COUNT_MAX), 2);
	put(b + 8, UINT64_C(2) << 62 | (id->tail & UUID7_TAIL_MAX), 8);
	uuid_write(b, out);
}
