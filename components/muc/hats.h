/* SPDX-License-Identifier: MIT */
/* Hats (XEP-0317): what a room calls some of its users beyond role and affiliation, and who wears
 * which, by bare JID. */
#ifndef MUC_HATS_H
#define MUC_HATS_H

#include <stdbool.h>
#include <stddef.h>

#include <base/list.h>
#include <base/map.h>

struct el;
struct jid;
struct sbuf;

#define NS_HATS "urn:xmpp:hats:0"

enum {
	HATS_MAX = 32,       /* of one room */
	HATS_WORN_MAX = 4,   /* by one user */
	HATS_WORN_ALL = 512, /* in one room */
	HAT_URI_MAX = 256,   /* bytes, as the others */
	HAT_TITLE_MAX = 64,
	HAT_HUE_MAX = 16,
};

struct hat {
	struct list link;
	char *uri, *title, *hue; /* hue NULL: none */
	struct map worn;         /* struct wearer by bare JID */
};
struct wearer {
	struct map_node node;
	char *who;
};
struct hats {
	struct list list; /* by URI */
	size_t n, n_worn;
};

void hats_init(struct hats *h);
void hats_done(struct hats *h);
struct hat *hats_find(const struct hats *h, const char *uri); /* NULL: none */
bool hat_is_worn(const struct hat *hat, const struct jid *who);
size_t hats_worn(const struct hats *h, const struct jid *who); /* how many of them */
/* A new hat, or what a known one is from now on. */
void hats_put(struct hats *h, const char *uri, const char *title, const char *hue);
void hats_drop(struct hats *h, struct hat *hat);
void hats_wear(struct hats *h, struct hat *hat, const struct jid *who);
void hats_doff(struct hats *h, struct hat *hat, const struct jid *who);
/* What they may be. */
bool hats_valid_uri(const char *s);
bool hats_valid_title(const char *s);
bool hats_valid_hue(const char *s); /* degrees; "": none */

bool hats_is(const struct el *child); /* <hats/>, which only a room may say */
/* <hats/> of one user, as XML; nothing if it wears none. */
void hats_write(const struct hats *h, const struct jid *who, struct sbuf *out);
/* Another one when a hat of the list is another. */
void hats_hash(const struct hats *h, char out[41]);

#endif
