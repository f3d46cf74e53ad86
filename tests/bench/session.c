/* SPDX-License-Identifier: MIT */
/* Logging in: STARTTLS or direct TLS, SASL, binding, presence, and a ping whose answer says that
 * the presence was processed (RFC 6120, RFC 6121 4.2); registration (XEP-0077); a component's
 * handshake (XEP-0114); nothing at all with tlsrelay.
 *
 * Each state waits for one element and has one function for it, which assigns the next state. */
#include <stdio.h>
#include <string.h>

#include <base/digest.h>
#include <base/mem.h>

#include "opts.h"
#include "sasl.h"
#include "session.h"

#define ERRORS_SHOWN 5

struct session_events on;
long session_errors, session_lost;

void session_error(const char *what, const char *s, size_t n)
{
	if (session_errors++ < ERRORS_SHOWN)
		(void)fprintf(stderr, "xmppload: %s: %.*s\n", what, n > 900 ? 900 : (int)n, s);
}

static void lose(struct conn *c)
{
	session_lost++;
	if (on.lost)
		on.lost(c);
}

static void ready(struct conn *c)
{
	c->state = CONN_READY;
	if (on.ready)
		on.ready(c);
}

static void open_stream(struct conn *c, const char *ns, const char *to, const char *version)
{
	scan_reset(&c->scan, 0);
	conn_printf(c,
	    "<?xml version='1.0'?><stream:stream xmlns='%s' to='%s'%s "
	    "xmlns:stream='http://etherx.jabber.org/streams'>",
	    ns, to, version);
}

static void open_client_stream(struct conn *c, enum conn_state next)
{
	open_stream(c, "jabber:client", opt.domain, " version='1.0'");
	c->state = next;
}

/* --- TCP and TLS --------------------------------------------------------------------------------
 */

static void raw_ready(struct conn *c)
{
	scan_reset(&c->scan, 1);
	ready(c);
}

void session_connected(struct conn *c)
{
	if (c->kind == CONN_COMPONENT) {
		open_stream(c, "jabber:component:accept", opt.component, "");
		c->state = CONN_COMPONENT_HEADER;
	} else if (opt.tls == TLS_DIRECT) {
		conn_start_tls(c);
	} else if (c->kind == CONN_RAW) {
		raw_ready(c);
	} else {
		open_client_stream(c, opt.tls == TLS_NONE ? CONN_FEATURES : CONN_STARTTLS);
	}
}

void session_secured(struct conn *c)
{
	if (c->kind == CONN_RAW)
		raw_ready(c);
	else
		open_client_stream(c, CONN_FEATURES);
}

