# SPDX-License-Identifier: MIT
"""PEP (XEP-0163 4.3): who is told of what, how often, and in which words."""

from lib import xml
from lib.pep import EVENT, befriend, caps_ver, condition, ok, payload
from lib.pep_people import (block, ids, let_see, settled, subscribe, subscribers, unsubscribe)

MOOD, TUNE = "urn:example:mood", "urn:example:tune"
ALICE = "alice@localhost"
ADDRESSES = "{http://jabber.org/protocol/address}address"


async def publish(who, node=MOOD, id="1", **how):
    ok(await who.publish(node, payload(id), id=id, **how))


async def told(who, node=MOOD):
    await who.raw.sync()
    return ids(who, node)


# --- who ------------------------------------------------------------------------------------------

async def test_contacts_by_kind_of_subscription(person):
    """from and both are told, to and pending are not, of an open node no more than of any other;
    the own other session is, and nobody twice."""
    alice = await person("alice", wants=(MOOD,))
    tablet = await person("alice", wants=(MOOD,), resource="tablet")
    both, seer, seen, asks, eve = [await person(u, wants=(MOOD,)) for u in
                                   ("both", "seer", "seen", "asks", "eve")]
    await befriend(alice, both)
    await let_see(alice, seer)
    await let_see(seen, alice)
    await asks.raw.send(f"<presence type='subscribe' to='{ALICE}'/>")
    await alice.raw.wait("presence", type="subscribe", from_=asks.bare)
    await publish(alice)
    ok(await alice.configure(MOOD, access_model="open"))
    await publish(alice, id="2")
    for who in (alice, tablet, both, seer):
        assert await told(who) == ["1", "2"], who.jid
    for who in (seen, asks, eve):
        assert await told(who) == [], who.jid


async def test_notify_is_honoured_to_the_letter(person):
    alice = await person("alice")
    exact = await person("exact", wants=(MOOD,))
    near = await person("near", wants=(MOOD + "x", MOOD.upper(), MOOD[:-1], TUNE))
    without = await person("without")
    bare = await person("bare", come=False)
    bare.features.append(MOOD)  # without +notify
    bare.ver = caps_ver(bare.features)
    await bare.come()
    for who in (exact, near, bare):  # alice was asked about what `without` has
        await settled(who, asked=1)
    for who in (exact, near, without, bare):
        await befriend(alice, who)
    await publish(alice)
    assert await told(exact) == ["1"]
    for who in (near, without, bare):
        assert await told(who) == [], who.jid


async def test_all_sessions_that_want_it_and_no_other(person):
    alice = await person("alice")
    one = await person("bob", wants=(MOOD,))
    two = await person("bob", wants=(MOOD, TUNE), resource="b")
    deaf = await person("bob", wants=(TUNE,), resource="c")
    hidden = await person("bob", wants=(MOOD,), resource="d", come=False)
    await befriend(alice, one)
    await publish(alice)
    assert [await told(w) for w in (one, two, deaf, hidden)] == [["1"], ["1"], [], []]
    for who in (one, two):
        message = who.events(MOOD)[0][0]
        assert message.get("to") == who.jid


async def test_strangers_who_have_subscribed(person):
    """4.3.2: a bare JID is told at the sessions that want it, or once at the bare JID; a full JID
    once, whatever it wants."""
    alice = await person("alice")
    await publish(alice, id="0", access_model="open")
    wants = await person("carol", wants=(MOOD,))
    other = await person("carol", resource="b")
    full = await person("dan", resource="x")
    twin = await person("dan", wants=(MOOD,), resource="y")
    mute = await person("eve")
    await settled(wants)
    for who, jid in ((wants, None), (full, full.jid), (mute, None)):
        ok(await subscribe(who, MOOD, ALICE, jid))
        await who.event(MOOD)  # the last item
        who.raw.inbox.clear()
    await publish(alice)
    assert [await told(w) for w in (wants, other, full, twin, mute)] == [
        ["1"], [], ["1"], [], ["1"]]
    assert mute.events(MOOD)[0][0].get("to") in (mute.bare, mute.jid)
    assert full.events(MOOD)[0][0].get("to") == full.jid


