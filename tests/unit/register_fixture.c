/* SPDX-License-Identifier: MIT */
#include <base/log.h>
#include <xmpp/xml.h>

#include "core/route.h"
#include "core/stanza.h"
#include "register_fixture.h"

struct sbuf logged;
char answer[4096];
bool answered;

/* --- what is played --------------------------------------------------------------------------- */

static void keep(const struct el *el)
{
	struct sbuf b = SBUF_INIT;

	el_write(&b, el, NS_CLIENT);
	(void)snprintf(answer, sizeof(answer), "%s", sbuf_str(&b));
	answered = true;
	sbuf_done(&b);
}

void route_reply(struct router *r, struct stanza *st, const struct el *reply)
{
	(void)r;
	(void)st;
	assert_int_equal(auth.kicked, 0); /* sessions end after they have been answered */
	keep(reply);
}

void route_reply_ok(struct router *r, struct stanza *st)
{
	struct el *res = el_result(st->el);

	route_reply(r, st, res);
	el_free(res);
}

void route_bounce(struct router *r, struct stanza *st, enum el_cond cond, const char *text)
{
	struct el *err = el_error_reply(st->el, cond, text);

	if (err)
		route_reply(r, st, err);
	el_free(err);
}

/* --- the fixture ------------------------------------------------------------------------------ */

static void on_log(const char *line, void *arg)
{
	sbuf_puts(arg, line);
	sbuf_putc(arg, '\n');
}

int register_setup(void **state)
{
	assert_int_equal(auth_setup(state), 0);
	auth.conf.allow_registration = true;
	auth.conf.limit.registrations = 5;
	assert_int_equal(registrar_open(&auth.r.registrar, &auth.r), 0);
	log_set_level(LOG_LVL_DEBUG);
	log_capture(on_log, &logged);
	return 0;
}

int register_teardown(void **state)
{
	/* Whatever was sent as a password or token stands in no line of the log. */
	assert_null(strstr(sbuf_str(&logged), "s3cret"));
	log_capture(NULL, NULL);
	sbuf_done(&logged);
	registrar_close(auth.r.registrar);
	return auth_teardown(state);
}

struct el *parse(const char *text)
{
	static const struct xml_limits none = { 0 };
	struct el *el = xml_read(text, &none);

	assert_non_null(el);
	return el;
}

struct registration *connect_from(const char *peer)
{
	return registration_new(auth.r.registrar, peer, DOMAIN);
}

void on_later(struct el *reply, void *arg)
{
	(void)arg;
	keep(reply);
	el_free(reply);
}

enum reg_status say(struct registration *rg, const char *xml)
{
	struct el *iq = parse(xml), *reply;
	enum reg_status status;

	answered = false;
	status = registration_iq(rg, iq, &reply, on_later, NULL);
	el_free(iq);
	if (reply)
		keep(reply);
	el_free(reply);
	if (status == REG_LATER) {
		assert_false(answered);
		run_all(&auth.f);
	}
	assert_int_equal(answered, status == REG_ANSWERED || status == REG_LATER);
	return status;
}

void assert_refused(const char *cond)
{
	assert_non_null(strstr(answer, "type=\"error\""));
	if (!strstr(answer, cond))
		fail_msg("no %s in %s", cond, answer);
	assert_null(strstr(answer, "s3cret"));
}

bool exists(const char *jid)
{
	struct account acc;

	return accounts_get(auth.r.accounts, JID(jid), &acc) == 0;
}

struct invited invite(const char *account, int64_t uses, uint64_t ms)
{
	struct invite in = {
		.domain = DOMAIN,
		.account = account,
		.uses = uses,
		.expires_ms = loop_wall_ms(auth.f.loop) + (int64_t)ms,
	};
	struct invited out;
	struct note n = { 0 };

	invites_create(&auth.r, &in, out.id, out.token, note_done, &n);
	run_all(&auth.f);
	assert_int_equal(n.err, 0);
	return out;
}

enum reg_status show(struct registration *rg, const char *token)
{
	char iq[256];

	(void)snprintf(iq, sizeof(iq),
	    "<iq type='set' id='s' to='example.org'><preauth xmlns='urn:xmpp:pars:0' token='%s'/>"
	    "</iq>",
	    token);
	return say(rg, iq);
}
