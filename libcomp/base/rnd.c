/* SPDX-License-Identifier: MIT */
/* Random bytes, numbers and ids.  Owns nothing; a generator that fails leaves no safe way on, so
 * that ends the program. */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include <base/log.h>
#include <base/rnd.h>

void rnd_bytes(void *out, size_t n)
{
	assert(n <= INT_MAX);
	if (RAND_bytes(out, (int)n) != 1) {
		log_error(NULL, "the random generator failed");
		abort();
	}
}

uint32_t rnd_below(uint32_t n)
{
	uint32_t r, reject;

	assert(n > 0);
	reject = (0U - n) % n; /* 2^32 mod n: the values that would favour the small results */
	do {
		rnd_bytes(&r, sizeof(r));
	} while (r < reject);
	return r % n;
}

void rnd_id(char *out, size_t n)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	enum { N = sizeof(set) - 1, FAIR = 256 / N * N }; /* bytes from FAIR on favour the start */
	unsigned char buf[32];
	size_t have = 0, len = 0;

	while (len < n) {
		if (have == 0) {
			rnd_bytes(buf, sizeof(buf));
			have = sizeof(buf);
		}
		have--;
		if (buf[have] < FAIR)
			out[len++] = set[buf[have] % N];
	}
	out[n] = '\0';
}
