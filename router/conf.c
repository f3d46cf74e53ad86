/* SPDX-License-Identifier: MIT */
/* The router's table of settings, and what no single row can check. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <xmpp/jid.h>

#include "conf.h"
#include "links/delegate.h"
#include "links/privilege.h"

#define AT(field) offsetof(struct router_conf, field)
#define COMP(field) offsetof(struct component_conf, field)
#define E2E_KINDS "OMEMO, OpenPGP or OTR"

/* RFC 3986 3: a scheme, and something behind it. */
static int check_uri(const char *value, char *err, size_t err_len)
{
	size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789+-.");

	if (n > 0 && isalpha((unsigned char)value[0]) && value[n] == ':' && value[n + 1])
		return 0;
	(void)snprintf(err, err_len, "URIs, as xmpp:admin@example.org");
	return -EINVAL;
}

#define CONTACT(role)                                                                            \
	{                                                                                        \
		"server_contact_info_" #role, CONF_LIST, AT(contact.role),                       \
		    .flags = CONF_RELOAD, .check = check_uri,                                    \
		    .help =                                                                      \
			"whom to write to (XEP-0157), as URIs; none: xmpp:" #role "@ the domain" \
	}

static const struct conf_opt opts[] = {
	{ "domain", CONF_LIST, AT(domains), .flags = CONF_REQUIRED, .help = "the domains served" },
	{ "admins", CONF_LIST, AT(admins), .env = "ADMINS|PROSODY_ADMINS", .flags = CONF_RELOAD,
	    .help = "bare JIDs of administrators" },
	{ "local", CONF_STR, AT(first_local),
	    .help = "account LOCAL@DOMAIN is made at start if absent" },
	{ "password", CONF_SECRET, AT(first_password), .help = "its password" },
	{ "listen", CONF_STR, AT(listen), "0.0.0.0,::", .help = "addresses of the public ports" },
	{ "component_listen", CONF_STR, AT(component_listen), "127.0.0.1,::1",
	    .help = "addresses of the component ports" },
	{ "certs_dir", CONF_STR, AT(certs_dir), "/etc/switchyard/certs",
	    .help = "folders, with commas between them, where certificates are found" },
	{ "component_socket", CONF_STR, AT(component_socket),
	    .help = "a Unix socket for components, besides the ports; empty: none" },
	{ "component_certs_dir", CONF_STR, AT(component_certs_dir),
	    .help = "where the component port's certificates are found; empty: in CERTS_DIR" },
	{ "ctl_socket", CONF_STR, AT(ctl_socket), "/run/switchyard/ctl.sock",
	    .help = "the control socket of switchyardctl; empty: none" },
	{ "c2s_port", CONF_INT, AT(c2s_port), "5222", 0, 65535,
	    .help = "clients, STARTTLS required; 0: off" },
	{ "c2s_tls_port", CONF_INT, AT(c2s_tls_port), "5223", 0, 65535,
	    .help = "clients, direct TLS (XEP-0368); 0: off" },
	{ "component_port", CONF_INT, AT(component_port), "5347", 0, 65535,
	    .help = "components (XEP-0114), in the clear; 0: off" },
	{ "component_tls_port", CONF_INT, AT(component_tls_port), "5348", 0, 65535,
	    .help = "components, TLS from the first byte; 0: off" },
	{ "component_allow_public", CONF_BOOL, AT(component_allow_public), "false",
	    .help = "let components connect from public addresses in the clear, too" },
	{ "c2s_require_encryption", CONF_BOOL, AT(c2s_require_encryption), "true",
	    .help = "true is the only value: nobody logs in without TLS" },
	{ "allow_registration", CONF_BOOL, AT(allow_registration), "false", .flags = CONF_RELOAD,
	    .help = "let people make accounts in band (XEP-0077)" },
	{ "registration_invite_only", CONF_BOOL, AT(registration_invite_only), "true",
	    .flags = CONF_RELOAD,
	    .help = "only with an invitation (XEP-0445; switchyardctl invite create)" },

	{ "fast_token_ttl", CONF_TIME, AT(fast.token_ttl), "21d", 0, INT64_C(366) * 86400,
	    .flags = CONF_RELOAD,
	    .help = "how long a token is good for that a client logs in with instead of its "
		    "password (XEP-0484); 0: there are none" },

	CONTACT(abuse),
	CONTACT(admin),
	CONTACT(feedback),
	CONTACT(sales),
	CONTACT(security),
	CONTACT(support),

	{ "archive_default", CONF_CHOICE, AT(archive_default), "always",
	    .choices = "never|roster|always", .flags = CONF_RELOAD,
	    .help = "whose messages are kept for accounts that have not said it (XEP-0441), where "
		    "there is an archive" },
	{ "e2e_policy_chat", CONF_CHOICE, AT(e2e.chat), "required",
	    .choices = "none|optional|required", .flags = CONF_RELOAD,
	    .help = "end-to-end encryption of all messages but groupchat" },
	{ "e2e_policy_muc", CONF_CHOICE, AT(e2e.muc), "required",
	    .choices = "none|optional|required", .flags = CONF_RELOAD,
	    .help = "end-to-end encryption of groupchat" },
	{ "e2e_policy_whitelist", CONF_LIST, AT(e2e.whitelist), .flags = CONF_RELOAD,
	    .help = "bare JIDs and domains that are exempt" },
	{ "e2e_policy_message_optional_chat", CONF_STR, AT(e2e.msg_optional_chat),
	    "This server recommends end-to-end encryption: " E2E_KINDS ".", .flags = CONF_RELOAD,
	    .help = "what a sender is told once, optional mode" },
	{ "e2e_policy_message_optional_muc", CONF_STR, AT(e2e.msg_optional_muc),
	    "This server recommends end-to-end encryption in rooms: " E2E_KINDS ".",
	    .flags = CONF_RELOAD, .help = "the same for rooms" },
	{ "e2e_policy_message_required_chat", CONF_STR, AT(e2e.msg_required_chat),
	    "This server requires end-to-end encryption: " E2E_KINDS
	    ". The message was not delivered.",
	    .flags = CONF_RELOAD, .help = "what a refused sender is told" },
	{ "e2e_policy_message_required_muc", CONF_STR, AT(e2e.msg_required_muc),
	    "This server requires end-to-end encryption in rooms: " E2E_KINDS
	    ". The message was not delivered.",
	    .flags = CONF_RELOAD, .help = "the same for rooms" },

	{ "limit_stanza_before_login", CONF_SIZE, AT(limit.stanza_before_login), "64k", 0, 1 << 30,
	    .flags = CONF_RELOAD,
	    .help = "bytes of one element before login; 0 (everywhere): no limit" },
	{ "limit_stanza", CONF_SIZE, AT(limit.stanza), "256k", 0, 1 << 30, .flags = CONF_RELOAD,
	    .help = "bytes of one stanza of a client" },
	{ "limit_presence", CONF_SIZE, AT(limit.presence), "16k", 0, 1 << 30, .flags = CONF_RELOAD,
	    .help = "bytes of one presence of a client, which goes to all its contacts" },
	{ "limit_depth", CONF_INT, AT(limit.depth), "64", 0, 10000, .flags = CONF_RELOAD,
	    .help = "nesting of elements" },
	{ "limit_attributes", CONF_INT, AT(limit.attributes), "64", 0, 10000, .flags = CONF_RELOAD,
	    .help = "attributes of one element" },
	{ "limit_children", CONF_INT, AT(limit.children), "4096", 0, 1000000, .flags = CONF_RELOAD,
	    .help = "children of one element" },
	{ "limit_connections_per_address", CONF_INT, AT(limit.connections_per_address), "200", 0,
	    1000000, .flags = CONF_RELOAD,
	    .help = "client connections of one address or IPv6 /64" },
	{ "limit_login_time", CONF_TIME, AT(limit.login_time), "30", 0, 86400, .flags = CONF_RELOAD,
	    .help = "seconds until a connection has logged in" },
	{ "limit_failed_logins", CONF_INT, AT(limit.failed_logins), "5", 0, 1000000,
	    .flags = CONF_RELOAD,
	    .help = "a minute, of one address and of one account; then delayed" },
	{ "limit_registrations", CONF_INT, AT(limit.registrations), "5", 0, 1000000,
	    .flags = CONF_RELOAD, .help = "in-band registrations an hour of one address" },
	{ "limit_resources", CONF_INT, AT(limit.resources), "10", 0, 100000, .flags = CONF_RELOAD,
	    .help = "sessions of one account" },
	{ "limit_fast_clients", CONF_INT, AT(limit.fast_clients), "16", 0, 1000,
	    .flags = CONF_RELOAD,
	    .help = "clients of one account that have such tokens; the oldest goes" },
	{ "limit_roster_items", CONF_INT, AT(limit.roster_items), "2000", 0, 1000000,
	    .flags = CONF_RELOAD, .help = "contacts of one account" },
	{ "limit_output_bytes", CONF_SIZE, AT(limit.output_bytes), "2M", 0, (int64_t)1 << 32,
	    .flags = CONF_RELOAD, .help = "bytes that may wait for a client that does not read" },
	{ "limit_output_stanzas", CONF_INT, AT(limit.output_stanzas), "5000", 0, 10000000,
	    .flags = CONF_RELOAD, .help = "stanzas that may wait for such a client" },
	{ "limit_sm_bytes", CONF_SIZE, AT(limit.sm_bytes), "4M", 0, (int64_t)1 << 32,
	    .flags = CONF_RELOAD,
	    .help = "bytes sent to a session that its client has not acknowledged (XEP-0198)" },
	{ "limit_sm_stanzas", CONF_INT, AT(limit.sm_stanzas), "5000", 0, 10000000,
	    .flags = CONF_RELOAD, .help = "stanzas likewise" },
	{ "limit_sleep", CONF_TIME, AT(limit.sleep), "10m", 0, 604800, .flags = CONF_RELOAD,
	    .help =
		"how long a session waits for its client to resume it; 0: sessions end with their "
		"connection" },
	{ "limit_sleep_bytes", CONF_SIZE, AT(limit.sleep_bytes), "256M", 0, (int64_t)1 << 40,
	    .flags = CONF_RELOAD,
	    .help = "bytes that all such sessions keep, 4096 for each at least" },
	{ "limit_session_rate", CONF_SIZE, AT(limit.session_rate), "64k", 0, 1 << 30,
	    .flags = CONF_RELOAD,
	    .help = "incoming bytes a second of one session, 256 for each stanza at "
		    "least, by not reading" },
	{ "limit_session_burst", CONF_SIZE, AT(limit.session_burst), "1M", 1, 1 << 30,
	    .flags = CONF_RELOAD, .help = "bytes that may come at once" },
	{ 0 },
};

