/* SPDX-License-Identifier: MIT */
/* Token buckets.  Times are loop_now() milliseconds.  A rate of 0 never limits. */
#ifndef BASE_RATE_H
#define BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	double tokens;
	uint64_t last_ms;
};
struct rate_conf {
	double per_second; /* refill; 0: no limit */
	double burst;      /* capacity, >= 1 */
};

void rate_init(struct rate *r, const struct rate_conf *c, uint64_t now_ms);
/* Takes n tokens if they are there. */
bool rate_take(struct rate *r, const struct rate_conf *c, double n, uint64_t now_ms);
/* Takes n tokens if there is one: for what may cost more than a bucket holds.  The debt is never
 * more than a full bucket. */
bool rate_charge(struct rate *r, const struct rate_conf *c, double n, uint64_t now_ms);
/* Takes n tokens even into debt and returns the milliseconds until the bucket is at zero again
 * (0: go on): for pausing a reader that has already delivered. */
uint64_t rate_debt(struct rate *r, const struct rate_conf *c, double n, uint64_t now_ms);

/* Buckets by key (an address, an account), at most `max` of them; the stalest makes room. */
struct rate_table;
struct rate_table *rate_table_new(const struct rate_conf *c, unsigned max);
void rate_table_free(struct rate_table *t);
void rate_table_set(struct rate_table *t, const struct rate_conf *c); /* after a reload */
bool rate_table_take(struct rate_table *t, const char *key, double n, uint64_t now_ms);
/* As rate_debt() on one of them; n 0: how long until it is level, and takes none. */
uint64_t rate_table_debt(struct rate_table *t, const char *key, double n, uint64_t now_ms);
bool rate_table_charge(struct rate_table *t, const char *key, double n, uint64_t now_ms);
/* Would n tokens be there?  Takes none. */
bool rate_table_peek(struct rate_table *t, const char *key, double n, uint64_t now_ms);

#endif
