/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "held.h"
#include "owner.h"
#include "prefs.h"
#include "query.h"
#include "store.h"

enum { ASK_MS = 20 * 1000 };

static const char *const defaults[] = {
	[DEFAULT_ALWAYS] = "always",
	[DEFAULT_ROSTER] = "roster",
	[DEFAULT_NEVER] = "never",
};
enum { N_DEFAULTS = sizeof(defaults) / sizeof(defaults[0]) };

/* --- as XML ------------------------------------------------------------------------------------
 */

struct prefs {
	const char *dflt;
	const char **lists[2]; /* always, never; in the request's arena */
	size_t n[2];
};
static const char *const list_names[2] = { "always", "never" };

static int read_list(struct prefs *p, int i, const struct el *el)
{
	const struct el *list = el_child(el, list_names[i], NS_MAM);
	struct jid j;

	p->lists[i] = arena_zalloc(el_arena(el), ARCHIVE_PREFS * sizeof(*p->lists[i]));
	if (!list)
		return 0;
	EL_EACH (it, list, "jid", NS_MAM) {
		if (p->n[0] + p->n[1] == ARCHIVE_PREFS)
			return -COND_NOT_ACCEPTABLE;
		if (jid_parse(&j, el_arena(el), el_body(it)) < 0)
			return -COND_JID_MALFORMED;
		p->lists[i][p->n[i]++] = j.s;
	}
	return 0;
}

/* 0 or -enum el_cond. */
static int read_prefs(struct prefs *p, const struct el *el)
{
	const char *said = el_attr(el, "default");
	int r;

	*p = (struct prefs){ .dflt = NULL };
	for (size_t i = 0; said && i < N_DEFAULTS; i++) {
		if (strcmp(defaults[i], said) == 0)
			p->dflt = defaults[i];
	}
	if (!p->dflt)
		return -COND_BAD_REQUEST;
	r = read_list(p, 0, el);
	return r < 0 ? r : read_list(p, 1, el);
}

static void write_prefs(struct sbuf *out, const struct prefs *p, const char *ns)
{
	sbuf_puts(out, "<prefs");
	el_write_attr(out, "xmlns", ns);
	el_write_attr(out, "default", p->dflt);
	sbuf_putc(out, '>');
	for (int i = 0; i < 2; i++) {
		sbuf_printf(out, p->n[i] > 0 ? "<%s>" : "<%s/>", list_names[i]);
		for (size_t k = 0; k < p->n[i]; k++) {
			sbuf_puts(out, "<jid>");
			el_escape(out, p->lists[i][k], strlen(p->lists[i][k]));
			sbuf_puts(out, "</jid>");
		}
		if (p->n[i] > 0)
			sbuf_printf(out, "</%s>", list_names[i]);
	}
	sbuf_puts(out, "</prefs>");
}

static void answer(struct comp_req *rq, const char *text)
{
	struct el *el = comp_result(rq);

	el_set_raw(el, arena_strdup(el_arena(el), text), strlen(text));
	comp_reply(rq, el);
}

/* --- shown -------------------------------------------------------------------------------------
 */

static enum held_next run(struct archive *a, struct comp_req *rq, void *state)
{
	const struct prefs none = { .dflt = defaults[a->conf->dflt] };
	struct sbuf text = SBUF_INIT;
	struct owner *o;
	int r = owner_find(a, comp_to(rq)->s, &o);

	(void)state;
	if (r == 0)
		r = store_read_prefs(a, o->id, &text);
	if (r == 0)
		write_prefs(&text, &none, NS_MAM);
	if (r < 0)
		comp_reply_err(rq, archive_failed(r), NULL);
	else
		answer(rq, sbuf_str(&text));
	sbuf_done(&text);
	return HELD_DONE;
}

int prefs_get(struct comp_req *rq, void *arg)
{
	static const struct held_ops ops = { .run = run };
	struct archive *a = arg;
	struct owner *o;
	int r = query_allowed(rq);

	if (r < 0)
		return r;
	r = owner_find(a, comp_to(rq)->s, &o);
	return r < 0 ? -(int)archive_failed(r) : held_start(a, rq, o->tx, &ops, NULL);
}

/* --- set ---------------------------------------------------------------------------------------
 */

struct asking { /* in the request's arena */
	struct archive *a;
	struct comp_req *rq;
	const char *text; /* what is kept, and the answer */
};

static enum el_cond refusal(int err, const struct el *said)
{
	const char *text;
	enum el_cond cond;

	if (err != -EBADMSG)
		return COND_RESOURCE_CONSTRAINT;
	cond = el_error(said, &text);
	return cond == COND_FORBIDDEN ? COND_NOT_ALLOWED : cond;
}

static int keep(const struct asking *q)
{
	struct owner *o;
	int r = owner_make(q->a, comp_to(q->rq)->s, &o);

	if (r < 0)
		return r;
	store_put_prefs(comp_tx(q->a->c), o->id, q->text);
	owner_touch(q->a, o);
	return 0;
}

static void on_answer(struct comp *c, int err, const struct el *said, void *arg)
{
	struct asking *q = arg;
	int r = err == 0 ? keep(q) : 0;

	(void)c;
	if (err < 0)
		comp_reply_err(q->rq, refusal(err, said), NULL);
	else if (r < 0)
		comp_reply_err(q->rq, archive_failed(r), NULL);
	else
		answer(q->rq, q->text);
}

static const char *text_of(struct arena *a, const struct prefs *p, const char *ns)
{
	struct sbuf b = SBUF_INIT;
	const char *text;

	write_prefs(&b, p, ns);
	text = arena_strndup(a, sbuf_data(&b), sbuf_len(&b));
	sbuf_done(&b);
	return text;
}

int prefs_set(struct comp_req *rq, void *arg)
{
	struct arena *arena = el_arena(comp_el(rq));
	int r = query_allowed(rq);
	struct asking *q;
	struct prefs p;
	struct el *iq;
	const char *text;

	if (r < 0)
		return r;
	r = read_prefs(&p, comp_payload(rq));
	if (r < 0)
		return r;
	q = arena_zalloc(arena, sizeof(*q));
	*q = (struct asking){ arg, comp_defer(rq), text_of(arena, &p, NS_MAM) };
	iq = el_iq("set", comp_to(rq)->s);
	text = text_of(el_arena(iq), &p, NS_TAP);
	el_set_raw(iq, text, strlen(text));
	(void)comp_ask(q->a->c, iq, ASK_MS, on_answer, q);
	return COMP_DONE;
}
