/* SPDX-License-Identifier: MIT */
/* The archive behind the fake router of comp_fixture.h. */
#ifndef ARCHIVE_FIXTURE_H
#define ARCHIVE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "comp_fixture.h"
#include "mam_fixture.h"
#include "routes.h"
#include "store.h"

#define ALICE "alice@test"
#define BOB "bob@test"
#define FAR "carol@far.test"
#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

#define GRANTS                                                                                   \
	"<message from='test' to='" DOM "'><privilege xmlns='urn:xmpp:privilege:2'><perm access" \
	"='message' type='outgoing'/></privilege></message>"

static struct archive a;
static struct archive_conf conf;

static int on_load(struct comp *c, void *arg)
{
	(void)arg;
	if (!a.c) {
		archive_init(&a, c);
		archive_announce(&a);
		comp_routes(c, archive_routes, ARCHIVE_ROUTES, &a);
	}
	return archive_load(&a);
}

static void on_forget(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	archive_forget(&a);
}

static void on_committed(struct comp *c, void *arg)
{
	(void)c;
	(void)arg;
	archive_committed(&a);
}

static void messages_done(void)
{
	archive_done(&a);
	a = (struct archive){ 0 };
}

static int archive_setup(void **state)
{
	static const struct comp_ops ops = {
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.load = on_load,
		.forget = on_forget,
		.committed = on_committed,
	};
	struct fix *f;

	conf = (struct archive_conf){ 0 };
	f = fix_whole(&ops, &conf.comp, messages_done, "<fanout xmlns='" NS_FANOUT "'/>");
	fix_post(f, GRANTS);
	fix_spin(f);
	fix_clear(f);
	*state = f;
	return 0;
}

#define ARCHIVE_TEST(name) cmocka_unit_test_setup_teardown(name, archive_setup, fix_teardown)

/* The n-th id of a time; valid until the eighth call after it. */
static inline const char *id_at(int64_t ms, unsigned n)
{
	static char ids[8][UID_TEXT + 1];
	static unsigned at;
	char *s = ids[at++ % 8];

	(void)snprintf(s, UID_TEXT + 1, "%08x-%04x-7%03x-8000-%012x", (unsigned)(ms >> 16),
	    (unsigned)(ms & 0xffff), n >> 8 & 0xfff, n & 0xff);
	return s;
}

/* <for/> */
static inline const char *owner_of(const char *jid, const char *id, const char *more)
{
	static char texts[4][256];
	static unsigned at;
	char *s = texts[at++ % 4];

	(void)snprintf(s, sizeof(texts[0]), "<for jid='%s' id='%s' %s/>", jid, id, more);
	return s;
}
#define KEEP "keep='true'"

/* The server tells of a message: how to keep it, what it is. */
static inline void tap_quietly(struct fix *f, const char *fors, const char *message)
{
	struct sbuf b = SBUF_INIT;

	sbuf_printf(&b,
	    "<message from='test' to='" DOM "' id='tap-1'><tapped xmlns='" NS_TAP
	    "' stamp='2026-01-01T00:00:00.000Z'>%s<forwarded xmlns='" NS_FORWARD "'>%s</forwarded>"
	    "</tapped></message>",
	    fors, message);
	fix_put(f, sbuf_str(&b));
	sbuf_done(&b);
}

static inline const char *said(const char *from, const char *to, const char *id, const char *text)
{
	static char s[2048];

	(void)snprintf(s, sizeof(s),
	    "<message xmlns='jabber:client' from='%s' to='%s' type='chat' id='%s'><body>%s</body>"
	    "</message>",
	    from, to, id, text);
	return s;
}

static inline void tap(struct fix *f, const char *fors, const char *message)
{
	tap_quietly(f, fors, message);
	fix_spin(f);
}

/* Alice and Bob, of whom the first has said so; at T0 + n seconds, with the ids n and n + 100. */
static inline void talk(struct fix *f, unsigned n, const char *text)
{
	struct sbuf fors = SBUF_INIT;
	char id[16];

	(void)snprintf(id, sizeof(id), "m%u", n);
	sbuf_puts(&fors, owner_of(ALICE, id_at(T0 + n * 1000, 1), KEEP));
	sbuf_puts(&fors, owner_of(BOB, id_at(T0 + n * 1000, 2), KEEP));
	tap(f, sbuf_str(&fors), said(ALICE "/a", BOB, id, text));
	sbuf_done(&fors);
}

/* What somebody asks an account, as the server hands it over. */
static inline void ask_quietly(struct fix *f, const char *from, const char *to, const char *type,
    const char *id, const char *payload)
{
	struct sbuf b = SBUF_INIT;

	sbuf_printf(&b,
	    "<iq type='set' id='d%s' from='test' to='" DOM "'><delegation xmlns='" NS_DELEGATION
	    "'><forwarded xmlns='" NS_FORWARD "'><iq xmlns='jabber:client' type='%s' id='%s'"
	    " from='%s' to='%s'>%s</iq></forwarded></delegation></iq>",
	    id, type, id, from, to, payload);
	fix_put(f, sbuf_str(&b));
	sbuf_done(&b);
}

static inline void ask(struct fix *f, const char *from, const char *type, const char *payload)
{
	char account[64];

	(void)snprintf(account, sizeof(account), "%.*s", (int)strcspn(from, "/"), from);
	fix_clear(f);
	ask_quietly(f, from, account, type, "q1", payload);
	fix_spin(f);
}

/* What came last is where it belongs. */
static inline void file(struct fix *f)
{
	fix_advance(f, 1100);
	fix_spin(f);
}

#endif
