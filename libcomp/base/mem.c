/* SPDX-License-Identifier: MIT */
/* Allocation that cannot fail, and the wiping of secrets.
 *
 * Owns nothing.  A daemon that goes on after a failed allocation needs an error path at every call
 * that no test ever walks; ours ends at once and its supervisor starts it again.  A size that was
 * computed wrongly (overflow) ends in the same place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <base/mem.h>

/* Uses neither stdio nor the heap: both may be what has just failed. */
static _Noreturn void no_memory(void)
{
	static const char msg[] = "lvl=error msg=\"out of memory\"\n";
	ssize_t r = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)r;
	abort();
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		no_memory();
	return p;
}

void *xzalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		no_memory();
	return p;
}

void *xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1); /* realloc(p, 0) may free p and return NULL */

	if (!q)
		no_memory();
	return q;
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		no_memory();
	return xrealloc(p, total);
}

void *xmemdup(const void *p, size_t n)
{
	void *q = xmalloc(n);

	if (n > 0)
		memcpy(q, p, n);
	return q;
}

char *xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *q = xmalloc(len + 1);

	memcpy(q, s, len);
	q[len] = '\0';
	return q;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		no_memory();
	return s;
}

void mem_wipe(void *p, size_t n)
{
	if (p)
		OPENSSL_cleanse(p, n);
}
