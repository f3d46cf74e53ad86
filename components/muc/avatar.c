/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/form.h>

#include "avatar.h"
#include "image.h"
#include "message.h"
#include "occupant.h"
#include "reach.h"
#include "store.h"

#define NS_VCARD_UPDATE "vcard-temp:x:update" /* XEP-0153 */

enum {
	PHOTOS_MAX = 4,         /* of one picture, in as many formats */
	VCARD_MAX = 128 << 10,  /* bytes of all */
	BYTES_A_LOOK = 8 << 10, /* so many cost as much as one stanza */
	TOLD = 1024 + 6 * 1023, /* of one stanza, with the address it is to */
};

/* --- telling -----------------------------------------------------------------------------------
 */

/* The first hash is the one that clients know who know of one. */
static struct el *presence(const struct room *r)
{
	struct el *p = el_presence(NULL, NULL);
	const char *hashes = r->avatar.hashes ? r->avatar.hashes : "";
	char *first = arena_strndup(el_arena(p), hashes, strcspn(hashes, " "));

	el_set(p, "from", r->jid);
	el_add_text(el_add(p, "x", NS_VCARD_UPDATE), "photo", NULL, first);
	el_freeze(p);
	return p;
}

void avatar_tell_one(const struct room *r, const struct session *to)
{
	if (r->avatar.hashes) {
		EL_AUTO struct el *p = presence(r);

		(void)comp_send_copy(r->m->c, p, NULL, to->jid.s);
	}
}

static void tell_all(struct room *r)
{
	static const unsigned changed = 104;
	EL_AUTO struct el *p = presence(r);
	struct comp_many *many = comp_many_begin(r->m->c, p);

	MAP_EACH (it, &r->by_jid)
		comp_many_add(many, MAP_ENTRY(it, struct session, node)->jid.s);
	(void)comp_many_end(many);
	message_codes(r, &changed, 1);
}

void avatar_info(const struct room *r, struct el *form)
{
	const char *s = r->avatar.hashes;
	struct el *field;

	if (!s)
		return;
	field = form_add_field(form, "text-multi", "muc#roominfo_avatarhash", "Avatar hash");
	for (; *s; s += strcspn(s, " "), s += *s == ' ')
		form_add_value(field, arena_strndup(el_arena(form), s, strcspn(s, " ")));
}

/* --- what is not committed yet -----------------------------------------------------------------
 */

static void drop(struct room *r)
{
	list_del(&r->avatar.link);
	free(r->avatar.fresh);
	r->avatar.fresh = NULL;
}

void avatar_free(struct room *r)
{
	drop(r);
	free(r->avatar.hashes);
	r->avatar.hashes = NULL;
}

/* The oldest come first. */
static void drop_committed(struct muc *m)
{
	struct room *r;

	while ((r = LIST_FIRST(&m->fresh_vcards, struct room, avatar.link)) &&
	       r->avatar.number <= comp_tx_safe(m->c))
		drop(r);
}

/* --- asking ------------------------------------------------------------------------------------
 */

/* As for disco#info; who is banned sees nothing of it. */
static int may_look(const struct room *r, const struct jid *who)
{
	enum aff aff = r ? room_aff(r, who) : AFF_NONE;

	if (!r || (r->locked && aff != AFF_OWNER))
		return -COND_ITEM_NOT_FOUND;
	return aff == AFF_OUTCAST ? -COND_FORBIDDEN : 0;
}

/* The vCard as text; NULL: it cannot be read now. */
static char *find(const struct room *r, struct arena *a)
{
	char *s = NULL, *copy;

	if (r->avatar.fresh)
		return arena_strdup(a, r->avatar.fresh);
	if (!r->avatar.there)
		return arena_strdup(a, "<vCard xmlns=\"" NS_VCARD "\"/>");
	if (store_read_vcard(r, &s) < 0 || !s)
		return NULL;
	copy = arena_strdup(a, s);
	free(s);
	return copy;
}

int avatar_get(struct muc *m, struct room *r, struct comp_req *rq)
{
	int ret = may_look(r, comp_from(rq));
	struct el *answer;
	char *text;

	if (ret == 0)
		ret = message_charge(r, rq, 1.0 + (double)r->avatar.bytes / BYTES_A_LOOK);
	if (ret != 0)
		return ret;
	drop_committed(m);
	answer = comp_result(rq);
	text = find(r, el_arena(answer));
	if (!text) {
		el_free(answer);
		return handler_refuse(
		    rq, COND_RESOURCE_CONSTRAINT, "wait", "The vCard cannot be read now.");
	}
	el_set_raw(answer, text, strlen(text));
	comp_reply(rq, answer);
	return ANSWERED;
}

