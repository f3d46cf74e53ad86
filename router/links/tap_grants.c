/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/sbuf.h>

#include "conf.h"
#include "links/component.h"
#include "links/tap.h"
#include "router.h"

bool tap_has(const struct component *c, const char *what)
{
	return conf_list_has(&component_conf_of(c)->tap, what, strlen(what));
}

bool tap_granted(const struct component *c, const char *what, const struct jid *at)
{
	return tap_has(c, what) && component_for_host(c, jid_domain(at), jid_domain_len(at));
}

struct looking {
	const char *what;
	const struct jid *at;
	tap_each_fn *fn;
	void *arg;
};

static void look(struct component *c, void *arg)
{
	const struct looking *l = arg;

	if (tap_granted(c, l->what, l->at))
		l->fn(c, l->arg);
}

void tap_each(struct router *r, const char *what, const struct jid *at, tap_each_fn *fn, void *arg)
{
	struct looking l = { what, at, fn, arg };

	components_each(r->components, look, &l);
}

static void first(struct component *c, void *arg)
{
	struct component **found = arg;

	if (!*found)
		*found = c;
}

struct component *tap_find(struct router *r, const char *what, const struct jid *at)
{
	struct component *c = NULL;

	tap_each(r, what, at, first, &c);
	return c;
}

struct component *tap_keeper(struct router *r, const struct jid *at)
{
	struct component *c = tap_find(r, TAP_MESSAGES, at);

	return c && tap_has(c, TAP_UNDELIVERED) ? c : NULL;
}

void tap_features(const struct component *c, struct sbuf *out)
{
	if (component_conf_of(c)->tap.n > 0)
		sbuf_puts(out, "<tap xmlns='" NS_TAP "'/>");
}
