/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/digest.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/el.h>

#include "hats.h"

void hats_init(struct hats *h)
{
	list_init(&h->list);
	h->n = h->n_worn = 0;
}

static void forget(struct hats *h, struct hat *hat, struct wearer *w)
{
	map_del(&hat->worn, &w->node);
	h->n_worn--;
	free(w->who);
	free(w);
}

void hats_drop(struct hats *h, struct hat *hat)
{
	struct map_node *n;

	while ((n = map_first(&hat->worn)))
		forget(h, hat, MAP_ENTRY(n, struct wearer, node));
	map_done(&hat->worn);
	list_del(&hat->link);
	h->n--;
	free(hat->uri);
	free(hat->title);
	free(hat->hue);
	free(hat);
}

void hats_done(struct hats *h)
{
	struct hat *hat;

	while ((hat = LIST_FIRST(&h->list, struct hat, link)))
		hats_drop(h, hat);
}

struct hat *hats_find(const struct hats *h, const char *uri)
{
	LIST_EACH (it, &h->list) {
		struct hat *hat = LIST_ENTRY(it, struct hat, link);

		if (!strcmp(hat->uri, uri))
			return hat;
	}
	return NULL;
}

/* Behind all that come before it. */
static void insert(struct hats *h, struct hat *hat)
{
	struct list *at = &h->list;

	LIST_EACH (it, &h->list) {
		if (strcmp(LIST_ENTRY(it, struct hat, link)->uri, hat->uri) > 0) {
			at = it;
			break;
		}
	}
	list_add_tail(at, &hat->link);
	h->n++;
}

void hats_put(struct hats *h, const char *uri, const char *title, const char *hue)
{
	struct hat *hat = hats_find(h, uri);

	if (!hat) {
		hat = xzalloc(sizeof(*hat));
		hat->uri = xstrdup(uri);
		map_init(&hat->worn);
		insert(h, hat);
	}
	free(hat->title);
	free(hat->hue);
	hat->title = xstrdup(title);
	hat->hue = hue && *hue ? xstrdup(hue) : NULL;
}

/* --- who wears them ----------------------------------------------------------------------------
 */

static struct wearer *wearer(const struct hat *hat, const struct jid *who)
{
	struct map_node *n = map_get(&hat->worn, who->s, jid_bare_len(who));

	return n ? MAP_ENTRY(n, struct wearer, node) : NULL;
}

bool hat_is_worn(const struct hat *hat, const struct jid *who)
{
	return wearer(hat, who) != NULL;
}

size_t hats_worn(const struct hats *h, const struct jid *who)
{
	size_t n = 0;

	LIST_EACH (it, &h->list)
		n += hat_is_worn(LIST_ENTRY(it, struct hat, link), who);
	return n;
}

void hats_wear(struct hats *h, struct hat *hat, const struct jid *who)
{
	struct wearer *w;

	if (wearer(hat, who))
		return;
	w = xzalloc(sizeof(*w));
	w->who = xstrndup(who->s, jid_bare_len(who));
	map_put(&hat->worn, &w->node, w->who, jid_bare_len(who));
	h->n_worn++;
}

void hats_doff(struct hats *h, struct hat *hat, const struct jid *who)
{
	struct wearer *w = wearer(hat, who);

	if (w)
		forget(h, hat, w);
}

/* --- what they may be --------------------------------------------------------------------------
 */

/* RFC 3986 3.1: a scheme and something behind it, and nothing that is not to be seen. */
bool hats_valid_uri(const char *s)
{
	const char *colon = strchr(s, ':');

	if (!colon || colon == s || !colon[1] || strlen(s) > HAT_URI_MAX)
		return false;
	for (; *s; s++) {
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	}
	return true;
}

bool hats_valid_title(const char *s)
{
	return s[strspn(s, " \t\r\n")] && strlen(s) <= HAT_TITLE_MAX;
}

bool hats_valid_hue(const char *s)
{
	size_t whole = strspn(s, "0123456789"), n = whole;

	if (!*s)
		return true;
	if (s[n] == '.')
		n += 1 + strspn(s + n + 1, "0123456789");
	return whole > 0 && whole <= 3 && !s[n] && n <= HAT_HUE_MAX && strtod(s, NULL) <= 360.0;
}

/* --- as XML ------------------------------------------------------------------------------------
 */

bool hats_is(const struct el *child)
{
	return !strcmp(el_ns(child), NS_HATS);
}

void hats_write(const struct hats *h, const struct jid *who, struct sbuf *out)
{
	EL_AUTO struct el *all = el_new("hats", NS_HATS);

	LIST_EACH (it, &h->list) {
		const struct hat *hat = LIST_ENTRY(it, struct hat, link);
		struct el *el;

		if (!hat_is_worn(hat, who))
			continue;
		el = el_add(all, "hat", NULL);
		el_set(el, "title", hat->title);
		el_set(el, "uri", hat->uri);
		el_set(el, "hue", hat->hue);
	}
	if (el_child_count(all) > 0)
		el_write(out, all, NS_CLIENT);
}

void hats_hash(const struct hats *h, char out[41])
{
	struct sbuf all = SBUF_INIT;
	uint8_t sum[DIGEST_MAX];

	LIST_EACH (it, &h->list) {
		const struct hat *hat = LIST_ENTRY(it, struct hat, link);

		sbuf_printf(&all, "%s\n%s\n%s\n", hat->uri, hat->title, hat->hue ? hat->hue : "");
	}
	digest(DIGEST_SHA1, sbuf_data(&all), sbuf_len(&all), sum);
	digest_hex(sum, digest_len(DIGEST_SHA1), out);
	sbuf_done(&all);
}
