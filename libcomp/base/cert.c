/* SPDX-License-Identifier: MIT */
/* Owns one certificate's facts, read once when its file has changed: names and dates are then
 * compared as often as needed without OpenSSL.
 *
 * Only DNS names of the subjectAltName count (RFC 9525 2 and 6.3): no common name, no wildcard but
 * a whole left-most label, which stands for exactly one label.
 *
 * Must not: know of folders and served names (certs.c). */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <idn-free.h>
#include <idna.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <base/mem.h>
#include <base/tls.h>

#include "cert.h"
#include "tls_internal.h"

enum {
	SAN_MAX = 1000, /* names of a certificate that are looked at */
	DNS_NAME_MAX = 255,
};

struct cert *cert_ref(struct cert *c)
{
	c->refs++;
	return c;
}

void cert_unref(struct cert *c)
{
	if (!c || --c->refs > 0)
		return;
	for (size_t i = 0; i < c->n_san; i++)
		free(c->san[i]);
	free(c->san);
	tls_unref(c->tls);
	free(c);
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

char *cert_name(const char *domain)
{
	char *ascii = NULL;
	char *name;
	bool plain = true;

	for (const char *p = domain; *p; p++)
		plain = plain && (unsigned char)*p < 0x80;
	if (!plain && idna_to_ascii_8z(domain, &ascii, IDNA_ALLOW_UNASSIGNED) == IDNA_SUCCESS)
		name = xstrdup(ascii);
	else
		name = xstrdup(domain); /* that no certificate can be for: found nowhere */
	if (ascii)
		idn_free(ascii);
	lower(name);
	return name;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int64_t unix_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0; /* 0: in the past, so unused */
}

static void add_san(struct cert *c, const GENERAL_NAME *gn)
{
	const unsigned char *s;
	size_t n;

	if (gn->type != GEN_DNS || c->n_san >= SAN_MAX)
		return;
	s = ASN1_STRING_get0_data(gn->d.dNSName);
	n = (size_t)ASN1_STRING_length(gn->d.dNSName);
	if (n == 0 || n > DNS_NAME_MAX || memchr(s, '\0', n))
		return;
	c->san[c->n_san] = xstrndup((const char *)s, n);
	lower(c->san[c->n_san++]);
}

static struct cert *cert_of(X509 *leaf)
{
	struct cert *c = xzalloc(sizeof(*c));
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;

	c->refs = 1;
	c->from = unix_time(X509_get0_notBefore(leaf));
	c->until = unix_time(X509_get0_notAfter(leaf));
	c->san = xreallocarray(NULL, n > SAN_MAX ? SAN_MAX : (size_t)n + 1, sizeof(*c->san));
	for (int i = 0; i < n; i++)
		add_san(c, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return c;
}

int cert_peek(struct cert **out, const char *chain_file, char *err, size_t err_len)
{
	X509 *leaf;
	int r = tls_read_cert(&leaf, chain_file, err, err_len);

	if (r < 0)
		return r;
	*out = cert_of(leaf);
	X509_free(leaf);
	return 0;
}

int cert_load(
    struct cert **out, const char *chain_file, const char *key_file, char *err, size_t err_len)
{
	struct tls_ctx *tls;
	int r = tls_server_new(&tls, chain_file, key_file, err, err_len);

	if (r < 0)
		return r;
	*out = cert_of(SSL_CTX_get0_certificate(tls_ssl_ctx(tls)));
	(*out)->tls = tls;
	return 0;
}

/* --- matching --------------------------------------------------------------------------------- */

enum cert_rank cert_covers(const struct cert *c, const char *name)
{
	const char *rest = strchr(name, '.');
	enum cert_rank best = CERT_NONE;

	if (rest == name)
		rest = NULL;
	for (size_t i = 0; i < c->n_san; i++) {
		const char *san = c->san[i];

		if (strcmp(san, name) == 0)
			return CERT_EXACT;
		if (rest && san[0] == '*' && san[1] == '.' && strcmp(san + 1, rest) == 0)
			best = CERT_WILDCARD;
	}
	return best;
}
