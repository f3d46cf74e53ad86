# SPDX-License-Identifier: MIT
"""Blocking (XEP-0191): what the blocked and the blocking side see, for each kind of stanza."""

import pytest

from lib.client import befriend
from lib.component import attach
from lib.im import presences, settled
from lib.rooms import create, join, presence_xml, say
from lib.wait import until

NS = "urn:xmpp:blocking"
ERRORS = "{urn:xmpp:blocking:errors}blocked"
ALICE, BOB = "alice@localhost", "bob@localhost"


@pytest.fixture
def stack(make_stack):
    return make_stack(env={"E2E_POLICY_CHAT": "none"})


@pytest.fixture
async def pair(stack, client):
    alice, bob = await client("alice", resource="phone"), await client("bob", resource="desk")
    await befriend(alice, bob)
    for c in (alice, bob):
        c.inbox.clear()
    return alice, bob


async def command(c, name, *jids):
    items = "".join(f"<item jid='{jid}'/>" for jid in jids)
    answer = await c.request("set", f"<{name} xmlns='{NS}'>{items}</{name}>")
    assert answer.get("type") == "result"


async def blocked(c):
    answer = await c.request("get", f"<blocklist xmlns='{NS}'/>")
    return sorted(item.get("jid") for item in answer.iter(f"{{{NS}}}item"))


def pushes(c, name):
    """The addresses of each push."""
    return [[i.get("jid") for i in iq.iter(f"{{{NS}}}item")]
            for iq in c.inbox.find("iq", type="set", has=f"{{{NS}}}{name}")]


def texts(error):
    return [e.text for e in error.iter("{urn:ietf:params:xml:ns:xmpp-stanzas}text")]


async def test_it_is_announced(pair):
    info = await pair[0].request("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>",
                                 to="localhost")
    assert NS in [f.get("var") for f in info.iter("{http://jabber.org/protocol/disco#info}feature")]


async def test_lists_and_pushes(stack, client):
    phone, tablet, old = [await client("alice", resource=r) for r in ("phone", "tablet", "old")]
    assert await blocked(phone) == await blocked(tablet) == []
    await command(phone, "block", "Romeo@Example.NET", "spam.example")
    await settled(phone, tablet, old)
    assert pushes(phone, "block") == pushes(tablet, "block") == [["romeo@example.net",
                                                                  "spam.example"]]
    assert pushes(old, "block") == []
    await command(tablet, "unblock", "spam.example")
    await settled(phone, tablet)
    assert pushes(phone, "unblock") == [["spam.example"]]
    assert await blocked(old) == ["romeo@example.net"]
    await command(old, "unblock")
    await settled(phone, tablet, old)
    assert pushes(old, "unblock") == [[]] and await blocked(phone) == []


async def test_the_list_outlives_the_router(stack, client):
    alice = await client("alice")
    await command(alice, "block", BOB, "spam.example", "a@b.c/d")
    stack.router.kill9()
    await alice.wait_closed()
    stack.router.restart()
    stack.ready()
    alice, bob = await client("alice"), await client("bob")
    assert await blocked(alice) == ["a@b.c/d", BOB, "spam.example"]
    bob.send_message(mto=ALICE, mbody="hello")
    await bob.wait("message", type="error", error="service-unavailable")


# --- what the blocked side sees: somebody who is offline ------------------------------------------

@pytest.mark.parametrize("to", [ALICE, f"{ALICE}/phone"])
@pytest.mark.parametrize("kind", ["chat", "normal", "headline", "groupchat"])
async def test_messages_are_answered_as_if_nobody_were_there(stack, client, pair, to, kind):
    alice, bob = pair
    await command(alice, "block", BOB)
    nobody = to.replace("alice", "nobody")
    for mid, address in (("a", to), ("n", nobody)):
        bob.send_raw(f"<message to='{address}' type='{kind}' id='{mid}'><body>hi</body></message>")
    await settled(bob, alice)
    assert not alice.inbox.find("message")
    answers = [bob.inbox.find("message", id=i) for i in "an"]
    assert len(answers[0]) == len(answers[1]) == (0 if kind == "headline" else 1)
    for one, other in zip(*answers):
        assert one.get("from") == to
        assert one[0].attrib == other[0].attrib and texts(one) == texts(other)
        assert [e.tag for e in one[0]] == [e.tag for e in other[0]]


async def test_iqs(pair):
    alice, bob = pair
    await command(alice, "block", BOB)
    for to in (ALICE, alice.full):
        for kind in ("get", "set"):
            answer = await bob.request(kind, "<query xmlns='jabber:iq:version'/>", to=to)
            assert answer.find(".//{*}service-unavailable") is not None
    bob.send_raw(f"<iq type='result' id='r' to='{alice.full}'/>")
    await settled(bob, alice)
    assert not alice.inbox.find("iq", id="r") and not bob.inbox.find("iq", id="r")


