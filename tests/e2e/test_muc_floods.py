# SPDX-License-Identifier: MIT
"""Rooms: who sends too much, of whatever kind, and who is not held up by it."""

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (DATA, MUC, OWNER, change, configure, create, join, join_once_it_may, leave,
                       listed, presence_xml, say)
from lib.wait import until

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
OMEMO = ENCRYPTED["OMEMO 0.3"]


def muc(make_rooms, **env):
    return make_rooms(env={f"MUC_{k}": v for k, v in env.items()})


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


async def test_flood_of_joins_is_counted(make_rooms, client, clock):
    """20, then one every two seconds."""
    muc(make_rooms)
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", persistentroom=True)
    for _ in range(30):
        bob.send_raw(presence_xml(f"{ROOM}/Bob", f"<x xmlns='{MUC}'/>"))
        bob.send_raw(presence_xml(f"{ROOM}/Bob", kind="unavailable"))

    def came(kind):
        return len(bob.inbox.find("presence", from_=f"{ROOM}/Bob", type=kind))

    await until(lambda: came(None) + came("error") == 30)
    assert 20 <= came(None) <= 24
    clock.advance(3)
    assert (await join_once_it_may(bob, ROOM, "Bob")).get("type") is None


async def test_flood_of_synchronisations(make_rooms, client):
    """Each brings the others and what was said again, and counts as a join."""
    muc(make_rooms)
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    for _ in range(40):
        alice.send_raw(presence_xml(f"{ROOM}/Alice", f"<x xmlns='{MUC}'/>"))
    assert error_condition(await alice.wait("presence", type="error")) == "resource-constraint"


async def test_flood_of_private_messages(make_rooms, client):
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="5")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    for number in range(20):
        say(bob, f"{ROOM}/Alice", OMEMO, f"w{number}", kind="chat")
    refused = await bob.wait("message", id="w19")
    assert error_condition(refused) == "resource-constraint"
    assert refused.find("{jabber:client}error").get("type") == "wait"
    await bob.sync()
    await alice.wait("message", id="w4")
    assert 5 <= len(alice.inbox.find("message", type="chat")) <= 8


async def test_flood_of_errors_to_another_occupant(make_rooms, client):
    """Each private message has one; nobody can be flooded with them."""
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="5")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    for number in range(3):
        say(alice, f"{ROOM}/Bob", OMEMO, f"e{number}", kind="chat")
        await bob.wait("message", id=f"e{number}")
    for number in range(30):
        bob.send_raw(f"<message type='error' to='{ROOM}/Alice' id='e{number % 10}'>"
                     "<error type='modify'><not-acceptable "
                     "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    say(bob, ROOM, OMEMO, "last")
    await bob.wait("message", id="last")
    await alice.sync()
    assert [m.get("id") for m in alice.inbox.find("message", type="error")] == ["e0", "e1", "e2"]


async def test_flood_of_voice_requests(make_rooms, client):
    """Each counts as five messages: moderators are disturbed."""
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="12")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", moderatedroom=True)
    await join(bob, ROOM, "Bob")
    form = (f"<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>{MUC}#request</value>"
            "</field><field var='muc#role'><value>participant</value></field></x>")
    for number in range(6):
        say(bob, ROOM, form, f"v{number}", kind="normal")
    assert error_condition(await bob.wait("message", id="v5")) == "resource-constraint"
    await alice.sync()
    assert 2 <= len(alice.inbox.find("message", has=f"{{{DATA}}}x")) <= 3


async def flood_of_changes(c, made):
    """Changes of one item until one is refused: how many were made."""
    for number in range(made + 40):
        answer = await change(c, ROOM, {"jid": f"m{number}@localhost", "affiliation": "member"})
        if answer.get("type") == "error":
            assert error_condition(answer) == "resource-constraint"
            assert answer.find("{jabber:client}error").get("type") == "wait"
            return number
    raise AssertionError("nothing was refused")


