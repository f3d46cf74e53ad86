/* SPDX-License-Identifier: MIT */
#include <base/log.h>
#include <base/rnd.h>

#include "ghost.h"
#include "invite.h"
#include "leave.h"

#define NS_HINTS "urn:xmpp:hints"

static const struct log_tag tag = { .mod = "room" };

/* XEP-0045 15.1.2, and what servers say for a resource that they do not have. */
static bool means_gone(enum el_cond c)
{
	switch (c) {
	case COND_GONE:
	case COND_ITEM_NOT_FOUND:
	case COND_JID_MALFORMED:
	case COND_RECIPIENT_UNAVAILABLE:
	case COND_REDIRECT:
	case COND_REMOTE_SERVER_NOT_FOUND:
	case COND_REMOTE_SERVER_TIMEOUT:
	case COND_SERVICE_UNAVAILABLE:
		return true;
	default:
		return false;
	}
}

/* The error to a private message goes to who had sent it. */
static void pass_back(const struct room *r, const struct session *from, const struct comp_req *rq)
{
	const char *nick = jid_resource(comp_to(rq));
	const struct occupant *to = nick ? room_occupant(r, nick) : NULL;

	if (!to || to == from->occ)
		return;

	EL_AUTO struct el *out = el_dup(comp_el(rq));

	el_set(out, "from", from->occ->jid);
	LIST_EACH (it, &to->sessions)
		(void)comp_send_copy(
		    r->m->c, out, NULL, LIST_ENTRY(it, struct session, link)->jid.s);
}

int ghost_error(struct muc *m, struct room *r, struct comp_req *rq)
{
	struct session *s = r ? room_session(r, comp_from(rq)) : NULL;
	enum el_cond cond = el_error(comp_el(rq), NULL);
	struct note n = { .gone = true };

	(void)m;
	if (!r)
		return HANDLED;
	if (!s) {
		if (el_kind(comp_el(rq)) == EL_MESSAGE && jid_is_bare(comp_to(rq)))
			invite_bounced(r, comp_from(rq));
		return HANDLED;
	}
	if (el_kind(comp_el(rq)) == EL_MESSAGE)
		pass_back(r, s, rq);
	if (!means_gone(cond))
		return HANDLED;
	log_info(&tag, "%s is gone from %s: %s", s->jid.s, r->local, el_cond_name(cond));
	note_code(&n, 333);
	leave_session(s, &n);
	return HANDLED;
}

void ghost_probe(struct muc *m)
{
	EL_AUTO struct el *msg = el_message("groupchat", NULL);

	el_add(msg, "no-store", NS_HINTS);
	el_freeze(msg);
	for (size_t i = 0; i < m->n_sorted; i++) {
		const struct room *r = m->sorted[i];
		struct comp_many *many;
		char id[13];

		rnd_id(id, sizeof(id) - 1);
		el_set(msg, "id", id);
		el_set(msg, "from", r->jid);
		many = comp_many_begin(m->c, msg);
		MAP_EACH (it, &r->by_jid)
			comp_many_add(many, MAP_ENTRY(it, struct session, node)->jid.s);
		(void)comp_many_end(many);
	}
}
