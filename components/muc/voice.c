/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <xmpp/form.h>

#include "admin.h"
#include "message.h"
#include "nick.h"
#include "reach.h"
#include "register.h"
#include "voice.h"

/* 8.6, to each moderator. */
static struct el *request(const struct room *r, const struct session *by)
{
	struct el *msg = el_message(NULL, NULL), *form, *role;

	el_set(msg, "from", r->jid);
	form = form_add(msg, FORM_FORM, NS_MUC_REQUEST);
	el_add_text(form, "title", NULL, "Voice request");
	el_add_text(form, "instructions", NULL,
	    "To approve this request for voice, tick the box and submit the form.");
	role = form_add_field(form, "list-single", "muc#role", "Requested role");
	form_add_value(role, role_name(ROLE_PARTICIPANT));
	form_add_option(role, "Participant", role_name(ROLE_PARTICIPANT));
	form_add_text(form, "jid-single", "muc#jid", "User ID", by->jid.s);
	form_add_text(form, "text-single", "muc#roomnick", "Nickname", by->occ->nick);
	form_add_bool(form, "muc#request_allow", "Grant voice to this person?", false);
	return msg;
}

static bool is_moderator(const struct occupant *o)
{
	return o->role == ROLE_MODERATOR;
}

static int ask(struct room *r, struct session *by, struct comp_req *rq)
{
	if (!r->conf.moderated || by->occ->role != ROLE_VISITOR)
		return -COND_NOT_ACCEPTABLE; /* it has what it asks for */
	if (!message_rate(by, 5))
		return handler_refuse(rq, COND_RESOURCE_CONSTRAINT, "wait", "Slow down.");

	EL_AUTO struct el *msg = request(r, by);

	return message_to(r, msg, is_moderator) < 0 ? -COND_RESOURCE_CONSTRAINT : HANDLED;
}

static int answer(struct room *r, const struct session *by, const struct form *f, struct arena *a)
{
	struct actor who = { by->occ->aff, by->occ->role };
	const char *nick = NULL, *jid = NULL;
	struct occupant *o;
	bool allow = false;
	struct jid j;
	int ret;

	if (by->occ->role != ROLE_MODERATOR)
		return -COND_FORBIDDEN;
	if (form_bool(f, "muc#request_allow", &allow) < 0 ||
	    form_text(f, "muc#roomnick", SIZE_MAX, &nick) <= 0 ||
	    form_text(f, "muc#jid", SIZE_MAX, &jid) < 0)
		return -COND_BAD_REQUEST;
	ret = nick_read(a, nick, (size_t)r->m->conf->max_nick, &nick);
	if (ret < 0)
		return ret;
	if (jid && *jid && jid_parse(&j, a, jid) < 0)
		return -COND_JID_MALFORMED;
	if (!allow)
		return HANDLED;
	o = room_occupant(r, nick);
	/* The nick may be somebody else's by now. */
	if (!o || (jid && *jid && !jid_same(&j, &occupant_main(o)->jid)))
		return -COND_ITEM_NOT_FOUND;
	if (o->role != ROLE_VISITOR)
		return HANDLED;
	ret = perm_role(&who, o->aff, o->role, ROLE_PARTICIPANT);
	if (ret < 0)
		return ret;
	if (!reach_fits_show(o))
		return -COND_RESOURCE_CONSTRAINT;
	admin_give_role(o, ROLE_PARTICIPANT, by->occ->nick, NULL);
	return HANDLED;
}

int voice_message(struct muc *m, struct room *r, struct comp_req *rq)
{
	enum role role = ROLE_PARTICIPANT;
	const char *wanted = NULL;
	struct session *by;
	struct form f;
	bool is_form;

	(void)m;
	if (!r || r->locked)
		return -COND_ITEM_NOT_FOUND;
	is_form = form_parse(&f, comp_payload(rq)) == 0 && f.type == FORM_SUBMIT && f.form_type;
	if (is_form && !strcmp(f.form_type, NS_MUC_REGISTER)) /* of who need not be in the room */
		return register_answer(r, rq, &f);
	by = room_session(r, comp_from(rq));
	if (!by)
		return -COND_NOT_ACCEPTABLE;
	if (!is_form || strcmp(f.form_type, NS_MUC_REQUEST) != 0)
		return -COND_BAD_REQUEST;
	if (form_text(&f, "muc#role", SIZE_MAX, &wanted) < 0 ||
	    (wanted && role_parse(wanted, &role) < 0) || role != ROLE_PARTICIPANT)
		return -COND_BAD_REQUEST;
	if (!form_find(&f, "muc#request_allow"))
		return ask(r, by, rq);
	return answer(r, by, &f, el_arena(comp_el(rq)));
}
