/* SPDX-License-Identifier: MIT */
/* A client's view of the server's certificate: which name is asked for and has to be in it, and, if
 * it is refused, a sentence that an operator can act on: what was expected, what came, what is
 * wrong with it.
 *
 * OpenSSL decides; this must not let anything through that it refuses. */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include <base/mem.h>
#include <base/sbuf.h>

#include "cert.h"
#include "tls_internal.h"

enum {
	SANS_MAX = 4, /* names of a certificate that are shown */
	TEXT_MAX = 128,
};

static int ex_check(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	assert(index >= 0);
	return index;
}

/* --- what is wrong with it -------------------------------------------------------------------- */

static void put_names(struct sbuf *b, const X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0, shown = 0;

	for (int i = 0; i < n && shown < SANS_MAX; i++) {
		const GENERAL_NAME *gn = sk_GENERAL_NAME_value(names, i);

		if (gn->type != GEN_DNS)
			continue;
		sbuf_printf(b, "%s%.*s", shown++ ? ", " : "",
		    ASN1_STRING_length(gn->d.dNSName) < TEXT_MAX ? ASN1_STRING_length(gn->d.dNSName)
								 : TEXT_MAX,
		    (const char *)ASN1_STRING_get0_data(gn->d.dNSName));
	}
	if (n > shown)
		sbuf_printf(b, "%s%d more", shown ? " and " : "", n - shown);
	if (n == 0)
		sbuf_puts(b, "no name");
	GENERAL_NAMES_free(names);
}

static void put_date(struct sbuf *b, const ASN1_TIME *at)
{
	char day[32];
	struct tm tm;

	if (!ASN1_TIME_to_tm(at, &tm) || strftime(day, sizeof(day), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		sbuf_puts(b, "?");
	else
		sbuf_puts(b, day);
}

static void put_issuer(struct sbuf *b, const X509 *cert)
{
	char name[TEXT_MAX];

	if (X509_NAME_get_text_by_NID(
		X509_get_issuer_name(cert), NID_commonName, name, sizeof(name)) > 0)
		sbuf_printf(b, " (issued by %s)", name);
}

/* X509_STORE_CTX_get_current_cert() is the one at fault, which may stand above the server's. */
static char *explain(const char *name, X509_STORE_CTX *x)
{
	const X509 *leaf = X509_STORE_CTX_get0_cert(x), *at = X509_STORE_CTX_get_current_cert(x);
	int err = X509_STORE_CTX_get_error(x);
	struct sbuf b = SBUF_INIT;
	char *text;

	sbuf_printf(&b, "expected one for %s, ", name);
	switch (err) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		sbuf_puts(&b, "this is for ");
		put_names(&b, leaf);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		sbuf_printf(&b, "%s expired on ",
		    X509_STORE_CTX_get_error_depth(x) == 0 ? "this" : "its issuer's");
		put_date(&b, X509_get0_notAfter(at));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		sbuf_printf(&b, "%s is not valid before ",
		    X509_STORE_CTX_get_error_depth(x) == 0 ? "this" : "its issuer's");
		put_date(&b, X509_get0_notBefore(at));
		break;
	default:
		sbuf_printf(&b, "this cannot be trusted: %s", X509_verify_cert_error_string(err));
		put_issuer(&b, at ? at : leaf);
	}
	text = xstrdup(sbuf_str(&b));
	sbuf_done(&b);
	return text;
}

static int on_verify(int ok, X509_STORE_CTX *x)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_check *c = ssl ? SSL_get_ex_data(ssl, ex_check()) : NULL;

	if (!ok && c && !c->why)
		c->why = explain(c->name, x);
	return ok;
}

/* --- the interface ---------------------------------------------------------------------------- */

bool tls_check_begin(struct tls_check *c, SSL *ssl, const char *name)
{
	struct in6_addr a;

	c->name = cert_name(name);
	if (!*c->name || strlen(c->name) > TLSEXT_MAXLEN_host_name)
		return false;
	SSL_set_verify(ssl, SSL_VERIFY_PEER, on_verify);
	if (!SSL_set_ex_data(ssl, ex_check(), c))
		abort(); /* out of memory */
	/* RFC 6066 3: no literal addresses in SNI. */
	if (inet_pton(AF_INET, c->name, &a) == 1 || inet_pton(AF_INET6, c->name, &a) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), c->name) == 1;
	return SSL_set_tlsext_host_name(ssl, c->name) == 1 && SSL_set1_host(ssl, c->name) == 1;
}

void tls_check_done(struct tls_check *c)
{
	free(c->name);
	free(c->why);
	*c = (struct tls_check){ 0 };
}
