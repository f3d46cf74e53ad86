/* SPDX-License-Identifier: MIT */
/* The ids of messages: UUIDs of version 7 (RFC 9562 5.7), which begin with their time and are in
 * its order, as 16 bytes.  A beginning of such bytes stands before all that begin with it. */
#ifndef ARCHIVE_UID_H
#define ARCHIVE_UID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/uuid.h>

enum { UID_LEN = UUID_LEN, UID_TEXT = UUID_TEXT, UID_TIME = UUID7_TIME };

struct uid {
	uint8_t b[UID_LEN];
};

/* 0 or -EINVAL: it is not one that a server gives, in small letters. */
int uid_parse(struct uid *out, const char *s);
void uid_write(const struct uid *u, char out[UID_TEXT + 1]);
int64_t uid_ms(const struct uid *u); /* Unix milliseconds */
int uid_cmp(const void *a, const void *b);

/* An end of a range of ids, which is not part of it. */
struct uid_end {
	uint8_t b[UID_LEN + 1];
	size_t n;
};
void uid_first(struct uid_end *e); /* below all, */
void uid_last(struct uid_end *e);  /* above all */
/* Narrow a range: what is above, or below, an id or a time. */
void uid_above(struct uid_end *low, const struct uid *u);
void uid_below(struct uid_end *high, const struct uid *u);
void uid_since(struct uid_end *low, int64_t ms); /* of this time or later */
bool uid_between(const struct uid_end *low, const struct uid_end *high, const struct uid *u);
void uid_until(struct uid_end *high, int64_t ms); /* of this time or earlier */

#endif
