# SPDX-License-Identifier: MIT
"""Becoming contacts and ceasing to be (RFC 6121 3), with either side online or not."""

import pytest

from lib.client import befriend
from lib.im import presences, pushes, resource, settled

ALICE, BOB = "alice@localhost", "bob@localhost"


async def subscription(client, jid):
    """As in lib.im.pushes; None: no item."""
    item = (await client.roster_items()).get(jid)
    return item and item["subscription"] + ("+" if item.get("ask") else "")


def say(client, what, to):
    client.send_presence(ptype=what, pto=to)


@pytest.fixture
async def trio(stack, client):
    """alice with two sessions, and bob."""
    return (await client("alice", resource="phone"), await client("alice", resource="tablet"),
            await client("bob"))


# --- both are there -------------------------------------------------------------------------------

async def test_request_and_approval(trio):
    phone, tablet, bob = trio
    say(phone, "subscribe", BOB)
    request = await bob.wait("presence", type="subscribe")
    assert (request.get("from"), request.get("to")) == (ALICE, BOB)
    await settled(phone, tablet)
    assert pushes(phone, BOB) == pushes(tablet, BOB) == ["none+"]
    assert await subscription(bob, ALICE) is None

    say(bob, "subscribed", ALICE)
    for c in (phone, tablet):
        await c.wait("presence", type="subscribed", from_=BOB)
        await c.wait("presence", type=None, from_=bob.full)
    assert pushes(phone, BOB) == pushes(tablet, BOB) == ["none+", "to"]
    await settled(bob)
    assert pushes(bob, ALICE) == ["from"]
    assert not presences(bob, phone.full)


async def test_denial(trio):
    phone, tablet, bob = trio
    say(phone, "subscribe", BOB)
    await bob.wait("presence", type="subscribe", from_=ALICE)
    say(bob, "unsubscribed", ALICE)
    await phone.wait("presence", type="unsubscribed", from_=BOB)
    assert pushes(phone, BOB) == pushes(tablet, BOB) == ["none+", "none"]
    await settled(bob)
    assert pushes(bob, ALICE) == []
    assert not presences(phone, bob.full)


async def test_both_ways(trio):
    phone, tablet, bob = trio
    await befriend(phone, bob)
    await settled(phone, tablet, bob)
    assert pushes(tablet, BOB)[-1] == "both" and pushes(bob, ALICE)[-1] == "both"
    assert None in presences(bob, phone.full) and None in presences(bob, tablet.full)


async def test_cancellation_by_the_contact(trio):
    phone, tablet, bob = trio
    await befriend(phone, bob)
    say(bob, "unsubscribed", ALICE)
    for c in (phone, tablet):
        await c.wait("presence", type="unsubscribed", from_=BOB)
        await c.wait("presence", type="unavailable", from_=bob.full)
    assert await subscription(phone, BOB) == "from" and await subscription(bob, ALICE) == "to"
    for c in (phone, bob):
        c.inbox.clear()
        c.send_presence(pshow="dnd")
    await settled(phone, bob)
    assert presences(bob, phone.full) and not presences(phone, bob.full)


async def test_unsubscription(trio):
    phone, tablet, bob = trio
    await befriend(phone, bob)
    say(tablet, "unsubscribe", BOB)
    await bob.wait("presence", type="unsubscribe", from_=ALICE)
    for c in (phone, tablet):
        await c.wait("presence", type="unavailable", from_=bob.full)
    assert await subscription(phone, BOB) == "from" and await subscription(bob, ALICE) == "to"


async def test_request_is_taken_back(trio):
    phone, tablet, bob = trio
    say(phone, "subscribe", BOB)
    await bob.wait("presence", type="subscribe", from_=ALICE)
    say(phone, "unsubscribe", BOB)
    await settled(phone, tablet, bob)
    assert pushes(tablet, BOB) == ["none+", "none"]
    say(bob, "subscribed", ALICE)  # too late: it is an approval beforehand at most
    await settled(bob, phone)
    assert await subscription(phone, BOB) == "none"


async def test_second_request_of_a_contact_is_approved_by_itself(trio):
    phone, _, bob = trio
    await befriend(phone, bob)
    bob.inbox.clear()
    phone.inbox.clear()
    say(phone, "subscribe", BOB)
    await settled(phone, bob)
    assert not bob.inbox.find("presence", type="subscribe")
    assert await subscription(phone, BOB) == "both"


