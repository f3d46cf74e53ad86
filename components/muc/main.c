/* SPDX-License-Identifier: MIT */
/* The program: its settings, start and stop. */
#include "config.h"
#include "disco.h"
#include "ghost.h"
#include "later.h"
#include "room.h"
#include "routes.h"
#include "store.h"
#include "sweep.h"

static const struct log_tag tag = { .mod = "muc" };

/* --- settings ----------------------------------------------------------------------------------
 */

#define AT(field) offsetof(struct muc_conf, field)

static const struct conf_opt opts[] = {
	{ "muc_create", CONF_CHOICE, AT(create), "local", .choices = "anyone|local|admins",
	    .flags = CONF_RELOAD, .help = "who may create rooms" },
	{ "muc_local_domains", CONF_LIST, AT(local_domains), .flags = CONF_RELOAD,
	    .help = "whose users are local; none: those of the domains that the server serves",
	    .check = who_check_domain },
	{ "admins", CONF_LIST, AT(admins), .env = "ADMINS|PROSODY_ADMINS", .flags = CONF_RELOAD,
	    .help = "bare JIDs that are owners of every room", .check = who_check_bare },
	{ "muc_default_persistent", CONF_BOOL, AT(dflt.persistent), "false", .flags = CONF_RELOAD,
	    .help = "a new room stays when nobody is in it" },
	{ "muc_default_members_only", CONF_BOOL, AT(dflt.members_only), "false",
	    .flags = CONF_RELOAD, .help = "a new room is for members only" },
	{ "muc_default_public", CONF_BOOL, AT(dflt.public), "true", .flags = CONF_RELOAD,
	    .help = "a new room is listed" },
	{ "muc_default_moderated", CONF_BOOL, AT(dflt.moderated), "false", .flags = CONF_RELOAD,
	    .help = "in a new room only those with voice speak" },
	{ "muc_default_nonanonymous", CONF_BOOL, AT(dflt.nonanon), "false", .flags = CONF_RELOAD,
	    .help = "in a new room everybody sees real addresses, as OMEMO needs it" },
	{ "muc_default_registration", CONF_CHOICE, AT(dflt.registration), "approval",
	    .choices = MUC_REGISTRATION, .flags = CONF_RELOAD,
	    .help = "who may become a member of a new room by asking for it" },
	{ "muc_default_lock_nicks", CONF_BOOL, AT(dflt.lock_nicks), "false", .flags = CONF_RELOAD,
	    .help = "in a new room who has a reserved nickname uses it" },
	{ "muc_default_change_subject", CONF_BOOL, AT(dflt.change_subject), "false",
	    .flags = CONF_RELOAD, .help = "in a new room all with voice may change the subject" },
	{ "muc_default_allow_invites", CONF_BOOL, AT(dflt.allow_invites), "false",
	    .flags = CONF_RELOAD, .help = "members of a new members-only room may invite others" },
	{ "muc_default_allow_pm", CONF_CHOICE, AT(dflt.allow_pm), "anyone", .choices = MUC_ALLOW_PM,
	    .flags = CONF_RELOAD, .help = "who may send private messages in a new room" },
	{ "muc_default_max_users", CONF_INT, AT(dflt.max_users), "0", 0, 10000,
	    .flags = CONF_RELOAD, .help = "occupants of a new room; 0: as many as in any" },
	{ "muc_default_lang", CONF_STR, AT(dflt.lang), .flags = CONF_RELOAD,
	    .help = "language of a new room", .check = config_check_lang },
	{ "muc_default_presence_broadcast", CONF_LIST, AT(dflt.broadcast), .flags = CONF_RELOAD,
	    .help = "roles whose presence a new room shows to all; none: all of them",
	    .check = config_check_role },
	{ "muc_default_member_list", CONF_LIST, AT(dflt.member_list), .flags = CONF_RELOAD,
	    .help = "roles that read the lists of a new non-anonymous room; none: all of them",
	    .check = config_check_role },
	{ "muc_default_history", CONF_INT, AT(dflt.history), "20", 0, 1000, .flags = CONF_RELOAD,
	    .help = "messages that a new room keeps" },
	{ "muc_max_history", CONF_INT, AT(max_history), "100", 0, 1000, .flags = CONF_RELOAD,
	    .help = "messages that an owner can make a room keep" },
	{ "muc_default_archive", CONF_BOOL, AT(dflt.archive), "true", .flags = CONF_RELOAD,
	    .help = "a new room keeps what is said, for those who may enter" },
	{ "muc_archive_expire", CONF_TIME, AT(archive_expire), "0", 0, INT64_C(36500) * 86400,
	    .flags = CONF_RELOAD, .help = "how long rooms keep what is said; 0: for ever" },
	{ "muc_max_rooms", CONF_INT, AT(max_rooms), "20000", 0, 1000000, .flags = CONF_RELOAD,
	    .help = "rooms; 0: no limit" },
	{ "muc_max_occupants", CONF_INT, AT(max_occupants), "1000", 1, 10000, .flags = CONF_RELOAD,
	    .help = "sessions in one room" },
	{ "muc_max_affiliations", CONF_INT, AT(max_affiliations), "2000", 1, 100000,
	    .flags = CONF_RELOAD, .help = "owners, admins, members and outcasts of one room" },
	{ "muc_max_room_name", CONF_INT, AT(max_room_name), "255", 1, 1023, .flags = CONF_RELOAD,
	    .help = "bytes of a room's address before the @" },
	{ "muc_max_nick", CONF_INT, AT(max_nick), "128", 1, 1023, .flags = CONF_RELOAD,
	    .help = "bytes of a nickname" },
	{ "muc_max_subject", CONF_SIZE, AT(max_subject), "2k", 0, 65536, .flags = CONF_RELOAD,
	    .help = "bytes of a subject" },
	{ "muc_max_description", CONF_SIZE, AT(max_description), "1k", 0, 65536,
	    .flags = CONF_RELOAD, .help = "bytes of a room's description" },
	{ "muc_max_message", CONF_SIZE, AT(max_message), "256k", 1024, 1 << 20,
	    .flags = CONF_RELOAD, .help = "bytes of one message" },
	{ "muc_occupant_rate", CONF_INT, AT(occupant_rate), "10", 0, 1000000, .flags = CONF_RELOAD,
	    .help = "messages and other stanzas a second that a session may send; 0: no limit" },
	{ "muc_occupant_burst", CONF_INT, AT(occupant_burst), "100", 1, 1000000,
	    .flags = CONF_RELOAD, .help = "that may come at once" },
	{ "muc_room_rate", CONF_INT, AT(room_rate), "100", 0, 1000000, .flags = CONF_RELOAD,
	    .help = "messages a second in one room; 0: no limit" },
	{ "muc_room_burst", CONF_INT, AT(room_burst), "500", 1, 1000000, .flags = CONF_RELOAD,
	    .help = "that may come at once" },
	{ 0 },
};

