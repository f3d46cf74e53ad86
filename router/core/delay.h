/* SPDX-License-Identifier: MIT */
/* When it was that somebody could not be told yet (XEP-0203). */
#ifndef ROUTER_DELAY_H
#define ROUTER_DELAY_H

#include <stdint.h>

struct el;
struct session;

/* Stamps what is kept for a session, now and by its domain, unless it has a stamp already. */
void delay_stamp(const struct session *s, struct el *el);
void delay_stamp_at(const struct session *s, struct el *el, int64_t wall_ms);

#endif
