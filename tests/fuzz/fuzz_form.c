/* SPDX-License-Identifier: MIT */
/* Data forms: whatever an element of jabber:x:data holds is refused or read within its bounds, and
 * a room's configuration takes from it what it allows. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xmpp/form.h>
#include <xmpp/rsm.h>

#include "../unit/xml_fixture.h"
#include "config.h"
#include "muc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct form *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const char *var = f->fields[i].var, *s;
		unsigned set = 0;
		int64_t v = 0;
		int choice = 0;
		bool b;

		assert(form_find(f, var) == &f->fields[i]);
		if (form_text(f, var, 10, &s) > 0)
			assert(strlen(s) <= 10);
		(void)form_bool(f, var, &b);
		if (form_int(f, var, -5, 1000, &v) > 0)
			assert(v >= -5 && v <= 1000);
		if (form_choice(f, var, "a|b|moderators", &choice) > 0)
			assert(choice >= 0 && choice <= 2);
		if (form_choices(f, var, ROLES_LISTED, &set) > 0)
			assert(set <= ROLES_ALL);
		for (size_t k = 0; k < f->fields[i].values; k++)
			assert(form_value(&f->fields[i], k));
	}
}

static void configure(const struct form *f)
{
	static const struct muc_conf mc = { .dflt = { .history = 20 },
		.max_history = 100,
		.max_occupants = 100,
		.max_description = 64 };
	struct room_conf c;
	const char *why;

	config_init(&c, &mc);
	if (config_read(&c, f, &mc, &why) == 0) {
		assert(c.history >= 0 && c.history <= 100 && c.max_users <= 100);
		assert(!c.name || strlen(c.name) <= MUC_TITLE_MAX);
		assert(!c.desc || strlen(c.desc) <= 64);
		assert(c.broadcast <= ROLES_ALL && c.member_list <= ROLES_ALL);
		assert(c.allow_pm >= PM_ANYONE && c.allow_pm <= PM_NONE);
	}
	config_done(&c);
}

static size_t find_nothing(const char *id, bool *ret_there, void *arg)
{
	(void)arg;
	*ret_there = *id == 'a';
	return strlen(id) % 10;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct el *el = xml_one(NS_CLIENT, "", (const char *)data, size);
	struct form f;
	struct rsm r;

	if (el && form_parse(&f, el) == 0) {
		assert(f.n <= FORM_FIELDS_MAX);
		read_all(&f);
		configure(&f);
	}
	if (el && rsm_parse(&r, el) == 0) {
		struct rsm_page p = rsm_page(&r, 10, 5, find_nothing, NULL);

		assert(p.from <= 10 && p.n <= 5 && p.from + p.n <= 10);
	}
	el_free(el);
	return 0;
}
