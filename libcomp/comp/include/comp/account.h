/* SPDX-License-Identifier: MIT */
/* Accounts that come and go (docs/component-protocol.md 5), as the server tells of them. */
#ifndef COMP_ACCOUNT_H
#define COMP_ACCOUNT_H

#include <comp/comp.h>

struct comp_account_event {
	struct jid jid;   /* the account: of the domain that tells; in the request's element */
	const char *host; /* that domain, as long as the request */
	int64_t n;        /* grows with each event of a server; what was told before comes again */
	bool deleted;     /* what belonged to it goes; the next one of its name is somebody else */
};
/* <account/> of NS_TAP, from a route; only the server's own gets there.  false: it says nothing. */
bool comp_account_event(const struct comp_req *rq, struct comp_account_event *out);

#endif
