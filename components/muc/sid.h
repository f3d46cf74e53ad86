/* SPDX-License-Identifier: MIT */
/* The ids that a room gives to what it keeps (XEP-0359): UUIDs of version 7 (RFC 9562 5.7).  The
 * first half is a number that grows with every message of a room, its time first; it is the key
 * that messages are kept under.  The second half is random, so that nobody knows an id that he has
 * not been told. */
#ifndef MUC_SID_H
#define MUC_SID_H

#include <stdbool.h>
#include <stdint.h>

#include <base/uuid.h>

enum { SID_TEXT = UUID_TEXT };

struct sid {
	int64_t seq;  /* milliseconds and, below them, 12 bits to tell those of one apart */
	int64_t salt; /* 62 bits */
};

/* The id behind this one, given at that time: larger, also where the clock has gone back. */
struct sid sid_next(int64_t last_seq, int64_t ms);
int sid_parse(struct sid *out, const char *s); /* 0 or -EINVAL: no room gives such ids */
void sid_write(const struct sid *id, char out[SID_TEXT + 1]);
int64_t sid_ms(int64_t seq);

/* The first number that a message of this time, or of a later one, can have. */
int64_t sid_since(int64_t ms);

#endif