static const struct conf_opt component_opts[] = {
	{ "domain", CONF_STR, COMP(domain), .env = "DOMAIN_*",
	    .help = "default: the title (of muc: conference) below the first domain served" },
	{ "secret", CONF_SECRET, COMP(secret), .flags = CONF_REQUIRED,
	    .help = "shared with the component" },
	{ "e2e", CONF_CHOICE, COMP(e2e), "check", .choices = "check|trusted|exempt",
	    .help = "what it sends is checked, was checked on its way in, or is exempt" },
	{ "connections", CONF_CHOICE, COMP(connections), "replace", .env = "CONNECTIONS_*",
	    .choices = "replace|reject|share",
	    .help = "what a second connection for the domain does" },
	{ "internal", CONF_BOOL, COMP(internal), "false",
	    .help = "it is not in disco, and nobody but the server may address it" },
	{ "hosts", CONF_LIST, COMP(hosts), .help = "served domains that it works for; none: all" },
	{ "delegate", CONF_LIST, COMP(delegate),
	    .help = "namespaces whose questions it answers for the server and its accounts "
		    "(XEP-0355)" },
	{ "privilege", CONF_LIST, COMP(privilege),
	    .help = "what it may do in the name of accounts (XEP-0356)" },
	{ "tap", CONF_LIST, COMP(tap),
	    .help = "what it is told without being addressed: accounts, messages, undelivered" },
	{ "link_grace", CONF_TIME, COMP(link_grace), "30", 0, 86400,
	    .help = "seconds that stanzas wait for a component whose connection was lost" },
	{ "link_queue", CONF_SIZE, COMP(link_queue), "16M", 65536, 1 << 30,
	    .help = "bytes that may wait for it, or for its acknowledgement" },
	{ "max_stanza", CONF_SIZE, COMP(max_stanza), "1M", 1024, 1 << 30,
	    .help = "bytes of one stanza, from it and, less an eighth, to it" },
	{ "rate", CONF_SIZE, COMP(rate), "16M", 0, (int64_t)1 << 40,
	    .help = "bytes a second it may send, by not reading; 0: no limit" },
	{ "rate_burst", CONF_SIZE, COMP(rate_burst), "32M", 1, (int64_t)1 << 40,
	    .help = "bytes that may come at once" },
	{ 0 },
};