async def test_flood_of_changes_in_the_room(make_rooms, client):
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="10")
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    assert 8 <= await flood_of_changes(alice, 10) <= 15
    say(alice, ROOM, OMEMO, "m1")  # out of the same purse
    assert error_condition(await alice.wait("message", id="m1")) == "resource-constraint"
    assert error_condition(await configure(alice, ROOM, {"roomname": "x"})) == "resource-constraint"


async def test_flood_of_changes_from_outside(make_rooms, client):
    """Whatever session it comes from; the others' purses are their own."""
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="10")
    alice, adam = await client("alice"), await client("adam")
    phone = await client("adam", resource="phone")
    await create(alice, ROOM, "Alice")
    await change(alice, ROOM, {"jid": adam.bare, "affiliation": "owner"})
    assert 8 <= await flood_of_changes(adam, 10) <= 15
    answer = await configure(phone, ROOM, {"roomname": "x"})
    assert error_condition(answer) == "resource-constraint"
    assert (await configure(alice, ROOM, {"roomname": "x"})).get("type") == "result"


@pytest.mark.parametrize("where", ["inside", "outside"])
async def test_flood_of_questions_for_lists(make_rooms, client, where):
    """An answer may have thousands of entries."""
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="10")
    alice = await client("alice")
    await create(alice, ROOM, "Alice", persistentroom=True)
    if where == "outside":
        await leave(alice, ROOM, "Alice")
    got = [await listed(alice, ROOM, affiliation="owner") for _ in range(30)]
    assert [i["jid"] for i in got[0]] == [alice.bare]
    assert 8 <= got.index("resource-constraint") <= 15
    form = await alice.request("get", f"<query xmlns='{OWNER}'/>", to=ROOM)
    assert error_condition(form) == "resource-constraint"
    assert form.find("{jabber:client}error").get("type") == "wait"


@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize("what, to, expected", [
    ("items", ROOM, 10), ("items", SERVICE, 10), ("info", ROOM, 40)])
async def test_flood_of_discovery(make_rooms, client, where, what, to, expected):
    """Thousands of occupants or rooms may be the answer; what one room is like costs a quarter."""
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="10")
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", persistentroom=True)
    asks = alice if where == "inside" else bob
    payload = f"<query xmlns='http://jabber.org/protocol/disco#{what}'/>"
    got = [await asks.request("get", payload, to=to) for _ in range(2 * expected)]
    refused = [error_condition(a) for a in got].index("resource-constraint")
    assert 0.8 * expected <= refused <= 1.5 * expected
    assert got[refused].find("{jabber:client}error").get("type") == "wait"


async def test_large_change_is_paid_for_afterwards(make_rooms, client, clock):
    muc(make_rooms, OCCUPANT_RATE="1", OCCUPANT_BURST="10")
    alice, adam = await client("alice"), await client("adam")
    await create(alice, ROOM, "Alice", persistentroom=True)
    many = [{"jid": f"m{n}@localhost", "affiliation": "member"} for n in range(100)]
    assert (await change(alice, ROOM, *many)).get("type") == "result"
    owners = [f"o{n}@localhost" for n in range(50)]
    answer = await configure(alice, ROOM, {"roomowners": [alice.bare, *owners]})
    assert error_condition(answer) == "resource-constraint"
    clock.advance(11)
    await until_it_may(alice, owners)
    assert error_condition(await configure(alice, ROOM, {"roomname": "x"})) == "resource-constraint"
    await leave(alice, ROOM, "Alice")
    assert (await join(adam, ROOM, "Adam")).get("type") is None


async def until_it_may(alice, owners):
    """The program has looked at its clock."""
    for _ in range(100):
        answer = await configure(alice, ROOM, {"roomowners": [alice.bare, *owners]})
        if answer.get("type") == "result":
            return
    raise AssertionError("refused for ever")