static bool on_starttls(struct conn *c, const char *s, size_t n)
{
	if (!xml_has(s, n, "urn:ietf:params:xml:ns:xmpp-tls"))
		return false;
	conn_puts(c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	c->state = CONN_PROCEED;
	return true;
}

static bool on_proceed(struct conn *c, const char *s, size_t n)
{
	if (!xml_has(s, n, "<proceed"))
		return false;
	conn_start_tls(c);
	return true;
}

/* --- SASL ---------------------------------------------------------------------------------------
 */

static void log_in(struct conn *c)
{
	static const char *const name[MECH_N] = { "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256" };
	char *first = opt.mech == MECH_PLAIN ? sasl_plain(c) : sasl_first(c);

	conn_printf(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>%s</auth>",
	    name[opt.mech], first);
	free(first);
	c->state = opt.mech == MECH_PLAIN ? CONN_SUCCESS : CONN_CHALLENGE;
}

static bool on_features(struct conn *c, const char *s, size_t n)
{
	(void)s;
	(void)n;
	if (c->kind == CONN_CLIENT) {
		log_in(c);
		return true;
	}
	conn_printf(c,
	    "<iq type='set' id='reg'><query xmlns='jabber:iq:register'>"
	    "<username>%s%d</username><password>%s</password></query></iq>",
	    opt.prefix, c->user, opt.password);
	c->state = CONN_REGISTERED;
	return true;
}

static bool on_challenge(struct conn *c, const char *s, size_t n)
{
	size_t len;
	const char *text = xml_text(s, n, &len);
	char *final = text && xml_has(s, n, "<challenge") ? sasl_final(c, text, len) : NULL;

	if (!final)
		return false;
	conn_printf(c, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</response>", final);
	free(final);
	c->state = CONN_SUCCESS;
	return true;
}

static bool on_success(struct conn *c, const char *s, size_t n)
{
	size_t len;
	const char *text = xml_text(s, n, &len);

	if (!xml_has(s, n, "<success"))
		return false;
	if (opt.mech != MECH_PLAIN && (!text || !sasl_verify(c, text, len)))
		return false;
	free(c->sasl);
	c->sasl = NULL;
	open_client_stream(c, CONN_BIND_FEATURES);
	return true;
}

/* --- binding, presence, registration ------------------------------------------------------------
 */

static bool on_bind_features(struct conn *c, const char *s, size_t n)
{
	(void)s;
	(void)n;
	conn_printf(c,
	    "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
	    "<resource>r%d</resource></bind></iq>",
	    c->index);
	c->state = CONN_BIND;
	return true;
}

static bool on_bind(struct conn *c, const char *s, size_t n)
{
	const char *jid = memmem(s, n, "<jid>", 5), *end;

	if (!jid)
		return false;
	jid += 5;
	end = memchr(jid, '<', n - (size_t)(jid - s));
	if (!end)
		return false;
	c->jid = xstrndup(jid, (size_t)(end - jid));
	conn_printf(c, "%s<iq type='get' id='sync' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
	    on.greeting ? on.greeting : "<presence/>", opt.domain);
	c->state = CONN_SYNC;
	return true;
}

/* Rosters, presence and pushes may come before the answer to the ping: even an error is one. */
static bool on_sync(struct conn *c, const char *s, size_t n)
{
	if (s[1] == 'i' && xml_attr_is(s, n, "id", "sync"))
		ready(c);
	else if (on.early && on.stanza)
		on.stanza(c, s, n);
	return true;
}

static bool on_registered(struct conn *c, const char *s, size_t n)
{
	if (!xml_has(s, xml_opening(s, n), "result") && !xml_has(s, n, "<conflict"))
		return false; /* a conflict: the account is there already */
	ready(c);
	return true;
}

/* --- XEP-0114 -----------------------------------------------------------------------------------
 */

static void send_handshake(struct conn *c, const char *id, size_t len)
{
	uint8_t hash[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1], *text = xasprintf("%.*s%s", (int)len, id, opt.secret);

	digest(DIGEST_SHA1, text, strlen(text), hash);
	digest_hex(hash, digest_len(DIGEST_SHA1), hex);
	free(text);
	conn_printf(c, "<handshake>%s</handshake>", hex);
	c->state = CONN_HANDSHAKE;
}

static bool on_handshake(struct conn *c, const char *s, size_t n)
{
	if (!xml_has(s, n, "<handshake"))
		return false;
	ready(c);
	return true;
}

/* --- dispatch -----------------------------------------------------------------------------------
 */

static const struct {
	bool (*take)(struct conn *c, const char *s, size_t n); /* false: not what was waited for */
	const char *what;
} steps[CONN_N] = {
	[CONN_STARTTLS] = { on_starttls, "no STARTTLS" },
	[CONN_PROCEED] = { on_proceed, "STARTTLS refused" },
	[CONN_FEATURES] = { on_features, "no features" },
	[CONN_CHALLENGE] = { on_challenge, "not a challenge" },
	[CONN_SUCCESS] = { on_success, "not logged in" },
	[CONN_BIND_FEATURES] = { on_bind_features, "no features after login" },
	[CONN_BIND] = { on_bind, "not bound" },
	[CONN_SYNC] = { on_sync, "no answer to a ping" },
	[CONN_REGISTERED] = { on_registered, "not registered" },
	[CONN_HANDSHAKE] = { on_handshake, "handshake refused" },
};

static void refuse(struct conn *c, const char *what, const char *s, size_t n)
{
	session_error(what, s, n);
	lose(c);
	conn_close(c);
}

void session_header(struct conn *c, const char *s, size_t n)
{
	size_t len;
	const char *id;

	if (c->state != CONN_COMPONENT_HEADER)
		return;
	id = xml_attr(s, n, "id", &len);
	if (id)
		send_handshake(c, id, len);
	else
		refuse(c, "a stream without id", s, n);
}

void session_stanza(struct conn *c, const char *s, size_t n)
{
	if (c->state == CONN_READY) {
		if (on.stanza)
			on.stanza(c, s, n);
	} else if (steps[c->state].take && !steps[c->state].take(c, s, n)) {
		refuse(c, steps[c->state].what, s, n);
	}
}

void session_closed(struct conn *c, const char *why)
{
#define X(s) #s,
	static const char *const name[CONN_N] = { CONN_STATES };
#undef X
	char *text;

	if (c->kind == CONN_REGISTER && c->state == CONN_READY)
		return;
	text = xasprintf("%s, in state %s", why, name[c->state]);
	session_error("a session is lost", text, strlen(text));
	free(text);
	lose(c);
}
