/* SPDX-License-Identifier: MIT */
#include <base/digest.h>
#include <base/rendezvous.h>

uint64_t rendezvous_hash(const void *p, size_t n)
{
	uint8_t sum[DIGEST_MAX];
	uint64_t h = 0;

	digest(DIGEST_SHA256, p, n, sum);
	for (int i = 0; i < 8; i++)
		h = h << 8 | sum[i];
	return h;
}

uint64_t rendezvous_weight(uint64_t member, uint64_t key)
{
	uint64_t x = member ^ key;

	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	x ^= x >> 33;
	return x;
}
