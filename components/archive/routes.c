/* SPDX-License-Identifier: MIT */
/* What the server tells comes to the component's domain; the library lets nobody else say it. */
#include "account.h"
#include "event.h"
#include "metadata.h"
#include "offline.h"
#include "prefs.h"
#include "query.h"
#include "routes.h"

const struct comp_route archive_routes[ARCHIVE_ROUTES] = {
	{ EL_MESSAGE, NULL, NS_TAP, "tapped", COMP_TO_HOST, event_tapped },
	{ EL_MESSAGE, NULL, NS_TAP, "account", COMP_TO_HOST, account_event },
	{ EL_IQ, "set", NS_TAP, "offline", COMP_TO_HOST, offline_page },
	{ EL_IQ, "set", NS_MAM, "query", COMP_FOR_ACCOUNT, query_set },
	{ EL_IQ, "get", NS_MAM, "query", COMP_FOR_ACCOUNT, metadata_form },
	{ EL_IQ, "get", NS_MAM, "metadata", COMP_FOR_ACCOUNT, metadata_get },
	{ EL_IQ, "get", NS_MAM, "prefs", COMP_FOR_ACCOUNT, prefs_get },
	{ EL_IQ, "set", NS_MAM, "prefs", COMP_FOR_ACCOUNT, prefs_set },
};
