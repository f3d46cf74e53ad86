/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/digest.h>
#include <base/rnd.h>

#include "core/stanza.h"
#include "links/sm.h"

#define PAST_MS ((uint64_t)24 * 3600 * 1000)

void sm_init(struct sm *sm)
{
	*sm = (struct sm){ 0 };
	list_init(&sm->in_flight);
}

static void forget_counts(struct sm *sm)
{
	sm->in = sm->repeats = sm->sent = sm->acked = sm->most = sm->asked = 0;
	sm->asking = false;
}

void sm_begin(struct sm *sm)
{
	forget_counts(sm);
	rnd_id(sm->id, SM_ID);
}

void sm_end(struct sm *sm, struct sm_pasts *past, struct list *loose, uint64_t now)
{
	struct sm_past *p = &past->all[past->n % SM_PAST];

	if (!sm_active(sm))
		return;
	memcpy(p->id, sm->id, sizeof(p->id));
	p->h = sm->in;
	p->until = now + PAST_MS;
	past->n++;
	LIST_EACH_SAFE (it, &sm->in_flight) {
		LIST_ENTRY(it, struct stanza, link)->done = NULL;
		list_del(it);
		list_add_tail(loose, it);
	}
	sm->id[0] = '\0';
	forget_counts(sm);
}

static bool same_id(const char *ours, const char *given)
{
	return strlen(given) == SM_ID && digest_same(ours, given, SM_ID);
}

bool sm_is(const struct sm *sm, const char *id)
{
	return sm_active(sm) && same_id(sm->id, id);
}

bool sm_recall(const struct sm_pasts *past, const char *id, uint64_t now, uint32_t *ret_h)
{
	for (unsigned i = 0; i < SM_PAST; i++) {
		const struct sm_past *p = &past->all[i];

		if (p->id[0] && p->until > now && same_id(p->id, id)) {
			*ret_h = p->h;
			return true;
		}
	}
	return false;
}

bool sm_receive(struct sm *sm, struct stanza *st)
{
	if (sm->repeats > 0) {
		sm->repeats--;
		return false;
	}
	st->number = ++sm->in;
	list_add_tail(&sm->in_flight, &st->link);
	return true;
}

static uint32_t done_with(const struct sm *sm)
{
	const struct stanza *oldest = LIST_FIRST(&sm->in_flight, struct stanza, link);

	return oldest ? oldest->number - 1 : sm->in;
}

uint32_t sm_handled(const struct sm *sm)
{
	uint32_t done = done_with(sm);

	/* Both lie within [in - repeats, in] or behind it. */
	return sm->in - done < sm->repeats ? sm_came(sm) : done;
}

void sm_sent(struct sm *sm)
{
	sm->sent++;
	if (sm->most - sm->acked < sm->sent - sm->acked)
		sm->most = sm->sent;
}

static enum sm_h judge(const struct sm *sm, uint32_t h, uint32_t sent, uint32_t *ret_more)
{
	uint32_t more = h - sm->acked;

	*ret_more = 0;
	if (more <= sent - sm->acked) {
		*ret_more = more;
		return SM_H_OK;
	}
	return more > UINT32_MAX / 2 ? SM_H_BEHIND : SM_H_BEYOND;
}

enum sm_h sm_judge(const struct sm *sm, uint32_t h, uint32_t *ret_more)
{
	return judge(sm, h, sm->sent, ret_more);
}

enum sm_h sm_judge_resumed(const struct sm *sm, uint32_t h, uint32_t *ret_more)
{
	return judge(sm, h, sm->most, ret_more);
}

void sm_acked(struct sm *sm, uint32_t n)
{
	sm->acked += n;
	/* Both lie within [acked - n, sent]: has the one passed the other? */
	if (sm->asking && sm->sent - sm->acked <= sm->sent - sm->asked)
		sm->asking = false;
}

void sm_resume(struct sm *sm)
{
	sm->repeats = sm->in - done_with(sm);
	sm->sent = sm->asked = sm->acked;
	sm->asking = false;
}
