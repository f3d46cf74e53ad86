# SPDX-License-Identifier: MIT
"""Message carbons (XEP-0280): which sessions of a user see what the others say and are told."""

import pytest

from lib import xml
from lib.component import attach
from lib.im import resource, settled
from lib.payloads import ENCRYPTED

CARBONS = "urn:xmpp:carbons:2"
FORWARD = "urn:xmpp:forward:0"
HINTS = "urn:xmpp:hints"
MUC_USER = "http://jabber.org/protocol/muc#user"
BODY = ENCRYPTED["OMEMO 2"]
BOB, ALICE = "bob@localhost", "alice@localhost"
PRIVATE = f"<private xmlns='{CARBONS}'/><no-copy xmlns='{HINTS}'/>"
STATE = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
RECEIPT = "<received xmlns='urn:xmpp:receipts' id='x'/>"
MARKER = "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>"
INVITE = "<x xmlns='jabber:x:conference' jid='room@conference.localhost'/>"


async def switch(client, what="enable", to=None):
    return await client.request("set", f"<{what} xmlns='{CARBONS}'/>", to)


async def session(client, user, name, priority=0, carbons=True):
    c = await resource(client, user, name, priority)
    if carbons:
        assert (await switch(c)).get("type") == "result"
    return c


def say(client, to, ident, inner=BODY, type_="chat"):
    client.send_raw(f"<message to='{to}' type='{type_}' id='{ident}'>{inner}</message>")


def copies(client):
    """[(way, id of what is inside)] in order; each is checked for its shape."""
    found = []
    for m in client.inbox.find("message"):
        for way in ("sent", "received"):
            wrapped = m.find(f"{{{CARBONS}}}{way}/{{{FORWARD}}}forwarded/{{{xml.CLIENT}}}message")
            if wrapped is None:
                continue
            assert (m.get("from"), m.get("to")) == (client.bare, client.full)
            assert m.get("type") == wrapped.get("type") and len(m) == 1
            found.append((way, wrapped.get("id")))
    return found


def plain(client):
    return [m.get("id") for m in client.inbox.find("message") if m.get("id")]


async def test_feature(stack, client):
    alice = await client("alice")
    answer = await alice.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>", "localhost")
    assert CARBONS in {f.get("var") for f in answer.iter(f"{{{xml.DISCO_INFO}}}feature")}


async def test_switching(stack, client):
    """Twice is as good as once, to whatever address of one's own; others' cannot be switched."""
    alice, bob = await client("alice"), await client("bob")
    for what, to in (("enable", None), ("enable", ALICE), ("disable", None), ("disable", None)):
        assert (await switch(alice, what, to)).get("type") == "result"
    answer = await switch(alice, "enable", BOB)
    assert answer.get("type") == "error"
    answer = await alice.request("set", f"<other xmlns='{CARBONS}'/>")
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}bad-request") is not None
    answer = await alice.request("get", f"<enable xmlns='{CARBONS}'/>")
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}bad-request") is not None
    await settled(bob)


async def test_both_sides_see_both_directions(stack, client):
    phone, desk = [await session(client, "alice", n) for n in ("phone", "desk")]
    old = await session(client, "alice", "old", carbons=False)
    bobs = await session(client, "bob", "one"), await session(client, "bob", "two", -1)
    say(phone, bobs[0].full, "m1")
    say(bobs[0], phone.full, "m2")
    await settled(phone, desk, old, *bobs)
    assert copies(desk) == [("sent", "m1"), ("received", "m2")]
    assert copies(bobs[1]) == [("received", "m1"), ("sent", "m2")]
    assert copies(phone) == copies(bobs[0]) == copies(old) == []
    assert plain(phone) == ["m2"] and plain(bobs[0]) == ["m1"] and plain(old) == []


async def test_the_copy_is_the_message(stack, client):
    phone, desk = [await session(client, "alice", n) for n in ("phone", "desk")]
    bob = await client("bob")
    say(phone, bob.full, "m1", f"{BODY}<thread>t</thread>")
    await settled(phone, desk, bob)
    got = bob.inbox.find("message", id="m1")[0]
    copy = next(desk.inbox.find("message")[0].iter(f"{{{FORWARD}}}forwarded"))[0]
    assert xml.show(copy) == xml.show(got)
    assert copy.get("from") == phone.full and copy.get("to") == bob.full


async def test_bare_address_reaches_nobody_twice(stack, client):
    """Those that the rules for a bare JID choose get the message, the others a copy."""
    high, tie, low, bot = [await session(client, "bob", n, p)
                           for n, p in (("high", 5), ("tie", 5), ("low", 1), ("bot", -1))]
    silent = await session(client, "bob", "silent", None)
    alice = await client("alice")
    say(alice, BOB, "m1")
    await settled(alice, high, tie, low, bot, silent)
    assert plain(high) == plain(tie) == ["m1"] and copies(high) == copies(tie) == []
    for c in (low, bot, silent):
        assert copies(c) == [("received", "m1")] and plain(c) == []


async def test_nobody_took_it(stack, client):
    """Who is told that a message did not arrive is not read elsewhere."""
    bot = await session(client, "bob", "bot", -1)
    alice = await client("alice")
    say(alice, BOB, "m1")
    await alice.wait("message", id="m1", error="service-unavailable")
    await settled(bot)
    assert copies(bot) == []


