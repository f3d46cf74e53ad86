# SPDX-License-Identifier: MIT
"""Rooms: every limit at, below and above its value; floods; races for a nick."""

import asyncio

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (change, configure, create, features, join, leave, presence_xml, say)

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
OMEMO = ENCRYPTED["OMEMO 0.3"]


def muc(make_rooms, **env):
    return make_rooms(env={f"MUC_{k}": v for k, v in env.items()})


async def test_names(make_rooms, client):
    muc(make_rooms, MAX_NICK="8", MAX_ROOM_NAME="8")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, f"{'r' * 8}@{SERVICE}", "n" * 8)
    for room, nick in (("r" * 9, "n"), ("r" * 1023, "n"), ("r" * 8, "n" * 9), ("r" * 8, "n" * 1023)):
        assert error_condition(await join(bob, f"{room}@{SERVICE}", nick)) == "not-acceptable"
    await join(bob, f"{'r' * 8}@{SERVICE}", "bob")
    bob.inbox.clear()
    bob.send_raw(presence_xml(f"{'r' * 8}@{SERVICE}/{'n' * 9}"))
    assert error_condition(await bob.wait("presence", type="error")) == "not-acceptable"


@pytest.mark.ours("Prosody closes the stream of who sends such an address")
async def test_names_beyond_what_an_address_can_be(make_rooms, client):
    muc(make_rooms)
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    alice.send_raw(presence_xml(f"{ROOM}/{'n' * 1024}"))  # the router's to refuse
    assert error_condition(await alice.wait("presence", type="error")) == "jid-malformed"
    await alice.sync()


async def test_number_of_rooms(make_rooms, client):
    muc(make_rooms, MAX_ROOMS="2")
    alice = await client("alice")
    for number in range(2):
        await create(alice, f"r{number}@{SERVICE}", "Alice")
    refused = await join(alice, f"r2@{SERVICE}", "Alice")
    assert error_condition(refused) == "resource-constraint"
    await leave(alice, f"r0@{SERVICE}", "Alice")
    await create(alice, f"r2@{SERVICE}", "Alice")


async def test_number_of_occupants_and_affiliations(make_rooms, client):
    muc(make_rooms, MAX_OCCUPANTS="2", MAX_AFFILIATIONS="3")
    alice, bob, carol = [await client(n) for n in ("alice", "bob", "carol")]
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    assert error_condition(await join(carol, ROOM, "Carol")) == "service-unavailable"
    members = [{"jid": f"m{n}@localhost", "affiliation": "member"} for n in range(3)]
    assert error_condition(await change(alice, ROOM, *members)) == "resource-constraint"
    assert (await change(alice, ROOM, *members[:2])).get("type") == "result"
    assert error_condition(await change(alice, ROOM, members[2])) == "resource-constraint"
    gone = {"jid": "m0@localhost", "affiliation": "none"}
    assert (await change(alice, ROOM, gone, members[2])).get("type") == "result"


async def test_sizes(make_rooms, client):
    muc(make_rooms, MAX_SUBJECT="10", MAX_DESCRIPTION="10", MAX_MESSAGE="2048", MAX_HISTORY="5")
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    say(alice, ROOM, f"<subject>{'s' * 10}</subject>", "s1")
    assert (await alice.wait("message", id="s1")).get("type") == "groupchat"
    say(alice, ROOM, f"<subject>{'s' * 11}</subject>", "s2")
    assert error_condition(await alice.wait("message", id="s2")) == "not-acceptable"
    assert (await configure(alice, ROOM, {"roomdesc": "d" * 10})).get("type") == "result"
    assert error_condition(await configure(alice, ROOM, {"roomdesc": "d" * 11})) == "not-acceptable"
    say(alice, ROOM, f"{OMEMO}<pad xmlns='urn:pad'>{'p' * 1000}</pad>", "m1")
    assert (await alice.wait("message", id="m1")).get("type") == "groupchat"
    say(alice, ROOM, f"{OMEMO}<pad xmlns='urn:pad'>{'p' * 2048}</pad>", "m2")
    assert error_condition(await alice.wait("message", id="m2")) == "policy-violation"
    assert error_condition(await configure(alice, ROOM, {"historylength": 6})) == "not-acceptable"
    _, form = await features(alice, ROOM)
    assert form["muc#maxhistoryfetch"] == "5"


