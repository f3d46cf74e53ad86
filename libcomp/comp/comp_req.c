/* SPDX-License-Identifier: MIT */
/* One received stanza and the duty to answer it.
 *
 * A request lives in its stanza's arena and is freed with it: after the handlers, or, deferred,
 * with its answer.  An iq get or set leaves here answered exactly once, whatever a handler does.
 *
 * Must not: run anything of the component's. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/arena.h>

#include "comp_internal.h"

static const struct log_tag tag = { .mod = "comp" };

struct comp_req *req_new(
    struct comp *c, struct el *el, const struct jid *from, const struct jid *to)
{
	struct comp_req *rq = arena_zalloc(el_arena(el), sizeof(*rq));
	const char *type = el_attr(el, "type");

	rq->c = c;
	rq->root = rq->el = el;
	rq->from = *from;
	rq->to = *to;
	list_init(&rq->link);
	EL_EACH (it, el, NULL, NULL)
		if (!el_is(it, "error", NS_CLIENT)) {
			rq->payload = it;
			break;
		}
	rq->must_answer =
	    el_kind(el) == EL_IQ && type && (strcmp(type, "get") == 0 || strcmp(type, "set") == 0);
	rq->in_handler = true;
	return rq;
}

static void release(void *obj)
{
	struct comp_req *rq = obj;

	el_free(rq->root); /* and rq with it */
}

static void reap(struct comp_req *rq)
{
	list_del(&rq->link);
	loop_reap(rq->c->loop, release, rq);
}

/* --- in the database -------------------------------------------------------------------------- */

/* A request that stays open when its own transaction ends is kept, so that a process that takes
 * over gives it to the handler again. */
static void store(struct comp_req *rq)
{
	if (rq->n == 0 || rq->stored || rq->abandoned)
		return;
	ledger_put_deferred(rq->c, tx_batch(rq->c), rq->n, rq->root);
	rq->stored = true;
}

static void unstore(struct comp_req *rq)
{
	if (rq->stored)
		ledger_del_deferred(rq->c, tx_batch(rq->c), rq->n);
	rq->stored = false;
}

/* --- answering -------------------------------------------------------------------------------- */

struct el *comp_result(const struct comp_req *rq)
{
	return el_result(rq->el);
}

static int send_answer(const struct comp_req *rq, const struct el *answer)
{
	EL_AUTO struct el *wrapped = rq->delegation ? comp_delegate_wrap(rq, answer) : NULL;

	return tx_send(rq->c, wrapped ? wrapped : answer, NULL, NULL, true);
}

/* One that the link does not take because of its length is an answer still. */
static void send_or_refuse(const struct comp_req *rq, const struct el *answer)
{
	int r = send_answer(rq, answer);
	struct el *err;

	if (r == -EMSGSIZE) {
		err = el_error_reply(
		    rq->el, COND_RESOURCE_CONSTRAINT, "the answer is too long for the link");
		r = err ? send_answer(rq, err) : 0;
		el_free(err);
	}
	if (r < 0)
		log_debug(&tag, "an answer to %s found no link", rq->from.s);
}

void comp_reply(struct comp_req *rq, struct el *answer)
{
	if (rq->abandoned) { /* the library was quicker: at stop, or after a failed commit */
		el_free(answer);
		if (!rq->in_handler)
			reap(rq);
		return;
	}
	assert(!rq->answered); /* a second answer is a bug of the component */
	rq->answered = true;
	unstore(rq);
	if (answer) {
		if (!el_attr(answer, "to"))
			el_set(answer, "to", rq->from.s);
		/* Without an address it was for the account, which says no more in return. */
		if (!el_attr(answer, "from") && el_attr(rq->el, "to"))
			el_set(answer, "from", rq->to.s);
		send_or_refuse(rq, answer);
		el_free(answer);
	}
	if (!rq->in_handler)
		reap(rq);
}

void comp_reply_ok(struct comp_req *rq)
{
	comp_reply(rq, rq->must_answer ? el_result(rq->el) : NULL);
}

void comp_reply_err(struct comp_req *rq, enum el_cond cond, const char *text)
{
	/* NULL for what must not be answered with an error: an error, a result */
	comp_reply(rq, el_error_reply(rq->el, cond, text));
}

bool comp_repeated(const struct comp_req *rq)
{
	return rq->repeated;
}

struct comp_req *comp_defer(struct comp_req *rq)
{
	assert(!rq->answered && !rq->deferred);
	rq->deferred = true;
	list_add_tail(&rq->c->deferred, &rq->link);
	return rq;
}

void req_finish(struct comp_req *rq, int ret)
{
	if (ret < 0) {
		assert(ret >= -(int)COND_LAST_ && !rq->answered && !rq->deferred);
		comp_reply_err(rq, (enum el_cond)(-ret), NULL);
	} else if (!rq->answered && !rq->deferred && rq->must_answer) {
		log_error(&tag, "bug: the handler of {%s}%s neither answered nor deferred",
		    el_ns(rq->payload), el_name(rq->payload));
		comp_reply_err(rq, COND_INTERNAL_SERVER_ERROR, NULL);
	}
	rq->in_handler = false;
	if (rq->deferred && !rq->answered)
		store(rq);
	else
		unstore(rq);
	tx_refusable(rq->c, rq->root, rq->repeated ? rq->n : 0);
	if (rq->answered || !rq->deferred)
		reap(rq);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Those that have a row are the next process's. */
void reqs_stop(struct comp *c)
{
	size_t n = 0, kept = 0;

	LIST_EACH (it, &c->deferred) {
		struct comp_req *rq = LIST_ENTRY(it, struct comp_req, link);
		struct el *err;

		if (rq->answered)
			continue;
		rq->answered = rq->abandoned = true;
		kept += rq->stored;
		n += !rq->stored;
		if (rq->stored)
			continue;
		err = rq->must_answer ? el_error_reply(rq->el, COND_SERVICE_UNAVAILABLE,
					    "the service is being stopped")
		                      : NULL;
		if (err)
			(void)send_answer(rq, err);
		el_free(err);
	}
	if (kept > 0)
		log_info(&tag, "%zu deferred requests wait for the next start", kept);
	if (n > 0)
		log_warn(&tag, "%zu deferred requests were never answered", n);
}

void reqs_abandon(struct comp *c)
{
	LIST_EACH (it, &c->deferred) {
		struct comp_req *rq = LIST_ENTRY(it, struct comp_req, link);

		rq->answered = rq->abandoned = true;
	}
}

void reqs_free(struct comp *c)
{
	LIST_EACH_SAFE (it, &c->deferred)
		reap(LIST_ENTRY(it, struct comp_req, link));
}

/* --- what it says ----------------------------------------------------------------------------- */

struct comp *comp_of(const struct comp_req *rq)
{
	return rq->c;
}

const struct el *comp_el(const struct comp_req *rq)
{
	return rq->el;
}

const struct el *comp_payload(const struct comp_req *rq)
{
	return rq->payload;
}

const struct jid *comp_from(const struct comp_req *rq)
{
	return &rq->from;
}

const struct jid *comp_to(const struct comp_req *rq)
{
	return &rq->to;
}
