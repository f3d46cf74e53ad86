/* SPDX-License-Identifier: MIT */
/* What was said, for those who said it and those who were told: Message Archive Management
 * (XEP-0313), its preferences (XEP-0441), messages for whom nobody was there (XEP-0160).  What all
 * of its files share.
 *
 *   main      settings, start and stop          query     what is asked for (XEP-0313 4)
 *   routes    which stanza goes where           page      what is found, and its way to who asks
 *   event     what the server tells             metadata  the form, both ends of an archive
 *   message   one message as bytes              offline   what waits for an account
 *   uid       ids, and ranges of them           prefs     what an account wants to be kept
 *   owner     accounts, known by a number       account   accounts that go
 *   store     SQL                               sweep     what is removed bit by bit
 *   fresh     what came last                    held      requests that wait
 *
 * All is in the database, and a message's text once, whoever has it.  Memory has the numbers of
 * accounts and what waits.  Reading sees what is committed: who asks for his archive while
 * something of it is not waits until it is. */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

#include <base/list.h>
#include <base/loop.h>
#include <base/map.h>
#include <comp/comp.h>

#include "uid.h"

#define NS_MAM_EXTENDED NS_MAM "#extended"
#define NS_MAM_GROUPCHAT NS_MAM "#groupchat-field"
#define NS_TOMBSTONE NS_RETRACT "#tombstone"
#define FEATURE_OFFLINE "msgoffline" /* XEP-0160 3 */

/* Bounds that are part of the design; those that an operator may want to set are settings. */
enum {
	ARCHIVE_OWNERS = 65536,       /* accounts whose number is in memory */
	ARCHIVE_PAGE = 50,            /* messages of a page if nothing is said, */
	ARCHIVE_PAGE_MAX = 250,       /* and at most; */
	ARCHIVE_PAGE_BYTES = 1 << 20, /* of more than one */
	ARCHIVE_SLICE = 512,          /* rows that are looked at in one turn */
	ARCHIVE_COUNT = 1000,         /* that are counted where only their number is asked for */
	ARCHIVE_OFFLINE = 500,        /* messages of one answer to the server, */
	ARCHIVE_OFFLINE_BYTES = 512 << 10, /* of more than one */
	ARCHIVE_PREFS = 500,               /* addresses of one account's preferences */
	ARCHIVE_RETRACT = 5000,            /* messages of a conversation that can be taken back */
};

enum archive_default { DEFAULT_ALWAYS, DEFAULT_ROSTER, DEFAULT_NEVER };

struct archive_conf {
	struct comp_conf comp;
	int64_t expire;        /* seconds; 0: for ever */
	int64_t offline_limit; /* messages that wait for one account; 0: any number */
	int dflt;              /* enum archive_default */
};

struct archive {
	struct comp *c;
	struct archive_conf *conf;
	int64_t last_account, last_body; /* the last numbers given */
	struct map owners;               /* struct owner by bare JID */
	struct list owners_by_use;       /* the one used longest ago first */
	struct {                         /* held.c: struct held */
		struct list uncommitted, next, again;
		uint64_t tx;        /* held_until() */
		struct task task;   /* for next */
		struct timer timer; /* for again */
	} held;
	struct {                 /* fresh.c */
		int64_t filed;   /* bodies up to this one are in the archives once */
		uint64_t tx;     /* this transaction is committed */
		size_t n;        /* that came since */
		struct uid last; /* the largest id of all */
		struct timer timer;
	} fresh;
	struct {              /* sweep.c */
		uint64_t tx;  /* of the last slice */
		int64_t body; /* what is older has been looked at */
		struct timer timer;
	} sweep;
};

/* archive.c */
void archive_init(struct archive *a, struct comp *c);
void archive_announce(struct archive *a); /* what disco says */
int archive_load(struct archive *a);      /* 0 or -Exxx */
void archive_forget(struct archive *a);
void archive_committed(struct archive *a);
void archive_stop(struct archive *a); /* the end has begun: nothing is sent any more */
void archive_done(struct archive *a); /* once the loop has ended; zeroed memory is fine */
/* The answer to who asks when the database did not give what was to be read. */
enum el_cond archive_failed(int err);

#endif
