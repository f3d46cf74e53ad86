/* SPDX-License-Identifier: MIT */
/* Random bytes from the operating system's generator through OpenSSL; failure aborts. */
#ifndef BASE_RND_H
#define BASE_RND_H

#include <stddef.h>
#include <stdint.h>

void rnd_bytes(void *out, size_t n);
uint32_t rnd_below(uint32_t n); /* uniform in [0, n), n > 0 */

/* n random characters of [a-z0-9] and a NUL into out (n + 1 bytes): ids, at 5.17 bits each. */
void rnd_id(char *out, size_t n);

#endif
