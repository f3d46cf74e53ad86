/* SPDX-License-Identifier: MIT */
/* Date and time as XMPP writes them (XEP-0082). */
#ifndef XMPP_STAMP_H
#define XMPP_STAMP_H

#include <stdint.h>

struct sbuf;

enum { STAMP_LEN = 24 }; /* 2026-01-02T03:04:05.678Z */

void stamp_write(int64_t ms, char out[STAMP_LEN + 1]);   /* UTC, Unix milliseconds */
void stamp_write_s(int64_t ms, char out[STAMP_LEN + 1]); /* the same to the second */
/* With or without fraction, with Z or an offset.  0 or -EINVAL. */
int stamp_parse(const char *s, int64_t *out);
/* <delay/> (XEP-0203) of what was said at that time; from: who kept it, NULL: nobody is named. */
void stamp_delay(struct sbuf *out, const char *from, int64_t ms);

#endif
