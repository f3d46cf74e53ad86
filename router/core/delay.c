/* SPDX-License-Identifier: MIT */
#include <base/loop.h>
#include <xmpp/stamp.h>

#include "core/delay.h"
#include "core/session.h"
#include "router.h"

void delay_stamp_at(const struct session *s, struct el *el, int64_t wall_ms)
{
	char stamp[STAMP_LEN + 1];
	struct el *delay;

	if (el_child(el, "delay", NS_DELAY))
		return;
	delay = el_add(el, "delay", NS_DELAY);
	el_set(delay, "from", jid_domain(&s->user->jid));
	stamp_write_s(wall_ms, stamp);
	el_set(delay, "stamp", stamp);
}

void delay_stamp(const struct session *s, struct el *el)
{
	delay_stamp_at(s, el, loop_wall_ms(s->router->loop));
}
