/* SPDX-License-Identifier: MIT */
/* Owns the served names and decides which certificate each of them gets.
 *
 * A served name is: without (only while certs_open() runs, or if optional and nobody has one), with
 * its own, with that of its parent (optional names), or left alone: no file offers a valid
 * certificate any more, and the last one stays in use, be it expired.
 *
 * Choosing anew happens when a file has changed or when one of the certificates begins or ends to
 * be valid; in between a look-up is a hash map's.
 *
 * Must not: read files (certs_folder.c, cert.c); take a certificate away from a name for which
 * there is no better one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <base/certs.h>
#include <base/log.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/sbuf.h>

#include "cert.h"
#include "certs_folder.h"

enum {
	SCAN_MS = 10000,
	DAY = 86400,
	REASONS_MAX = 8, /* files named in an error line */
	SANS_MAX = 4,    /* names of each */
};

struct served {
	struct map_node node; /* by ascii */
	char *name;           /* as given: for the log */
	char *ascii;          /* A-labels */
	bool optional, quiet;
	bool borrowed; /* the parent's */
	bool alone;    /* no file offers a valid one any more: said */
	struct cert *cert;
};

struct certs {
	struct loop *loop;
	struct timer timer;
	struct folder folder;
	struct served *v;
	size_t n;
	struct map names;
	int64_t edge; /* when the next certificate begins or ends to be valid */
};

static const struct log_tag tag = { .mod = "certs" };

static int64_t now_s(const struct certs *c)
{
	return loop_wall_ms(c->loop) / 1000;
}

static const char *date(int64_t at, char buf[32])
{
	time_t t = (time_t)at;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buf, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		(void)snprintf(buf, 32, "?");
	return buf;
}

static struct served *find(const struct certs *c, const char *ascii)
{
	struct map_node *n = map_gets(&c->names, ascii);

	return n ? MAP_ENTRY(n, struct served, node) : NULL;
}

/* --- choosing --------------------------------------------------------------------------------- */

static bool is_wanted(const struct cert *cert, void *arg)
{
	const struct certs *c = arg;

	for (size_t i = 0; i < c->n; i++)
		if (cert_covers(cert, c->v[i].ascii) != CERT_NONE)
			return true;
	return false;
}

static bool is_valid(const struct cert *cert, int64_t now)
{
	return cert->tls && cert->from <= now && now < cert->until;
}

static bool is_newer(const struct cert *a, const struct cert *b)
{
	return a->from != b->from ? a->from > b->from : a->until > b->until;
}

static struct cert *best_for(const struct certs *c, const char *ascii, int64_t now)
{
	enum cert_rank best_rank = CERT_NONE;
	struct cert *best = NULL;

	MAP_EACH (n, &c->folder.pairs) {
		struct cert *cert = MAP_ENTRY(n, struct pair, node)->cert;
		enum cert_rank rank;

		if (!cert || !is_valid(cert, now))
			continue;
		rank = cert_covers(cert, ascii);
		if (rank > best_rank || (rank && rank == best_rank && is_newer(cert, best))) {
			best_rank = rank;
			best = cert;
		}
	}
	return best;
}

static void release(void *cert)
{
	cert_unref(cert);
}

/* The old one was lent out for this turn. */
static void use(const struct certs *c, struct served *s, struct cert *cert, bool borrowed)
{
	char day[32];

	s->borrowed = borrowed;
	s->alone = false;
	if (s->cert == cert)
		return;
	if (s->cert)
		loop_reap(c->loop, release, s->cert);
	s->cert = cert_ref(cert);
	if (!borrowed)
		log_info(
		    &tag, "certificate for %s is valid until %s", s->name, date(cert->until, day));
}

static void choose(const struct certs *c, struct served *s, int64_t now)
{
	struct cert *best = best_for(c, s->ascii, now);
	char day[32];

	if (best) {
		use(c, s, best, false);
	} else if (s->cert && !s->borrowed && !s->alone) {
		s->alone = true;
		log_warn(&tag,
		    "no valid certificate for %s is left in %s; the one that ends on %s "
		    "stays in use",
		    s->name, c->folder.dir, date(s->cert->until, day));
	}
}

/* The nearest served name above, else the first one. */
static struct served *parent_of(const struct certs *c, const struct served *s)
{
	for (const char *p = strchr(s->ascii, '.'); p; p = strchr(p + 1, '.')) {
		struct served *up = find(c, p + 1);

		if (up && up->cert && !up->borrowed)
			return up;
	}
	return &c->v[0];
}

static void choose_parent(const struct certs *c, struct served *s)
{
	const struct served *up;

	if (!s->optional || (s->cert && !s->borrowed))
		return;
	up = parent_of(c, s);
	if (!up->cert || up->borrowed)
		return;
	if (!s->borrowed && !s->quiet)
		log_warn(&tag, "no certificate covers %s: it is served with that of %s", s->name,
		    up->name);
	use(c, s, up->cert, true);
}

static int64_t next_edge(const struct certs *c, int64_t now)
{
	int64_t edge = INT64_MAX;

	MAP_EACH (n, &c->folder.pairs) {
		const struct cert *cert = MAP_ENTRY(n, struct pair, node)->cert;

		if (cert && cert->from > now && cert->from < edge)
			edge = cert->from;
		if (cert && cert->until > now && cert->until < edge)
			edge = cert->until;
	}
	return edge;
}

void certs_rescan(struct certs *c)
{
	bool changed = folder_scan(&c->folder);
	int64_t now = now_s(c);

	if (!changed && now < c->edge)
		return;
	c->edge = next_edge(c, now);
	for (size_t i = 0; i < c->n; i++)
		choose(c, &c->v[i], now);
	for (size_t i = 0; i < c->n; i++)
		choose_parent(c, &c->v[i]);
}

