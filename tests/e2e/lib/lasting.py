# SPDX-License-Identifier: MIT
"""A client that outlives its connections, as a good one does (XEP-0198): it counts what it has
handled, keeps what has not been acknowledged, and goes on with its session or with a new one."""

import asyncio
import base64
import contextlib
import uuid
from collections import deque

from OpenSSL import SSL

from . import xml
from .inbox import Inbox
from .scram import ScramClient

SM, SASL2, BIND2 = "urn:xmpp:sm:3", "urn:xmpp:sasl:2", "urn:xmpp:bind:0"
CARBONS = "urn:xmpp:carbons:2"
STANZAS = ("message", "presence", "iq")
GONE = (OSError, SSL.Error, AssertionError)  # what a connection that breaks may raise


class _Box(Inbox):
    """What take() wants is not kept."""

    def __init__(self, owner, take):
        super().__init__(owner)
        self._take = take

    def put(self, element):
        if not self._take(element):
            super().put(element)


class Lasting:
    """
    c = Lasting(connect, "alice", "secret", "phone")   connect(): a coroutine function, a RawClient
    await c.come()             one try: TLS, login, and the session that was, or a new one
    await c.say("<message .../>")   whenever; it is repeated until the server has it
    c.waiting                  what the server has not acknowledged yet
    c.got                      messages, in the order in which they came
    inline=True                logs in with XEP-0388, all in one round trip
    """

    def __init__(self, connect, user, password, resource, inline=False, carbons=False):
        self._connect, self._inline, self._carbons = connect, inline, carbons
        self.user, self._password, self.resource = user, password, resource
        self.raw = self.jid = None
        self.id = None  # of the session that could be resumed
        self.asked = False  # a session has been asked for; whether it was made may not be known
        self.resumed = False  # what came of the last try to come
        self.sessions = 0  # that began
        self.waiting, self._unsent = deque(), 0  # stanzas; those at its end that have not been sent
        self.acked = 0  # of this session
        self.heard = 0  # what came and was handled in it
        self.got = []
        self._counting = self._ready = False
        self._tasks = set()

    def __repr__(self):
        return f"{self.user}/{self.resource}"

    # --- coming and going -----------------------------------------------------------------------
    async def come(self, connect=None):
        """One of GONE if it comes to nothing; whether the session is the one of before."""
        await self.leave()
        self.resumed = False
        self.raw = await (connect or self._connect)()
        self.raw.inbox = _Box(repr(self), self._take)
        await self.raw.open_stream()
        await self.raw.start_tls()
        await self.raw.open_stream()
        await (self._login_inline() if self._inline else self._login())
        self._unsent = len(self.waiting)
        self._ready = True
        await self._flush()
        return self.resumed

    async def leave(self, reset=True):
        """The connection is over, without a word."""
        self._counting = self._ready = False
        if self.raw:
            with contextlib.suppress(OSError):
                await self.raw.drop(reset)
            self.raw = None

    async def end(self):
        """Good manners: nothing is left."""
        await self.raw.close()
        self.id, self.raw, self._ready = None, None, False

    @property
    def here(self):
        return self._ready and not self.raw.closed

    async def _login(self):
        await self.raw.sasl(self.user, self._password)
        if self.id:
            await self.raw.send(self._resume())
            await self._wait_for("resumed", "failed")
        if self.resumed:
            return
        await self.raw.bind(self.resource)
        self.jid = self.raw.jid
        self.asked = True
        await self.raw.send(f"<enable xmlns='{SM}' resume='true'/>")
        await self._wait_for("enabled")

    async def _login_inline(self):
        scram = ScramClient("SCRAM-SHA-256", self.user, self._password)
        agent = uuid.uuid5(uuid.NAMESPACE_OID, self.resource)
        wanted = f"<enable xmlns='{SM}' resume='true'/>"
        if self._carbons:
            wanted += f"<enable xmlns='{CARBONS}'/>"
        await self.raw.send(
            f"<authenticate xmlns='{SASL2}' mechanism='SCRAM-SHA-256'><initial-response>"
            f"{_encode(scram.first())}</initial-response><user-agent id='{agent}'/>"
            f"{self._resume() if self.id else ''}"
            f"<bind xmlns='{BIND2}'><tag>{self.resource}</tag>{wanted}</bind></authenticate>")
        challenge = await self.raw.wait(f"{{{SASL2}}}challenge")
        self.asked = True
        await self.raw.send(f"<response xmlns='{SASL2}'>"
                            f"{_encode(scram.final(base64.b64decode(challenge.text)))}</response>")
        success = await self.raw.wait(f"{{{SASL2}}}success")
        scram.verify(base64.b64decode(success.findtext(f"{{{SASL2}}}additional-data")))

    def _resume(self):
        return f"<resume xmlns='{SM}' previd='{self.id}' h='{self.heard}'/>"

    async def _wait_for(self, *names):
        await self.raw.wait(lambda e: e.tag in {f"{{{SM}}}{n}" for n in names})

    # --- what comes -----------------------------------------------------------------------------
    def _take(self, element):
        """Each element as it comes; true: nobody else has to see it."""
        ns, _, name = element.tag[1:].partition("}")
        if ns == SM:
            self._managed(element, name)
            return name in ("a", "r")
        if ns == SASL2 and name == "success":
            for inner in element.iter():
                self._managed(inner, inner.tag.rpartition("}")[2])
            if element.find(f".//{{{BIND2}}}bound") is not None:
                self.jid = element.findtext(f"{{{SASL2}}}authorization-identifier")
            return False
        if name not in STANZAS or not self._counting:
            return False
        self.heard += 1
        if name == "message":
            self.on_message(element)
        return name != "iq"

    def on_message(self, message):
        self.got.append(message)

    def _managed(self, element, name):
        if not element.tag.startswith(f"{{{SM}}}"):
            return
        if name == "enabled":
            self.id = element.get("id")
            self.acked = self.heard = 0
            self._counting = True
            self.sessions += 1
            self.on_session()
        elif name == "resumed":
            self.resumed = self._counting = True
            self._has(int(element.get("h")))
        elif name == "failed":
            self.id = None
        elif name == "a":
            self._has(int(element.get("h")))
        elif name == "r":
            self._later(self.raw.send(f"<a xmlns='{SM}' h='{self.heard}'/>"))

    def _has(self, h):
        """The server has handled so many."""
        for _ in range(h - self.acked):
            assert self.waiting, f"{self}: h is {h}, and nothing waits"
            self.on_handled(self.waiting.popleft())
        self.acked = h

    def on_handled(self, stanza):
        """For tests that count."""

    def on_session(self):
        """A session begins; what waits is said in it."""

    def _later(self, sending):
        async def send():
            with contextlib.suppress(*GONE):
                await sending
        task = asyncio.ensure_future(send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what goes ------------------------------------------------------------------------------
    async def say(self, stanza):
        self.waiting.append(stanza)
        self._unsent += 1
        if self.here:
            await self._flush()

    async def _flush(self):
        while self._unsent:
            stanza = self.waiting[-self._unsent]
            self._unsent -= 1
            await self.raw.send(stanza)

    async def ask(self):
        await self.raw.send(f"<r xmlns='{SM}'/>")


def _encode(data):
    return base64.b64encode(data).decode()


def message(to, ident, inner, kind="chat"):
    return f"<message to='{to}' type='{kind}' id='{ident}'>{inner}</message>"


def idents(c):
    return [m.get("id") for m in c.got]


def show(c):
    return f"{c}: {[xml.show(m) for m in c.got[-20:]]}"
