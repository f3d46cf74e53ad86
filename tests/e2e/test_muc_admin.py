# SPDX-License-Identifier: MIT
"""Rooms: roles, affiliations, lists, and who may change them (XEP-0045 5, 8, 9, 10)."""

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (DATA, MUC, USER, change, codes, configure, create, item, items_xml,
                       join, leave, listed, say)

ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
NAMES = {"alice": "owner", "adam": "admin", "mia": "member", "nora": "none"}


@pytest.fixture
async def people(make_rooms, client):
    """An owner, an admin, a member and somebody without affiliation, all in a room."""
    make_rooms()
    found = {name: await client(name) for name in NAMES}
    await create(found["alice"], ROOM, "alice")
    answer = await change(found["alice"], ROOM,
                          {"affiliation": "admin", "jid": "adam@localhost"},
                          {"affiliation": "member", "jid": "mia@localhost"})
    assert answer.get("type") == "result"
    for name in list(NAMES)[1:]:
        assert item(await join(found[name], ROOM, name))["affiliation"] == NAMES[name]
    return found


def outcome(answer):
    return error_condition(answer) if answer.get("type") == "error" else "ok"


async def removed(people, name, code, reason=None):
    """Everybody has seen that this one was removed for this code."""
    for who, c in people.items():
        gone = await c.wait("presence", type="unavailable", from_=f"{ROOM}/{name}")
        assert codes(gone) == sorted([code, 110] if who == name else [code])
        assert gone.findtext(f".//{{{USER}}}reason") == reason
        assert item(gone)["role"] == "none"


async def test_kick(people):
    assert outcome(await change(people["alice"], ROOM,
                                {"nick": "nora", "role": "none", "reason": "go"})) == "ok"
    await removed(people, "nora", 307, "go")
    assert item(await join(people["nora"], ROOM, "nora"))["role"] == "participant"


async def test_ban_and_its_end(people):
    adam, nora = people["adam"], people["nora"]
    assert outcome(await change(adam, ROOM, {"jid": nora.bare, "affiliation": "outcast",
                                             "reason": "treason"})) == "ok"
    await removed(people, "nora", 301, "treason")
    for c in people.values():
        gone = c.inbox.find("presence", type="unavailable", from_=f"{ROOM}/nora")[0]
        assert item(gone)["affiliation"] == "outcast"
        assert gone.find(f".//{{{USER}}}actor").attrib == {"nick": "adam"}
    assert error_condition(await join(nora, ROOM, "nora")) == "forbidden"
    assert await listed(adam, ROOM, affiliation="outcast") == [
        {"affiliation": "outcast", "jid": nora.bare}]
    assert outcome(await change(adam, ROOM, {"jid": nora.bare, "affiliation": "none"})) == "ok"
    assert item(await join(nora, ROOM, "nora"))["affiliation"] == "none"


async def test_ban_of_a_domain(people):
    alice, nora = people["alice"], people["nora"]
    assert outcome(await change(alice, ROOM, {"jid": "localhost", "affiliation": "outcast"})) == "ok"
    await removed({"alice": alice, "nora": nora}, "nora", 301)
    assert error_condition(await join(nora, ROOM, "nora")) == "forbidden"
    await alice.sync()
    assert not [p for p in alice.inbox.find("presence", type="unavailable")
                if p.get("from") == f"{ROOM}/mia"]  # who is a member by name stays


async def test_who_goes_together_is_told_of_itself_alone(people, client):
    """And who stays of each."""
    alice, adam = people["alice"], people["adam"]
    pat = await client("pat")
    await join(pat, ROOM, "pat")
    for c in (*people.values(), pat):
        await c.sync()
        c.inbox.clear()
    assert outcome(await change(alice, ROOM, {"jid": "nora@localhost", "affiliation": "outcast"},
                                {"jid": "pat@localhost", "affiliation": "outcast"},
                                {"jid": "mia@localhost", "affiliation": "outcast"})) == "ok"
    going = {"nora", "pat", "mia"}
    for name in going:
        c = pat if name == "pat" else people[name]
        await c.wait("presence", type="unavailable")
        await c.sync()
        assert [p.get("from") for p in c.inbox.find("presence")] == [f"{ROOM}/{name}"]
    for c in alice, adam:
        await c.sync()
        assert sorted(p.get("from") for p in c.inbox.find("presence")) == sorted(
            f"{ROOM}/{name}" for name in going)


async def test_membership_gives_and_takes(people):
    alice, nora = people["alice"], people["nora"]
    alice.inbox.clear()
    await change(alice, ROOM, {"jid": nora.full, "affiliation": "member"})
    shown = await alice.wait("presence", from_=f"{ROOM}/nora")
    assert item(shown)["affiliation"] == "member"
    await configure(alice, ROOM, {"membersonly": True})
    await change(alice, ROOM, {"jid": nora.bare, "affiliation": "none"})
    await removed({"alice": alice, "nora": nora}, "nora", 321)
    assert error_condition(await join(nora, ROOM, "nora")) == "registration-required"


