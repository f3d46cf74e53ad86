# SPDX-License-Identifier: MIT
"""Rooms: nicks that change, part and merge; nicks as attributes; what occupants may not forge."""

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (CLIENT, DATA, MUC, USER, X, change, codes, create, item, join, listed,
                       presence_xml, say)

ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
DELAY, STANZA_ID = "{urn:xmpp:delay}delay", "{urn:xmpp:sid:0}stanza-id"


@pytest.fixture
def stack(make_rooms):
    return make_rooms(env={"LIMIT_PRESENCE": "64k"})  # the rooms' own bound is looked at


@pytest.fixture
async def three(stack, client):
    """Alice, the owner, and two sessions of Bob's under one nick."""
    alice, desk, phone = (await client("alice"), await client("bob", resource="desk"),
                          await client("bob", resource="phone"))
    await create(alice, ROOM, "Alice")
    await join(desk, ROOM, "Bob", extra="<status>desk</status>")
    await join(phone, ROOM, "Bob", extra="<status>phone</status>")
    for c in alice, desk, phone:
        await c.sync()
        c.inbox.clear()
    return alice, desk, phone


async def rename(c, nick, inner="", ident="r1"):
    c.send_raw(f"<presence to='{ROOM}/{nick}' id='{ident}'>{inner}</presence>")
    return await c.wait("presence", from_=f"{ROOM}/{nick.strip()}", id=ident)


async def caught_up(say_by, *everybody):
    """All have what the room has sent so far."""
    say(say_by, ROOM, OMEMO, "sync")
    for c in everybody:
        await c.wait("message", id="sync")


def seen(c):
    """(nick, type, codes) of each presence, in order."""
    return [(p.get("from").partition("/")[2], p.get("type"), codes(p))
            for p in c.inbox.find("presence") if p.get("from").startswith(ROOM)]


async def nicks(alice):
    return sorted([i["nick"] for role in ("moderator", "participant", "visitor")
                   for i in await listed(alice, ROOM, role=role)])


# --- several sessions, several nicks --------------------------------------------------------------

async def test_one_of_two_sessions_takes_another_nick(three):
    alice, desk, phone = three
    mine = await rename(phone, "Mobile", "<status>out</status>")
    assert mine.get("id") == "r1"
    await caught_up(alice, *three)
    # the main session has left the nick: it is the desk's now, and for the phone another's
    assert seen(phone) == [("Bob", "unavailable", [110, 303]), ("Bob", None, []),
                           ("Mobile", None, [110])]
    assert seen(alice) == [("Bob", None, []), ("Mobile", None, [])]
    assert seen(desk) == [("Bob", None, [110]), ("Mobile", None, [])]
    shown = {p.get("from"): p for p in alice.inbox.find("presence")}
    assert item(shown[f"{ROOM}/Bob"])["jid"] == desk.full
    assert shown[f"{ROOM}/Bob"].findtext(f"{CLIENT}status") == "desk"
    assert shown[f"{ROOM}/Mobile"].findtext(f"{CLIENT}status") == "out"
    # neither what was said nor the subject comes again
    assert [m.get("id") for m in phone.inbox.find("message")] == ["sync"]
    say(alice, f"{ROOM}/Bob", OMEMO, "w1", kind="chat")
    await desk.wait("message", id="w1")
    await phone.sync()
    assert not phone.inbox.find("message", id="w1")


async def test_who_is_not_the_main_session_takes_another_nick(three):
    alice, desk, phone = three
    await rename(desk, "Office")
    await caught_up(alice, *three)
    assert seen(desk) == [("Bob", "unavailable", [110, 303]), ("Bob", None, []),
                          ("Office", None, [110])]
    assert seen(alice) == seen(phone) == [("Office", None, [])]


async def test_sessions_part_and_come_together_again(three):
    alice, desk, phone = three
    await rename(phone, "Mobile")
    await caught_up(alice, *three)
    for c in three:
        c.inbox.clear()
    await rename(phone, "Bob", "<status>back</status>")
    await caught_up(alice, *three)
    assert seen(alice) == [("Mobile", "unavailable", [303]), ("Bob", None, [])]
    assert item(alice.inbox.find("presence")[0])["nick"] == "Bob"
    assert seen(phone) == [("Mobile", "unavailable", [110, 303]), ("Bob", None, [110])]
    assert seen(desk) == [("Mobile", "unavailable", [303]), ("Bob", None, [110])]
    assert alice.inbox.find("presence")[-1].findtext(f"{CLIENT}status") == "back"
    assert not [m for m in phone.inbox.find("message") if m.get("id") != "sync"]
    assert await nicks(alice) == ["Alice", "Bob"]
    say(alice, f"{ROOM}/Bob", OMEMO, "w1", kind="chat")
    for c in desk, phone:
        await c.wait("message", id="w1")


