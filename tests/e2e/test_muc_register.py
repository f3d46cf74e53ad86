# SPDX-License-Identifier: MIT
"""Rooms: registration (XEP-0045 7.10, 9.9), nicks that are reserved and locked down (7.12)."""

import pytest

from lib.inbox import error_condition
from lib.rooms import (DATA, MUC, USER, change, codes, configure, create, item, join, leave,
                       listed, presence_xml, say)

ROOM = "room@conference.localhost"
REGISTER, FORM = "jabber:iq:register", f"{MUC}#register"
INFO = "http://jabber.org/protocol/disco#info"
POLICY, LOCK = "x-muc#roomconfig_registration", "x-muc#roomconfig_reservednick"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


def form(kind="submit", **fields):
    """A form of muc#register; allow=, roomnick=, and jid=."""
    inner = f"<field var='FORM_TYPE'><value>{FORM}</value></field>"
    for name, value in fields.items():
        name = "x-muc#register_jid" if name == "jid" else f"muc#register_{name}"
        inner += f"<field var='{name}'><value>{value}</value></field>"
    return f"<x xmlns='{DATA}' type='{kind}'>{inner}</x>"


async def register(c, inner, kind="set"):
    return await c.request(kind, f"<query xmlns='{REGISTER}'>{inner}</query>", to=ROOM)


async def wish(c, nick):
    """"ok", or what is wrong."""
    answer = await register(c, form(roomnick=nick))
    return error_condition(answer) if answer.get("type") == "error" else "ok"


def fields(element):
    return {f.get("var"): f.findtext(f"{{{DATA}}}value") for f in element.iter(f"{{{DATA}}}field")}


async def reserved(c):
    answer = await c.request("get", f"<query xmlns='{INFO}' node='x-roomuser-item'/>", to=ROOM)
    assert answer.get("type") == "result"
    return [i.get("name") for i in answer.iter(f"{{{INFO}}}identity")]


async def test_request_that_an_admin_approves(stack, client):
    """A stranger asks to enter a members-only room, the process is killed, an admin agrees."""
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", membersonly=True)
    assert error_condition(await join(bob, ROOM, "Bob")) == "registration-required"
    asked = fields(await register(bob, "", "get"))
    assert asked["FORM_TYPE"] == FORM and "muc#register_roomnick" in asked
    assert await wish(bob, "Robert") == "ok"
    request = await alice.wait("message", from_=ROOM, has=f"{{{DATA}}}x")
    wanted = fields(request)
    assert wanted["muc#register_roomnick"] == "Robert"
    assert wanted["muc#register_allow"] in ("0", "false")
    assert wanted["x-muc#register_jid"] == bob.bare
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    say(alice, ROOM, form(roomnick="Robert", jid=bob.bare, allow="1"), kind="normal")
    invited = await bob.wait("message", from_=ROOM)  # he may enter now
    assert invited.find(f".//{{{USER}}}invite") is not None
    assert await reserved(bob) == ["Robert"]
    answer = await register(bob, "", "get")
    assert answer.find(f".//{{{REGISTER}}}registered") is not None
    assert answer.findtext(f".//{{{REGISTER}}}username") == "Robert"
    me = await join(bob, ROOM, "Robert")
    assert item(me)["affiliation"] == "member"
    assert {"jid": bob.bare, "nick": "Robert", "affiliation": "member"} in await listed(
        alice, ROOM, affiliation="member")


async def test_reserved_nick_is_for_its_owner_alone(stack, client):
    alice, bob, carol = await client("alice"), await client("bob"), await client("carol")
    await create(alice, ROOM, "Alice", **{POLICY: "open"})
    await join(carol, ROOM, "Carol")
    assert await reserved(bob) == []
    assert await wish(bob, "Robert") == "ok"
    assert await wish(carol, "Robert") == "conflict"
    assert await wish(bob, "Carol") == "conflict"  # somebody is called so
    carol.inbox.clear()
    carol.send_raw(presence_xml(f"{ROOM}/Robert"))
    assert error_condition(await carol.wait("presence", type="error")) == "conflict"
    await leave(carol, ROOM, "Carol")
    assert error_condition(await join(carol, ROOM, "Robert")) == "conflict"
    assert codes(await join(bob, ROOM, "Other")) == [110, 170]  # he may be called otherwise
    assert codes(await join(bob, ROOM, "Other")) == [110, 170]
    assert await reserved(bob) == ["Robert"]


async def test_member_is_seen_and_goes_again(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", **{POLICY: "open"})
    await join(bob, ROOM, "Bob")
    await alice.wait("presence", from_=f"{ROOM}/Bob")
    assert await wish(bob, "Bob") == "ok"
    await alice.wait(lambda p: p.get("from") == f"{ROOM}/Bob"
                     and item(p)["affiliation"] == "member")
    await configure(alice, ROOM, {"membersonly": True})
    assert (await register(bob, "<remove/>")).get("type") == "result"
    for c in alice, bob:
        gone = await c.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")
        assert 321 in codes(gone)
    assert await listed(alice, ROOM, affiliation="member") == []
    assert await reserved(bob) == []
    assert error_condition(await register(bob, "<remove/>")) == "registration-required"


async def test_nicks_that_are_locked_down(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", **{POLICY: "open", LOCK: True})
    assert await wish(bob, "Robert") == "ok"
    me = await join(bob, ROOM, "Bob")
    assert me.get("from") == f"{ROOM}/Robert" and codes(me) == [110, 170, 210]
    bob.send_raw(presence_xml(f"{ROOM}/Bobby"))
    assert error_condition(await bob.wait("presence", type="error")) == "not-acceptable"
    await join(bob, ROOM, "Robert")  # everything again
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "none"})
    bob.inbox.clear()
    bob.send_raw(presence_xml(f"{ROOM}/Bobby"))
    await bob.wait("presence", from_=f"{ROOM}/Bobby")


async def test_race_for_a_reserved_nick(stack, client):
    """All ask at once; one has it, whoever comes later is told."""
    alice = await client("alice")
    await create(alice, ROOM, "Alice", **{POLICY: "open"})
    people = [await client(f"u{n}") for n in range(6)]
    for c in people:
        c.send_raw(f"<iq type='set' id='r1' to='{ROOM}'><query xmlns='{REGISTER}'>"
                   f"{form(roomnick='fish')}</query></iq>")
    answers = [await c.wait("iq", id="r1") for c in people]
    assert sorted(error_condition(a) if a.get("type") == "error" else "ok" for a in answers) == [
        *["conflict"] * 5, "ok"]
    winner = people[[a.get("type") for a in answers].index("result")]
    assert await listed(alice, ROOM, affiliation="member") == [
        {"jid": winner.bare, "nick": "fish", "affiliation": "member"}]


@pytest.mark.parametrize("policy", ["none", "approval", "open"])
async def test_default_of_a_new_room(make_rooms, client, policy):
    make_rooms(env={"MUC_DEFAULT_REGISTRATION": policy, "MUC_DEFAULT_LOCK_NICKS": "true"})
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    assert await wish(bob, "Robert") == ("not-allowed" if policy == "none" else "ok")
    assert await reserved(bob) == (["Robert"] if policy == "open" else [])
    me = await join(bob, ROOM, "Bob")
    assert me.get("from") == f"{ROOM}/{'Robert' if policy == 'open' else 'Bob'}"
