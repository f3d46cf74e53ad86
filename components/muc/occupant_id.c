/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/arena.h>
#include <base/digest.h>
#include <base/sbuf.h>
#include <xmpp/el.h>

#include "occupant_id.h"

/* HMAC(key, room NUL bare): as XEP-0421 has it for a key of the whole service. */
void occupant_id_make(const uint8_t key[OCCUPANT_ID_KEY], const char *room, const struct jid *who,
    char out[OCCUPANT_ID_LEN + 1])
{
	struct sbuf text = SBUF_INIT;
	uint8_t sum[DIGEST_MAX];

	sbuf_add(&text, room, strlen(room) + 1);
	sbuf_add(&text, who->s, jid_bare_len(who));
	digest_hmac(DIGEST_SHA256, key, OCCUPANT_ID_KEY, sbuf_data(&text), sbuf_len(&text), sum);
	digest_hex(sum, OCCUPANT_ID_LEN / 2, out);
	sbuf_done(&text);
}

bool occupant_id_is(const struct el *child)
{
	return el_is(child, "occupant-id", NS_OCCUPANT_ID);
}

void occupant_id_write(struct sbuf *out, const char *id)
{
	sbuf_printf(out, "<occupant-id xmlns=\"" NS_OCCUPANT_ID "\" id=\"%s\"/>", id);
}

void occupant_id_add(struct el *parent, const char *id)
{
	el_set(el_add(parent, "occupant-id", NS_OCCUPANT_ID), "id", id);
}

void occupant_id_sign(struct el *msg, const char *id)
{
	struct sbuf all = SBUF_INIT;
	const char *raw;
	size_t len;

	el_freeze(msg);
	raw = el_raw(msg, &len);
	sbuf_add(&all, raw, len);
	occupant_id_write(&all, id);
	el_set_raw(
	    msg, arena_strndup(el_arena(msg), sbuf_data(&all), sbuf_len(&all)), sbuf_len(&all));
	sbuf_done(&all);
}
