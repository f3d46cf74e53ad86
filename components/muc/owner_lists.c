/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <base/mem.h>
#include <xmpp/form.h>

#include "owner_lists.h"

struct named {
	struct map_node node;
	struct jid jid;
};
struct list_field {
	enum aff aff;
	bool given;
	struct map kept; /* struct named */
	struct named *v;
	size_t n;
};

static const struct actor owner = { AFF_OWNER, ROLE_MODERATOR };

/* --- reading -----------------------------------------------------------------------------------
 */

static int field_read(
    struct list_field *l, const struct form *f, const char *var, enum aff aff, struct arena *a)
{
	const struct form_field *field = form_find(f, var);

	*l = (struct list_field){ .aff = aff, .given = field != NULL };
	map_init(&l->kept);
	if (!field)
		return 0;
	l->v = xreallocarray(NULL, field->values + 1, sizeof(*l->v));
	EL_EACH (value, field->el, "value", NS_XDATA) {
		struct named *one = &l->v[l->n];
		struct jid who;

		if (!*el_body(value))
			continue;
		if (jid_parse(&who, a, el_body(value)) < 0)
			return -COND_JID_MALFORMED;
		one->jid = jid_bare(&who, a);
		if (map_get(&l->kept, one->jid.s, one->jid.len))
			continue; /* XEP-0004 3.3: ignored */
		map_put(&l->kept, &one->node, one->jid.s, one->jid.len);
		l->n++;
	}
	return 0;
}

static void field_done(struct list_field *l)
{
	map_done(&l->kept);
	free(l->v);
}

static int grant(struct plan *p, const struct list_field *l)
{
	const struct room *r = p->room;

	for (size_t i = 0; i < l->n; i++) {
		const struct aff_entry *e = affs_find(&r->affs, l->v[i].jid.s);
		int ret = 0;

		if (!e || e->aff != l->aff)
			ret = plan_add(p, &owner, &l->v[i].jid, l->aff, NULL, NULL);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* to: what they are from now on. */
static int revoke(struct plan *p, const struct list_field *l, enum aff to)
{
	const struct room *r = p->room;

	MAP_EACH (it, &r->affs.map) {
		const struct aff_entry *e = MAP_ENTRY(it, struct aff_entry, node);
		struct jid who = jid_view(e->jid);
		int ret;

		if (!l->given || e->aff != l->aff || map_gets(&l->kept, e->jid) ||
		    map_gets(&p->changes, e->jid)) /* in the other list now */
			continue;
		ret = plan_add(p, &owner, &who, to, NULL, NULL);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int owner_lists_read(struct plan *p, const struct form *f, struct arena *a)
{
	struct list_field owners, admins;
	int ret = field_read(&owners, f, VAR_OWNERS, AFF_OWNER, a);
	int ret2 = field_read(&admins, f, VAR_ADMINS, AFF_ADMIN, a);

	if (ret == 0)
		ret = ret2;
	if (ret == 0)
		ret = grant(p, &owners);
	if (ret == 0)
		ret = grant(p, &admins);
	if (ret == 0)
		ret = revoke(p, &owners, admins.given ? AFF_MEMBER : AFF_ADMIN);
	if (ret == 0)
		ret = revoke(p, &admins, AFF_MEMBER);
	field_done(&owners);
	field_done(&admins);
	return ret;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void field_write(
    const struct room *r, struct el *form, enum aff aff, const char *var, const char *label)
{
	struct el *field = form_add_field(form, "jid-multi", var, label);

	MAP_EACH (it, &r->affs.map) {
		const struct aff_entry *e = MAP_ENTRY(it, struct aff_entry, node);

		if (e->aff == aff)
			form_add_value(field, e->jid);
	}
}

void owner_lists_write(const struct room *r, struct el *form)
{
	field_write(r, form, AFF_ADMIN, VAR_ADMINS, "Admins of the room");
	field_write(r, form, AFF_OWNER, VAR_OWNERS, "Owners of the room");
}
