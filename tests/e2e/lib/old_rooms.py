# SPDX-License-Identifier: MIT
"""The rooms' database as an older version had it: the steps of its schema, backwards."""

import contextlib
import re
import sqlite3

OCCUPANT_ID = re.compile(r"<occupant-id xmlns=\"urn:xmpp:occupant-id:0\" id=\"\w+\"/>")

# What each step made.
UNDO = {
    2: ("DROP TABLE occupant", "DROP TABLE invited"),
    3: ("CREATE TABLE history (room TEXT NOT NULL REFERENCES room(name) ON DELETE CASCADE,"
        " seq INTEGER NOT NULL, at INTEGER NOT NULL, nick TEXT NOT NULL, id TEXT, lang TEXT,"
        " body TEXT NOT NULL, PRIMARY KEY (room, seq)) WITHOUT ROWID",
        "INSERT INTO history (room, seq, at, nick, id, lang, body)"
        " SELECT r.name, s.seq, s.seq / 4096, s.nick, s.id, s.lang, s.body"
        " FROM said s JOIN room r ON r.no = s.room",
        "DROP TABLE said", "DROP TABLE gone", "ALTER TABLE room DROP COLUMN no"),
    4: ("DROP TABLE secret", "ALTER TABLE room DROP COLUMN subject_by",
        "UPDATE said SET body = unsigned(body)"),
    5: ("DROP TABLE about",),
    6: ("DROP TABLE vcard",),
    7: ("ALTER TABLE room DROP COLUMN slow_mode",),
    8: ("DROP TABLE worn", "DROP TABLE hat"),
    9: ("DROP TABLE waiting",),
    10: ("DROP INDEX room_listed",),
}
NEWEST = max(UNDO)


def make_older(path, version):
    """Of a component that is not running."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        assert db.execute("PRAGMA user_version").fetchone() == (NEWEST,)
        db.create_function("unsigned", 1, lambda body: OCCUPANT_ID.sub("", body))
        for step in range(NEWEST, version, -1):
            for statement in UNDO[step]:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {version}")
