/* SPDX-License-Identifier: MIT */
/* What comes to the pubsub component, from its server and through it from anybody: it lives, an iq
 * gets one answer, and what it says is stanzas, in its own name or in that of an account here.
 *
 * The input is stanzas one after the other, from an empty database on.  Nothing is committed.  What
 * is for an account comes as the server delegates it (XEP-0355), rosters are answered as soon as
 * they are asked for, and an answer with the id "last" is one to the last other question. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/arena.h>
#include <base/mem.h>

#include "../unit/xml_fixture.h"
#include "account.h"
#include "bookmarks.h"
#include "comp_internal.h"
#include "disco.h"
#include "link.h"
#include "routes.h"
#include "session.h"
#include "store.h"
#include "vcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SERVER "test"
#define DOM "pubsub.test"
#define NS_DELEGATION "urn:xmpp:delegation:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_PRIVILEGE "urn:xmpp:privilege:2"
#define DELEGATED(ns) "<delegated namespace='" ns "'/>"
enum { INPUT_MAX = 8192, ROUNDS = 64 };

static struct comp *c;
static struct pubsub p;
static struct loop *loop;
static char dir[] = "/tmp/fuzz_pubsub.XXXXXX";
static struct {
	char id[64], to[256]; /* the last question that is no roster's */
} last;

/* Of every account: bob sees it, carol is seen by it. */
static const char roster[] =
    "<query xmlns='jabber:iq:roster'><item jid='bob@test' subscription='both'><group>g</group>"
    "</item><item jid='carol@test' subscription='to'/>"
    "<item jid='dave@far.test' subscription='both'/></query>";

static const char grants[] =
    "<message from='" SERVER "' to='" DOM "'><privilege xmlns='" NS_PRIVILEGE "'>"
    "<perm access='roster' type='get' push='true'/><perm access='message' type='outgoing'/>"
    "<perm access='presence' type='roster'/><perm access='iq'>"
    "<namespace ns='http://jabber.org/protocol/disco#info' type='get'/></perm></privilege>"
    "<presence-extra xmlns='urn:switchyard:presence-extra:1' ns='vcard-temp:x:update'/></message>";
static const char delegated[] =
    "<message from='" SERVER "' to='" DOM "'><delegation xmlns='" NS_DELEGATION
    "'>" DELEGATED(NS_PUBSUB) DELEGATED(NS_PUBSUB_OWNER) DELEGATED(NS_VCARD)
	DELEGATED(NS_PRIVATE) "</delegation></message>";

/* --- the component ---------------------------------------------------------------------------- */

static void quiet(const char *line, void *arg)
{
	(void)line;
	(void)arg;
}

