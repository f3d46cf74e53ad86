/* SPDX-License-Identifier: MIT */
#include "delegate_fixture.h"

#include <errno.h>
#include <stdlib.h>

#include <base/log.h>
#include <base/mem.h>
#include <xmpp/xml.h>

#include "auth/accounts.h"
#include "core/route.h"
#include "core/session.h"
#include "links/ask.h"
#include "links/info.h"

struct dx dx;

static struct question {
	struct el *iq; /* NULL: answered */
	char *text;
	ask_fn *fn;
	void *arg;
} asked[ASKED_MAX];

static struct session somebody; /* never looked into */
static char taken[1 << 18];
static char *domains[] = { (char[]){ "example.org" }, (char[]){ "example.net" } };

/* --- the parts that are played ---------------------------------------------------------------- */

struct component *components_find(struct components *cs, const char *domain, size_t len)
{
	(void)cs;
	for (size_t i = 0; dx.sections[i]; i++) {
		if (strlen(dx.sections[i]->domain) == len &&
		    !memcmp(dx.sections[i]->domain, domain, len))
			return CONTAINER_OF(dx.sections[i], struct component, conf);
	}
	return NULL;
}

const char *component_domain(const struct component *c)
{
	return c->conf.domain;
}

const struct component_conf *component_conf_of(const struct component *c)
{
	return &c->conf;
}

bool component_online(const struct component *c)
{
	return !c->away;
}

bool component_for_host(const struct component *c, const char *domain, size_t len)
{
	return c->conf.hosts.n == 0 ||
	       (strlen(c->conf.hosts.v[0]) == len && !memcmp(c->conf.hosts.v[0], domain, len));
}

void info_keep(struct component *c, const struct el *answer)
{
	(void)answer;
	c->kept++;
}

void component_settle(struct stanza *st)
{
	(void)st;
}

enum component_verdict component_tell_el(struct component *c, struct member *m, const struct el *el)
{
	(void)m;
	struct el *copy = el_dup(el);

	(void)c;
	el_set(copy, "id", NULL);
	el_write(&dx.sent, copy, NS_CLIENT);
	sbuf_putc(&dx.sent, '\n');
	el_free(copy);
	return COMPONENT_TAKEN;
}

void component_ask(struct component *c, struct el *iq, unsigned timeout_ms, ask_fn *fn, void *arg)
{
	struct sbuf text = SBUF_INIT;

	(void)timeout_ms;
	assert_true(dx.asked < ASKED_MAX);
	el_set(iq, "to", c->conf.domain);
	el_write(&text, iq, NS_CLIENT);
	asked[dx.asked++] = (struct question){ iq, sbuf_steal(&text), fn, arg };
}

bool accounts_exist(struct accounts *a, const struct jid *jid)
{
	(void)a;
	return strncmp(jid->s, "nobody@", strlen("nobody@")) != 0;
}

void route_reply(struct router *r, struct stanza *st, const struct el *reply)
{
	(void)r;
	if (!st->session && !st->component)
		return;
	el_write(&dx.got, reply, NS_CLIENT);
	sbuf_putc(&dx.got, '\n');
}

void route_bounce(struct router *r, struct stanza *st, enum el_cond cond, const char *text)
{
	struct el *err = el_error_reply(st->el, cond, text);

	route_reply(r, st, err);
	el_free(err);
}

static void keep_log(const char *line, void *arg)
{
	(void)arg;
	sbuf_printf(&dx.log, "%s\n", line);
}

/* --- the fixture ------------------------------------------------------------------------------ */

static void section(struct component *c, const char *title, const char *domain)
{
	c->conf.title = xstrdup(title);
	c->conf.domain = xstrdup(domain);
	c->conf.link_queue = 16 << 20;
	c->conf.delegate.v = c->delegate;
	c->conf.hosts.v = c->hosts;
}

int dx_setup(void **state)
{
	(void)state;
	memset(&dx, 0, sizeof(dx));
	section(&dx.pubsub, "pubsub", PUBSUB);
	section(&dx.archive, "archive", ARCHIVE);
	dx.sections[0] = &dx.pubsub.conf;
	dx.sections[1] = &dx.archive.conf;
	dx.conf.components = dx.sections;
	dx.conf.domains.v = domains;
	dx.conf.domains.n = 2;
	dx.r.conf = &dx.conf;
	log_capture(keep_log, NULL);
	return 0;
}

