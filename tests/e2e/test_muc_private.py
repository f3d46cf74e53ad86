# SPDX-License-Identifier: MIT
"""Rooms: private messages, questions between occupants, invitations, ghosts."""

import pytest

from lib import xml
from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (USER, change, codes, configure, create, enter_raw, item, join, listed,
                       say)

ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
PING = "<ping xmlns='urn:xmpp:ping'/>"
INVITE = f"{{{USER}}}invite"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


@pytest.fixture
async def pair(stack, client):
    """Alice, the owner, and Bob in a room."""
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    return alice, bob


async def raw(stack, raw_client, name):
    """A client that answers nothing by itself."""
    jid = stack.add_account(f"{name}@localhost")
    c = await raw_client()
    return await c.login(name, stack.accounts[jid], mechanism="SCRAM-SHA-1")


# --- private messages -----------------------------------------------------------------------------

async def test_private_message(pair, client):
    alice, bob = pair
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    say(bob, f"{ROOM}/Alice", OMEMO, "w1", kind="chat")
    got = await alice.wait("message", id="w1")
    assert got.get("from") == f"{ROOM}/Bob" and got.get("type") == "chat"
    assert len(got.findall(f"{{{USER}}}x")) == 1
    await carol.sync()
    assert not carol.inbox.find("message", id="w1")


async def test_private_message_reaches_all_sessions(pair, client):
    alice, bob = pair
    phone = await client("bob", resource="phone")
    await join(phone, ROOM, "Bob")
    say(alice, f"{ROOM}/Bob", OMEMO, "w1", kind="chat")
    for c in bob, phone:
        await c.wait("message", id="w1", from_=f"{ROOM}/Alice")


async def test_private_messages_that_are_refused(pair, client):
    alice, bob = pair
    carol = await client("carol")
    say(bob, f"{ROOM}/Nobody", OMEMO, "w1", kind="chat")
    assert error_condition(await bob.wait("message", id="w1")) == "item-not-found"
    say(bob, f"{ROOM}/Alice", OMEMO, "w2", kind="groupchat")
    assert error_condition(await bob.wait("message", id="w2")) == "bad-request"
    say(carol, f"{ROOM}/Alice", OMEMO, "w3", kind="chat")
    assert error_condition(await carol.wait("message", id="w3")) == "not-acceptable"
    say(bob, ROOM, OMEMO, "w4", kind="chat")
    assert error_condition(await bob.wait("message", id="w4")) == "bad-request"
    for who, expected in ("moderators", "forbidden"), ("none", "forbidden"), ("participants", None):
        await configure(alice, ROOM, {"allowpm": who})
        bob.inbox.clear()
        say(bob, f"{ROOM}/Bob", OMEMO, "w5", kind="chat")
        assert error_condition(await bob.wait("message", id="w5")) == expected


# --- questions ------------------------------------------------------------------------------------

async def test_question_is_passed_on_and_back(stack, pair, raw_client):
    _, bob = pair
    carol = await raw(stack, raw_client, "carol")
    await enter_raw(carol, ROOM, "Carol")
    bob.send_raw(f"<iq type='get' id='q1' to='{ROOM}/Carol'><query xmlns='urn:test:q'/></iq>")
    asked = await carol.wait("iq", type="get", from_=f"{ROOM}/Bob")
    await carol.send(f"<iq type='result' id='{asked.get('id')}' to='{ROOM}/Bob'>"
                     "<query xmlns='urn:test:q'><a/></query></iq>")
    answer = await bob.wait("iq", id="q1", type="result", from_=f"{ROOM}/Carol")
    assert answer.find("{urn:test:q}query/{urn:test:q}a") is not None
    assert not any(carol.jid in v for e in answer.iter() for v in e.attrib.values())


