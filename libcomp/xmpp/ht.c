/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/digest.h>
#include <base/mem.h>
#include <xmpp/ht.h>

#define WORD 9 /* both words have as many letters */

int ht_parse(const char *msg, size_t n, struct ht_message *out)
{
	const char *nul = memchr(msg, '\0', n);

	if (!nul || nul == msg || n - (size_t)(nul + 1 - msg) != HT_HASH)
		return -EINVAL;
	*out = (struct ht_message){ msg, (const uint8_t *)nul + 1 };
	return 0;
}

static void hashed(const char *token, const char word[static WORD], const void *cb, size_t cb_len,
    uint8_t out[static HT_HASH])
{
	uint8_t text[WORD + HT_BINDING_MAX];

	assert(cb_len <= HT_BINDING_MAX);
	memcpy(text, word, WORD);
	if (cb_len > 0)
		memcpy(text + WORD, cb, cb_len);
	digest_hmac(DIGEST_SHA256, token, strlen(token), text, WORD + cb_len, out);
	mem_wipe(text, sizeof(text));
}

void ht_initiator(const char *token, const void *cb, size_t cb_len, uint8_t out[HT_HASH])
{
	hashed(token, "Initiator", cb, cb_len, out);
}

void ht_responder(const char *token, const void *cb, size_t cb_len, uint8_t out[HT_HASH])
{
	hashed(token, "Responder", cb, cb_len, out);
}
