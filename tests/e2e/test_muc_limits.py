# SPDX-License-Identifier: MIT
"""Rooms: limits at, below and above their values; races for a nick.  Rates are in
test_muc_floods.py, limits of many users in test_muc_crowd.py."""

import asyncio

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (MUC, change, codes, configure, create, features, join, join_once_it_may,
                       leave, listed, presence_xml, say)

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


@pytest.mark.parametrize("size", [2049, 200_000])
async def test_subject_that_is_too_long(make_rooms, client, size):
    """2 KiB as it is set out of the box; who comes is sent the subject that the room had."""
    muc(make_rooms)
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    for letter, n, ident, expected in (("s", 2048, "s1", None), ("t", size, "s2", "not-acceptable")):
        say(alice, ROOM, f"<subject>{letter * n}</subject>", ident)
        assert error_condition(await alice.wait("message", id=ident)) == expected
    await join(bob, ROOM, "Bob")
    assert bob.inbox.find("message")[-1].findtext("{jabber:client}subject") == "s" * 2048


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
        await c.wait(lambda p: p.get("type") == "error" or (
            p.get("from") == f"{ROOM}/New" and 110 in codes(p)))
    assert sum(bool(c.inbox.find("presence", error="conflict")) for c in others) == 2


async def test_presence_of_the_largest_size(make_rooms, client):
    """16 KiB of what is shown; our router would not let it through by default."""
    make_rooms(env={"LIMIT_PRESENCE": "64k"})
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    most = 16384 - len("<status></status>")
    answer = await join(bob, ROOM, "Bob", extra=f"<status>{'x' * (most + 1)}</status>")
    assert error_condition(answer) == "not-acceptable"
    assert (await join(bob, ROOM, "Bob", extra=f"<status>{'x' * most}</status>")).get("type") is None
    bob.inbox.clear()
    for address in f"{ROOM}/Bob", f"{ROOM}/Robert":
        bob.send_raw(presence_xml(address, f"<status>{'y' * (most + 1)}</status>"))
        assert error_condition(await bob.wait("presence", type="error")) == "not-acceptable"
        bob.inbox.clear()
    bob.send_raw(presence_xml(f"{ROOM}/Robert", f"<status>{'y' * most}</status>"))
    shown = await alice.wait("presence", from_=f"{ROOM}/Robert")
    assert len(shown.findtext("{jabber:client}status")) == most


@pytest.mark.ours("what a message is long on the link depends on the server")
@pytest.mark.parametrize("kind, to", [("groupchat", ROOM), ("chat", f"{ROOM}/Alice")])
async def test_message_of_the_largest_size(make_rooms, client, kind, to):
    muc(make_rooms, MAX_MESSAGE="4096")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    frame = (f"<message to='{to}' type='{kind}' id='m1' from='{bob.full}' xml:lang='en'>{OMEMO}"
             "<pad xmlns='urn:pad'></pad></message>")
    most = 4096 - len(frame)
    say(bob, to, f"{OMEMO}<pad xmlns='urn:pad'>{'p' * (most + 1)}</pad>", "m1", kind=kind)
    refused = await bob.wait("message", id="m1")
    assert error_condition(refused) == "policy-violation"
    say(bob, to, f"{OMEMO}<pad xmlns='urn:pad'>{'p' * most}</pad>", "m2", kind=kind)
    await alice.wait("message", id="m2", from_=f"{ROOM}/Bob")
    assert not alice.inbox.find("message", id="m1")


