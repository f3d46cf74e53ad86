/* SPDX-License-Identifier: MIT */
/* The fake router: accepts on a Unix socket, checks handshakes, keeps what it receives. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/digest.h>
#include <base/log.h>

#include "comp_fixture.h"

#define SECRET "s3cret"

static bool handshake_fits(const char *hex)
{
	static const char text[] = "id42" SECRET;
	uint8_t sum[DIGEST_MAX];
	char want[2 * DIGEST_MAX + 1];

	digest(DIGEST_SHA1, text, sizeof(text) - 1, sum);
	digest_hex(sum, digest_len(DIGEST_SHA1), want);
	return strcmp(hex, want) == 0;
}

static void on_head(struct fix *f, struct stream *s)
{
	struct stream_header hd = { .from = DOM, .id = "id42" };
	struct sbuf head = SBUF_INIT;

	el_write(&head, stream_head(s), NS_CLIENT);
	f->features_asked = strstr(sbuf_str(&head), ":features=\"1\"") &&
	                    strstr(sbuf_str(&head), "=\"" NS_LINK "\"");
	sbuf_done(&head);
	assert_string_equal(el_attr(stream_head(s), "to"), DOM);
	assert_null(el_attr(stream_head(s), "version"));
	if (f->mode == ROUTER_NO_ID) {
		stream_puts(
		    s, "<stream:stream xmlns='" NS_COMPONENT "' xmlns:stream='" NS_STREAM "'>");
		return;
	}
	if (f->mode == ROUTER_ACKS || f->mode == ROUTER_NO_FEATURES)
		hd.extra = " xmlns:sy='" NS_LINK "' sy:features='1'";
	stream_send_header(s, &hd);
	if (f->mode == ROUTER_CONFLICT)
		stream_error(s, STREAM_E_CONFLICT, NULL);
	else if (f->mode == ROUTER_UNKNOWN)
		stream_error(s, STREAM_E_HOST_UNKNOWN, NULL);
}

/* --- acknowledgements ------------------------------------------------------------------------- */

static void on_enable(struct fix *f, struct stream *s, const struct el *el)
{
	bool share = el_child(el, "share", NS_SHARE) && !f->shares_not;
	char text[256];

	if (f->refuses_enable) {
		stream_puts(s, "<failed xmlns='" NS_SM "'/>");
		return;
	}
	f->sessions++;
	f->in_h = 0;
	f->acked_h = 0;
	(void)snprintf(
	    text, sizeof(text), "<enabled xmlns='" NS_SM "' resume='true' id='sm%u'>", f->sessions);
	stream_puts(s, text);
	(void)snprintf(
	    text, sizeof(text), "<share xmlns='" NS_SHARE "' member='m%u'/>", f->sessions);
	stream_puts(s, share ? text : "");
	stream_puts(s, "</enabled>");
	f->in_session = true;
	for (size_t i = f->base; i < f->n_posts; i++)
		stream_puts(s, f->posts[i]);
}

static void on_resume(struct fix *f, struct stream *s, const struct el *el)
{
	char id[16], text[160];

	(void)snprintf(id, sizeof(id), "sm%u", f->sessions);
	assert_string_equal(el_attr(el, "previd"), id);
	f->resumed_h = (uint32_t)strtoul(el_attr(el, "h"), NULL, 10);
	assert_true(f->resumed_h >= f->acked_h); /* what was acknowledged is not kept */
	if (f->resume == FAILS || f->resume == FAILS_WITH_H) {
		(void)snprintf(text, sizeof(text), " h='%u'", f->in_h);
		stream_puts(s, "<failed xmlns='" NS_SM "'");
		stream_puts(s, f->resume == FAILS ? "" : text);
		stream_puts(s, "><item-not-found xmlns='" NS_STANZAS "'/></failed>");
		f->base = f->n_posts; /* and their senders have been told */
		return;
	}
	f->resumptions++;
	(void)snprintf(text, sizeof(text), "<resumed xmlns='" NS_SM "' previd='%s' h='%u'/>",
	    f->resume == RESUMES_OTHER ? "other" : id, f->in_h);
	stream_puts(s, text);
	f->in_session = true;
	for (size_t i = f->base + f->resumed_h; i < f->n_posts; i++)
		stream_puts(s, f->posts[i]);
}

