/* SPDX-License-Identifier: MIT */
/* The end-to-end encryption policy: one pure function, and what the router keeps around it.
 * What counts as content and as encrypted: docs/e2e-policy.md. */
#ifndef ROUTER_POLICY_H
#define ROUTER_POLICY_H

#include <stdbool.h>

#include "conf.h"
#include "core/stanza.h"

enum policy_kind { POLICY_NO_CONTENT, POLICY_ENCRYPTED, POLICY_PLAIN };
/* What a message carries.  Pure; no look at addresses or settings. */
enum policy_kind policy_classify(const struct el *message);

struct policy_in {
	const struct el *message;
	enum stanza_type type;
	enum e2e_mode chat, muc; /* E2E_POLICY_CHAT, E2E_POLICY_MUC */
	bool from_host;          /* from a served domain itself */
	bool exempt;             /* whitelist or an exempt component at either end, or a trusted
	                          * component's reflection */
	bool gc_joined;          /* see below */
};
enum policy_verdict { POLICY_PASS, POLICY_TELL, POLICY_REFUSE };
/* PASS: deliver.  TELL: deliver, and tell a local sender once per peer (optional mode).  REFUSE:
 * policy-violation (modify).  Groupchat is judged by `muc`, all else, private messages of rooms
 * included, by `chat`.  Errors, invitations (XEP-0249, mediated) and messages without content pass.
 * gc_joined: a groupchat message from a bare JID to which the receiving session has sent directed
 * presence: what a room sends in from elsewhere, judged where it was sent. */
enum policy_verdict policy_e2e(const struct policy_in *in);

struct policy;
struct router;
/* From the settings; again after a reload (then `old` is replaced and freed). */
struct policy *policy_new(const struct router_conf *c, struct policy *old);
void policy_free(struct policy *p);
/* By bare JID or domain; one without an address is not. */
bool policy_whitelisted(const struct policy *p, const struct jid *j);

/* Judges a stanza of kind message on its way, answers a refusal and tells where that is due.
 * true: go on; false: it has been answered. */
bool policy_admits(struct router *r, struct stanza *st);
/* The same for a message to many, without an address: true: it may go to whomever it is addressed;
 * false: it depends on who that is, each copy is judged. */
bool policy_admits_all(struct router *r, const struct stanza *st);
/* Forgets whom the session was told about.  Before session_free(). */
void policy_session_end(struct session *s);

#endif
