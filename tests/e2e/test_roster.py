# SPDX-License-Identifier: MIT
"""Rosters and subscriptions as clients see them (RFC 6121 2 and 3)."""

from lib import xml
from lib.client import befriend

ITEM = f"{{{xml.ROSTER}}}item"


def item_set(jid, inner="", **attributes):
    attributes = "".join(f" {k}='{v}'" for k, v in attributes.items())
    return f"<query xmlns='{xml.ROSTER}'><item jid='{jid}'{attributes}>{inner}</item></query>"


async def pushed(client, jid, **want):
    """The attributes of the item in the push that says this about jid."""
    def says(stanza):
        item = stanza.find(f".//{ITEM}")
        return (item is not None and item.get("jid") == jid
                and all(item.get(k) == v for k, v in want.items()))
    push = await client.wait(says, type="set")
    return push.find(f".//{ITEM}")


async def state(client, jid):
    item = (await client.roster_items()).get(jid)
    return item and (item["subscription"], item.get("ask"))


async def test_items_are_kept_over_a_restart(stack, client):
    alice = await client("alice")
    answer = await alice.request("set", item_set("bob@localhost", "<group>Friends &amp; co</group>",
                                                 name="Bob"))
    assert answer.get("type") == "result"
    await alice.close()
    stack.router.restart()
    stack.ready()
    alice = await client("alice")
    answer = await alice.request("get", f"<query xmlns='{xml.ROSTER}'/>")
    item, = answer.iter(ITEM)
    assert item.attrib == {"jid": "bob@localhost", "name": "Bob", "subscription": "none"}
    assert [g.text for g in item] == ["Friends & co"]


async def test_pushes_go_to_all_who_asked(stack, client):
    phone = await client("alice", resource="phone")
    laptop = await client("alice", resource="laptop")
    deaf = await client("alice", resource="deaf", presence=False)
    await phone.request("set", item_set("bob@localhost", name="Bob"))
    assert (await pushed(phone, "bob@localhost")).get("name") == "Bob"
    assert (await pushed(laptop, "bob@localhost")).get("name") == "Bob"
    await deaf.sync()
    assert not deaf.inbox.find(lambda e: e.find(f".//{ITEM}") is not None)


async def test_refused_sets_change_nothing(stack, client):
    alice = await client("alice")
    for payload, condition in (
            (item_set("alice@localhost"), "not-allowed"),
            (item_set("bob@localhost/x"), "bad-request"),
            (item_set("b@@localhost"), "jid-malformed"),
            (item_set("bob@localhost", "<group/>"), "not-acceptable"),
            (item_set("bob@localhost", "<group>x</group><group>x</group>"), "bad-request"),
            (item_set("bob@localhost", name="n" * 1024), "not-acceptable"),
            (item_set("bob@localhost", subscription="remove"), "item-not-found")):
        answer = await alice.request("set", payload)
        assert alice.inbox.find(id=answer.get("id"), error=condition), xml.show(answer)
    assert await alice.roster_items() == {}


async def test_nobody_touches_another_ones_roster(stack, client):
    alice, bob = await client("alice"), await client("bob")
    for kind, payload in (("get", f"<query xmlns='{xml.ROSTER}'/>"),
                          ("set", item_set("eve@localhost"))):
        answer = await bob.request(kind, payload, to=alice.bare)
        assert answer.get("type") == "error"
    assert await alice.roster_items() == {}


async def test_subscription_both_ways(stack, client):
    alice, bob = await client("alice"), await client("bob")
    alice.send_presence(pto=bob.bare, ptype="subscribe")
    await pushed(alice, bob.bare, subscription="none", ask="subscribe")
    await bob.wait("presence", type="subscribe", from_=alice.bare)
    assert await state(bob, alice.bare) is None
    bob.send_presence(pto=alice.bare, ptype="subscribed")
    await pushed(bob, alice.bare, subscription="from")
    await pushed(alice, bob.bare, subscription="to")
    await alice.wait("presence", from_=bob.full, type=None)
    bob.send_presence(pto=alice.bare, ptype="subscribe")
    await alice.wait("presence", type="subscribe", from_=bob.bare)
    alice.send_presence(pto=bob.bare, ptype="subscribed")
    await pushed(alice, bob.bare, subscription="both")
    await pushed(bob, alice.bare, subscription="both")
    await bob.wait("presence", from_=alice.full, type=None)


