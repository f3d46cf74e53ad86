# SPDX-License-Identifier: MIT
"""Rosters (RFC 6121 2): get, set, remove, pushes to every session that has asked for it."""

import pytest

from lib import xml
from lib.client import befriend
from lib.im import presences, pushes, resource, settled

BOB = "bob@localhost"


async def set_item(client, jid, inner="", **attributes):
    more = "".join(f" {k}='{v}'" for k, v in attributes.items())
    return await client.request("set", f"<query xmlns='{xml.ROSTER}'>"
                                f"<item jid='{jid}'{more}>{inner}</item></query>")


async def groups_of(client, jid):
    answer = await client.request("get", f"<query xmlns='{xml.ROSTER}'/>")
    return sorted(g.text for item in answer.iter(f"{{{xml.ROSTER}}}item")
                  if item.get("jid") == jid for g in item)


def condition(answer):
    return next((c.tag.rpartition("}")[2] for e in answer for c in e
                 if c.tag.startswith(f"{{{xml.STANZA_ERRORS}}}")), None)


async def test_begins_empty(stack, client):
    assert await (await client("alice")).roster_items() == {}


async def test_item_is_kept_and_pushed_to_interested_sessions(stack, client):
    phone, tablet = [await client("alice", resource=r) for r in ("phone", "tablet")]
    uninterested = await client("alice", resource="bot", presence=False)
    answer = await set_item(phone, BOB, "<group>Friends</group><group>Work &amp; play</group>",
                            name="Bob &lt;3")
    assert answer.get("type") == "result"
    for c in (phone, tablet):
        push = await c.wait("iq", type="set", has=f"{{{xml.ROSTER}}}item")
        item = push.find(f".//{{{xml.ROSTER}}}item")
        assert (item.get("jid"), item.get("name"), item.get("subscription")) \
            == (BOB, "Bob <3", "none")
        assert push.get("from") in (None, "alice@localhost")
    await settled(uninterested)
    assert not pushes(uninterested, BOB)
    assert (await tablet.roster_items())[BOB]["name"] == "Bob <3"
    assert await groups_of(tablet, BOB) == ["Friends", "Work & play"]


async def test_item_is_replaced_not_merged(stack, client):
    alice = await client("alice")
    await set_item(alice, BOB, "<group>Friends</group>", name="Bob")
    await set_item(alice, BOB, "<group>Foes</group>")
    assert await groups_of(alice, BOB) == ["Foes"]
    assert not (await alice.roster_items())[BOB].get("name")


async def test_client_cannot_give_itself_a_subscription(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await set_item(alice, BOB, subscription="both", ask="subscribe")
    item = (await alice.roster_items())[BOB]
    assert item["subscription"] == "none" and "ask" not in item
    bob.send_presence(pstatus="private")
    await settled(bob, alice)
    assert not presences(alice, bob.full)


async def test_remove(stack, client):
    phone, tablet = [await client("alice", resource=r) for r in ("phone", "tablet")]
    await set_item(phone, BOB)
    answer = await set_item(tablet, BOB, subscription="remove")
    assert answer.get("type") == "result"
    await settled(phone, tablet)
    assert pushes(phone, BOB) == pushes(tablet, BOB) == ["none", "remove"]
    assert await phone.roster_items() == {}
    assert condition(await set_item(phone, BOB, subscription="remove")) == "item-not-found"


async def test_remove_ends_both_subscriptions(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    await set_item(alice, BOB, subscription="remove")
    await bob.wait("presence", type="unsubscribe", from_=alice.bare)
    await bob.wait("presence", type="unsubscribed", from_=alice.bare)
    await bob.wait("presence", type="unavailable", from_=alice.full)
    await alice.wait("presence", type="unavailable", from_=bob.full)
    assert (await bob.roster_items())[alice.bare]["subscription"] == "none"
    assert await alice.roster_items() == {}


@pytest.mark.parametrize("items", [
    "", "<item jid='a@b'/><item jid='c@d'/>", "<item/>", "<item jid='@nowhere'/>",
    "<item jid='a@b'><group>x</group><group>x</group></item>"])
async def test_set_that_is_none(stack, client, items):
    alice = await client("alice")
    answer = await alice.request("set", f"<query xmlns='{xml.ROSTER}'>{items}</query>")
    assert condition(answer) in ("bad-request", "jid-malformed")
    assert await alice.roster_items() == {}


async def test_roster_is_its_owner_s(stack, client):
    alice = await client("alice")
    stack.add_account("bob")
    for kind in ("get", "set"):
        item = "<item jid='eve@localhost'/>" if kind == "set" else ""
        answer = await alice.request(kind, f"<query xmlns='{xml.ROSTER}'>{item}</query>", to=BOB)
        assert answer.get("type") == "error"
    assert await (await client("bob")).roster_items() == {}


async def test_address_is_prepared(stack, client):
    alice = await client("alice")
    await set_item(alice, "BOB@LocalHost")
    await set_item(alice, BOB, name="Bob")
    items = await alice.roster_items()
    assert list(items) == [BOB] and items[BOB]["name"] == "Bob"


async def test_kept_over_a_restart(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    await set_item(alice, BOB, "<group>Friends</group>", name="Bob")
    stack.router.restart()
    stack.ready("router")
    alice = await resource(client, "alice", "again")
    item = (await alice.roster_items())[BOB]
    assert (item["name"], item["subscription"]) == ("Bob", "both")
    assert await groups_of(alice, BOB) == ["Friends"]
    bob = await resource(client, "bob", "again")
    await alice.wait("presence", from_=bob.full)
