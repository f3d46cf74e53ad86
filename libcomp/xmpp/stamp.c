/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <base/sbuf.h>
#include <xmpp/el.h>
#include <xmpp/stamp.h>

/* Without its zone; the bytes written. */
static size_t write_seconds(int64_t ms, char out[STAMP_LEN + 1])
{
	time_t sec = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&sec, &tm);
	return strftime(out, STAMP_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
}

void stamp_write(int64_t ms, char out[STAMP_LEN + 1])
{
	unsigned milli = (unsigned)(ms % 1000);
	size_t n = write_seconds(ms, out);

	(void)snprintf(out + n, STAMP_LEN + 1 - n, ".%03uZ", milli % 1000);
}

void stamp_write_s(int64_t ms, char out[STAMP_LEN + 1])
{
	size_t n = write_seconds(ms, out);

	(void)snprintf(out + n, STAMP_LEN + 1 - n, "Z");
}

void stamp_delay(struct sbuf *out, const char *from, int64_t ms)
{
	char stamp[STAMP_LEN + 1];

	stamp_write(ms, stamp);
	sbuf_puts(out, "<delay xmlns=\"" NS_DELAY "\"");
	el_write_attr(out, "from", from);
	el_write_attr(out, "stamp", stamp);
	sbuf_puts(out, "/>");
}

/* n digits at *s, which moves behind them; -1: there are not that many. */
static int digits(const char **s, int n)
{
	int v = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool skip(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* Milliseconds of a fraction of any length. */
static int fraction(const char **s)
{
	int ms = 0, unit = 100;

	if (!skip(s, '.'))
		return 0;
	if (**s < '0' || **s > '9')
		return -1;
	for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		ms += (**s - '0') * unit;
	return ms;
}

/* Minutes east of UTC. */
static bool zone(const char **s, int *out)
{
	int sign, h, m;

	*out = 0;
	if (skip(s, 'Z'))
		return true;
	sign = **s == '+' ? 1 : -1;
	if (!skip(s, '+') && !skip(s, '-'))
		return false;
	h = digits(s, 2);
	if (h < 0 || h > 14 || !skip(s, ':'))
		return false;
	m = digits(s, 2);
	*out = sign * (h * 60 + m);
	return m >= 0 && m < 60;
}

int stamp_parse(const char *s, int64_t *out)
{
	struct tm tm = { 0 };
	int ms, minutes;

	tm.tm_year = digits(&s, 4) - 1900;
	if (!skip(&s, '-') || (tm.tm_mon = digits(&s, 2) - 1) < 0 || tm.tm_mon > 11)
		return -EINVAL;
	if (!skip(&s, '-') || (tm.tm_mday = digits(&s, 2)) < 1 || tm.tm_mday > 31)
		return -EINVAL;
	if (!skip(&s, 'T') || (tm.tm_hour = digits(&s, 2)) < 0 || tm.tm_hour > 24)
		return -EINVAL;
	if (!skip(&s, ':') || (tm.tm_min = digits(&s, 2)) < 0 || tm.tm_min > 59)
		return -EINVAL;
	if (!skip(&s, ':') || (tm.tm_sec = digits(&s, 2)) < 0 || tm.tm_sec > 60)
		return -EINVAL;
	ms = fraction(&s);
	if (ms < 0 || !zone(&s, &minutes) || *s)
		return -EINVAL;
	*out = ((int64_t)timegm(&tm) - (int64_t)minutes * 60) * 1000 + ms;
	return 0;
}
