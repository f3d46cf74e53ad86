/* SPDX-License-Identifier: MIT */
/* What comes to rooms, for tests: entering and leaving, talking, configuring, the archive. */
#ifndef MUC_ROUTES_H
#define MUC_ROUTES_H

#include "join.h"
#include "leave.h"
#include "mam.h"
#include "message.h"
#include "muc.h"
#include "owner.h"
#include "retract.h"

#define MUC_HANDLER(name, fn)                           \
	static int name(struct comp_req *rq, void *arg) \
	{                                               \
		return handler_run(arg, rq, fn);        \
	}
MUC_HANDLER(route_available, join_available)
MUC_HANDLER(route_unavailable, leave_unavailable)
MUC_HANDLER(route_groupchat, message_groupchat)
MUC_HANDLER(route_owner, owner_set)
MUC_HANDLER(route_query, mam_query)
MUC_HANDLER(route_form, mam_form)
MUC_HANDLER(route_metadata, mam_metadata)
MUC_HANDLER(route_moderate, retract_moderate)

static const struct comp_route muc_routes[] = {
	{ EL_PRESENCE, "available", NULL, NULL, COMP_TO_FULL, route_available },
	{ EL_PRESENCE, "unavailable", NULL, NULL, COMP_TO_FULL, route_unavailable },
	{ EL_MESSAGE, "groupchat", NULL, NULL, COMP_TO_BARE, route_groupchat },
	{ EL_IQ, "set", NS_MUC_OWNER, "query", COMP_TO_BARE, route_owner },
	{ EL_IQ, "set", NS_MAM, "query", COMP_TO_BARE, route_query },
	{ EL_IQ, "get", NS_MAM, "query", COMP_TO_BARE, route_form },
	{ EL_IQ, "get", NS_MAM, "metadata", COMP_TO_BARE, route_metadata },
	{ EL_IQ, "set", NS_MODERATE, "moderate", COMP_TO_BARE, route_moderate },
};
enum { MUC_ROUTES = sizeof(muc_routes) / sizeof(muc_routes[0]) };

#endif
