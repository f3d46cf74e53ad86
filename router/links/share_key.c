/* SPDX-License-Identifier: MIT */
/* Whose a stanza is.  One SHA-256 for it, and a multiplication or two for each member. */
#include <string.h>

#include <base/rendezvous.h>

#include "core/stanza.h"
#include "links/link.h"
#include "links/share_internal.h"

/* --- the key ---------------------------------------------------------------------------------- */

static const struct el *forwarded_iq(const struct el *outer)
{
	const struct el *f = el_child(outer, "forwarded", NS_FORWARD);

	return f ? el_child(f, "iq", NS_CLIENT) : NULL;
}

/* Of an account's question that was delegated: whom it is for, or, without `to`, whose it is.  Of
 * an answer that an account got by privilege: the account.  NULL: it is neither. */
static const char *inner_account(const struct stanza *st)
{
	const struct el *payload = stanza_payload(st), *iq;
	const char *to;

	if (st->kind != EL_IQ || st->session || st->component || st->proxy || !payload)
		return NULL;
	if (st->type == ST_IQ_SET && (el_is(payload, "delegation", NS_DELEGATION) ||
					 el_is(payload, "delegation", NS_DELEGATION_1))) {
		iq = forwarded_iq(payload);
		to = iq ? el_attr(iq, "to") : NULL;
		return to || !iq ? to : el_attr(iq, "from");
	}
	if (st->type == ST_IQ_RESULT && el_is(payload, "privilege", NS_PRIVILEGE_2)) {
		iq = forwarded_iq(payload);
		return iq ? el_attr(iq, "to") : NULL;
	}
	return NULL;
}

/* Addresses have been prepared when the stanza came. */
size_t share_key(const struct stanza *st, const char **out)
{
	const char *account;

	*out = st->to.s;
	if (!st->to.s)
		return 0;
	if (st->to.dom)
		return jid_bare_len(&st->to);
	account = inner_account(st);
	if (!account)
		return jid_bare_len(&st->to);
	*out = account;
	return strcspn(account, "/");
}

/* --- the winner ------------------------------------------------------------------------------- */

struct member *share_better(struct member *a, struct member *b, uint64_t key)
{
	uint64_t x, y;

	if (!a || !b)
		return a ? a : b;
	x = rendezvous_weight(a->share.hash, key);
	y = rendezvous_weight(b->share.hash, key);
	if (x == y)
		return strcmp(a->share.id, b->share.id) < 0 ? a : b;
	return x > y ? a : b;
}

static struct member *settled_winner(const struct sharing *sh, uint64_t key)
{
	struct member *best = NULL;

	LIST_EACH (it, &sh->members) {
		if (share_member(it)->share.was)
			best = share_better(best, share_member(it), key);
	}
	if (!sh->changing)
		return best;
	LIST_EACH (it, &sh->gone) {
		if (share_member(it)->share.was)
			best = share_better(best, share_member(it), key);
	}
	return best;
}

static struct member *next_winner(const struct sharing *sh, uint64_t key)
{
	struct member *best = NULL;

	LIST_EACH (it, &sh->members) {
		if (share_member(it)->share.will)
			best = share_better(best, share_member(it), key);
	}
	return best;
}

struct member *share_by_id(const struct sharing *sh, const char *id)
{
	LIST_EACH (it, &sh->members) {
		if (!strcmp(share_member(it)->share.id, id))
			return share_member(it);
	}
	return NULL;
}

struct member *share_pick(const struct sharing *sh, const struct stanza *st)
{
	struct member *m = NULL, *next;
	const char *text;
	uint64_t key;
	size_t n;

	if (st->to.s && !st->to.dom && st->to.res)
		m = share_by_id(sh, jid_resource(&st->to));
	if (m)
		return m;
	n = share_key(st, &text);
	key = rendezvous_hash(text, n);
	m = settled_winner(sh, key);
	if (!sh->changing)
		return m;
	next = next_winner(sh, key);
	return m == next ? m : NULL;
}
