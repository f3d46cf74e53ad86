# SPDX-License-Identifier: MIT
"""Rooms: what of XEP-0045 the other files of rooms have no place for; docs/xep-0045.md says where
each part of it is shown."""

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (OWNER, USER, change, codes, configure, create, item, join, listed,
                       presence_xml, say)

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
ITEMS = "http://jabber.org/protocol/disco#items"
OMEMO = ENCRYPTED["OMEMO 0.3"]
NAMES = {"alice": "owner", "adam": "admin", "mia": "member", "nora": "none"}


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


@pytest.fixture
async def people(stack, client):
    """One of each affiliation, all in a room."""
    found = {name: await client(name) for name in NAMES}
    await create(found["alice"], ROOM, "alice")
    await change(found["alice"], ROOM, {"affiliation": "admin", "jid": "adam@localhost"},
                 {"affiliation": "member", "jid": "mia@localhost"})
    for name in list(NAMES)[1:]:
        await join(found[name], ROOM, name)
    for c in found.values():
        await c.sync()
        c.inbox.clear()
    return found


def outcome(answer):
    return error_condition(answer) if answer.get("type") == "error" else "ok"


async def who(c, **want):
    """The nicks of a list of roles, or the bare JIDs of a list of affiliations."""
    return {i["nick"] if "role" in want else i["jid"] for i in await listed(c, ROOM, **want)}


# --- discovery, addresses -------------------------------------------------------------------------

@pytest.mark.ours("what another server lists is its own business")
async def test_service_is_among_what_the_server_has(stack, client):
    alice = await client("alice")
    answer = await alice.request("get", f"<query xmlns='{ITEMS}'/>", to="localhost")
    assert SERVICE in [i.get("jid") for i in answer.iter(f"{{{ITEMS}}}item")]


async def test_service_with_a_resource_is_no_room(people):
    """What is from a room without a name would end the component's link, again and again."""
    alice = people["alice"]
    alice.send(presence_xml(f"{SERVICE}/alice"))
    error = await alice.wait("presence", type="error", from_=f"{SERVICE}/alice")
    assert error_condition(error) == "item-not-found"
    say(alice, f"{SERVICE}/alice", OMEMO, "m")
    assert error_condition(await alice.wait("message", type="error", id="m")) == "item-not-found"
    say(alice, ROOM, OMEMO, "n")
    await alice.wait("message", id="n", from_=f"{ROOM}/alice")


async def test_room_and_nick_are_prepared(people, client):
    """Nodeprep and resourceprep: it is the same room, and the same nick."""
    zoe = await client("zoe")
    me = await join(zoe, "ROOM@Conference.LOCALHOST", "\ufb01sh")
    assert me.get("from") == f"{ROOM}/fish"
    say(zoe, "Room@conference.localhost", OMEMO, "m1")
    await people["nora"].wait("message", id="m1", from_=f"{ROOM}/fish")


async def test_escaped_addresses(stack, client):
    """XEP-0106: an escape is letters like any other."""
    room = f"d\\27artagnan\\20\\26\\20co@{SERVICE}"
    alice = await client("alice")
    await create(alice, room, "Alice", persistentroom=True)
    answer = await alice.request("get", f"<query xmlns='{ITEMS}'/>", to=SERVICE)
    assert [i.get("jid") for i in answer.iter(f"{{{ITEMS}}}item")] == [room]
    member = {"jid": "space\\20cadet\\40far.example@localhost", "affiliation": "member",
              "nick": "a\\20b"}
    assert outcome(await change(alice, room, member)) == "ok"
    assert await listed(alice, room, affiliation="member") == [member]
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    assert await listed(alice, room, affiliation="member") == [member]
    bob = await client("bob")
    assert (await join(bob, room, "b\\5co'b")).get("from") == f"{room}/b\\5co'b"
    assert error_condition(await join(await client("carol"), room, "a\\20b")) == "conflict"
    say(bob, room, OMEMO, "m1")
    await alice.wait("message", id="m1", from_=f"{room}/b\\5co'b")