async def test_presence_is_dropped_in_silence(pair):
    alice, bob = pair
    await command(alice, "block", BOB)
    await bob.wait("presence", type="unavailable", from_=alice.full)
    for c in pair:
        c.inbox.clear()
    for kind in (None, "unavailable", "probe", "unsubscribe", "subscribe"):
        bob.send_presence(pto=ALICE, ptype=kind)
    bob.send_presence(pshow="away")
    alice.send_presence(pshow="dnd")
    await settled(bob, alice, bob)
    assert not alice.inbox.find(lambda e: (e.get("from") or "").startswith("bob"))
    assert not bob.inbox.find(lambda e: (e.get("from") or "").startswith("alice"))


async def test_a_stranger_who_is_blocked_cannot_ask(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await command(alice, "block", BOB)
    bob.send_presence(pto=ALICE, ptype="subscribe")
    await bob.wait("iq", type="set")  # his roster says that he has asked
    await settled(bob, alice)
    assert not alice.inbox.find("presence", type="subscribe")
    assert (await bob.roster_items())[ALICE]["ask"] == "subscribe"


# --- what the blocking side may do ----------------------------------------------------------------

@pytest.mark.parametrize("stanza", [
    "<message to='{to}' type='chat' id='x'><body>hi</body></message>",
    "<message to='{to}/desk' id='x'><body>hi</body></message>",
    "<iq to='{to}' type='get' id='x'><query xmlns='jabber:iq:version'/></iq>",
    "<presence to='{to}' id='x'/>",
    "<presence to='{to}' type='subscribe' id='x'/>",
])
async def test_who_blocks_cannot_write(pair, stanza):
    alice, bob = pair
    await command(alice, "block", BOB)
    await bob.wait("presence", type="unavailable")
    bob.inbox.clear()
    alice.send_raw(stanza.format(to=BOB))
    error = await alice.wait(id="x", type="error", error="not-acceptable", has=ERRORS)
    assert error.find("{jabber:client}error").get("type") == "cancel"
    await settled(alice, bob)
    assert not bob.inbox.find(lambda e: (e.get("from") or "").startswith("alice"))


async def test_contacts_see_somebody_leave_and_come_back(stack, client, pair):
    alice, bob = pair
    second = await client("alice", resource="tablet")
    await bob.wait("presence", from_=second.full)
    bob.inbox.clear()
    await command(alice, "block", BOB)
    for c in (alice, second):
        await bob.wait("presence", type="unavailable", from_=c.full)
    third = await client("alice", resource="car")
    await third.close()
    await command(second, "unblock", BOB)
    for c in (alice, second):
        await bob.wait("presence", type=None, from_=c.full)
    await settled(alice, bob)
    assert presences(bob, third.full) == []
    bob.send_message(mto=ALICE, mbody="here again")
    await alice.wait("message", body="here again")
    assert (await alice.roster_items())[BOB]["subscription"] == "both"


async def test_a_component_and_its_domain(stack, client):
    alice = await client("alice")
    echo = stack.component_domain("echo")
    alice.send_message(mto=f"x@{echo}", mbody="one")
    await alice.wait("message", body="one", from_bare=f"x@{echo}")
    await command(alice, "block", echo)
    alice.send_message(mto=f"x@{echo}", mbody="two")
    await alice.wait("message", type="error", has=ERRORS)
    await command(alice, "unblock", echo)
    alice.send_message(mto=f"x@{echo}", mbody="three")
    await alice.wait("message", body="three", from_bare=f"x@{echo}")


async def test_own_server_and_sessions_are_no_strangers(stack, client):
    phone, tablet = await client("alice", resource="a"), await client("alice", resource="b")
    await command(phone, "block", "localhost", ALICE)
    await phone.sync()
    phone.send_message(mto=tablet.full, mbody="note")
    await tablet.wait("message", body="note")


# --- rooms ----------------------------------------------------------------------------------------

ROOM = "room@conference.localhost"


@pytest.fixture
async def in_a_room(make_stack, client):
    """alice, bob and carol."""
    make_stack(components=("muc",), env={"E2E_POLICY_CHAT": "none", "E2E_POLICY_MUC": "none"})
    people = [await client(user) for user in ("alice", "bob", "carol")]
    await create(people[0], ROOM, "Alice")
    for c, nick in zip(people[1:], ("Bob", "Carol")):
        await join(c, ROOM, nick)
    await settled(*people)
    return people


@pytest.mark.parametrize("kind, to", [("groupchat", ROOM), ("chat", f"{ROOM}/Alice")])
async def test_a_blocked_occupant_leaves_no_mark_in_the_room(in_a_room, kind, to):
    """What he says does not arrive, and costs the one who blocks no place in the room: an error to
    the room would."""
    alice, bob, carol = in_a_room
    await command(alice, "block", f"{ROOM}/Bob")
    for i in range(3):
        say(bob, to, "<body>you there</body>", f"b{i}", kind)
    bob.send_raw(presence_xml(f"{ROOM}/Bob", "<show>away</show>"))
    await settled(bob, carol, alice)
    say(carol, ROOM, "<body>are you</body>", "c")
    await alice.wait("message", id="c", from_=f"{ROOM}/Carol")
    say(alice, ROOM, "<body>yes</body>", "a")
    for c in (alice, bob, carol):
        await c.wait("message", id="a", from_=f"{ROOM}/Alice")
        assert not c.inbox.find("presence", type="unavailable")
    assert not alice.inbox.find("message", from_=f"{ROOM}/Bob")
    await command(alice, "unblock", f"{ROOM}/Bob")
    say(bob, to, "<body>again</body>", "b4", kind)
    await alice.wait("message", id="b4", from_=f"{ROOM}/Bob")


async def test_a_room_hears_that_the_one_who_blocks_has_gone(stack, raw_client, client):
    """Its messages to a session that it does not know to have ended are answered as ever."""
    alice, room = await client("alice"), await component_of(stack, raw_client)
    await command(alice, "block", f"{room.jid}/Bob")
    for to in (alice.full, f"{ALICE}/gone", ALICE):
        await room.send(f"<message from='{room.jid}/Bob' to='{to}' id='m' type='groupchat'>"
                        "<x xmlns='urn:x'/></message>")
        await room.wait("message", id="m", from_=to, error="service-unavailable")
        room.inbox.clear()
    alice.send_raw(presence_xml(f"{room.jid}/Alice"))
    await room.wait("presence", from_=alice.full)
    for to, answers in ((alice.full, 0), (f"{ALICE}/gone", 1)):
        await room.send(f"<message from='{room.jid}/Bob' to='{to}' id='n' type='groupchat'>"
                        "<x xmlns='urn:x'/></message>")
        await room.send(f"<iq from='{room.jid}' to='localhost' id='p{answers}' type='get'>"
                        "<ping xmlns='urn:xmpp:ping'/></iq>")
        await room.wait("iq", id=f"p{answers}", type="result")
        assert len(room.inbox.find("message", id="n")) == answers
    assert not alice.inbox.find("message")


async def component_of(stack, raw_client):
    """A service with one room: what the test says in the name of echo."""
    stack.components["echo"].term()
    c = await attach(raw_client, stack, "echo.localhost", stack.component_secret("echo"))
    c.jid = "room@echo.localhost"
    return c


# --- bad input, bounds, faults --------------------------------------------------------------------

@pytest.mark.parametrize("payload, condition", [
    (f"<block xmlns='{NS}'/>", "bad-request"),
    (f"<block xmlns='{NS}'><item/></block>", "bad-request"),
    (f"<block xmlns='{NS}'><item jid='a b@c'/></block>", "jid-malformed"),
    (f"<block xmlns='{NS}'><item jid='{'x' * 1024}@localhost'/></block>", "jid-malformed"),
    (f"<unblock xmlns='{NS}'><item jid=''/></unblock>", "jid-malformed"),
    (f"<other xmlns='{NS}'/>", "bad-request"),
])
async def test_commands_that_are_none(stack, client, payload, condition):
    alice = await client("alice")
    answer = await alice.request("set", payload)
    assert answer.find(f".//{{*}}{condition}") is not None
    assert await blocked(alice) == []


async def test_a_list_holds_two_thousand(stack, client):
    alice = await client("alice")
    for n in range(4):
        await command(alice, "block", *(f"{n}-{i}@spam.example" for i in range(500)))
    answer = await alice.request("set", f"<block xmlns='{NS}'><item jid='a@b.c'/></block>")
    assert answer.find(".//{*}resource-constraint") is not None
    assert len(await blocked(alice)) == 2000


async def test_a_full_disk_blocks_nobody_by_halves(make_stack, client, small_disk):
    stack = make_stack(env={"E2E_POLICY_CHAT": "none"}, data_dir=small_disk("1m"))
    alice, bob = await client("alice"), await client("bob")
    refused = None
    for n in range(200):
        items = "".join(f"<item jid='{'x' * 900}{i}@{n}.example'/>" for i in range(20))
        answer = await alice.request("set", f"<block xmlns='{NS}'>{items}</block>")
        if answer.get("type") == "error":
            refused = answer
            break
    assert refused is not None and refused.find(".//{*}resource-constraint") is not None
    assert len(await blocked(alice)) == 20 * n
    bob.send_message(mto=ALICE, mbody="still here")
    await alice.wait("message", body="still here")


async def test_deleted_account_leaves_nothing_behind(stack, client):
    alice = await client("alice")
    await command(alice, "block", BOB)
    stack.ctl("account", "delete", ALICE)
    await alice.wait_closed()
    stack.add_account(ALICE)
    alice, bob = await client("alice"), await client("bob")
    assert await blocked(alice) == []
    bob.send_message(mto=ALICE, mbody="new here?")
    await alice.wait("message", body="new here?")


async def test_blocking_in_the_middle_of_a_flood(pair):
    """What comes before counts, what comes after does not; nothing gets lost besides."""
    alice, bob = pair
    for i in range(300):
        bob.send_message(mto=ALICE, mbody=f"m{i}")
    await command(alice, "block", BOB)
    n = len(alice.inbox.find("message"))
    await bob.wait("presence", type="unavailable", from_=alice.full)
    await settled(bob, alice)
    await until(lambda: len(bob.inbox.find("message", type="error"))
                + len(alice.inbox.find("message")) == 300, "each message has one end")
    assert len(alice.inbox.find("message")) >= n
