-- A database of schema version 1, as a first release would have left it (sqlite3 .dump).
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE account (name TEXT PRIMARY KEY, salt BLOB NOT NULL);
INSERT INTO account VALUES('romeo',X'00ff10');
INSERT INTO account VALUES('juliet',X'');
PRAGMA user_version=1;
COMMIT;
