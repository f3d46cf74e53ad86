/* SPDX-License-Identifier: MIT */
/* Acknowledgements on the link: XEP-0198, both ways, as docs/component-protocol.md has it.
 *
 *   <handshake/> -> FEATURES -> RESUMED -> online, where it was
 *                            -> ENABLED -> online, a new session
 *                  no <sm/>, or <failed/> to <enable/>: online, plain
 *
 * h to the server is what is committed; what came and is not is sent again after a loss, and
 * recognised by its number if its handler has run meanwhile.  A new session's id is committed
 * before anything of the session leaves (comp_out.c waits for it). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "comp_internal.h"

/* --- counts ----------------------------------------------------------------------------------- */

/* How far this session has come in the database. */
static uint64_t in_safe(const struct ledger *d)
{
	return d->in_safe > d->in_base ? d->in_safe : d->in_base;
}

/* That, and no more than what came on this connection: of what is sent again after a loss some may
 * be safe before it is here, and a count beyond what was sent ends the stream. */
static uint64_t in_told(const struct link *k)
{
	uint64_t safe = in_safe(&k->c->ledger);

	return safe < k->came ? safe : k->came;
}

static uint32_t our_h(const struct link *k)
{
	return (uint32_t)(in_told(k) - k->c->ledger.in_base);
}

/* 6: the error, and a session that is of no use any more.  What shares the domain keeps its row as
 * it is, for whoever adopts it (connect_now() in comp_link.c gives it up). */
static void bad_count(struct link *k, uint32_t h)
{
	struct ledger *d = &k->c->ledger;
	uint32_t sent = (uint32_t)(d->out_sent - d->out_base);

	log_warn(&k->tag, "the server acknowledged %" PRIu32 " stanzas of %" PRIu32, h, sent);
	if (comp_member(k->c))
		d->sm_id[0] = '\0';
	else
		tx_session(k->c, "", NULL);
	stream_error_h(k->s, h, sent);
}

/* False: it was impossible, and the stream ends. */
static bool acknowledged(struct link *k, const struct el *el)
{
	uint32_t h;

	if (el_attr_u32(el, "h", &h) < 0) {
		stream_error(k->s, STREAM_E_BAD_FORMAT, "an acknowledgement without a count");
		return false;
	}
	if (out_ack(k->c, h) == 0)
		return true;
	bad_count(k, h);
	return false;
}

/* --- negotiation ------------------------------------------------------------------------------ */

bool comp_offers(const struct comp *c, const char *ns)
{
	return c->link.features && el_child(c->link.features, NULL, ns);
}

static void enable(struct link *k)
{
	if (k->c->conf->share)
		stream_puts(k->s, "<enable xmlns='" NS_SM "' resume='true'>"
				  "<share xmlns='" NS_SHARE "'/></enable>");
	else
		stream_puts(k->s, "<enable xmlns='" NS_SM "' resume='true'/>");
	k->step = SM_ENABLED;
}

static void resume(struct link *k)
{
	const struct ledger *d = &k->c->ledger;
	EL_AUTO struct el *el = el_new("resume", NS_SM);

	k->came = k->told = in_safe(d); /* the server goes on from here */
	el_set(el, "previd", d->sm_id);
	el_setf(el, "h", "%" PRIu32, our_h(k));
	stream_send(k->s, el);
	k->step = SM_RESUMED;
}

void sm_begin(struct link *k)
{
	const char *asked = el_attr_ns(stream_head(k->s), NS_LINK, "features");

	if (asked && strcmp(asked, "1") == 0)
		k->step = SM_FEATURES;
	else
		sm_plain(k);
}

static void not_shared(struct link *k)
{
	link_refuse(k, "the server does not share this domain: set connections = share");
}

void sm_plain(struct link *k)
{
	if (k->c->conf->share)
		not_shared(k);
	else
		link_go_online(k, false);
}

static void on_features(struct link *k, struct el *el)
{
	const char *sm_id = k->c->ledger.sm_id;

	el_free(k->features);
	k->features = el;
	if (!el_child(el, "sm", NS_SM))
		sm_plain(k);
	else if (k->c->conf->share && !el_child(el, "share", NS_SHARE))
		not_shared(k);
	else if (sm_id && *sm_id)
		resume(k);
	else
		enable(k);
}

