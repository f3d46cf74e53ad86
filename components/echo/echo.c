/* SPDX-License-Identifier: MIT */
/* Sends messages back and answers a few questions: shows libcomp's API whole, and is what an
 * operator tests a link with (docs/writing-a-component.md walks through it). */
#include <comp/comp.h>

#define NS_ECHO "urn:switchyard:echo:0"
#define UNUSED __attribute__((unused))

/* All of it goes back, encrypted or not; the mark ends a conversation of two echoes. */
static int on_message(struct comp_req *rq, void *arg UNUSED)
{
	const struct el *msg = comp_el(rq);
	struct el *answer;

	if (el_child(msg, "echoed", NS_ECHO) ||
	    !(el_child(msg, "body", NULL) || el_child(msg, "encrypted", NULL)))
		return COMP_DONE;
	answer = el_message(el_attr(msg, "type"), NULL);
	el_set(answer, "id", el_attr(msg, "id"));
	EL_EACH (it, msg, NULL, NULL)
		el_add_copy(answer, it);
	el_add(answer, "echoed", NS_ECHO);
	comp_reply(rq, answer);
	return COMP_DONE;
}

static int on_echo(struct comp_req *rq, void *arg UNUSED)
{
	struct el *answer = comp_result(rq);

	el_add_copy(answer, comp_payload(rq));
	comp_reply(rq, answer);
	return COMP_DONE;
}

/* The second half of on_ping_back(): runs once, whatever happens. */
static void on_pong(struct comp *c UNUSED, int err, const struct el *answer UNUSED, void *arg)
{
	struct comp_req *rq = arg;

	if (err < 0) /* -ETIMEDOUT, -ENOTCONN, ..., -EBADMSG: an error answer */
		comp_reply_err(rq, COND_REMOTE_SERVER_TIMEOUT, "no pong");
	else
		comp_reply_ok(rq);
}

static int on_ping_back(struct comp_req *rq, void *arg UNUSED)
{
	struct el *iq = el_iq("get", comp_from(rq)->s);

	el_add(iq, "ping", NS_PING);
	comp_ask(comp_of(rq), iq, 5000, on_pong, comp_defer(rq));
	return COMP_DONE;
}

/* Everybody may see that we are there (RFC 6121 3.1.3, 4.3.2). */
static int on_probe(struct comp_req *rq, void *arg UNUSED)
{
	comp_reply(rq, el_presence(NULL, NULL));
	return COMP_DONE;
}

static int on_subscribe(struct comp_req *rq, void *arg)
{
	struct el *yes = el_presence("subscribed", comp_from(rq)->s);

	el_set(yes, "from", comp_to(rq)->s);
	(void)comp_send(comp_of(rq), yes);
	return on_probe(rq, arg);
}

static const struct comp_route routes[] = {
	{ EL_MESSAGE, "chat", NULL, NULL, COMP_TO_ANY, on_message },
	{ EL_MESSAGE, "normal", NULL, NULL, COMP_TO_ANY, on_message },
	{ EL_IQ, NULL, NS_ECHO, "echo", COMP_TO_ANY, on_echo },
	{ EL_IQ, "get", NS_ECHO, "ping-back", COMP_TO_HOST, on_ping_back },
	{ EL_PRESENCE, "subscribe", NULL, NULL, COMP_TO_ANY, on_subscribe },
	{ EL_PRESENCE, "probe", NULL, NULL, COMP_TO_ANY, on_probe },
};

static int start(struct comp *c, void *arg)
{
	comp_identity(c, "client", "bot", "Echo");
	comp_feature(c, NS_ECHO);
	comp_routes(c, routes, sizeof(routes) / sizeof(routes[0]), arg);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct comp_ops ops = {
		.name = "echo",
		.summary = "send messages back and answer a few questions",
		.conf_size = sizeof(struct comp_conf),
		.start = start,
	};

	return comp_main(argc, argv, &ops, NULL);
}
