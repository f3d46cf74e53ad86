# SPDX-License-Identifier: MIT
"""A component that is told of messages (docs/component-protocol.md 5), by hand: an archive that
acknowledges and answers when a test wants it."""

from xml.sax.saxutils import quoteattr

import pytest_asyncio

from .link import enabled

TAP, SID = "urn:switchyard:tap:1", "urn:xmpp:sid:0"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
MESSAGE = "{jabber:client}message"
ARCHIVE, SECRET = "keeper.localhost", "0123456789abcdef0123456789abcdef"


def section(tap='{"messages", "undelivered"}', **settings):
    rows = {"domain": ARCHIVE, "secret": SECRET, "internal": "true", "link_grace": "10", **settings}
    return "component keeper {\n" + "".join(f'  {k} = "{v}"\n' for k, v in rows.items()) \
        + f"  tap = {tap}\n}}\n"


class Event:
    """One <tapped/>: owners by bare JID, and the message."""

    def __init__(self, element):
        self.element = element
        self.tapped = element.find(f"{{{TAP}}}tapped")
        self.owners = {f.get("jid"): f for f in self.tapped.findall(f"{{{TAP}}}for")}
        self.message = self.tapped.find(f"{FORWARDED}/{MESSAGE}")

    @property
    def id(self):
        return None if self.message is None else self.message.get("id")

    def uid(self, jid):
        return self.owners[jid].get("id")

    def state(self, jid):
        return self.owners[jid].get("state")

    def kept(self):
        return {j for j, f in self.owners.items() if f.get("keep") == "true"}


def stanza_ids(message):
    return {s.get("by"): s.get("id") for s in message.findall(f"{{{SID}}}stanza-id")}


class Keeper:
    """await keeper.event("m1"); await keeper.ack(); await keeper.page(iq, [message...], last)"""

    def __init__(self, link):
        self.link, self.raw = link, link.raw

    def events(self):
        return [Event(e) for e in self.raw.inbox.find("message", has=f"{{{TAP}}}tapped")]

    async def event(self, ident, **want):
        element = await self.raw.wait(
            lambda e: e.tag.endswith("}message") and e.find(f"{{{TAP}}}tapped") is not None
            and Event(e).id == ident
            and all(w in [f.get(k) for f in Event(e).owners.values()] for k, w in want.items()))
        return Event(element)

    async def ack(self, h=None):
        """All that has come, or so much."""
        await self.link.ack(len(self.link.stanzas()) if h is None else h)

    async def asked(self, after=None, n=1, who="bob@localhost"):
        """The router's n-th question for what waits for an account behind `after`."""
        def asks():
            return [e for e in self.raw.inbox.find("iq", type="set", from_=who)
                    if e.find(f"{{{TAP}}}offline").get("after") == after]
        await self.raw.wait(lambda e: len(asks()) >= n)
        return asks()[n - 1]

    async def answer(self, iq, messages=(), last=None):
        page = "".join(
            "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
            f"stamp='2026-01-31T12:00:00Z' from='localhost'/>{m}</forwarded>" for m in messages)
        last = "" if last is None else f" last={quoteattr(last)}"
        await self.raw.send(
            f"<iq type='result' id='{iq.get('id')}' from='{ARCHIVE}' to='{iq.get('from')}'>"
            f"<offline xmlns='{TAP}'{last}>{page}</offline></iq>")


@pytest_asyncio.fixture
async def keeper(stack, raw_client):
    """await keeper(): it is connected, with acknowledgements; resume=Keeper, h=..."""
    async def connect():
        return Keeper(await enabled(raw_client, stack, ARCHIVE, SECRET))

    return connect
