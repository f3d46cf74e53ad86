/* SPDX-License-Identifier: MIT */
#include "admin.h"
#include "avatar.h"
#include "ghost.h"
#include "hats_cmd.h"
#include "invite.h"
#include "join.h"
#include "leave.h"
#include "mam.h"
#include "message.h"
#include "owner.h"
#include "register.h"
#include "relay.h"
#include "retract.h"
#include "routes.h"
#include "search.h"
#include "voice.h"

#define TO_HANDLER(fn)                                     \
	static int on_##fn(struct comp_req *rq, void *arg) \
	{                                                  \
		return handler_run(arg, rq, fn);           \
	}
TO_HANDLER(join_available)
TO_HANDLER(leave_unavailable)
TO_HANDLER(ghost_error)
TO_HANDLER(message_groupchat)
TO_HANDLER(relay_message)
TO_HANDLER(relay_iq)
TO_HANDLER(invite_message)
TO_HANDLER(voice_message)
TO_HANDLER(admin_get)
TO_HANDLER(admin_set)
TO_HANDLER(owner_get)
TO_HANDLER(owner_set)
TO_HANDLER(register_get)
TO_HANDLER(register_set)
TO_HANDLER(mam_query)
TO_HANDLER(mam_form)
TO_HANDLER(mam_metadata)
TO_HANDLER(retract_moderate)
TO_HANDLER(hats_command)
TO_HANDLER(avatar_get)
TO_HANDLER(avatar_set)
#undef TO_HANDLER

static int on_other_message(struct comp_req *rq, void *arg)
{
	(void)rq;
	(void)arg;
	return -COND_BAD_REQUEST; /* 17.2: improperly typed */
}

static int on_room_ping(struct comp_req *rq, void *arg)
{
	if (!rooms_find_jid(arg, comp_to(rq)))
		return -COND_ITEM_NOT_FOUND;
	comp_reply_ok(rq);
	return COMP_DONE;
}

enum { TO_ROOM = COMP_TO_BARE | COMP_TO_FULL };

static const struct comp_route routes[] = {
	{ EL_PRESENCE, "available", NULL, NULL, TO_ROOM, on_join_available },
	{ EL_PRESENCE, "unavailable", NULL, NULL, TO_ROOM, on_leave_unavailable },
	{ EL_PRESENCE, "error", NULL, NULL, TO_ROOM, on_ghost_error },
	{ EL_MESSAGE, "groupchat", NULL, NULL, COMP_TO_BARE, on_message_groupchat },
	{ EL_MESSAGE, "error", NULL, NULL, TO_ROOM, on_ghost_error },
	{ EL_MESSAGE, NULL, NULL, NULL, COMP_TO_FULL, on_relay_message },
	{ EL_MESSAGE, "normal", NS_MUC_USER, "x", COMP_TO_BARE, on_invite_message },
	{ EL_MESSAGE, "normal", NS_XDATA, "x", COMP_TO_BARE, on_voice_message },
	{ EL_MESSAGE, NULL, NULL, NULL, COMP_TO_BARE, on_other_message },
	{ EL_IQ, "get", NULL, NULL, COMP_TO_FULL, on_relay_iq },
	/* what it asked for may have been done */
	{ EL_IQ, "set", NULL, NULL, COMP_TO_FULL, on_relay_iq, .once = true },
	{ EL_IQ, "get", NS_MUC_ADMIN, "query", COMP_TO_BARE, on_admin_get },
	{ EL_IQ, "set", NS_MUC_ADMIN, "query", COMP_TO_BARE, on_admin_set },
	{ EL_IQ, "get", NS_MUC_OWNER, "query", COMP_TO_BARE, on_owner_get },
	{ EL_IQ, "set", NS_MUC_OWNER, "query", COMP_TO_BARE, on_owner_set },
	{ EL_IQ, "get", NS_REGISTER, "query", COMP_TO_BARE, on_register_get },
	{ EL_IQ, "set", NS_REGISTER, "query", COMP_TO_BARE, on_register_set },
	{ EL_IQ, "set", NS_MAM, "query", COMP_TO_BARE, on_mam_query },
	{ EL_IQ, "get", NS_MAM, "query", COMP_TO_BARE, on_mam_form },
	{ EL_IQ, "get", NS_MAM, "metadata", COMP_TO_BARE, on_mam_metadata },
	{ EL_IQ, "set", NS_MODERATE, "moderate", COMP_TO_BARE, on_retract_moderate },
	{ EL_IQ, "get", NS_PING, "ping", COMP_TO_BARE, on_room_ping },
	{ EL_IQ, "set", NS_COMMANDS, "command", COMP_TO_BARE, on_hats_command },
	{ EL_IQ, "get", NS_SEARCH, "search", COMP_TO_HOST, search_handle },
	{ EL_IQ, "get", NS_VCARD, "vCard", COMP_TO_BARE, on_avatar_get },
	{ EL_IQ, "set", NS_VCARD, "vCard", COMP_TO_BARE, on_avatar_set },
};

void muc_routes(struct muc *m)
{
	comp_routes(m->c, routes, sizeof(routes) / sizeof(routes[0]), m);
}