int dx_teardown(void **state)
{
	(void)state;
	if (dx.r.delegates) {
		delegate_removed(&dx.r, &dx.pubsub);
		delegate_removed(&dx.r, &dx.archive);
	}
	for (unsigned i = 0; i < dx.asked; i++) {
		dx_fail(i, -ECANCELED);
		free(asked[i].text);
	}
	delegates_close(dx.r.delegates);
	dx_clear(&dx.pubsub);
	dx_clear(&dx.archive);
	free(dx.pubsub.conf.title);
	free(dx.pubsub.conf.domain);
	free(dx.archive.conf.title);
	free(dx.archive.conf.domain);
	sbuf_done(&dx.sent);
	sbuf_done(&dx.got);
	sbuf_done(&dx.log);
	log_capture(NULL, NULL);
	return 0;
}

void dx_delegate(struct component *c, const char *row)
{
	c->delegate[c->conf.delegate.n++] = xstrdup(row);
}

void dx_hosts(struct component *c, const char *host)
{
	c->hosts[c->conf.hosts.n++] = xstrdup(host);
}

void dx_clear(struct component *c)
{
	while (c->conf.delegate.n > 0)
		free(c->delegate[--c->conf.delegate.n]);
	while (c->conf.hosts.n > 0)
		free(c->hosts[--c->conf.hosts.n]);
}

void dx_open(void)
{
	char err[256] = "";

	assert_int_equal(delegate_check(&dx.conf, err, sizeof(err)), 0);
	delegates_open(&dx.r.delegates, &dx.r);
}

void dx_reload(void)
{
	delegates_reload(dx.r.delegates);
	for (size_t i = 0; dx.sections[i]; i++)
		delegate_changed(&dx.r, CONTAINER_OF(dx.sections[i], struct component, conf));
}

/* --- traffic ---------------------------------------------------------------------------------- */

struct el *dx_parse(const char *xml)
{
	static const struct xml_limits none = { 0 };
	struct el *el = xml_read(xml, &none);

	assert_non_null(el);
	return el;
}

static bool request(struct component *c, const char *xml)
{
	struct stanza *st = NULL;
	bool dealt_with;

	assert_int_equal(stanza_new(&st, dx_parse(xml)), 0);
	st->session = c ? NULL : &somebody;
	st->component = c;
	dealt_with = delegate_iq(&dx.r, st);
	stanza_release(st);
	return dealt_with;
}

bool dx_iq(const char *xml)
{
	return request(NULL, xml);
}

bool dx_iq_of(struct component *c, const char *xml)
{
	return request(c, xml);
}

const char *dx_question(unsigned i)
{
	assert_true(i < dx.asked);
	return asked[i].text;
}

bool dx_open_question(unsigned i)
{
	return i < dx.asked && asked[i].iq;
}

static void end(unsigned i, int err, struct el *answer)
{
	el_free(asked[i].iq);
	asked[i].iq = NULL;
	asked[i].fn(err, answer, asked[i].arg);
	el_free(answer);
}

void dx_answer(unsigned i, const char *xml)
{
	struct el *answer = dx_parse(xml);
	const char *type = el_attr(answer, "type");

	assert_true(dx_open_question(i));
	end(i, type && !strcmp(type, "error") ? -EBADMSG : 0, answer);
}

void dx_fail(unsigned i, int err)
{
	if (dx_open_question(i))
		end(i, err, NULL);
}

static const char *take(struct sbuf *b)
{
	assert_true(sbuf_len(b) < sizeof(taken));
	memcpy(taken, sbuf_data(b), sbuf_len(b));
	taken[sbuf_len(b)] = '\0';
	sbuf_clear(b);
	return taken;
}

const char *dx_sent(void)
{
	return take(&dx.sent);
}

const char *dx_got(void)
{
	return take(&dx.got);
}

const char *dx_logged(void)
{
	return take(&dx.log);
}