async def test_flood_of_messages_and_subjects(make_rooms, client, clock):
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="5")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    for number in range(20):
        inner = OMEMO if number % 2 else f"<subject>{number}</subject>"
        say(alice, ROOM, inner, f"f{number}")
    last = await alice.wait("message", id="f19")
    assert error_condition(last) == "resource-constraint"
    assert last.find("{jabber:client}error").get("type") == "wait"
    passed = [m for m in alice.inbox.find("message") if m.get("type") == "groupchat" and m.get("id")]
    assert 4 <= len(passed) <= 8
    say(bob, ROOM, OMEMO, "b1")  # who does not flood is not held up
    await alice.wait("message", id="b1")
    clock.advance(60)
    for number in range(100, 140):
        say(alice, ROOM, OMEMO, f"f{number}")
        answer = await alice.wait("message", id=f"f{number}")
        if answer.get("type") == "groupchat":
            break
    assert answer.get("type") == "groupchat"


async def test_flood_in_one_room_by_many(make_rooms, client):
    muc(make_rooms, ROOM_RATE="1", ROOM_BURST="5")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    for number in range(5):
        say((alice, bob)[number % 2], ROOM, OMEMO, f"first{number}")
        assert (await bob.wait("message", id=f"first{number}") if number % 2 else
                await alice.wait("message", id=f"first{number}")).get("type") == "groupchat"
    for number in range(20):
        for c in alice, bob:
            say(c, ROOM, OMEMO, f"{c.boundjid.user}{number}")
    for c in alice, bob:
        await c.wait("message", id=f"{c.boundjid.user}19")
    refused = alice.inbox.find("message", type="error") + bob.inbox.find("message", type="error")
    assert len(refused) > 20
    assert {error_condition(m) for m in refused} == {"resource-constraint"}


async def test_flood_of_joins(make_rooms, client):
    muc(make_rooms)
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    for _ in range(40):
        bob.send_raw(presence_xml(f"{ROOM}/Bob", "<x xmlns='http://jabber.org/protocol/muc'/>"))
        bob.send_raw(presence_xml(f"{ROOM}/Bob", kind="unavailable"))
    assert error_condition(await bob.wait("presence", type="error")) == "resource-constraint"


async def test_race_for_a_nick(make_rooms, client):
    muc(make_rooms)
    alice = await client("alice")
    await create(alice, ROOM, "Alice", persistentroom=True)
    people = [await client(f"p{n}") for n in range(4)]
    answers = await asyncio.gather(*(join(c, ROOM, "Same") for c in people))
    assert sorted(str(error_condition(a)) for a in answers) == ["None"] + ["conflict"] * 3
    winner = people[[error_condition(a) for a in answers].index(None)]
    others = [c for c in people if c is not winner]
    for n, c in enumerate(others):
        await join(c, ROOM, f"n{n}")
        c.inbox.clear()
    for c in others:
        c.send_raw(presence_xml(f"{ROOM}/New"))
    for c in others:
        await c.wait(lambda p: p.get("type") == "error" or p.get("from") == f"{ROOM}/New")
    assert sum(bool(c.inbox.find("presence", error="conflict")) for c in others) == 2


async def test_presence_that_is_too_large(make_rooms, client):
    muc(make_rooms)
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    answer = await join(bob, ROOM, "Bob", extra=f"<status>{'x' * 17000}</status>")
    assert error_condition(answer) == "not-acceptable"
    assert (await join(bob, ROOM, "Bob", extra=f"<status>{'x' * 15000}</status>")).get("type") is None
