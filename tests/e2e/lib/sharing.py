# SPDX-License-Identifier: MIT
"""Members of a shared domain (docs/component-protocol.md, "Sharing a domain"), by hand: links that
say what a test wants them to, and the arithmetic of who wins a key."""

import hashlib
import itertools

from . import xml
from .link import SM, Link, connect
from .wait import until

SHARE = "urn:switchyard:share:1"
MASK = (1 << 64) - 1


def _hash(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _weight(member, key):
    x = _hash(member) ^ _hash(key)
    x ^= x >> 33
    x = x * 0xff51afd7ed558ccd & MASK
    x ^= x >> 33
    x = x * 0xc4ceb9fe1a85ec53 & MASK
    return x ^ x >> 33


def winner(ids, key):
    return min(ids, key=lambda m: (-_weight(m, key), m))


def address(domain, ids, wins, before=None, prefix="k"):
    """A bare JID there whose winner among ids is `wins`; before: (ids, winner) that it had."""
    for n in itertools.count():
        jid = f"{prefix}{n}@{domain}"
        if winner(ids, jid) == wins and (not before or winner(before[0], jid) == before[1]):
            return jid


class List:
    """What <members/> says: epoch, ids, and (id, h) of who has gone."""

    def __init__(self, iq):
        payload = iq.find(f"{{{SHARE}}}members")
        self.iq, self.epoch = iq, int(payload.get("epoch"))
        self.ids = {e.get("id") for e in payload.findall(f"{{{SHARE}}}member")}
        self.gone = {e.get("id"): int(e.get("h")) for e in payload.findall(f"{{{SHARE}}}gone")}


class Member(Link):
    """
    m = await member(raw_client, stack, domain, secret)     m.member: its id there
    lists = await m.told(ids, gone)                         the newest list is this one
    await m.answer(adopted={id: h or None})                 to the newest list
    await m.settled()                                       the newest list is
    """

    member = None

    async def share(self):
        await self.raw.send(f"<enable xmlns='{SM}' resume='true'><share xmlns='{SHARE}'/></enable>")
        enabled = await self.raw.wait(f"{{{SM}}}enabled")
        self.id = enabled.get("id")
        self.member = enabled.find(f"{{{SHARE}}}share").get("member")
        return enabled

    def lists(self):
        return [List(iq) for iq in self.raw.inbox.find("iq", type="set", has=f"{{{SHARE}}}members")]

    async def told(self, ids, gone=None):
        def last():
            found = self.lists()
            return found and found[-1].ids == set(ids) and (
                gone is None or set(found[-1].gone) == set(gone)) and found[-1]
        return await until(last, lambda: f"{set(ids)}, {gone}, not "
                           f"{[(x.epoch, x.ids, x.gone) for x in self.lists()]}")

    async def answer(self, adopted=None, epoch=None, sender=None, payload=None):
        last = self.lists()[-1]
        inner = "".join(f"<adopted id='{i}'" + (f" h='{h}'/>" if h is not None else "/>")
                        for i, h in (adopted or {}).items())
        payload = payload or f"<members xmlns='{SHARE}' epoch='{last.epoch if epoch is None else epoch}'>{inner}</members>"
        await self.raw.send(f"<iq type='result' id='{last.iq.get('id')}' to='{last.iq.get('from')}' "
                            f"from='{sender or self.domain + '/' + self.member}'>{payload}</iq>")

    def epochs_settled(self):
        return [int(e.find(f"{{{SHARE}}}settled").get("epoch"))
                for e in self.raw.inbox.find("message", has=f"{{{SHARE}}}settled")]

    async def settled(self, epoch=None):
        epoch = epoch or self.lists()[-1].epoch
        await until(lambda: epoch in self.epochs_settled(), lambda: f"{epoch} is settled")
        return epoch

    def messages(self):
        """Ids of what others have sent, in order."""
        return [e.get("id") for e in self.raw.inbox.find("message") if e.find(f"{{{SHARE}}}settled") is None]

    async def has(self, *ids):
        await until(lambda: self.messages() == list(ids), lambda: f"{ids}, not {self.messages()}")

    def came(self):
        """How many stanzas there have been."""
        return len(self.stanzas())

    async def leave(self):
        await self.raw.send("</stream:stream>")


async def linked(raw_client, stack, domain, secret, **how):
    """One that has said nothing yet."""
    link = await connect(raw_client, stack, domain, secret, **how)
    return Member(link.raw, domain)


async def member(raw_client, stack, domain, secret, **how):
    m = await linked(raw_client, stack, domain, secret, **how)
    await m.share()
    return m


async def agree(*members, gone=None):
    """All are told of all, say so, and hear that it is settled."""
    ids = {m.member for m in members}
    for m in members:
        await m.told(ids, gone)
    for m in members:
        await m.answer()
    for m in members:
        await m.settled()


INFO = f"{{{xml.DISCO_INFO}}}query"
