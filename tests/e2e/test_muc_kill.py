# SPDX-License-Identifier: MIT
"""Rooms while their process is killed, ended and started again: nobody notices."""

import asyncio
import re

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (CLIENT, change, codes, configure, create, item, join, leave, listed,
                       presence_xml, say)

ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
NUMBERED = re.compile(r"^(\w+)-(\d+)$")


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("muc",), env={"MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0"})


def again(stack):
    muc = stack.components["muc"]
    muc.kill9()
    muc.start()
    return muc


def heard(c):
    """Ids of the numbered messages that came, in the order in which they came."""
    return [m.get("id") for m in c.inbox.find("message", type="groupchat")
            if NUMBERED.match(m.get("id") or "")]


def untouched(c):
    """Nobody was seen to go, nothing came back."""
    return (not c.inbox.find("presence", type="unavailable")
            and not c.inbox.find("message", type="error"))


async def people(client, *names, **config):
    """The first makes the room, the others enter."""
    everybody = [await client(name) for name in names]
    await create(everybody[0], ROOM, names[0], **config)
    for c, name in list(zip(everybody, names))[1:]:
        await join(c, ROOM, name)
    for c in everybody:
        await c.sync()
        c.inbox.clear()
    return everybody


@pytest.mark.parametrize("end", ["kill9", "term"])
async def test_who_is_in_a_room_stays(stack, client, end):
    """In a temporary room as well."""
    alice, bob = await people(client, "alice", "bob")
    muc = stack.components["muc"]
    getattr(muc, end)()
    say(alice, ROOM, OMEMO, "alice-1")
    muc.start()
    for c in alice, bob:
        await c.wait("message", id="alice-1", from_=f"{ROOM}/alice")
        assert untouched(c) and heard(c) == ["alice-1"]
    assert codes(await leave(bob, ROOM, "bob")) == [110]
    await alice.wait("presence", type="unavailable", from_=f"{ROOM}/bob")


async def test_what_was_changed_is_as_it_was(stack, client):
    """Nick, role, affiliation, configuration, subject and history, one by one before a kill."""
    alice, bob, carol = await people(client, "alice", "bob", "carol", moderatedroom=True)
    bob.send_raw(presence_xml(f"{ROOM}/rob", "<status>busy</status>"))
    await alice.wait("presence", from_=f"{ROOM}/rob")
    again(stack)
    assert (await change(alice, ROOM, {"nick": "carol", "role": "moderator"})).get("type") == "result"
    again(stack)
    answer = await change(alice, ROOM, {"jid": "bob@localhost", "affiliation": "admin"})
    assert answer.get("type") == "result"
    say(alice, ROOM, "<subject>Tea</subject>", "s1")
    say(alice, ROOM, OMEMO, "alice-1")
    await carol.wait("message", id="alice-1")
    again(stack)
    dora = await client("dora")
    await join(dora, ROOM, "dora")
    seen = {p.get("from").partition("/")[2]: p for p in dora.inbox.find("presence")
            if p.find("{http://jabber.org/protocol/muc#user}x") is not None}
    assert {n: (item(p)["affiliation"], item(p)["role"]) for n, p in seen.items()} == {
        "alice": ("owner", "moderator"), "rob": ("admin", "moderator"),
        "carol": ("none", "moderator"), "dora": ("none", "visitor")}
    assert seen["rob"].findtext("{jabber:client}status") == "busy"
    assert heard(dora) == ["alice-1"]
    assert [m.findtext("{jabber:client}subject") for m in dora.inbox.find("message")][-1] == "Tea"