async def test_error_that_answers_a_question_tells_no_address(stack, pair, raw_client):
    _, bob = pair
    carol = await raw(stack, raw_client, "carol")
    await enter_raw(carol, ROOM, "Carol")
    bob.send_raw(f"<iq type='get' id='q1' to='{ROOM}/Carol'><query xmlns='urn:test:q'/></iq>")
    asked = await carol.wait("iq", type="get", from_=f"{ROOM}/Bob")
    await carol.send(f"<iq type='error' id='{asked.get('id')}' to='{ROOM}/Bob'><error type='cancel' "
                     "by='carol@localhost/x'><not-allowed "
                     "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    answer = await bob.wait("iq", id="q1", type="error", from_=f"{ROOM}/Carol")
    assert error_condition(answer) == "not-allowed" and "carol@localhost" not in xml.show(answer)


async def test_self_ping(pair, client):
    _, bob = pair
    assert (await bob.request("get", PING, to=f"{ROOM}/Bob")).get("type") == "result"
    # Another session of somebody who is in the room is not (XEP-0410 4): it has to enter again.
    phone = await client("bob", resource="phone")
    assert error_condition(await phone.request("get", PING, to=f"{ROOM}/Bob")) == "not-acceptable"
    carol = await client("carol")
    for address in f"{ROOM}/Carol", f"{ROOM}/Bob", "nowhere@conference.localhost/Carol":
        assert error_condition(await carol.request("get", PING, to=address)) == "not-acceptable"
    disco = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
    assert error_condition(await carol.request("get", disco, to=f"{ROOM}/Bob")) == "bad-request"
    assert error_condition(await bob.request("get", disco, to=f"{ROOM}/No")) == "item-not-found"


async def test_vcard_is_asked_of_the_account(pair):
    _, bob = pair
    answer = await bob.request("get", "<vCard xmlns='vcard-temp'/>", to=f"{ROOM}/Alice")
    assert answer.get("from") == f"{ROOM}/Alice"  # the router has none: an error, from it


# --- invitations ----------------------------------------------------------------------------------

def invite(client, to, reason="come", ident="i1"):
    say(client, ROOM, f"<x xmlns='{USER}'><invite to='{to}'><reason>{reason}</reason></invite></x>",
        ident, kind="normal")


async def test_invitation_and_its_refusal(pair, client):
    _, bob = pair
    carol = await client("carol")
    invite(bob, carol.bare)
    got = await carol.wait("message", from_=ROOM)
    asked = got.find(f".//{INVITE}")
    assert asked.get("from") == f"{ROOM}/Bob" and asked.get("to") is None
    assert asked.findtext(f"{{{USER}}}reason") == "come"
    say(carol, ROOM, f"<x xmlns='{USER}'><decline to='{ROOM}/Bob'><reason>busy</reason></decline>"
        "</x>", kind="normal")
    no = (await bob.wait("message", from_=ROOM, has=f"{{{USER}}}decline"))
    assert no.find(f".//{{{USER}}}decline").get("from") == carol.bare
    say(carol, ROOM, f"<x xmlns='{USER}'><decline to='{ROOM}/Bob'/></x>", "d2", kind="normal")
    assert error_condition(await carol.wait("message", id="d2")) == "item-not-found"


async def test_invitation_into_an_open_room_makes_no_member(pair, client):
    alice, bob = pair
    carol = await client("carol")
    invite(bob, carol.bare)
    await carol.wait("message", from_=ROOM, has=INVITE)
    assert await listed(alice, ROOM, affiliation="member") == []
    assert (await join(carol, ROOM, "Carol")).find(f".//{{{USER}}}item").get("affiliation") == "none"


async def test_invitation_carries_the_password(pair, client):
    alice, _ = pair
    carol = await client("carol")
    await configure(alice, ROOM, {"passwordprotectedroom": True, "roomsecret": "cauldron"})
    invite(alice, carol.bare)
    got = await carol.wait("message", from_=ROOM, has=INVITE)
    assert got.findtext(f".//{{{USER}}}password") == "cauldron"


async def test_invitation_into_a_members_only_room(pair, client):
    alice, bob = pair
    carol, dave = await client("carol"), await client("dave")
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "member"})
    await configure(alice, ROOM, {"membersonly": True})
    invite(bob, carol.bare, ident="i1")
    assert error_condition(await bob.wait("message", id="i1")) == "forbidden"
    await configure(alice, ROOM, {"allowinvites": True})
    invite(bob, carol.bare, ident="i2")
    await carol.wait("message", from_=ROOM, has=INVITE)
    assert (await join(carol, ROOM, "Carol")).get("type") is None
    assert {i["jid"] for i in await listed(alice, ROOM, affiliation="member")} == {
        bob.bare, carol.bare}
    await change(alice, ROOM, {"jid": dave.bare, "affiliation": "outcast"})
    invite(bob, dave.bare, ident="i3")
    assert error_condition(await bob.wait("message", id="i3")) == "not-allowed"


async def test_new_member_of_a_members_only_room_is_invited(pair, client):
    alice, _ = pair
    carol = await client("carol")
    await configure(alice, ROOM, {"membersonly": True})
    await change(alice, ROOM, {"jid": carol.bare, "affiliation": "member"})
    await carol.wait("message", from_=ROOM, has=INVITE)