/* Our own components: they exist once their secret is set, with what they need to do their work
 * (docs/component-protocol.md). */
static const char *const builtin[] = { "echo", "muc", "pubsub", "archive", NULL };
static const struct conf_preset presets[] = {
	{ "muc", "e2e", "trusted" }, /* what it reflects was checked on its way in */
	{ "muc", "rate", "256M" },   /* one message in is hundreds out */
	{ "muc", "rate_burst", "256M" },
	{ "pubsub", "e2e", "trusted" }, /* its events are what one encrypts by */
	{ "pubsub", "rate", "256M" },
	{ "pubsub", "rate_burst", "256M" },
	{ "pubsub", "delegate",
	    "http://jabber.org/protocol/pubsub, http://jabber.org/protocol/pubsub#owner, "
	    "vcard-temp, jabber:iq:private, urn:xmpp:delegation:2:bare:disco#info:*, "
	    "urn:xmpp:delegation:2:bare:disco#items:*" },
	{ "pubsub", "privilege",
	    "roster=get, message=outgoing, presence=roster, "
	    "iq:http://jabber.org/protocol/disco#info=get, presence-extra=vcard-temp:x:update" },
	{ "pubsub", "tap", "accounts" },
	{ "archive", "internal", "true" }, /* people ask their own account */
	{ "archive", "e2e", "trusted" },   /* what it tells was checked before it was kept */
	{ "archive", "rate", "256M" },
	{ "archive", "rate_burst", "256M" },
	{ "archive", "delegate", "urn:xmpp:mam:2" },
	{ "archive", "privilege", "message=outgoing" },
	{ "archive", "tap", "messages, undelivered, accounts" },
	{ 0 },
};
/* Their label below the first domain, where that is not the title. */
static const struct {
	const char *title, *label;
} labels[] = {
	{ "muc", "conference" },
};

