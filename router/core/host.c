/* SPDX-License-Identifier: MIT */
/* Last activity (XEP-0012 5), software version (XEP-0092) and entity time (XEP-0202) of a served
 * domain.
 *
 * Must not: tell of the machine and its operating system, which help nobody but intruders. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/loop.h>
#include <xmpp/stamp.h>

#include "core/host.h"
#include "core/route.h"
#include "core/stanza.h"
#include "router.h"

static void uptime(struct router *r, struct el *query)
{
	el_setf(query, "seconds", "%" PRIu64, (loop_now(r->loop) - r->started) / 1000);
}

static void version(struct router *r, struct el *query)
{
	(void)r;
	el_add_text(query, "name", NULL, "Switchyard");
	el_add_text(query, "version", NULL, SWITCHYARD_VERSION);
}

/* XEP-0082: the offset of the place where the server stands, and the time in UTC. */
static void now(struct router *r, struct el *query)
{
	int64_t ms = loop_wall_ms(r->loop);
	time_t t = (time_t)(ms / 1000);
	char text[40];
	struct tm tm;
	long min;

	(void)localtime_r(&t, &tm);
	min = tm.tm_gmtoff / 60;
	(void)snprintf(text, sizeof(text), "%c%02ld:%02ld", min < 0 ? '-' : '+', labs(min) / 60,
	    labs(min) % 60);
	el_add_text(query, "tzo", NULL, text);
	stamp_write_s(ms, text);
	el_add_text(query, "utc", NULL, text);
}

static const struct {
	const char *name, *ns;
	void (*fill)(struct router *r, struct el *query);
} table[] = {
	{ "query", NS_LAST, uptime },
	{ "query", NS_VERSION, version },
	{ "time", NS_TIME, now },
};

bool host_iq(struct router *r, struct stanza *st)
{
	const struct el *payload = stanza_payload(st);

	if (st->type != ST_IQ_GET)
		return false;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		EL_AUTO struct el *res = NULL;

		if (!el_is(payload, table[i].name, table[i].ns))
			continue;
		res = el_result(st->el);
		table[i].fill(r, el_add(res, table[i].name, table[i].ns));
		route_reply(r, st, res);
		return true;
	}
	return false;
}
