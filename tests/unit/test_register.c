/* SPDX-License-Identifier: MIT */
/* In-band registration (XEP-0077), invitations (XEP-0445), and what an account does about itself.
 */
#include <errno.h>

#include <base/log.h>
#include <base/sbuf.h>
#include <xmpp/xml.h>

#include "auth/invites.h"
#include "auth/register.h"
#include "auth_fixture.h"
#include "core/route.h"
#include "core/session.h"
#include "core/stanza.h"

#define SECONDS 1000ULL
#define DAY (86400 * SECONDS)
#define GET "<iq type='get' id='g'><query xmlns='jabber:iq:register'/></iq>"
#define SET(user, password)                                                                        \
	"<iq type='set' id='s' to='example.org'><query xmlns='jabber:iq:register'><username>" user \
	"</username><password>" password "</password></query></iq>"
#define OK "<iq type=\"result\" id=\"s\" from=\"example.org\"/>"

static struct sbuf logged;
static char answer[4096]; /* the last one */
static bool answered;

/* --- what is played --------------------------------------------------------------------------- */

static struct user own_user;
static struct session own_session;

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

static int setup(void **state)
{
	assert_int_equal(auth_setup(state), 0);
	auth.conf.allow_registration = true;
	auth.conf.limit.registrations = 5;
	assert_int_equal(registrar_open(&auth.r.registrar, &auth.r), 0);
	log_set_level(LOG_LVL_DEBUG);
	log_capture(on_log, &logged);
	return 0;
}

static int teardown(void **state)
{
	/* Whatever was sent as a password or token stands in no line of the log. */
	assert_null(strstr(sbuf_str(&logged), "s3cret"));
	log_capture(NULL, NULL);
	sbuf_done(&logged);
	registrar_close(auth.r.registrar);
	jid_done(&own_session.jid);
	return auth_teardown(state);
}

static struct el *parse(const char *text)
{
	static const struct xml_limits lim = { 0, 0, 0, 0 };
	struct xml *x = xml_new(NS_CLIENT, &lim);
	struct el *el = NULL;

	xml_feed(x, "<r xmlns='jabber:client'>", strlen("<r xmlns='jabber:client'>"));
	xml_feed(x, text, strlen(text));
	assert_int_equal(xml_pop(x, &el), XML_HEAD);
	assert_int_equal(xml_pop(x, &el), XML_EL);
	xml_free(x);
	return el;
}

static struct registration *connect_from(const char *peer)
{
	return registration_new(auth.r.registrar, peer, DOMAIN);
}

static void on_later(struct el *reply, void *arg)
{
	(void)arg;
	keep(reply);
	el_free(reply);
}

/* Sends it and waits for the answer; what registration_iq() said. */
static enum reg_status send(struct registration *rg, const char *xml)
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

static void assert_refused(const char *cond)
{
	assert_non_null(strstr(answer, "type=\"error\""));
	if (!strstr(answer, cond))
		fail_msg("no %s in %s", cond, answer);
	assert_null(strstr(answer, "s3cret"));
}

static bool exists(const char *jid)
{
	struct account acc;

	return accounts_get(auth.r.accounts, JID(jid), &acc) == 0;
}

struct invited {
	char id[INVITE_ID + 1], token[INVITE_TOKEN + 1];
};

static struct invited invite(const char *account, int64_t uses, uint64_t ms)
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

static enum reg_status show(struct registration *rg, const char *token)
{
	char iq[256];

	(void)snprintf(iq, sizeof(iq),
	    "<iq type='set' id='s' to='example.org'><preauth xmlns='urn:xmpp:pars:0' token='%s'/>"
	    "</iq>",
	    token);
	return send(rg, iq);
}

/* --- without invitations ---------------------------------------------------------------------- */