static void leave(void)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[64];

	comp_free(c);
	pubsub_done(&p);
	(void)loop_turn(loop, false);
	loop_free(loop);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/fuzz.db%s", dir, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void start(void)
{
	static char domain[] = DOM, secret[] = "s", host[] = "/nowhere", admin[] = "root@test";
	static char *admins[] = { admin };
	static struct pubsub_conf conf = {
		.comp = { .domain = domain,
		    .router_host = host,
		    .secret = secret,
		    .max_stanza = 1 << 20 },
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
	static const struct comp_ops ops = {
		.name = "fuzz", .schema = store_schema, .n_schema = STORE_SCHEMA_N
	};
	char err[256];

	log_capture(quiet, NULL);
	if (!mkdtemp(dir))
		abort();
	conf.comp.daemon.data_dir = dir;
	loop = loop_new();
	if (comp_new(&c, &ops, &p, loop, NULL, &conf.comp, err, sizeof(err)) < 0)
		abort();
	pubsub_init(&p, c);
	disco_start(&p);
	vcard_start(&p);
	bookmarks_start(&p);
	comp_routes(c, pubsub_routes, PUBSUB_ROUTES, &p);
	c->ledger.sm_id = xstrdup(""); /* an acknowledged link, away: takes what is sent */
	(void)atexit(leave);
}

/* --- what it says ----------------------------------------------------------------------------- */

struct said {
	const char *id, *to;        /* of the iq at hand, if it asks: its id and who asks */
	unsigned answers;           /* to it */
	char ask[64], account[256]; /* a roster's question */
};

static bool is_type(const struct el *el, const char *type)
{
	const char *s = el_attr(el, "type");

	return s && strcmp(s, type) == 0;
}

static void take_said(struct el *el, void *arg)
{
	struct said *s = arg;
	const char *its = el_attr(el, "id"), *whom = el_attr(el, "to");
	struct jid from, whose;

	assert(jid_parse(&from, el_arena(el), el_attr(el, "from")) == 0);
	assert(strcmp(from.s, DOM) == 0 || el_kind(el) == EL_IQ);
	assert(jid_has_domain(&from, DOM));
	if (el_kind(el) != EL_IQ)
		return;
	if (is_type(el, "result") || is_type(el, "error")) {
		assert(s->id && its && strcmp(its, s->id) == 0);
		assert(jid_parse(&whose, el_arena(el), whom) == 0 && strcmp(whose.s, s->to) == 0);
		s->answers++;
	} else if (el_child(el, "query", NS_ROSTER)) {
		(void)snprintf(s->ask, sizeof(s->ask), "%s", its);
		(void)snprintf(s->account, sizeof(s->account), "%s", whom);
	} else {
		(void)snprintf(last.id, sizeof(last.id), "%s", its);
		(void)snprintf(last.to, sizeof(last.to), "%s", whom);
	}
}

static void look(struct said *s)
{
	s->ask[0] = '\0';
	(void)link_said(c, take_said, s);
	tx_discard(c);
}

/* --- what it is told -------------------------------------------------------------------------- */

static void hand_in(struct el *el)
{
	tx_begin(c, 0);
	comp_inbound(c, el, 1, false);
}

static void say(const char *text)
{
	struct said s = { 0 };

	hand_in(xml_one(NS_COMPONENT, "", text, strlen(text)));
	look(&s);
}

static void answer_roster(const struct said *s)
{
	struct sbuf text = SBUF_INIT;

	sbuf_printf(&text, "<iq type='result' id='%s' from='", s->ask);
	el_escape(&text, s->account, strlen(s->account));
	sbuf_printf(&text, "' to='" DOM "'>%s</iq>", roster);
	hand_in(xml_one(NS_COMPONENT, "", sbuf_data(&text), sbuf_len(&text)));
	sbuf_done(&text);
}

/* From an address, to an account here: as the server forwards it.  NULL: it is not. */
static struct el *delegate(const struct el *el)
{
	const char *to = el_attr(el, "to"), *from = el_attr(el, "from"),
		   *type = el_attr(el, "type");
	struct sbuf text = SBUF_INIT;
	struct el *outer;
	struct jid j, f;

	if (el_kind(el) != EL_IQ || !to || !from || !type || !el_attr(el, "id") ||
	    (strcmp(type, "get") != 0 && strcmp(type, "set") != 0) ||
	    jid_parse(&j, el_arena(el), to) < 0 || jid_parse(&f, el_arena(el), from) < 0 ||
	    !jid_has_domain(&j, SERVER) || !jid_is_bare(&j) || jid_is_domain(&j))
		return NULL;
	sbuf_puts(&text,
	    "<iq type='set' id='outer' from='" SERVER "' to='" DOM
	    "'><delegation xmlns='" NS_DELEGATION "'><forwarded xmlns='" NS_FORWARD "'>");
	el_write_addr(&text, el, NULL, f.s, j.s);
	sbuf_puts(&text, "</forwarded></delegation></iq>");
	outer = xml_one(NS_COMPONENT, "", sbuf_data(&text), sbuf_len(&text));
	sbuf_done(&text);
	return outer;
}

static void address(struct el *el)
{
	const char *id = el_attr(el, "id");

	if (el_kind(el) != EL_IQ || !id || strcmp(id, "last") != 0 || !last.id[0])
		return;
	el_set(el, "id", last.id);
	el_set(el, "from", last.to);
}

/* An iq that has to be answered; the sender, prepared. */
static const char *asker(const struct el *el)
{
	const char *from = el_attr(el, "from"), *to = el_attr(el, "to");
	struct jid f, t;

	if (el_kind(el) != EL_IQ || is_type(el, "result") || is_type(el, "error") ||
	    !el_attr(el, "id") || !from || !to || jid_parse(&f, el_arena(el), from) < 0 ||
	    jid_parse(&t, el_arena(el), to) < 0 || !jid_has_domain(&t, DOM))
		return NULL;
	return f.s;
}

static void take(struct el *el)
{
	struct el *outer = delegate(el);
	char id[256] = "", to[1024] = "";
	struct said s = { 0 };
	bool asks;

	if (outer) {
		el_free(el);
		el = outer;
	}
	address(el);
	asks = asker(el) != NULL;
	(void)snprintf(id, sizeof(id), "%s", asks ? el_attr(el, "id") : "");
	(void)snprintf(to, sizeof(to), "%s", asks ? asker(el) : "");
	if (asks && (strcmp(id, el_attr(el, "id")) != 0 || strcmp(to, asker(el)) != 0)) {
		el_free(el); /* too long for us */
		return;
	}
	if (asks) {
		s.id = id;
		s.to = to;
	}
	hand_in(el);
	look(&s);
	for (unsigned i = 0; i < ROUNDS && s.ask[0]; i++) {
		answer_roster(&s);
		look(&s);
	}
	assert(s.answers == asks);
}

static void forget(void)
{
	comp_asks_fail(c, -ECANCELED);
	reqs_abandon(c);
	pubsub_forget(&p);
	reqs_free(c);
	tx_discard(c);
	assert(p.services_bytes == 0 && p.payloads_bytes == 0 && p.rosters_bytes == 0);
	assert(p.n_sessions == 0 && list_empty(&p.fresh) && map_len(&p.watched) == 0);
	comp_delegate_reset(c);
	comp_privilege_forget(c);
	(void)loop_turn(loop, false); /* what is done with is freed */
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
