/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "uid.h"

int uid_parse(struct uid *out, const char *s)
{
	return uuid_parse(out->b, s);
}

void uid_write(const struct uid *u, char out[UID_TEXT + 1])
{
	uuid_write(u->b, out);
}

int64_t uid_ms(const struct uid *u)
{
	return uuid7_ms(u->b);
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

	uuid7_put_ms(e.b, ms);
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
	if (ms > UUID7_MS_MAX)
		uid_last(low);
	else if (ms > 0)
		raise_to(low, of_time(ms));
}

void uid_until(struct uid_end *high, int64_t ms)
{
	if (ms < 0)
		uid_first(high);
	else if (ms < UUID7_MS_MAX)
		lower_to(high, of_time(ms + 1));
}