/* --- life --------------------------------------------------------------------------------------
 */

static int start(struct comp *c, void *arg)
{
	struct muc *m = arg;

	muc_init(m, c);
	disco_start(m);
	muc_routes(m);
	return 0;
}

static int load(struct comp *c, void *arg)
{
	struct muc *m = arg;
	int r = muc_load(m);

	(void)c;
	if (r < 0) {
		log_err(&tag, LOG_LVL_ERROR, r, "the rooms cannot be read");
		rooms_free(m);
		return r;
	}
	log_info(&tag, "%zu rooms", map_len(&m->rooms));
	return 0;
}

static void forget(struct comp *c, void *arg)
{
	(void)c;
	later_free(arg);
	sweep_forget(arg);
	rooms_free(arg);
}

static void on_committed(struct comp *c, void *arg)
{
	(void)c;
	later_committed(arg);
}

static void on_online(struct comp *c, bool resumed, void *arg)
{
	(void)c;
	ghost_online(arg, resumed);
}

static void on_reload(struct comp *c, void *arg)
{
	(void)c;
	muc_reload(arg);
}

static void on_stop(struct comp *c, void *arg)
{
	(void)c;
	muc_stop(arg);
}

int main(int argc, char **argv)
{
	static struct muc m;
	static const struct comp_ops ops = {
		.name = "muc",
		.summary = "rooms: multi-user chat",
		.label = "conference",
		.opts = opts,
		.conf_size = sizeof(struct muc_conf),
		.schema = store_schema,
		.n_schema = STORE_SCHEMA_N,
		.start = start,
		.load = load,
		.owned = load,
		.forget = forget,
		.committed = on_committed,
		.online = on_online,
		.reload = on_reload,
		.stop = on_stop,
	};

	int status = comp_main(argc, argv, &ops, &m);

	muc_done(&m);
	return status;
}
