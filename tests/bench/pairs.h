/* SPDX-License-Identifier: MIT */
/* Clients of the pool that talk with each other: each with the one beside it. */
#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "conn.h"
#include "traffic.h"

/* Who sends: one of each pair, or both (opt.both_ways); the caller frees t->senders. */
void pairs_make(struct traffic *t);
/* The sender of a message that has come to c; NULL: it is none of ours, or an error that was said.
 */
struct conn *pairs_sender(const struct conn *c, const char *s, size_t n, uint64_t *due);

#endif