static void on_timer(void *arg)
{
	struct certs *c = arg;

	certs_rescan(c);
	timer_set(&c->timer, SCAN_MS);
}

/* --- why a name has none ---------------------------------------------------------------------- */

static void put_sans(struct sbuf *b, const struct cert *cert)
{
	size_t n = cert->n_san < SANS_MAX ? cert->n_san : SANS_MAX;

	for (size_t i = 0; i < n; i++)
		sbuf_printf(b, "%s%s", i ? ", " : "", cert->san[i]);
	if (cert->n_san > n)
		sbuf_printf(b, " and %zu more", cert->n_san - n);
	if (n == 0)
		sbuf_puts(b, "none");
}

/* Adds one file's reason; what concerns the name itself comes in the first round. */
static void put_reason(
    struct sbuf *b, const struct pair *p, const char *ascii, int64_t now, bool first_round)
{
	bool broken = p->broken && !p->quiet;
	bool covers = p->cert && cert_covers(p->cert, ascii) != CERT_NONE;
	char day[32];

	if (first_round != (broken || covers) || (!broken && !p->cert))
		return;
	sbuf_puts(b, "; ");
	if (broken) {
		sbuf_puts(b, p->broken);
	} else if (!covers) {
		sbuf_printf(b, "%s is for other names: ", p->chain);
		put_sans(b, p->cert);
	} else if (p->cert->until <= now) {
		sbuf_printf(b, "%s expired on %s", p->chain, date(p->cert->until, day));
	} else {
		sbuf_printf(b, "%s is not valid before %s", p->chain, date(p->cert->from, day));
	}
}

static void say_why(const struct certs *c, const struct served *s, char *err, size_t err_len)
{
	struct sbuf b = SBUF_INIT;
	int64_t now = now_s(c);
	unsigned n = 0;

	sbuf_printf(&b, "no certificate for %s in %s (its SANs must list the name or a wildcard)",
	    s->name, c->folder.dir);
	if (c->folder.broken)
		sbuf_printf(&b, "; %s", c->folder.broken);
	for (int round = 0; round < 2; round++) {
		MAP_EACH (node, &c->folder.pairs) {
			size_t before = sbuf_len(&b);

			if (n < REASONS_MAX)
				put_reason(&b, MAP_ENTRY(node, struct pair, node), s->ascii, now,
				    round == 0);
			n += sbuf_len(&b) > before;
		}
	}
	if (n == 0 && !c->folder.broken)
		sbuf_puts(&b, "; there is no certificate at all");
	(void)snprintf(err, err_len, "%s", sbuf_str(&b));
	sbuf_done(&b);
}

/* --- the interface ---------------------------------------------------------------------------- */

static void add_names(struct certs *c, const struct certs_name *names, size_t n)
{
	c->v = xreallocarray(NULL, n + 1, sizeof(*c->v));
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		struct served *s = &c->v[i];

		*s = (struct served){ .name = xstrdup(names[i].name),
			.ascii = cert_name(names[i].name),
			.optional = names[i].optional,
			.quiet = names[i].quiet };
		if (!find(c, s->ascii))
			map_put(&c->names, &s->node, s->ascii, strlen(s->ascii));
	}
}

int certs_open(struct certs **out, struct loop *l, const char *dir, const struct certs_name *names,
    size_t n, char *err, size_t err_len)
{
	struct certs *c = xzalloc(sizeof(*c));

	c->loop = l;
	map_init(&c->names);
	add_names(c, names, n);
	folder_init(&c->folder, dir, is_wanted, c);
	timer_init(&c->timer, l, on_timer, c);
	certs_rescan(c);
	for (size_t i = 0; i < n; i++) {
		if (c->v[i].cert || c->v[i].optional)
			continue;
		say_why(c, &c->v[i], err, err_len);
		certs_close(c);
		return -ENOENT;
	}
	timer_set(&c->timer, SCAN_MS);
	*out = c;
	return 0;
}

void certs_close(struct certs *c)
{
	if (!c)
		return;
	timer_done(&c->timer);
	map_done(&c->names);
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].cert)
			loop_reap(c->loop, release, c->v[i].cert);
		free(c->v[i].name);
		free(c->v[i].ascii);
	}
	free(c->v);
	folder_done(&c->folder);
	free(c);
}

/* For a host's name, which some clients send instead of the domain's. */
static const struct served *find_host(const struct certs *c, const char *ascii)
{
	const struct served *found = NULL;
	enum cert_rank best = CERT_NONE;

	for (size_t i = 0; i < c->n && best < CERT_EXACT; i++) {
		const struct served *s = &c->v[i];
		enum cert_rank rank;

		if (!s->cert || s->borrowed)
			continue;
		rank = cert_covers(s->cert, ascii);
		if (rank > best) {
			best = rank;
			found = s;
		}
	}
	return found;
}

struct tls_ctx *certs_find(struct certs *c, const char *name)
{
	const struct served *s = c->n > 0 && !name ? &c->v[0] : NULL;
	char *ascii = name ? cert_name(name) : NULL;

	if (ascii)
		s = find(c, ascii);
	if (ascii && !s)
		s = find_host(c, ascii);
	free(ascii);
	return s && s->cert ? s->cert->tls : NULL;
}

int certs_days_left(const struct certs *c, const char *name)
{
	char *ascii = cert_name(name);
	const struct served *s = find(c, ascii);
	int64_t left;

	free(ascii);
	if (!s || !s->cert)
		return INT_MIN;
	left = s->cert->until - now_s(c);
	return (int)(left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY));
}
