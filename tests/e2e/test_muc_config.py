# SPDX-License-Identifier: MIT
"""Rooms: the owner's form, what follows from it, discovery, the end of a room."""

import pytest

from lib.inbox import error_condition
from lib.rooms import (DATA, MUC, OWNER, USER, change, codes, configure, create, features, form_of,
                       item, items_xml, join, leave, presence_xml, say)
from lib.wait import until_answer

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
ITEMS = "http://jabber.org/protocol/disco#items"
RSM = "http://jabber.org/protocol/rsm"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


@pytest.fixture
async def alice(stack, client):
    """The owner of a room."""
    c = await client("alice")
    await create(c, ROOM, "Alice")
    return c


async def test_form_shows_what_was_submitted(stack, alice):
    wanted = {"roomname": "A Dark Cave", "roomdesc": "For <all> & witches", "lang": "en",
              "changesubject": True, "allowinvites": True, "allowpm": "participants",
              "maxusers": "50", "presencebroadcast": ["moderator", "participant"],
              "getmemberlist": ["moderator"], "publicroom": False, "persistentroom": True,
              "moderatedroom": True, "membersonly": True, "passwordprotectedroom": True,
              "roomsecret": "cauldron", "whois": "anyone", "muc#maxhistoryfetch": "7",
              "x-muc#roomconfig_registration": "open", "x-muc#roomconfig_reservednick": True,
              "roomadmins": ["adam@localhost"], "roomowners": ["alice@localhost", "bo@localhost"]}
    assert (await configure(alice, ROOM, wanted)).get("type") == "result"
    form = await form_of(alice, ROOM)
    for name, value in wanted.items():
        name = name if "#" in name else f"muc#roomconfig_{name}"
        value = value if isinstance(value, list) else [value]
        value = [{True: "1", False: "0"}.get(v, v) if isinstance(v, bool) else v for v in value]
        assert sorted(form[name]) == sorted(value), name
    assert form["FORM_TYPE"] == [f"{MUC}#roomconfig"]
    # All of it is there still after the end of the process.
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    assert await form_of(alice, ROOM) == form
    # Sent back as it is, it changes nothing.
    await alice.sync()
    alice.inbox.clear()
    assert (await configure(alice, ROOM, {k: v for k, v in form.items() if k != "FORM_TYPE"})) \
        .get("type") == "result"
    assert not alice.inbox.find("message") and await form_of(alice, ROOM) == form


async def test_what_changes_is_told(alice, client):
    bob = await client("bob")
    await join(bob, ROOM, "Bob")
    for fields, expected in (({"whois": "anyone"}, [172]), ({"whois": "moderators"}, [173]),
                             ({"roomname": "x"}, [104]),
                             ({"whois": "anyone", "roomname": "y"}, [104, 172])):
        bob.inbox.clear()
        await configure(alice, ROOM, fields)
        told = await bob.wait("message", from_=ROOM, type="groupchat")
        assert codes(told) == expected