async def test_escaped_spaces_at_the_ends_of_an_address(stack, client):
    """XEP-0106 4.1: neither first nor last; what merely looks like it is letters."""
    alice = await client("alice")
    for local in "\\20tea", "tea\\20", "\\20", "\\20\\20":
        refused = await join(alice, f"{local}@{SERVICE}", "Alice")
        assert error_condition(refused) == "not-acceptable", local
    for local in "\\2tea", "a\\20b", "20", "\\5c20tea", "tea\\2":
        assert 201 in codes(await join(alice, f"{local}@{SERVICE}", "Alice")), local


# --- coming and going -----------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["probe", "subscribe", "subscribed", "unsubscribe",
                                  "unsubscribed"])
async def test_presence_of_other_types_neither_enters_nor_leaves(people, client, kind):
    alice, nora, zoe = people["alice"], people["nora"], await client("zoe")
    for c, nick in (zoe, "zoe"), (nora, "nora"):
        for to in ROOM, f"{ROOM}/{nick}":
            c.send_raw(presence_xml(to, "<x xmlns='http://jabber.org/protocol/muc'/>", kind))
        await c.sync()
    await alice.sync()
    assert await who(alice, role="participant") == {"mia", "nora"}
    assert not alice.inbox.find("presence", from_=f"{ROOM}/zoe")
    assert not alice.inbox.find("presence", type="unavailable")


async def test_unavailable_presence_of_a_stranger_is_ignored(people, client):
    zoe = await client("zoe")
    for to in f"{ROOM}/zoe", f"{ROOM}/nora", ROOM, f"nowhere@{SERVICE}/zoe":
        zoe.send_raw(presence_xml(to, kind="unavailable"))
    say(zoe, ROOM, OMEMO, "m1")  # comes behind it
    assert error_condition(await zoe.wait("message", id="m1")) == "not-acceptable"
    assert not [p for p in zoe.inbox.find("presence") if p.get("from", "").startswith(ROOM)]
    assert await who(people["alice"], role="participant") == {"mia", "nora"}


async def test_invitation_that_continues_a_chat(people, client):
    """7.9: what a client says of the chat that it was goes with the invitation."""
    zoe = await client("zoe")
    say(people["nora"], ROOM, f"<x xmlns='{USER}'><invite to='{zoe.bare}'><reason>as well</reason>"
        "<continue thread='e0ffe42b28561960c6b12b944a092794b9683a38'/></invite></x>",
        kind="normal")
    got = await zoe.wait("message", from_=ROOM, has=f"{{{USER}}}continue")
    assert got.find(f".//{{{USER}}}continue").get("thread") == \
        "e0ffe42b28561960c6b12b944a092794b9683a38"
    assert got.findtext(f".//{{{USER}}}reason") == "as well"


# --- lists, each with several changes at once -----------------------------------------------------

async def test_voice_list(people):
    alice, adam = people["alice"], people["adam"]
    await configure(alice, ROOM, {"moderatedroom": True})
    found = {i["nick"]: i for i in await listed(adam, ROOM, role="participant")}
    assert found == {n: {"nick": n, "role": "participant", "affiliation": NAMES[n],
                         "jid": people[n].full} for n in ("mia", "nora")}  # 17.4
    assert outcome(await change(adam, ROOM, {"nick": "mia", "role": "visitor"},
                                {"nick": "nora", "role": "visitor", "reason": "quiet"})) == "ok"
    shown = await people["mia"].wait(
        lambda p: p.get("from") == f"{ROOM}/nora" and item(p)["role"] == "visitor")
    assert shown.findtext(f".//{{{USER}}}reason") == "quiet"
    assert await who(adam, role="participant") == set()
    assert await who(adam, role="visitor") == {"mia", "nora"}
    assert outcome(await change(adam, ROOM, {"nick": "mia", "role": "participant"},
                                {"nick": "nora", "role": "participant"})) == "ok"
    assert await who(adam, role="participant") == {"mia", "nora"}