async def test_nobody_is_told_twice(person):
    """A contact who wants it, and has subscribed with each of its JIDs besides."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    eve = await person("eve", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice, id="0", access_model="open")
    for who in (bob, eve):
        await settled(who)
        for jid in (who.bare, who.jid):
            ok(await subscribe(who, MOOD, ALICE, jid))
        await settled(who)
        who.raw.inbox.clear()
    await publish(alice)
    assert await told(bob) == ["1"]
    assert await told(eve) == ["1"]
    for who in (bob, eve):
        ok(await unsubscribe(who, MOOD, ALICE))
    await publish(alice, id="2")
    assert await told(bob) == ["1", "2"]
    assert await told(eve) == ["1", "2"]


async def test_subscriber_who_unsubscribes_is_told_no_more(person):
    alice, eve = await person("alice"), await person("eve")
    await publish(alice, id="0", access_model="open")
    ok(await subscribe(eve, MOOD, ALICE))
    assert await subscribers(alice, MOOD) == {"eve@localhost": "subscribed"}
    ok(await unsubscribe(eve, MOOD, ALICE))
    eve.raw.inbox.clear()
    await publish(alice)
    assert await told(eve) == []


# --- how ------------------------------------------------------------------------------------------

async def test_shape_of_a_notification(person):
    """From the bare JID, headline; replyto only for those who see the publisher's presence."""
    alice, bob, eve = await person("alice"), await person("bob", wants=(MOOD,)), await person("eve")
    await befriend(alice, bob)
    await publish(alice, id="0", access_model="open")
    ok(await subscribe(eve, MOOD, ALICE))
    for who in (bob, eve):
        await who.event(MOOD)
    await publish(alice)
    for who, replyto in ((bob, [alice.jid]), (eve, [])):
        message, items = await who.event(MOOD)
        assert (message.get("from"), message.get("type")) == (ALICE, "headline")
        assert message.get("id")
        assert [(i.get("id"), i[0].text) for i in items] == [("1", "1")]
        assert [a.get("jid") for a in message.iter(ADDRESSES) if a.get("type") == "replyto"] == \
            replyto
        assert message.find("{urn:xmpp:delay}delay") is None
    for message, _ in eve.events(MOOD):
        assert message.find(f".//{ADDRESSES}") is None


async def test_notification_without_payload(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice, deliver_payloads="false")
    _, items = await bob.event(MOOD)
    assert items[0].get("id") == "1" and len(items[0]) == 0


