/* SPDX-License-Identifier: MIT */
#include "store.h"

/* flags: store.c's enum flag; times are Unix milliseconds; body: what is between a message's tags.
 */
const struct db_step store_schema[STORE_SCHEMA_N] = {
	{ 1, "CREATE TABLE room ("
	     " name TEXT PRIMARY KEY,"
	     " title TEXT, description TEXT, lang TEXT, password TEXT,"
	     " flags INTEGER NOT NULL,"
	     " allow_pm INTEGER NOT NULL,"
	     " max_users INTEGER NOT NULL,"
	     " history INTEGER NOT NULL,"
	     " broadcast INTEGER NOT NULL,"
	     " member_list INTEGER NOT NULL,"
	     " subject TEXT, subject_nick TEXT, subject_at INTEGER NOT NULL DEFAULT 0"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE affiliation ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " jid TEXT NOT NULL,"
	     " affiliation INTEGER NOT NULL,"
	     " nick TEXT, reason TEXT,"
	     " PRIMARY KEY (room, jid)"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE history ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " seq INTEGER NOT NULL,"
	     " at INTEGER NOT NULL,"
	     " nick TEXT NOT NULL, id TEXT, lang TEXT,"
	     " body TEXT NOT NULL,"
	     " PRIMARY KEY (room, seq)"
	     ") WITHOUT ROWID;" },
	/* Sessions in rooms.  presence: what is between its tags; came, spoke: struct session */
	{ 2, "CREATE TABLE occupant ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " jid TEXT NOT NULL,"
	     " nick TEXT NOT NULL,"
	     " role INTEGER NOT NULL,"
	     " came INTEGER NOT NULL, spoke INTEGER NOT NULL,"
	     " presence TEXT NOT NULL,"
	     " PRIMARY KEY (room, jid)"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE invited ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " who TEXT NOT NULL, inviter TEXT NOT NULL,"
	     " seq INTEGER NOT NULL,"
	     " PRIMARY KEY (room, who)"
	     ") WITHOUT ROWID;" },
	/* What was said belongs to a room's number, which no later room has (store_said.h); flags:
	 * enum said_flag.  What there was keeps its time and order. */
	{ 3, "ALTER TABLE room ADD COLUMN no INTEGER NOT NULL DEFAULT 0;"
	     "UPDATE room SET no = numbered.n FROM"
	     " (SELECT name, row_number() OVER (ORDER BY name) AS n FROM room) AS numbered"
	     " WHERE room.name = numbered.name;"
	     "CREATE TABLE said ("
	     " room INTEGER NOT NULL, seq INTEGER NOT NULL, salt INTEGER NOT NULL,"
	     " flags INTEGER NOT NULL,"
	     " nick TEXT, jid TEXT, id TEXT, lang TEXT,"
	     " body TEXT NOT NULL,"
	     " PRIMARY KEY (room, seq)"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE gone (room INTEGER PRIMARY KEY);"
	     "INSERT INTO said (room, seq, salt, flags, nick, id, lang, body)"
	     " SELECT r.no,"
	     "  max(h.at) OVER before * 4096 + row_number() OVER before,"
	     "  random() & 4611686018427387903, 3, h.nick, h.id, h.lang, h.body"
	     " FROM history h JOIN room r ON r.name = h.room"
	     " WINDOW before AS (PARTITION BY h.room ORDER BY h.seq);"
	     "DROP TABLE history;" },
	/* Ids of occupants: their key, and whose the subject is.  What pretends to be one was
	 * nobody's to take out until now. */
	{ 4, "CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	     "ALTER TABLE room ADD COLUMN subject_by TEXT;"
	     "DELETE FROM said WHERE body LIKE '%=_urn:xmpp:occupant-id:0_%';"
	     "UPDATE occupant SET presence = '' WHERE presence LIKE '%urn:xmpp:occupant-id:%';" },
	{ 5, "CREATE TABLE about ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " what INTEGER NOT NULL, value TEXT NOT NULL,"
	     " PRIMARY KEY (room, what)"
	     ") WITHOUT ROWID;" },
	{ 6, "CREATE TABLE vcard ("
	     " room TEXT PRIMARY KEY REFERENCES room(name) ON DELETE CASCADE,"
	     " hashes TEXT, bytes INTEGER NOT NULL, text TEXT NOT NULL"
	     ");" },
	{ 7, "ALTER TABLE room ADD COLUMN slow_mode INTEGER NOT NULL DEFAULT 0;" },
	{ 8, "CREATE TABLE hat ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " uri TEXT NOT NULL, title TEXT NOT NULL, hue TEXT,"
	     " PRIMARY KEY (room, uri)"
	     ") WITHOUT ROWID;"
	     "CREATE TABLE worn ("
	     " room TEXT NOT NULL, uri TEXT NOT NULL, who TEXT NOT NULL,"
	     " PRIMARY KEY (room, uri, who),"
	     " FOREIGN KEY (room, uri) REFERENCES hat(room, uri) ON DELETE CASCADE"
	     ") WITHOUT ROWID;"
	     "UPDATE occupant SET presence = '' WHERE presence LIKE '%urn:xmpp:hats:%';" },
	/* Requests for membership. */
	{ 9, "CREATE TABLE waiting ("
	     " room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
	     " who TEXT NOT NULL, nick TEXT NOT NULL,"
	     " seq INTEGER NOT NULL,"
	     " PRIMARY KEY (room, who)"
	     ") WITHOUT ROWID;" },
	/* store_listed.c */
	{ 10, "CREATE INDEX room_listed ON room(name) WHERE flags & 129 = 1;" },
};
