/* SPDX-License-Identifier: MIT */
/* Answers to stanzas: errors (RFC 6120 8.3) and empty results.  The table holds each condition's
 * usual type (8.3.3) and the legacy code of XEP-0086, which old clients still show; conditions that
 * came later have no code.  The original payload is not sent back (8.3.1 leaves that open): it may
 * be large, and the sender has it. */
#include <assert.h>
#include <string.h>

#include "el_internal.h"

static const struct {
	const char *name, *type, *code;
} conds[COND_LAST_ + 1] = {
	[COND_BAD_REQUEST] = { "bad-request", "modify", "400" },
	[COND_CONFLICT] = { "conflict", "cancel", "409" },
	[COND_FEATURE_NOT_IMPLEMENTED] = { "feature-not-implemented", "cancel", "501" },
	[COND_FORBIDDEN] = { "forbidden", "auth", "403" },
	[COND_GONE] = { "gone", "cancel", "302" },
	[COND_INTERNAL_SERVER_ERROR] = { "internal-server-error", "cancel", "500" },
	[COND_ITEM_NOT_FOUND] = { "item-not-found", "cancel", "404" },
	[COND_JID_MALFORMED] = { "jid-malformed", "modify", "400" },
	[COND_NOT_ACCEPTABLE] = { "not-acceptable", "modify", "406" },
	[COND_NOT_ALLOWED] = { "not-allowed", "cancel", "405" },
	[COND_NOT_AUTHORIZED] = { "not-authorized", "auth", "401" },
	[COND_POLICY_VIOLATION] = { "policy-violation", "modify", NULL },
	[COND_RECIPIENT_UNAVAILABLE] = { "recipient-unavailable", "wait", "404" },
	[COND_REDIRECT] = { "redirect", "modify", "302" },
	[COND_REGISTRATION_REQUIRED] = { "registration-required", "auth", "407" },
	[COND_REMOTE_SERVER_NOT_FOUND] = { "remote-server-not-found", "cancel", "404" },
	[COND_REMOTE_SERVER_TIMEOUT] = { "remote-server-timeout", "wait", "504" },
	[COND_RESOURCE_CONSTRAINT] = { "resource-constraint", "wait", "500" },
	[COND_SERVICE_UNAVAILABLE] = { "service-unavailable", "cancel", "503" },
	[COND_SUBSCRIPTION_REQUIRED] = { "subscription-required", "auth", "407" },
	[COND_UNDEFINED_CONDITION] = { "undefined-condition", "cancel", "500" },
	[COND_UNEXPECTED_REQUEST] = { "unexpected-request", "wait", "400" },
};

const char *el_cond_name(enum el_cond c)
{
	assert(c >= 1 && c <= COND_LAST_);
	return conds[c].name;
}

const char *el_cond_type(enum el_cond c)
{
	assert(c >= 1 && c <= COND_LAST_);
	return conds[c].type;
}

/* A stanza of the same kind, addressed back. */
static struct el *reply_new(const struct el *stanza, const char *type)
{
	const char *from = el_attr(stanza, "to"), *id = el_attr(stanza, "id");
	struct el *r = el_new(el_name(stanza), NS_CLIENT);

	el_set(r, "type", type);
	if (id)
		el_set(r, "id", id);
	if (from)
		el_set(r, "from", from);
	el_set(r, "to", el_attr(stanza, "from"));
	return r;
}

struct el *el_result(const struct el *iq)
{
	assert(el_kind(iq) == EL_IQ);
	return reply_new(iq, "result");
}

struct el *el_error_reply_type(
    const struct el *stanza, enum el_cond cond, const char *type, const char *text)
{
	const char *had = el_attr(stanza, "type");
	struct el *r, *err;

	assert(cond >= 1 && cond <= COND_LAST_);
	if (el_kind(stanza) == EL_OTHER || (had && !strcmp(had, "error")))
		return NULL;
	if (el_kind(stanza) == EL_IQ && had && !strcmp(had, "result"))
		return NULL;
	r = reply_new(stanza, "error");
	err = el_add(r, "error", NS_CLIENT);
	el_set(err, "type", type ? type : conds[cond].type);
	if (conds[cond].code)
		el_set(err, "code", conds[cond].code);
	el_add(err, conds[cond].name, NS_STANZAS);
	if (text)
		el_set(el_add_text(err, "text", NS_STANZAS, text), "xml:lang", "en");
	return r;
}

struct el *el_error_reply(const struct el *stanza, enum el_cond cond, const char *text)
{
	return el_error_reply_type(stanza, cond, NULL, text);
}

enum el_cond el_error(const struct el *stanza, const char **ret_text)
{
	const struct el *err = el_child(stanza, "error", NS_CLIENT);
	enum el_cond c = COND_UNDEFINED_CONDITION;

	if (ret_text)
		*ret_text = err ? el_child_text(err, "text", NS_STANZAS) : NULL;
	if (!err)
		return c;
	EL_EACH (it, err, NULL, NS_STANZAS) {
		for (int i = 1; i <= COND_LAST_; i++) {
			if (!strcmp(el_name(it), conds[i].name))
				return (enum el_cond)i;
		}
	}
	return c;
}
