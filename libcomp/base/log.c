/* SPDX-License-Identifier: MIT */
/* The log: logfmt on stderr, a line per event, a write(2) per line.
 *
 * Owns the level and, in tests, the capture function.  A line is built on the stack, so any thread
 * may log.  A write that fails is dropped: there is nowhere left to tell it.  errno is kept, so
 * that logging can stand between a call that failed and the look at its reason.
 *
 * Fields that are plain words stand bare, others in quotes; within quotes '"', '\', controls, what
 * is not UTF-8 and the characters that reorder or break a line on a screen are written as escapes.
 * What is too long is cut, ends with CUT, and leaves room for what has to follow. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <base/lim.h>
#include <base/log.h>

#define CUT "[cut]"
#define FIELD_MAX 256 /* of one field that is not msg: a JID may have 3071 bytes */
#define ERR_MAX 96    /* of err="...", which comes after msg and must not fall victim to it */

struct line {
	char s[LIM_LOG_LINE + 1]; /* with the newline; and a NUL */
	size_t n;
};

enum log_level log_level_now = LOG_LVL_INFO;

static const char *const level_name[] = { "debug", "info", "warn", "error" };

static struct {
	void (*fn)(const char *line, void *arg);
	void *arg;
} capture;

void log_set_level(enum log_level lvl)
{
	log_level_now = lvl;
}

int log_level_parse(const char *s, enum log_level *out)
{
	for (unsigned i = 0; i < sizeof(level_name) / sizeof(level_name[0]); i++) {
		if (strcmp(s, level_name[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_capture(void (*fn)(const char *line, void *arg), void *arg)
{
	capture.fn = fn;
	capture.arg = arg;
}

static void put(struct line *l, const char *s, size_t n)
{
	memcpy(l->s + l->n, s, n);
	l->n += n;
}

static void puts_raw(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* Characters that would change how the rest of a line is shown: C1 controls, line and paragraph
 * separator, the bidirectional controls (Unicode TR 36). */
static bool misleading(uint32_t c)
{
	return (c >= 0x80 && c <= 0x9f) || c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Length of the UTF-8 character at s if it may be shown as it is, or 0 (RFC 3629 4: no overlong
 * forms, no surrogates, nothing above U+10FFFF).  s ends with NUL, which continues nothing. */
static size_t utf8_shown(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & (0x7fU >> n);

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	if (c < least[n] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff || misleading(c))
		return 0;
	return n;
}

/* Writes one character of s to out (up to 4 bytes) and returns how much it took of s. */
static size_t escape(const unsigned char *s, char out[4], size_t *out_len)
{
	static const char hex[] = "0123456789abcdef";
	size_t n;

	*out_len = 2;
	out[0] = '\\';
	switch (s[0]) {
	case '"':
	case '\\':
		out[1] = (char)s[0];
		return 1;
	case '\n':
		out[1] = 'n';
		return 1;
	case '\r':
		out[1] = 'r';
		return 1;
	case '\t':
		out[1] = 't';
		return 1;
	}
	n = s[0] >= 0x20 && s[0] < 0x7f ? 1 : utf8_shown(s);
	if (n > 0) {
		memcpy(out, s, n);
		*out_len = n;
		return n;
	}
	out[1] = 'x';
	out[2] = hex[s[0] >> 4];
	out[3] = hex[s[0] & 15];
	*out_len = 4;
	return 1;
}

/* "s", in at most max bytes with its quotes. */
static void put_quoted(struct line *l, const char *s, size_t max)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t end = l->n + max - 1; /* the closing quote */
	size_t fits, n, took;        /* fits: where a CUT still has room */
	char c[4];

	put(l, "\"", 1);
	fits = l->n;
	for (; *p; p += took) {
		took = escape(p, c, &n);
		if (l->n + n > end) {
			l->n = fits;
			puts_raw(l, CUT);
			break;
		}
		put(l, c, n);
		if (l->n + sizeof(CUT) - 1 <= end)
			fits = l->n;
	}
	put(l, "\"", 1);
}

static bool is_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			     "-_.:/@+[]");

	return n > 0 && s[n] == '\0' && n <= FIELD_MAX;
}

static void put_field(struct line *l, const char *name, const char *value)
{
	if (!value)
		return;
	puts_raw(l, " ");
	puts_raw(l, name);
	puts_raw(l, "=");
	if (is_word(value))
		puts_raw(l, value);
	else
		put_quoted(l, value, FIELD_MAX);
}

static void put_head(struct line *l, const struct log_tag *tag, enum log_level lvl)
{
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	l->n = strftime(l->s, sizeof(l->s), "ts=%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(l->s + l->n, 32, ".%03uZ", (unsigned)(now.tv_nsec / 1000000) % 1000);
	l->n += (size_t)n;
	put_field(l, "lvl", level_name[lvl]);
	put_field(l, "mod", tag && tag->mod ? tag->mod : program_invocation_short_name);
	if (tag) {
		put_field(l, "id", tag->id);
		put_field(l, "peer", tag->peer);
		put_field(l, "jid", tag->jid);
	}
}

static void emit(struct line *l)
{
	ssize_t r;

	if (capture.fn) {
		l->s[l->n] = '\0';
		capture.fn(l->s, capture.arg);
		return;
	}
	l->s[l->n++] = '\n';
	do {
		r = write(STDERR_FILENO, l->s, l->n);
	} while (r < 0 && errno == EINTR);
}

static void log_line(const struct log_tag *tag, enum log_level lvl, int err, const char *fmt,
    va_list ap) LOG_FMT(4, 0);
static void log_line(
    const struct log_tag *tag, enum log_level lvl, int err, const char *fmt, va_list ap)
{
	int saved = errno;
	char msg[LIM_LOG_LINE];
	struct line l;

	/* What does not fit in msg does not fit in the line either and is marked as cut there. */
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		memcpy(msg, "(unprintable)", sizeof("(unprintable)"));
	put_head(&l, tag, lvl);
	puts_raw(&l, " msg=");
	put_quoted(&l, msg, LIM_LOG_LINE - 1 - (err ? ERR_MAX + sizeof(" err=") : 0) - l.n);
	if (err) {
		puts_raw(&l, " err=");
		put_quoted(&l, strerror(err < 0 ? -err : err), ERR_MAX);
	}
	emit(&l);
	errno = saved;
}

void log_at(const struct log_tag *tag, enum log_level lvl, const char *fmt, ...)
{
	va_list ap;

	if (!log_on(lvl))
		return;
	va_start(ap, fmt);
	log_line(tag, lvl, 0, fmt, ap);
	va_end(ap);
}

void log_err(const struct log_tag *tag, enum log_level lvl, int err, const char *fmt, ...)
{
	va_list ap;

	if (!log_on(lvl))
		return;
	va_start(ap, fmt);
	log_line(tag, lvl, err, fmt, ap);
	va_end(ap);
}

void log_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(NULL, LOG_LVL_ERROR, 0, fmt, ap);
	va_end(ap);
	exit(EXIT_FAILURE);
}
