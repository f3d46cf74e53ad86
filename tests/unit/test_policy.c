/* SPDX-License-Identifier: MIT */
/* The policy as a table: what a message carries, and kinds x types x modes x exemptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/policy.h"
#include "xml_fixture.h"

#define B64 "aGVsbG8gd29ybGQsIHRoaXMgaXMgbm90IHNlY3JldA=="
#define AXO "xmlns='eu.siacs.conversations.axolotl'"
#define BODY "<body>hello</body>"

static struct el *parse(const char *children)
{
	struct sbuf b = SBUF_INIT;
	struct el *el;

	sbuf_printf(&b, "<message>%s</message>", children);
	el = xml_str(NS_CLIENT, sbuf_str(&b));
	sbuf_done(&b);
	return el;
}

struct content_case {
	const char *xml;
	enum policy_kind want;
};

static const struct content_case contents[] = {
	/* nothing that a person would read */
	{ "", POLICY_NO_CONTENT },
	{ "<subject>s</subject>", POLICY_NO_CONTENT },
	{ "<received xmlns='urn:xmpp:receipts' id='1'/>", POLICY_NO_CONTENT },
	{ "<composing xmlns='http://jabber.org/protocol/chatstates'/>", POLICY_NO_CONTENT },
	{ "<body xmlns='urn:example:other'>x</body>", POLICY_NO_CONTENT },
	/* in the clear */
	{ BODY, POLICY_PLAIN },
	{ "<body/>", POLICY_PLAIN },
	{ "<html xmlns='http://jabber.org/protocol/xhtml-im'><body "
	  "xmlns='http://www.w3.org/1999/xhtml'>x</body></html>",
	    POLICY_PLAIN },
	{ "<x xmlns='jabber:x:oob'><url>https://example.org/</url></x>", POLICY_PLAIN },
	{ "<file-sharing xmlns='urn:xmpp:sfs:0'/>", POLICY_PLAIN },
	{ "<reference xmlns='urn:xmpp:reference:0'><media-sharing "
	  "xmlns='urn:xmpp:sims:1'/></reference>",
	    POLICY_PLAIN },
	/* an announcement is no proof */
	{ BODY "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>", POLICY_PLAIN },
	/* OMEMO, three formats */
	{ "<encrypted " AXO "><header sid='1'><key rid='2'>" B64 "</key><iv>" B64
	  "</iv></header><payload>" B64 "</payload></encrypted>" BODY,
	    POLICY_ENCRYPTED },
	{ "<encrypted " AXO "><header sid='1'><key rid='2'>" B64 "</key></header></encrypted>",
	    POLICY_ENCRYPTED },
	{ "<encrypted xmlns='urn:xmpp:omemo:1'><payload>" B64 "</payload></encrypted>",
	    POLICY_ENCRYPTED },
	{ "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='a@b'><key rid='2'>" B64
	  "</key></keys></header></encrypted>",
	    POLICY_ENCRYPTED },
	{ BODY "<encrypted " AXO "/>", POLICY_PLAIN },
	{ BODY "<encrypted " AXO "><payload/></encrypted>", POLICY_PLAIN },
	{ BODY "<encrypted " AXO "><header sid='1'/></encrypted>", POLICY_PLAIN },
	{ BODY "<encrypted xmlns='urn:example:mine'><payload>" B64 "</payload></encrypted>",
	    POLICY_PLAIN },
	/* OpenPGP, both */
	{ BODY "<openpgp xmlns='urn:xmpp:openpgp:0'>" B64 "</openpgp>", POLICY_ENCRYPTED },
	{ BODY "<x xmlns='jabber:x:encrypted'>" B64 "\n=njUN\n</x>", POLICY_ENCRYPTED },
	{ BODY "<openpgp xmlns='urn:xmpp:openpgp:0'/>", POLICY_PLAIN },
	{ BODY "<x xmlns='jabber:x:encrypted'>this is not base64, is it?</x>", POLICY_PLAIN },
	{ BODY "<x xmlns='jabber:x:encrypted'>short</x>", POLICY_PLAIN },
	/* OTR */
	{ "<body>?OTR:AAMDJ" B64 ".</body>", POLICY_ENCRYPTED },
	{ "<body>?OTR,1,3,?OTR:AAMC,</body>", POLICY_ENCRYPTED },
	{ "<body>?OTR|5a73a599|27e31597,00001,00003,?OTR:AAMD,</body>", POLICY_ENCRYPTED },
	{ "<body>?OTR?</body>", POLICY_ENCRYPTED },
	{ "<body>?OTRv2?</body>", POLICY_ENCRYPTED },
	{ "<body>?OTRv23?\nalice has asked for a private conversation</body>", POLICY_ENCRYPTED },
	{ "<body>?OTR?v2? a private conversation is asked for</body>", POLICY_ENCRYPTED },
	{ "<body>?OTR</body>", POLICY_PLAIN },
	{ "<body>?OTRv</body>", POLICY_PLAIN },
	{ "<body>?OTR is great</body>", POLICY_PLAIN },
	{ "<body>?OTR?!</body>", POLICY_PLAIN },
	{ "<body> ?OTR:AAMD.</body>", POLICY_PLAIN },
	{ "<body>hello ?OTR:AAMD.</body>", POLICY_PLAIN },
	/* clear text beside a body in OTR, in any order */
	{ "<body>?OTR:AAMD.</body><body xml:lang='de'>hallo</body>", POLICY_PLAIN },
	{ "<body xml:lang='de'>hallo</body><body>?OTR:AAMD.</body>", POLICY_PLAIN },
	{ "<body>?OTR:AAMD.</body><x xmlns='jabber:x:oob'><url>u</url></x>", POLICY_PLAIN },
};

