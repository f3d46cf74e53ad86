/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <base/arena.h>
#include <base/mem.h>
#include <base/sbuf.h>
#include <xmpp/form.h>

#include "about.h"

enum { CONTACTS_MAX = 8, URI_MAX = 1024, GROUP_MAX = 256 };

static const struct row {
	const char *type, *var, *label;
	size_t max;
	const char *schemes[2]; /* what a value begins with; none: anything */
	const char *why;
} rows[ABOUT_N] = {
	[ABOUT_CONTACT] = { "jid-multi", "muc#roominfo_contactjid", "Contact addresses", 0,
	    { NULL }, "Contacts are at most 8 addresses of accounts." },
	[ABOUT_LOGS] = { "text-single", "muc#roominfo_logs", "URL of the discussion logs", URI_MAX,
	    { "https://", "http://" }, "Logs are at an http(s) URL." },
	[ABOUT_LDAP] = { "text-single", "muc#roominfo_ldapgroup", "Associated LDAP group",
	    GROUP_MAX, { NULL }, "The name of the group is too long." },
	[ABOUT_PUBSUB] = { "text-single", "muc#roomconfig_pubsub",
	    "XMPP URI of an associated publish-subscribe node", URI_MAX, { "xmpp:" },
	    "A publish-subscribe node is at an xmpp: URI." },
};

static bool begins_right(const struct row *row, const char *s)
{
	if (!row->schemes[0])
		return true;
	for (size_t i = 0; i < 2 && row->schemes[i]; i++) {
		if (!strncmp(s, row->schemes[i], strlen(row->schemes[i])))
			return true;
	}
	return false;
}

static int read_text(char **slot, const struct row *row, const struct form *f)
{
	const char *s;
	int r = form_text(f, row->var, row->max, &s);

	if (r == 0)
		return 0;
	if (r < 0 || (*s && !begins_right(row, s)))
		return -COND_NOT_ACCEPTABLE;
	free(*slot);
	*slot = *s ? xstrdup(s) : NULL;
	return 0;
}

static int add_contact(struct sbuf *all, const char *s)
{
	struct arena *a = arena_new();
	struct jid j;
	int ret = jid_parse(&j, a, s) == 0 && j.dom && !jid_resource(&j) ? 0 : -COND_NOT_ACCEPTABLE;

	if (ret == 0)
		sbuf_printf(all, "%s%s", sbuf_len(all) ? "\n" : "", j.s);
	arena_free(a);
	return ret;
}

static int read_contacts(char **slot, const struct row *row, const struct form *f)
{
	const struct form_field *field = form_find(f, row->var);
	struct sbuf all = SBUF_INIT;
	int ret = 0;

	if (!field)
		return 0;
	if (field->values > CONTACTS_MAX)
		return -COND_NOT_ACCEPTABLE;
	for (size_t i = 0; ret == 0 && i < field->values; i++) {
		const char *s = form_value(field, i);

		if (*s)
			ret = add_contact(&all, s);
	}
	if (ret == 0) {
		free(*slot);
		*slot = sbuf_len(&all) ? sbuf_steal(&all) : NULL;
	}
	sbuf_done(&all);
	return ret;
}

int about_read(char *about[ABOUT_N], const struct form *f, const char **ret_why)
{
	for (int i = 0; i < ABOUT_N; i++) {
		int r = i == ABOUT_CONTACT ? read_contacts(&about[i], &rows[i], f)
		                           : read_text(&about[i], &rows[i], f);

		if (r < 0) {
			*ret_why = rows[i].why;
			return r;
		}
	}
	return 0;
}

void about_write(char *const about[ABOUT_N], enum about which, struct el *form)
{
	const struct row *row = &rows[which];
	struct el *field = form_add_field(form, row->type, row->var, row->label);
	const char *s = about[which];

	while (s && *s) {
		size_t n = which == ABOUT_CONTACT ? strcspn(s, "\n") : strlen(s);
		struct arena *a = el_arena(form);

		form_add_value(field, arena_strndup(a, s, n));
		s += n + (s[n] == '\n');
	}
}