async def test_full_address_that_is_gone(stack, client):
    here = await session(client, "bob", "here", 3)
    low = await session(client, "bob", "low", 1)
    alice = await client("alice")
    say(alice, f"{BOB}/gone", "m1")
    await settled(alice, here, low)
    assert plain(here) == ["m1"] and copies(low) == [("received", "m1")] and copies(here) == []


async def test_disabled_again(stack, client):
    phone, desk = [await session(client, "alice", n) for n in ("phone", "desk")]
    bob = await client("bob")
    await switch(desk, "disable")
    say(phone, bob.full, "m1")
    say(bob, phone.full, "m2")
    await settled(phone, bob, desk)
    assert copies(desk) == []


@pytest.mark.parametrize("inner, type_, copied", [
    (BODY, "chat", True), (BODY, "normal", True), (STATE, "chat", True), (STATE, "normal", True),
    (RECEIPT, "normal", True), (MARKER, "normal", True), (INVITE, "normal", True),
    (f"<x xmlns='{MUC_USER}'><invite from='a@b'/></x>", "normal", True),
    ("<data xmlns='urn:example:x'/>", "normal", False), ("<data xmlns='urn:example:x'/>", "chat", True),
    (BODY, "headline", False), (STATE, "headline", False),
    (BODY + PRIVATE, "chat", False), (BODY + f"<private xmlns='{CARBONS}'/>", "chat", False),
    (BODY + f"<no-copy xmlns='{HINTS}'/>", "chat", False),
])
async def test_which_messages(stack, client, inner, type_, copied):
    phone, desk = [await session(client, "alice", n) for n in ("phone", "desk")]
    bobs = await session(client, "bob", "one"), await session(client, "bob", "two", -1)
    say(phone, bobs[0].full, "m1", inner, type_)
    await settled(phone, desk, *bobs)
    assert plain(bobs[0]) == ["m1"]
    assert copies(desk) == ([("sent", "m1")] if copied else [])
    assert copies(bobs[1]) == ([("received", "m1")] if copied else [])


@pytest.mark.parametrize("way", ["sent", "received"])
async def test_copies_are_not_copied(stack, client, way):
    """What looks like a copy is a message to whom it is sent, and no more (XEP-0280 11)."""
    phone, desk = [await session(client, "alice", n) for n in ("phone", "desk")]
    bob, bobs_other = [await session(client, "bob", n, p) for n, p in (("one", 1), ("two", 0))]
    say(phone, bob.full, "m1", f"<{way} xmlns='{CARBONS}'><forwarded xmlns='{FORWARD}'>"
        f"<message xmlns='{xml.CLIENT}' from='{BOB}'>{BODY}</message></forwarded></{way}>{BODY}")
    await settled(phone, desk, bob, bobs_other)
    assert not desk.inbox.find("message") and not bobs_other.inbox.find("message")


async def test_to_oneself(stack, client):
    """Each session sees it once, the sender only as the rules for its address say."""
    phone, desk, low = [await session(client, "alice", n, p)
                        for n, p in (("phone", 5), ("desk", 5), ("low", 0))]
    say(low, ALICE, "m1")
    await phone.wait("message", id="m1")
    say(phone, desk.full, "m2")
    await settled(phone, desk, low)
    assert plain(phone) == ["m1"] and copies(phone) == []
    assert plain(desk) == ["m1", "m2"] and copies(desk) == []
    assert copies(low) == [("received", "m2")]


async def test_refused_messages_are_not_copied(stack, client):
    """Neither by the policy nor because of a block."""
    phone, desk = [await session(client, "alice", n) for n in ("phone", "desk")]
    bob, other = await session(client, "bob", "one"), await session(client, "bob", "two")
    say(phone, bob.full, "m1", "<body>in the clear</body>")
    await phone.wait("message", id="m1", type="error")
    await phone.request("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{BOB}'/></block>")
    say(phone, bob.full, "m2")
    await phone.wait("message", id="m2", type="error")
    say(bob, phone.full, "m3")
    await settled(phone, desk, bob, other)
    assert copies(desk) == []
    assert ("received", "m1") not in copies(other) and ("received", "m2") not in copies(other)


async def test_private_messages_of_rooms(make_stack, client, raw_client):
    """6.1: what an occupant says is the room's to show; what is said to him is copied."""
    conf = 'component gate { domain = "gate.localhost"  secret = "gate-secret"  e2e = exempt }\n'
    stack = make_stack(conf_d=conf)
    phone, desk = [await session(client, "alice", n) for n in ("phone", "desk")]
    gate = await attach(raw_client, stack, "gate.localhost", "gate-secret")
    await gate.send(f"<message from='room@gate.localhost/nick' to='{phone.full}' type='chat' "
                    f"id='pm1'>{BODY}<x xmlns='{MUC_USER}'/></message>")
    await phone.wait("message", id="pm1")
    say(phone, "room@gate.localhost/nick", "pm2", f"{BODY}<x xmlns='{MUC_USER}'/>")
    await gate.wait("message", id="pm2")
    await settled(phone, desk)
    assert copies(desk) == [("sent", "pm2")]
