/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <xmpp/el.h>

#include "core/stanza.h"
#include "im/keep.h"

bool keep_is_encrypted(const struct el *child)
{
	const char *ns = el_ns(child);

	return !strcmp(ns, NS_EME) || !strcmp(ns, NS_OMEMO_LEGACY) || !strcmp(ns, NS_OMEMO_1) ||
	       !strcmp(ns, NS_OMEMO_2) || !strcmp(ns, NS_OPENPGP) || !strcmp(ns, NS_PGP_LEGACY);
}

/* What people say, and what changes or answers it: a device that was not there has to see it, too.
 * Of these namespaces everything counts. */
static const char *const talk[] = {
	NS_RECEIPTS,
	NS_MARKERS,
	NS_CONFERENCE,
	"urn:xmpp:message-correct:0", /* XEP-0308 */
	"urn:xmpp:reactions:0",       /* XEP-0444 */
	"urn:xmpp:message-retract:1", /* XEP-0424 */
	"urn:xmpp:message-retract:0", /* and before it was revised, */
	"urn:xmpp:fasten:0",          /* inside of this (XEP-0422) */
	"urn:xmpp:jingle-message:0",  /* XEP-0353: calls, answered or missed */
	"urn:xmpp:call-message:1",    /* XEP-0482 */
	NS_OOB,                       /* XEP-0066 */
	"urn:xmpp:attaching:1",       /* XEP-0367 */
	NULL,
};

static bool is_talk(const struct el *child)
{
	const char *ns = el_ns(child);

	if (!strcmp(ns, NS_CLIENT))
		return !strcmp(el_name(child), "body") || !strcmp(el_name(child), "subject");
	if (!strcmp(ns, NS_MUC_USER)) /* an invitation through the room, or its answer */
		return el_child(child, "invite", NS_MUC_USER) ||
		       el_child(child, "decline", NS_MUC_USER);
	for (const char *const *t = talk; *t; t++) {
		if (!strcmp(ns, *t))
			return true;
	}
	return keep_is_encrypted(child);
}

/* XEP-0334: what the sender asks for comes before what we find. */
enum keep keep_judge(const struct stanza *st)
{
	bool worth = false, store = false, brief = false;

	if (st->type != ST_MSG_NORMAL && st->type != ST_MSG_CHAT)
		return KEEP_NOT;
	EL_EACH (child, st->el, NULL, NULL) {
		if (strcmp(el_ns(child), NS_HINTS) != 0) {
			worth = worth || is_talk(child);
		} else if (!strcmp(el_name(child), "no-store") ||
			   !strcmp(el_name(child), "no-storage")) {
			return KEEP_NOT;
		} else if (!strcmp(el_name(child), "no-permanent-store") ||
			   !strcmp(el_name(child), "no-permanent-storage")) {
			brief = true;
		} else if (!strcmp(el_name(child), "store")) {
			store = true;
		}
	}
	if (!worth && !store)
		return KEEP_NOT;
	return brief ? KEEP_OFFLINE : KEEP_ALWAYS;
}
