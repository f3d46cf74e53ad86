/* SPDX-License-Identifier: MIT */
/* SASL's frame: any elements in any order.  Whatever they say, nobody is let in without the
 * password or a token, which only a corpus file could know; and no pause is left without an answer.
 *
 * A line is an element: its first byte chooses which, its second whether the rest is the text as it
 * stands ('=') or is put in base64 first.  Keys come from here, not from a database. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <base/digest.h>
#include <base/io.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/mem.h>

#include "auth/auth_local.h"
#include "auth/sasl.h"
#include "auth/tokens.h"
#include "conf.h"
#include "router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_LEN 8192

static struct router_conf conf;
static struct router router = { .conf = &conf };
static struct io *io;
static bool waits;

/* --- what stands for auth_local.c ------------------------------------------------------------- */

int auth_local_open(struct auth_local **out, struct router *r)
{
	(void)r;
	*out = NULL;
	return 0;
}

void auth_local_close(struct auth_local *al)
{
	(void)al;
}

int auth_local_keys(
    struct auth_local *al, const struct jid *bare, enum digest_alg alg, struct scram_keys *out)
{
	static const uint8_t secret[32] = { 1 };

	(void)al;
	assert(bare->dom && jid_is_bare(bare));
	scram_fake(out, alg, bare->s, secret, 1);
	return bare->len > 40 ? -EBUSY : 0;
}

int auth_local_admit(struct auth_local *al, const struct jid *bare)
{
	(void)al;
	(void)bare;
	abort(); /* somebody has got in */
}

/* --- what stands for tokens.c ----------------------------------------------------------------- */

struct tokens *tokens_open(struct router *r)
{
	(void)r;
	return NULL;
}

void tokens_reload(struct tokens *ts)
{
	(void)ts;
}

void tokens_close(struct tokens *ts)
{
	(void)ts;
}

bool tokens_on(const struct tokens *ts)
{
	return !ts;
}

int tokens_find(struct tokens *ts, const struct token_owner *o, const char *mech,
    struct token out[TOKEN_PLACES])
{
	(void)ts;
	assert(strchr(o->account, '@') && !strncmp(mech, "HT-", 3));
	memset(out, 0, TOKEN_PLACES * sizeof(*out));
	for (int i = 0; i < TOKEN_PLACES; i++) {
		out[i].there = true;
		out[i].expires_ms = INT64_MAX;
		memset(out[i].text, 'a' + i, TOKEN_TEXT);
	}
	return strlen(o->account) > 40 ? -EBUSY : 0;
}

bool tokens_due(const struct tokens *ts, const struct token *t)
{
	(void)ts;
	(void)t;
	abort();
}

void tokens_use(
    struct db_batch *b, const struct token_owner *o, const struct token *t, int64_t count)
{
	(void)b;
	(void)o;
	(void)t;
	(void)count;
	abort();
}

void tokens_drop(
    struct db_batch *b, const struct token_owner *o, const struct token *t, int64_t count)
{
	tokens_use(b, o, t, count);
}

void tokens_issue(struct tokens *ts, struct db_batch *b, const struct token_owner *o,
    const char *mech, const uint8_t *salt, struct token *out)
{
	(void)ts;
	(void)b;
	(void)o;
	(void)mech;
	(void)salt;
	(void)out;
	abort();
}

void tokens_revoke(struct db_batch *b, const char *account)
{
	(void)b;
	(void)account;
	abort();
}

/* --- the target ------------------------------------------------------------------------------- */

static void io_event(struct io *i, enum io_ev ev, void *arg)
{
	(void)i;
	(void)ev;
	(void)arg;
}

static void setup(void)
{
	int fd[2], r;

	log_set_level(LOG_LVL_ERROR);
	router.loop = loop_new();
	r = sasl_server_open(&router.sasl, &router);
	assert(r == 0);
	r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd);
	assert(r == 0);
	io = io_new(router.loop, fd[0], io_event, NULL);
}

static void later(enum sasl_status status, struct el *reply, void *arg)
{
	enum sasl_status *last = arg;

	assert(waits && reply);
	waits = false;
	*last = status;
	el_free(reply);
}

/* The text as it stands, or the bytes in base64. */
static void put_data(struct el *el, const char *line, size_t n)
{
	char b64[BASE64_LEN(LINE_LEN) + 1];

	if (n < 2)
		return;
	if (line[1] == '=') {
		el_text_n(el, line + 2, n - 2);
	} else {
		base64_encode(line + 2, n - 2, b64);
		el_text(el, b64);
	}
}

/* A token is shown (XEP-0484). */
static struct el *authenticate(const char *line, size_t n)
{
	struct el *el = el_new("authenticate", NS_SASL2);

	el_set(el, "mechanism", "HT-SHA-256-NONE");
	el_set(el_add(el, "user-agent", NULL), "id", "x");
	el_set(el_add(el, "fast", NS_FAST), "count", "1");
	put_data(el_add(el, "initial-response", NULL), line, n);
	return el;
}

static struct el *element(const char *line, size_t n)
{
	static const char *const names[] = { "auth", "auth", "auth", "response", "abort", "other",
		"authenticate", "response" };
	static const char *const mechs[] = { "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", NULL, NULL,
		"SCRAM-SHA-1-PLUS", NULL, NULL };
	unsigned kind = (uint8_t)line[0] % 8;
	struct el *el;

	if (kind == 6)
		return authenticate(line, n);
	el = el_new(names[kind], kind == 7 ? NS_SASL2 : NS_SASL);
	el_set(el, "mechanism", mechs[kind]);
	put_data(el, line, n);
	return el;
}

/* false: the connection ends. */
static bool line_in(struct sasl *sa, const char *line, size_t n)
{
	EL_AUTO struct el *el = element(line, n);
	struct el *reply = NULL;
	enum sasl_status last = SASL_SENT;

	last = sasl_element(sa, el, &reply, later, &last);
	waits = last == SASL_SENT && !reply;
	el_free(reply);
	for (int i = 0; waits && i < 4; i++)
		(void)loop_turn(router.loop, false);
	assert(!waits && last != SASL_SUCCESS);
	return last != SASL_DROP;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;
	struct sasl *sa;
	bool goes_on = true;

	if (!router.loop)
		setup();
	sa = sasl_new(router.sasl, io, "example.org");
	while (goes_on && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		if (n > 0 && n <= LINE_LEN)
			goes_on = line_in(sa, p, n);
		p += n + 1;
	}
	sasl_free(sa);
	(void)loop_turn(router.loop, false);
	return 0;
}