async def test_resource_of_the_address_does_not_matter(trio):
    phone, _, bob = trio
    say(phone, "subscribe", bob.full)
    request = await bob.wait("presence", type="subscribe")
    assert (request.get("from"), request.get("to")) == (ALICE, BOB)
    say(bob, "subscribed", phone.full)
    await phone.wait("presence", type="subscribed", from_=BOB)
    assert await subscription(phone, BOB) == "to"


async def test_request_for_nobody_looks_like_one_that_is_not_answered(trio):
    phone, tablet, _ = trio
    say(phone, "subscribe", "nobody@localhost")
    await settled(phone, tablet)
    assert pushes(tablet, "nobody@localhost") == ["none+"]
    assert not phone.inbox.find("presence", from_="nobody@localhost")


async def test_oneself_is_no_contact(trio):
    phone, *_ = trio
    say(phone, "subscribe", ALICE)
    await phone.wait("presence", type="error", error="not-allowed")
    assert await phone.roster_items() == {}


async def test_approval_beforehand(trio):
    """3.4: announced in the stream's features."""
    phone, _, bob = trio
    say(bob, "subscribed", ALICE)
    await settled(bob)
    assert (await bob.roster_items())[ALICE]["approved"] == "true"
    say(phone, "subscribe", BOB)
    await phone.wait("presence", type="subscribed", from_=BOB)
    await phone.wait("presence", type=None, from_=bob.full)
    await settled(bob)
    assert not bob.inbox.find("presence", type="subscribe")
    assert await subscription(bob, ALICE) == "from"


# --- somebody is offline --------------------------------------------------------------------------

async def test_request_waits_for_a_login_until_it_is_answered(stack, client):
    alice = await client("alice")
    stack.add_account("bob")
    alice.send_raw(f"<presence to='{BOB}' type='subscribe'><status>It is me</status></presence>")
    await settled(alice)
    for name in ("one", "two"):
        bob = await resource(client, "bob", name)
        request = await bob.wait("presence", type="subscribe", from_=ALICE)
        assert request.findtext("{jabber:client}status") == "It is me"
        assert await subscription(bob, ALICE) is None
        await bob.close()
    stack.router.restart()
    stack.ready("router")
    bob = await resource(client, "bob", "three")
    await bob.wait("presence", type="subscribe", from_=ALICE)
    say(bob, "subscribed", ALICE)
    await settled(bob)
    four = await resource(client, "bob", "four")
    await settled(four)
    assert not four.inbox.find("presence", type="subscribe")
    alice = await client("alice", resource="later")
    assert await subscription(alice, BOB) == "to"
    await alice.wait("presence", from_=four.full)


@pytest.mark.parametrize("answer, mine, theirs", [("subscribed", "to", "from"),
                                                  ("unsubscribed", "none", None)])
async def test_answer_while_the_asker_is_offline(stack, client, answer, mine, theirs):
    alice, bob = await client("alice"), await client("bob")
    say(alice, "subscribe", BOB)
    await bob.wait("presence", type="subscribe", from_=ALICE)
    await alice.close()
    say(bob, answer, ALICE)
    await settled(bob)
    assert await subscription(bob, ALICE) == theirs
    alice = await resource(client, "alice", "later")
    assert await subscription(alice, BOB) == mine
    await settled(alice)
    assert bool(presences(alice, bob.full)) == (mine == "to")


@pytest.mark.parametrize("by, what, mine, theirs", [
    ("alice", "unsubscribe", "from", "to"), ("alice", "unsubscribed", "to", "from")])
async def test_end_while_the_other_is_offline(stack, client, by, what, mine, theirs):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    await bob.close()
    say(alice, what, BOB)
    await settled(alice)
    assert await subscription(alice, BOB) == mine
    bob = await resource(client, "bob", "later")
    assert await subscription(bob, ALICE) == theirs
    await settled(alice, bob)
    assert bool(presences(bob, alice.full)) == (theirs in ("to", "both"))


async def test_both_offline_in_between(stack, client):
    """What was agreed holds for sessions that come later."""
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    await alice.close()
    await bob.wait("presence", type="unavailable", from_=alice.full)
    await bob.close()
    alice = await resource(client, "alice", "later")
    bob = await resource(client, "bob", "later")
    await alice.wait("presence", from_=bob.full)
    await bob.wait("presence", from_=alice.full)


async def test_uninterested_session_hears_no_requests(stack, client):
    """Only those that asked for the roster, or are available, can do something about it."""
    alice, silent = await client("alice"), await client("bob", resource="silent", presence=False)
    say(alice, "subscribe", BOB)
    await settled(alice, silent)
    assert not silent.inbox.find("presence", type="subscribe")
    silent.send_presence()
    await silent.wait("presence", type="subscribe", from_=ALICE)
