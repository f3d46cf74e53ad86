# SPDX-License-Identifier: MIT
"""Talking, and asking archives what was said."""

import contextlib
import os
import sqlite3
import uuid
from xml.sax.saxutils import escape, quoteattr

from . import xml
from .inbox import error_condition

MAM, RSM, FORWARD = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm", "urn:xmpp:forward:0"
DELAY, SID, RETRACT = "urn:xmpp:delay", "urn:xmpp:sid:0", "urn:xmpp:message-retract:1"
CARBONS = "urn:xmpp:carbons:2"
# What is said here is not encrypted, and there is much of it.
ENV = {"E2E_POLICY_CHAT": "none", "LIMIT_SESSION_RATE": "0"}


class Page:
    """The answer to a query."""

    def __init__(self, answer, results):
        self.answer, self.results = answer, results  # <result/> elements, as they came
        self.error = error_condition(answer)
        self.fin = answer.find(f"{{{MAM}}}fin")

    @property
    def ids(self):
        return [r.get("id") for r in self.results]

    @property
    def messages(self):
        return [r.find(f"{{{FORWARD}}}forwarded/{{{xml.CLIENT}}}message") for r in self.results]

    @property
    def bodies(self):
        return [m.findtext(f"{{{xml.CLIENT}}}body") for m in self.messages]

    @property
    def complete(self):
        return self.fin.get("complete") == "true"

    def rsm(self, name):
        return self.fin.findtext(f"{{{RSM}}}set/{{{RSM}}}{name}")


def fields(**values):
    """A form: with_= and so on; after_id is after-id; a list has many values."""
    def field(var, value):
        every = value if isinstance(value, (list, tuple)) else [value]
        return (f"<field var={quoteattr(var.rstrip('_').replace('_', '-'))}>"
                + "".join(f"<value>{escape(v)}</value>" for v in every) + "</field>")
    return (f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>{MAM}"
            "</value></field>" + "".join(field(k, v) for k, v in values.items()) + "</x>")


def rsm(**values):
    """max=, after=, before=; before="" is the last page."""
    return f"<set xmlns='{RSM}'>" + "".join(f"<{k}>{escape(str(v))}</{k}>"
                                           for k, v in values.items()) + "</set>"


class Talker:
    """A session that talks and reads its archive."""

    def __init__(self, raw):
        self.raw, self.jid = raw, raw.jid
        self.bare = raw.jid.partition("/")[0]
        self._queries = 0

    async def come(self, priority=0):
        await self.raw.iq("get", f"<query xmlns='{xml.ROSTER}'/>")
        await self.raw.send(f"<presence><priority>{priority}</priority></presence>")
        await self.raw.sync()
        return self

    async def say(self, to, body, id=None, kind="chat", more=""):
        """Without waiting."""
        ident = f" id={quoteattr(id)}" if id else ""
        await self.raw.send(f"<message to={quoteattr(str(to))} type='{kind}'{ident}>"
                            f"<body>{escape(body)}</body>{more}</message>")

    async def query(self, content="", to=None, timeout=15):
        self._queries += 1
        queryid = f"{self.jid.rpartition('/')[2]}{self._queries}"
        answer = await self.raw.iq("set", f"<query xmlns='{MAM}' queryid='{queryid}'>{content}</query>",
                                   to=to, timeout=timeout)
        found = [m.find(f"{{{MAM}}}result") for m in self.raw.inbox.find("message")]
        results = [r for r in found if r is not None and r.get("queryid") == queryid]
        return Page(answer, results)

    async def bodies(self, content=""):
        """All that matches, in pages."""
        found, after = [], None
        while True:
            page = await self.query(content + (rsm(max=100, after=after) if after else rsm(max=100)))
            assert page.error is None, xml.show(page.answer)
            found += page.bodies
            if page.complete:
                return found
            after = page.rsm("last")

    async def prefs(self, default=None, always=(), never=()):
        """Sets them, or asks for them: (default, always, never), or the condition of an error."""
        if default is None:
            answer = await self.raw.iq("get", f"<prefs xmlns='{MAM}'/>")
        else:
            def jids(name, every):
                return f"<{name}>" + "".join(f"<jid>{escape(j)}</jid>" for j in every) + f"</{name}>"
            answer = await self.raw.iq("set", f"<prefs xmlns='{MAM}' default='{default}'>"
                                       f"{jids('always', always)}{jids('never', never)}</prefs>")
        if error := error_condition(answer):
            return error
        prefs = answer.find(f"{{{MAM}}}prefs")
        return (prefs.get("default"), *([j.text for j in prefs.find(f"{{{MAM}}}{n}")]
                                        for n in ("always", "never")))

    def heard(self):
        """(body, whether it was late) of all messages but results, in order."""
        return [(m.findtext(f"{{{xml.CLIENT}}}body"), m.find(f"{{{DELAY}}}delay") is not None)
                for m in self.raw.inbox.find("message") if m.find(f"{{{xml.CLIENT}}}body") is not None]


def stanza_id(message, by):
    """The id that an archive has it by; None."""
    return next((s.get("id") for s in message.iter(f"{{{SID}}}stanza-id") if s.get("by") == by), None)


# --- the database ---------------------------------------------------------------------------------

def database(stack):
    return os.path.join(stack.data_dir, "archive.db")


def rows(stack, query, *values):
    with contextlib.closing(sqlite3.connect(f"file:{database(stack)}?mode=ro", uri=True)) as db:
        return db.execute(query, values).fetchall()


def count(stack, table):
    return rows(stack, f"SELECT count(*) FROM {table}")[0][0]


def uid(ms, n):
    """The n-th id of this time."""
    return uuid.UUID(int=ms << 80 | 7 << 76 | 2 << 62 | n)


def fill(stack, jid, n, peer, first_ms, step_ms=1, waiting=False, size=0):
    """Messages 0 to n - 1 from peer, written into the database of an archive that does not run: in
    jid's archive, or waiting for jid alone."""
    table = "offline (owner, id, body)" if waiting else "entry (owner, id, body, peer, origin)"
    head = (f'<message xmlns="jabber:client" from="{peer}/x" to="{jid}" type="chat" id="m').encode()
    with contextlib.closing(sqlite3.connect(database(stack))) as db, db:
        db.execute("INSERT OR IGNORE INTO account (jid) VALUES (?)", (jid,))
        owner, = db.execute("SELECT id FROM account WHERE jid = ?", (jid,)).fetchone()
        last, = db.execute("SELECT coalesce(max(id), 0) FROM body").fetchone()

        def each():
            for i in range(n):
                yield last + 1 + i, uid(first_ms + i * step_ms, i).bytes, i
        db.executemany("INSERT INTO body (id, a, a_id, b, b_id, origin, head, content)"
                       " VALUES (?, ?, ?, 0, x'', 0, ?, ?)",
                       ((at, owner, u, head + b'%d"' % i, b"<body>%d%s</body>" % (i, b"x" * size))
                        for at, u, i in each()))
        values = "?, ?, ?" if waiting else "?, ?, ?, ?, 0"
        db.executemany(f"INSERT INTO {table} VALUES ({values})",
                       ((owner, u, at) if waiting else (owner, u, at, peer) for at, u, _ in each()))
