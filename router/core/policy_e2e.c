/* SPDX-License-Identifier: MIT */
/* The end-to-end encryption policy, pure: what a message carries, and what becomes of it.
 * docs/e2e-policy.md says the same in words, and what cannot be verified. */
#include <ctype.h>
#include <string.h>

#include "core/policy.h"

/* A query may be followed by words for a human whose client knows no OTR; this much of them. */
#define OTR_EXPLANATION_MAX 512
#define PGP_MIN 16 /* characters of base64: less is no ciphertext */

/* --- OTR (version 3 of the protocol, "Query Messages", "Data Message", "Fragmentation") ------- */

/* ?OTR?  ?OTRv23?  ?OTR?v2?, with at most an explanation behind it. */
static bool otr_query(const char *s)
{
	const char *p = s + strlen("?OTR");

	if (*p == '?') {
		p++;
		if (*p != 'v') /* version 1 alone */
			return *p == '\0' ||
			       (isspace((unsigned char)*p) && strlen(p) <= OTR_EXPLANATION_MAX);
	}
	if (*p++ != 'v')
		return false;
	while (isalnum((unsigned char)*p))
		p++;
	return *p == '?' && strlen(p + 1) <= OTR_EXPLANATION_MAX;
}

static bool otr_body(const char *s)
{
	if (strncmp(s, "?OTR", 4) != 0)
		return false;
	return s[4] == ':' || s[4] == ',' || s[4] == '|' || otr_query(s);
}

/* --- OMEMO, OpenPGP ------------------------------------------------------------------------- */

/* A payload, or keys for devices (a message without payload transports keys). */
static bool omemo_real(const struct el *encrypted)
{
	const struct el *payload = el_child(encrypted, "payload", NULL);
	const struct el *header = el_child(encrypted, "header", NULL);

	if (payload && *el_body(payload))
		return true;
	if (!header)
		return false;
	if (el_child(header, "key", NULL)) /* the older format */
		return true;
	EL_EACH (keys, header, "keys", NULL) {
		if (el_child(keys, "key", NULL))
			return true;
	}
	return false;
}

static bool base64_text(const char *s)
{
	size_t n = 0;

	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || *s == '+' || *s == '/' || *s == '=')
			n++;
		else if (!isspace((unsigned char)*s))
			return false;
	}
	return n >= PGP_MIN;
}

static bool is_ciphertext(const struct el *child)
{
	const char *ns = el_ns(child), *name = el_name(child);

	if (!strcmp(name, "encrypted"))
		return (!strcmp(ns, NS_OMEMO_LEGACY) || !strcmp(ns, NS_OMEMO_1) ||
			   !strcmp(ns, NS_OMEMO_2)) &&
		       omemo_real(child);
	if (!strcmp(name, "openpgp"))
		return !strcmp(ns, NS_OPENPGP) && base64_text(el_body(child));
	if (!strcmp(name, "x"))
		return !strcmp(ns, NS_PGP_LEGACY) && base64_text(el_body(child));
	return false;
}

/* --- content -------------------------------------------------------------------------------- */

/* Content that no OTR body covers: it stands beside it in the clear. */
static bool is_clear_content(const struct el *child)
{
	const char *ns = el_ns(child);

	return !strcmp(ns, NS_XHTML_IM) || !strcmp(ns, NS_OOB) || !strcmp(ns, NS_SFS) ||
	       !strcmp(ns, NS_SIMS) || el_child(child, "media-sharing", NS_SIMS);
}

enum policy_kind policy_classify(const struct el *message)
{
	bool content = false, clear = false;

	EL_EACH (child, message, NULL, NULL) {
		if (is_ciphertext(child))
			return POLICY_ENCRYPTED;
		if (el_is(child, "body", NS_CLIENT)) {
			content = true;
			if (!otr_body(el_body(child)))
				clear = true;
		} else if (is_clear_content(child)) {
			content = clear = true;
		}
	}
	if (!content)
		return POLICY_NO_CONTENT;
	return clear ? POLICY_PLAIN : POLICY_ENCRYPTED;
}

/* XEP-0249 and XEP-0045 7.8.2: an invitation says where to talk, in words of the client's. */
static bool is_invitation(const struct el *message)
{
	const struct el *direct = el_child(message, "x", NS_CONFERENCE);
	const struct el *muc = el_child(message, "x", NS_MUC_USER);

	if (direct && el_attr(direct, "jid"))
		return true;
	return muc && el_child(muc, "invite", NS_MUC_USER);
}

enum policy_verdict policy_e2e(const struct policy_in *in)
{
	enum e2e_mode mode = in->type == ST_MSG_GROUPCHAT ? in->muc : in->chat;

	if (mode == E2E_NONE || in->type == ST_MSG_ERROR || in->from_host || in->exempt)
		return POLICY_PASS;
	if (in->type == ST_MSG_GROUPCHAT && in->gc_joined)
		return POLICY_PASS;
	if (policy_classify(in->message) != POLICY_PLAIN || is_invitation(in->message))
		return POLICY_PASS;
	return mode == E2E_REQUIRED ? POLICY_REFUSE : POLICY_TELL;
}
