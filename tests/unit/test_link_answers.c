/* SPDX-License-Identifier: MIT */
/* Every cell of the table of answers, and the two lists beside the queue: who has left, and which
 * requests a link without acknowledgements owes an answer. */
#include <stdio.h>

#include <base/sbuf.h>

#include "core/route.h"
#include "link_fixture.h"
#include "links/answers.h"
#include "links/ghosts.h"
#include "links/unanswered.h"

#define IQ(type, payload) \
	"<iq type='" type "' from='a@b.org/c' to='gate.org' id='1'>" payload "</iq>"
#define INFO "<query xmlns='http://jabber.org/protocol/disco#info'/>"

/* --- the table -------------------------------------------------------------------------------- */

static const struct {
	const char *xml;
	enum answer_kind kind;
} kinds[] = {
	{ IQ("get", INFO), ANSWER_INFO },
	{ "<iq type='get' from='a@b.org/c' to='x@gate.org' id='1'>" INFO "</iq>", ANSWER_GET },
	{ IQ("get", "<query xmlns='http://jabber.org/protocol/disco#info' node=''/>"),
	    ANSWER_INFO },
	{ IQ("get", "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>"),
	    ANSWER_GET },
	{ IQ("set", INFO), ANSWER_SET },
	{ IQ("result", INFO), ANSWER_REPLY },
	{ IQ("error", INFO), ANSWER_REPLY },
	{ "<message to='x@gate.org'/>", ANSWER_MESSAGE },
	{ "<message type='groupchat' to='x@gate.org'/>", ANSWER_MESSAGE },
	{ "<message type='error' to='x@gate.org'/>", ANSWER_REPLY },
	{ "<presence to='x@gate.org'/>", ANSWER_PRESENCE },
	{ "<presence type='subscribe' to='x@gate.org'/>", ANSWER_PRESENCE },
	{ "<presence type='unavailable' to='x@gate.org' from='a@b.org/c'/>", ANSWER_GONE },
	{ "<presence type='unavailable' to='x@gate.org'/>", ANSWER_PRESENCE },
};

static void every_stanza_has_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct stanza *st = stanza_of(kinds[i].xml);

		if (answer_kind(st, "gate.org") != kinds[i].kind)
			fail_msg("%s", kinds[i].xml);
		stanza_release(st);
	}
}

static const char names[] = {
	[ANSWER_DROP] = '-',
	[ANSWER_UNAVAILABLE] = 'u',
	[ANSWER_CONSTRAINT] = 'r',
	[ANSWER_TIMEOUT] = 't',
	[ANSWER_QUEUE] = 'q',
	[ANSWER_QUEUE_BRIEFLY] = 'b',
	[ANSWER_CACHE] = 'c',
	[ANSWER_KEEP] = 'k',
};

/* Columns: away, in grace, full, lost, unknown. */
static const struct {
	enum answer_kind kind;
	const char *acked, *plain;
} cells[] = {
	{ ANSWER_INFO, "ucctt", "ucctt" },
	{ ANSWER_GET, "ubutt", "uuutt" },
	{ ANSWER_SET, "uqrtt", "uqrtt" },
	{ ANSWER_MESSAGE, "uqr-t", "uqr-t" },
	{ ANSWER_PRESENCE, "-q---", "-q---" },
	{ ANSWER_GONE, "kqk-k", "kqk-k" },
	{ ANSWER_REPLY, "-q---", "-q---" },
};

static void every_cell(void **state)
{
	(void)state;
	assert_int_equal(sizeof(cells) / sizeof(cells[0]), ANSWER_KINDS);
	for (unsigned i = 0; i < ANSWER_KINDS; i++) {
		for (unsigned when = 0; when < ANSWER_WHENS; when++) {
			if (names[answer_for(when, cells[i].kind, true)] != cells[i].acked[when] ||
			    names[answer_for(when, cells[i].kind, false)] != cells[i].plain[when])
				fail_msg("kind %u, column %u", i, when);
		}
	}
}

/* --- who has left ------------------------------------------------------------------------------
 */

static bool keep(struct ghosts *g, const char *from, const char *to)
{
	struct stanza st = { .from = jid_view(from), .to = jid_view(to) };

	return ghosts_keep(g, &st);
}

/* As above, but a component has sent it. */
static bool keep_of_component(struct ghosts *g, const char *from, const char *to)
{
	static char component; /* nobody looks into it */
	struct stanza st = { .from = jid_view(from), .to = jid_view(to) };

	st.component = (struct component *)(void *)&component;
	return ghosts_keep(g, &st);
}

static void assert_next(struct ghosts *g, const char *from, const char *to)
{
	struct el *el = ghosts_next(g);

	assert_non_null(el);
	assert_string_equal(el_attr(el, "type"), "unavailable");
	assert_string_equal(el_attr(el, "from"), from);
	assert_string_equal(el_attr(el, "to"), to);
	el_free(el);
}

static void ghosts_leave_once_each(void **state)
{
	struct ghosts g;

	(void)state;
	ghosts_init(&g);
	assert_true(keep(&g, "a@b.org/c", "r@gate.org/n"));
	assert_true(keep(&g, "a@b.org/d", "r@gate.org/n"));
	assert_true(keep(&g, "a@b.org/c", "s@gate.org/n"));
	assert_true(keep(&g, "a@b.org/c", "r@gate.org/n"));
	ghosts_forget(&g, "a@b.org/d", "r@gate.org/n"); /* it is back */
	ghosts_forget(&g, "a@b.org/d", "r@gate.org/n");
	ghosts_forget(&g, NULL, "r@gate.org/n");
	assert_next(&g, "a@b.org/c", "r@gate.org/n");
	assert_next(&g, "a@b.org/c", "s@gate.org/n");
	assert_null(ghosts_next(&g));
	ghosts_done(&g);
}

