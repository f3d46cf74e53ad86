/* SPDX-License-Identifier: MIT */
/* Publish-subscribe (XEP-0060) at the component's own domain and, where the server delegates it, at
 * each account (PEP, XEP-0163): its settings, and what all of its files share.
 *
 *   main        settings, start and stop            service    an address that has nodes
 *   routes      which stanza goes where             node       a node, its lists
 *   request     what a stanza's handler is given
 *   access      who may do what, pure               item       what a node keeps
 *   config      settings of a node, its form        store      SQL
 *   publish     publish, retract                    retrieve   items in pages
 *   subscribe   subscriptions of one's own          create     nodes made, configured
 *   owner       configuration, purge, delete        lists      affiliations and subscriptions
 *   approve     subscriptions that an owner allows  notify     events to subscribers
 *   session     who is here                         caps       what their clients want (XEP-0115)
 *   last        the last items, to who comes        roster     whose presence who sees
 *   account     accounts that go                    regard     what a changed roster means
 *   disco
 *   vcard avatar (0054, 0153, 0398)                 private bookmarks (0049, 0048, 0402)
 *
 * What decides lives in memory: a service with its nodes is read when somebody first needs it and
 * goes again when it has not been used for long.  Payloads are in the database; those that are not
 * committed yet, and the ones used last, are in memory, too. */
#ifndef PUBSUB_PUBSUB_H
#define PUBSUB_PUBSUB_H

#include <base/list.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/rate.h>
#include <comp/comp.h>
#include <comp/who.h>

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_OWNER NS_PUBSUB "#owner"
#define NS_PUBSUB_EVENT NS_PUBSUB "#event"
#define NS_PUBSUB_ERRORS NS_PUBSUB "#errors"
#define NS_PUBSUB_NODE_CONFIG NS_PUBSUB "#node_config"
#define NS_PUBSUB_OPTIONS NS_PUBSUB "#publish-options"
#define NS_PUBSUB_META NS_PUBSUB "#meta-data"
#define NS_PUBSUB_AUTHORIZE NS_PUBSUB "#subscribe_authorization"
#define NS_VCARD "vcard-temp"
#define NS_PRIVATE "jabber:iq:private"
#define NS_DELEGATION_ANY "urn:xmpp:delegation:" /* of any version; XEP-0355 7.2 */

/* Bounds that are part of the design; those that an operator may want to set are settings. */
enum {
	PUBSUB_NODE_NAME = 1023,    /* bytes of a node's name */
	PUBSUB_ITEM_ID = 1023,      /* bytes of an item's id */
	PUBSUB_TEXT = 1024,         /* bytes of a title, a description, a type */
	PUBSUB_GROUPS = 64,         /* roster groups that may see a node */
	PUBSUB_LIST = 256,          /* entries of one change of affiliations or subscriptions */
	PUBSUB_SUBS_OF_ONE = 16,    /* subscriptions of one bare JID to one node */
	PUBSUB_PAGE = 1000,         /* items in one answer, */
	PUBSUB_DISCO_PAGE = 1000,   /* nodes or items in one answer to disco#items */
	PUBSUB_CACHE = 64 << 20,    /* bytes of services in memory that nobody uses right now */
	PUBSUB_PAYLOADS = 16 << 20, /* bytes of payloads in memory */
	PUBSUB_SESSIONS = 200000,   /* sessions known */
	PUBSUB_ROSTERS = 32 << 20,  /* bytes of rosters that nobody waits for */
};

enum pubsub_create { CREATE_ANYONE, CREATE_LOCAL, CREATE_ADMINS };

struct pubsub_conf {
	struct comp_conf comp;
	int create; /* enum pubsub_create: nodes at the component's domain */
	struct conf_list local_domains, admins;
	int64_t max_item, max_items, max_nodes, max_bytes, max_affiliations, max_subscriptions;
	int64_t rate, burst; /* changes a second of one user */
};

struct pubsub {
	struct comp *c;
	struct pubsub_conf *conf;
	int64_t last_node, last_seq; /* the last numbers given: they grow for ever */
	struct map services;         /* struct service by address */
	struct list services_by_use; /* the one used longest ago first */
	size_t services_bytes;
	struct list payloads; /* struct item with a payload in memory, likewise */
	size_t payloads_bytes;
	struct list gone; /* account.c: accounts whose end is not committed yet */
	struct map peers; /* session.c: struct peer by bare JID */
	size_t n_sessions;
	struct list fresh;  /* sessions that have not been sent the last items */
	struct timer again; /* last.c: what could not be read then is tried again */
	struct map caps;    /* caps.c: struct caps by key */
	struct list unused_caps;
	size_t n_unused_caps;
	unsigned caps_stored;
	struct map rosters; /* roster.c: struct roster by account */
	struct list rosters_by_use;
	size_t rosters_bytes;
	struct map watched; /* roster.c: contacts at other servers, struct watch_list by bare JID */
	struct who admins;  /* bare JIDs */
	struct who local_domains;
	struct rate_conf rate;
	struct rate_table *changes; /* by bare JID */
};

/* pubsub.c */
void pubsub_init(struct pubsub *p, struct comp *c);
int pubsub_load(struct pubsub *p); /* 0 or -Exxx */
void pubsub_forget(struct pubsub *p);
void pubsub_stop(struct pubsub *p); /* the end has begun: nothing is sent any more */
void pubsub_done(struct pubsub *p); /* once the loop has ended; zeroed memory is fine */
void pubsub_reload(struct pubsub *p);
bool pubsub_is_admin(const struct pubsub *p, const char *bare);
/* Of a domain that the server itself serves: it has accounts, rosters, sessions. */
bool pubsub_is_local(const struct pubsub *p, const struct jid *j);
bool pubsub_may_create(const struct pubsub *p, const struct jid *who);
int64_t pubsub_wall(const struct pubsub *p); /* Unix milliseconds */
int64_t pubsub_next_seq(struct pubsub *p);

#endif
