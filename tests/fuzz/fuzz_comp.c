/* SPDX-License-Identifier: MIT */
/* What comes over a component's link: whatever it is, the component lives, says nothing that is no
 * stanza, and nothing in the name of anybody but itself; an iq gets one answer, or none if there is
 * nobody to answer; only the server grants, and says whose what is.
 *
 * The input is stanzas one after the other.  Nothing is committed. */
#include <assert.h>
#include <string.h>

#include <base/mem.h>

#include "behind.h"
#include "comp_internal.h"
#include "link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOM "echo.test" /* below the server's */
#define NS_T "urn:t"
enum { INPUT_MAX = 4096 };

static struct comp *c;

/* --- the component ---------------------------------------------------------------------------- */

static int on_iq(struct comp_req *rq, void *arg)
{
	struct el *answer;

	(void)arg;
	if (strcmp(el_name(comp_payload(rq)), "refuse") == 0)
		return -COND_ITEM_NOT_FOUND;
	answer = comp_result(rq);
	el_add_copy(answer, comp_payload(rq));
	comp_reply(rq, answer);
	return COMP_DONE;
}

static int on_message(struct comp_req *rq, void *arg)
{
	(void)arg;
	comp_reply(rq, el_message(NULL, NULL));
	return COMP_DONE;
}

static int on_node(struct comp_req *rq, const char *node, struct el *query, void *arg)
{
	(void)rq;
	(void)arg;
	el_set(el_add(query, "feature", NULL), "var", node ? node : "none");
	return COMP_DONE;
}

static const struct comp_route rows[] = {
	{ EL_IQ, NULL, NS_T, NULL, COMP_TO_ANY | COMP_FOR_ANY, on_iq, false },
	{ EL_MESSAGE, "error", NS_T, NULL, COMP_TO_ANY, on_message, false },
	{ EL_MESSAGE, NULL, NS_T, NULL, COMP_TO_ANY, on_message, false },
};

static void start(void)
{
	static struct comp_conf conf = { .max_stanza = 1 << 20, .share = true };
	static struct comp_ops ops;

	c = behind_start(&ops, NULL, &conf, DOM, NULL);
	c->ledger.member = xstrdup("me");
	comp_routes(c, rows, sizeof(rows) / sizeof(rows[0]), NULL);
	comp_feature_for(c, COMP_FOR_ANY, NS_T, NS_T);
	comp_disco(c, on_node, on_node, NULL);
}

/* --- what it may say -------------------------------------------------------------------------- */

static void check_stanza(struct el *el, void *arg)
{
	struct jid from;

	(void)arg;
	assert(jid_parse(&from, el_arena(el), el_attr(el, "from")) == 0);
	assert(jid_has_domain(&from, DOM));
}

static bool wants_an_answer(const struct el *el)
{
	const char *type = el_attr(el, "type"), *from = el_attr(el, "from"),
		   *to = el_attr(el, "to");
	struct jid j;

	/* Of a type that there is not as well: bad-request. */
	if (el_kind(el) != EL_IQ || !el_attr(el, "id") || !from || !to ||
	    (type && (strcmp(type, "result") == 0 || strcmp(type, "error") == 0)))
		return false;
	return jid_parse(&j, el_arena(el), from) == 0 && jid_parse(&j, el_arena(el), to) == 0 &&
	       jid_has_domain(&j, DOM);
}

static bool is_server(const struct el *el)
{
	const char *from = el_attr(el, "from");
	struct jid j;

	return from && jid_parse(&j, el_arena(el), from) == 0 && strcmp(j.s, SERVER) == 0;
}

static bool is_granted(void)
{
	(void)comp_delegated(c, NS_T);
	return c->n_grants > 0 || !list_empty(&c->delegate.adverts);
}

/* What it owns is always by a list that names it. */
static void check_share(void)
{
	const struct share *s = &c->share;
	bool named = false;

	assert(s->newest.n <= COMP_MEMBERS_MAX);
	for (size_t i = 0; i < s->newest.n; i++) {
		assert(share_valid_id(s->newest.v[i].id));
		named = named || !strcmp(s->newest.v[i].id, "me");
	}
	for (const char *key = "abcdefgh"; *key; key++)
		assert(!comp_owns(c, key) || (named && s->settled.n > 0));
	assert(c->ledger.state == LEDGER_OK);
}

static void take(struct el *el)
{
	bool may = is_granted() || is_server(el), answer = wants_an_answer(el),
	     iq = el_kind(el) == EL_IQ;
	uint32_t epoch = c->share.newest.epoch;
	bool active = c->share.active, server = is_server(el);
	unsigned n;

	behind_hand_in(el, 1);
	n = link_said(c, check_stanza, NULL);
	assert(n <= 1 && (n == 1 || !answer) && (n == 0 || answer || !iq));
	assert(may || !is_granted());
	assert(server || (c->share.newest.epoch == epoch && c->share.active == active));
	check_share();
	tx_discard(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	if (!c)
		start();
	link_stanzas(data, size, take);
	behind_forget(NULL);
	share_reset(c);
	return 0;
}
