/* SPDX-License-Identifier: MIT */
#include <base/arena.h>
#include <base/rendezvous.h>

#include "core/route.h"
#include "links/ask.h"
#include "links/hooks.h"
#include "share_fixture.h"

static char first_domain[] = "example.org";
static char *domain_v[] = { first_domain };

struct share_fx share_fx;

static void count_done(struct stanza *st)
{
	(void)st;
	share_fx.done++;
}

/* --- what is played --------------------------------------------------------------------------- */

bool link_acked(const struct link *l)
{
	return l->acked;
}

bool link_writable(const struct link *l)
{
	return !l->full;
}

int link_send(struct link *l, const struct el *el, bool again)
{
	const struct el *of_members = el_child(el, NULL, NS_SHARE);
	const char *id = of_members ? el_name(of_members) : el_attr(el, "id");

	(void)again;
	assert_true(l->n < SHARE_FX_SENT);
	l->sent[l->n++] = xstrdup(id ? id : el_name(el));
	l->m->out++;
	return 0;
}

void link_want_ack(struct link *l)
{
	(void)l;
}

void link_handled(struct link *l)
{
	(void)l;
}

bool link_paused(const struct link *l)
{
	(void)l;
	return false;
}

size_t link_queued(const struct link *l)
{
	(void)l;
	return 0;
}

const char *link_peer(const struct link *l)
{
	(void)l;
	return "192.0.2.1";
}

void link_let_go(struct link *l)
{
	l->m = NULL;
}

void link_end(struct link *l, enum stream_err e, const char *text)
{
	(void)text;
	l->ended = e;
}

void component_let_go(struct member *m, const char *why)
{
	(void)why;
	link_let_go(m->link);
	m->link = NULL;
}

void component_detach(struct member *m, struct link *l, const char *why)
{
	(void)l;
	component_let_go(m, why);
	share_lost(m, false);
}

void hooks_online(struct router *r, struct component *c, struct member *m, bool resumed)
{
	(void)r;
	(void)c;
	(void)m;
	(void)resumed;
}

void hooks_away(struct router *r, struct component *c)
{
	(void)r;
	(void)c;
}

void asks_lost(struct asks *a)
{
	(void)a;
}

void asks_lost_one(struct asks *a, const char *id)
{
	(void)a;
	(void)id;
	share_fx.asks_lost++;
}

bool info_answer(const struct info *i, struct router *r, struct stanza *st)
{
	(void)i;
	(void)r;
	(void)st;
	return false;
}

void info_forget(struct info *i)
{
	(void)i;
}

void route_bounce(struct router *r, struct stanza *st, enum el_cond cond, const char *text)
{
	(void)r;
	(void)cond;
	(void)text;
	st->bounced = true;
	share_fx.bounced += st->done == count_done;
}

bool router_serves(const struct router *r, const char *domain, size_t len)
{
	return conf_list_has(&r->conf->domains, domain, len);
}

void route_own(struct router *r, struct el *el)
{
	(void)r;
	el_free(el);
}

/* --- what is done ----------------------------------------------------------------------------- */

struct member *share_fx_join(bool acked, bool extended)
{
	struct link *l = &share_fx.links[share_fx.n++];
	struct member *m;

	l->acked = acked;
	m = share_attach(share_fx.c.sharing, l, NULL);
	assert_non_null(m);
	l->m = m;
	if (acked)
		sm_begin(&m->sm);
	if (extended)
		share_extend(m);
	outbound_opened(m, false);
	return m;
}

struct link *share_fx_link(const struct member *m)
{
	for (unsigned i = 0; i < share_fx.n; i++) {
		if (share_fx.links[i].m == m)
			return &share_fx.links[i];
	}
	return NULL;
}

void share_fx_answer(struct member *m, const char *children, uint32_t epoch)
{
	share_fx_answer_as(m, m->share.id, children, epoch);
}

void share_fx_answer_as(struct member *m, const char *who, const char *children, uint32_t epoch)
{
	char xml[512];
	struct stanza *st;

	(void)snprintf(xml, sizeof(xml),
	    "<iq type='result' id='i' from='x.org/%s' to='example.org'><members xmlns='" NS_SHARE
	    "' epoch='%u'>%s</members></iq>",
	    who, epoch, children);
	st = stanza_of(xml);
	st->member = m;
	assert_true(share_answer(&share_fx.c, st));
	stanza_release(st);
}

void share_fx_agree(struct member *m)
{
	share_fx_answer(m, "", share_fx.c.sharing->epoch);
}

void share_fx_adopt(struct member *by, const char *id, int h)
{
	char xml[96];

	(void)snprintf(
	    xml, sizeof(xml), h < 0 ? "<adopted id='%s'/>" : "<adopted id='%s' h='%d'/>", id, h);
	share_fx_answer(by, xml, share_fx.c.sharing->epoch);
}

enum component_verdict share_fx_say(const char *to, const char *id)
{
	enum component_verdict v;
	struct stanza *st;
	char xml[256];

	(void)snprintf(
	    xml, sizeof(xml), "<message from='a@example.org/r' to='%s' id='%s'/>", to, id);
	st = stanza_of(xml);
	st->done = count_done;
	v = component_send(&share_fx.c, st);
	stanza_release(st);
	return v;
}

const char *share_fx_room(unsigned i)
{
	static char jid[32];

	(void)snprintf(jid, sizeof(jid), "room%u@x.org", i);
	return jid;
}

const char *share_fx_room_of(const struct member *m)
{
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t key = rendezvous_hash(share_fx_room(i), strlen(share_fx_room(i)));
		struct member *best = NULL;

		LIST_EACH (it, &share_fx.c.sharing->members)
			best = share_better(best, share_member(it), key);
		if (best == m)
			return share_fx_room(i);
	}
	fail();
	return NULL;
}

void share_fx_sent(const struct link *l, const char *want)
{
	char got[1024] = "";

	for (unsigned i = 0; i < l->n; i++) {
		if (strcmp(l->sent[i], "members") == 0 || strcmp(l->sent[i], "settled") == 0)
			continue;
		(void)strncat(got, l->sent[i], sizeof(got) - strlen(got) - 1);
		(void)strncat(got, " ", sizeof(got) - strlen(got) - 1);
	}
	assert_string_equal(got, want);
}

void share_fx_pass(uint64_t ms)
{
	loop_clock_advance(share_fx.r.loop, ms);
	while (loop_turn(share_fx.r.loop, false))
		;
}

int share_fx_setup(void **state)
{
	(void)state;
	share_fx = (struct share_fx){ .rc.domains = { domain_v, 1 } };
	share_fx.r.loop = loop_new();
	share_fx.r.conf = &share_fx.rc;
	share_fx.cc = (struct component_conf){
		.link_grace = 30, .link_queue = 65536, .connections = COMP_SHARE
	};
	share_fx.c.router = &share_fx.r;
	share_fx.c.conf = &share_fx.cc;
	share_fx.c.domain = xstrdup("x.org");
	outbound_init(&share_fx.c.own, &share_fx.c);
	share_open(&share_fx.c);
	return 0;
}

int share_fx_teardown(void **state)
{
	(void)state;
	share_free(&share_fx.c, true);
	outbound_done(&share_fx.c.own, true);
	free(share_fx.c.domain);
	for (unsigned i = 0; i < share_fx.n; i++) {
		while (share_fx.links[i].n > 0)
			free(share_fx.links[i].sent[--share_fx.links[i].n]);
	}
	while (loop_turn(share_fx.r.loop, false))
		;
	loop_free(share_fx.r.loop);
	return 0;
}
