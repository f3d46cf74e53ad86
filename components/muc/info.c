/* SPDX-License-Identifier: MIT */
#include <xmpp/form.h>

#include "avatar.h"
#include "info.h"
#include "occupant.h"

/* What goes on in a members-only room is for its members. */
static bool is_insider(const struct room *r, const struct jid *who)
{
	return !r->conf.members_only || room_aff(r, who) >= AFF_MEMBER || room_session_of(r, who);
}

/* Those that the owner has named; else, where real addresses are no secret, the owners. */
static void put_contacts(const struct room *r, struct el *form)
{
	struct el *field;

	if (r->conf.about[ABOUT_CONTACT]) {
		about_write(r->conf.about, ABOUT_CONTACT, form);
		return;
	}
	if (!r->conf.nonanon)
		return;
	field =
	    form_add_field(form, "jid-multi", "muc#roominfo_contactjid", "Addresses of the owners");
	MAP_EACH (it, &r->affs.map) {
		const struct aff_entry *e = MAP_ENTRY(it, struct aff_entry, node);

		if (e->aff == AFF_OWNER)
			form_add_value(field, e->jid);
	}
}

static void put_hats(const struct room *r, struct el *form)
{
	char hash[41];

	if (r->hats.n == 0)
		return;
	hats_hash(&r->hats, hash);
	form_add_text(form, "text-single", "hats#hash", "Hats hash", hash);
}

/* To everybody. */
static void put_open(const struct room *r, struct el *form)
{
	const struct room_conf *c = &r->conf;

	form_add_text(
	    form, "text-single", "muc#roominfo_description", "Description", c->desc ? c->desc : "");
	form_add_text(form, "text-single", "muc#roominfo_lang", "Language", c->lang ? c->lang : "");
	form_add_bool(form, "muc#roominfo_subjectmod", "Participants may change the subject",
	    c->change_subject);
	config_tell(c, form);
	form_add_int(form, "text-single", "muc#roominfo_slow_mode_duration",
	    "Seconds between two messages of one user", c->slow_mode);
	put_contacts(r, form);
	avatar_info(r, form);
	put_hats(r, form);
}

static void put_inside(const struct room *r, struct el *form)
{
	form_add_int(form, "text-single", "muc#roominfo_occupants", "Number of occupants",
	    (int64_t)r->n_occupants);
	form_add_text(
	    form, "text-single", "muc#roominfo_subject", "Subject", r->subject ? r->subject : "");
	for (int i = ABOUT_LOGS; i < ABOUT_N; i++) {
		if (r->conf.about[i])
			about_write(r->conf.about, (enum about)i, form);
	}
}

void info_write(const struct room *r, const struct jid *who, struct el *query)
{
	struct el *form = form_add(query, FORM_RESULT, NS_MUC_ROOMINFO);

	put_open(r, form);
	if (is_insider(r, who))
		put_inside(r, form);
}
