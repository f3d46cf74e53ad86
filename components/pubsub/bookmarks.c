/* SPDX-License-Identifier: MIT */
/* Web pages, which only XEP-0048 knows, are kept in private XML, and so is nothing else of it. */
#include <string.h>

#include <base/arena.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "bookmark_conv.h"
#include "bookmarks.h"
#include "caps.h"
#include "create.h"
#include "hidden.h"
#include "item.h"
#include "notify.h"
#include "publish.h"
#include "session.h"

#define KEY_URLS "storage " NS_BOOKMARKS
#define ID "current"

enum { ROOM = 16 << 20 }; /* bytes that the link has to take before many are published at once */

void bookmarks_start(struct pubsub *p)
{
	comp_feature_for(p->c, COMP_FOR_ACCOUNT, NS_PUBSUB, NS_BOOKMARKS_1 "#compat");
	comp_feature_for(p->c, COMP_FOR_ACCOUNT, NS_PUBSUB, NS_BOOKMARKS_1 "#compat-pep");
	comp_feature_for(p->c, COMP_FOR_ACCOUNT, NS_PUBSUB, "urn:xmpp:bookmarks-conversion:0");
}

bool bookmarks_is_storage(const struct el *el)
{
	return el_is(el, "storage", NS_BOOKMARKS);
}

/* --- as one <storage/> -------------------------------------------------------------------------
 */