async def test_nick_instead_of_jid(people):
    assert outcome(await change(people["alice"], ROOM,
                                {"nick": "nora", "affiliation": "member"})) == "ok"
    assert {"affiliation": "member", "jid": "nora@localhost"} in await listed(
        people["alice"], ROOM, affiliation="member")


async def test_owner_and_admin_come_and_go(people):
    alice, adam = people["alice"], people["adam"]
    assert outcome(await change(alice, ROOM, {"jid": adam.bare, "affiliation": "owner"})) == "ok"
    assert outcome(await change(adam, ROOM, {"jid": alice.bare, "affiliation": "admin"})) == "ok"
    assert outcome(await change(adam, ROOM, {"jid": adam.bare, "affiliation": "none"})) == "conflict"
    assert outcome(await change(adam, ROOM, {"jid": adam.bare, "affiliation": "outcast"})) == \
        "conflict"
    answer = await configure(adam, ROOM, {"roomowners": []})
    assert error_condition(answer) == "conflict"
    assert await listed(adam, ROOM, affiliation="owner") == [
        {"affiliation": "owner", "jid": adam.bare}]


async def test_two_owners_demote_each_other_at_once(people):
    alice, adam = people["alice"], people["adam"]
    await configure(alice, ROOM, {"persistentroom": True})
    await change(alice, ROOM, {"jid": adam.bare, "affiliation": "owner"})
    for one, other in ((alice, adam), (adam, alice)):
        one.send_raw(f"<iq type='set' id='d1' to='{ROOM}'>"
                     + items_xml([{"jid": other.bare, "affiliation": "none"}]) + "</iq>")
    answers = [await c.wait("iq", id="d1") for c in (alice, adam)]
    assert sorted(outcome(a) for a in answers) == ["forbidden", "ok"]


async def test_all_or_nothing(people):
    alice, adam = people["alice"], people["adam"]
    assert outcome(await change(adam, ROOM, {"jid": "x@localhost", "affiliation": "outcast"},
                                {"jid": alice.bare, "affiliation": "outcast"})) == "not-allowed"
    assert await listed(adam, ROOM, affiliation="outcast") == []
    assert outcome(await change(alice, ROOM, {"nick": "nora", "role": "none"},
                                {"nick": "nobody", "role": "none"})) == "item-not-found"
    assert len(await listed(alice, ROOM, role="participant")) == 2
    assert outcome(await change(alice, ROOM, {"jid": "x@localhost", "affiliation": "member"},
                                {"jid": "x@localhost", "affiliation": "owner"})) == "bad-request"


async def test_malformed_changes(people):
    alice = people["alice"]
    for wrong in ({"nick": "nora"}, {"nick": "nora", "role": "king"}, {"affiliation": "member"},
                  {"jid": "@", "affiliation": "member"}, {"nick": "nora", "affiliation": "god"},
                  {"nick": "nora", "role": "none", "affiliation": "none"}):
        assert outcome(await change(alice, ROOM, wrong)) in ("bad-request", "jid-malformed"), wrong
    assert outcome(await change(alice, ROOM)) == "bad-request"
    assert outcome(await change(alice, ROOM, *[{"jid": f"u{n}@localhost", "affiliation": "member"}
                                               for n in range(300)])) == "bad-request"
    assert outcome(await change(alice, ROOM, {"nick": "nora", "role": "none",
                                              "reason": "x" * 2000})) == "not-acceptable"


# Who tries what, and what comes of it; in XEP-0045's order.
PRIVILEGES = [
    ("nora", {"nick": "mia", "role": "none"}, "forbidden"),
    ("nora", {"nick": "mia", "role": "visitor"}, "forbidden"),
    ("mia", {"nick": "nora", "role": "moderator"}, "forbidden"),
    ("mia", {"jid": "nora@localhost", "affiliation": "outcast"}, "forbidden"),
    ("mia", {"jid": "nora@localhost", "affiliation": "member"}, "forbidden"),
    ("adam", {"nick": "alice", "role": "none"}, "not-allowed"),
    ("adam", {"nick": "alice", "role": "visitor"}, "not-allowed"),
    ("adam", {"nick": "alice", "role": "participant"}, "not-allowed"),
    ("adam", {"jid": "alice@localhost", "affiliation": "outcast"}, "not-allowed"),
    ("adam", {"jid": "alice@localhost", "affiliation": "member"}, "forbidden"),
    ("adam", {"jid": "nora@localhost", "affiliation": "admin"}, "forbidden"),
    ("adam", {"jid": "nora@localhost", "affiliation": "owner"}, "forbidden"),
    ("adam", {"jid": "adam@localhost", "affiliation": "owner"}, "forbidden"),
    ("adam", {"jid": "adam@localhost", "affiliation": "outcast"}, "conflict"),
    ("alice", {"nick": "adam", "role": "visitor"}, "not-allowed"),
    ("alice", {"jid": "alice@localhost", "affiliation": "outcast"}, "conflict"),
    ("alice", {"jid": "alice@localhost", "affiliation": "member"}, "conflict"),
]


