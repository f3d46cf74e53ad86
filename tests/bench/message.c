/* SPDX-License-Identifier: MIT */
/* What messages look like: an OMEMO message (eu.siacs.conversations.axolotl) for two devices, with
 * its hint (XEP-0380) and fallback body.  Everything behind the opening tag is the same in all of
 * them and is made once.
 *
 * The id says when the message was due and who sent it: "t", 16 and 8 hex digits. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "opts.h"
#include "traffic.h"

#define KEY_LEN 180

static char *tail;
static size_t tail_len;

/* n characters that look random, the same in each run. */
static char *filler(size_t n, uint32_t seed)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = xmalloc(n + 1);

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		text[i] = digits[seed >> 26];
	}
	text[n] = '\0';
	return text;
}

static char *encrypted(const char *key, const char *payload)
{
	return xasprintf("<encrypted xmlns='eu.siacs.conversations.axolotl'>"
			 "<header sid='1406538451'><key rid='598233861'>%s</key>"
			 "<key prekey='true' rid='1129837645'>%s</key><iv>%.16s</iv></header>"
			 "<payload>%s</payload></encrypted>"
			 "<encryption xmlns='urn:xmpp:eme:0' name='OMEMO' "
			 "namespace='eu.siacs.conversations.axolotl'/>"
			 "<body>I sent you an OMEMO encrypted message but your client doesn't seem "
			 "to support that.</body><store xmlns='urn:xmpp:hints'/></message>",
	    key, key, key, payload);
}

static void make_tail(void)
{
	char *payload = filler((size_t)opt.bytes, 12345), *key = filler(KEY_LEN, 54321);

	tail = opt.plain_body ? xasprintf("<body>%s</body></message>", payload)
	                      : encrypted(key, payload);
	tail_len = strlen(tail);
	free(payload);
	free(key);
}

void message_done(void)
{
	free(tail);
	tail = NULL;
}

const char *message_id(char id[static MESSAGE_ID_LEN + 1], const struct conn *c, uint64_t due)
{
	(void)snprintf(id, MESSAGE_ID_LEN + 1, "t%016" PRIx64 "%08x", due, (unsigned)c->index);
	return id;
}

void message_send(struct conn *c, const char *to, const char *type, uint64_t due)
{
	char id[MESSAGE_ID_LEN + 1];

	if (!tail)
		make_tail();
	conn_printf(c, "<message to='%s' id='%s' type='%s'>", to, message_id(id, c, due), type);
	conn_write(c, tail, tail_len);
	conn_push(c);
}

bool message_read(const char *s, size_t n, uint64_t *due, unsigned *sender)
{
	char text[MESSAGE_ID_LEN + 1];
	size_t len;
	const char *id = xml_attr(s, n, "id", &len);

	if (!id || len != MESSAGE_ID_LEN || *id != 't')
		return false;
	memcpy(text, id, len);
	text[len] = '\0';
	*sender = (unsigned)strtoul(text + 17, NULL, 16);
	text[17] = '\0';
	*due = strtoull(text + 1, NULL, 16);
	return true;
}
