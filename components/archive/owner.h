/* SPDX-License-Identifier: MIT */
/* Accounts, and the numbers that the database knows them by. */
#ifndef ARCHIVE_OWNER_H
#define ARCHIVE_OWNER_H

#include <base/rate.h>

#include "archive.h"

struct owner {
	struct map_node by_jid;
	struct list by_use;
	int64_t id;  /* 0: nothing is kept for it */
	uint64_t tx; /* of the last change of what is kept for it */
	struct rate retracts;
	int64_t fresh; /* the last message that was written for it; fresh.c knows where */
	char jid[];
};

/* Borrowed until the handler ends.  0 or -Exxx; *out has no number if nothing is kept. */
int owner_find(struct archive *a, const char *jid, struct owner **out);
/* The same, with a number. */
int owner_make(struct archive *a, const char *jid, struct owner **out);
void owner_touch(struct archive *a, struct owner *o); /* something is changed now */
/* May one more of its messages be taken back now?  Looking for it costs more than keeping it. */
bool owner_retracts(struct archive *a, struct owner *o);
void owner_drop(struct archive *a, struct owner *o); /* it keeps nothing any more */
void owners_free(struct archive *a);

#endif