static void on_resumed(struct link *k, const struct el *el)
{
	struct ledger *d = &k->c->ledger;
	const char *previd = el_attr(el, "previd");

	if (!previd || strcmp(previd, d->sm_id) != 0) {
		stream_error(k->s, STREAM_E_BAD_FORMAT, "another session was resumed");
		return;
	}
	d->out_sent = d->out_safe; /* an earlier process may have sent all of it */
	if (!acknowledged(k, el))
		return;
	if (k->c->conf->share != !!d->member) { /* it began when the setting was another one */
		d->sm_id[0] = '\0';
		stream_close(k->s);
		return;
	}
	k->acked = true;
	link_go_online(k, true);
}

/* The session is gone; what the server says of it still counts.  A server that was restarted and
 * had acknowledged everything costs nothing. */
static void on_not_resumed(struct link *k, const struct el *el)
{
	struct ledger *d = &k->c->ledger;
	bool told = el_attr(el, "h"), waits;

	d->out_sent = d->out_safe;
	if (told && !acknowledged(k, el))
		return;
	if (comp_member(k->c)) {
		tx_write(k->c); /* whoever adopts it may not be told */
		recover_anew(k->c, "the link could not be resumed: what it was to send is another "
				   "member's now");
		return;
	}
	waits = d->out_acked < d->out_safe;
	log_at(&k->tag, waits ? LOG_LVL_WARN : LOG_LVL_INFO, "the link could not be resumed%s",
	    waits && !told ? ": what was not acknowledged is sent again" : "");
	enable(k);
}

static void on_enabled(struct link *k, const struct el *el)
{
	const char *id = el_attr(el, "id"), *member = NULL;

	if (k->c->conf->share) {
		const struct el *share = el_child(el, "share", NS_SHARE);

		member = share ? el_attr(share, "member") : NULL;
		if (!share_valid_id(member)) {
			not_shared(k);
			return;
		}
	}
	if (!id || !el_attr_true(el, "resume"))
		id = "";
	tx_session(k->c, id, member);
	k->came = k->told = k->c->ledger.in_base;
	k->acked = true;
	link_go_online(k, false);
}

void sm_negotiate(struct link *k, struct el *el)
{
	if (k->step == SM_FEATURES && el_is(el, "features", NS_STREAM)) {
		on_features(k, el);
		return;
	}
	if (k->step == SM_RESUMED && el_is(el, "resumed", NS_SM))
		on_resumed(k, el);
	else if (k->step == SM_RESUMED && el_is(el, "failed", NS_SM))
		on_not_resumed(k, el);
	else if (k->step == SM_ENABLED && el_is(el, "enabled", NS_SM))
		on_enabled(k, el);
	else if (k->step == SM_ENABLED && el_is(el, "failed", NS_SM))
		sm_plain(k);
	else
		log_debug(&k->tag, "ignored <%s/> while the link was negotiated", el_name(el));
	el_free(el);
}

/* --- on the link ------------------------------------------------------------------------------ */

void sm_tell(struct link *k)
{
	char a[64];

	(void)snprintf(a, sizeof(a), "<a xmlns='" NS_SM "' h='%" PRIu32 "'/>", our_h(k));
	stream_puts(k->s, a);
	k->told = in_told(k);
}

void sm_probe(struct link *k)
{
	k->asked = true;
	k->asked_at = k->c->ledger.out_sent;
	stream_puts(k->s, "<r xmlns='" NS_SM "'/>");
}

void sm_turn(struct link *k)
{
	const struct ledger *d = &k->c->ledger;

	if (in_told(k) > k->told)
		sm_tell(k);
	/* One at a time, and none for what one has asked about: the server says by itself when
	 * it has come further. */
	if (!k->asked && d->out_sent > d->out_acked && d->out_sent > k->asked_at)
		sm_probe(k);
}

void sm_element(struct link *k, const struct el *el)
{
	if (el_is(el, "r", NS_SM)) {
		sm_tell(k);
	} else if (el_is(el, "a", NS_SM)) {
		k->asked = false;
		if (acknowledged(k, el))
			link_kick(k);
	} else {
		log_debug(&k->tag, "ignored <%s/> of stream management", el_name(el));
	}
}
