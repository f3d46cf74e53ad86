/* SPDX-License-Identifier: MIT */
/* SASL's HT-SHA-256 mechanisms (draft-schmaus-kitten-sasl-ht-09), the responder's side: a token
 * that both know is shown by a hash of it, and by another one in return.  Pure. */
#ifndef XMPP_HT_H
#define XMPP_HT_H

#include <stddef.h>
#include <stdint.h>

#define HT_HASH 32
#define HT_BINDING_MAX 256 /* bytes of channel binding data: hashes and exporter output */

struct ht_message {
	const char *user;    /* ends with NUL; not prepared */
	const uint8_t *hash; /* HT_HASH bytes */
};

/* initiator-message: authcid NUL initiator-hashed-token.  What *out points to is within msg.
 * -EINVAL: it is none. */
int ht_parse(const char *msg, size_t n, struct ht_message *out) __attribute__((warn_unused_result));

/* What the initiator has to show, and what it is answered: HMAC(token, word || cb).  The token
 * counts as the characters that it was handed out in; cb_len 0: no channel binding (-NONE). */
void ht_initiator(const char *token, const void *cb, size_t cb_len, uint8_t out[HT_HASH]);
void ht_responder(const char *token, const void *cb, size_t cb_len, uint8_t out[HT_HASH]);

#endif