/* --- setting -----------------------------------------------------------------------------------
 */

static int add_photo(struct el *out, struct sbuf *hashes, const struct el *photo)
{
	const char *base64 = el_child_text(photo, "BINVAL", NS_VCARD), *type;
	char hash[IMAGE_HASH_LEN + 1];
	struct el *copy;
	int r;

	if (!base64 || !base64[strspn(base64, " \t\r\n")])
		return 0; /* one that is elsewhere would tell its host who looks at it */
	if (sbuf_len(hashes) >= (size_t)PHOTOS_MAX * (IMAGE_HASH_LEN + 1) - 1)
		return -E2BIG;
	r = image_read(base64, &type, hash);
	if (r < 0)
		return r;
	copy = el_add(out, "PHOTO", NULL);
	el_add_text(copy, "TYPE", NULL, type);
	el_add_text(copy, "BINVAL", NULL, base64);
	sbuf_printf(hashes, "%s%s", sbuf_len(hashes) ? " " : "", hash);
	return 0;
}

/* What is kept of the vCard: its pictures, checked, and all that is vcard-temp's. */
static int clean(const struct el *vcard, struct sbuf *text, struct sbuf *hashes)
{
	EL_AUTO struct el *out = el_new("vCard", NS_VCARD);
	int r = 0;

	EL_EACH (it, vcard, NULL, NS_VCARD) {
		if (el_is(it, "PHOTO", NS_VCARD))
			r = add_photo(out, hashes, it);
		else
			el_add_copy(out, it);
		if (r < 0)
			return r;
	}
	if (el_child_count(out) > 0)
		el_write(text, out, NS_CLIENT);
	return sbuf_len(text) > VCARD_MAX ? -E2BIG : 0;
}

static void put(struct room *r, struct sbuf *text, struct sbuf *hashes)
{
	struct muc *m = r->m;
	struct db_batch *tx = comp_tx(m->c);

	avatar_free(r);
	r->avatar.there = sbuf_len(text) > 0;
	r->avatar.bytes = sbuf_len(text);
	if (sbuf_len(hashes))
		r->avatar.hashes = sbuf_steal(hashes);
	if (r->avatar.there) {
		r->avatar.fresh = sbuf_steal(text);
		r->avatar.number = comp_tx_number(m->c);
		list_add_tail(&m->fresh_vcards, &r->avatar.link);
	}
	store_put_vcard(tx, r);
}

static int check(struct room *r, struct comp_req *rq)
{
	int ret = may_look(r, comp_from(rq));

	if (ret != 0)
		return ret;
	if (room_aff(r, comp_from(rq)) != AFF_OWNER)
		return handler_refuse(
		    rq, COND_FORBIDDEN, "auth", "Only owners are allowed to set avatars.");
	ret = message_charge(r, rq, 1.0 + (double)el_wire_len(comp_el(rq)) / BYTES_A_LOOK);
	if (ret != 0)
		return ret;
	return comp_send_space(r->m->c) < map_len(&r->by_jid) * 2 * (TOLD + reach_text(r->jid))
	           ? -COND_RESOURCE_CONSTRAINT
	           : 0;
}

int avatar_set(struct muc *m, struct room *r, struct comp_req *rq)
{
	struct sbuf text = SBUF_INIT, hashes = SBUF_INIT;
	int ret = check(r, rq), err;

	if (ret != 0)
		return ret;
	drop_committed(m);
	err = clean(comp_payload(rq), &text, &hashes);
	if (err == 0) {
		put(r, &text, &hashes);
		comp_reply_ok(rq); /* before what the others are told */
		tell_all(r);
		ret = ANSWERED;
	} else {
		ret = handler_refuse(rq, COND_NOT_ACCEPTABLE, "modify",
		    err == -E2BIG ? "A picture has at most 64 KiB, a vCard 128 KiB and 4 of them."
				  : "A picture is PNG, JPEG, GIF, WebP or SVG in base64.");
	}
	sbuf_done(&text);
	sbuf_done(&hashes);
	return ret;
}
