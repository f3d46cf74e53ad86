/* SPDX-License-Identifier: MIT */
/* UUIDs (RFC 9562) as 16 bytes and as text, whose order is the same, and those of version 7 (5.7):
 * what begins with its time.  In which order they are given is up to who gives them. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdint.h>

enum { UUID_LEN = 16, UUID_TEXT = 36 };

/* Of any version, in small letters.  0 or -EINVAL, and nothing is changed. */
int uuid_parse(uint8_t out[UUID_LEN], const char *s);
void uuid_write(const uint8_t id[UUID_LEN], char out[UUID_TEXT + 1]);

struct uuid7 {
	int64_t ms;     /* 48 bits: Unix milliseconds */
	unsigned count; /* 12 bits, to tell those of one millisecond apart */
	uint64_t tail;  /* 62 bits */
};
enum { UUID7_TIME = 6, UUID7_COUNT_MAX = 0xfff };
#define UUID7_MS_MAX ((INT64_C(1) << 48) - 1)
#define UUID7_TAIL_MAX ((UINT64_C(1) << 62) - 1)

int uuid7_parse(struct uuid7 *out, const char *s); /* 0 or -EINVAL: of another version, too */
void uuid7_write(const struct uuid7 *id, char out[UUID_TEXT + 1]); /* of each the lowest bits */
/* The time that begins with these bytes, and the bytes that those of a time begin with. */
int64_t uuid7_ms(const uint8_t id[UUID7_TIME]);
void uuid7_put_ms(uint8_t out[UUID7_TIME], int64_t ms);

#endif