async def test_request_waits_for_who_is_offline(stack, client):
    stack.add_account("bob@localhost")
    alice = await client("alice")
    alice.send_raw("<presence type='subscribe' to='bob@localhost' id='q1'><status>it's me</status>"
                   "</presence>")
    await pushed(alice, "bob@localhost", ask="subscribe")
    await alice.close()
    stack.router.restart()
    stack.ready()
    for _ in range(2):  # until it is answered
        bob = await client("bob")
        request = await bob.wait("presence", type="subscribe", from_="alice@localhost", id="q1")
        assert request.findtext("{*}status") == "it's me"
        await bob.close()
    bob = await client("bob")
    bob.send_presence(pto="alice@localhost", ptype="unsubscribed")
    await bob.sync()
    await bob.close()
    bob = await client("bob")
    await bob.sync()
    assert not bob.inbox.find("presence", type="subscribe")
    alice = await client("alice")
    assert await state(alice, "bob@localhost") == ("none", None)


async def test_cancelling_hides_the_presence(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    alice.send_presence(pto=bob.bare, ptype="unsubscribed")
    await bob.wait("presence", type="unsubscribed", from_=alice.bare)
    await bob.wait("presence", type="unavailable", from_=alice.full)
    assert await state(alice, bob.bare) == ("to", None)
    assert await state(bob, alice.bare) == ("from", None)
    bob.inbox.clear()
    alice.send_presence(pshow="away")
    await alice.sync()
    await bob.sync()
    assert not bob.inbox.find("presence")


async def test_removal_ends_both_subscriptions(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    await alice.request("set", item_set(bob.bare, subscription="remove"))
    await pushed(alice, bob.bare, subscription="remove")
    await bob.wait("presence", type="unsubscribe", from_=alice.bare)
    await bob.wait("presence", type="unsubscribed", from_=alice.bare)
    await bob.wait("presence", type="unavailable", from_=alice.full)
    await alice.wait("presence", type="unavailable", from_=bob.full)
    assert await state(alice, bob.bare) is None
    assert await state(bob, alice.bare) == ("none", None)


async def test_pre_approval(stack, client):
    alice, bob = await client("alice"), await client("bob")
    bob.send_presence(pto=alice.bare, ptype="subscribed")
    await pushed(bob, alice.bare, approved="true", subscription="none")
    await alice.sync()
    assert not alice.inbox.find("presence", from_bare=bob.bare)
    alice.send_presence(pto=bob.bare, ptype="subscribe")
    await pushed(alice, bob.bare, subscription="to")
    await alice.wait("presence", from_=bob.full, type=None)
    await bob.sync()
    assert not bob.inbox.find("presence", type="subscribe")


async def test_request_to_nobody_looks_like_one_that_waits(stack, client):
    alice = await client("alice")
    alice.send_presence(pto="nobody@localhost", ptype="subscribe")
    await pushed(alice, "nobody@localhost", subscription="none", ask="subscribe")
    await alice.sync()
    assert not alice.inbox.find("presence", from_bare="nobody@localhost")


async def test_deleted_account_leaves_no_ghost(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    stack.ctl("account", "delete", alice.bare)
    await bob.wait("presence", type="unsubscribed", from_=alice.bare)
    await bob.wait("presence", type="unavailable", from_=alice.full)
    await alice.wait_closed()
    assert await state(bob, alice.bare) == ("none", None)


async def test_full_roster(make_stack, client):
    make_stack(env={"LIMIT_ROSTER_ITEMS": "2"})
    alice = await client("alice")
    for name in ("a", "b"):
        assert (await alice.request("set", item_set(f"{name}@localhost"))).get("type") == "result"
    answer = await alice.request("set", item_set("c@localhost"))
    assert alice.inbox.find(id=answer.get("id"), error="resource-constraint")
    alice.send_presence(pto="c@localhost", ptype="subscribe")
    await alice.wait("presence", type="error", error="resource-constraint", from_="c@localhost")
