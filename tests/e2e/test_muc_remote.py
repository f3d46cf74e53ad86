# SPDX-License-Identifier: MIT
"""People of another server in a room, and that server vanishes: a component's domain, whose link is
cut."""

import pytest

from lib.crowd import CONF, Crowd
from lib.link import in_state
from lib.payloads import ENCRYPTED
from lib.rooms import codes, create, item, join, leave, say

ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
GRACE = 30
NAMES = ("dora", "emil", "fred")


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("muc",), conf_d=CONF)


async def all_in(stack, client, raw_client):
    """Alice, and people from elsewhere."""
    alice, crowd = await client("alice"), await Crowd.gather(raw_client, stack)
    await create(alice, ROOM, "Alice")
    for name in NAMES:
        await crowd.enter(name, ROOM)
        await crowd.inside(name, ROOM)
    await alice.wait("presence", from_=f"{ROOM}/{NAMES[-1]}")
    return alice, crowd


async def vanish(stack, crowd):
    await crowd.link.drop()
    await in_state(stack, "crowd.localhost", "grace")


@pytest.mark.parametrize("spoken", [True, False])
async def test_remote_server_that_vanishes(stack, client, raw_client, clock, spoken):
    """Also from a room in which nobody says anything that would come back."""
    alice, crowd = await all_in(stack, client, raw_client)
    await vanish(stack, crowd)
    if spoken:
        say(alice, ROOM, OMEMO, "m1")
        await alice.wait("message", id="m1", type="groupchat")
    clock.advance(GRACE + 1)
    for name in NAMES:
        gone = await alice.wait("presence", type="unavailable", from_=f"{ROOM}/{name}")
        assert item(gone)["role"] == "none" and 110 not in codes(gone)
    await alice.sync()
    assert not alice.inbox.find(type="error")
    again = await Crowd.gather(raw_client, stack)
    await again.enter("dora", ROOM)
    await again.inside("dora", ROOM)


async def test_remote_server_that_comes_back_in_time(stack, client, raw_client, clock):
    """Nobody is seen to go, and what was said meanwhile is there once."""
    alice, crowd = await all_in(stack, client, raw_client)
    await vanish(stack, crowd)
    say(alice, ROOM, OMEMO, "m1")
    await alice.wait("message", id="m1", type="groupchat")
    clock.advance(GRACE / 2)
    await clock.noticed()
    again = await Crowd.gather(raw_client, stack)
    for name in NAMES:
        await again.wait(name, "message", id="m1")
    clock.advance(GRACE)
    await clock.noticed()
    say(alice, ROOM, OMEMO, "m2")
    for name in NAMES:
        await again.wait(name, "message", id="m2")
        assert len(again.inbox.find("message", id="m1", to=Crowd.jid(name))) == 1
    await alice.sync()
    assert not alice.inbox.find("presence", type="unavailable")


async def test_who_had_left_before(stack, client, raw_client, clock):
    """Is not sent away from the room that he has been in, but from the one that he is in."""
    alice, crowd = await all_in(stack, client, raw_client)
    await crowd.send("dora", "presence", f"{ROOM}/dora", type="unavailable")
    await alice.wait("presence", type="unavailable", from_=f"{ROOM}/dora")
    await crowd.enter("dora", "other@conference.localhost")
    await crowd.inside("dora", "other@conference.localhost")
    alice.inbox.clear()
    await vanish(stack, crowd)
    clock.advance(GRACE + 1)
    for name in NAMES[1:]:
        await alice.wait("presence", type="unavailable", from_=f"{ROOM}/{name}")
    bob = await client("bob")
    assert 201 in codes(await join(bob, "other@conference.localhost", "Bob"))
    assert not alice.inbox.find("presence", from_=f"{ROOM}/dora")
    await leave(bob, "other@conference.localhost", "Bob")


async def test_section_that_is_removed(stack, client, raw_client):
    alice, _ = await all_in(stack, client, raw_client)
    await stack.router.reload("")
    for name in NAMES:
        await alice.wait("presence", type="unavailable", from_=f"{ROOM}/{name}")
