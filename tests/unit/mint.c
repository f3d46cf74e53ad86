/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <base/mem.h>
#include <base/sbuf.h>

#include "mint.h"

static void add_sans(X509 *x, const char *sans)
{
	struct sbuf b = SBUF_INIT;
	char *list = xstrdup(sans), *save = NULL;
	X509_EXTENSION *ext;

	for (char *s = strtok_r(list, " ", &save); s; s = strtok_r(NULL, " ", &save))
		sbuf_printf(&b, "%s%s%s", sbuf_len(&b) ? "," : "", strchr(s, ':') ? "" : "DNS:", s);
	if (sbuf_len(&b)) {
		ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, sbuf_str(&b));
		assert(ext && X509_add_ext(x, ext, -1));
		X509_EXTENSION_free(ext);
	}
	sbuf_done(&b);
	free(list);
}

static X509 *make_cert(EVP_PKEY *key, const struct mint *m)
{
	static long serial;
	X509 *x = X509_new();
	X509_NAME *name;

	assert(x && X509_set_version(x, X509_VERSION_3));
	assert(ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial));
	assert(X509_gmtime_adj(X509_getm_notBefore(x), m->from));
	assert(X509_gmtime_adj(X509_getm_notAfter(x), m->until));
	name = X509_get_subject_name(x);
	assert(X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)m->cn, -1, -1, 0));
	assert(X509_set_issuer_name(x, name) && X509_set_pubkey(x, key));
	add_sans(x, m->sans);
	assert(X509_sign(
	    x, key, m->md && !*m->md ? NULL : EVP_get_digestbyname(m->md ? m->md : "SHA256")));
	return x;
}

void mint(const char *chain, const char *key_path, const struct mint *m)
{
	bool ed25519 = m->md && !*m->md;
	EVP_PKEY *key = ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
	X509 *x = make_cert(key, m);
	FILE *f = fopen(key_path, "we");

	assert(f);
	assert(PEM_write_PrivateKey(f, key, m->passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
	    m->passphrase ? (void *)(size_t)m->passphrase : NULL));
	if (strcmp(chain, key_path) != 0) {
		(void)fclose(f);
		f = fopen(chain, "we");
		assert(f);
	}
	assert(PEM_write_X509(f, x));
	(void)fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}
