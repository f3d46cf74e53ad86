/* SPDX-License-Identifier: MIT */
/* What comes to the pubsub component, from its server and through it from anybody: it lives, an iq
 * gets one answer, and what it says is stanzas, in its own name or in that of an account here.
 *
 * The input is stanzas one after the other, from an empty database on.  Nothing is committed.  What
 * is for an account comes as the server delegates it (XEP-0355), rosters are answered as soon as
 * they are asked for, and an answer with the id "last" is one to the last other question. */
#include <assert.h>
#include <string.h>

#include "../unit/xml_fixture.h"
#include "account.h"
#include "behind.h"
#include "bookmarks.h"
#include "comp_internal.h"
#include "disco.h"
#include "link.h"
#include "routes.h"
#include "session.h"
#include "store.h"
#include "vcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOM "pubsub.test"
#define DELEGATED(ns) "<delegated namespace='" ns "'/>"
enum { INPUT_MAX = 8192, ROUNDS = 64 };

static struct comp *c;
static struct pubsub p;
static struct behind_iq last; /* the last question that is no roster's */

/* Of every account: bob sees it, carol is seen by it. */
static const char roster[] =
    "<query xmlns='jabber:iq:roster'><item jid='bob@test' subscription='both'><group>g</group>"
    "</item><item jid='carol@test' subscription='to'/>"
    "<item jid='dave@far.test' subscription='both'/></query>";

static const char grants[] =
    "<message from='" SERVER "' to='" DOM "'><privilege xmlns='" NS_PRIVILEGE_2 "'>"
    "<perm access='roster' type='get' push='true'/><perm access='message' type='outgoing'/>"
    "<perm access='presence' type='roster'/><perm access='iq'>"
    "<namespace ns='http://jabber.org/protocol/disco#info' type='get'/></perm></privilege>"
    "<presence-extra xmlns='urn:switchyard:presence-extra:1' ns='vcard-temp:x:update'/></message>";
static const char delegated[] =
    "<message from='" SERVER "' to='" DOM "'><delegation xmlns='" NS_DELEGATION
    "'>" DELEGATED(NS_PUBSUB) DELEGATED(NS_PUBSUB_OWNER) DELEGATED(NS_VCARD)
	DELEGATED(NS_PRIVATE) "</delegation></message>";

/* --- the component ---------------------------------------------------------------------------- */

static void done(void)
{
	pubsub_done(&p);
}

static void start(void)
{
	static char admin[] = "root@test";
	static char *admins[] = { admin };
	static struct pubsub_conf conf = {
		.comp = { .max_stanza = 1 << 20 },
		.create = CREATE_LOCAL,
		.admins = { admins, 1 },
		.max_item = 4096,
		.max_items = 8,
		.max_nodes = 8,
		.max_bytes = 16384,
		.max_affiliations = 8,
		.max_subscriptions = 8,
		.burst = 1,
	};
	static struct comp_ops ops = { .schema = store_schema, .n_schema = STORE_SCHEMA_N };

	c = behind_start(&ops, &p, &conf.comp, DOM, done);
	pubsub_init(&p, c);
	disco_start(&p);
	vcard_start(&p);
	bookmarks_start(&p);
	comp_routes(c, pubsub_routes, PUBSUB_ROUTES, &p);
}

/* --- what it says ----------------------------------------------------------------------------- */

struct said {
	struct behind_said s;
	struct behind_iq ask; /* for a roster; without an id: none */
};

static void take_said(struct el *el, void *arg)
{
	struct said *s = arg;

	if (el_kind(el) != EL_IQ)
		assert(strcmp(el_attr(el, "from"), DOM) == 0);
	if (behind_says(&s->s, el))
		behind_note(el_child(el, "query", NS_ROSTER) ? &s->ask : &last, el);
}

static void look(struct said *s)
{
	s->ask.id[0] = '\0';
	(void)link_said(c, take_said, s);
	tx_discard(c);
}

/* --- what it is told -------------------------------------------------------------------------- */

static void say(const char *text)
{
	struct said s = { 0 };

	behind_hand_in(xml_one(NS_COMPONENT, "", text, strlen(text)), 1);
	look(&s);
}

static void address(struct el *el)
{
	const char *id = el_attr(el, "id");

	if (el_kind(el) != EL_IQ || !id || strcmp(id, "last") != 0 || !last.id[0])
		return;
	el_set(el, "id", last.id);
	el_set(el, "from", last.to);
}

static void take(struct el *el)
{
	struct said s = { 0 };

	el = behind_delegated(el);
	address(el);
	if (!behind_expects(&s.s, el))
		return;
	behind_hand_in(el, 1);
	look(&s);
	for (unsigned i = 0; i < ROUNDS && s.ask.id[0]; i++) {
		behind_hand_in(behind_answer(&s.ask, roster), 1);
		look(&s);
	}
	assert(s.s.answers == s.s.asks);
}

static void forget_services(void)
{
	pubsub_forget(&p);
}

static void forget(void)
{
	behind_forget(forget_services);
	assert(p.services_bytes == 0 && p.payloads_bytes == 0 && p.rosters_bytes == 0);
	assert(p.n_sessions == 0 && list_empty(&p.fresh) && map_len(&p.watched) == 0);
	last.id[0] = '\0';
	p.last_node = p.last_seq = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	if (!c)
		start();
	say(grants);
	say(delegated);
	link_stanzas(data, size, take);
	forget();
	return 0;
}