async def test_privileges(people):
    for who, what, expected in PRIVILEGES:
        assert outcome(await change(people[who], ROOM, what)) == expected, (who, what)
    destroy = f"<query xmlns='{MUC}#owner'><destroy/></query>"
    for who in "adam", "mia", "nora":
        c = people[who]
        assert outcome(await configure(c, ROOM, {"roomname": "mine"})) == "forbidden"
        assert outcome(await c.request("get", f"<query xmlns='{MUC}#owner'/>", to=ROOM)) == \
            "forbidden"
        assert outcome(await c.request("set", destroy, to=ROOM)) == "forbidden"
    for c in people.values():
        assert not c.inbox.find("presence", type="unavailable")


async def test_admin_outside_of_the_room(people):
    adam = people["adam"]
    await leave(adam, ROOM, "adam")
    assert outcome(await change(adam, ROOM, {"nick": "nora", "role": "none"})) == "ok"
    assert outcome(await change(adam, ROOM, {"jid": "x@localhost", "affiliation": "member"})) == "ok"


async def test_lists_and_who_may_read_them(people):
    alice, adam, mia, nora = people.values()
    for c in mia, nora:  # semi-anonymous
        for aff in "owner", "admin", "member", "outcast":
            assert await listed(c, ROOM, affiliation=aff) == "forbidden"
    assert await listed(adam, ROOM, affiliation="owner") == "forbidden"
    assert await listed(adam, ROOM, affiliation="member") == [
        {"affiliation": "member", "jid": "mia@localhost"}]
    await configure(alice, ROOM, {"whois": "anyone"})
    for c in adam, mia, nora:  # as clients with OMEMO need it
        assert await listed(c, ROOM, affiliation="owner") == [
            {"affiliation": "owner", "jid": "alice@localhost"}]
        assert len(await listed(c, ROOM, affiliation="admin")) == 1
        assert len(await listed(c, ROOM, affiliation="member")) == 1
    assert await listed(nora, ROOM, affiliation="outcast") == "forbidden"
    await configure(alice, ROOM, {"getmemberlist": ["moderator"]})
    assert await listed(nora, ROOM, affiliation="member") == "forbidden"
    await leave(mia, ROOM, "mia")
    assert len(await listed(mia, ROOM, affiliation="member")) == 1
    assert await listed(nora, ROOM, role="moderator") == "forbidden"
    assert {i["nick"] for i in await listed(alice, ROOM, role="moderator")} == {"alice", "adam"}
    assert await listed(alice, ROOM, affiliation="none") == "bad-request"


async def test_moderated_room_and_voice(people):
    alice, adam, mia, nora = people.values()
    await configure(alice, ROOM, {"moderatedroom": True})
    await leave(nora, ROOM, "nora")
    assert item(await join(nora, ROOM, "nora"))["role"] == "visitor"
    say(nora, ROOM, OMEMO, "v1")
    assert error_condition(await nora.wait("message", id="v1")) == "forbidden"
    say(nora, ROOM, f"<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>{MUC}#request"
        "</value></field><field var='muc#role'><value>participant</value></field></x>",
        kind="normal")
    asked = await adam.wait("message", from_=ROOM, has=f"{{{DATA}}}x")
    values = {f.get("var"): f.findtext(f"{{{DATA}}}value") for f in asked.iter(f"{{{DATA}}}field")}
    assert values["muc#jid"] == nora.full and values["muc#roomnick"] == "nora"
    values["muc#request_allow"] = "true"
    form = "".join(f"<field var='{k}'><value>{v}</value></field>" for k, v in values.items())
    say(mia, ROOM, f"<x xmlns='{DATA}' type='submit'>{form}</x>", "no", kind="normal")
    assert error_condition(await mia.wait("message", id="no")) == "forbidden"
    say(adam, ROOM, f"<x xmlns='{DATA}' type='submit'>{form}</x>", kind="normal")
    got = await nora.wait(lambda p: p.tag.endswith("}presence") and 110 in codes(p)
                          and item(p)["role"] == "participant")
    assert got.get("from") == f"{ROOM}/nora"
    say(nora, ROOM, OMEMO, "v2")
    await mia.wait("message", id="v2")
    assert outcome(await change(adam, ROOM, {"nick": "nora", "role": "visitor"})) == "ok"
    say(nora, ROOM, OMEMO, "v3")
    assert error_condition(await nora.wait("message", id="v3", type="error")) == "forbidden"