static void on_sm(struct fix *f, struct stream *s, const struct el *el)
{
	char text[64];

	if (strcmp(el_name(el), "enable") == 0)
		on_enable(f, s, el);
	if (strcmp(el_name(el), "resume") == 0)
		on_resume(f, s, el);
	if (strcmp(el_name(el), "a") == 0) {
		f->acks++;
		f->acked_h = (uint32_t)strtoul(el_attr(el, "h"), NULL, 10);
	}
	if (strcmp(el_name(el), "r") == 0) {
		f->asks++;
		(void)snprintf(text, sizeof(text), "<a xmlns='" NS_SM "' h='%u'/>", f->in_h);
		if (!f->mute)
			stream_puts(s, text);
	}
}

void fix_post(struct fix *f, const char *xml)
{
	assert_true(f->n_posts < POSTS_MAX);
	f->posts[f->n_posts++] = strdup(xml);
	if (f->r && f->in_session)
		stream_puts(f->r, xml);
}

void fix_put(struct fix *f, const char *xml)
{
	if (f->n_posts < POSTS_MAX)
		fix_post(f, xml);
	else
		stream_puts(f->r, xml);
}

void fix_postf(struct fix *f, const char *fmt, ...)
{
	char buf[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	fix_post(f, buf);
}

static void on_el(struct fix *f, struct stream *s)
{
	const struct el *el = stream_el(s);

	if (strcmp(el_ns(el), NS_SM) == 0) {
		on_sm(f, s, el);
		return;
	}
	if (strcmp(el_name(el), "handshake") != 0) {
		el_write(&f->in, el, NS_CLIENT);
		sbuf_putc(&f->in, '\n');
		f->n_in++;
		f->in_h++;
		return;
	}
	if (f->mode == ROUTER_SILENT)
		return;
	if (!handshake_fits(el_body(el))) {
		stream_error(s, STREAM_E_NOT_AUTHORIZED, NULL);
		return;
	}
	if (f->mode == ROUTER_FEATURES)
		stream_puts(s, "<stream:features/>");
	stream_puts(s, "<handshake/>");
	if (f->mode == ROUTER_ACKS) {
		stream_puts(s, "<stream:features><sm xmlns='" NS_SM "'/>");
		stream_puts(s, f->offers ? f->offers : "");
		stream_puts(s, "</stream:features>");
	}
}

static void on_router(struct stream *s, enum stream_ev ev, void *arg)
{
	struct fix *f = arg;

	switch (ev) {
	case STREAM_HEAD:
		on_head(f, s);
		break;
	case STREAM_EL:
		on_el(f, s);
		break;
	case STREAM_CLOSED:
		f->received = stream_error_received(s);
		f->ended++;
		stream_free(s);
		if (f->r == s)
			f->r = NULL;
		break;
	case STREAM_CONNECTED:
	case STREAM_SECURE:
	case STREAM_DRAINED:
		break;
	}
}

static void on_accept(int fd, void *arg)
{
	static const struct stream_conf sc = {
		.content_ns = NS_COMPONENT,
		.accepts = true,
		.lim = { .stanza = 1 << 20, .depth = 64, .attrs = 64 },
	};
	struct fix *f = arg;

	f->accepted++;
	f->in_session = false;
	f->r = stream_accept(f->l, fd, &sc, on_router, f);
}

/* --- the component's side --------------------------------------------------------------------- */

static void on_online(struct comp *c, bool resumed, void *arg)
{
	(void)c;
	((struct fix *)arg)->onlines++;
	((struct fix *)arg)->resumed = resumed;
}

static void on_offline(struct comp *c, void *arg)
{
	(void)c;
	((struct fix *)arg)->offlines++;
}

static void on_stop(struct comp *c, void *arg)
{
	(void)c;
	((struct fix *)arg)->stops++;
}

static void keep_line(const char *line, void *arg)
{
	struct fix *f = arg;

	sbuf_puts(&f->log, line);
	sbuf_putc(&f->log, '\n');
}

struct fix *fix_bare(void)
{
	static char domain[] = DOM, secret[] = SECRET;
	struct fix *f = calloc(1, sizeof(*f));
	char err[256];

	f->l = loop_new();
	(void)snprintf(f->path, sizeof(f->path), "/tmp/switchyard-test-%d.sock", (int)getpid());
	assert_int_equal(
	    listen_unix(&f->ln, f->l, f->path, 0600, on_accept, f, err, sizeof(err)), 0);
	f->conf = (struct comp_conf){ .domain = domain,
		.router_host = f->path,
		.router_port = 1,
		.secret = secret,
		.max_stanza = 1 << 20 };
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/switchyard-test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->conf.daemon.data_dir = f->dir;
	f->ops = (struct comp_ops){
		.name = "echo", .online = on_online, .offline = on_offline, .stop = on_stop
	};
	log_capture(keep_line, f);
	return f;
}

void fix_make(struct fix *f)
{
	struct comp_conf *conf = &f->conf;
	char err[256];

	if (f->full) {
		*f->full = f->conf;
		conf = f->full;
	}
	if (comp_new(&f->c, &f->ops, f, f->l, NULL, conf, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

struct fix *fix_new(void)
{
	struct fix *f = fix_bare();

	fix_make(f);
	return f;
}

void fix_start(struct fix *f)
{
	if (f->routes)
		f->routes(f->c);
	assert_int_equal(comp_start(f->c), 0);
	fix_spin(f);
}

static void end(struct fix *f)
{
	comp_free(f->c);
	f->c = NULL;
	if (f->done)
		f->done();
}

void fix_kill(struct fix *f, bool lost)
{
	if (lost)
		db_fail_commits(f->c->ledger.db, UINT_MAX, -EIO);
	end(f);
	fix_spin(f);
}

void fix_revive(struct fix *f)
{
	fix_make(f);
	fix_start(f);
}

void fix_replace(struct fix *f)
{
	fix_kill(f, false);
	fix_revive(f);
}

void fix_cut(struct fix *f)
{
	stream_free(f->r);
	f->r = NULL;
	fix_spin(f);
}

static void on_stopped(struct comp *c)
{
	((struct fix *)c->arg)->stoppeds++;
}

void fix_stop(struct fix *f)
{
	comp_stop(f->c, on_stopped);
}

void fix_online(struct fix *f)
{
	fix_start(f);
	assert_true(comp_online(f->c));
	assert_int_equal(f->onlines, 1);
}

struct fix *fix_whole(
    const struct comp_ops *ops, struct comp_conf *full, void (*done)(void), const char *offers)
{
	struct fix *f = fix_bare();

	f->full = full;
	f->done = done;
	f->mode = ROUTER_ACKS;
	f->offers = offers;
	f->conf.share = full->share;
	f->ops.owned = ops->owned;
	f->ops.schema = ops->schema;
	f->ops.n_schema = ops->n_schema;
	f->ops.load = ops->load;
	f->ops.forget = ops->forget;
	f->ops.committed = ops->committed;
	f->ops.granted = ops->granted;
	fix_make(f);
	fix_online(f);
	return f;
}

static void remove_folder(const char *dir)
{
	DIR *d = opendir(dir);
	char name[400];
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", dir, e->d_name);
		assert_int_equal(unlink(name), 0);
	}
	closedir(d);
	assert_int_equal(rmdir(dir), 0);
}

void fix_free(struct fix *f)
{
	end(f);
	stream_free(f->r);
	listen_close(f->ln);
	(void)loop_turn(f->l, false);
	(void)loop_turn(f->l, false);
	loop_free(f->l);
	log_capture(NULL, NULL);
	sbuf_done(&f->in);
	sbuf_done(&f->log);
	for (size_t i = 0; i < f->n_posts; i++)
		free(f->posts[i]);
	remove_folder(f->dir);
	free(f);
}

int fix_teardown(void **state)
{
	fix_free(*state);
	return 0;
}

void fix_spin(struct fix *f)
{
	for (int quiet = 0; quiet < 4;) {
		bool writes = f->c && db_waiting(f->c->ledger.db) > 0;

		quiet = loop_turn(f->l, writes) || writes ? 0 : quiet + 1;
	}
}

void fix_advance(struct fix *f, uint64_t ms)
{
	loop_clock_advance(f->l, ms);
	fix_spin(f);
}

/* --- talking ---------------------------------------------------------------------------------- */

void fix_send(struct fix *f, const char *xml)
{
	assert_non_null(f->r);
	stream_puts(f->r, xml);
	fix_spin(f);
}

void fix_sendf(struct fix *f, const char *fmt, ...)
{
	char buf[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	fix_send(f, buf);
}

const char *fix_got(struct fix *f)
{
	return sbuf_str(&f->in);
}

unsigned fix_fill(struct fix *f)
{
	char text[100001];
	int r = 0, n = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (; r == 0 && n < 1000; n++) {
		struct el *m = el_message(NULL, ME);

		el_add_text(m, "body", NULL, text);
		r = comp_send(f->c, m);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_in_range(n, 335, 340);
	return (unsigned)n - 1;
}

void fix_clear(struct fix *f)
{
	sbuf_clear(&f->in);
	f->n_in = 0;
}

void fix_has(struct fix *f, const char *want)
{
	if (!strstr(fix_got(f), want))
		fail_msg("no %s in:\n%s", want, fix_got(f));
}

void fix_hasnt(struct fix *f, const char *not_wanted)
{
	if (strstr(fix_got(f), not_wanted))
		fail_msg("%s in:\n%s", not_wanted, fix_got(f));
}

/* The sanitizer's strstr() looks at all that follows, each time: these are megabytes. */
unsigned fix_count(struct fix *f, const char *what)
{
	const char *p = fix_got(f), *end = p + sbuf_len(&f->in);
	size_t len = strlen(what);
	unsigned n = 0;

	for (; (p = memmem(p, (size_t)(end - p), what, len)); p += len)
		n++;
	return n;
}

void fix_logged(struct fix *f, const char *want)
{
	if (!strstr(sbuf_str(&f->log), want))
		fail_msg("not logged: %s; only:\n%s", want, sbuf_str(&f->log));
}

const char *texts(struct fix *f)
{
	static char out[1024];
	size_t n = 0;

	for (const char *s = fix_got(f); (s = strstr(s, "<body>")); s++) {
		assert_true(n < sizeof(out) - 1);
		out[n++] = s[strlen("<body>")];
	}
	out[n] = '\0';
	return out;
}

/* --- its database ---------------------------------------------------------------------------- */

int64_t number(struct fix *f, const char *sql)
{
	static struct {
		char sql[200];
		struct db_q q;
	} known[64];
	size_t i = 0;
	int64_t v;

	while (known[i].sql[0] && strcmp(known[i].sql, sql) != 0)
		assert_true(++i < 63);
	(void)snprintf(known[i].sql, sizeof(known[i].sql), "%s", sql);
	known[i].q.sql = known[i].sql;
	assert_int_equal(db_query(comp_db(f->c), &known[i].q, ""), 0);
	assert_int_equal(db_next(comp_db(f->c), &known[i].q), 1);
	v = db_int(comp_db(f->c), &known[i].q, 0);
	db_reset(comp_db(f->c), &known[i].q);
	return v;
}
