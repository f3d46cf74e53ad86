/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "managed.h"
#include "pool.h"
#include "session.h"

#define NS_SM "urn:xmpp:sm:3"

static int enabled, refused;

static void on_enabled(struct conn *c, const char *s, size_t n)
{
	if (xml_has(s, n, "<enabled")) {
		enabled++;
		c->handled = c->acked = 0;
		pool_progress();
	} else if (xml_has(s, n, "<failed")) {
		refused++;
		session_error("no stream management", s, n);
	} else {
		c->handled++; /* behind <enabled/>, and counted; before it, it is forgotten */
	}
}

bool managed_enable(void)
{
	on.stanza = on_enabled;
	enabled = refused = 0;
	for (int i = 0; i < pool.n; i++) {
		conn_puts(pool.conns[i], "<enable xmlns='" NS_SM "'/>");
		net_flush();
	}
	pool_progress();
	while (enabled + refused < pool.n && !pool_stalled())
		net_turn(100000000);
	return enabled == pool.n;
}

static uint32_t number(const char *s, size_t n)
{
	size_t len;
	const char *h = xml_attr(s, n, "h", &len);

	return h ? (uint32_t)strtoul(h, NULL, 10) : 0;
}

static bool is_called(const char *s, size_t n, char name)
{
	return n > 3 && s[1] == name && (s[2] == ' ' || s[2] == '/' || s[2] == '>');
}

bool managed_stanza(struct conn *c, const char *s, size_t n, uint32_t *acked)
{
	uint32_t h;

	*acked = 0;
	if (is_called(s, n, 'a')) {
		h = number(s, n);
		*acked = h - c->acked;
		c->acked = h;
		return true;
	}
	if (is_called(s, n, 'r')) {
		conn_printf(c, "<a xmlns='" NS_SM "' h='%" PRIu32 "'/>", c->handled);
		return true;
	}
	c->handled++;
	return false;
}

void managed_ask(struct conn *c)
{
	conn_puts(c, "<r xmlns='" NS_SM "'/>");
}