async def test_several_sessions_of_one_nick_after_a_kill(stack, client):
    """Both get all; the one that spoke last, and not the one that came last, is what others see, and
    when it goes, the other one is."""
    alice, desk = await people(client, "alice", "bob")
    phone = await client("bob", resource="phone")
    await join(phone, ROOM, "bob", extra="<status>on the phone</status>")
    desk.send_raw(presence_xml(f"{ROOM}/bob", "<status>at the desk</status>"))
    await alice.wait(lambda p: p.findtext(f"{CLIENT}status") == "at the desk")
    await change(alice, ROOM, {"nick": "bob", "role": "moderator"})
    again(stack)
    await join(alice, ROOM, "alice")  # a synchronisation
    shown, = alice.inbox.find("presence", from_=f"{ROOM}/bob")
    assert shown.findtext(f"{CLIENT}status") == "at the desk"
    assert item(shown) == {"affiliation": "none", "role": "moderator", "jid": desk.full}
    say(alice, f"{ROOM}/bob", OMEMO, "w1", kind="chat")
    for c in desk, phone:
        await c.wait("message", id="w1", from_=f"{ROOM}/alice")
    alice.inbox.clear()
    assert codes(await leave(desk, ROOM, "bob")) == [110]
    shown = await alice.wait("presence", from_=f"{ROOM}/bob")
    assert shown.get("type") is None and shown.findtext(f"{CLIENT}status") == "on the phone"
    assert item(shown) == {"affiliation": "none", "role": "moderator", "jid": phone.full}
    say(phone, ROOM, OMEMO, "bob-1")
    await alice.wait("message", id="bob-1", from_=f"{ROOM}/bob")
    assert untouched(alice) and untouched(phone)


async def test_what_is_gone_stays_gone(stack, client):
    alice, bob, carol = await people(client, "alice", "bob", "carol")
    await leave(bob, ROOM, "bob")
    await change(alice, ROOM, {"nick": "carol", "role": "none"})
    again(stack)
    assert [i["nick"] for role in ("moderator", "participant", "visitor")
            for i in await listed(alice, ROOM, role=role)] == ["alice"]
    await leave(alice, ROOM, "alice")
    again(stack)
    assert 201 in codes(await join(bob, ROOM, "bob"))


async def test_room_that_is_not_configured_yet(stack, client):
    alice, bob = await client("alice"), await client("bob")
    assert 201 in codes(await join(alice, ROOM, "alice"))
    again(stack)
    assert error_condition(await join(bob, ROOM, "bob")) == "item-not-found"
    assert (await configure(alice, ROOM)).get("type") == "result"
    again(stack)
    assert (await join(bob, ROOM, "bob")).get("type") is None


async def test_invitation_is_answered_after_a_kill(stack, client):
    alice, = await people(client, "alice")
    bob = await client("bob")
    user = "http://jabber.org/protocol/muc#user"
    alice.send_raw(f"<message to='{ROOM}'><x xmlns='{user}'><invite to='{bob.bare}'/></x></message>")
    await bob.wait("message", from_=ROOM)
    again(stack)
    bob.send_raw(f"<message to='{ROOM}'><x xmlns='{user}'><decline to='{alice.bare}'/></x></message>")
    await alice.wait("message", from_=ROOM, has=f"{{{user}}}decline")


async def test_session_that_ends_while_the_process_is_away(stack, client):
    """No ghost: its unavailable presence is delivered when the room is back."""
    alice, bob = await people(client, "alice", "bob")
    muc = stack.components["muc"]
    muc.kill9()
    await bob.drop()
    muc.start()
    await alice.wait("presence", type="unavailable", from_=f"{ROOM}/bob")
    assert [i["nick"] for i in await listed(alice, ROOM, role="participant")] == []


async def test_rooms_work_while_the_process_is_killed_every_few_seconds(stack, client):
    """No message lost, none doubled, the same order for all."""
    names = ["alice", "bob", "carol", "dora"]
    everybody = await people(client, *names)
    n, kills = 150, 8

    async def talk(c, name):
        for number in range(n):
            say(c, ROOM, OMEMO, f"{name}-{number}")
            await asyncio.sleep(0.1)

    talking = asyncio.gather(*(talk(c, name) for c, name in zip(everybody, names)))
    for _ in range(kills):
        await asyncio.sleep(1.7)
        await asyncio.to_thread(again, stack)
    await talking
    last = [f"{name}-{n - 1}" for name in names]
    for c in everybody:
        for ident in last:
            await c.wait("message", id=ident, timeout=40)
        await c.sync()
    order = heard(everybody[0])
    assert len(order) == len(set(order)) == n * len(names)
    for name in names:
        assert [i for i in order if i.startswith(name)] == [f"{name}-{k}" for k in range(n)]
    for c in everybody:
        assert heard(c) == order and untouched(c)