async def test_invitations_that_are_refused(pair, client):
    alice, bob = pair
    carol = await client("carol")
    invite(carol, "dave@localhost", ident="r1")
    assert error_condition(await carol.wait("message", id="r1")) == "not-acceptable"
    invite(bob, "@", ident="r2")
    assert error_condition(await bob.wait("message", id="r2")) == "jid-malformed"
    invite(bob, "x@conference.localhost", ident="r3")
    assert error_condition(await bob.wait("message", id="r3")) == "not-acceptable"
    invite(bob, carol.bare, reason="x" * 2000, ident="r4")
    assert error_condition(await bob.wait("message", id="r4")) == "not-acceptable"
    many = "".join(f"<invite to='u{n}@localhost'/>" for n in range(20))
    say(bob, ROOM, f"<x xmlns='{USER}'>{many}</x>", "r5", kind="normal")
    assert error_condition(await bob.wait("message", id="r5")) == "jid-malformed"
    say(bob, ROOM, f"<x xmlns='{USER}'/>", "r6", kind="normal")
    assert error_condition(await bob.wait("message", id="r6")) == "bad-request"
    invite(bob, "nobody@localhost", ident="r7")  # comes back to the room, and from there
    await bob.wait("message", from_=ROOM, error="item-not-found")


# --- ghosts ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("condition", ["gone", "item-not-found", "recipient-unavailable",
                                       "remote-server-not-found", "redirect",
                                       "remote-server-timeout"])
