/* SPDX-License-Identifier: MIT */
/* Sessions with stream management (XEP-0198), as the generator's modes need it: what comes is
 * counted and acknowledged when the server asks, and what the server acknowledges is told to the
 * mode. */
#ifndef BENCH_MANAGED_H
#define BENCH_MANAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn.h"

/* For all sessions of the pool, which then say nothing else until it is done; false: not all have
 * it. */
bool managed_enable(void);
/* As on.stanza gets it.  true: it was the protocol's own, and *acked what of ours it covers for the
 * first time. */
bool managed_stanza(struct conn *c, const char *s, size_t n, uint32_t *acked);
void managed_ask(struct conn *c); /* <r/>, behind what is buffered */

#endif
