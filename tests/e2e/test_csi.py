# SPDX-License-Identifier: MIT
"""Client state indication (XEP-0352): what a client gets while nobody looks at it."""

import pytest

from lib import xml
from lib.im import settled
from lib.payloads import ENCRYPTED

CSI = "urn:xmpp:csi:0"
DELAY = "{urn:xmpp:delay}delay"
STATES = "http://jabber.org/protocol/chatstates"
BODY = ENCRYPTED["OMEMO 2"]


@pytest.fixture
async def pair(stack, client):
    """alice and her phone; bob, whose presence she sees."""
    alice, bob = await client("alice"), await client("bob")
    for one, other in ((alice, bob), (bob, alice)):
        one.send_presence(pto=other.bare, ptype="subscribe")
        await other.wait("presence", type="subscribe", from_bare=one.bare)
        other.send_presence(pto=one.bare, ptype="subscribed")
        await one.wait("presence", type="subscribed", from_bare=other.bare)
    await alice.wait("presence", from_=bob.full, type=None)
    await settled(alice, bob)
    alice.inbox.clear()
    return alice, bob


def turn(client, state):
    client.send_raw(f"<{state} xmlns='{CSI}'/>")


def state(client, to, which="composing", more=""):
    client.send_raw(f"<message to='{to}' type='chat'><{which} xmlns='{STATES}'/>{more}</message>")


def status(client, text):
    client.send_raw(f"<presence><status>{text}</status></presence>")


def kinds(client):
    return [e.tag.rpartition("}")[2] for e in client.inbox
            if not e.tag.endswith("}iq")]


async def test_feature(stack, raw_client):
    stack.add_account("alice")
    raw = await raw_client()
    await raw.open_stream()
    await raw.start_tls()
    await raw.open_stream()
    await raw.sasl("alice", stack.accounts["alice@localhost"])
    assert raw.features.find(f"{{{CSI}}}csi") is not None


async def test_the_newest_presence_waits(pair):
    alice, bob = pair
    turn(alice, "inactive")
    await alice.sync()
    for n in range(20):
        status(bob, f"s{n}")
    await settled(bob, alice)
    assert kinds(alice) == []
    turn(alice, "active")
    await alice.sync()  # the answer to what follows <active/> comes behind all of it
    assert kinds(alice) == ["presence"]
    presence = alice.inbox.find("presence")[0]
    assert presence.findtext(f"{{{xml.CLIENT}}}status") == "s19"
    assert presence.find(DELAY) is not None
    status(bob, "now")
    await settled(bob, alice)
    assert len(alice.inbox.find("presence")) == 2


async def test_the_newest_chat_state_waits(pair):
    alice, bob = pair
    turn(alice, "inactive")
    await alice.sync()
    state(bob, alice.full, "composing", "<no-store xmlns='urn:xmpp:hints'/>")
    state(bob, alice.full, "paused", "<thread>t</thread>")
    await settled(bob, alice)
    assert kinds(alice) == []
    turn(alice, "active")
    await alice.sync()
    messages = alice.inbox.find("message")
    assert len(messages) == 1 and messages[0].find(f"{{{STATES}}}paused") is not None


async def test_what_matters_comes_at_once(pair):
    """And what waits of its sender comes before it."""
    alice, bob = pair
    turn(alice, "inactive")
    await alice.sync()
    status(bob, "away")
    state(bob, alice.full)
    bob.send_raw(f"<message to='{alice.full}' type='chat' id='m1'>{BODY}</message>")
    await alice.wait("message", id="m1")
    assert kinds(alice) == ["presence", "message", "message"]
    bob.send_raw(f"<message to='{alice.full}' type='chat' id='m2'>{BODY}"
                 f"<active xmlns='{STATES}'/></message>")
    await alice.wait("message", id="m2")
    bob.send_raw(f"<iq type='get' id='q1' to='{alice.full}'><ping xmlns='urn:xmpp:ping'/></iq>")
    await bob.wait("iq", id="q1", type="result")


async def test_others_wait_on(pair, client):
    """A message of one does not bring the presence of all the others along."""
    alice, bob = pair
    carol = await client("carol")
    turn(alice, "inactive")
    await alice.sync()
    status(bob, "away")
    await settled(bob)
    carol.send_raw(f"<message to='{alice.full}' type='chat' id='m1'>{BODY}</message>")
    await alice.wait("message", id="m1")
    assert kinds(alice) == ["message"]


async def test_subscriptions_and_errors_do_not_wait(pair, client):
    alice, bob = pair
    carol = await client("carol")
    turn(alice, "inactive")
    await alice.sync()
    carol.send_presence(pto=alice.bare, ptype="subscribe")
    await alice.wait("presence", type="subscribe")
    alice.send_raw(f"<message to='nobody@localhost' type='chat' id='m1'>{BODY}</message>")
    await alice.wait("message", id="m1", type="error")


async def test_end_of_a_session_while_it_waits(pair, client):
    alice, bob = pair
    turn(alice, "inactive")
    await alice.sync()
    status(bob, "away")
    await settled(bob)
    await alice.drop()
    await bob.wait("presence", type="unavailable", from_=alice.full)


async def test_twice_and_in_the_wrong_order(pair):
    alice, bob = pair
    for what in ("active", "active", "inactive", "inactive", "active", "inactive"):
        turn(alice, what)
    await alice.sync()
    status(bob, "away")
    await settled(bob, alice)
    assert kinds(alice) == []


async def test_a_presence_storm(stack, client, raw_client):
    """Of a thousand changes of a few contacts an inactive client is sent none, an active one all;
    both know the same in the end."""
    quiet, loud = [await client("alice", resource=n) for n in ("quiet", "loud")]
    contacts = [await client(f"c{n}") for n in range(5)]
    for c in contacts:
        c.send_presence(pto=quiet.bare, ptype="subscribed")  # beforehand
        quiet.send_presence(pto=c.bare, ptype="subscribe")
        await quiet.wait("presence", type="subscribed", from_bare=c.bare)
    await settled(quiet, loud, *contacts)
    turn(quiet, "inactive")
    await quiet.sync()
    quiet.inbox.clear()
    loud.inbox.clear()
    for n in range(40):
        for c in contacts:
            status(c, f"s{n}")
    await settled(*contacts, quiet, loud)
    assert len(loud.inbox.find("presence")) == 200 and kinds(quiet) == []
    turn(quiet, "active")
    await quiet.sync()
    assert len(quiet.inbox.find("presence")) == 5
    assert {p.findtext(f"{{{xml.CLIENT}}}status") for p in quiet.inbox.find("presence")} == {"s39"}
