/* SPDX-License-Identifier: MIT */
/* Memory of sessions that say nothing for a while. */
#ifndef ROUTER_IDLE_H
#define ROUTER_IDLE_H

struct idle;
struct router;

void idle_open(struct idle **out, struct router *r); /* after the sessions, and closed before */
void idle_close(struct idle *idle);                  /* NULL is fine */

#endif