async def test_members_only_removes_the_others(alice, client):
    bob, mia = await client("bob"), await client("mia")
    await change(alice, ROOM, {"jid": mia.bare, "affiliation": "member"})
    for c, nick in ((bob, "Bob"), (mia, "Mia")):
        await join(c, ROOM, nick)
    await configure(alice, ROOM, {"membersonly": True})
    assert codes(await bob.wait("presence", type="unavailable")) == [110, 322]
    assert codes(await mia.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")) == [322]
    assert error_condition(await join(bob, ROOM, "Bob")) == "registration-required"


async def test_who_goes_together_is_told_of_itself_alone(alice, client):
    """And who stays of each."""
    mia = await client("mia")
    await change(alice, ROOM, {"jid": mia.bare, "affiliation": "member"})
    await join(mia, ROOM, "Mia")
    strangers = {f"s{n}": await client(f"s{n}") for n in range(4)}
    for nick, c in strangers.items():
        await join(c, ROOM, nick)
    for c in (mia, *strangers.values()):
        await c.sync()
        c.inbox.clear()
    await configure(alice, ROOM, {"membersonly": True})
    for nick, c in strangers.items():
        await c.wait("presence", type="unavailable")
        await c.sync()
        assert [p.get("from") for p in c.inbox.find("presence")] == [f"{ROOM}/{nick}"]
        assert not c.inbox.find("message")
    told = await mia.wait("message", from_=ROOM, type="groupchat")
    assert codes(told) == [104]
    assert sorted(p.get("from") for p in mia.inbox.find("presence")) == [
        f"{ROOM}/{nick}" for nick in strangers]


async def test_password(alice, client):
    await configure(alice, ROOM, {"passwordprotectedroom": True, "roomsecret": "cauldron"})
    bob = await client("bob")
    for wrong in None, "", "cauldro", "cauldrons":
        refused = await join(bob, ROOM, "Bob", password=wrong)
        assert error_condition(refused) == "not-authorized"
    assert (await join(bob, ROOM, "Bob", password="cauldron")).get("type") is None


async def test_non_anonymous_room_shows_jids_and_says_so(alice, client):
    bob, carol = await client("bob"), await client("carol")
    await join(bob, ROOM, "Bob")
    await join(carol, ROOM, "Carol")
    assert "jid" not in item(carol.inbox.find("presence", from_=f"{ROOM}/Bob")[0])
    assert item(await alice.wait("presence", from_=f"{ROOM}/Carol"))["jid"] == carol.full
    await configure(alice, ROOM, {"whois": "anyone"})
    await leave(carol, ROOM, "Carol")
    assert codes(await join(carol, ROOM, "Carol")) == [100, 110, 170]
    assert item(carol.inbox.find("presence", from_=f"{ROOM}/Bob")[0])["jid"] == bob.full


async def test_presence_of_some_roles_only(alice, client):
    await configure(alice, ROOM, {"moderatedroom": True, "presencebroadcast": ["moderator"]})
    bob, carol = await client("bob"), await client("carol")
    assert item(await join(bob, ROOM, "Bob"))["role"] == "visitor"
    await join(carol, ROOM, "Carol")
    assert [p.get("from") for p in carol.inbox.find("presence")] == [
        f"{ROOM}/Alice", f"{ROOM}/Carol"]
    await change(alice, ROOM, {"nick": "Bob", "role": "moderator"})
    await carol.wait("presence", from_=f"{ROOM}/Bob", type=None)
    await change(alice, ROOM, {"nick": "Bob", "role": "participant"})
    await carol.wait("presence", from_=f"{ROOM}/Bob", type="unavailable")
    await configure(alice, ROOM, {"presencebroadcast": ["moderator", "participant", "visitor"]})
    await bob.wait("presence", from_=f"{ROOM}/Carol")


async def test_room_that_is_full(alice, client):
    """Of occupants: a session more under a nick that is in the room is none."""
    await configure(alice, ROOM, {"maxusers": "2"})
    bob, carol, adam = await client("bob"), await client("carol"), await client("adam")
    phone = await client("bob", resource="phone")
    await join(bob, ROOM, "Bob")
    assert error_condition(await join(phone, ROOM, "Phone")) == "service-unavailable"
    assert (await join(phone, ROOM, "Bob")).get("type") is None
    phone.send_raw(presence_xml(f"{ROOM}/Phone"))  # would be the third
    refused = await phone.wait("presence", type="error")
    assert error_condition(refused) == "service-unavailable"
    assert refused.find("{jabber:client}error").get("type") == "wait"
    _, form = await features(alice, ROOM)
    assert form["muc#roominfo_occupants"] == "2"
    refused = await join(carol, ROOM, "Carol")
    assert error_condition(refused) == "service-unavailable"
    assert refused.find("{jabber:client}error").get("type") == "wait"
    await change(alice, ROOM, {"jid": adam.bare, "affiliation": "admin"})
    assert (await join(adam, ROOM, "Adam")).get("type") is None


async def test_malformed_forms(alice):
    async def outcome(inner):
        answer = await alice.request("set", f"<query xmlns='{OWNER}'>{inner}</query>", to=ROOM)
        return error_condition(answer) if answer.get("type") == "error" else "ok"

    def form(inner, kind="submit"):
        return f"<x xmlns='{DATA}' type='{kind}'>{inner}</x>"

    def field(name, *values):
        return (f"<field var='muc#roomconfig_{name}'>"
                + "".join(f"<value>{v}</value>" for v in values) + "</field>")

    before = await form_of(alice, ROOM)
    assert await outcome("") == "bad-request"
    assert await outcome(form("", "result")) == "bad-request"
    assert await outcome(form("", "nonsense")) == "bad-request"
    assert await outcome(form("<field><value>x</value></field>")) == "bad-request"
    assert await outcome(form(field("roomname", "a") * 2)) == "bad-request"
    assert await outcome(form(field("persistentroom", "perhaps"))) == "bad-request"
    assert await outcome(form(field("persistentroom", "1", "0"))) == "bad-request"
    assert await outcome(form("<field var='FORM_TYPE'><value>other</value></field>")) == \
        "bad-request"
    assert await outcome(form("".join(f"<field var='f{n}'/>" for n in range(200)))) == "bad-request"
    assert await outcome(form(field("whois", "nobody"))) == "not-acceptable"
    assert await outcome(form(field("allowpm", "cats"))) == "not-acceptable"
    assert await outcome(form(field("presencebroadcast", "king"))) == "not-acceptable"
    assert await outcome(form(field("maxusers", "-1"))) == "not-acceptable"
    assert await outcome(form(field("maxusers", "1001"))) == "not-acceptable"
    assert await outcome(form(field("historylength", "101"))) == "not-acceptable"
    assert await outcome(form(field("historylength", "99999999999999999999"))) == "not-acceptable"
    assert await outcome(form(field("roomname", "x" * 257))) == "not-acceptable"
    assert await outcome(form(field("roomdesc", "x" * 1025))) == "not-acceptable"
    assert await outcome(form(field("passwordprotectedroom", "1"))) == "not-acceptable"
    assert await outcome(form(field("passwordprotectedroom", "1") + field("roomsecret", ""))) == \
        "not-acceptable"
    assert await outcome(form(field("roomowners", "@@"))) == "jid-malformed"
    assert await form_of(alice, ROOM) == before
    # What nobody knows is ignored; limits are where they are said to be.
    assert await outcome(form(field("unknown", "x") + field("roomname", "x" * 256)
                              + field("historylength", "100") + field("maxusers", "1000"))) == "ok"


async def test_cancelled_configuration_ends_a_new_room(stack, client):
    bob = await client("bob")
    await join(bob, ROOM, "Bob")
    await bob.request("set", f"<query xmlns='{OWNER}'><x xmlns='{DATA}' type='cancel'/></query>",
                      to=ROOM)
    gone = await bob.wait("presence", type="unavailable")
    assert gone.find(f".//{{{USER}}}destroy") is not None
    assert 201 in codes(await join(bob, ROOM, "Bob"))


async def test_leaving_ends_a_room_that_was_never_configured(stack, client):
    """10.1.3, and whoever is gone without a word."""
    bob, carol = await client("bob"), await client("carol")
    await join(bob, ROOM, "Bob")
    gone = await leave(bob, ROOM, "Bob")
    assert gone.find(f"./{{{USER}}}x/{{{USER}}}destroy") is not None
    assert codes(gone) == [110] and item(gone)["affiliation"] == item(gone)["role"] == "none"
    assert 201 in codes(await join(bob, ROOM, "Bob"))
    phone = await client("bob", resource="phone")
    await join(phone, ROOM, "Bob")
    gone = await leave(phone, ROOM, "Bob")  # one of two: the room goes on
    assert gone.find(f".//{{{USER}}}destroy") is None and item(gone)["affiliation"] == "owner"
    await bob.drop()
    assert 201 in codes(await until_answer(lambda: entered(carol), "the room is free"))


async def entered(c):
    """None: it is locked, or gone."""
    answer = await join(c, ROOM, "x")
    return answer if answer.get("type") is None else None


async def test_destroy(alice, client):
    bob = await client("bob")
    await join(bob, ROOM, "Bob")
    await configure(alice, ROOM, {"persistentroom": True})
    answer = await alice.request(
        "set", f"<query xmlns='{OWNER}'><destroy jid='next@{SERVICE}'><reason>over</reason>"
        "<password>p</password></destroy></query>", to=ROOM)
    assert answer.get("type") == "result"
    for c in alice, bob:
        gone = c.inbox.find("presence", type="unavailable") or [
            await c.wait("presence", type="unavailable")]
        assert len(gone) == 1
        end = gone[0].find(f".//{{{USER}}}destroy")
        assert end.get("jid") == f"next@{SERVICE}" and end.findtext(f"{{{USER}}}reason") == "over"
        assert end.findtext(f"{{{USER}}}password") == "p"
        assert item(gone[0]) == {"affiliation": "none", "role": "none",
                                 **({"jid": c.full} if c is alice else {})}
    assert error_condition(await alice.request("get", f"<query xmlns='{OWNER}'/>", to=ROOM)) == \
        "item-not-found"
    assert 201 in codes(await join(bob, ROOM, "Bob"))


# --- discovery ------------------------------------------------------------------------------------

async def test_features_of_service_and_room(alice):
    found, _ = await features(alice, SERVICE)
    assert {MUC, f"{MUC}#stable_id", RSM} <= found
    found, form = await features(alice, ROOM)
    assert {MUC, "muc_unsecured", "muc_public", "muc_temporary", "muc_open", "muc_unmoderated",
            "muc_semianonymous", f"{MUC}#stable_id", f"{MUC}#self-ping-optimization",
            f"{MUC}#request", f"{MUC}#roomconfig", f"{MUC}#roominfo"} <= found
    await configure(alice, ROOM, {
        "membersonly": True, "whois": "anyone", "moderatedroom": True, "persistentroom": True,
        "publicroom": False, "passwordprotectedroom": True, "roomsecret": "x", "roomdesc": "Cave"})
    say(alice, ROOM, "<subject>Tea</subject>", "s1")
    await alice.wait("message", id="s1")
    found, form = await features(alice, ROOM)
    assert {"muc_passwordprotected", "muc_hidden", "muc_persistent", "muc_membersonly",
            "muc_moderated", "muc_nonanonymous"} <= found
    assert form["FORM_TYPE"] == f"{MUC}#roominfo"
    assert form["muc#roominfo_description"] == "Cave"
    assert form["muc#roominfo_subject"] == "Tea" and form["muc#roominfo_occupants"] == "1"
    assert form["muc#roominfo_contactjid"] == alice.bare


ABOUT = {"muc#roominfo_contactjid": "Help@LOCALHOST", "muc#roominfo_logs": "https://logs.test/tea",
         "muc#roominfo_ldapgroup": "cn=tea,dc=test", "pubsub": "xmpp:pubsub.test?;node=tea"}


async def test_members_only_room_keeps_what_goes_on_from_strangers(alice, client):
    await configure(alice, ROOM, {"membersonly": True, **ABOUT})
    _, form = await features(await client("bob"), ROOM)
    for name in "subject", "occupants", "logs", "ldapgroup":
        assert f"muc#roominfo_{name}" not in form
    assert "muc#roomconfig_pubsub" not in form
    assert form["muc#roominfo_contactjid"] == "help@localhost"


async def test_what_the_owner_says_about_the_room(alice, client, stack):
    _, form = await features(alice, ROOM)
    assert not {"muc#roominfo_contactjid", "muc#roominfo_logs"} & set(form)
    alice.inbox.clear()
    answer = await configure(alice, ROOM, {**ABOUT, "lang": "en", "roomname": "Tea", "maxusers": "20",
                                           "allowpm": "moderators", "persistentroom": True})
    assert answer.get("type") == "result"
    assert codes(await alice.wait("message", type="groupchat")) == [104]
    expected = {
        "muc#roominfo_contactjid": "help@localhost", "muc#roominfo_logs": "https://logs.test/tea",
        "muc#roominfo_ldapgroup": "cn=tea,dc=test", "muc#roominfo_lang": "en",
        "muc#roomconfig_pubsub": "xmpp:pubsub.test?;node=tea", "muc#roomconfig_roomname": "Tea",
        "muc#roomconfig_maxusers": "20", "muc#roomconfig_allowpm": "moderators",
        "muc#roomconfig_changesubject": "0", "muc#roominfo_subjectmod": "0",
        "muc#roomconfig_allowinvites": "0", "muc#roominfo_occupants": "1"}
    _, form = await features(alice, ROOM)
    assert expected.items() <= form.items()
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    _, form = await features(alice, ROOM)
    assert expected.items() <= form.items()
    await configure(alice, ROOM, {"muc#roominfo_logs": "", "muc#roominfo_contactjid": []})
    _, form = await features(alice, ROOM)
    assert not {"muc#roominfo_contactjid", "muc#roominfo_logs"} & set(form)


@pytest.mark.parametrize("fields", [
    {"muc#roominfo_contactjid": ["a@b", "a@b/c"]}, {"muc#roominfo_contactjid": "b"},
    {"muc#roominfo_contactjid": [f"{n}@b" for n in range(9)]}, {"muc#roominfo_logs": "gopher://x"},
    {"muc#roominfo_logs": "https://" + "x" * 1024}, {"muc#roominfo_ldapgroup": "x" * 257},
    {"pubsub": "https://x"}])
async def test_what_cannot_be_said_about_a_room(alice, fields):
    await configure(alice, ROOM, ABOUT)
    assert error_condition(await configure(alice, ROOM, fields)) == "not-acceptable"
    _, form = await features(alice, ROOM)
    assert form["muc#roominfo_contactjid"] == "help@localhost"
    assert form["muc#roominfo_logs"] == "https://logs.test/tea"


async def test_nodes_and_rooms_that_are_not_there(alice):
    info = "http://jabber.org/protocol/disco#info"
    for node, expected in ((f"{MUC}#traffic", "service-unavailable"), ("x", "item-not-found")):
        answer = await alice.request("get", f"<query xmlns='{info}' node='{node}'/>", to=ROOM)
        assert error_condition(answer) == expected
    for payload in f"<query xmlns='{info}'/>", f"<query xmlns='{ITEMS}'/>", \
            f"<query xmlns='{OWNER}'/>", items_xml([{"affiliation": "owner"}]), \
            "<ping xmlns='urn:xmpp:ping'/>":
        answer = await alice.request("get", payload, to=f"nowhere@{SERVICE}")
        assert error_condition(answer) == "item-not-found"


async def test_rooms_are_listed_in_pages(alice, client):
    for number in range(5):
        await create(alice, f"r{number}@{SERVICE}", "Alice", publicroom=number != 2)

    async def page(inner):
        answer = await alice.request("get", f"<query xmlns='{ITEMS}'>{inner}</query>", to=SERVICE)
        return ([i.get("jid").partition("@")[0] for i in answer.iter(f"{{{ITEMS}}}item")],
                answer.findtext(f".//{{{RSM}}}count"))

    def rsm(inner):
        return f"<set xmlns='{RSM}'>{inner}</set>"

    assert await page("") == (["r0", "r1", "r3", "r4", "room"], None)
    assert await page(rsm("<max>2</max>")) == (["r0", "r1"], "5")
    assert await page(rsm(f"<max>2</max><after>r1@{SERVICE}</after>")) == (["r3", "r4"], "5")
    assert await page(rsm(f"<max>2</max><after>r2@{SERVICE}</after>")) == (["r3", "r4"], "5")
    assert await page(rsm(f"<max>2</max><before>r3@{SERVICE}</before>")) == (["r0", "r1"], "5")
    assert await page(rsm("<max>2</max><before/>")) == (["r4", "room"], "5")
    assert await page(rsm("<max>0</max>")) == ([], "5")
    assert await page(rsm("<max>9</max><index>4</index>")) == (["room"], "5")
    bad = await alice.request("get", f"<query xmlns='{ITEMS}'>{rsm('<max>x</max>')}</query>",
                              to=SERVICE)
    assert error_condition(bad) == "bad-request"


async def test_occupants_are_listed_to_occupants(alice, client):
    bob = await client("bob")
    for c, expected in (alice, 1), (bob, 0):
        answer = await c.request("get", f"<query xmlns='{ITEMS}'/>", to=ROOM)
        assert len(list(answer.iter(f"{{{ITEMS}}}item"))) == expected
