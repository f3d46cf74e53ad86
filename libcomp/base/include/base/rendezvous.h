/* SPDX-License-Identifier: MIT */
/* Rendezvous hashing: which of several members a key belongs to.  When one comes or goes, only the
 * keys that it wins move.  The numbers are part of the component protocol
 * (docs/component-protocol.md): both ends of a link come to the same winner.
 *
 * A weight is fmix64(a ^ b), with a and b the first eight bytes, big-endian, of the SHA-256 of the
 * member's name and of the key, and fmix64 the end of MurmurHash3.  The largest wins; of equal
 * ones, which nobody has seen, that of the first name in the order of bytes. */
#ifndef BASE_RENDEZVOUS_H
#define BASE_RENDEZVOUS_H

#include <stddef.h>
#include <stdint.h>

/* Of a member's name or of a key: worth keeping. */
uint64_t rendezvous_hash(const void *p, size_t n);
/* Both are hashes; greater is better. */
uint64_t rendezvous_weight(uint64_t member, uint64_t key);

#endif
