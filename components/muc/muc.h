/* SPDX-License-Identifier: MIT */
/* The rooms service (XEP-0045): its settings, and what all of its files share.
 *
 *   main        settings, start and stop        service    who is who for the service
 *   handler     what a stanza's handler is      routes     which stanza goes where
 *   room        rooms, their life               store      SQL (store_schema: its tables)
 *   occupant    nicks and their sessions        affiliation  the lists
 *   permission  who may do what, pure           nick       rules of nicknames, pure
 *   config      settings of a room              owner      muc#owner: form, destroy
 *   join leave  coming and going                presence   what others see of an occupant
 *   message     groupchat                       subject history
 *   mam mam_query mam_page  what was said, for who asks (XEP-0313)
 *   retract     what is taken back              sid     ids of messages
 *   later       requests that wait              sweep   what is removed bit by bit
 *   store_said  SQL of what was said
 *   relay       private messages, iq            ghost      errors of clients that are gone
 *   listing     rooms in order: all, and those that are listed
 *   reach       whether the link takes what a change makes a room say
 *   admin       muc#admin: roles, lists         apply      what a change of affiliations leads to
 *   invite voice register disco
 *   avatar      vCards of rooms                 image      what a picture is, pure
 *   hats        extended roles, pure               hats_cmd   their commands
 *   search      for public rooms               slow       slow mode, pure
 *   info        what a room tells of itself    about      what its owner says of it, pure
 *   occupant_id ids of occupants (XEP-0421), pure */
#ifndef MUC_MUC_H
#define MUC_MUC_H

#include <base/list.h>
#include <base/loop.h>
#include <base/map.h>
#include <base/rate.h>
#include <comp/comp.h>
#include <comp/who.h>

#include "listing.h"
#include "occupant_id.h"

#define NS_MUC_ADMIN "http://jabber.org/protocol/muc#admin"
#define NS_MUC_OWNER "http://jabber.org/protocol/muc#owner"
#define NS_MUC_ROOMCONFIG "http://jabber.org/protocol/muc#roomconfig"
#define NS_MUC_ROOMINFO "http://jabber.org/protocol/muc#roominfo"
#define NS_MUC_REQUEST "http://jabber.org/protocol/muc#request"
#define NS_MUC_REGISTER "http://jabber.org/protocol/muc#register"
#define NS_MUC_STABLE_ID "http://jabber.org/protocol/muc#stable_id"
#define NS_MUC_SELF_PING "http://jabber.org/protocol/muc#self-ping-optimization"

/* Bounds that are part of the design; those that an operator may want to set are settings. */
enum {
	MUC_REASON_MAX = 1024,        /* bytes of a reason */
	MUC_PASSWORD_MAX = 256,       /* bytes of a room's password */
	MUC_TITLE_MAX = 256,          /* bytes of a room's natural name */
	MUC_LANG_MAX = 35,            /* RFC 5646 4.4.1 */
	MUC_ITEMS_MAX = 256,          /* items of one change of lists */
	MUC_INVITES_MAX = 16,         /* in one message */
	MUC_INVITED_MAX = 64,         /* whose answer a room waits for */
	MUC_WAITING_MAX = 64,         /* requests for membership */
	MUC_APPROVERS_MAX = 16,       /* who is asked about one, if nobody of them is in the room */
	MUC_PRESENCE_MAX = 16384,     /* bytes of an occupant's own presence */
	MUC_ASKS_MAX = 32,            /* questions of one account passed on and not answered yet */
	MUC_ASKERS = 1024,            /* counters of these: several accounts may share one */
	MUC_EXTRA_USERS = 10,         /* admins and owners who come in although a room is full */
	MUC_PAGE_MAX = 100,           /* rooms in one answer to disco#items */
	MUC_PINGS_MAX = 256,          /* sessions asked at once whether they are there still */
	MUC_HISTORY_BYTES = 4 << 20,  /* of one room's history */
	MUC_MAM_PAGE = 50,            /* messages of a page of the archive if nothing is said, */
	MUC_MAM_PAGE_MAX = 250,       /* and at most; */
	MUC_MAM_PAGE_BYTES = 1 << 20, /* of more than one */
	MUC_MAM_SLICE = 512,          /* messages that are looked at in one turn */
	MUC_MAM_COUNT = 1000,         /* that are counted where only their number is asked for */
};

