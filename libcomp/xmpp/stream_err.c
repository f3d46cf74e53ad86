/* SPDX-License-Identifier: MIT */
/* The names of the stream error conditions (RFC 6120 4.9.3): one table, both directions; and
 * the one of the application's that both sides of a link and c2s have. */
#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <xmpp/stream.h>

static const char *const names[] = {
	[STREAM_E_NONE] = "",
	[STREAM_E_BAD_FORMAT] = "bad-format",
	[STREAM_E_BAD_NAMESPACE_PREFIX] = "bad-namespace-prefix",
	[STREAM_E_CONFLICT] = "conflict",
	[STREAM_E_CONNECTION_TIMEOUT] = "connection-timeout",
	[STREAM_E_HOST_GONE] = "host-gone",
	[STREAM_E_HOST_UNKNOWN] = "host-unknown",
	[STREAM_E_IMPROPER_ADDRESSING] = "improper-addressing",
	[STREAM_E_INTERNAL_SERVER_ERROR] = "internal-server-error",
	[STREAM_E_INVALID_FROM] = "invalid-from",
	[STREAM_E_INVALID_NAMESPACE] = "invalid-namespace",
	[STREAM_E_INVALID_XML] = "invalid-xml",
	[STREAM_E_NOT_AUTHORIZED] = "not-authorized",
	[STREAM_E_NOT_WELL_FORMED] = "not-well-formed",
	[STREAM_E_POLICY_VIOLATION] = "policy-violation",
	[STREAM_E_REMOTE_CONNECTION_FAILED] = "remote-connection-failed",
	[STREAM_E_RESET] = "reset",
	[STREAM_E_RESOURCE_CONSTRAINT] = "resource-constraint",
	[STREAM_E_RESTRICTED_XML] = "restricted-xml",
	[STREAM_E_SEE_OTHER_HOST] = "see-other-host",
	[STREAM_E_SYSTEM_SHUTDOWN] = "system-shutdown",
	[STREAM_E_UNDEFINED_CONDITION] = "undefined-condition",
	[STREAM_E_UNSUPPORTED_ENCODING] = "unsupported-encoding",
	[STREAM_E_UNSUPPORTED_FEATURE] = "unsupported-feature",
	[STREAM_E_UNSUPPORTED_STANZA_TYPE] = "unsupported-stanza-type",
	[STREAM_E_UNSUPPORTED_VERSION] = "unsupported-version",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == STREAM_E_LAST_ + 1, "a condition has no name");

const char *stream_err_name(enum stream_err e)
{
	assert(e <= STREAM_E_LAST_);
	return names[e];
}

enum stream_err stream_err_parse(const char *name)
{
	for (unsigned e = STREAM_E_NONE + 1; e <= STREAM_E_LAST_; e++)
		if (!strcmp(names[e], name))
			return (enum stream_err)e;
	return STREAM_E_UNDEFINED_CONDITION;
}

void stream_error_h(struct stream *s, uint32_t h, uint32_t sent)
{
	char app[128];

	(void)snprintf(app, sizeof(app),
	    "<handled-count-too-high xmlns='" NS_SM "' h='%" PRIu32 "' send-count='%" PRIu32 "'/>",
	    h, sent);
	stream_error_app(
	    s, STREAM_E_UNDEFINED_CONDITION, "more was acknowledged than had been sent", app);
}
