/* SPDX-License-Identifier: MIT */
/* The setting `privilege` of a component's section (docs/component-protocol.md). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <base/conf.h>
#include <base/mem.h>

#include "links/delegate.h"
#include "links/privilege_internal.h"

#define EXPECTED                                                          \
	"roster=get|set|both, roster-push=true|false, message=outgoing, " \
	"presence=managed_entity|roster, iq:NAMESPACE=get|set|both, presence-extra=NAMESPACE"

static const char *const type_names[] = { "none", "get", "set", "both" };

const char *priv_type_name(enum priv_type t)
{
	return type_names[t];
}

/* Which rows of the list have been read: each may stand once. */
struct parser {
	struct grants *g;
	bool roster, push, message, presence;
	char *err;
	size_t err_len;
};

static int fault(struct parser *p, const char *entry, const char *what)
{
	(void)snprintf(p->err, p->err_len, "\"%s\": %s", entry, what);
	return -EINVAL;
}

static int once(struct parser *p, bool *seen, const char *entry)
{
	if (*seen)
		return fault(p, entry, "that is granted twice");
	*seen = true;
	return 0;
}

static bool parse_type(const char *s, enum priv_type *out)
{
	for (unsigned i = PRIV_GET; i <= PRIV_BOTH; i++) {
		if (!strcmp(s, type_names[i])) {
			*out = (enum priv_type)i;
			return true;
		}
	}
	return false;
}

static int parse_roster(struct parser *p, const char *entry, const char *value)
{
	if (!parse_type(value, &p->g->roster))
		return fault(p, entry, "get, set or both is expected");
	return once(p, &p->roster, entry);
}

static int parse_push(struct parser *p, const char *entry, const char *value)
{
	if (*value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return fault(p, entry, "true or false is expected");
	p->g->push = strcmp(value, "false") != 0;
	return once(p, &p->push, entry);
}

static int parse_message(struct parser *p, const char *entry, const char *value)
{
	if (strcmp(value, "outgoing") != 0)
		return fault(p, entry, "outgoing is expected");
	p->g->message = true;
	return once(p, &p->message, entry);
}

static int parse_presence(struct parser *p, const char *entry, const char *value)
{
	if (!strcmp(value, "managed_entity"))
		p->g->presence = PRIV_PRESENCE_MANAGED;
	else if (!strcmp(value, "roster"))
		p->g->presence = PRIV_PRESENCE_ROSTER;
	else
		return fault(p, entry, "managed_entity or roster is expected");
	return once(p, &p->presence, entry);
}

/* A namespace may contain "=": the last one counts. */
static int parse_iq(struct parser *p, const char *entry)
{
	const char *ns = entry + strlen("iq:"), *eq = strrchr(ns, '=');
	struct grants *g = p->g;
	struct priv_ns *row;
	enum priv_type type;

	if (!eq || !delegate_is_namespace(ns, (size_t)(eq - ns)) || !parse_type(eq + 1, &type))
		return fault(p, entry, "iq:NAMESPACE=get, set or both is expected");
	/* What is granted must not become a way to grant. */
	if (!strncmp(ns, "urn:xmpp:privilege:", strlen("urn:xmpp:privilege:")))
		return fault(p, entry, "this namespace cannot be granted");
	for (size_t i = 0; i < g->n_iqs; i++) {
		if (strlen(g->iqs[i].ns) == (size_t)(eq - ns) &&
		    !strncmp(g->iqs[i].ns, ns, (size_t)(eq - ns)))
			return fault(p, entry, "that is granted twice");
	}
	g->iqs = xreallocarray(g->iqs, g->n_iqs + 1, sizeof(*g->iqs));
	row = &g->iqs[g->n_iqs++];
	row->ns = xstrndup(ns, (size_t)(eq - ns));
	row->type = type;
	return 0;
}

/* The content namespace is the router's own: <show/>, <priority/>. */
static int parse_extra(struct parser *p, const char *entry, const char *value)
{
	static const char *const own[] = { NS_CLIENT, NS_COMPONENT, NS_SERVER, NS_STANZAS };

	if (!delegate_is_namespace(value, strlen(value)))
		return fault(p, entry, "a namespace is expected");
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (!strcmp(value, own[i]))
			return fault(p, entry, "this namespace cannot be granted");
	}
	if (p->g->extra)
		return fault(p, entry, "there is another one already");
	p->g->extra = xstrdup(value);
	return 0;
}

static int parse_entry(struct parser *p, const char *entry)
{
	static const struct {
		const char *name;
		int (*parse)(struct parser *p, const char *entry, const char *value);
	} rows[] = {
		{ "roster", parse_roster },
		{ "roster-push", parse_push },
		{ "message", parse_message },
		{ "presence", parse_presence },
		{ "presence-extra", parse_extra },
	};
	const char *eq = strchr(entry, '=');
	size_t len = eq ? (size_t)(eq - entry) : strlen(entry);

	if (!strncmp(entry, "iq:", 3))
		return parse_iq(p, entry);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strlen(rows[i].name) == len && !strncmp(rows[i].name, entry, len))
			return rows[i].parse(p, entry, eq ? eq + 1 : "");
	}
	return fault(p, entry, EXPECTED);
}

/* XEP-0356 4.1: who may read is told of changes unless that is turned off.  7.4: who sees contacts
 * must be allowed to know them. */
static int conclude(struct parser *p)
{
	bool reads = p->g->roster & PRIV_GET;

	if (p->push && p->g->push && !reads)
		return fault(p, "roster-push", "needs roster=get or roster=both");
	if (p->g->presence == PRIV_PRESENCE_ROSTER && !reads)
		return fault(p, "presence=roster", "needs roster=get or roster=both");
	if (!p->push)
		p->g->push = reads;
	return 0;
}

int grants_parse(struct grants *out, const struct conf_list *list, char *err, size_t err_len)
{
	struct parser p = { .g = out, .err = err, .err_len = err_len };
	int rc = 0;

	*out = (struct grants){ .roster = PRIV_NONE };
	for (size_t i = 0; i < list->n && rc == 0; i++)
		rc = parse_entry(&p, list->v[i]);
	if (rc == 0)
		rc = conclude(&p);
	if (rc < 0)
		grants_done(out);
	return rc;
}

void grants_done(struct grants *g)
{
	for (size_t i = 0; i < g->n_iqs; i++)
		free(g->iqs[i].ns);
	free(g->iqs);
	free(g->extra);
	free(g->hosts);
	*g = (struct grants){ .roster = PRIV_NONE };
}

bool grants_any(const struct grants *g)
{
	return g->roster != PRIV_NONE || g->message || g->presence != PRIV_PRESENCE_NONE ||
	       g->n_iqs > 0 || g->extra;
}

bool grants_same(const struct grants *a, const struct grants *b)
{
	if (a->roster != b->roster || a->push != b->push || a->message != b->message ||
	    a->presence != b->presence || a->n_iqs != b->n_iqs || !a->extra != !b->extra ||
	    (a->extra && strcmp(a->extra, b->extra) != 0) || !a->hosts != !b->hosts ||
	    (a->hosts && strcmp(a->hosts, b->hosts) != 0))
		return false;
	for (size_t i = 0; i < a->n_iqs; i++) {
		if (a->iqs[i].type != b->iqs[i].type || strcmp(a->iqs[i].ns, b->iqs[i].ns) != 0)
			return false;
	}
	return true;
}

int privileges_check(const struct conf_list *list, char *err, size_t err_len)
{
	struct grants g;
	int rc = grants_parse(&g, list, err, err_len);

	grants_done(&g);
	return rc;
}
