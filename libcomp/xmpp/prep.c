/* SPDX-License-Identifier: MIT */
/* Preparation of the parts of an address (RFC 6122: nodeprep, nameprep with IDNA, resourceprep) and
 * of user names and passwords (SASLprep, RFC 4013), on libidn.
 *
 * What is ASCII is decided here without libidn: the profiles do nothing to it but fold the case of
 * localparts and domains and refuse what they prohibit.
 *
 * Code points that Unicode 3.2 did not know are refused in localparts and domains, which tell
 * accounts apart, and let through in resources and passwords: people use emoji there, and for
 * these the profiles stay stable (libidn's tables never change). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <idn-free.h>
#include <idna.h>
#include <stringprep.h>

#include <base/arena.h>
#include <base/lim.h>
#include <base/mem.h>

#include <xmpp/jid.h>

#include "jid_internal.h"

#define DOMAIN_LABEL 63 /* octets, as ASCII (RFC 1035 2.3.4) */

/* Profile over a copy; the result must fit a part. */
static int prep_profile(struct arena *a, const char *s, size_t n, const Stringprep_profile *profile,
    Stringprep_profile_flags flags, char **out)
{
	char buf[LIM_JID_PART + 1];
	int r = -EINVAL;

	memcpy(buf, s, n + 1);
	if (stringprep(buf, sizeof(buf), flags, profile) == STRINGPREP_OK && *buf) {
		*out = arena_strdup(a, buf);
		r = 0;
	}
	mem_wipe(buf, sizeof(buf)); /* it may be a password */
	return r;
}

/* -EINVAL: the length is wrong or a byte is prohibited; 1: all ASCII; 0: for libidn. */
static int ascii_check(const char *s, size_t n, unsigned cls)
{
	if (!n || n > LIM_JID_PART)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if ((uint8_t)s[i] >= 0x80)
			return 0;
		if (!(jid_ascii[(uint8_t)s[i]] & cls))
			return -EINVAL;
	}
	return 1;
}

static void ascii_lower(char *s)
{
	for (; *s; s++) {
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	}
}

int prep_local(struct arena *a, const char *s, char **out)
{
	size_t n = strlen(s);
	int r = ascii_check(s, n, JID_CH_LOCAL | JID_CH_UPPER);

	if (r < 0)
		return r;
	if (!r)
		return prep_profile(
		    a, s, n, stringprep_xmpp_nodeprep, STRINGPREP_NO_UNASSIGNED, out);
	*out = arena_strndup(a, s, n);
	ascii_lower(*out);
	return 0;
}

int prep_resource(struct arena *a, const char *s, char **out)
{
	size_t n = strlen(s);
	int r = ascii_check(s, n, JID_CH_RESOURCE);

	if (r < 0)
		return r;
	if (!r)
		return prep_profile(a, s, n, stringprep_xmpp_resourceprep, 0, out);
	*out = arena_strndup(a, s, n);
	return 0;
}

int prep_sasl(struct arena *a, const char *s, char **out)
{
	size_t n = strlen(s);
	int r = ascii_check(s, n, JID_CH_RESOURCE); /* printable, as SASLprep has it */

	if (r < 0)
		return r;
	if (!r)
		return prep_profile(a, s, n, stringprep_saslprep, 0, out);
	*out = arena_strndup(a, s, n);
	return 0;
}

/* --- domains ---------------------------------------------------------------------------------- */
/* "[2001:DB8::1]", written in the one form that inet_ntop() gives. */
static int prep_ip6(struct arena *a, const char *s, size_t n, char **out)
{
	char text[INET6_ADDRSTRLEN], *p;
	struct in6_addr addr;

	if (n < 4 || n - 2 >= sizeof(text) || s[n - 1] != ']')
		return -EINVAL;
	memcpy(text, s + 1, n - 2);
	text[n - 2] = '\0';
	if (inet_pton(AF_INET6, text, &addr) != 1 ||
	    !inet_ntop(AF_INET6, &addr, text, sizeof(text)))
		return -EINVAL;
	n = strlen(text);
	p = arena_alloc(a, n + 3);
	p[0] = '[';
	memcpy(p + 1, text, n);
	memcpy(p + 1 + n, "]", 2);
	*out = p;
	return 0;
}

bool jid_domain_ascii(const char *s, size_t n)
{
	size_t label = 0; /* where the current one begins */

	if (!n || n > LIM_JID_PART)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && s[i] != '.') {
			if (!(jid_ascii[(uint8_t)s[i]] & JID_CH_DOMAIN))
				return false;
			continue;
		}
		if (i == label || i - label > DOMAIN_LABEL || s[label] == '-' || s[i - 1] == '-')
			return false;
		if (i - label >= 4 && !memcmp(s + label, "xn--", 4))
			return false; /* the U-label is the prepared form (RFC 7622 3.2.1) */
		label = i + 1;
	}
	return true;
}

/* Labels beyond ASCII, or encoded ones: to ASCII, which prepares and checks each label, and back.
 */
static int prep_idna(struct arena *a, const char *s, char **out)
{
	char *ascii = NULL, *uni = NULL;
	size_t n;
	int r = -EINVAL;

	if (idna_to_ascii_8z(s, &ascii, IDNA_USE_STD3_ASCII_RULES) != IDNA_SUCCESS)
		goto done;
	ascii_lower(ascii);
	n = strlen(ascii);
	if (n && ascii[n - 1] == '.') /* one of the other full stops of IDNA */
		ascii[n - 1] = '\0';
	if (idna_to_unicode_8z8z(ascii, &uni, IDNA_USE_STD3_ASCII_RULES) != IDNA_SUCCESS)
		goto done;
	n = strlen(uni);
	/* An encoded label that did not decode names nothing that IDNA knows. */
	if (!n || n > LIM_JID_PART || !strncmp(uni, "xn--", 4) || strstr(uni, ".xn--") ||
	    *uni == '.' || strstr(uni, "..") || uni[n - 1] == '.')
		goto done;
	*out = arena_strndup(a, uni, n);
	r = 0;
done:
	idn_free(ascii);
	idn_free(uni);
	return r;
}

int prep_domain(struct arena *a, const char *s, char **out)
{
	char buf[LIM_JID_PART + 1];
	size_t n = strlen(s);
	int r;

	if (n && s[n - 1] == '.')
		n--;
	if (!n || n > LIM_JID_PART)
		return -EINVAL;
	if (*s == '[')
		return prep_ip6(a, s, n, out);
	memcpy(buf, s, n);
	buf[n] = '\0';
	r = ascii_check(buf, n, JID_CH_DOMAIN | JID_CH_UPPER | JID_CH_DOT);
	if (r < 0)
		return r;
	if (r) {
		ascii_lower(buf);
		if (jid_domain_ascii(buf, n)) {
			*out = arena_strndup(a, buf, n);
			return 0;
		}
		if (!strstr(buf, "xn--"))
			return -EINVAL;
	}
	return prep_idna(a, buf, out);
}
