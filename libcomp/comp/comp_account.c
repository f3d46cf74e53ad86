/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <base/arena.h>
#include <comp/account.h>

static int64_t number_of(const struct el *account)
{
	const char *s = el_attr(account, "n");
	int64_t n = 0;

	for (; s && *s >= '0' && *s <= '9' && n < INT64_MAX / 10 - 9; s++)
		n = n * 10 + (*s - '0');
	return n;
}

bool comp_account_event(const struct comp_req *rq, struct comp_account_event *out)
{
	const struct el *account = comp_payload(rq);
	const char *event = el_attr(account, "event"), *s = el_attr(account, "jid");
	const char *host = comp_from(rq)->s;

	if (!event || !s || jid_parse(&out->jid, el_arena(account), s) < 0)
		return false;
	if (!jid_is_bare(&out->jid) || jid_is_domain(&out->jid) || !jid_has_domain(&out->jid, host))
		return false;
	out->host = host;
	out->n = number_of(account);
	out->deleted = strcmp(event, "deleted") == 0;
	return true;
}
