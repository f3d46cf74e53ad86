/* SPDX-License-Identifier: MIT */
/* What the privilege*.c files share and nobody else includes.
 *
 *   privilege.c           a component's state, advertisement, who may do what
 *   privilege_grants.c    the setting `privilege`
 *   privilege_roster.c    rosters and their pushes
 *   privilege_msg.c       messages in an account's name
 *   privilege_iq.c        iqs in an account's name, and their answers
 *   privilege_presence.c  presence of accounts and their contacts */
#ifndef ROUTER_PRIVILEGE_INTERNAL_H
#define ROUTER_PRIVILEGE_INTERNAL_H

#include <stdint.h>

#include <base/list.h>
#include <base/loop.h>
#include <base/map.h>
#include <xmpp/el.h>

#include "links/privilege.h"

struct conf_list;
struct stanza;

enum priv_type { PRIV_NONE = 0, PRIV_GET = 1, PRIV_SET = 2, PRIV_BOTH = 3 };
enum priv_presence { PRIV_PRESENCE_NONE, PRIV_PRESENCE_MANAGED, PRIV_PRESENCE_ROSTER };

struct priv_ns {
	char *ns;
	enum priv_type type;
};
struct grants {
	enum priv_type roster;
	bool push; /* of roster changes; only with get */
	bool message;
	enum priv_presence presence;
	struct priv_ns *iqs;
	size_t n_iqs;
	char *extra; /* the namespace that may be added to presence; NULL: none */
	char *hosts; /* for whose accounts: only to see what a reload has changed */
};
/* 0 or -EINVAL with what is wrong in err (then *out is empty). */
int grants_parse(struct grants *out, const struct conf_list *list, char *err, size_t err_len);
void grants_done(struct grants *g); /* zeroed memory is fine */
bool grants_any(const struct grants *g);
bool grants_same(const struct grants *a, const struct grants *b);
const char *priv_type_name(enum priv_type t);

enum {
	PRIV_DUMP_STEP = 64,          /* presences under way at once */
	PRIV_DUMP_QUEUED = 256 << 10, /* bytes in the link's queue above which a dump waits */
	PRIV_DUMP_WAIT_MS = 50,
	PRIV_SEEN_MAX = 16384, /* contacts whose last presence is known */
	PRIV_IQS_MAX = 1024,   /* open ones of one component */
	PRIV_IQ_MS = 30 * 1000,
	PRIV_RETELL_MS = 1000,
};

/* A late component is told who is here (XEP-0356 8): sessions that have not had their turn. */
struct dump {
	struct map open;       /* struct dump_row by full JID */
	struct list rows;      /* in order */
	struct list under_way; /* struct stanza.link */
	bool stepping;
	struct task task;
	struct timer timer;
};

struct privileged {
	struct router *router;
	struct component *component;
	struct grants grants;
	bool untold;         /* a reload has changed them while the link was away */
	struct timer retell; /* armed: something was lost, of which it is to learn by that */
	struct dump dump;
	struct map seen; /* struct seen: contacts' last presence */
	struct list seen_by_use;
	struct map iqs; /* struct priv_iq by id */
};

struct privileged *privileged_of(struct router *r, struct component *c);
/* Called for each component that may see at least so much of presence. */
typedef void privileged_fn(struct privileged *p, void *arg);
void privileged_each(struct router *r, privileged_fn *fn, void *arg);
/* A bare JID of an account that exists, at a host that the component works for? */
bool privileged_account(struct privileged *p, const struct jid *j);

/* A roster push found no room: the component is told its grants again when there is. */
void privilege_lost(struct privileged *p);

/* privilege_iq.c */
void privilege_iqs_end(struct privileged *p);
/* privilege_presence.c */
void privilege_presence_init(struct privileged *p);
void privilege_presence_done(struct privileged *p);
void privilege_dump(struct privileged *p);   /* from the beginning */
void privilege_resume(struct privileged *p); /* where it was */

#endif