async def test_retract_purge_and_delete(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    eve = await person("eve", wants=(MOOD,))
    await befriend(alice, bob)
    for n in "12":
        await publish(alice, id=n, max_items="5", notify_retract="true", notify_delete="true")
    ok(await alice.retract(MOOD, "1"))
    owner = "http://jabber.org/protocol/pubsub#owner"
    ok(await alice.ask("set", f"<purge node='{MOOD}'/>", ns=owner))
    ok(await alice.ask("set", f"<delete node='{MOOD}'/>", ns=owner))
    await bob.raw.sync()
    what = [(c.tag.rpartition("}")[2], [i.tag.rpartition("}")[2] for i in c])
            for _, c in bob.events(MOOD)]
    assert what == [("items", ["item"]), ("items", ["item"]), ("items", ["retract"]),
                    ("purge", []), ("delete", [])]
    assert all(m.get("from") == ALICE and m.get("type") == "headline" for m, _ in bob.events(MOOD))
    await eve.raw.sync()
    assert not eve.events()
    await publish(alice, id="3")
    await bob.raw.sync()
    assert ids(bob, MOOD)[-1:] == ["3"]


async def test_silent_retract(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice, notify_retract="false")
    ok(await alice.retract(MOOD, "1", notify=False))
    await bob.raw.sync()
    assert len(bob.events(MOOD)) == 1


async def test_node_without_notifications(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice, deliver_notifications="false")
    assert await told(bob) == []
    again = await person("bob", wants=(MOOD,), resource="b")
    await settled(again)
    assert ids(again) == []


# --- wants that change ----------------------------------------------------------------------------

async def test_new_wants_get_the_last_items_of_the_new_nodes_alone(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    for node in (MOOD, TUNE):
        await publish(alice, node)
    assert await told(bob) == ["1"]
    await bob.want(MOOD, TUNE)
    await bob.event(TUNE, of=ALICE)
    await settled(bob)
    assert (ids(bob, MOOD), ids(bob, TUNE)) == (["1"], ["1"])


async def test_dropped_wants_stop(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD, TUNE))
    await befriend(alice, bob)
    await settled(bob, asked=1)
    await bob.want(TUNE)
    await settled(bob, asked=2)
    for node in (MOOD, TUNE):
        await publish(alice, node)
    assert (await told(bob, MOOD), await told(bob, TUNE)) == ([], ["1"])
    await bob.raw.send("<presence/>")  # no capabilities at all
    await settled(bob)
    await publish(alice, TUNE, id="2")
    assert await told(bob, TUNE) == ["1"]
    await bob.want(MOOD)
    await bob.event(MOOD)


async def test_presence_that_says_nothing_new_brings_nothing(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice)
    await bob.event(MOOD)
    for extra in ("", "<show>away</show>", "<show>dnd</show>", ""):
        await bob.come(extra)
    await settled(bob)
    assert ids(bob, MOOD) == ["1"]


async def test_unavailable_stops_and_coming_back_brings_the_last(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice)
    await bob.event(MOOD)
    await bob.raw.send("<presence type='unavailable'/>")
    await settled(bob)
    await publish(alice, id="2")
    assert await told(bob) == ["1"]
    await bob.come()
    message, items = await bob.event(MOOD)
    assert items[0].get("id") == "2"
    assert message.find("{urn:xmpp:delay}delay") is not None
    await settled(bob)
    assert ids(bob, MOOD) == ["1", "2"]


async def test_last_item_at_login(person):
    """Only the last, of each node that is wanted, from contacts and of one's own account."""
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    for n in "12":
        await publish(alice, id=n, max_items="5")
    await publish(alice, TUNE, send_last_published_item="never")
    await publish(bob, id="own")
    again = await person("bob", wants=(MOOD, TUNE), resource="b")
    await settled(again, asked=1)
    assert sorted(ids(again, MOOD)) == ["2", "own"] and ids(again, TUNE) == []
    message, _ = again.events(MOOD, of=ALICE)[0]
    assert [a.get("jid") for a in message.iter(ADDRESSES)] == [alice.jid]
    assert message.get("to") == again.jid


async def test_last_item_at_login_of_who_has_subscribed(person):
    """4.3.4: a subscriber's new session is sent it, a contact or not."""
    alice, eve = await person("alice"), await person("eve")
    await publish(alice, access_model="open")
    await publish(alice, TUNE, access_model="open")
    ok(await subscribe(eve, MOOD, ALICE))
    eve.raw.inbox.clear()
    again = await person("eve", wants=(MOOD, TUNE), resource="b")
    await settled(again, asked=1)
    assert (ids(again, MOOD), ids(again, TUNE)) == (["1"], [])
    assert again.events(MOOD)[0][0].find(f".//{ADDRESSES}") is None
    ok(await unsubscribe(eve, MOOD, ALICE))
    third = await person("eve", wants=(MOOD, TUNE), resource="c")
    await settled(third)
    assert ids(third) == []


async def test_directed_presence_is_no_presence(person):
    """Capabilities in directed presence to the account say nothing (3.4)."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,), come=False)
    await publish(alice)
    await bob.raw.send(f"<presence to='{ALICE}'><c xmlns='http://jabber.org/protocol/caps' "
                       f"hash='sha-1' node='n' ver='{bob.ver}'/></presence>")
    await publish(alice, id="2")
    await settled(bob)
    assert not bob.events() and bob.asked == 0


# --- blocking -------------------------------------------------------------------------------------

async def test_blocked_contact_is_sent_nothing(person):
    """4.3.2, the exception; whatever is the way in which he would be told."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    eve = await person("eve")
    await befriend(alice, bob)
    await publish(alice, id="0", access_model="open")
    await bob.event(MOOD)
    ok(await subscribe(eve, MOOD, ALICE))
    await eve.event(MOOD)
    for who in (bob, eve):
        await block(alice, who.bare)
    await publish(alice)
    assert (await told(bob), await told(eve)) == (["0"], ["0"])
    again = await person("bob", wants=(MOOD,), resource="b")
    await settled(again)
    assert ids(again, MOOD) == []
    await block(alice, bob.bare, undo=True)
    await publish(alice, id="2")
    assert (await told(bob), await told(again)) == (["0", "2"], ["2"])


async def test_who_blocks_is_sent_nothing(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice, id="0")
    await bob.event(MOOD)
    await block(bob, ALICE)
    await publish(alice)
    assert await told(bob) == ["0"]


async def test_requests_of_the_blocked_get_what_the_router_says(person):
    """At every access model the same, and the same as for anything else that is blocked."""
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    models = ("open", "presence", "roster", "authorize", "whitelist")
    for model in models:
        await publish(alice, f"urn:example:{model}", access_model=model)
    await block(alice, bob.bare)
    ping = condition(await bob.raw.iq("get", f"<ping xmlns='{xml.PING}'/>", to=ALICE))
    assert ping == "service-unavailable"
    for model in models:
        node = f"urn:example:{model}"
        assert await bob.items(node, of=ALICE) == ping
        assert condition(await subscribe(bob, node, ALICE)) == ping
    for kind in ("info", "items"):
        answer = await bob.raw.iq(
            "get", f"<query xmlns='http://jabber.org/protocol/disco#{kind}'/>", to=ALICE)
        assert condition(answer) == ping
    assert not alice.raw.inbox.find("message", has=f"{{{EVENT}}}event")
