/* SPDX-License-Identifier: MIT */
/* A component of the tests' own: does in accounts' names what it is told to by iq, in the namespace
 * below, through libcomp's calls alone.
 *
 *   <may of='JID'/>                       what is granted, as attributes
 *   <roster of='JID'/>                    the account's roster
 *   <say from='JID' to='JID' id='I'>text</say>
 *   <ask type='get|set' from='JID' to='JID'>PAYLOAD</ask>   the payload of the answer
 *   <extra of='JID'>ELEMENT or nothing</extra>
 *   <told/>                               presence that came to the domain: <presence from= type=/>
 */
#include <errno.h>
#include <string.h>

#include <base/mem.h>
#include <comp/comp.h>

#define NS_TEST "urn:switchyard:test:privileged"
#define ASK_MS 10000
#define TOLD_MAX 1000

struct state {
	struct el *told;
	unsigned n_told;
};

static int cond_of(int err, const struct el *answer)
{
	switch (err) {
	case -EPERM:
		return COND_NOT_ALLOWED; /* libcomp's own no; the server's is forbidden */
	case -EBADMSG:
		return (int)el_error(answer, NULL);
	default:
		return COND_SERVICE_UNAVAILABLE;
	}
}

static void on_answer(struct comp *c, int err, const struct el *answer, void *arg)
{
	struct comp_req *rq = arg;
	struct el *res;

	(void)c;
	if (err < 0) {
		comp_reply_err(rq, (enum el_cond)cond_of(err, answer), NULL);
		return;
	}
	res = comp_result(rq);
	EL_EACH (child, answer, NULL, NULL)
		(void)el_add_copy(res, child);
	comp_reply(rq, res);
}

static int on_may(struct comp_req *rq, void *arg)
{
	static const char *const names[] = { "roster-get", "roster-set", "roster-push", "message",
		"presence", "presence-roster", "presence-extra" };
	const char *of = el_attr(comp_payload(rq), "of");
	struct el *res = comp_result(rq), *may = el_add(res, "may", NS_TEST);

	(void)arg;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		el_set(may, names[i],
		    comp_may(comp_of(rq), of, (enum comp_privilege)i) ? "yes" : "no");
	comp_reply(rq, res);
	return COMP_DONE;
}

static int on_roster(struct comp_req *rq, void *arg)
{
	const char *of = el_attr(comp_payload(rq), "of");
	struct el *iq;

	(void)arg;
	if (!comp_may(comp_of(rq), of, COMP_MAY_ROSTER_GET))
		return -COND_NOT_ALLOWED;
	iq = el_iq("get", of);
	el_add(iq, "query", NS_ROSTER);
	comp_ask(comp_of(rq), iq, ASK_MS, on_answer, comp_defer(rq));
	return COMP_DONE;
}

static int on_say(struct comp_req *rq, void *arg)
{
	const struct el *say = comp_payload(rq);
	struct el *m = el_message("chat", el_attr(say, "to"));

	(void)arg;
	el_set(m, "from", el_attr(say, "from"));
	el_set(m, "id", el_attr(say, "id"));
	if (*el_body(say))
		el_add_text(m, "body", NULL, el_body(say));
	EL_EACH (child, say, NULL, NULL)
		(void)el_add_copy(m, child);
	if (comp_send_as(comp_of(rq), m) < 0)
		return -COND_NOT_ALLOWED;
	comp_reply_ok(rq);
	return COMP_DONE;
}

static int on_ask(struct comp_req *rq, void *arg)
{
	const struct el *ask = comp_payload(rq);
	struct el *iq = el_iq(el_attr(ask, "type"), el_attr(ask, "to"));

	(void)arg;
	el_set(iq, "from", el_attr(ask, "from"));
	el_add_copy(iq, el_child(ask, NULL, NULL));
	comp_ask_as(comp_of(rq), iq, ASK_MS, on_answer, comp_defer(rq));
	return COMP_DONE;
}

static int on_extra(struct comp_req *rq, void *arg)
{
	const struct el *extra = comp_payload(rq), *el = el_child(extra, NULL, NULL);

	(void)arg;
	comp_presence_extra(
	    comp_of(rq), el_attr(extra, "of"), el ? el_dup(el) : NULL, on_answer, comp_defer(rq));
	return COMP_DONE;
}

static int on_presence(struct comp_req *rq, void *arg)
{
	struct state *s = arg;
	struct el *p;

	if (s->n_told == TOLD_MAX)
		return COMP_DONE;
	s->n_told++;
	p = el_add(s->told, "presence", NULL);
	el_set(p, "from", comp_from(rq)->s);
	el_set(p, "type", el_attr(comp_el(rq), "type"));
	return COMP_DONE;
}

static int on_told(struct comp_req *rq, void *arg)
{
	const struct state *s = arg;
	struct el *res = comp_result(rq);

	el_add_copy(res, s->told);
	comp_reply(rq, res);
	return COMP_DONE;
}

/* What comes back for a message that the server refused: told to nobody, but not answered. */
static int on_error(struct comp_req *rq, void *arg)
{
	static const struct log_tag tag = { .mod = "privileged" };

	(void)arg;
	log_info(&tag, "refused: %s %s", el_attr(comp_el(rq), "id"),
	    el_cond_name(el_error(comp_el(rq), NULL)));
	return COMP_DONE;
}

static const struct comp_route routes[] = {
	{ EL_IQ, "get", NS_TEST, "may", COMP_TO_HOST, on_may },
	{ EL_IQ, "get", NS_TEST, "roster", COMP_TO_HOST, on_roster },
	{ EL_IQ, "get", NS_TEST, "told", COMP_TO_HOST, on_told },
	{ EL_IQ, "set", NS_TEST, "say", COMP_TO_HOST, on_say },
	{ EL_IQ, "set", NS_TEST, "ask", COMP_TO_HOST, on_ask },
	{ EL_IQ, "set", NS_TEST, "extra", COMP_TO_HOST, on_extra },
	{ EL_PRESENCE, NULL, NULL, NULL, COMP_TO_HOST, on_presence },
	{ EL_MESSAGE, "error", NULL, NULL, COMP_TO_HOST, on_error },
};

static int start(struct comp *c, void *arg)
{
	struct state *s = arg;

	s->told = el_new("told", NS_TEST);
	comp_identity(c, "component", "generic", "Privileged");
	comp_routes(c, routes, sizeof(routes) / sizeof(routes[0]), s);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct comp_ops ops = {
		.name = "privileged",
		.summary = "do in accounts' names what the tests say",
		.conf_size = sizeof(struct comp_conf),
		.start = start,
	};
	struct state s = { NULL, 0 };
	int status = comp_main(argc, argv, &ops, &s);

	el_free(s.told);
	return status;
}
