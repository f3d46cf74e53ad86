/* SPDX-License-Identifier: MIT */
/* Stream headers and features (RFC 6120 4.3, 4.7). */
#include <stdio.h>

#include <base/rnd.h>

#include "c2s/conn.h"
#include "conf.h"

void conn_send_header(struct conn *c)
{
	const char *from = el_attr(stream_head(c->stream), "from");
	char id[25];
	struct stream_header h = {
		.from = c->host,
		.to = from, /* 4.7.2: the initiating entity said who it is */
		.id = id,
		.version = "1.0",
		.lang = "en",
	};

	rnd_id(id, sizeof(id) - 1);
	stream_send_header(c->stream, &h);
}

/* XEP-0478.  What is told here is what holds for this stream: a reload changes the next one. */
static void add_limits(struct el *features, const struct xml_limits *lim)
{
	char max[24];

	if (lim->stanza == 0)
		return;
	(void)snprintf(max, sizeof(max), "%zu", lim->stanza);
	el_add_text(el_add(features, "limits", NS_LIMITS), "max-bytes", NULL, max);
}

/* What a session can have. */
static void add_session(struct el *f)
{
	el_add(f, "sm", NS_SM);
	el_add(f, "csi", NS_CSI);
	el_add(f, "ver", NS_ROSTERVER);
	el_add(f, "sub", NS_PREAPPROVAL);
}

void conn_apply_limits(struct conn *c)
{
	struct xml_limits lim = conn_limits(c);

	stream_set_limits(c->stream, &lim);
}

void conn_send_features(struct conn *c)
{
	EL_AUTO struct el *f = el_new("features", NS_STREAM);
	struct xml_limits lim = conn_limits(c);

	switch (c->state) {
	case CONN_CLEAR:
		el_add(el_add(f, "starttls", NS_TLS), "required", NULL);
		break;
	case CONN_AUTH:
		conn_login_features(c, f);
		break;
	case CONN_BIND:
		el_add(f, "bind", NS_BIND);
		/* RFC 6121 appendix E: for clients of RFC 3921, who may skip it. */
		el_add(el_add(f, "session", NS_SESSION), "optional", NULL);
		add_session(f);
		break;
	case CONN_OPEN: /* bound along with the login */
		add_session(f);
		break;
	default:
		break;
	}
	add_limits(f, &lim);
	stream_set_limits(c->stream, &lim);
	stream_send(c->stream, f);
}
