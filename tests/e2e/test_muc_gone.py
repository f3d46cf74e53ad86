# SPDX-License-Identifier: MIT
"""Rooms: whose client or account has gone, while the rooms were there or were not; and who has not
gone and is not taken for it."""

import pytest

from lib.link import in_state
from lib.managed import asleep
from lib.payloads import ENCRYPTED
from lib.rooms import codes, create, enter_raw, item, join, listed, presence_xml, say
from lib.wait import until

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
OMEMO = ENCRYPTED["OMEMO 0.3"]
PING = "<ping xmlns='urn:xmpp:ping'/>"
OTHER_SERVERS = ["prosody", "ejabberd"]
GRACE, SLEEP = 30, 20  # seconds; a session may sleep for less than the link's grace


def goings(c, nick):
    return c.inbox.find("presence", type="unavailable", from_=f"{ROOM}/{nick}")


async def in_the_room(c, nick):
    """It is, and it hears what is said there."""
    assert (await c.request("get", PING, to=f"{ROOM}/{nick}")).get("type") == "result"
    say(c, ROOM, OMEMO, f"here-{nick}")
    await c.wait("message", id=f"here-{nick}", from_=f"{ROOM}/{nick}")


# --- while the process is away --------------------------------------------------------------------

async def test_who_goes_while_the_process_is_away(make_rooms, rooms_server, client):
    """On a link without acknowledgements the farewell is lost, and the room asks."""
    stack = make_rooms()
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    muc = stack.components["muc"]
    muc.kill9()
    await bob.drop()
    muc.start()
    gone = await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")
    assert codes(gone) == ([] if rooms_server == "switchyard" else [333])
    assert item(gone)["role"] == "none"
    await in_the_room(alice, "Alice")
    assert len(goings(alice, "Bob")) == 1 and not goings(alice, "Alice")


@pytest.mark.ours("another server's links have no grace")
async def test_who_goes_while_the_process_is_away_for_long(make_rooms, client, clock):
    """One in the link's grace and one after it: the router knows of both still.  Who stays is not
    removed."""
    stack = make_rooms()
    alice, bob, carol = [await client(n) for n in ("alice", "bob", "carol")]
    await create(alice, ROOM, "Alice")
    for c, nick in (bob, "Bob"), (carol, "Carol"):
        await join(c, ROOM, nick)
    muc = stack.components["muc"]
    muc.kill9()
    await in_state(stack, SERVICE, "grace")
    await bob.drop()
    clock.advance(GRACE + 1)
    await in_state(stack, SERVICE, "away")
    await carol.drop()
    await until(lambda: len(stack.ctl("session", "list")) == 1, "both are known to be gone")
    muc.start()
    for nick in "Bob", "Carol":
        gone = await alice.wait("presence", type="unavailable", from_=f"{ROOM}/{nick}")
        assert codes(gone) == [] and item(gone)["role"] == "none"
    await in_the_room(alice, "Alice")
    assert len(goings(alice, "Bob")) == len(goings(alice, "Carol")) == 1
    assert not goings(alice, "Alice")
    assert await listed(alice, ROOM, role="participant") == []


# --- clients that acknowledge and resume (XEP-0198) -----------------------------------------------

@pytest.fixture
def stack(make_stack):
    return make_stack(components=("muc",), env={"LIMIT_SESSION_RATE": "0"})


@pytest.fixture
async def sleeper(stack, client, managed):
    """Alice, and Bob, whose client is gone without a word: his session sleeps, with a message of
    hers that he has not acknowledged."""
    alice, bob = await client("alice"), await managed("bob", extra=f" max='{SLEEP}'")
    await create(alice, ROOM, "Alice")
    await enter_raw(bob.raw, ROOM, "Bob")
    await bob.raw.sync()
    await bob.ack()
    say(alice, ROOM, OMEMO, "m0")
    await bob.raw.wait("message", id="m0")
    await asleep(bob, stack)
    say(alice, ROOM, OMEMO, "m1")
    await alice.wait("message", id="m1")
    return alice, bob


def copies(c, ident):
    return len(c.inbox.find("message", id=ident))


async def test_session_that_sleeps_and_resumes(sleeper, managed):
    """Nobody sees it go, and it has what was said, once."""
    alice, bob = sleeper
    back = await managed("bob", resume=bob)
    await back.raw.wait("message", id="m1", from_=f"{ROOM}/Alice")
    await back.raw.send(presence_xml(f"{ROOM}/Bob", "<status>back</status>"))
    await alice.wait(lambda p: p.findtext("{jabber:client}status") == "back")
    await back.raw.sync()
    assert not goings(alice, "Bob") and copies(back.raw, "m1") == 1
    assert copies(bob.raw, "m0") + copies(back.raw, "m0") == 1


async def seen_to_go(alice, stack):
    """Once, and what came back to the room of what was said stays there."""
    gone = await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")
    assert item(gone)["role"] == "none"
    await until(lambda: len(stack.ctl("session", "list")) == 1, "his session is over")
    await in_the_room(alice, "Alice")
    await alice.sync()
    assert len(goings(alice, "Bob")) == 1 and not goings(alice, "Alice")
    assert not alice.inbox.find(type="error")
    assert await listed(alice, ROOM, role="participant") == []


async def test_session_that_sleeps_for_too_long(stack, sleeper, clock):
    clock.advance(SLEEP + 1)
    await seen_to_go(sleeper[0], stack)


async def test_session_that_sleeps_for_too_long_while_the_process_is_away(stack, sleeper, clock):
    muc = stack.components["muc"]
    muc.kill9()
    await in_state(stack, SERVICE, "grace")
    clock.advance(SLEEP + 1)
    await stack.router.wait_log("its client did not come back")
    muc.start()
    await seen_to_go(sleeper[0], stack)


# --- accounts -------------------------------------------------------------------------------------

@pytest.mark.parametrize("asleep_first", [False, True], ids=["awake", "asleep"])
@pytest.mark.parametrize("way", ["delete", "disable"])
async def test_account_that_is_no_more(stack, client, managed, way, asleep_first):
    alice, bob = await client("alice"), await managed("bob")
    await create(alice, ROOM, "Alice")
    await enter_raw(bob.raw, ROOM, "Bob")
    if asleep_first:
        await asleep(bob, stack)
    stack.ctl("account", way, "bob")
    await seen_to_go(alice, stack)