static void an_account_is_made(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	assert_int_equal(send(rg, GET), REG_ANSWERED);
	assert_non_null(strstr(answer, "<username/><password/>"));
	assert_int_equal(send(rg, SET("Bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	assert_true(exists("bill@example.org"));
	assert_int_equal(send(rg, SET("second", "s3cret")), REG_ANSWERED);
	assert_refused("not-acceptable");
	assert_false(exists("second@example.org"));
	registration_free(rg);
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *iq, *cond;
	} rows[] = {
		{ SET("", "s3cret"), "not-acceptable" },
		{ SET("bill", ""), "not-acceptable" },
		{ "<iq type='set' id='s'><query xmlns='jabber:iq:register'/></iq>",
		    "not-acceptable" },
		{ "<iq type='set' id='s'><query "
		  "xmlns='jabber:iq:register'><username>bill</username>"
		  "</query></iq>",
		    "not-acceptable" },
		{ SET("bill@example.org", "s3cret"), "not-acceptable" },
		{ SET("bill bard", "s3cret"), "not-acceptable" },
		{ SET("bill/x", "s3cret"), "not-acceptable" },
		{ SET("taken", "s3cret"), "conflict" },
		{ SET("TAKEN", "s3cret"), "conflict" },
		{ SET("boss", "s3cret"), "conflict" },               /* ADMINS */
		{ SET("bill", "s3cret\xc2\x80"), "not-acceptable" }, /* a control character */
		{ "<iq type='set' id='s'><query xmlns='jabber:iq:register'><remove/></query></iq>",
		    "unexpected-request" },
		{ "<iq type='get' id='s' to='example.net'><query xmlns='jabber:iq:register'/></iq>",
		    "service-unavailable" },
		{ "<iq type='set' id='s'><preauth xmlns='urn:xmpp:pars:0'/></iq>", "bad-request" },
		{ "<iq type='get' id='s'><preauth xmlns='urn:xmpp:pars:0' token='x'/></iq>",
		    "bad-request" },
		{ "<iq type='set' id='s'><preauth xmlns='urn:xmpp:pars:0' token=''/></iq>",
		    "item-not-found" },
	};
	static char boss[] = "boss@example.org", *admins[] = { boss };

	(void)state;
	auth.conf.admins = (struct conf_list){ admins, 1 };
	auth.conf.limit.registrations = 0;
	registrar_reload(auth.r.registrar);
	assert_int_equal(auth_add("taken@example.org", "s3cret"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registration *rg = connect_from("192.0.2.1");

		assert_int_equal(send(rg, rows[i].iq), REG_ANSWERED);
		assert_refused(rows[i].cond);
		registration_free(rg);
	}
	assert_false(exists("boss@example.org") || exists("bill@example.org"));
}

static void what_is_none_of_ours(void **state)
{
	static const char *const rows[] = {
		"<message><body>hi</body></message>",
		"<iq type='get'><query xmlns='jabber:iq:register'/></iq>",
		"<iq type='result' id='s'><query xmlns='jabber:iq:register'/></iq>",
		"<iq id='s'><query xmlns='jabber:iq:register'/></iq>",
		"<iq type='get' id='s'/>",
		"<iq type='get' id='s'><query xmlns='jabber:iq:roster'/></iq>",
		"<iq type='get' id='s'><x xmlns='jabber:iq:register'/></iq>",
		"<iq type='get' id='s'><query xmlns='jabber:iq:register'/><x/></iq>",
	};
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(send(rg, rows[i]), REG_NOT_OURS);
	registration_free(rg);
}

static void it_is_off_unless_allowed(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");
	struct invited in = invite(NULL, 1, DAY);
	struct el *f = el_new("features", NS_STREAM);

	(void)state;
	registration_features(rg, f);
	assert_int_equal(el_child_count(f), 3);
	el_free(f);
	auth.conf.allow_registration = false;
	f = el_new("features", NS_STREAM);
	registration_features(rg, f);
	assert_int_equal(el_child_count(f), 0);
	el_free(f);
	assert_int_equal(send(rg, GET), REG_ANSWERED);
	assert_refused("service-unavailable");
	assert_int_equal(show(rg, in.token), REG_ANSWERED);
	assert_refused("service-unavailable");
	assert_int_equal(send(rg, SET("bill", "s3cret")), REG_ANSWERED);
	assert_refused("service-unavailable");
	assert_false(exists("bill@example.org"));
	registration_free(rg);
}

/* --- floods ----------------------------------------------------------------------------------- */

static void an_address_registers_five_an_hour(void **state)
{
	struct registration *rg;
	char iq[512];

	(void)state;
	for (int i = 0; i < 6; i++) {
		rg = connect_from(i % 2 ? "2001:db8::1" : "2001:db8::2"); /* one /64 */
		(void)snprintf(iq, sizeof(iq), SET("u%d", "s3cret"), i);
		(void)send(rg, iq);
		if (i < 5)
			assert_string_equal(answer, OK);
		else
			assert_refused("resource-constraint");
		registration_free(rg);
	}
	rg = connect_from("192.0.2.1");
	assert_int_equal(send(rg, SET("other", "s3cret")), REG_LATER);
	registration_free(rg);
	loop_clock_advance(auth.f.loop, 12 * 60 * SECONDS + 1000);
	rg = connect_from("2001:db8::1");
	assert_int_equal(send(rg, SET("later", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	registration_free(rg);
}

/* With a name that is taken, so that it takes no time in which the bucket fills again. */
static void all_addresses_together_have_a_limit(void **state)
{
	unsigned passed = 0;
	char peer[32];

	(void)state;
	assert_int_equal(auth_add("taken@example.org", "s3cret"), 0);
	for (int i = 0; i < 200; i++) {
		struct registration *rg;

		(void)snprintf(peer, sizeof(peer), "192.0.2.%d", i);
		rg = connect_from(peer);
		assert_int_equal(send(rg, SET("taken", "s3cret")), REG_ANSWERED);
		if (strstr(answer, "conflict"))
			passed++;
		else
			assert_refused("resource-constraint");
		registration_free(rg);
	}
	assert_in_range(passed, 20, 100);
}

static void a_connection_that_asks_without_end(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(show(rg, "wrong"), REG_ANSWERED);
	assert_int_equal(send(rg, GET), REG_TOO_MANY);
	registration_free(rg);
}

/* --- invitations ------------------------------------------------------------------------------ */

static void without_an_invitation_nobody_registers(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(send(rg, GET), REG_ANSWERED);
	assert_refused("not-allowed");
	assert_int_equal(send(rg, SET("bill", "s3cret")), REG_ANSWERED);
	assert_refused("not-allowed");
	assert_int_equal(show(rg, "0123456789abcdef0123456789abcdef"), REG_ANSWERED);
	assert_refused("item-not-found");
	assert_int_equal(send(rg, SET("bill", "s3cret")), REG_ANSWERED);
	assert_refused("not-allowed");
	registration_free(rg);
}

static void an_invitation_is_good_once(void **state)
{
	struct invited in = invite(NULL, 1, DAY);
	struct registration *first = connect_from("192.0.2.1"), *second = connect_from("192.0.2.2");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(strlen(in.token), INVITE_TOKEN);
	assert_int_equal(show(first, in.token), REG_ANSWERED);
	assert_string_equal(answer, OK);
	assert_int_equal(show(second, in.token), REG_ANSWERED);
	assert_string_equal(answer, OK); /* not used yet */
	assert_int_equal(send(first, SET("bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	assert_int_equal(send(second, SET("john", "s3cret")), REG_LATER);
	assert_refused("item-not-found");
	assert_false(exists("john@example.org"));
	assert_int_equal(show(second, in.token), REG_ANSWERED);
	assert_refused("item-not-found");
	registration_free(first);
	registration_free(second);
	assert_null(strstr(sbuf_str(&logged), in.token));
	assert_non_null(strstr(sbuf_str(&logged), in.id));
}

static void a_failed_registration_does_not_use_it_up(void **state)
{
	struct invited in = invite(NULL, 1, DAY);
	struct registration *rg = connect_from("192.0.2.1");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(auth_add("taken@example.org", "s3cret"), 0);
	(void)show(rg, in.token);
	assert_int_equal(send(rg, SET("taken", "s3cret")), REG_ANSWERED);
	assert_refused("conflict");
	db_fail_commits(auth.f.db, 1, -ENOSPC);
	assert_int_equal(send(rg, SET("bill", "s3cret")), REG_LATER);
	assert_refused("resource-constraint");
	assert_false(exists("bill@example.org"));
	assert_int_equal(send(rg, SET("bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	registration_free(rg);
}

/* Both ask before either is there: the database decides, and the loser's token is not spent. */
static void two_at_once_for_one_name(void **state)
{
	struct invited in[2] = { invite(NULL, 1, DAY), invite(NULL, 1, DAY) };
	struct registration *rg[2];
	struct el *reply;

	(void)state;
	auth.conf.registration_invite_only = true;
	for (int i = 0; i < 2; i++) {
		struct el *iq = parse(SET("bill", "s3cret"));

		rg[i] = connect_from("192.0.2.1");
		(void)show(rg[i], in[i].token);
		assert_int_equal(registration_iq(rg[i], iq, &reply, on_later, NULL), REG_LATER);
		assert_int_equal(registration_iq(rg[i], iq, &reply, on_later, NULL), REG_TOO_MANY);
		el_free(iq);
	}
	run_all(&auth.f);
	assert_refused("conflict"); /* the second one's answer */
	assert_true(exists("bill@example.org"));
	assert_int_equal(send(rg[1], SET("john", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	registration_free(rg[0]);
	registration_free(rg[1]);
}

static void an_invitation_expires(void **state)
{
	struct invited in = invite(NULL, 5, DAY);
	struct registration *early = connect_from("192.0.2.1"), *late = connect_from("192.0.2.2");

	(void)state;
	auth.conf.registration_invite_only = true;
	assert_int_equal(show(early, in.token), REG_ANSWERED);
	loop_clock_advance(auth.f.loop, DAY);
	assert_int_equal(show(late, in.token), REG_ANSWERED);
	assert_refused("item-not-found");
	(void)invite(NULL, 1, DAY); /* making one throws old ones away, but not those in use */
	assert_int_equal(send(early, SET("bill", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK); /* XEP-0445 4: shown in time */
	registration_free(early);
	registration_free(late);
}

static void one_for_several_uses(void **state)
{
	struct invited in = invite(NULL, 2, DAY);
	char iq[512];

	(void)state;
	auth.conf.registration_invite_only = true;
	for (int i = 0; i < 3; i++) {
		struct registration *rg = connect_from("192.0.2.1");

		(void)show(rg, in.token);
		if (i < 2) {
			(void)snprintf(iq, sizeof(iq), SET("u%d", "s3cret"), i);
			assert_int_equal(send(rg, iq), REG_LATER);
			assert_string_equal(answer, OK);
		} else {
			assert_refused("item-not-found");
		}
		registration_free(rg);
	}
}

static void one_for_a_name_keeps_it(void **state)
{
	struct invited in = invite("juliet@example.org", 1, DAY);
	struct registration *rg = connect_from("192.0.2.1"), *other = connect_from("192.0.2.2");

	(void)state;
	assert_int_equal(send(other, SET("Juliet", "s3cret")), REG_ANSWERED);
	assert_refused("conflict");
	(void)show(rg, in.token);
	assert_int_equal(send(rg, GET), REG_ANSWERED);
	assert_non_null(strstr(answer, "<username>juliet</username>"));
	assert_int_equal(send(rg, SET("romeo", "s3cret")), REG_ANSWERED);
	assert_refused("not-acceptable");
	assert_int_equal(send(rg, SET("Juliet", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK);
	assert_true(exists("juliet@example.org"));
	(void)invite("tybalt@example.org", 1, DAY);
	loop_clock_advance(auth.f.loop, DAY);
	assert_int_equal(send(other, SET("tybalt", "s3cret")), REG_LATER);
	assert_string_equal(answer, OK); /* nobody came */
	registration_free(rg);
	registration_free(other);
}

static void one_of_another_domain_is_none(void **state)
{
	struct invited in = invite(NULL, 1, DAY);
	struct registration *rg = registration_new(auth.r.registrar, "192.0.2.1", "example.net");
	char iq[256];

	(void)state;
	(void)snprintf(iq, sizeof(iq),
	    "<iq type='set' id='s'><preauth xmlns='urn:xmpp:pars:0' token='%s'/></iq>", in.token);
	(void)send(rg, iq);
	assert_refused("item-not-found");
	registration_free(rg);
}

static void count_one(const struct invite *in, void *arg)
{
	assert_string_equal(in->domain, DOMAIN);
	assert_true(in->uses > 0 && in->expires_ms > in->created_ms);
	(*(unsigned *)arg)++;
}

static void invitations_are_listed_and_revoked(void **state)
{
	struct invited a = invite(NULL, 3, DAY);
	struct registration *rg = connect_from("192.0.2.1");
	struct note gone = { 0 }, none = { 0 };
	unsigned n = 0;

	(void)state;
	auth.conf.registration_invite_only = true;
	(void)invite("juliet@example.org", 1, 2 * DAY);
	assert_int_equal(invites_list(&auth.r, NULL, 10, count_one, &n), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(invites_list(&auth.r, NULL, 1, count_one, &n), 0);
	assert_int_equal(n, 1);
	(void)show(rg, a.token);
	invites_revoke(&auth.r, a.id, note_done, &gone);
	invites_revoke(&auth.r, a.id, note_done, &none);
	run_all(&auth.f);
	assert_int_equal(gone.err, 0);
	assert_int_equal(none.err, -ENOENT);
	assert_int_equal(send(rg, SET("bill", "s3cret")), REG_LATER);
	assert_refused("item-not-found"); /* shown, but taken back */
	loop_clock_advance(auth.f.loop, 3 * DAY);
	n = 0;
	assert_int_equal(invites_list(&auth.r, NULL, 10, count_one, &n), 0);
	assert_int_equal(n, 0);
	registration_free(rg);
}

static void a_connection_that_ends_meanwhile(void **state)
{
	struct registration *rg = connect_from("192.0.2.1");
	struct el *iq = parse(SET("bill", "s3cret")), *reply;

	(void)state;
	answered = false;
	assert_int_equal(registration_iq(rg, iq, &reply, on_later, NULL), REG_LATER);
	registration_free(rg);
	el_free(iq);
	run_all(&auth.f);
	assert_false(answered);
	assert_true(exists("bill@example.org"));
}

/* --- one's own account ------------------------------------------------------------------------ */

static void own(const char *jid, const char *xml)
{
	struct jid full = jid_view(jid), bare;
	struct stanza *st;
	struct arena *a;

	jid_done(&own_session.jid);
	own_session.jid = jid_dup(&full);
	own_session.user = &own_user;
	assert_int_equal(stanza_new(&st, parse(xml)), 0);
	a = el_arena(st->el);
	bare = jid_bare(&full, a);
	own_user.jid = bare;
	st->session = &own_session;
	stanza_set_from(st, &full);
	answered = false;
	register_own(&auth.r, st);
	stanza_release(st);
	run_all(&auth.f);
	assert_true(answered);
}

static bool logs_in(const char *jid, const char *password)
{
	struct account acc;

	return accounts_get(auth.r.accounts, JID(jid), &acc) == 0 &&
	       scram_check_password(&acc.sha256, password);
}

#define BILL "bill@example.org/globe"

static void a_password_is_changed(void **state)
{
	(void)state;
	auth.conf.allow_registration = false; /* that is another matter */
	assert_int_equal(auth_add("bill@example.org", "s3cret old"), 0);
	assert_int_equal(auth_add("john@example.org", "s3cret john"), 0);
	own(BILL, GET);
	assert_non_null(strstr(answer, "<registered/><username>bill</username><password/>"));
	own(BILL, SET("BILL", "s3cret new"));
	assert_non_null(strstr(answer, "type=\"result\""));
	assert_true(logs_in("bill@example.org", "s3cret new"));
	own(BILL, SET("john", "s3cret mine"));
	assert_refused("not-allowed");
	own(BILL, SET("bill", ""));
	assert_refused("bad-request");
	own(BILL, "<iq type='set' id='s'><query xmlns='jabber:iq:register'><password>s3cret"
		  "</password></query></iq>");
	assert_refused("bad-request");
	own(BILL, "<iq type='set' id='s'><x xmlns='jabber:iq:register'/></iq>");
	assert_refused("bad-request");
	assert_true(logs_in("john@example.org", "s3cret john"));
	assert_true(logs_in("bill@example.org", "s3cret new"));
}

static void passwords_change_only_so_often(void **state)
{
	(void)state;
	assert_int_equal(auth_add("bill@example.org", "s3cret old"), 0);
	for (int i = 0; i < 5; i++)
		own(BILL, SET("bill", "s3cret new"));
	assert_non_null(strstr(answer, "type=\"result\""));
	own(BILL, SET("bill", "s3cret newer"));
	assert_refused("resource-constraint");
	assert_true(logs_in("bill@example.org", "s3cret new"));
}

static void an_account_is_ended_by_its_owner(void **state)
{
	(void)state;
	assert_int_equal(auth_add("bill@example.org", "s3cret"), 0);
	auth.has_session = "bill@example.org";
	own(BILL, "<iq type='set' id='s'><query xmlns='jabber:iq:register'><remove/>"
		  "<username>bill</username></query></iq>");
	assert_refused("bad-request");
	assert_true(exists("bill@example.org"));
	own(BILL, "<iq type='set' id='s'><query xmlns='jabber:iq:register'><remove/></query></iq>");
	assert_non_null(strstr(answer, "type=\"result\""));
	assert_false(exists("bill@example.org"));
	assert_int_equal(auth.kicked, 2);
	assert_int_equal(auth.blocks_gone, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_account_is_made),
		T(what_is_refused),
		T(what_is_none_of_ours),
		T(it_is_off_unless_allowed),
		T(an_address_registers_five_an_hour),
		T(all_addresses_together_have_a_limit),
		T(a_connection_that_asks_without_end),
		T(without_an_invitation_nobody_registers),
		T(an_invitation_is_good_once),
		T(a_failed_registration_does_not_use_it_up),
		T(two_at_once_for_one_name),
		T(an_invitation_expires),
		T(one_for_several_uses),
		T(one_for_a_name_keeps_it),
		T(one_of_another_domain_is_none),
		T(invitations_are_listed_and_revoked),
		T(a_connection_that_ends_meanwhile),
		T(a_password_is_changed),
		T(passwords_change_only_so_often),
		T(an_account_is_ended_by_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
