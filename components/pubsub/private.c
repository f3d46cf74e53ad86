/* SPDX-License-Identifier: MIT */
/* Each element by its name and namespace; nobody but the account itself sees any of it. */
#include <string.h>

#include <base/arena.h>
#include <base/sbuf.h>

#include "bookmarks.h"
#include "hidden.h"
#include "item.h"
#include "private.h"

enum { PRIVATE_MAX = 256 }; /* elements of one account */

/* "name namespace": no name has a space in it.  NULL: too long. */
static const char *key_of(const struct el *el)
{
	size_t name = strlen(el_name(el)), ns = strlen(el_ns(el));
	char *key;

	if (name + ns + 2 > PUBSUB_ITEM_ID)
		return NULL;
	key = arena_alloc(el_arena(el), name + ns + 2);
	memcpy(key, el_name(el), name);
	key[name] = ' ';
	memcpy(key + name + 1, el_ns(el), ns + 1);
	return key;
}

/* 0: *out is the one element that it is about. */
static int read_request(const struct request *r, const struct el **out)
{
	const struct el *query = comp_payload(r->rq);

	if (!request_is_owner(r))
		return -COND_FORBIDDEN;
	*out = el_child(query, NULL, NULL);
	if (!*out)
		return -COND_NOT_ACCEPTABLE; /* 2.3 */
	if (el_child_count(query) != 1)
		return -COND_BAD_REQUEST;
	return *el_ns(*out) && !el_is(*out, el_name(*out), NS_PRIVATE) ? 0 : -COND_NOT_ACCEPTABLE;
}

static int reply_text(struct request *r, const struct sbuf *text)
{
	struct el *answer = comp_result(r->rq);
	struct sbuf out = SBUF_INIT;
	size_t n;

	sbuf_puts(&out, "<query xmlns=\"" NS_PRIVATE "\">");
	sbuf_add(&out, sbuf_data(text), sbuf_len(text));
	sbuf_puts(&out, "</query>");
	n = sbuf_len(&out);
	el_set_raw(answer, arena_strndup(el_arena(answer), sbuf_data(&out), n), n);
	sbuf_done(&out);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int private_get(struct request *r)
{
	struct sbuf text = SBUF_INIT;
	const struct el *el;
	struct item *it = NULL;
	const char *key;
	int ret = read_request(r, &el);

	if (ret < 0)
		return ret;
	key = key_of(el);
	if (!key)
		return -COND_NOT_ACCEPTABLE;
	if (bookmarks_is_storage(el))
		ret = bookmarks_write(r, &text);
	else
		ret = hidden_get(r, HIDDEN_PRIVATE, key, &it);
	if (ret > 0 && item_payload(it, &text) < 0)
		ret = -COND_RESOURCE_CONSTRAINT;
	if (ret == 0 && sbuf_len(&text) == 0) { /* what is not there is empty */
		struct el *empty = el_new(el_name(el), el_ns(el));

		el_write(&text, empty, NULL);
		el_free(empty);
	}
	if (ret >= 0)
		ret = reply_text(r, &text);
	sbuf_done(&text);
	return ret;
}

int private_set(struct request *r)
{
	const struct el *el;
	const char *key;
	int ret = read_request(r, &el);

	if (ret == 0)
		ret = request_charge(r, 1);
	if (ret < 0)
		return ret;
	key = key_of(el);
	if (!key)
		return -COND_NOT_ACCEPTABLE;
	ret = bookmarks_is_storage(el) ? bookmarks_read(r, el)
	                               : hidden_put(r, HIDDEN_PRIVATE, key, el, PRIVATE_MAX);
	if (ret < 0)
		return ret;
	comp_reply_ok(r->rq);
	return COMP_DONE;
}
