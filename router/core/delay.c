/* SPDX-License-Identifier: MIT */
#include <time.h>

#include <base/loop.h>

#include "core/delay.h"
#include "core/session.h"
#include "router.h"

void delay_stamp(const struct session *s, struct el *el)
{
	time_t now = (time_t)(loop_wall_ms(s->router->loop) / 1000);
	struct el *delay;
	char text[32];
	struct tm tm;

	if (el_child(el, "delay", NS_DELAY) || !gmtime_r(&now, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm)) /* XEP-0082 */
		return;
	delay = el_add(el, "delay", NS_DELAY);
	el_set(delay, "from", jid_domain(&s->user->jid));
	el_set(delay, "stamp", text);
}
