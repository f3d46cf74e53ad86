/* SPDX-License-Identifier: MIT */
/* The stream parser and the writer: a stream of any bytes gives the same trees however it is sliced
 * and however often the parser is given back in between; and a tree written out, with or without
 * the bytes it came with, means the same on every kind of stream.
 *
 * The first byte chooses the stream's namespace and the slices, the rest is the stream. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/xml_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 4096 /* escaped, a tag of it still fits XML_TAG_MAX */

static const char *const streams[] = { NS_CLIENT, NS_COMPONENT, NS_SERVER };
#define N_STREAMS (sizeof(streams) / sizeof(streams[0]))

static const struct xml_limits small = { .stanza = 300, .depth = 6, .attrs = 4, .nodes = 5 };

/* The transcript in slices whose lengths follow from seed. */
static char *sliced(
    const char *content_ns, const struct xml_limits *lim, const char *p, size_t n, uint32_t seed)
{
	struct xml *x = xml_new(content_ns, lim);
	struct sbuf out = SBUF_INIT;
	size_t len;
	char *s;

	for (size_t i = 0; i < n; i += len) {
		seed = seed * 1664525 + 1013904223;
		len = seed ? 1 + (seed >> 16) % 40 : 1;
		len = len < n - i ? len : n - i;
		s = xml_transcript(x, p + i, len, len);
		sbuf_puts(&out, s);
		free(s);
		if (seed & 0x1000)
			assert(xml_idle(x) != xml_partial(x));
	}
	xml_free(x);
	return sbuf_steal(&out);
}

static void check_slices(
    const char *content_ns, const struct xml_limits *lim, const char *p, size_t n, uint32_t seed)
{
	struct xml *x = xml_new(content_ns, lim);
	char *whole = xml_transcript(x, p, n, n), *parts = sliced(content_ns, lim, p, n, seed),
	     *bytes;

	assert(!strcmp(whole, parts));
	free(parts);
	xml_free(x);
	x = xml_new(content_ns, lim);
	bytes = xml_transcript(x, p, n, 1);
	assert(!strcmp(whole, bytes));
	free(bytes);
	free(whole);
	xml_free(x);
}

/* What the element sent into a stream of that kind comes out as. */
static char *round_trip(const struct el *el, const char *content_ns)
{
	char *sent = el_sent(el, content_ns), *out;
	struct el *back = xml_one(content_ns, "", sent, strlen(sent));

	assert(back);
	out = el_canon(back);
	el_free(back);
	free(sent);
	return out;
}

static void check_meaning(struct el *el)
{
	char *want, *got;

	/* A server's stanza on a client's stream is foreign there, and home elsewhere. */
	if (!strcmp(el_ns(el), NS_COMPONENT) || !strcmp(el_ns(el), NS_SERVER))
		return;
	want = el_canon(el);
	for (int raw = 1; raw >= 0; raw--) {
		for (size_t i = 0; i < N_STREAMS; i++) {
			got = round_trip(el, streams[i]);
			assert(!strcmp(want, got));
			free(got);
		}
		el_drop_raw(el);
	}
	free(want);
}

static void check_trees(const char *content_ns, const char *p, size_t n)
{
	struct xml *x = xml_new(content_ns, &no_limits);
	enum xml_ev ev;
	struct el *el;

	xml_feed(x, p, n);
	while ((ev = xml_pop(x, &el)) != XML_NONE) {
		if (ev != XML_EL)
			continue;
		check_meaning(el);
		el_free(el);
	}
	(void)xml_reset(x);
	xml_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *content_ns;
	struct sbuf b = SBUF_INIT;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	content_ns = streams[data[0] % N_STREAMS];
	if (data[0] & 0x80) /* behind a header, or all of it */
		head_put(&b, content_ns, "xmlns:h='urn:h' xmlns:c='jabber:client'");
	sbuf_add(&b, data + 1, size - 1);
	check_slices(content_ns, &no_limits, sbuf_data(&b), sbuf_len(&b), data[0]);
	check_slices(content_ns, &small, sbuf_data(&b), sbuf_len(&b), data[0] * 77U);
	check_trees(content_ns, sbuf_data(&b), sbuf_len(&b));
	sbuf_done(&b);
	return 0;
}
