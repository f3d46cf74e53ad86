/* SPDX-License-Identifier: MIT */
/* Entity capabilities: one identity, a few features, and the hash that a server compares with
 * them (XEP-0115 5.1). */
#include <stdio.h>
#include <string.h>

#include <base/digest.h>
#include <base/sbuf.h>

#include "caps.h"
#include "conn.h"
#include "scan.h"

#define PROTOCOL "http://jabber.org/protocol/"
#define DISCO PROTOCOL "disco#info"

const struct caps_node caps_nodes[CAPS_NODES] = {
	{ PROTOCOL "activity",
	    "<activity xmlns='" PROTOCOL "activity'><relaxing><reading/></relaxing>"
	    "<text>The hitchhiker's guide</text></activity>" },
	{ PROTOCOL "mood",
	    "<mood xmlns='" PROTOCOL "mood'><happy/><text>It is Friday</text></mood>" },
	{ PROTOCOL "tune", "<tune xmlns='" PROTOCOL "tune'><artist>Yes</artist><length>686</length>"
			   "<title>Heart of the Sunrise</title></tune>" },
};

/* In the order of their octets, as they are hashed. */
static const char *const features[] = {
	PROTOCOL "activity+notify",
	PROTOCOL "caps",
	DISCO,
	PROTOCOL "mood+notify",
	PROTOCOL "tune+notify",
	"urn:xmpp:ping",
};
#define N_FEATURES (sizeof(features) / sizeof(features[0]))

static void add_hash(char out[static BASE64_LEN(DIGEST_MAX) + 1])
{
	struct sbuf text = { 0 };
	uint8_t hash[DIGEST_MAX];

	sbuf_puts(&text, "client/pc//xmppload<");
	for (size_t i = 0; i < N_FEATURES; i++)
		sbuf_printf(&text, "%s<", features[i]);
	digest(DIGEST_SHA1, sbuf_data(&text), sbuf_len(&text), hash);
	base64_encode(hash, digest_len(DIGEST_SHA1), out);
	sbuf_done(&text);
}

const char *caps_greeting(void)
{
	static char text[512];
	char ver[BASE64_LEN(DIGEST_MAX) + 1];

	add_hash(ver);
	(void)snprintf(text, sizeof(text),
	    "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"
	    "<presence><c xmlns='" PROTOCOL "caps' hash='sha-1' node='urn:switchyard:xmppload' "
	    "ver='%s'/></presence>",
	    ver);
	return text;
}

/* The same answer for each node that is asked for: there is one. */
static void send_info(struct conn *c, const char *s, size_t n, const char *query)
{
	size_t from_len, id_len, node_len;
	const char *from = xml_attr(s, n, "from", &from_len), *id = xml_attr(s, n, "id", &id_len);
	const char *node = xml_attr(query, n - (size_t)(query - s), "node", &node_len);

	conn_puts(c, "<iq type='result'");
	if (from)
		conn_printf(c, " to='%.*s'", (int)from_len, from);
	if (id)
		conn_printf(c, " id='%.*s'", (int)id_len, id);
	conn_puts(c, "><query xmlns='" DISCO "'");
	if (node)
		conn_printf(c, " node='%.*s'", (int)node_len, node);
	conn_puts(c, "><identity category='client' type='pc' name='xmppload'/>");
	for (size_t i = 0; i < N_FEATURES; i++)
		conn_printf(c, "<feature var='%s'/>", features[i]);
	conn_puts(c, "</query></iq>");
}

bool caps_answer(struct conn *c, const char *s, size_t n)
{
	const char *query;

	if (s[1] != 'i' || !xml_attr_is(s, n, "type", "get") || !xml_has(s, n, DISCO))
		return false;
	query = memmem(s, n, "<query", 6);
	if (!query)
		return false;
	send_info(c, s, n, query);
	return true;
}