static void ghosts_are_bounded(void **state)
{
	struct ghosts g;
	char from[64];
	unsigned n = 0;

	(void)state;
	ghosts_init(&g);
	for (;; n++) {
		(void)snprintf(from, sizeof(from), "a@b.org/%u", n);
		if (!keep(&g, from, "r@gate.org"))
			break;
	}
	assert_int_equal(n, GHOSTS_MAX / 8);
	for (unsigned i = 0; i < 4 * GHOSTS_MAX; i++) {
		(void)snprintf(from, sizeof(from), "u%u@b.org/x", i);
		(void)keep(&g, from, "r@gate.org");
	}
	assert_int_equal(map_len(&g.by_pair), GHOSTS_MAX);
	ghosts_done(&g);
}

static void a_component_has_one_share_under_all_its_names(void **state)
{
	struct ghosts g;
	char from[64];
	unsigned n = 0;

	(void)state;
	ghosts_init(&g);
	for (unsigned i = 0; i < GHOSTS_MAX; i++) {
		(void)snprintf(from, sizeof(from), "u%u@c.org/x", i);
		n += keep_of_component(&g, from, "r@gate.org");
	}
	assert_int_equal(n, GHOSTS_MAX / 2);
	assert_true(keep(&g, "a@b.org/c", "r@gate.org"));
	el_free(ghosts_next(&g)); /* one of its own makes room for one */
	assert_true(keep_of_component(&g, "u@c.org/x", "s@gate.org"));
	assert_false(keep_of_component(&g, "u@c.org/y", "s@gate.org"));
	ghosts_done(&g);
}

/* --- requests without an answer -----------------------------------------------------------------
 */

static struct sbuf told;

void route_bounce(struct router *r, struct stanza *st, enum el_cond cond, const char *text)
{
	(void)r;
	(void)st;
	(void)cond;
	(void)text;
}

void route_own(struct router *r, struct el *el)
{
	(void)r;
	assert_string_equal(el_attr(el, "type"), "error");
	assert_int_equal(el_error(el, NULL), COND_REMOTE_SERVER_TIMEOUT);
	sbuf_printf(&told, "%s %s %s;", el_attr(el, "id"), el_attr(el, "from"), el_attr(el, "to"));
	el_free(el);
}

static void request(struct unanswered *u, const char *from, const char *to, const char *id)
{
	char xml[256];
	struct stanza *st;

	(void)snprintf(xml, sizeof(xml),
	    "<iq type='get' from='%s' to='%s' id='%s'><x xmlns='u:x'/></iq>", from, to, id);
	st = stanza_of(xml);
	unanswered_add(u, st);
	stanza_release(st);
}

static void reply(struct unanswered *u, const char *from, const char *to, const char *id)
{
	char xml[256];
	struct stanza *st;

	(void)snprintf(
	    xml, sizeof(xml), "<iq type='result' from='%s' to='%s' id='%s'/>", from, to, id);
	st = stanza_of(xml);
	unanswered_answer(u, st);
	stanza_release(st);
}

static void assert_told(struct unanswered *u, const char *what)
{
	sbuf_clear(&told);
	unanswered_fail(u, NULL);
	assert_string_equal(sbuf_str(&told), what);
}

static void who_asked_is_told_once(void **state)
{
	struct unanswered u;

	(void)state;
	unanswered_init(&u);
	request(&u, "a@b.org/c", "gate.org", "1");
	request(&u, "a@b.org/c", "gate.org", "2");
	request(&u, "d@b.org/c", "gate.org", "1");
	request(&u, "a@b.org/c", "gate.org", "1");   /* the same again */
	reply(&u, "gate.org", "a@b.org/c", "2");     /* answered */
	reply(&u, "x@gate.org", "d@b.org/c", "1");   /* by another than was asked */
	reply(&u, "gate.org", "a@b.org/else", "1");  /* to another than asked */
	reply(&u, "gate.org", "a@b.org/c", "never"); /* to no question */
	assert_told(&u, "1 gate.org a@b.org/c;1 gate.org d@b.org/c;");
	assert_told(&u, "");
	unanswered_done(&u);
}

static void so_many_are_kept(void **state)
{
	struct unanswered u;
	char id[16];

	(void)state;
	unanswered_init(&u);
	for (unsigned i = 0; i < UNANSWERED_MAX + 10; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		request(&u, "a@b.org/c", "gate.org", id);
	}
	assert_int_equal(map_len(&u.by_key), UNANSWERED_MAX);
	sbuf_clear(&told);
	unanswered_fail(&u, NULL);
	assert_memory_equal(sbuf_str(&told), "10 gate.org", 11); /* the oldest made room */
	unanswered_done(&u);
	sbuf_done(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_stanza_has_a_row),
		cmocka_unit_test(every_cell),
		cmocka_unit_test(ghosts_leave_once_each),
		cmocka_unit_test(ghosts_are_bounded),
		cmocka_unit_test(a_component_has_one_share_under_all_its_names),
		cmocka_unit_test(who_asked_is_told_once),
		cmocka_unit_test(so_many_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
