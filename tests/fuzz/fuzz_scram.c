/* SPDX-License-Identifier: MIT */
/* SCRAM: any two messages of a client; none is let in without a proof of the password, which this
 * one does not know.  The first byte chooses the mechanism, the messages are apart by a NUL. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <xmpp/scram.h>

#include "../../libcomp/xmpp/scram_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[32] = { 1 }, binding[32] = { 2 };
	struct scram_cb cb = { NULL, binding, 0, false };
	enum digest_alg alg;
	struct scram_keys k;
	struct scram *s;
	const char *msg = NULL;
	char *first;
	size_t n;

	if (size < 2)
		return 0;
	alg = data[0] & 1 ? DIGEST_SHA256 : DIGEST_SHA1;
	cb.offered = data[0] & 2;
	if (data[0] & 4) {
		cb.type = "tls-exporter";
		cb.len = sizeof(binding);
	}
	s = scram_new(alg, data[0] & 8, &cb);
	scram_set_nonce(s, "0123456789");
	n = strnlen((const char *)data + 1, size - 1);
	first = xmemdup(data, n + 1); /* of its exact length */
	if (scram_first(s, first + 1, n) == SCRAM_CONTINUE) {
		assert(*scram_user(s));
		scram_fake(&k, alg, scram_user(s), secret, 4096);
		(void)scram_challenge(s, &k);
		n = n + 2 < size ? n + 2 : size;
		assert(scram_final(s, (const char *)data + n, size - n, &msg) > SCRAM_DONE);
		assert(!msg);
	}
	free(first);
	scram_free(s);
	return 0;
}
