/* SPDX-License-Identifier: MIT */
/* Certificates for tests: self-signed, P-256 unless said otherwise. */
#ifndef TESTS_MINT_H
#define TESTS_MINT_H

enum { MINT_DAY = 86400 };

/* cn tells certificates apart; sans: "a.example *.b.example IP:192.0.2.1" ("": none); from and
 * until: seconds from now.  chain and key are paths and may be the same (the key comes first then).
 */
struct mint {
	const char *cn, *sans;
	long from, until;
	const char *passphrase; /* of the key; NULL: none */
	const char *md;         /* of the signature; NULL: SHA256; "": Ed25519, which has none */
};
void mint(const char *chain, const char *key, const struct mint *m);

#endif
