/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>

#include "../unit/xml_fixture.h"
#include "behind.h"
#include "comp_internal.h"

enum { ROUNDS = 16 };

static struct comp *c;
static struct loop *loop;
static char dir[] = "/dev/shm/fuzz.XXXXXX";
static void (*at_end)(void);

/* --- the component ---------------------------------------------------------------------------- */

static void quiet(const char *line, void *arg)
{
	(void)line;
	(void)arg;
}

static void leave(void)
{
	static const char *const ends[] = { ".db", ".db-wal", ".db-shm", ".members" };
	char path[64];

	comp_free(c);
	if (at_end)
		at_end();
	(void)loop_turn(loop, false);
	loop_free(loop);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/fuzz%s", dir, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

struct comp *behind_start(
    struct comp_ops *ops, void *arg, struct comp_conf *conf, const char *domain, void (*done)(void))
{
	static char name[32], secret[] = "s", host[] = "/nowhere";
	char err[256];

	log_capture(quiet, NULL);
	if (!mkdtemp(dir))
		abort();
	(void)snprintf(name, sizeof(name), "%s", domain);
	ops->name = "fuzz";
	conf->domain = name;
	conf->router_host = host;
	conf->secret = secret;
	conf->daemon.data_dir = dir;
	at_end = done;
	loop = loop_new();
	if (comp_new(&c, ops, arg, loop, NULL, conf, err, sizeof(err)) < 0)
		abort();
	c->ledger.sm_id = xstrdup(""); /* an acknowledged link, away: takes what is sent */
	(void)atexit(leave);
	return c;
}

struct loop *behind_loop(void)
{
	return loop;
}

/* --- what it is told -------------------------------------------------------------------------- */

static bool is_type(const struct el *el, const char *type)
{
	const char *s = el_attr(el, "type");

	return s && strcmp(s, type) == 0;
}

struct el *behind_delegated(struct el *el)
{
	const char *to = el_attr(el, "to"), *from = el_attr(el, "from");
	struct sbuf text = SBUF_INIT;
	struct el *outer;
	struct jid j, f;

	if (el_kind(el) != EL_IQ || !to || !from || !el_attr(el, "id") ||
	    (!is_type(el, "get") && !is_type(el, "set")) || jid_parse(&j, el_arena(el), to) < 0 ||
	    jid_parse(&f, el_arena(el), from) < 0 || !jid_has_domain(&j, SERVER) ||
	    !jid_is_bare(&j) || jid_is_domain(&j))
		return el;
	sbuf_printf(&text,
	    "<iq type='set' id='outer' from='" SERVER "' to='%s'><delegation xmlns='" NS_DELEGATION
	    "'><forwarded xmlns='" NS_FORWARD "'>",
	    c->conf->domain);
	el_write_addr(&text, el, NULL, f.s, j.s);
	sbuf_puts(&text, "</forwarded></delegation></iq>");
	outer = xml_one(NS_COMPONENT, "", sbuf_data(&text), sbuf_len(&text));
	sbuf_done(&text);
	if (!outer)
		return el;
	el_free(el);
	return outer;
}

struct el *behind_answer(const struct behind_iq *iq, const char *payload)
{
	struct sbuf text = SBUF_INIT;
	struct el *el;

	sbuf_printf(&text, "<iq type='result' id='%s' from='", iq->id);
	el_escape(&text, iq->to, strlen(iq->to));
	sbuf_printf(&text, "' to='%s'>%s</iq>", c->conf->domain, payload);
	el = xml_one(NS_COMPONENT, "", sbuf_data(&text), sbuf_len(&text));
	sbuf_done(&text);
	return el;
}

/* Of an iq that has to be answered: the sender, prepared. */
static const char *asker(const struct el *el)
{
	const char *from = el_attr(el, "from"), *to = el_attr(el, "to");
	struct jid f, t;

	if (el_kind(el) != EL_IQ || is_type(el, "result") || is_type(el, "error") ||
	    !el_attr(el, "id") || !from || !to || jid_parse(&f, el_arena(el), from) < 0 ||
	    jid_parse(&t, el_arena(el), to) < 0 || !jid_has_domain(&t, c->conf->domain))
		return NULL;
	return f.s;
}

bool behind_expects(struct behind_said *s, struct el *el)
{
	const char *from = asker(el), *id = el_attr(el, "id");

	*s = (struct behind_said){ .asks = from != NULL };
	if (!s->asks)
		return true;
	if (strlen(id) >= sizeof(s->iq.id) || strlen(from) >= sizeof(s->iq.to)) {
		el_free(el);
		return false;
	}
	strcpy(s->iq.id, id);
	strcpy(s->iq.to, from);
	return true;
}

void behind_hand_in(struct el *el, uint64_t number)
{
	tx_begin(c, 0);
	comp_inbound(c, el, number, false);
}

/* --- what it says ----------------------------------------------------------------------------- */

bool behind_says(struct behind_said *s, struct el *el)
{
	const char *its = el_attr(el, "id");
	struct jid from, whose;

	assert(jid_parse(&from, el_arena(el), el_attr(el, "from")) == 0);
	assert(jid_has_domain(&from, c->conf->domain));
	if (el_kind(el) != EL_IQ)
		return false;
	if (!is_type(el, "result") && !is_type(el, "error"))
		return true;
	assert(s->asks && its && strcmp(its, s->iq.id) == 0);
	assert(jid_parse(&whose, el_arena(el), el_attr(el, "to")) == 0);
	assert(strcmp(whose.s, s->iq.to) == 0);
	s->answers++;
	return false;
}

void behind_note(struct behind_iq *iq, const struct el *asks)
{
	(void)snprintf(iq->id, sizeof(iq->id), "%s", el_attr(asks, "id"));
	(void)snprintf(iq->to, sizeof(iq->to), "%s", el_attr(asks, "to"));
}

void behind_settle(const struct list *waits)
{
	for (int i = 0; i < ROUNDS; i++) {
		db_sync(comp_db(c));
		(void)loop_turn(loop, false);
		assert(c->ledger.state == LEDGER_OK); /* nothing that it writes is refused */
		if (db_waiting(comp_db(c)) == 0 && i > 1 && list_empty(waits))
			break;
	}
}

/* --- the end of an input ---------------------------------------------------------------------- */

void behind_none(struct db_q *q)
{
	assert(db_query(comp_db(c), q, "") == 0);
	assert(db_next(comp_db(c), q) == 1);
	assert(db_int(comp_db(c), q, 0) == 0);
	db_reset(comp_db(c), q);
}

void behind_forget(void (*forget)(void))
{
	comp_asks_fail(c, -ECANCELED);
	reqs_abandon(c);
	if (forget)
		forget();
	reqs_free(c);
	tx_discard(c);
	comp_delegate_reset(c);
	comp_privilege_forget(c);
	(void)loop_turn(loop, false); /* what is done with is freed */
}
