/* SPDX-License-Identifier: MIT */
/* A shared domain whose links are played: what they are sent is a list of ids. */
#ifndef SHARE_FIXTURE_H
#define SHARE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "conf.h"
#include "link_fixture.h"
#include "links/link.h"
#include "links/share_internal.h"
#include "router.h"

enum { SHARE_FX_SENT = 64 };

struct link {
	struct member *m;
	bool acked, full;
	enum stream_err ended;
	char *sent[SHARE_FX_SENT]; /* ids, or what it is */
	unsigned n;
};

extern struct share_fx {
	struct router r;
	struct router_conf rc;
	struct component_conf cc;
	struct component c;
	struct link links[8];
	unsigned n, bounced;
	unsigned done, asks_lost;
} share_fx;

struct member *share_fx_join(bool acked, bool extended);
/* NULL: it has none any more. */
struct link *share_fx_link(const struct member *m);
/* It says that of a change. */
void share_fx_answer(struct member *m, const char *children, uint32_t epoch);
/* By its link, in the name of another. */
void share_fx_answer_as(struct member *m, const char *who, const char *children, uint32_t epoch);
/* To the newest change, and no more. */
void share_fx_agree(struct member *m);
/* The same, and that it has taken id over; h < 0: without a number. */
void share_fx_adopt(struct member *by, const char *id, int h);
/* A message, which counts in share_fx.done and share_fx.bounced. */
enum component_verdict share_fx_say(const char *to, const char *id);
const char *share_fx_room(unsigned i);
/* One that m wins among the members. */
const char *share_fx_room_of(const struct member *m);
/* Asserts the ids that a link got: all but what members are told of each other. */
void share_fx_sent(const struct link *l, const char *want);
void share_fx_pass(uint64_t ms);
int share_fx_setup(void **state);
int share_fx_teardown(void **state);

#endif
