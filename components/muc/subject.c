/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <xmpp/stamp.h>

#include "message.h"
#include "store.h"
#include "subject.h"

bool subject_is_change(const struct el *msg)
{
	return el_child(msg, "subject", NS_CLIENT) && !el_child(msg, "body", NS_CLIENT) &&
	       !el_child(msg, "thread", NS_CLIENT);
}

static bool may_change(const struct occupant *o)
{
	return o->role == ROLE_MODERATOR ||
	       (o->room->conf.change_subject && o->role == ROLE_PARTICIPANT);
}

int subject_change(struct session *by, struct el *msg)
{
	struct room *r = by->occ->room;
	const char *text = el_child_text(msg, "subject", NS_CLIENT);
	int64_t now = muc_wall(r->m);
	int ret;

	if (!may_change(by->occ))
		return -COND_FORBIDDEN;
	if (strlen(text) > (size_t)r->m->conf->max_subject)
		return -COND_NOT_ACCEPTABLE;
	ret = message_reflect(r, msg);
	if (ret < 0)
		return ret;
	room_set_subject(r, text, by->occ->nick, by->occ->id, now);
	store_put_subject(comp_tx(r->m->c), r);
	return 0;
}

void subject_send(const struct room *r, const struct session *to)
{
	struct el *m = el_message("groupchat", to->jid.s);
	char stamp[STAMP_LEN + 1];

	if (r->subject_nick)
		el_setf(m, "from", "%s/%s", r->jid, r->subject_nick);
	else
		el_set(m, "from", r->jid);
	el_add_text(m, "subject", NULL, r->subject ? r->subject : "");
	if (r->subject_at) {
		struct el *delay = el_add(m, "delay", NS_DELAY);

		stamp_write(r->subject_at, stamp);
		el_set(delay, "from", r->jid);
		el_set(delay, "stamp", stamp);
	}
	if (r->subject_by)
		occupant_id_add(m, r->subject_by);
	(void)comp_send(r->m->c, m);
}