static void content(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		EL_AUTO struct el *m = parse(contents[i].xml);

		if (policy_classify(m) != contents[i].want)
			fail_msg("%s: %d, not %d", contents[i].xml, policy_classify(m),
			    contents[i].want);
	}
}

static void long_otr_explanation(void **state)
{
	char xml[1200] = "<body>?OTRv23?";
	size_t n = strlen(xml);

	(void)state;
	memset(xml + n, 'x', 512);
	strcpy(xml + n + 512, "</body>");
	EL_AUTO struct el *ok = parse(xml);
	assert_int_equal(policy_classify(ok), POLICY_ENCRYPTED);
	strcpy(xml + n + 512, "x</body>");
	EL_AUTO struct el *plain = parse(xml);
	assert_int_equal(policy_classify(plain), POLICY_PLAIN);
}

enum { NOBODY, HOST, EXEMPT, JOINED, N_WHO };

/* What the words of the policy say, spelled out once more and differently. */
static enum policy_verdict expected(
    enum policy_kind kind, bool invitation, enum stanza_type type, enum e2e_mode mode, int who)
{
	if (type == ST_MSG_ERROR || kind != POLICY_PLAIN || invitation)
		return POLICY_PASS;
	if (who == HOST || who == EXEMPT || (who == JOINED && type == ST_MSG_GROUPCHAT))
		return POLICY_PASS;
	switch (mode) {
	case E2E_REQUIRED:
		return POLICY_REFUSE;
	case E2E_OPTIONAL:
		return POLICY_TELL;
	default:
		return POLICY_PASS;
	}
}

static const struct {
	const char *xml;
	enum policy_kind kind;
	bool invitation;
} messages[] = {
	{ "", POLICY_NO_CONTENT, false },
	{ "<subject>s</subject>", POLICY_NO_CONTENT, false },
	{ BODY, POLICY_PLAIN, false },
	{ "<body>?OTR:AAMD.</body>", POLICY_ENCRYPTED, false },
	{ BODY "<encrypted " AXO "><payload>" B64 "</payload></encrypted>", POLICY_ENCRYPTED,
	    false },
	{ BODY "<x xmlns='jabber:x:conference' jid='room@conference.example'/>", POLICY_PLAIN,
	    true },
	{ BODY "<x xmlns='jabber:x:conference'/>", POLICY_PLAIN, false },
	{ BODY "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b'/></x>",
	    POLICY_PLAIN, true },
	{ BODY "<x xmlns='http://jabber.org/protocol/muc#user'/>", POLICY_PLAIN, false },
};

static void verdicts(void **state)
{
	static const enum stanza_type types[] = { ST_MSG_NORMAL, ST_MSG_CHAT, ST_MSG_GROUPCHAT,
		ST_MSG_HEADLINE, ST_MSG_ERROR };
	unsigned n = 0;

	(void)state;
	for (size_t m = 0; m < sizeof(messages) / sizeof(messages[0]); m++) {
		EL_AUTO struct el *el = parse(messages[m].xml);

		for (unsigned v = 0; v < 5 * 3 * 3 * N_WHO; v++) {
			enum stanza_type type = types[v % 5];
			struct policy_in in = {
				.message = el,
				.type = type,
				.chat = (enum e2e_mode)(v / 5 % 3),
				.muc = (enum e2e_mode)(v / 15 % 3),
			};
			int who = (int)(v / 45);
			enum e2e_mode mode = type == ST_MSG_GROUPCHAT ? in.muc : in.chat;

			in.from_host = who == HOST;
			in.exempt = who == EXEMPT;
			in.gc_joined = who == JOINED;
			if (policy_e2e(&in) !=
			    expected(messages[m].kind, messages[m].invitation, type, mode, who))
				fail_msg("message %zu, case %u", m, v);
			n++;
		}
	}
	assert_int_equal(n, 9 * 180);
}

static void whitelist(void **state)
{
	char *entries[] = { (char *)(uintptr_t) "bob@example.org",
		(char *)(uintptr_t) "gw.example.org" };
	struct router_conf c = { .e2e.whitelist = { entries, 2 } };
	struct policy *p = policy_new(&c, NULL);
	static const struct {
		const char *jid;
		bool in;
	} cases[] = { { "bob@example.org", true }, { "bob@example.org/x", true },
		{ "bobby@example.org", false }, { "example.org", false },
		{ "alice@example.org", false }, { "a@gw.example.org/r", true },
		{ "gw.example.org", true }, { "x.gw.example.org", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jid j = jid_view(cases[i].jid);

		assert_int_equal(policy_whitelisted(p, &j), cases[i].in);
	}
	c.e2e.whitelist.n = 0;
	p = policy_new(&c, p);
	struct jid bob = jid_view("bob@example.org");
	assert_false(policy_whitelisted(p, &bob));
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content),
		cmocka_unit_test(long_otr_explanation),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(whitelist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