async def test_voice_requests_that_are_refused(people, client):
    """Of who has voice, moderated or not, and of who is not in the room."""
    alice, adam, mia, nora = people.values()
    zoe = await client("zoe")
    form = (f"<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>{MUC}#request</value>"
            "</field><field var='muc#role'><value>participant</value></field></x>")
    for n, moderated in enumerate((False, True)):
        await configure(alice, ROOM, {"moderatedroom": moderated})
        for c in adam, mia, nora, zoe:
            say(c, ROOM, form, f"v{n}", kind="normal")
            assert error_condition(await c.wait("message", id=f"v{n}")) == "not-acceptable"
    await alice.sync()
    assert not alice.inbox.find("message", has=f"{{{DATA}}}x")


async def test_moderator_by_role(people):
    alice, adam, mia, nora = people.values()
    assert outcome(await change(adam, ROOM, {"nick": "nora", "role": "moderator"})) == "ok"
    assert outcome(await change(nora, ROOM, {"nick": "mia", "role": "visitor"})) == "not-allowed"
    assert outcome(await change(nora, ROOM, {"nick": "alice", "role": "none"})) == "not-allowed"
    assert outcome(await change(nora, ROOM, {"nick": "mia", "role": "moderator"})) == "forbidden"
    assert outcome(await change(adam, ROOM, {"nick": "nora", "role": "participant"})) == "ok"
    assert outcome(await change(nora, ROOM, {"nick": "mia", "role": "none"})) == "forbidden"


@pytest.mark.parametrize("what", [
    {"role": "visitor"}, {"role": "moderator"}, {"role": "none"}, {"affiliation": "member"},
    {"affiliation": "outcast"}], ids=lambda what: "-".join(what.values()))
async def test_who_changes_something_is_answered_before_all_see_it(people, what):
    """8.2 to 8.5, 9.1, 9.3, 9.6, 9.7"""
    adam = people["adam"]
    await adam.sync()
    adam.inbox.clear()
    who = {"nick": "nora"} if "role" in what else {"jid": "nora@localhost"}
    assert outcome(await change(adam, ROOM, {**who, **what})) == "ok"
    await adam.wait("presence", from_=f"{ROOM}/nora")
    assert [e.tag.rpartition("}")[2] for e in adam.inbox] == ["iq", "presence"]


async def test_reserved_nick(people, client):
    alice = people["alice"]
    disco = "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>"
    await change(alice, ROOM, {"jid": "zoe@localhost", "affiliation": "member", "nick": "Zoe"})
    zoe = await client("zoe")
    answer = await zoe.request("get", disco, to=ROOM)
    assert answer[0][0].get("name") == "Zoe"
    assert len((await alice.request("get", disco, to=ROOM))[0]) == 0
    wanted = {"jid": zoe.bare, "affiliation": "member", "nick": "nora"}
    assert outcome(await change(alice, ROOM, wanted)) == "conflict"  # somebody is in under it
    assert outcome(await change(alice, ROOM, {**wanted, "nick": "Zoe"})) == "ok"
    await leave(people["nora"], ROOM, "nora")
    assert error_condition(await join(people["nora"], ROOM, "Zoe")) == "conflict"
    assert (await join(zoe, ROOM, "Zoe")).get("type") is None
    assert outcome(await change(alice, ROOM, {"jid": "y@localhost", "affiliation": "member",
                                              "nick": "Zoe"})) == "conflict"


async def test_absent_people_are_told(people, client):
    alice = people["alice"]
    zoe = await client("zoe")
    await change(alice, ROOM, {"jid": zoe.bare, "affiliation": "member"})
    told = await zoe.wait("message", from_=ROOM)
    assert codes(told) == [101] and told.find(f".//{{{USER}}}item").get("affiliation") == "member"


async def test_service_admin_owns_every_room(make_rooms, client):
    make_rooms(env={"MUC_ADMINS": "root@localhost", "MUC_CREATE": "admins"})
    root, nora = await client("root"), await client("nora")
    assert error_condition(await join(nora, ROOM, "nora")) == "not-allowed"
    await create(root, ROOM, "root")
    await leave(root, ROOM, "root")
    await create(root, ROOM, "root", membersonly=True, persistentroom=True)
    await change(root, ROOM, {"jid": nora.bare, "affiliation": "owner"})
    await change(nora, ROOM, {"jid": root.bare, "affiliation": "outcast"})
    assert item(await join(root, ROOM, "again"))["affiliation"] == "owner"
    assert (await configure(root, ROOM, {"roomname": "x"})).get("type") == "result"
