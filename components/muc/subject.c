/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>

#include "message.h"
#include "stamp.h"
#include "store.h"
#include "subject.h"

struct change { /* on its way to the database */
	struct comp_req *rq;
	struct el *msg;
	char *nick;
	int64_t at;
};

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

static void on_kept(struct room *r, int err, void *arg)
{
	struct change *ch = arg;

	if (err == 0) {
		room_set_subject(r, el_child_text(ch->msg, "subject", NS_CLIENT), ch->nick, ch->at);
		message_reflect(r, ch->msg);
	}
	turn_end(ch->rq, err < 0 ? -(int)turn_cond(err) : TURN_DONE);
	el_free(ch->msg);
	free(ch->nick);
	free(ch);
}

int subject_change(struct session *by, struct comp_req *rq, struct el *msg)
{
	struct room *r = by->occ->room;
	const char *text = el_child_text(msg, "subject", NS_CLIENT);
	struct db_batch *b = NULL;
	struct change *ch;
	int refused = 0;

	if (!may_change(by->occ))
		refused = -COND_FORBIDDEN;
	else if (strlen(text) > (size_t)r->m->conf->max_subject)
		refused = -COND_NOT_ACCEPTABLE;
	if (refused) {
		el_free(msg);
		return refused;
	}
	ch = xmalloc(sizeof(*ch));
	*ch = (struct change){ rq, msg, xstrdup(by->occ->nick), muc_wall(r->m) };
	if (room_stored(r)) {
		b = db_batch_new(r->m->db);
		store_put_subject(b, r->local, text, ch->nick, ch->at);
	}
	turn_commit(r, b, true, on_kept, ch);
	return TURN_HELD;
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
	(void)comp_send(r->m->c, m);
}
