/* SPDX-License-Identifier: MIT */
#include "schema.h"

/* JIDs are prepared, bare ones of local accounts; times are Unix milliseconds. */
const struct db_step router_schema[] = {
	{ 1, "CREATE TABLE account ("
	     " jid TEXT PRIMARY KEY,"
	     " disabled INTEGER NOT NULL DEFAULT 0,"
	     " created INTEGER NOT NULL,"
	     " iterations INTEGER NOT NULL,"
	     " salt256 BLOB NOT NULL, stored256 BLOB NOT NULL, server256 BLOB NOT NULL,"
	     " salt1 BLOB NOT NULL, stored1 BLOB NOT NULL, server1 BLOB NOT NULL"
	     ") WITHOUT ROWID;"
	     /* sub: enum roster_sub; groups: names joined by U+001F, which resourceprep'd text and
	      * XML cannot contain; request: the pending subscribe stanza */
	     "CREATE TABLE roster ("
	     " owner TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
	     " contact TEXT NOT NULL,"
	     " name TEXT, groups TEXT,"
	     " sub INTEGER NOT NULL DEFAULT 0,"
	     " ask INTEGER NOT NULL DEFAULT 0,"
	     " pending INTEGER NOT NULL DEFAULT 0,"
	     " approved INTEGER NOT NULL DEFAULT 0,"
	     " listed INTEGER NOT NULL DEFAULT 1,"
	     " request TEXT,"
	     " PRIMARY KEY (owner, contact)"
	     ") WITHOUT ROWID;"
	     /* what must survive a restart and is nobody's row: the key of fake salts */
	     "CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;" },
	/* XEP-0191 and XEP-0445.  jid: any form, a domain's too.  hash: SHA-256 of the token, which
	 * is kept nowhere; account: the only name it is good for, NULL: any name at the domain */
	{ 2, "CREATE TABLE blocked ("
	     " owner TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
	     " jid TEXT NOT NULL,"
	     " PRIMARY KEY (owner, jid)"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE invite ("
	     " id TEXT PRIMARY KEY,"
	     " hash BLOB NOT NULL UNIQUE,"
	     " domain TEXT NOT NULL,"
	     " account TEXT,"
	     " uses INTEGER NOT NULL CHECK (uses >= 0),"
	     " created INTEGER NOT NULL,"
	     " expires INTEGER NOT NULL"
	     ") WITHOUT ROWID;"
	     "CREATE INDEX invite_account ON invite (account) WHERE account IS NOT NULL;"
	     "CREATE INDEX invite_expires ON invite (expires);" },
	/* roster_ver: RFC 6121 2.6, 0: nothing was ever changed, so what older files have is 1;
	 * last_ms, last_status: XEP-0012, when the last session ended and what it said */
	{ 3, "ALTER TABLE account ADD COLUMN roster_ver INTEGER NOT NULL DEFAULT 0;"
	     "UPDATE account SET roster_ver = 1;"
	     "ALTER TABLE account ADD COLUMN last_ms INTEGER;"
	     "ALTER TABLE account ADD COLUMN last_status TEXT;" },
	/* what components are told about accounts (links/events.c): events, numbered for ever, and
	 * who has not acknowledged them yet.  component: a domain.  A name is deleted once: it is
	 * taken until all have heard of it */
	{ 4, "CREATE TABLE event ("
	     " n INTEGER PRIMARY KEY AUTOINCREMENT,"
	     " kind TEXT NOT NULL,"
	     " jid TEXT NOT NULL,"
	     " host TEXT NOT NULL,"
	     " stamp INTEGER NOT NULL"
	     ");"
	     "CREATE UNIQUE INDEX event_deleted ON event (jid) WHERE kind = 'deleted';"
	     "CREATE TABLE event_for ("
	     " component TEXT NOT NULL,"
	     " n INTEGER NOT NULL REFERENCES event(n) ON DELETE CASCADE,"
	     " PRIMARY KEY (component, n)"
	     ") WITHOUT ROWID;"
	     "CREATE INDEX event_for_n ON event_for (n);" },
	/* what a component has put into an account's presence: one element for each namespace */
	{ 5, "CREATE TABLE presence_extra ("
	     " account TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
	     " ns TEXT NOT NULL,"
	     " element TEXT NOT NULL,"
	     " PRIMARY KEY (account, ns)"
	     ") WITHOUT ROWID;" },
	/* which messages an account wants to be kept: <prefs/> with prepared addresses */
	{ 6, "CREATE TABLE archive_prefs ("
	     " account TEXT PRIMARY KEY REFERENCES account(jid) ON DELETE CASCADE,"
	     " element TEXT NOT NULL"
	     ") WITHOUT ROWID;" },
	/* XEP-0484 (auth/tokens.c).  client: SHA-256 of its id; place: enum token_place; nonce:
	 * what the token is made of, along with a secret that is not here; count: the highest that
	 * came with it, -1: none */
	{ 7, "CREATE TABLE fast_token ("
	     " account TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
	     " client BLOB NOT NULL,"
	     " place INTEGER NOT NULL,"
	     " mech TEXT NOT NULL,"
	     " nonce BLOB NOT NULL,"
	     " issued INTEGER NOT NULL,"
	     " expires INTEGER NOT NULL,"
	     " count INTEGER NOT NULL,"
	     " PRIMARY KEY (account, client, place)"
	     ") WITHOUT ROWID;"
	     "CREATE INDEX fast_token_expires ON fast_token (expires);" },
};
const size_t router_schema_n = sizeof(router_schema) / sizeof(router_schema[0]);
