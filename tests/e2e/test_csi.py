# SPDX-License-Identifier: MIT
"""Client state indication (XEP-0352): what a client gets while nobody looks at it."""

import pytest

from lib import xml
from lib.client import befriend
from lib.component import attach
from lib.faults import encrypted, login
from lib.im import settled
from lib.payloads import ENCRYPTED

CSI, SM = "urn:xmpp:csi:0", "urn:xmpp:sm:3"
DELAY = "{urn:xmpp:delay}delay"
STATES = "http://jabber.org/protocol/chatstates"
BODY = ENCRYPTED["OMEMO 2"]


@pytest.fixture
async def pair(stack, client):
    """alice and her phone; bob, whose presence she sees."""
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
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
    raw = await encrypted(raw_client)
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


FORGED = ("<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
          "<message xmlns='jabber:client' from='{}'><composing xmlns='{}'/></message>"
          "</forwarded></sent>")


@pytest.mark.parametrize("inner", [
    FORGED.format("carol@localhost/x", STATES),
    f"<composing xmlns='{STATES}'/><thread>{'t' * 5000}</thread>",
    f"<composing xmlns='{STATES}'/><no-store xmlns='urn:xmpp:hints'>{'h' * 5000}</no-store>",
])
async def test_what_says_more_than_it_seems_does_not_wait(pair, inner):
    """A carbon is made by one's own server; and what is long is no mere chat state."""
    alice, bob = pair
    turn(alice, "inactive")
    await alice.sync()
    bob.send_raw(f"<message to='{alice.full}' type='chat' id='m1'>{inner}</message>")
    await alice.wait("message", id="m1")


async def test_a_chat_state_in_a_carbon_waits(pair, client):
    alice, bob = pair
    desk = await client("alice", resource="desk")
    for one in (alice, desk):
        await one.request("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    turn(desk, "inactive")
    await desk.sync()
    desk.inbox.clear()
    state(bob, alice.full)
    state(bob, alice.full, "paused")
    await settled(bob, alice, desk)
    assert kinds(desk) == []
    turn(desk, "active")
    await desk.sync()
    assert kinds(desk) == ["message"]


@pytest.mark.parametrize("first", [
    "<message to='{to}' type='chat'><composing xmlns='" + STATES + "'/></message>",
    "<presence to='{to}'><status>here</status></presence>",
], ids=["chat state", "presence"])
async def test_what_waited_does_not_vouch_for_a_message(stack, raw_client, clock, first):
    """A client acknowledges what had waited and goes for good: the message behind it is answered."""
    people = []
    for user in ("alice", "bob"):
        stack.add_account(user)
        raw = await raw_client()
        await raw.login(user, stack.accounts[f"{user}@localhost"], "x", presence=True)
        people.append(raw)
    alice, bob = people
    await alice.send(f"<enable xmlns='{SM}' resume='true'/><inactive xmlns='{CSI}'/>")
    await alice.wait(f"{{{SM}}}enabled")
    await bob.send(first.format(to=alice.jid))
    await bob.send(f"<message to='{alice.jid}' type='chat' id='m1'>{BODY}</message>")
    await alice.wait("message", id="m1")
    await alice.send(f"<a xmlns='{SM}' h='1'/><r xmlns='{SM}'/>")
    await alice.wait(f"{{{SM}}}a")
    await alice.drop(reset=True)
    await stack.router.wait_log("the session waits for its client")
    clock.advance(601)
    await bob.wait("message", id="m1", type="error")


async def test_the_bound_in_bytes(make_stack, raw_client):
    """What waits is sent before it takes too much."""
    conf = 'component gate { domain = "gate.localhost"  secret = "gate-secret"  e2e = exempt }\n'
    stack = make_stack(components=(), conf_d=conf, env={"LIMIT_STANZA": "256k"})
    stack.add_account("alice")
    gate = await attach(raw_client, stack, "gate.localhost", "gate-secret")
    alice = await raw_client(stack=stack)
    await alice.login("alice", stack.accounts["alice@localhost"], "x", presence=True)
    await alice.send(f"<inactive xmlns='{CSI}'/>")
    await alice.sync()
    big = f"<composing xmlns='{STATES}'/><thread>{'t' * 3500}</thread>"
    await gate.send("".join(f"<message from='u{n}@gate.localhost' to='{alice.jid}' type='chat'>"
                            f"{big}</message>" for n in range(400)))
    await alice.wait("message", from_="u0@gate.localhost")
    assert not alice.inbox.find("message", from_="u399@gate.localhost")
    await alice.send(f"<active xmlns='{CSI}'/>")
    await alice.wait("message", from_="u399@gate.localhost")
    assert len(alice.inbox.find("message")) == 400


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


async def told_in_a_storm(stack, raw_client, inactive):
    """How many bytes a phone is sent while ten contacts change their presence and type forty times
    each, and one of them says something twice; and the same with what follows when it is active."""
    phone = await login(stack, raw_client, "alice", "inactive" if inactive else "active")
    contacts = [await login(stack, raw_client, f"c{n}") for n in range(10)]
    for c in contacts:
        await c.send("<presence type='subscribed' to='alice@localhost'/>")
        await phone.send(f"<presence type='subscribe' to='{c.jid.split('/')[0]}'/>")
    await phone.send("<presence/>")
    for c in contacts:
        await c.send("<presence/>")
        await phone.wait("presence", from_=c.jid)
    if inactive:
        await phone.send(f"<inactive xmlns='{CSI}'/>")
    await phone.sync()
    before = len(phone.received)
    for n in range(40):
        for c in contacts:
            await c.send(f"<presence><show>{('away', 'chat')[n % 2]}</show><status>s{n}</status>"
                         f"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='x' ver='v'/>"
                         f"</presence><message to='{phone.jid}' type='chat'><composing "
                         f"xmlns='{STATES}'/></message>")
        if n % 20 == 10:
            await contacts[0].sync()
            await contacts[0].send(f"<message to='{phone.jid}' type='chat' id='m{n}'>{BODY}</message>")
            await phone.wait("message", id=f"m{n}")
    for c in contacts:
        await c.sync()
    await phone.sync()
    told = len(phone.received) - before
    assert [m.get("id") for m in phone.inbox.find("message") if m.get("id")] == ["m10", "m30"]
    if inactive:
        await phone.send(f"<active xmlns='{CSI}'/>")
        await phone.sync()
    for c in contacts:  # and both know the same in the end
        last = phone.inbox.find("presence", from_=c.jid)[-1]
        assert last.findtext(f"{{{xml.CLIENT}}}status") == "s39"
    after = len(phone.received) - before
    for c in (phone, *contacts):
        await c.close()
    return told, after


async def test_bytes_in_a_presence_storm(make_stack, raw_client):
    """An inactive client is sent a twentieth at most of what an active one is, and a tenth with what
    it is told when it is looked at again."""
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0"})
    active, _ = await told_in_a_storm(stack, raw_client, False)
    quiet, with_rest = await told_in_a_storm(stack, raw_client, True)
    print(f"active: {active} bytes; inactive: {quiet}, and {with_rest} when it is active again")
    assert 20 * quiet < active and 10 * with_rest < active