static const struct conf_section sections[] = {
	{
	    .name = "component",
	    .opts = component_opts,
	    .size = sizeof(struct component_conf),
	    .off_items = AT(components),
	    .env_secret = "secret",
	    .builtin = builtin,
	    .presets = presets,
	},
	{ 0 },
};

/* --- beyond single rows --------------------------------------------------------------------- */

#define FAULT(...) ((void)snprintf(err, err_len, __VA_ARGS__), -EINVAL)

static void replace(char **slot, const char *by)
{
	char *copy = xstrdup(by);

	free(*slot);
	*slot = copy;
}

static int prepare_domains(struct router_conf *c, struct arena *a, char *err, size_t err_len)
{
	for (size_t i = 0; i < c->domains.n; i++) {
		char *p;

		if (prep_domain(a, c->domains.v[i], &p) < 0)
			return FAULT("DOMAIN: \"%s\" is not a domain name", c->domains.v[i]);
		replace(&c->domains.v[i], p);
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(c->domains.v[k], p))
				return FAULT("DOMAIN: \"%s\" is there twice", p);
		}
	}
	return 0;
}

static int prepare_jids(
    struct conf_list *list, const char *name, struct arena *a, char *err, size_t err_len)
{
	for (size_t i = 0; i < list->n; i++) {
		struct jid j;

		if (jid_parse(&j, a, list->v[i]) < 0 || !jid_is_bare(&j))
			return FAULT("%s: \"%s\" is not a bare JID or domain", name, list->v[i]);
		replace(&list->v[i], j.s);
	}
	return 0;
}

static bool domain_taken(const struct router_conf *c, size_t n_comps, const char *domain)
{
	if (conf_list_has(&c->domains, domain, strlen(domain)))
		return true;
	for (size_t i = 0; i < n_comps; i++) {
		if (!strcmp(c->components[i]->domain, domain))
			return true;
	}
	return false;
}

static const char *label_of(const char *title)
{
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (!strcmp(labels[i].title, title))
			return labels[i].label;
	}
	return title;
}

/* What a component works for is served here: anything else is a slip of the pen. */
static int prepare_hosts(const struct router_conf *c, struct component_conf *cc, struct arena *a,
    char *err, size_t err_len)
{
	for (size_t i = 0; i < cc->hosts.n; i++) {
		char *p;

		if (prep_domain(a, cc->hosts.v[i], &p) < 0)
			return FAULT("component %s: hosts: \"%s\" is not a domain name", cc->title,
			    cc->hosts.v[i]);
		if (!conf_list_has(&c->domains, p, strlen(p)))
			return FAULT(
			    "component %s: hosts: \"%s\" is not one of DOMAIN", cc->title, p);
		replace(&cc->hosts.v[i], p);
	}
	return 0;
}

bool conf_works_for(const struct component_conf *cc, const char *domain, size_t len)
{
	return cc->hosts.n == 0 || conf_list_has(&cc->hosts, domain, len);
}