async def test_from_one_shared_nick_to_another(three, client):
    alice, desk, phone = three
    tablet = await client("bob", resource="tablet")
    await join(tablet, ROOM, "Tab")
    await rename(phone, "Tab")
    await caught_up(alice, *three, tablet)
    assert seen(phone)[-3:] == [("Bob", "unavailable", [110, 303]), ("Bob", None, []),
                                ("Tab", None, [110])]
    assert await nicks(alice) == ["Alice", "Bob", "Tab"]
    await rename(desk, "Tab")
    assert await nicks(alice) == ["Alice", "Tab"]


async def test_who_parts_keeps_the_role(three):
    """Otherwise two sessions were a way around the loss of one's voice."""
    alice, _, phone = three
    await change(alice, ROOM, {"nick": "Bob", "role": "visitor"})
    assert item(await rename(phone, "Loud"))["role"] == "visitor"


@pytest.mark.parametrize("nick", ["Mobile", "Bob ", "Other"])
async def test_presence_too_large_to_part_changes_nothing(three, client, nick):
    alice, desk, phone = three
    tablet = await client("bob", resource="tablet")
    await join(tablet, ROOM, "Other")
    await caught_up(alice, *three)
    for c in three:
        c.inbox.clear()
    phone.send_raw(presence_xml(f"{ROOM}/{nick}", f"<status>{'x' * 17000}</status>"))
    refused = await phone.wait("presence", type="error")
    assert error_condition(refused) == "not-acceptable"
    await caught_up(phone, *three)
    assert phone.inbox.find("message", id="sync")[0].get("from") == f"{ROOM}/Bob"
    assert seen(alice) == seen(desk) == [] and len(seen(phone)) == 1
    late = await client("carol")
    await join(late, ROOM, "Carol")
    shown = late.inbox.find("presence", from_=f"{ROOM}/Bob")[0]
    assert shown.findtext(f"{CLIENT}status") == "phone"


async def test_new_nick_is_cleaned(three):
    alice, desk, _ = three
    assert codes(await rename(desk, " Desk ")) == [110, 210]
    await alice.wait("presence", from_=f"{ROOM}/Desk", type=None)
    assert codes(await rename(desk, "Office ")) == [110, 210]  # alone in its nick now
    assert codes(await rename(desk, "Table")) == [110]
    alice.inbox.clear()
    alice.send_raw(presence_xml(f"{ROOM}/\u3164"))
    assert error_condition(await alice.wait("presence", type="error")) == "not-acceptable"


async def test_everything_again_for_who_asks_as_it_changes_its_nick(three):
    alice, desk, phone = three
    say(alice, ROOM, OMEMO, "m1")
    await phone.wait("message", id="m1")
    phone.inbox.clear()
    phone.send_raw(presence_xml(f"{ROOM}/Mobile", f"<x xmlns='{MUC}'/>"))
    await phone.wait(lambda m: m.find(f"{CLIENT}subject") is not None)
    assert [m.get("id") for m in phone.inbox.find("message")] == ["m1", None]
    assert {n for n, kind, _ in seen(phone) if kind is None} == {"Alice", "Bob", "Mobile"}


# --- nicks as attributes --------------------------------------------------------------------------

async def test_nick_in_a_change_is_prepared(three):
    """Resourceprep maps the ligature; white space goes."""
    alice, desk, phone = three
    await rename(desk, "fish")
    answer = await change(alice, ROOM, {"nick": "\ufb01sh ", "role": "visitor"})
    assert answer.get("type") == "result"
    assert {"fish"} == {i["nick"] for i in await listed(alice, ROOM, role="visitor")}
    answer = await change(alice, ROOM, {"nick": " \ufb01sh", "affiliation": "member"})
    assert answer.get("type") == "result"
    for attr in {"role": "visitor"}, {"affiliation": "member"}:
        for nick, expected in (("a\ue000b", "jid-malformed"), ("", "jid-malformed"),
                               ("x" * 1024, "jid-malformed"), ("\u3164", "not-acceptable"),
                               ("x" * 129, "not-acceptable"), ("nobody", "item-not-found")):
            answer = await change(alice, ROOM, {"nick": nick, **attr})
            assert error_condition(answer) == expected, (nick, attr)


async def test_reserved_nick_is_prepared(three, client):
    alice, _, _ = three
    member = {"jid": "zoe@localhost", "affiliation": "member"}
    answer = await change(alice, ROOM, {**member, "nick": " \ufb01sh "})
    assert answer.get("type") == "result"
    assert (await listed(alice, ROOM, affiliation="member"))[0]["nick"] == "fish"
    carol = await client("carol")
    assert error_condition(await join(carol, ROOM, "fish")) == "conflict"
    for nick, expected in (("a\ue000b", "jid-malformed"), ("\u3164", "not-acceptable"),
                           ("x" * 129, "not-acceptable"), ("x" * 1024, "jid-malformed")):
        answer = await change(alice, ROOM, {**member, "nick": nick})
        assert error_condition(answer) == expected
    assert (await listed(alice, ROOM, affiliation="member"))[0]["nick"] == "fish"


