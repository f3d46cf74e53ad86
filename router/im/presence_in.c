/* SPDX-License-Identifier: MIT */
/* Presence for local accounts: from a component, or directed by another local session. */
#include <errno.h>

#include <base/arena.h>

#include "core/session.h"
#include "core/stanza.h"
#include "im/presence.h"
#include "im/presence_send.h"
#include "im/roster_internal.h"
#include "im/subscribe.h"
#include "links/privilege.h"
#include "router.h"

/* 8.5.2.1.2, 8.5.3.1: a full JID that is connected gets it, available or not. */
static void deliver(struct router *r, struct stanza *st)
{
	struct user *u;
	struct session *s;

	if (st->to.res) {
		s = sessions_find(r->sessions, &st->to);
		if (s)
			session_send(s, st->el);
		return;
	}
	u = sessions_user(r->sessions, &st->to);
	if (!u)
		return;
	LIST_EACH (it, &u->sessions) {
		s = LIST_ENTRY(it, struct session, of_user);
		if (session_available(s))
			session_send(s, st->el);
	}
}

/* 4.3.2.  Accounts that do not exist and those whose presence the asker may not see answer alike.
 * If the roster cannot be read there is no answer: "unsubscribed" would end a subscription. */
static void probe(struct router *r, struct stanza *st)
{
	struct roster *ro;
	struct user *u;
	bool shown = false;
	int rc = roster_get(r->rosters, &st->to, &ro);

	if (rc < 0 && rc != -ENOENT)
		return;
	if (rc == -ENOENT || !roster_sees(r, &st->to, &st->from)) {
		subscribe_refuse(r, &st->to, &st->from);
		return;
	}
	u = sessions_user(r->sessions, &st->to);
	if (u) {
		LIST_EACH (it, &u->sessions) {
			struct session *s = LIST_ENTRY(it, struct session, of_user);

			if (!session_available(s) || (st->to.res && !jid_same(&s->jid, &st->to)))
				continue;
			presence_send(r, s->im.presence, &st->from);
			shown = true;
		}
	}
	if (!shown) {
		EL_AUTO struct el *gone = presence_gone(&st->to);

		presence_send(r, gone, &st->from);
	}
}

void presence_to_user(struct router *r, struct stanza *st)
{
	enum sub_event ev;

	if (subscribe_event(st, &ev))
		subscribe_in(r, st, ev);
	else if (st->type == ST_PRES_PROBE)
		probe(r, st);
	else
		deliver(r, st);
	if (!st->session)
		privilege_contact(r, st, &st->to);
}
