# SPDX-License-Identifier: MIT
"""Rooms: slow mode (XEP-0500), behind our router and behind Debian's Prosody."""

import asyncio

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import change, codes, configure, create, features, join, leave, say
from lib.wait import STEP

ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


async def outcome(client, ident):
    """Sends a message: "groupchat", or what is wrong with it."""
    say(client, ROOM, OMEMO, ident)
    got = await client.wait("message", id=ident)
    return got.get("type") if got.get("type") == "groupchat" else error_condition(got)


async def test_one_message_in_a_while(stack, client, clock):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", slow_mode_duration=30)
    await join(bob, ROOM, "Bob")
    assert (await features(bob, ROOM))[1]["muc#roominfo_slow_mode_duration"] == "30"
    assert await outcome(bob, "b1") == "groupchat"
    assert await outcome(bob, "b2") == "policy-violation"
    error = bob.inbox.find("message", id="b2")[0].find("{jabber:client}error")
    assert error.get("type") == "wait" and "30 seconds" in error.findtext(f"{STANZAS}text")
    phone = await client("bob", resource="phone")
    await join(phone, ROOM, "Phone")
    assert await outcome(phone, "b3") == "policy-violation"
    await leave(bob, ROOM, "Bob")
    await join(bob, ROOM, "Robert")
    assert await outcome(bob, "b4") == "policy-violation"
    say(bob, ROOM, "<composing xmlns='http://jabber.org/protocol/chatstates'/>", "c1")
    assert (await bob.wait("message", id="c1")).get("type") == "groupchat"
    await alice.wait("message", id="c1")
    assert [m.get("id") for m in alice.inbox.find("message", type="groupchat")
            if m.get("id", "").startswith("b")] == ["b1"]
    clock.advance(31)
    for n in range(5, 200):  # the program looks at its clock within moments
        if await outcome(bob, f"b{n}") == "groupchat":
            break
        await asyncio.sleep(STEP)
    assert await outcome(phone, "b201") == "policy-violation"


async def test_whom_it_spares_and_how_it_changes(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    assert (await features(bob, ROOM))[1]["muc#roominfo_slow_mode_duration"] == "0"
    for n in range(3):
        assert await outcome(bob, f"b{n}") == "groupchat"
    bob.inbox.clear()
    await configure(alice, ROOM, {"slow_mode_duration": 60})
    assert codes(await bob.wait("message", type="groupchat", from_=ROOM)) == [104]
    for n in range(3):
        assert await outcome(alice, f"a{n}") == "groupchat"
    assert [await outcome(bob, f"c{n}") for n in range(2)] == ["groupchat", "policy-violation"]
    await change(alice, ROOM, {"nick": "Bob", "role": "moderator"})
    assert await outcome(bob, "d0") == "groupchat"
    await change(alice, ROOM, {"nick": "Bob", "role": "participant"})
    assert await outcome(bob, "d1") == "policy-violation"
    await configure(alice, ROOM, {"slow_mode_duration": 0})
    assert await outcome(bob, "d2") == "groupchat"
    for wrong in -1, 86401, "x", "9" * 30:
        answer = await configure(alice, ROOM, {"slow_mode_duration": wrong})
        assert error_condition(answer) == "not-acceptable"
