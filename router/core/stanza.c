/* SPDX-License-Identifier: MIT */
/* The shape of a stanza, checked once, and its completion. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/arena.h>

#include "core/stanza.h"

struct type_name {
	const char *name;
	enum stanza_type type;
};

static const struct type_name iq_types[] = {
	{ "get", ST_IQ_GET },
	{ "set", ST_IQ_SET },
	{ "result", ST_IQ_RESULT },
	{ "error", ST_IQ_ERROR },
	{ NULL, 0 },
};
static const struct type_name message_types[] = {
	{ "chat", ST_MSG_CHAT },
	{ "groupchat", ST_MSG_GROUPCHAT },
	{ "headline", ST_MSG_HEADLINE },
	{ "normal", ST_MSG_NORMAL },
	{ "error", ST_MSG_ERROR },
	{ NULL, 0 },
};
static const struct type_name presence_types[] = {
	{ "unavailable", ST_PRES_UNAVAILABLE },
	{ "subscribe", ST_PRES_SUBSCRIBE },
	{ "subscribed", ST_PRES_SUBSCRIBED },
	{ "unsubscribe", ST_PRES_UNSUBSCRIBE },
	{ "unsubscribed", ST_PRES_UNSUBSCRIBED },
	{ "probe", ST_PRES_PROBE },
	{ "error", ST_PRES_ERROR },
	{ NULL, 0 },
};

static bool type_find(const struct type_name *tab, const char *name, enum stanza_type *out)
{
	for (; tab->name; tab++) {
		if (!strcmp(tab->name, name)) {
			*out = tab->type;
			return true;
		}
	}
	return false;
}

/* 0 or -COND_BAD_REQUEST.  A message of an unknown type is a normal one (RFC 6121 5.2.2). */
static int parse_type(struct stanza *st)
{
	const char *type = el_attr(st->el, "type");

	switch (st->kind) {
	case EL_IQ:
		st->type = ST_IQ_RESULT; /* the harmless one, until we know */
		return type && type_find(iq_types, type, &st->type) ? 0 : -COND_BAD_REQUEST;
	case EL_MESSAGE:
		st->type = ST_MSG_NORMAL;
		if (type)
			(void)type_find(message_types, type, &st->type);
		return 0;
	default:
		st->type = ST_PRES_AVAILABLE;
		if (type && !type_find(presence_types, type, &st->type)) {
			st->type = ST_PRES_ERROR;
			return -COND_BAD_REQUEST;
		}
		return 0;
	}
}

/* What is passed on carries the prepared form. */
static int parse_address(struct stanza *st, const char *attr, struct jid *out)
{
	const char *said = el_attr(st->el, attr);

	if (said && jid_parse(out, el_arena(st->el), said) < 0)
		return -COND_JID_MALFORMED;
	if (said && strcmp(said, out->s) != 0)
		el_set(st->el, attr, out->s);
	return 0;
}

static int parse_addresses(struct stanza *st)
{
	int r = parse_address(st, "from", &st->from);

	return r < 0 ? r : parse_address(st, "to", &st->to);
}

/* RFC 6120 8.2.3: an id always; one child, and only one, in a request. */
static int check_iq(const struct stanza *st)
{
	if (!el_attr(st->el, "id"))
		return -COND_BAD_REQUEST;
	if (st->type != ST_IQ_GET && st->type != ST_IQ_SET)
		return 0;
	return el_child_count(st->el) == 1 ? 0 : -COND_BAD_REQUEST;
}

int stanza_new(struct stanza **out, struct el *el)
{
	struct stanza *st;
	int r, r2;

	if (el_kind(el) == EL_OTHER) {
		el_free(el);
		return -EBADMSG;
	}
	st = arena_zalloc(el_arena(el), sizeof(*st));
	st->el = el;
	st->kind = el_kind(el);
	st->holds = 1;
	st->bytes = el_wire_len(el) < UINT32_MAX ? (uint32_t)el_wire_len(el) : UINT32_MAX;
	list_init(&st->link);
	list_init(&st->copies);
	*out = st;

	r2 = parse_type(st);
	r = parse_addresses(st);
	if (r == 0)
		r = r2;
	if (r == 0 && st->kind == EL_IQ)
		r = check_iq(st);
	return r;
}

int stanza_copy(struct stanza **out, struct stanza *whole, struct el *el)
{
	int r = stanza_new(out, el);

	if (r == -EBADMSG)
		return r;
	(*out)->component = whole->component;
	(*out)->member = whole->member;
	(*out)->whole = stanza_hold(whole);
	list_add_tail(&whole->copies, &(*out)->link);
	return r;
}

void stanza_detach(struct stanza *st)
{
	struct stanza *whole = st->whole;

	st->whole = NULL;
	list_del(&st->link);
	stanza_release(whole);
}

void stanza_set_member(struct stanza *st, struct member *m)
{
	st->member = m;
	LIST_EACH (it, &st->copies)
		LIST_ENTRY(it, struct stanza, link)->member = m;
}

void stanza_orphan(struct stanza *st)
{
	stanza_set_member(st, NULL);
	st->component = NULL;
	LIST_EACH (it, &st->copies)
		LIST_ENTRY(it, struct stanza, link)->component = NULL;
}

void stanza_set_from(struct stanza *st, const struct jid *from)
{
	const char *old = el_attr(st->el, "from");

	if (!old || strcmp(old, from->s) != 0)
		el_set(st->el, "from", from->s);
	st->from = *from;
	st->from.s = el_attr(st->el, "from");
}

void stanza_set_to(struct stanza *st, const struct jid *to)
{
	el_set(st->el, "to", to->s);
	st->to = *to;
	st->to.s = el_attr(st->el, "to");
}

struct stanza *stanza_hold(struct stanza *st)
{
	assert(st->holds > 0);
	st->holds++;
	return st;
}

static bool let_go(struct stanza *st)
{
	assert(st->holds > 0);
	if (--st->holds > 0)
		return false;
	list_del(&st->link);
	if (st->done)
		st->done(st);
	return true;
}

void stanza_release(struct stanza *st)
{
	struct stanza *whole;

	/* At most twice: a copy is never the whole of others. */
	for (; st && let_go(st); st = whole) {
		whole = st->whole;
		el_free(st->el); /* and st with it */
	}
}
