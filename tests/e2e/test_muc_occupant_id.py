# SPDX-License-Identifier: MIT
"""Rooms: ids of occupants (XEP-0421), behind our router and behind Debian's Prosody."""

import pytest

from lib.payloads import ENCRYPTED
from lib.rooms import (
    configure, create, features, join, leave, occupant_id as who, presence_xml, say)

SERVICE = "conference.localhost"
ROOM, OTHER = f"room@{SERVICE}", f"other@{SERVICE}"
NS = "urn:xmpp:occupant-id:0"
OMEMO = ENCRYPTED["OMEMO 0.3"]
FORGED = f"<occupant-id xmlns='{NS}' id='forged'/>"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


async def test_one_id_in_all_that_an_occupant_says(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    mine = who(await join(bob, ROOM, "Bob"))
    assert who(await alice.wait("presence", from_=f"{ROOM}/Bob")) == mine
    assert who(bob.inbox.find("presence", from_=f"{ROOM}/Alice")[0]) != mine
    say(bob, ROOM, OMEMO, "m1")
    for c in alice, bob:
        assert who(await c.wait("message", id="m1")) == mine
    say(bob, f"{ROOM}/Alice", OMEMO, "p1", kind="chat")
    assert who(await alice.wait("message", id="p1")) == mine
    await configure(alice, ROOM, {"changesubject": True})
    say(bob, ROOM, "<subject>tea</subject>", "s1")
    assert who(await alice.wait("message", id="s1")) == mine
    assert who(await leave(bob, ROOM, "Bob")) == mine
    assert who(await join(bob, ROOM, "Robert")) == mine
    shown = bob.inbox.find("message", from_=f"{ROOM}/Bob")
    assert [who(m) for m in shown] == [mine, mine]  # history, subject
    assert {NS} <= (await features(bob, ROOM))[0]
    assert {NS} <= (await features(bob, SERVICE))[0]


async def test_another_room_another_id(stack, client):
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    here = who(alice.inbox.find("presence")[-1])
    await create(alice, OTHER, "Alice")
    assert who(alice.inbox.find("presence")[-1]) != here


async def test_id_stays_over_a_restart(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", persistentroom=True)
    mine = who(await join(bob, ROOM, "Bob"))
    stack.components["muc"].kill9()
    stack.components["muc"].restart()
    stack.ready("muc")
    phone = await client("bob", resource="phone")
    assert who(await join(phone, ROOM, "Phone")) == mine


async def test_forged_ids_are_replaced(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    mine = who(await join(bob, ROOM, "Bob", extra=FORGED))
    bob.send_raw(presence_xml(f"{ROOM}/Bob", f"<show>away</show>{FORGED}"))
    assert who(await alice.wait("presence", has="{jabber:client}show")) == mine
    say(bob, ROOM, FORGED + OMEMO + FORGED, "m1")
    assert who(await alice.wait("message", id="m1")) == mine
    say(bob, f"{ROOM}/Alice", FORGED + OMEMO, "p1", kind="chat")
    assert who(await alice.wait("message", id="p1")) == mine