#define MUC_ALLOW_PM "anyone|participants|moderators|none" /* enum allow_pm */
#define MUC_REGISTRATION "none|approval|open"              /* enum registration */

enum muc_create { MUC_CREATE_ANYONE, MUC_CREATE_LOCAL, MUC_CREATE_ADMINS };

struct muc_conf {
	struct comp_conf comp;
	int create; /* enum muc_create */
	struct conf_list local_domains, admins;
	struct { /* of a new room */
		bool persistent, members_only, public, moderated, nonanon, archive;
		int registration; /* enum registration */
		bool lock_nicks, change_subject, allow_invites;
		int allow_pm; /* enum allow_pm */
		int64_t max_users;
		char *lang;
		struct conf_list broadcast, member_list; /* roles; none: all */
		int64_t history;
	} dflt;
	int64_t max_history;
	int64_t archive_expire; /* seconds; 0: for ever */
	int64_t max_rooms, max_occupants, max_affiliations;
	int64_t max_room_name, max_nick, max_subject, max_description, max_message;
	int64_t occupant_rate, occupant_burst; /* stanzas a second */
	int64_t room_rate, room_burst;
};

struct room;

struct muc {
	struct comp *c;
	struct muc_conf *conf;
	uint8_t id_key[OCCUPANT_ID_KEY];
	int64_t seq;       /* the last number given to who came or spoke: grows for ever */
	struct who admins; /* bare JIDs */
	struct who local_domains;
	struct map rooms;       /* struct room by local part */
	struct listing sorted;  /* all rooms */
	struct listing listing; /* those that are listed */
	struct rate_conf occupant_rate, room_rate, search_rate;
	struct rate searches;         /* of everybody */
	struct rate_table *joins;     /* by room and bare JID */
	struct rate_table *creates;   /* by bare JID */
	struct rate_table *outsiders; /* who changes a room without being in it, by bare JID */
	unsigned asks[MUC_ASKERS];    /* relay.c: questions on their way, by a hash of who asks */
	struct {                      /* later.c */
		struct list uncommitted, next; /* struct later */
		struct task task;              /* for next */
	} later;
	struct {             /* sweep.c */
		uint64_t tx; /* of the last slice */
		size_t at;   /* in sorted: the next room to be looked at */
		struct timer timer;
	} sweep;
	struct list fresh_vcards; /* avatar.c: struct room whose vCard is not committed yet */
	/* ghost.c */
	struct list suspects; /* struct session */
	struct timer again;   /* suspects are looked at once more */
	unsigned pings;       /* on their way */
	uint64_t online_at;   /* the link is up since */
	bool probes;          /* who is in a room that is read now may have gone unheard */
};

/* service.c */
void muc_init(struct muc *m, struct comp *c);
/* The rooms that are this process's: at the start, and where the domain is shared, when a change of
 * whose they are is settled.  0 or -Exxx. */
int muc_load(struct muc *m);
void muc_stop(struct muc *m);   /* the end has begun: no timers */
void muc_done(struct muc *m);   /* once the loop has ended; zeroed memory is fine */
void muc_reload(struct muc *m); /* the settings have changed */
bool muc_is_admin(const struct muc *m, const struct jid *j);
bool muc_may_create(const struct muc *m, const struct jid *j);
/* Other processes have the other rooms. */
bool muc_shares(const struct muc *m);
uint64_t muc_now(const struct muc *m); /* loop_now() */
int64_t muc_wall(const struct muc *m); /* Unix milliseconds */

#endif
