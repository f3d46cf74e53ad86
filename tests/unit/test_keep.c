/* SPDX-License-Identifier: MIT */
/* Which messages are worth keeping: by type, content and hints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/stanza.h"
#include "im/keep.h"
#include "xml_fixture.h"

#define HINT(name) "<" name " xmlns='urn:xmpp:hints'/>"
#define BODY "<body>hi</body>"
#define STATE "<active xmlns='http://jabber.org/protocol/chatstates'/>"

static enum keep judge(const char *type, const char *payload)
{
	char xml[1024];
	struct stanza *st;
	enum keep k;

	(void)snprintf(xml, sizeof(xml), "<message%s>%s</message>", type, payload);
	assert_int_equal(stanza_new(&st, xml_str(NS_CLIENT, xml)), 0);
	k = keep_judge(st);
	stanza_release(st);
	return k;
}

static void by_type(void **state)
{
	(void)state;
	assert_int_equal(judge("", BODY), KEEP_ALWAYS);
	assert_int_equal(judge(" type='normal'", BODY), KEEP_ALWAYS);
	assert_int_equal(judge(" type='chat'", BODY), KEEP_ALWAYS);
	assert_int_equal(judge(" type='nonsense'", BODY), KEEP_ALWAYS); /* a normal one */
	assert_int_equal(judge(" type='headline'", BODY HINT("store")), KEEP_NOT);
	assert_int_equal(judge(" type='groupchat'", BODY HINT("store")), KEEP_NOT);
	assert_int_equal(judge(" type='error'", BODY HINT("store")), KEEP_NOT);
}

static void by_content(void **state)
{
	static const char *const talk[] = {
		BODY,
		"<subject/>",
		"<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
		"<encrypted xmlns='urn:xmpp:omemo:2'/>",
		"<openpgp xmlns='urn:xmpp:openpgp:0'/>",
		"<x xmlns='jabber:x:encrypted'/>",
		"<received xmlns='urn:xmpp:receipts' id='1'/>",
		"<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
		"<reactions xmlns='urn:xmpp:reactions:0' id='1'/>",
		"<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
		"<proceed xmlns='urn:xmpp:jingle-message:0' id='1'/>",
		"<x xmlns='jabber:x:conference' jid='a@b'/>",
		"<x xmlns='http://jabber.org/protocol/muc#user'><invite/></x>",
		"<x xmlns='http://jabber.org/protocol/muc#user'><decline/></x>",
		STATE BODY,
	};
	static const char *const noise[] = {
		"",
		STATE,
		"<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>",
		"<event xmlns='http://jabber.org/protocol/pubsub#event'/>",
		"<body xmlns='urn:example:x'>hi</body>",
		"<thread>1</thread>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(talk) / sizeof(*talk); i++)
		assert_int_equal(judge(" type='chat'", talk[i]), KEEP_ALWAYS);
	for (size_t i = 0; i < sizeof(noise) / sizeof(*noise); i++)
		assert_int_equal(judge(" type='chat'", noise[i]), KEEP_NOT);
}

static void by_hint(void **state)
{
	(void)state;
	assert_int_equal(judge("", STATE HINT("store")), KEEP_ALWAYS);
	assert_int_equal(judge("", BODY HINT("no-store")), KEEP_NOT);
	assert_int_equal(judge("", HINT("no-store") BODY HINT("store")), KEEP_NOT);
	assert_int_equal(judge("", BODY HINT("no-permanent-store")), KEEP_OFFLINE);
	assert_int_equal(judge("", HINT("no-permanent-store") BODY HINT("no-store")), KEEP_NOT);
	assert_int_equal(judge("", BODY HINT("no-copy")), KEEP_ALWAYS);
	assert_int_equal(judge("", BODY HINT("no-permanent-storage")), KEEP_OFFLINE);
	assert_int_equal(judge("", BODY HINT("no-storage")), KEEP_NOT);
	assert_int_equal(judge("", BODY "<no-store xmlns='urn:example:x'/>"), KEEP_ALWAYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_type),
		cmocka_unit_test(by_content),
		cmocka_unit_test(by_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