async def test_moderator_list(people):
    alice = people["alice"]
    assert await who(alice, role="moderator") == {"alice", "adam"}
    assert outcome(await change(alice, ROOM, {"nick": "mia", "role": "moderator"},
                                {"nick": "nora", "role": "moderator"})) == "ok"
    for c in people.values():
        await c.wait(lambda p: p.get("from") == f"{ROOM}/nora" and item(p)["role"] == "moderator")
    assert outcome(await change(alice, ROOM, {"nick": "mia", "role": "participant"},
                                {"nick": "nora", "role": "visitor"})) == "ok"
    assert await who(alice, role="moderator") == {"alice", "adam"}


@pytest.mark.parametrize("list_of, by", [("outcast", "adam"), ("member", "adam"),
                                         ("admin", "alice"), ("owner", "alice")])
async def test_list_of_affiliations(people, list_of, by):
    c, before = people[by], await who(people["alice"], affiliation=list_of)
    more = [f"{list_of}{n}@localhost" for n in range(3)]
    assert outcome(await change(c, ROOM, *[{"jid": j, "affiliation": list_of, "reason": "so"}
                                           for j in more])) == "ok"
    assert await who(people["alice"], affiliation=list_of) == before | set(more)
    assert outcome(await change(c, ROOM, {"jid": more[0], "affiliation": "none"},
                                {"jid": more[1], "affiliation": "none"})) == "ok"
    assert await who(people["alice"], affiliation=list_of) == before | {more[2]}


async def test_lists_of_the_form(people):
    """10.2: whole lists.  Who is in one gains it, who is missing loses it, and all see it."""
    alice, adam, mia = people["alice"], people["adam"], people["mia"]

    async def seen(nick, affiliation, role):
        for c in people.values():
            await c.wait(lambda p: p.get("from") == f"{ROOM}/{nick}" and item(p)["role"] == role
                         and item(p)["affiliation"] == affiliation)

    assert outcome(await configure(alice, ROOM, {"roomowners": [alice.bare, mia.bare]})) == "ok"
    await seen("mia", "owner", "moderator")
    assert outcome(await configure(alice, ROOM, {"roomadmins": [adam.bare, "nora@localhost"]})) == \
        "ok"
    await seen("nora", "admin", "moderator")
    assert outcome(await configure(alice, ROOM, {"roomadmins": []})) == "ok"
    await seen("adam", "member", "participant")
    assert outcome(await configure(mia, ROOM, {"roomowners": [alice.bare]})) == "ok"
    await seen("mia", "admin", "moderator")  # an owner who is none any more is an admin
    assert outcome(await configure(mia, ROOM, {"roomowners": [alice.bare]})) == "forbidden"
    assert outcome(await configure(alice, ROOM, {"roomowners": []})) == "conflict"
    assert outcome(await configure(alice, ROOM, {
        "roomowners": [adam.bare], "roomadmins": [mia.bare]})) == "ok"
    await seen("alice", "member", "participant")  # missing from both


# --- the end of a room ----------------------------------------------------------------------------

async def test_where_a_room_has_gone(people):
    alice, nora = people["alice"], people["nora"]

    async def destroy(inner):
        return outcome(await alice.request(
            "set", f"<query xmlns='{OWNER}'>{inner}</query>", to=ROOM))

    assert await destroy("<destroy jid='@'/>") == "jid-malformed"
    assert await destroy(f"<destroy><reason>{'x' * 1025}</reason></destroy>") == "not-acceptable"
    assert await destroy(f"<destroy><password>{'x' * 1025}</password></destroy>") == \
        "not-acceptable"
    say(nora, ROOM, OMEMO, "m1")  # it is there still
    await alice.wait("message", id="m1")
    assert await destroy(f"<destroy jid='Next@{SERVICE}'><password>p&amp;w</password></destroy>") \
        == "ok"
    for c in people.values():
        gone = await c.wait("presence", type="unavailable")
        end = gone.find(f".//{{{USER}}}destroy")
        assert end.get("jid") == f"next@{SERVICE}" and end.findtext(f"{{{USER}}}password") == "p&w"
        assert end.find(f"{{{USER}}}reason") is None
    assert 201 in codes(await join(nora, ROOM, "nora"))  # the address is free
