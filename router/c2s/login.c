/* SPDX-License-Identifier: MIT */
/* A connection that has TLS and nobody behind it yet: it logs in (SASL; with XEP-0388 all that
 * follows in the same breath, inline.c), or makes an account first
 * (in-band registration).  Whatever else it says ends it.
 *
 * Must not: change the connection's state but by conn_authenticated(). */
#include "auth/register.h"
#include "auth/sasl.h"
#include "c2s/conn.h"
#include "router.h"

void conn_login_begin(struct conn *c)
{
	struct router *r = c->router;

	conn_login_end(c);
	c->sasl = sasl_new(r->sasl, stream_io_of(c->stream), c->host);
	sasl_said(c->sasl, el_attr(stream_head(c->stream), "from"));
	c->registration = registration_new(r->registrar, c->peer, c->host);
}

void conn_login_end(struct conn *c)
{
	sasl_free(c->sasl);
	registration_free(c->registration);
	c->sasl = NULL;
	c->registration = NULL;
}

void conn_login_features(const struct conn *c, struct el *features)
{
	struct el *in;

	sasl_features(c->sasl, features);
	in = conn_inline_features(el_mut(el_child(features, "authentication", NS_SASL2)));
	sasl_fast_features(c->sasl, in);
	registration_features(c->registration, features);
}

/* --- SASL ------------------------------------------------------------------------------------- */

/* The stream goes on as it is, with what was asked for along with the login. */
static void success(struct conn *c, struct el *reply)
{
	EL_AUTO struct el *request = sasl_take_request(c->sasl);

	if (request) {
		conn_authenticated(c, sasl_jid(c->sasl), false);
		conn_inline(c, request, reply);
		return;
	}
	stream_send(c->stream, reply);
	conn_authenticated(c, sasl_jid(c->sasl), true);
}

static void sasl_finish(struct conn *c, enum sasl_status status, struct el *reply)
{
	if (reply && status != SASL_SUCCESS)
		stream_send(c->stream, reply);
	switch (status) {
	case SASL_SENT:
	case SASL_FAILED:
		return;
	case SASL_DROP:
		stream_error(c->stream, STREAM_E_POLICY_VIOLATION, "too many failed tries");
		return;
	case SASL_SUCCESS:
		success(c, reply);
	}
}

static void sasl_answered(enum sasl_status status, struct el *reply, void *arg)
{
	struct conn *c = arg;
	EL_AUTO struct el *owned = reply;

	stream_resume(c->stream);
	sasl_finish(c, status, owned);
}

static void element_sasl(struct conn *c)
{
	EL_AUTO struct el *reply = NULL;
	enum sasl_status status =
	    sasl_element(c->sasl, stream_el(c->stream), &reply, sasl_answered, c);

	if (status == SASL_SENT && !reply)
		stream_pause(c->stream); /* the answer comes by sasl_answered() */
	else
		sasl_finish(c, status, reply);
}

/* --- registration ----------------------------------------------------------------------------- */

static void registered(struct el *reply, void *arg)
{
	struct conn *c = arg;
	EL_AUTO struct el *owned = reply;

	stream_resume(c->stream);
	stream_send(c->stream, owned);
}

static void element_iq(struct conn *c)
{
	EL_AUTO struct el *reply = NULL;

	switch (registration_iq(c->registration, stream_el(c->stream), &reply, registered, c)) {
	case REG_ANSWERED:
		stream_send(c->stream, reply);
		break;
	case REG_LATER:
		stream_pause(c->stream);
		break;
	case REG_NOT_OURS:
		stream_error(c->stream, STREAM_E_NOT_AUTHORIZED, "log in first");
		break;
	case REG_TOO_MANY:
		stream_error(c->stream, STREAM_E_POLICY_VIOLATION, "too many requests");
	}
}

void conn_login_element(struct conn *c)
{
	const char *ns = el_ns(stream_el(c->stream));

	if (!strcmp(ns, NS_SASL) || !strcmp(ns, NS_SASL2))
		element_sasl(c);
	else if (sasl_goes_on(c->sasl)) /* XEP-0388 2.4: nothing else may come in between */
		stream_error(c->stream, STREAM_E_NOT_AUTHORIZED, "log in first");
	else
		element_iq(c);
}
