/* SPDX-License-Identifier: MIT */
/* The way out of a stream: headers, elements, errors, serialised straight into the connection's
 * queue.  Nothing here changes the stream's state; after its end every call does nothing. */
#include <errno.h>
#include <string.h>

#include <base/rnd.h>

#include "stream_internal.h"

#define ID_LEN 24 /* characters of a stream id that we draw: 124 bits */

/* --- headers --------------------------------------------------------------------------------- */

static void put_header(struct stream *s, struct sbuf *out, const struct stream_header *h)
{
	const char *id = h->id;
	char fresh[ID_LEN + 1];

	if (s->accepts && !id) { /* RFC 6120 4.7.3: the receiving entity gives one */
		rnd_id(fresh, ID_LEN);
		id = fresh;
	}
	sbuf_puts(out, "<?xml version='1.0'?><stream:stream");
	el_write_attr(out, "xmlns", s->content_ns);
	el_write_attr(out, "xmlns:stream", NS_STREAM);
	el_write_attr(out, "from", h->from);
	el_write_attr(out, "to", h->to);
	el_write_attr(out, "id", id);
	el_write_attr(out, "version", h->version);
	el_write_attr(out, "xml:lang", h->lang);
	if (h->extra)
		sbuf_puts(out, h->extra);
	sbuf_putc(out, '>');
}

void stream_send_header(struct stream *s, const struct stream_header *h)
{
	if (!stream_can_send(s))
		return;
	put_header(s, io_out(s->io), h);
	io_wrote(s->io);
	s->header_sent = true;
}

void stream_set_header(struct stream *s, const struct stream_header *h)
{
	sbuf_clear(&s->hdr);
	put_header(s, &s->hdr, h);
}

void stream_put_default_header(struct stream *s)
{
	static const struct stream_header bare = { NULL, NULL, NULL, NULL, NULL, NULL };

	if (sbuf_len(&s->hdr) == 0)
		stream_set_header(s, &bare);
	stream_send_raw(s, sbuf_data(&s->hdr), sbuf_len(&s->hdr));
	s->header_sent = true;
}

bool stream_header_sent(const struct stream *s)
{
	return s->header_sent;
}

/* --- the end --------------------------------------------------------------------------------- */

void stream_put_error(struct stream *s, enum stream_err e, const char *text, const char *app)
{
	struct sbuf *out = io_out(s->io);

	sbuf_puts(out, "<stream:error><");
	sbuf_puts(out, stream_err_name(e));
	sbuf_puts(out, " xmlns=\"" NS_STREAMS "\"/>");
	if (text) {
		sbuf_puts(out, "<text xmlns=\"" NS_STREAMS "\" xml:lang=\"en\">");
		el_escape(out, text, strlen(text));
		sbuf_puts(out, "</text>");
	}
	if (app)
		sbuf_puts(out, app);
	sbuf_puts(out, "</stream:error>");
	io_wrote(s->io);
}

void stream_put_end_tag(struct stream *s)
{
	if (s->header_sent)
		stream_puts(s, "</stream:stream>");
}

/* --- elements -------------------------------------------------------------------------------- */

void stream_send(struct stream *s, const struct el *el)
{
	if (!stream_can_send(s))
		return;
	el_write(io_out(s->io), el, s->content_ns);
	io_wrote(s->io);
	s->sent++;
}

int stream_send_within(struct stream *s, const struct el *el, size_t max)
{
	struct sbuf *out;
	size_t before;
	int r = 0;

	if (!stream_can_send(s))
		return 0;
	out = io_out(s->io);
	before = sbuf_len(out);
	el_write(out, el, s->content_ns);
	if (sbuf_len(out) - before > max) {
		sbuf_truncate(out, before);
		r = -EMSGSIZE;
	}
	io_wrote(s->io);
	s->sent += r == 0;
	return r;
}

void stream_send_addr(struct stream *s, const struct el *el, const char *from, const char *to)
{
	if (!stream_can_send(s))
		return;
	el_write_addr(io_out(s->io), el, s->content_ns, from, to);
	io_wrote(s->io);
	s->sent++;
}

void stream_send_raw(struct stream *s, const char *p, size_t n)
{
	if (stream_can_send(s))
		io_write(s->io, p, n);
}

void stream_puts(struct stream *s, const char *xml)
{
	stream_send_raw(s, xml, strlen(xml));
}

bool stream_alive(const struct stream *s)
{
	return stream_can_send(s) && io_alive(s->io);
}

size_t stream_queued(const struct stream *s)
{
	return io_queued(s->io);
}

uint64_t stream_sent(const struct stream *s)
{
	return s->sent;
}
