/* SPDX-License-Identifier: MIT */
/* The router's settings: one table, one struct. */
#ifndef ROUTER_CONF_H
#define ROUTER_CONF_H

#include <base/conf.h>
#include <base/daemon.h>

enum e2e_mode { E2E_NONE, E2E_OPTIONAL, E2E_REQUIRED };                 /* E2E_POLICY_... */
enum archive_default { ARCHIVE_NEVER, ARCHIVE_ROSTER, ARCHIVE_ALWAYS }; /* ARCHIVE_DEFAULT */
enum comp_e2e { COMP_E2E_CHECK, COMP_E2E_TRUSTED, COMP_E2E_EXEMPT };    /* a component's `e2e` */
enum comp_connections { COMP_REPLACE, COMP_REJECT, COMP_SHARE };

struct component_conf { /* component NAME { ... } */
	char *title;
	char *domain; /* empty: DOMAIN_<TITLE>, else <title>.<first DOMAIN> */
	char *secret;
	int e2e;                    /* enum comp_e2e */
	int connections;            /* enum comp_connections */
	bool internal;              /* nobody but the router may address it */
	struct conf_list hosts;     /* served domains that it works for; none: all */
	struct conf_list delegate;  /* links/delegate.c */
	struct conf_list privilege; /* links/privilege.c */
	struct conf_list tap;       /* links/events.c */
	int64_t max_stanza;
	int64_t rate;       /* bytes per second, 0: none */
	int64_t rate_burst; /* bytes */
	int64_t link_grace; /* seconds */
	int64_t link_queue; /* bytes */
};

struct router_conf {
	struct daemon_conf daemon;
	struct conf_list domains;
	struct conf_list admins;
	char *first_local, *first_password; /* LOCAL, PASSWORD */
	char *listen, *component_listen;    /* comma lists of addresses */
	char *certs_dir;
	char *component_certs_dir; /* empty: certs_dir */
	char *component_socket;    /* empty: none */
	char *ctl_socket;
	int64_t c2s_port, c2s_tls_port, component_port, component_tls_port;
	bool component_allow_public;
	bool c2s_require_encryption; /* true is the only value that is accepted */
	int archive_default;         /* enum archive_default */
	bool allow_registration, registration_invite_only;
	struct {
		int chat, muc; /* enum e2e_mode */
		struct conf_list whitelist;
		char *msg_optional_chat, *msg_optional_muc, *msg_required_chat, *msg_required_muc;
	} e2e;
	struct {
		int64_t token_ttl; /* XEP-0484: seconds; 0: nobody gets one */
	} fast;
	struct { /* XEP-0157: URIs; none: xmpp:<role>@ the domain that is asked */
		struct conf_list abuse, admin, feedback, sales, security, support;
	} contact;
	struct {
		int64_t stanza_before_login, stanza, presence;
		int64_t depth, attributes, children;
		int64_t connections_per_address;
		int64_t login_time;    /* seconds */
		int64_t failed_logins; /* a minute, per address and per account */
		int64_t registrations; /* an hour, per address */
		int64_t resources, roster_items;
		int64_t fast_clients; /* of an account */
		int64_t output_bytes, output_stanzas;
		int64_t sm_bytes, sm_stanzas;
		int64_t sleep; /* seconds */
		int64_t sleep_bytes;
		int64_t session_rate, session_burst; /* bytes a second, bytes */
	} limit;
	struct component_conf **components; /* NULL-terminated */
};

/* Does it work for this domain, which is served here? */
bool conf_works_for(const struct component_conf *cc, const char *domain, size_t len);
/* A domain that both work for; NULL: none. */
const char *conf_common_host(
    const struct router_conf *c, const struct component_conf *a, const struct component_conf *b);

/* Its check prepares domains and JIDs in place and derives the component domains. */
extern const struct conf_def router_conf_def;

#endif
