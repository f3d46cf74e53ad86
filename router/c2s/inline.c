/* SPDX-License-Identifier: MIT */
/* A login and what follows it in one round trip (XEP-0388): resuming a session (XEP-0198), or
 * binding a resource with the features that the session begins with (XEP-0386).
 *
 * Resumption comes first, and may have to wait (resume.c): then all of it is done again.  Only if
 * it fails is a resource bound. */
#include <string.h>

#include "c2s/conn.h"
#include "core/session.h"
#include "core/session_csi.h"

struct el *conn_inline_features(struct el *authentication)
{
	static const char *const features[] = { NS_CARBONS, NS_CSI, NS_SM };
	struct el *in = el_add(authentication, "inline", NULL), *list;

	el_add(in, "sm", NS_SM);
	list = el_add(el_add(in, "bind", NS_BIND2), "inline", NULL);
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		el_set(el_add(list, "feature", NULL), "var", features[i]);
	return in;
}

/* What the new session begins with; results go into bound. */
static void enable(struct conn *c, const struct el *bind, struct el *bound)
{
	const struct el *sm = el_child(bind, "enable", NS_SM);
	struct session *s = c->session;

	s->im.carbons = el_child(bind, "enable", NS_CARBONS) != NULL;
	session_csi_set(s, el_child(bind, "inactive", NS_CSI) != NULL);
	if (sm) {
		EL_AUTO struct el *enabled = conn_sm_enable(c, sm);

		el_add_copy(bound, enabled);
	}
}

/* false: the stream ends. */
static bool resume(struct conn *c, const struct el *request, struct el **ret)
{
	const struct el *el = el_child(request, "resume", NS_SM);

	if (!el)
		return true;
	*ret = conn_sm_resume(c, el);
	return *ret != NULL;
}

static struct el *bind(struct conn *c, const struct el *request)
{
	const struct el *el = el_child(request, "bind", NS_BIND2);
	struct el *bound = el ? conn_bind_inline(c, request, el) : NULL;

	if (bound)
		enable(c, el, bound);
	return bound;
}

void conn_inline(struct conn *c, const struct el *request, struct el *success)
{
	EL_AUTO struct el *answer = NULL, *bound = NULL;
	const char *gone = conn_account_gone(c); /* the outcome may have been held for a while */
	const struct el *el = el_child(request, "resume", NS_SM);
	bool resumed;

	if (gone) {
		stream_error(c->stream, STREAM_E_NOT_AUTHORIZED, gone);
		return;
	}
	if (el && conn_resume_waits(c, el, request, success))
		return;
	if (!resume(c, request, &answer))
		return;
	resumed = c->session != NULL;
	if (!resumed)
		bound = bind(c, request);
	el_add_text(success, "authorization-identifier", NULL,
	    c->session ? c->session->jid.s : c->account.s);
	if (answer)
		el_add_copy(success, answer);
	if (bound)
		el_add_copy(success, bound);
	stream_send(c->stream, success);
	if (c->session)
		conn_opened(c);
	if (resumed) { /* XEP-0198 9.2: the stream is the one that it was, and has its features */
		conn_apply_limits(c);
		conn_sm_resumed(c);
	} else {
		conn_send_features(c);
	}
}
