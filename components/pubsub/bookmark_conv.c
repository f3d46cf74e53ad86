/* SPDX-License-Identifier: MIT */
/* Conversion of bookmarks.  Both forms of a room are read into what they have in common and written
 * from there; one walk over the input, a map against repeated rooms. */
#include <errno.h>
#include <string.h>

#include <base/arena.h>
#include <base/map.h>
#include <xmpp/xml.h>

#include "bookmark_conv.h"

/* What both forms know of a room; texts are borrowed, NULL: none. */
struct said {
	bool autojoin;
	const char *name, *nick, *password;
};

/* --- one room ---------------------------------------------------------------------------------
 */
static const char *some(const char *s)
{
	return s && *s ? s : NULL;
}

static bool fits(const char *s)
{
	return !s || strnlen(s, BOOKMARK_TEXT_MAX + 1) <= BOOKMARK_TEXT_MAX;
}

/* Of a <conference/> of either form. */
static bool said_read(struct said *s, const struct el *conference)
{
	const char *ns = el_ns(conference);

	s->autojoin = el_attr_true(conference, "autojoin");
	s->name = some(el_attr(conference, "name"));
	s->nick = some(el_child_text(conference, "nick", ns));
	s->password = some(el_child_text(conference, "password", ns));
	return fits(s->name) && fits(s->nick) && fits(s->password);
}

static void said_write(struct el *conference, const struct said *s)
{
	if (s->name)
		el_set(conference, "name", s->name);
	if (s->autojoin)
		el_set(conference, "autojoin", "true");
	if (s->nick)
		el_add_text(conference, "nick", NULL, s->nick);
	if (s->password)
		el_add_text(conference, "password", NULL, s->password);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* A room's address, prepared and bare, in a; NULL: it is none. */
static const char *room_id(struct arena *a, const char *s)
{
	struct jid j;

	if (!s || jid_parse(&j, a, s) < 0)
		return NULL;
	return jid_bare(&j, a).s;
}

/* --- from XEP-0048 ------------------------------------------------------------------------------
 */
/* The rooms of one <storage/> that have been there. */
struct seen {
	struct arena *arena;
	struct map rooms;
};

/* The id of a room that has not been there yet; NULL: none of that. */
static const char *next_id(struct seen *seen, const struct el *from)
{
	const char *id = room_id(seen->arena, el_attr(from, "jid"));
	struct map_node *n;

	if (!id || map_gets(&seen->rooms, id))
		return NULL;
	n = arena_zalloc(seen->arena, sizeof(*n));
	map_put(&seen->rooms, n, id, strlen(id));
	return id;
}

static int call_each(const char *id, const struct said *said,
    int (*each)(const char *id, struct el *conference, void *arg), void *arg)
{
	EL_AUTO struct el *conference = el_new("conference", NS_BOOKMARKS_1);

	said_write(conference, said);
	return each(id, conference, arg);
}

int bookmark_from_storage(const struct el *storage,
    int (*each)(const char *id, struct el *conference, void *arg), void *arg, bool *ret_more)
{
	struct seen seen;
	struct said said;
	bool more = false;
	int n = 0, r = 0;

	if (!el_is(storage, "storage", NS_BOOKMARKS))
		return -EINVAL;
	seen.arena = arena_new();
	map_init(&seen.rooms);
	EL_EACH (from, storage, "conference", NS_BOOKMARKS) {
		const char *id;

		more = n == BOOKMARKS_MAX;
		if (more)
			break;
		id = said_read(&said, from) ? next_id(&seen, from) : NULL;
		if (!id)
			continue;
		r = call_each(id, &said, each, arg);
		if (r)
			break;
		n++;
	}
	map_done(&seen.rooms);
	arena_free(seen.arena);
	if (ret_more)
		*ret_more = more;
	return r ? r : n;
}

/* XEP-0048 2.2: without its address it is no bookmark. */
static void copy_urls(struct el *to, const struct el *from)
{
	size_t n = 0;

	EL_EACH (url, from, "url", NS_BOOKMARKS) {
		if (n == BOOKMARKS_MAX)
			return;
		if (!some(el_attr(url, "url")))
			continue;
		el_add_copy(to, url);
		n++;
	}
}

struct el *bookmark_urls(const struct el *storage)
{
	EL_AUTO struct el *kept = bookmark_storage_new();
	struct el *out = NULL;

	if (el_is(storage, "storage", NS_BOOKMARKS))
		copy_urls(kept, storage);
	if (el_child_count(kept) > 0) {
		out = kept;
		kept = NULL;
	}
	return out;
}

/* --- payloads of XEP-0402 -----------------------------------------------------------------------
 */
struct el *bookmark_read(const char *payload)
{
	/* Tags have grown since they were read: escaped, and with a namespace of their own. */
	static const struct xml_limits lim = { .stanza = BOOKMARK_ITEM_MAX, .tag = XML_TAG_LINK };
	struct el *el = xml_read(payload, &lim);

	if (el && !el_is(el, "conference", NS_BOOKMARKS_1)) {
		el_free(el);
		return NULL;
	}
	return el;
}

void bookmark_keep(struct el *conference, const struct el *old)
{
	if (!old)
		return;
	EL_EACH (it, old, NULL, NULL) {
		if (!el_is(it, "nick", NS_BOOKMARKS_1) && !el_is(it, "password", NS_BOOKMARKS_1))
			el_add_copy(conference, it);
	}
}

bool bookmark_same(const struct el *a, const struct el *b)
{
	struct said x, y;

	if (!a || !b)
		return a == b;
	if (!el_is(a, "conference", NS_BOOKMARKS_1) || !el_is(b, "conference", NS_BOOKMARKS_1))
		return false;
	if (!said_read(&x, a) || !said_read(&y, b))
		return false;
	return x.autojoin == y.autojoin && same_text(x.name, y.name) && same_text(x.nick, y.nick) &&
	       same_text(x.password, y.password);
}

/* --- to XEP-0048 --------------------------------------------------------------------------------
 */
struct el *bookmark_storage_new(void)
{
	return el_new("storage", NS_BOOKMARKS);
}

bool bookmark_to_storage(struct el *storage, const char *id, const char *payload)
{
	EL_AUTO struct el *from = bookmark_read(payload);
	struct said said;
	struct el *to;

	if (!from || !said_read(&said, from) || el_child_count(storage) >= BOOKMARKS_MAX)
		return false;
	id = room_id(el_arena(from), id);
	if (!id)
		return false;
	to = el_add(storage, "conference", NULL);
	el_set(to, "jid", id);
	said_write(to, &said);
	return true;
}

void bookmark_add_urls(struct el *storage, const struct el *kept)
{
	if (kept)
		copy_urls(storage, kept);
}
