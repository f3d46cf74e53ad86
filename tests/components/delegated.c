/* SPDX-License-Identifier: MIT */
/* A component that answers for others (XEP-0355): it says who asked and for whom.
 *
 *   <who xmlns='urn:test:delegated'/>   answered with from, to and whether for an account
 *   <later/>                            the same, a moment later
 *   <never/>                            not answered
 *   <refuse/>                           item-not-found
 *   <again/>                            asks the server the very same, and tells how that went
 *
 * Items of disco are invented from the node. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <base/loop.h>
#include <base/mem.h>
#include <comp/comp.h>

#define NS_D "urn:test:delegated"
#define LATER_MS 50
#define AGAIN_MS 10000

static void reply_who(struct comp_req *rq, const char *place)
{
	struct el *answer = comp_result(rq);
	struct el *who = el_add(answer, "who", NS_D);

	el_set(who, "from", comp_from(rq)->s);
	el_set(who, "to", comp_to(rq)->s);
	el_set(who, "place", place);
	el_set(who, "granted", comp_delegated(comp_of(rq), NS_D) ? "true" : "false");
	comp_reply(rq, answer);
}

struct later {
	struct timer timer;
	struct comp_req *rq;
};

static void on_timer(void *arg)
{
	struct later *l = arg;

	reply_who(l->rq, "later");
	timer_done(&l->timer);
	free(l);
}

static void on_again(struct comp *c, int err, const struct el *answer, void *arg)
{
	struct comp_req *rq = arg;

	(void)c;
	(void)err;
	if (answer)
		comp_reply_err(rq, el_error(answer, NULL), "so it said");
	else
		comp_reply_err(rq, COND_REMOTE_SERVER_TIMEOUT, NULL);
}

static int on_request(struct comp_req *rq, void *arg)
{
	const char *name = el_name(comp_payload(rq)), *place = arg;

	if (!strcmp(name, "refuse"))
		return -COND_ITEM_NOT_FOUND;
	if (!strcmp(name, "later")) {
		struct later *l = xzalloc(sizeof(*l));

		l->rq = comp_defer(rq);
		timer_init(&l->timer, comp_loop(comp_of(rq)), on_timer, l);
		timer_set(&l->timer, LATER_MS);
	} else if (!strcmp(name, "never")) {
		(void)comp_defer(rq);
		log_info(NULL, "kept for ever");
	} else if (!strcmp(name, "again")) {
		struct el *iq = el_iq("get", comp_to(rq)->s);

		el_add_copy(iq, comp_payload(rq));
		comp_ask(comp_of(rq), iq, AGAIN_MS, on_again, comp_defer(rq));
	} else {
		reply_who(rq, place);
	}
	return COMP_DONE;
}

static int on_items(struct comp_req *rq, void *arg)
{
	const char *node = el_attr(comp_payload(rq), "node");
	struct el *answer = comp_result(rq);
	struct el *query = el_add(answer, "query", NS_DISCO_ITEMS);
	struct el *item = el_add(query, "item", NULL);

	(void)arg;
	el_set(query, "node", node);
	el_set(item, "jid", comp_to(rq)->s);
	el_setf(item, "node", "%s/1", node ? node : "");
	comp_reply(rq, answer);
	return COMP_DONE;
}

static int on_info(struct comp_req *rq, void *arg)
{
	const char *node = el_attr(comp_payload(rq), "node");
	struct el *answer = comp_result(rq);
	struct el *query = el_add(answer, "query", NS_DISCO_INFO);

	(void)arg;
	el_set(query, "node", node);
	el_set(el_add(query, "feature", NULL), "var", NS_D "#node");
	comp_reply(rq, answer);
	return COMP_DONE;
}

static const struct comp_route account_rows[] = {
	{ EL_IQ, NULL, NS_D, NULL, COMP_FOR_ACCOUNT, on_request },
	{ EL_IQ, "get", NS_DISCO_ITEMS, "query", COMP_FOR_ACCOUNT, on_items },
	{ EL_IQ, "get", NS_DISCO_INFO, "query", COMP_FOR_ACCOUNT, on_info },
};
static const struct comp_route server_rows[] = {
	{ EL_IQ, NULL, NS_D, NULL, COMP_FOR_SERVER, on_request },
};
static const struct comp_route own_rows[] = {
	{ EL_IQ, NULL, NS_D, NULL, COMP_TO_ANY, on_request },
};
#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static int start(struct comp *c, void *arg)
{
	static char account[] = "account", server[] = "server", own[] = "own";

	(void)arg;
	comp_routes(c, own_rows, N(own_rows), own);
	comp_routes(c, account_rows, N(account_rows), account);
	comp_routes(c, server_rows, N(server_rows), server);
	comp_identity_for(c, COMP_FOR_ACCOUNT, NS_D, "pubsub", "pep", NULL);
	comp_feature_for(c, COMP_FOR_ANY, NS_D, NS_D);
	comp_feature_for(c, COMP_FOR_ACCOUNT, NS_D, NS_D "#account");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct comp_ops ops = {
		.name = "delegated",
		.summary = "answer for others, in tests",
		.conf_size = sizeof(struct comp_conf),
		.start = start,
	};

	return comp_main(argc, argv, &ops, NULL);
}
