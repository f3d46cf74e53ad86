/* SPDX-License-Identifier: MIT */
/* An idle session gives its XML parser back, some 16 KiB; the next byte makes a new one.
 *
 * One timer for all: a walk over the session table now and then costs less than a timer that each
 * stanza of each session would have to put off.  No session is asked before QUIET_MS or later than
 * QUIET_MS + SWEEP_MS after its last byte; asking again one that has given costs a look. */
#include <stdlib.h>

#include <base/loop.h>

#include "c2s/idle.h"
#include "core/session.h"
#include "router.h"

#define SWEEP_MS 10000
#define QUIET_MS 10000

struct idle {
	struct router *router;
	struct timer timer;
};

static void sweep(void *arg)
{
	struct idle *idle = arg;
	uint64_t now = loop_now(idle->router->loop);

	LIST_EACH (it, sessions_all(idle->router->sessions)) {
		struct session *s = LIST_ENTRY(it, struct session, of_all);

		if (s->stream && now - io_last_read(stream_io_of(s->stream)) >= QUIET_MS)
			stream_idle(s->stream);
	}
	timer_set(&idle->timer, SWEEP_MS);
}

void idle_open(struct idle **out, struct router *r)
{
	struct idle *idle = xzalloc(sizeof(*idle));

	idle->router = r;
	timer_init(&idle->timer, r->loop, sweep, idle);
	timer_set(&idle->timer, SWEEP_MS);
	*out = idle;
}

void idle_close(struct idle *idle)
{
	if (!idle)
		return;
	timer_done(&idle->timer);
	free(idle);
}