static int add_urls(struct service *s, struct el *storage)
{
	struct node *n = node_find(s, HIDDEN_PRIVATE);
	EL_AUTO struct el *urls = NULL;
	struct item *it;

	if (!n)
		return 0;
	if (items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	it = items_find(n, KEY_URLS);
	urls = it ? item_read(it) : NULL;
	bookmark_add_urls(storage, urls);
	return 0;
}

static int write_storage(struct service *s, struct sbuf *out)
{
	struct node *n = node_find(s, NS_BOOKMARKS_1);
	EL_AUTO struct el *storage = bookmark_storage_new();
	struct sbuf text = SBUF_INIT;
	int r = 0;

	if (n && items_load(n) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	if (n)
		LIST_EACH (l, &n->items_in_order) {
			struct item *it = LIST_ENTRY(l, struct item, link);

			sbuf_clear(&text);
			r = item_payload(it, &text);
			if (r < 0)
				break;
			(void)bookmark_to_storage(storage, it->id, sbuf_str(&text));
		}
	sbuf_done(&text);
	if (r < 0 || add_urls(s, storage) < 0)
		return -COND_RESOURCE_CONSTRAINT;
	el_write(out, storage, NULL);
	return 0;
}

int bookmarks_write(struct request *r, struct sbuf *out)
{
	return write_storage(r->service, out);
}

/* --- out of one --------------------------------------------------------------------------------
 */

struct reading {
	struct request *r;
	struct node *n;
	struct map named; /* struct named by id: the rooms that there are now */
	struct map shown; /* likewise: the items that the <storage/> of before had in it */
	struct arena *a;
	bool changed;
};
struct named {
	struct map_node node;
};

static void note(struct reading *rd, struct map *m, const char *id)
{
	struct named *named = arena_zalloc(rd->a, sizeof(*named));
	const char *key = arena_strdup(rd->a, id);

	map_put(m, &named->node, key, strlen(key));
}

/* One room: published if that says anything new (XEP-0402 5.3.2). */
static int take_room(const char *id, struct el *conference, void *arg)
{
	struct reading *rd = arg;
	struct sbuf text = SBUF_INIT;
	struct item *it = items_find(rd->n, id);
	struct el *old = NULL;
	int ret = 0;

	note(rd, &rd->named, id);
	if (it && item_payload(it, &text) == 0)
		old = bookmark_read(sbuf_str(&text));
	if (!old || !bookmark_same(old, conference)) {
		bookmark_keep(conference, old);
		sbuf_clear(&text);
		el_write(&text, conference, NULL);
		rd->changed = true;
		if (publish_put(rd->n, rd->r->roster, id, comp_from(rd->r->rq)->s, &text) < 0)
			ret = -COND_RESOURCE_CONSTRAINT;
	}
	el_free(old);
	sbuf_done(&text);
	return ret;
}

/* Whoever sends a <storage/> knows of those alone: one that it cannot express stays. */
static int note_shown(struct reading *rd)
{
	EL_AUTO struct el *storage = bookmark_storage_new();
	struct sbuf text = SBUF_INIT;
	int r = 0;

	LIST_EACH (l, &rd->n->items_in_order) {
		struct item *it = LIST_ENTRY(l, struct item, link);

		sbuf_clear(&text);
		r = item_payload(it, &text);
		if (r < 0)
			break;
		if (bookmark_to_storage(storage, it->id, sbuf_str(&text)))
			note(rd, &rd->shown, it->id);
	}
	sbuf_done(&text);
	return r < 0 ? -COND_RESOURCE_CONSTRAINT : 0;
}

static void remove_others(struct reading *rd)
{
	LIST_EACH_SAFE (l, &rd->n->items_in_order) {
		struct item *it = LIST_ENTRY(l, struct item, link);

		if (map_gets(&rd->named, it->id) || !map_gets(&rd->shown, it->id))
			continue;
		rd->changed = true;
		(void)publish_remove(rd->n, rd->r->roster, it->id, true);
	}
}

/* A client may have made it for all to read, or for one item (XEP-0411 5). */
static void mend_conf(struct node *n, size_t rooms, int64_t most)
{
	bool small = n->conf.max_items < (int64_t)rooms && n->conf.max_items < most;
	struct node_conf conf;

	if (n->conf.access == ACCESS_WHITELIST && n->conf.persist && !small)
		return;
	config_copy(&conf, &n->conf);
	conf.access = ACCESS_WHITELIST;
	conf.persist = true;
	if (small)
		conf.max_items = most;
	node_set_conf(n, &conf);
}

/* The node as XEP-0402 3.3 wants it. */
static struct node *obtain(struct request *r, size_t rooms)
{
	int64_t most = r->p->conf->max_items;
	struct node_conf conf;
	struct node *n;

	create_defaults(r->service, &conf);
	conf.access = ACCESS_WHITELIST;
	conf.max_items = most;
	conf.send_last = LAST_NEVER;
	n = create_obtain(r, NS_BOOKMARKS_1, &conf);
	if (n)
		mend_conf(n, rooms, most);
	return n;
}

/* Does the account keep so many more bytes? */
static bool has_room(const struct request *r, const struct el *storage)
{
	struct sbuf text = SBUF_INIT;
	size_t len;

	el_write(&text, storage, NULL);
	len = sbuf_len(&text);
	sbuf_done(&text);
	return r->service->stored + (int64_t)len * 2 <= r->p->conf->max_bytes &&
	       comp_send_space(r->p->c) >= ROOM;
}

static int take_rooms(struct reading *rd, const struct el *storage)
{
	bool more = false;
	int ret = note_shown(rd);

	if (ret == 0)
		ret = bookmark_from_storage(storage, take_room, rd, &more);
	if (ret >= 0 && !more)
		remove_others(rd);
	return ret < 0 ? ret : 0;
}

static int take_urls(struct reading *rd, const struct el *storage)
{
	EL_AUTO struct el *urls = bookmark_urls(storage);
	struct sbuf was = SBUF_INIT, is = SBUF_INIT;
	struct item *it;
	int ret = hidden_get(rd->r, HIDDEN_PRIVATE, KEY_URLS, &it);

	if (ret > 0 && item_payload(it, &was) < 0)
		ret = -COND_RESOURCE_CONSTRAINT;
	if (urls)
		el_write(&is, urls, NULL);
	if (ret >= 0 && strcmp(sbuf_str(&was), sbuf_str(&is)) != 0) {
		ret = hidden_put(rd->r, HIDDEN_PRIVATE, KEY_URLS, urls, SIZE_MAX);
		rd->changed |= ret == 0;
	}
	sbuf_done(&was);
	sbuf_done(&is);
	return ret < 0 ? ret : 0;
}

int bookmarks_read(struct request *r, const struct el *storage)
{
	struct reading rd = { .r = r };
	int ret;

	if (!has_room(r, storage))
		return -COND_RESOURCE_CONSTRAINT;
	rd.n = obtain(r, el_child_count(storage));
	if (!rd.n)
		return -COND_RESOURCE_CONSTRAINT;
	map_init(&rd.named);
	map_init(&rd.shown);
	rd.a = arena_new();
	ret = take_rooms(&rd, storage);
	if (ret == 0)
		ret = take_urls(&rd, storage);
	map_done(&rd.named);
	map_done(&rd.shown);
	arena_free(rd.a);
	if (rd.changed)
		bookmarks_published(r, rd.n);
	return ret;
}

/* --- the other view ----------------------------------------------------------------------------
 */

/* Whose clients still want it. */
static size_t add_old_clients(const struct service *s, struct comp_many *m)
{
	const struct peer *peer = peer_find(s->p, s->address);
	size_t k = 0;

	if (peer)
		LIST_EACH (l, &peer->sessions) {
			const struct session *one = LIST_ENTRY(l, struct session, link);

			if (!caps_wants(one->caps, NS_BOOKMARKS))
				continue;
			if (m)
				comp_many_add(m, one->jid);
			k++;
		}
	return k;
}

static void put_event(struct sbuf *out, const struct sbuf *storage)
{
	sbuf_puts(out, "<event xmlns=\"" NS_PUBSUB_EVENT "\"><items node=\"" NS_BOOKMARKS
		       "\"><item id=\"" ID "\">");
	sbuf_add(out, sbuf_data(storage), sbuf_len(storage));
	sbuf_puts(out, "</item></items></event>");
}

/* To one session, or to all (NULL) that want it. */
static void tell(struct service *s, const char *to)
{
	struct sbuf storage = SBUF_INIT, content = SBUF_INIT;
	struct comp_many *many;
	struct el *m;

	if (write_storage(s, &storage) == 0) {
		put_event(&content, &storage);
		m = notify_message("headline", s->address, NULL, &content);
		many = comp_many_begin(s->p->c, m);
		if (to)
			comp_many_add(many, to);
		else
			(void)add_old_clients(s, many);
		(void)comp_many_end(many);
		el_free(m);
	}
	sbuf_done(&storage);
	sbuf_done(&content);
}

void bookmarks_published(struct request *r, const struct node *n)
{
	if (strcmp(n->name, NS_BOOKMARKS_1) == 0 && add_old_clients(r->service, NULL) > 0)
		tell(r->service, NULL);
}

void bookmarks_last(struct service *s, const char *to)
{
	if (node_find(s, NS_BOOKMARKS_1))
		tell(s, to);
}

static bool is_ours(const struct request *r)
{
	const char *name = request_node(r);

	return r->service->pep && name && strcmp(name, NS_BOOKMARKS) == 0;
}

int bookmarks_publish(struct request *r, const struct el *payload)
{
	struct el *answer, *publish;
	int ret;

	if (!is_ours(r))
		return COMP_PASS;
	if (!request_is_owner(r))
		return -COND_FORBIDDEN;
	if (!payload || !bookmarks_is_storage(payload))
		return request_error(r, COND_BAD_REQUEST, "invalid-payload", NULL);
	ret = bookmarks_read(r, payload);
	if (ret < 0)
		return ret;
	answer = comp_result(r->rq);
	publish = el_add(el_add(answer, "pubsub", NS_PUBSUB), "publish", NULL);
	el_set(publish, "node", NS_BOOKMARKS);
	el_set(el_add(publish, "item", NULL), "id", ID);
	comp_reply(r->rq, answer);
	return COMP_DONE;
}

int bookmarks_retrieve(struct request *r)
{
	struct sbuf storage = SBUF_INIT, out = SBUF_INIT;
	struct el *answer;
	size_t n;
	int ret;

	if (!is_ours(r) || !node_find(r->service, NS_BOOKMARKS_1))
		return COMP_PASS;
	if (!request_is_owner(r))
		return request_error(r, COND_NOT_ALLOWED, "closed-node", NULL);
	ret = write_storage(r->service, &storage);
	if (ret == 0) {
		answer = comp_result(r->rq);
		sbuf_puts(&out, "<pubsub xmlns=\"" NS_PUBSUB "\"><items node=\"" NS_BOOKMARKS
				"\"><item id=\"" ID "\">");
		sbuf_add(&out, sbuf_data(&storage), sbuf_len(&storage));
		sbuf_puts(&out, "</item></items></pubsub>");
		n = sbuf_len(&out);
		el_set_raw(answer, arena_strndup(el_arena(answer), sbuf_data(&out), n), n);
		comp_reply(r->rq, answer);
	}
	sbuf_done(&storage);
	sbuf_done(&out);
	return ret;
}
