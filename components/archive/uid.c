/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "uid.h"

#define MS_MAX ((INT64_C(1) << (8 * UID_TIME)) - 1)

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int is_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

int uid_parse(struct uid *out, const char *s)
{
	struct uid u = { { 0 } };
	size_t n = 0;

	for (size_t i = 0; i < UID_TEXT; i++) {
		int d = digit(s[i]);

		if (is_dash(i) ? s[i] != '-' : d < 0)
			return -EINVAL;
		if (is_dash(i))
			continue;
		u.b[n / 2] = (uint8_t)(u.b[n / 2] << 4 | d);
		n++;
	}
	if (s[UID_TEXT])
		return -EINVAL;
	*out = u;
	return 0;
}

void uid_write(const struct uid *u, char out[UID_TEXT + 1])
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i < UID_TEXT; i++) {
		if (is_dash(i)) {
			out[i] = '-';
			continue;
		}
		out[i] = hex[u->b[n / 2] >> (n % 2 ? 0 : 4) & 15];
		n++;
	}
	out[UID_TEXT] = '\0';
}

int64_t uid_ms(const struct uid *u)
{
	int64_t ms = 0;

	for (size_t i = 0; i < UID_TIME; i++)
		ms = ms << 8 | u->b[i];
	return ms;
}

int uid_cmp(const void *a, const void *b)
{
	return memcmp(a, b, UID_LEN);
}

/* --- ranges ------------------------------------------------------------------------------------
 */

static int compare(const struct uid_end *a, const struct uid_end *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int r = memcmp(a->b, b->b, n);

	return r != 0 ? r : (a->n > b->n) - (a->n < b->n);
}

static struct uid_end of_id(const struct uid *u)
{
	struct uid_end e = { .n = UID_LEN };

	memcpy(e.b, u->b, UID_LEN);
	return e;
}

static struct uid_end of_time(int64_t ms)
{
	struct uid_end e = { .n = UID_TIME };

	for (size_t i = 0; i < UID_TIME; i++)
		e.b[i] = (uint8_t)(ms >> (8 * (UID_TIME - 1 - i)));
	return e;
}

static void raise_to(struct uid_end *low, struct uid_end e)
{
	if (compare(&e, low) > 0)
		*low = e;
}

static void lower_to(struct uid_end *high, struct uid_end e)
{
	if (compare(&e, high) < 0)
		*high = e;
}

void uid_first(struct uid_end *e)
{
	*e = (struct uid_end){ .n = 0 };
}

void uid_last(struct uid_end *e)
{
	e->n = sizeof(e->b);
	memset(e->b, 0xff, sizeof(e->b));
}

void uid_above(struct uid_end *low, const struct uid *u)
{
	raise_to(low, of_id(u));
}

void uid_below(struct uid_end *high, const struct uid *u)
{
	lower_to(high, of_id(u));
}

bool uid_between(const struct uid_end *low, const struct uid_end *high, const struct uid *u)
{
	struct uid_end e = of_id(u);

	return compare(low, &e) < 0 && compare(&e, high) < 0;
}

void uid_since(struct uid_end *low, int64_t ms)
{
	if (ms > MS_MAX)
		uid_last(low);
	else if (ms > 0)
		raise_to(low, of_time(ms));
}

void uid_until(struct uid_end *high, int64_t ms)
{
	if (ms < 0)
		uid_first(high);
	else if (ms < MS_MAX)
		lower_to(high, of_time(ms + 1));
}
