/* SPDX-License-Identifier: MIT */
/* The component as a whole. */
#include "archive.h"
#include "fresh.h"
#include "held.h"
#include "owner.h"
#include "store.h"
#include "sweep.h"

static const struct log_tag tag = { .mod = "archive" };

void archive_init(struct archive *a, struct comp *c)
{
	a->c = c;
	a->conf = comp_conf(c);
	map_init(&a->owners);
	list_init(&a->owners_by_use);
	held_init(a);
	fresh_init(a);
	sweep_init(a);
}

void archive_announce(struct archive *a)
{
	static const char *const account[] = { NS_MAM, NS_MAM_EXTENDED, NS_MAM_GROUPCHAT, NS_RSM,
		NS_SID, NS_RETRACT, NS_TOMBSTONE };
	static const char *const server[] = { NS_RETRACT, FEATURE_OFFLINE };

	comp_identity(a->c, "component", "archive", "archive");
	for (size_t i = 0; i < sizeof(account) / sizeof(account[0]); i++)
		comp_feature_for(a->c, COMP_FOR_ACCOUNT, NS_MAM, account[i]);
	for (size_t i = 0; i < sizeof(server) / sizeof(server[0]); i++)
		comp_feature_for(a->c, COMP_FOR_SERVER, NS_MAM, server[i]);
	/* Archives are accounts' (XEP-0313 3); profanity, for one, looks at the server alone. */
	comp_feature_for(a->c, COMP_FOR_SERVER, NS_MAM, NS_MAM);
}

int archive_load(struct archive *a)
{
	int r = store_read_numbers(a);

	if (r == 0)
		r = fresh_load(a);
	if (r < 0) {
		log_err(&tag, LOG_LVL_ERROR, r, "the database cannot be read");
		return r;
	}
	sweep_load(a);
	return 0;
}

void archive_forget(struct archive *a)
{
	sweep_forget(a);
	fresh_forget(a);
	held_free(a);
	owners_free(a);
}

void archive_committed(struct archive *a)
{
	held_committed(a);
}

void archive_stop(struct archive *a)
{
	sweep_stop(a);
	fresh_stop(a);
	held_stop(a);
}

void archive_done(struct archive *a)
{
	if (!a->c)
		return;
	archive_stop(a);
	owners_free(a);
	map_done(&a->owners);
}

enum el_cond archive_failed(int err)
{
	log_err(&tag, LOG_LVL_WARN, err, "what is asked for cannot be read");
	return COND_RESOURCE_CONSTRAINT;
}
