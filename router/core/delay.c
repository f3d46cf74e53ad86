/* SPDX-License-Identifier: MIT */
#include <time.h>

#include <base/loop.h>

#include "core/delay.h"
#include "core/session.h"
#include "router.h"

void delay_put_stamp(struct el *el, int64_t wall_ms)
{
	time_t at = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	if (gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		el_set(el, "stamp", text); /* XEP-0082 */
}

void delay_put_stamp_ms(struct el *el, int64_t wall_ms)
{
	time_t at = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	if (gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) > 0)
		el_setf(el, "stamp", "%s.%03dZ", text, (int)(wall_ms % 1000));
}

void delay_stamp_at(const struct session *s, struct el *el, int64_t wall_ms)
{
	struct el *delay;

	if (el_child(el, "delay", NS_DELAY))
		return;
	delay = el_add(el, "delay", NS_DELAY);
	el_set(delay, "from", jid_domain(&s->user->jid));
	delay_put_stamp(delay, wall_ms);
}

void delay_stamp(const struct session *s, struct el *el)
{
	delay_stamp_at(s, el, loop_wall_ms(s->router->loop));
}
