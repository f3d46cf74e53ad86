/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <base/rnd.h>

#include "sid.h"

enum { COUNT_BITS = 12 };
#define SEQ_MAX INT64_MAX

struct sid sid_next(int64_t last_seq, int64_t ms)
{
	struct sid id = { .seq = sid_since(ms) };

	rnd_bytes(&id.salt, sizeof(id.salt));
	id.salt &= (int64_t)UUID7_TAIL_MAX;
	if (id.seq <= last_seq)
		id.seq = last_seq + 1;
	return id;
}

int sid_parse(struct sid *out, const char *s)
{
	struct uuid7 id;

	if (uuid7_parse(&id, s) < 0)
		return -EINVAL;
	out->seq = id.ms << COUNT_BITS | id.count;
	out->salt = (int64_t)id.tail;
	return 0;
}

void sid_write(const struct sid *id, char out[SID_TEXT + 1])
{
	const struct uuid7 text = { sid_ms(id->seq), (unsigned)id->seq, (uint64_t)id->salt };

	uuid7_write(&text, out);
}

int64_t sid_ms(int64_t seq)
{
	return seq >> COUNT_BITS;
}

int64_t sid_since(int64_t ms)
{
	if (ms <= 0)
		return 0;
	return ms > UUID7_MS_MAX ? SEQ_MAX : ms << COUNT_BITS;
}
