# SPDX-License-Identifier: MIT
"""Clients with stream management (XEP-0198), by hand.  conftest.py makes the fixture known."""

import asyncio

import pytest_asyncio

from . import xml
from .faults import encrypted
from .payloads import ENCRYPTED
from .wait import until

SM = "urn:xmpp:sm:3"
BODY = ENCRYPTED["OMEMO 2"]


class Managed:
    """A raw client with stream management: `h` is what it has handled."""

    def __init__(self, raw):
        self.raw = raw
        self.h = 0  # stanzas counted so far ...
        self._counted = 0  # ... of what is in the inbox
        self.id = None

    @property
    def bare(self):
        return self.raw.jid.split("/")[0]

    async def enable(self, resume=True, extra=""):
        self.mark()
        await self.raw.send(f"<enable xmlns='{SM}'{' resume=' + repr('true') if resume else ''}{extra}/>")
        answer = await self.raw.wait(lambda e: e.tag in (f"{{{SM}}}enabled", f"{{{SM}}}failed"))
        self.id = answer.get("id")
        return answer

    def mark(self):
        """What came so far is not counted."""
        self._counted, self.h = len(self.raw.inbox), 0

    def handled(self):
        stanzas = [e for e in list(self.raw.inbox)[self._counted:]
                   if e.tag.rpartition("}")[2] in ("message", "presence", "iq")]
        return self.h + len(stanzas)

    async def ack(self, h=None):
        await self.raw.send(f"<a xmlns='{SM}' h='{self.handled() if h is None else h}'/>")

    async def asked(self):
        """The server's h."""
        before = len(self.acks())
        await self.raw.send(f"<r xmlns='{SM}'/>")
        await until(lambda: len(self.acks()) > before, "an answer to <r/>")
        return self.acks()[before]

    async def counted(self, h):
        """Waits until the server's h is this one."""
        while (says := await self.asked()) != h:
            assert says < h
            await asyncio.sleep(0.01)

    def acks(self):
        return [int(a.get("h")) for a in self.raw.inbox.find(f"{{{SM}}}a")]

    def say(self, to, ident, type_="chat"):
        return self.raw.send(f"<message to='{to}' type='{type_}' id='{ident}'>{BODY}</message>")


@pytest_asyncio.fixture
async def managed(stack, raw_client):
    """await managed("alice", "phone"): a session; resume=Managed: it goes on with that one."""
    async def make(user, resource="phone", resume=None, h=None, presence=True, enable=True, **how):
        jid = f"{user}@localhost"
        if jid not in stack.accounts:
            stack.add_account(user)
        raw = await encrypted(raw_client, stack=stack)
        await raw.sasl(user, stack.accounts[jid])
        one = Managed(raw)
        if resume:
            count = resume.handled() if h is None else h
            await raw.send(f"<resume xmlns='{SM}' previd='{resume.id}' h='{count}'/>")
            one.answer = await raw.wait(
                lambda e: e.tag in (f"{{{SM}}}resumed", f"{{{SM}}}failed",
                                    f"{{{xml.STREAM}}}error"))
            one.id, one.h = resume.id, count
            one._counted = list(raw.inbox).index(one.answer) + 1
            return one
        await raw.bind(resource)
        if enable:
            await one.enable(**how)
        if presence:
            await raw.iq("get", f"<query xmlns='{xml.ROSTER}'/>")
            await raw.send("<presence/>")
            await raw.sync()
        return one

    return make


async def gone(one):
    """The connection breaks, without a word."""
    await one.raw.drop(reset=True)


async def asleep(one, stack):
    """The same, and the router has noticed: the session is there and has no client."""
    await gone(one)
    await until(lambda: [r["peer"] for r in stack.ctl("session", "list")
                         if r["jid"] == one.raw.jid] == [None], "the end is noticed")