async def test_reasons_of_the_largest_size(make_rooms, client):
    """1 KiB, whatever it is the reason of; in bytes."""
    muc(make_rooms)
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    user, owner = f"{MUC}#user", f"{MUC}#owner"

    def invite(reason):
        return f"<x xmlns='{user}'><invite to='{bob.bare}'><reason>{reason}</reason></invite></x>"

    def decline(reason):
        return f"<x xmlns='{user}'><decline to='{ROOM}'><reason>{reason}</reason></decline></x>"

    for reason, ident in (("\u20ac" * 341 + "ab", "long"), ("\u20ac" * 341 + "a", "fits")):
        assert len(reason.encode()) == 1024 + (ident == "long")
        kick = await change(alice, ROOM, {"nick": "Bob", "role": "none", "reason": reason})
        ban = await change(alice, ROOM, {"jid": "eve@localhost", "affiliation": "outcast",
                                         "reason": reason})
        say(alice, ROOM, invite(reason), f"i-{ident}", kind="normal")
        if ident == "long":
            assert error_condition(kick) == error_condition(ban) == "not-acceptable"
            assert error_condition(await alice.wait("message", id="i-long")) == "not-acceptable"
        else:
            assert kick.get("type") == ban.get("type") == "result"
            await bob.wait("message", from_=ROOM, has=f"{{{user}}}invite")
            say(bob, ROOM, decline(reason), "d-fits", kind="normal")
            await alice.wait("message", from_=ROOM, has=f"{{{user}}}decline")
    bob.inbox.clear()
    say(alice, ROOM, invite("again"), kind="normal")
    await bob.wait("message", from_=ROOM, has=f"{{{user}}}invite")
    say(bob, ROOM, decline("x" * 1025), "d3", kind="normal")
    assert error_condition(await bob.wait("message", id="d3")) == "not-acceptable"
    for size, expected in (1025, "not-acceptable"), (1024, None):
        answer = await alice.request("set", f"<query xmlns='{owner}'><destroy><reason>{'x' * size}"
                                     "</reason></destroy></query>", to=ROOM)
        assert error_condition(answer) == expected


async def test_number_of_changes_at_once(make_rooms, client):
    muc(make_rooms, OCCUPANT_RATE="0")
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    many = [{"jid": f"m{n}@localhost", "affiliation": "member"} for n in range(257)]
    assert error_condition(await change(alice, ROOM, *many)) == "bad-request"
    assert (await change(alice, ROOM, *many[:256])).get("type") == "result"
    assert len(await listed(alice, ROOM, affiliation="member")) == 256


async def test_rooms_of_one_user(make_rooms, client, clock):
    """30, then one every ten seconds."""
    muc(make_rooms)
    alice, bob = await client("alice"), await client("bob")
    for number in range(40):
        alice.send_raw(presence_xml(f"r{number}@{SERVICE}/Alice", f"<x xmlns='{MUC}'/>"))
    refused = await alice.wait("presence", type="error", from_=f"r39@{SERVICE}/Alice")
    assert error_condition(refused) == "resource-constraint"
    made = [p for p in alice.inbox.find("presence") if 201 in codes(p)]
    assert len(made) == 30 and made[-1].get("from") == f"r29@{SERVICE}/Alice"
    await join(bob, f"b@{SERVICE}", "Bob")  # others may
    clock.advance(11)
    answer = await join_once_it_may(alice, f"late@{SERVICE}", "Alice")
    assert 201 in codes(answer)


async def test_zero_is_no_limit(make_rooms, client):
    muc(make_rooms, MAX_ROOMS="0", OCCUPANT_RATE="0", ROOM_RATE="0", OCCUPANT_BURST="1",
        ROOM_BURST="1")
    alice = await client("alice")
    for number in range(3):
        await create(alice, f"r{number}@{SERVICE}", "Alice")
    for number in range(200):
        say(alice, f"r0@{SERVICE}", OMEMO, f"m{number}")
    await alice.wait("message", id="m199")
    assert not alice.inbox.find("message", type="error")


async def test_room_and_nick_as_long_as_an_address_can_be(make_rooms, client):
    """Through all that a room does, and the end of the process."""
    stack = muc(make_rooms, MAX_ROOM_NAME="1023", MAX_NICK="1023")
    room = f"{'r' * 1023}@{SERVICE}"
    alice, bob = await client("alice"), await client("bob")
    await create(alice, room, "A" * 1023, persistentroom=True)
    await join(bob, room, "B" * 1023)
    say(bob, room, OMEMO, "m1")
    await alice.wait("message", id="m1", from_=f"{room}/{'B' * 1023}")
    say(bob, f"{room}/{'A' * 1023}", OMEMO, "w1", kind="chat")
    await alice.wait("message", id="w1", from_=f"{room}/{'B' * 1023}")
    assert (await change(alice, room, {"nick": "B" * 1023, "role": "visitor"})).get("type") == \
        "result"
    found, form = await features(alice, room)
    assert "muc_persistent" in found and form["muc#roominfo_occupants"] == "2"
    items = await alice.request(
        "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=SERVICE)
    assert [i.get("jid") for i in items.iter("{http://jabber.org/protocol/disco#items}item")] == \
        [room]
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    carol = await client("carol")
    await join(carol, room, "C" * 1023)
    assert [m.get("from") for m in carol.inbox.find("message", id="m1")] == [f"{room}/{'B' * 1023}"]
    assert {p.get("from").partition("/")[2][0] for p in carol.inbox.find("presence")} == set("ABC")