async def test_one_nick_for_two_in_one_change(three):
    alice, _, _ = three
    one, two = [{"jid": f"{n}@localhost", "affiliation": "member"} for n in ("one", "two")]
    answer = await change(alice, ROOM, {**one, "nick": "fish"}, {**two, "nick": "\ufb01sh"})
    assert error_condition(answer) == "conflict"
    assert await listed(alice, ROOM, affiliation="member") == []
    answer = await change(alice, ROOM, {**one, "nick": "fish"}, {**two, "nick": "bird"})
    assert answer.get("type") == "result"


async def test_answer_to_a_voice_request_is_prepared(three, client):
    alice, desk, _ = three
    await change(alice, ROOM, {"nick": "Bob", "role": "visitor"})

    def form(nick, jid=None, allow="true", role="participant"):
        fields = {"FORM_TYPE": f"{MUC}#request", "muc#role": role, "muc#roomnick": nick,
                  "muc#jid": jid, "muc#request_allow": allow}
        inner = "".join(f"<field var='{k}'><value>{v}</value></field>"
                        for k, v in fields.items() if v is not None)
        return f"<x xmlns='{DATA}' type='submit'>{inner}</x>"

    async def outcome(inner, ident):
        say(alice, ROOM, inner, ident, kind="normal")
        return error_condition(await alice.wait("message", id=ident, type="error"))

    for number, (inner, expected) in enumerate((
            (form(None), "bad-request"), (form("a\ue000b"), "jid-malformed"),
            (form("\u3164"), "not-acceptable"), (form("Nobody"), "item-not-found"),
            (form("Bob", "@"), "jid-malformed"), (form("Bob", "eve@localhost"), "item-not-found"),
            (form("Bob", allow="perhaps"), "bad-request"), (form("Bob", role="king"), "bad-request"),
            (form("Bob", role="moderator"), "bad-request"),
            (form("Bob").replace("submit", "form"), "bad-request"),
            (form("Bob").replace("#request<", "#other<"), "bad-request"),
            (form("Bob").replace("<field var='FORM_TYPE'>", "<field>"), "bad-request"))):
        assert await outcome(inner, f"v{number}") == expected, inner
    assert {i["nick"] for i in await listed(alice, ROOM, role="visitor")} == {"Bob"}
    say(alice, ROOM, form(" Bob ", None, "false"), kind="normal")
    assert {i["nick"] for i in await listed(alice, ROOM, role="visitor")} == {"Bob"}
    main = [i for i in await listed(alice, ROOM, role="visitor")][0]["jid"]
    say(alice, ROOM, form(" Bob ", main.replace("localhost", "LOCALHOST")), kind="normal")
    assert item(await desk.wait(lambda p: p.get("from") == f"{ROOM}/Bob"
                                and item(p)["role"] == "participant"))


# --- forgeries ------------------------------------------------------------------------------------

BY_THE_ROOM = [ROOM, ROOM.upper(), "Room@Conference.LOCALHOST", f"{ROOM}/Alice"]


@pytest.mark.parametrize("kind, to", [("groupchat", ROOM), ("chat", f"{ROOM}/Alice")])
async def test_what_only_a_room_may_say_is_taken_out(three, kind, to):
    alice, desk, _ = three
    forged = "".join(
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='f'/>"
        f"<delay xmlns='urn:xmpp:delay' from='{by}' stamp='2020-01-01T00:00:00Z'/>"
        for by in BY_THE_ROOM)
    kept = ("<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"
            "<stanza-id xmlns='urn:xmpp:sid:0' by='bob@far.test' id='b'/>"
            "<delay xmlns='urn:xmpp:delay' from='bob@localhost' stamp='2020-01-01T00:00:00Z'/>"
            "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>")
    say(desk, to, f"{forged}{OMEMO}{kept}<x xmlns='{USER}'><status code='301'/>"
        "<invite to='x@localhost'/></x>", "f1", kind=kind)
    got = await alice.wait("message", id="f1", from_=f"{ROOM}/Bob")
    ids = {s.get("by"): s.get("id") for s in got.findall(STANZA_ID)}
    ids.pop("@", None)  # our router takes out what is nobody's address
    assert ids.pop(ROOM, "f") != "f" or kind == "chat"  # a message that is kept has the room's own
    assert ids == {"bob@far.test": "b"}
    assert [d.get("from") for d in got.findall(DELAY)] == ["bob@localhost", None]
    assert got.find("{urn:xmpp:sid:0}origin-id") is not None
    assert got.find("{eu.siacs.conversations.axolotl}encrypted") is not None
    marks = got.findall(X)
    assert len(marks) == (1 if kind == "chat" else 0) and not [c for m in marks for c in m]
