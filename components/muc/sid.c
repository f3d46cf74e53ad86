/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include <base/rnd.h>

#include "sid.h"

enum { COUNT_BITS = 12 };
#define COUNT_MASK ((INT64_C(1) << COUNT_BITS) - 1)
#define SALT_MASK ((INT64_C(1) << 62) - 1)
#define MS_MAX ((INT64_C(1) << 48) - 1)
#define SEQ_MAX INT64_MAX

struct sid sid_next(int64_t last_seq, int64_t ms)
{
	struct sid id = { .seq = sid_since(ms) };

	rnd_bytes(&id.salt, sizeof(id.salt));
	id.salt &= SALT_MASK;
	if (id.seq <= last_seq)
		id.seq = last_seq + 1;
	return id;
}

/* So many hexadecimal digits, in small letters. */
static int digits(const char **s, int n, uint64_t *v)
{
	*v = 0;
	for (; n > 0; n--, ++*s) {
		char c = **s;

		if (c >= '0' && c <= '9')
			*v = *v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*v = *v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return -EINVAL;
	}
	return 0;
}

int sid_parse(struct sid *out, const char *s)
{
	static const int groups[] = { 8, 4, 4, 4, 12 };
	uint64_t v[5], low;

	for (int i = 0; i < 5; i++) {
		if ((i > 0 && *s++ != '-') || digits(&s, groups[i], &v[i]) < 0)
			return -EINVAL;
	}
	low = v[3] << 48 | v[4];
	if (*s || v[2] >> 12 != 7 || low >> 62 != 2)
		return -EINVAL;
	out->seq = (int64_t)(v[0] << 28 | v[1] << 12 | (v[2] & (uint64_t)COUNT_MASK));
	out->salt = (int64_t)low & SALT_MASK;
	return 0;
}

void sid_write(const struct sid *id, char out[SID_TEXT + 1])
{
	uint64_t seq = (uint64_t)id->seq, salt = (uint64_t)id->salt;

	(void)snprintf(out, SID_TEXT + 1, "%08x-%04x-7%03x-%04x-%012llx", (unsigned)(seq >> 28),
	    (unsigned)(seq >> 12 & 0xffff), (unsigned)(seq & 0xfff),
	    (unsigned)(0x8000 | salt >> 48), (unsigned long long)(salt & 0xffffffffffff));
}

int64_t sid_ms(int64_t seq)
{
	return seq >> COUNT_BITS;
}

int64_t sid_since(int64_t ms)
{
	if (ms <= 0)
		return 0;
	return ms > MS_MAX ? SEQ_MAX : ms << COUNT_BITS;
}