@pytest.mark.parametrize("kind, to", [("message", ROOM), ("presence", f"{ROOM}/Alice")])
async def test_error_of_a_client_that_is_gone(pair, condition, kind, to):
    alice, bob = pair
    bob.send_raw(f"<{kind} type='error' to='{to}'><error type='cancel'><{condition} "
                 f"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{kind}>")
    assert codes(await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")) == [333]
    assert codes(await bob.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")) == [110, 333]


async def complain(c, condition, ident=None, to=ROOM):
    """An error comes back from this RawClient."""
    ident = f" id='{ident}'" if ident else ""
    await c.send(f"<message type='error' to='{to}'{ident}><error type='cancel'><{condition} "
                 "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")


async def asked(c):
    return await c.wait("iq", type="get", from_=ROOM, has="{urn:xmpp:ping}ping")


@pytest.mark.parametrize("answer", [
    "type='result'/>", "type='error'><error type='cancel'><feature-not-implemented "
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"])
async def test_who_may_be_gone_is_asked_and_stays(stack, pair, raw_client, answer):
    """One question at a time, whatever comes meanwhile."""
    alice, _ = pair
    carol = await raw(stack, raw_client, "carol")
    await enter_raw(carol, ROOM, "Carol")
    for condition in "service-unavailable", "jid-malformed", "not-acceptable":
        await complain(carol, condition)
    ping = await asked(carol)
    await carol.send(f"<message to='{ROOM}' type='groupchat' id='c1'>{OMEMO}</message>")
    await alice.wait("message", id="c1")
    assert len(carol.inbox.find("iq", from_=ROOM)) == 1
    await carol.send(f"<iq to='{ROOM}' id='{ping.get('id')}' {answer}")
    await carol.send(f"<message to='{ROOM}' type='groupchat' id='c2'>{OMEMO}</message>")
    await alice.wait("message", id="c2")
    assert not alice.inbox.find("presence", type="unavailable")
    carol.inbox.clear()
    await complain(carol, "service-unavailable")
    await asked(carol)


@pytest.mark.parametrize("condition", ["service-unavailable", "item-not-found"])
async def test_who_is_asked_and_is_gone(stack, pair, raw_client, condition):
    alice, _ = pair
    carol = await raw(stack, raw_client, "carol")
    await enter_raw(carol, ROOM, "Carol")
    await complain(carol, "service-unavailable")
    ping = await asked(carol)
    await carol.send(f"<iq to='{ROOM}' id='{ping.get('id')}' type='error'><error type='cancel'>"
                     f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    gone = await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Carol")
    assert codes(gone) == [333] and item(gone)["role"] == "none"


async def test_who_is_asked_and_says_nothing(stack, pair, raw_client, clock):
    alice, _ = pair
    carol = await raw(stack, raw_client, "carol")
    await enter_raw(carol, ROOM, "Carol")
    await complain(carol, "service-unavailable")
    await asked(carol)
    clock.advance(31)
    assert codes(await alice.wait("presence", type="unavailable",
                                  from_=f"{ROOM}/Carol")) == [333]


async def test_who_is_asked_may_leave_meanwhile(stack, pair, raw_client, clock):
    """And come back: the answer that does not come is about the session that left."""
    alice, _ = pair
    carol = await raw(stack, raw_client, "carol")
    for nick in "Carol", "Carola":
        await enter_raw(carol, ROOM, nick)
        await complain(carol, "service-unavailable")
        await asked(carol)
        await carol.send(f"<presence to='{ROOM}/{nick}' type='unavailable'/>")
        await alice.wait("presence", type="unavailable", from_=f"{ROOM}/{nick}")
    await enter_raw(carol, ROOM, "Caroline")
    clock.advance(31)
    await alice.sync()
    say(alice, f"{ROOM}/Caroline", OMEMO, "w1", kind="chat")
    await carol.wait("message", id="w1")


@pytest.mark.ours("the other server has no blocking")
async def test_who_has_blocked_another_occupant_stays(pair):
    alice, bob = pair
    block = await bob.request(
        "set", f"<block xmlns='urn:xmpp:blocking'><item jid='{ROOM}/Alice'/></block>")
    assert block.get("type") == "result"
    for number in range(3):
        say(alice, ROOM, OMEMO, f"a{number}")
        say(alice, f"{ROOM}/Bob", OMEMO, f"w{number}", kind="chat")
        await alice.wait("message", id=f"a{number}")
        say(bob, ROOM, OMEMO, f"b{number}")
        await alice.wait("message", id=f"b{number}")
    assert not alice.inbox.find("presence", type="unavailable")
    assert not bob.inbox.find("message", from_=f"{ROOM}/Alice")
    assert {i["nick"] for i in await listed(alice, ROOM, role="participant")} == {"Bob"}


async def test_other_errors_change_nothing_and_go_back_to_who_asked_for_them(pair):
    alice, bob = pair
    say(alice, f"{ROOM}/Bob", OMEMO, "w1", kind="chat")
    await bob.wait("message", id="w1")
    bob.send_raw(f"<message type='error' id='w1' to='{ROOM}/Alice'><error type='modify'>"
                 "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    back = await alice.wait("message", id="w1", type="error")
    assert back.get("from") == f"{ROOM}/Bob" and error_condition(back) == "not-acceptable"
    assert not alice.inbox.find("presence", type="unavailable")


@pytest.mark.parametrize("condition", ["item-not-found", "policy-violation"])
async def test_error_to_a_copy_of_what_was_said_stays_here(stack, pair, raw_client, condition):
    """What was said in the room has been said, whatever becomes of one copy."""
    alice, bob = pair
    carol = await raw(stack, raw_client, "carol")
    await enter_raw(carol, ROOM, "Carol")
    say(alice, ROOM, OMEMO, "m1")
    await carol.wait("message", id="m1")
    await complain(carol, condition, "m1", f"{ROOM}/Alice")
    if condition == "item-not-found":
        await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Carol")
    else:
        await asked(carol)
    await alice.sync()
    assert not alice.inbox.find("message", type="error")


async def test_error_goes_back_once_and_tells_no_address(stack, pair, raw_client):
    alice, _ = pair
    carol = await raw(stack, raw_client, "carol")
    await enter_raw(carol, ROOM, "Carol")
    say(alice, f"{ROOM}/Carol", OMEMO, "w1", kind="chat")
    await carol.wait("message", id="w1")
    for _ in range(2):
        await carol.send(f"<message type='error' id='w1' to='{ROOM}/Alice'>"
                         "<error type='modify' by='carol@localhost/x'><not-acceptable "
                         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    back = await alice.wait("message", id="w1", type="error")
    assert "carol@localhost" not in xml.show(back)
    await asked(carol)
    await alice.sync()
    assert len(alice.inbox.find("message", id="w1", type="error")) == 1


@pytest.mark.ours("it is the router that is killed")
async def test_ghosts_are_found_when_the_link_is_back(stack, pair, client):
    """Who was cut off while the link was down has told nobody."""
    alice, bob = pair
    muc = stack.components["muc"]
    stack.router.kill9()
    stack.router.start()
    stack.ready()
    for c in alice, bob:
        await muc.wait_log(f"{c.full} is gone from room")
    again = await client("alice")
    assert 201 in codes(await join(again, ROOM, "Alice"))