const char *conf_common_host(
    const struct router_conf *c, const struct component_conf *a, const struct component_conf *b)
{
	for (size_t i = 0; i < c->domains.n; i++) {
		const char *host = c->domains.v[i];

		if (conf_works_for(a, host, strlen(host)) && conf_works_for(b, host, strlen(host)))
			return host;
	}
	return NULL;
}

static bool has_messages(const struct component_conf *cc)
{
	return conf_list_has(&cc->tap, "messages", strlen("messages"));
}

/* Those before it have prepared hosts, as it has: a message has one archive. */
static int check_tap(const struct router_conf *c, size_t at, char *err, size_t err_len)
{
	const struct component_conf *cc = c->components[at];

	for (size_t i = 0; i < cc->tap.n; i++) {
		const char *v = cc->tap.v[i];

		if (strcmp(v, "accounts") != 0 && strcmp(v, "messages") != 0 &&
		    strcmp(v, "undelivered") != 0)
			return FAULT("component %s: tap: \"%s\" is not known, accounts, messages "
				     "and undelivered are",
			    cc->title, v);
	}
	if (cc->connections == COMP_SHARE &&
	    (has_messages(cc) || conf_list_has(&cc->tap, "undelivered", strlen("undelivered"))))
		return FAULT("component %s: connections = share: messages cannot be tapped, two "
			     "members would each have to keep them",
		    cc->title);
	for (size_t i = 0; i < at && has_messages(cc); i++) {
		if (has_messages(c->components[i]) && conf_common_host(c, c->components[i], cc))
			return FAULT("component %s: tap: messages are component %s's already",
			    cc->title, c->components[i]->title);
	}
	return 0;
}

static int prepare_components(struct router_conf *c, struct arena *a, char *err, size_t err_len)
{
	for (size_t i = 0; c->components && c->components[i]; i++) {
		struct component_conf *cc = c->components[i];
		char *p;

		if (!cc->domain || !*cc->domain) {
			free(cc->domain);
			cc->domain = xasprintf("%s.%s", label_of(cc->title), c->domains.v[0]);
		}
		if (strchr(cc->domain, ','))
			return FAULT("component %s: domain \"%s\" is more than one domain: give "
				     "each a section, and a process, of its own",
			    cc->title, cc->domain);
		if (prep_domain(a, cc->domain, &p) < 0)
			return FAULT("component %s: domain \"%s\" is not a domain name", cc->title,
			    cc->domain);
		if (domain_taken(c, i, p))
			return FAULT("component %s: domain \"%s\" is taken", cc->title, p);
		replace(&cc->domain, p);
		if (!cc->secret || !*cc->secret)
			return FAULT("component %s: the secret is empty", cc->title);
		if (prepare_hosts(c, cc, a, err, err_len) < 0)
			return -EINVAL;
		if (check_tap(c, i, err, err_len) < 0)
			return -EINVAL;
	}
	return 0;
}

static int check_privileges(struct router_conf *c, char *err, size_t err_len)
{
	for (size_t i = 0; c->components && c->components[i]; i++) {
		const struct component_conf *cc = c->components[i];
		char why[512];

		if (privileges_check(&cc->privilege, why, sizeof(why)) < 0)
			return FAULT("component %s: privilege %s", cc->title, why);
	}
	return 0;
}

static int check(void *conf, char *err, size_t err_len)
{
	struct router_conf *c = conf;
	struct arena *a = arena_new();
	int r = 0;

	if (c->domains.n == 0)
		r = FAULT("DOMAIN: at least one domain is needed");
	else if (!c->c2s_require_encryption)
		r = FAULT(
		    "C2S_REQUIRE_ENCRYPTION: only true is allowed, nobody logs in without TLS");
	if (r == 0)
		r = prepare_domains(c, a, err, err_len);
	if (r == 0)
		r = prepare_jids(&c->admins, "ADMINS", a, err, err_len);
	if (r == 0)
		r = prepare_jids(&c->e2e.whitelist, "E2E_POLICY_WHITELIST", a, err, err_len);
	if (r == 0)
		r = prepare_components(c, a, err, err_len);
	if (r == 0)
		r = delegate_check(c, err, err_len);
	if (r == 0)
		r = check_privileges(c, err, err_len);
	arena_free(a);
	return r;
}

const struct conf_def router_conf_def = {
	.program = "router",
	.opts = opts,
	.sections = sections,
	.size = sizeof(struct router_conf),
	.check = check,
};
