# SPDX-License-Identifier: MIT
"""Rooms: limits that it takes many users to reach.  The users are addresses of a component."""

import pytest

from lib.crowd import CONF, STANZA, Crowd
from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import MUC, change, codes, configure, create, listed, presence_xml, say
from lib.wait import until

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
OMEMO = ENCRYPTED["OMEMO 0.3"]
USER, OWNER = f"{MUC}#user", f"{MUC}#owner"
ITEMS = "http://jabber.org/protocol/disco#items"
RSM = "http://jabber.org/protocol/rsm"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("muc",), conf_d=CONF,
                      env={"MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0", "MUC_CREATE": "anyone"})


@pytest.fixture
async def alice(stack, client):
    """The owner of a room."""
    c = await client("alice")
    await create(c, ROOM, "Alice")
    return c


@pytest.fixture
async def crowd(stack, raw_client):
    return await Crowd.gather(raw_client, stack)


def invitation(*names):
    return f"<x xmlns='{USER}'>" + "".join(
        f"<invite to='{n}@crowd.localhost'/>" for n in names) + "</x>"


async def test_invitations_of_one_message(alice, crowd):
    names = [f"u{n}" for n in range(17)]
    say(alice, ROOM, invitation(*names), "i17", kind="normal")
    assert error_condition(await alice.wait("message", id="i17")) == "jid-malformed"
    say(alice, ROOM, invitation(*names[:16]), kind="normal")
    for name in names[:16]:
        await crowd.wait(name, "message", bare=True)
    assert len(crowd.inbox.find(f"{STANZA}message")) == 16


async def test_invitations_that_a_room_remembers(alice, crowd):
    """64: the oldest goes when there is another one."""
    async def decline(name, ident):
        await crowd.send(name, "message", ROOM, f"<x xmlns='{USER}'><decline to='{ROOM}'/></x>",
                         id=ident)

    for number in range(64):
        say(alice, ROOM, invitation(f"u{number}"), kind="normal")
    await crowd.wait("u63", "message", bare=True)
    await decline("u0", "d0")
    await alice.wait("message", from_=ROOM, has=f"{{{USER}}}decline")
    say(alice, ROOM, invitation("u64"), kind="normal")
    say(alice, ROOM, invitation("u65"), kind="normal")
    await crowd.wait("u65", "message", bare=True)
    await decline("u1", "d1")  # u0 made place for u64, u1 for u65
    assert error_condition(await crowd.wait("u1", "message", id="d1")) == "item-not-found"
    await decline("u2", "d2")
    await until(lambda: len(alice.inbox.find("message", has=f"{{{USER}}}decline")) == 2)


async def test_admins_who_come_into_a_full_room(alice, crowd):
    """Ten more than there is room for."""
    await configure(alice, ROOM, {"maxusers": "1"})
    names = [f"a{n}" for n in range(11)]
    await change(alice, ROOM, *({"jid": f"{n}@crowd.localhost", "affiliation": "admin"}
                                for n in names))
    await crowd.enter("nobody", ROOM)
    refused = await crowd.wait("nobody", "presence")
    assert error_condition(refused) == "service-unavailable"
    for name in names:
        await crowd.enter(name, ROOM)
        answer = await crowd.wait(name, "presence", from_=f"{ROOM}/{name}")
        assert error_condition(answer) == ("service-unavailable" if name == "a10" else None)


async def test_questions_of_one_account(alice, crowd):
    """32 that are not answered, in whatever room."""
    await create(alice, f"other@{SERVICE}", "Alice")
    await crowd.enter("quiet", f"other@{SERVICE}")
    await crowd.inside("quiet", f"other@{SERVICE}")
    await crowd.enter("quiet", ROOM)
    await crowd.inside("quiet", ROOM)
    for number in range(33):
        alice.send_raw(f"<iq type='get' id='q{number}' to='{ROOM}/quiet'>"
                       "<query xmlns='urn:test:q'/></iq>")
    refused = await alice.wait("iq", id="q32")
    assert error_condition(refused) == "resource-constraint"
    other = await alice.request("get", "<query xmlns='urn:test:q'/>", to=f"other@{SERVICE}/quiet")
    assert error_condition(other) == "resource-constraint"
    asked = await crowd.wait("quiet", "iq", has="{urn:test:q}query")
    assert len(crowd.inbox.find(f"{STANZA}iq", has="{urn:test:q}query")) == 32
    await crowd.send("quiet", "iq", asked.get("from"), type="result", id=asked.get("id"))
    await alice.wait("iq", id="q0", type="result")
    alice.send_raw(f"<iq type='get' id='q33' to='{ROOM}/quiet'><query xmlns='urn:test:q'/></iq>")
    await until(lambda: len(crowd.inbox.find(f"{STANZA}iq", has="{urn:test:q}query")) == 33)


async def test_pings_at_once(alice, crowd):
    """256: the others wait until one is answered, and are asked then."""
    names = [f"u{number}" for number in range(260)]
    await fill(alice, crowd, len(names), "")
    for name in names:
        await crowd.send(name, "message", ROOM, "<error type='modify'><not-acceptable "
                         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", type="error")

    async def pings(ident):
        """{name: id of what it was asked}, once all that was sent so far has been dealt with."""
        await crowd.send("last", "iq", SERVICE, "<ping xmlns='urn:xmpp:ping'/>", type="get",
                         id=ident)
        await crowd.wait("last", "iq", type="result", id=ident)
        return {q.get("to").partition("@")[0]: q.get("id")
                for q in crowd.inbox.find(f"{STANZA}iq", has="{urn:xmpp:ping}ping", type="get")}

    asked = await pings("p1")
    assert set(asked) == set(names[:256])
    await crowd.send("u0", "iq", ROOM, type="result", id=asked["u0"])
    assert set(await pings("p2")) == set(names[:257])
    await crowd.send("u1", "presence", f"{ROOM}/u1", type="unavailable")  # nobody to be asked
    await crowd.wait("u257", "iq", has="{urn:xmpp:ping}ping")
    await crowd.send("u2", "iq", ROOM, "<error type='cancel'><service-unavailable "
                     "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>", type="error",
                     id=asked["u2"])
    await crowd.wait("u2", "presence", type="unavailable", from_=f"{ROOM}/u2")
    assert set(await pings("p3")) == set(names[:259])
    assert not crowd.inbox.find(f"{STANZA}presence", type="unavailable", from_=f"{ROOM}/u0")


async def test_rooms_of_one_page(alice, crowd):
    """100; with as many there is but one page."""
    async def listed_rooms(inner=""):
        answer = await alice.request("get", f"<query xmlns='{ITEMS}'>{inner}</query>", to=SERVICE)
        return ([i.get("jid").partition("@")[0] for i in answer.iter(f"{{{ITEMS}}}item")],
                answer.findtext(f".//{{{RSM}}}count"))

    async def make(number):
        name, room = f"maker{number // 25}", f"p{number:03}@{SERVICE}"
        await crowd.enter(name, room, "Me")
        await crowd.send(name, "iq", room, f"<query xmlns='{OWNER}'><x xmlns='jabber:x:data' "
                         "type='submit'/></query>", type="set", id=f"c{number}")

    for number in range(99):
        await make(number)
    await crowd.wait("maker3", "iq", id="c98", type="result")
    every = [f"p{number:03}" for number in range(99)] + ["room"]
    assert await listed_rooms() == (every, None)
    await make(99)
    await crowd.wait("maker3", "iq", id="c99", type="result")
    assert await listed_rooms() == ([f"p{number:03}" for number in range(100)], "101")
    after = f"<set xmlns='{RSM}'><after>p099@{SERVICE}</after></set>"
    assert await listed_rooms(after) == (["room"], "101")
    assert len((await listed_rooms(f"<set xmlns='{RSM}'><max>500</max></set>"))[0]) == 100


async def test_storm_of_joins(alice, crowd):
    """A thousand at once: all but the last are let in, and told so once, behind who was there."""
    await configure(alice, ROOM, {"presencebroadcast": ["moderator"]})
    crowd.inbox.clear()
    for number in range(1000):
        await crowd.enter(f"u{number}", ROOM)
    last = await crowd.wait("u999", "presence", type="error")
    assert error_condition(last) == "service-unavailable"
    for number in range(999):
        await crowd.inside(f"u{number}", ROOM)
    for number in range(0, 999, 37):
        mine = [p.get("from").partition("/")[2] for p in crowd.inbox.find(
            f"{STANZA}presence", to=Crowd.jid(f"u{number}"))]
        assert mine == ["Alice", f"u{number}"]
    say(alice, ROOM, OMEMO, "m1")
    await until(lambda: len(crowd.inbox.find(f"{STANZA}message", id="m1")) == 999)
    assert len(crowd.inbox.find(f"{STANZA}presence", type="error")) == 1


# --- more than the link takes at once -------------------------------------------------------------

async def fill(alice, crowd, size, extra):
    """Enters so many, whom nobody sees."""
    await configure(alice, ROOM, {"presencebroadcast": ["moderator"]})
    for number in range(size):
        await crowd.enter(f"u{number}", ROOM, extra=extra)
    await crowd.inside(f"u{size - 1}", ROOM)


async def test_change_that_would_say_too_much(alice, crowd):
    """60 presences of 16 KiB to 61 sessions are refused before anything has changed; half as many
    are not."""
    await fill(alice, crowd, 60, f"<status>{'x' * 16000}</status>")
    everybody = {"presencebroadcast": ["moderator", "participant", "visitor"]}
    crowd.inbox.clear()
    alice.inbox.clear()
    answer = await configure(alice, ROOM, {**everybody, "roomname": "Loud"})
    assert error_condition(answer) == "resource-constraint"
    form = await alice.request("get", f"<query xmlns='{OWNER}'/>", to=ROOM)
    values = {f.get("var"): [v.text for v in f if v.tag.endswith("}value")]
              for f in form.iter("{jabber:x:data}field")}
    assert values["muc#roomconfig_presencebroadcast"] == ["moderator"]
    assert values["muc#roomconfig_roomname"] == [None]
    assert not alice.inbox.find("presence") and not alice.inbox.find("message")
    assert not crowd.inbox.find(f"{STANZA}presence")
    for number in range(30, 60):
        await crowd.send(f"u{number}", "presence", f"{ROOM}/u{number}", type="unavailable")
    await crowd.wait("u59", "presence", type="unavailable")
    crowd.inbox.clear()
    answer = await configure(alice, ROOM, {**everybody, "roomname": "Loud"})
    assert answer.get("type") == "result"
    await alice.wait("presence", from_=f"{ROOM}/u29")
    await until(lambda: len(crowd.inbox.find(f"{STANZA}presence")) == 30 * 30)
    assert sorted(p.get("from") for p in alice.inbox.find("presence")) == sorted(
        f"{ROOM}/u{n}" for n in range(30))


async def test_nick_that_is_changed_with_a_large_presence(alice, crowd):
    """It is told once, with the new nick; three times would be more than the link takes."""
    await fill(alice, crowd, 700, "")
    alice.send_raw(presence_xml(f"{ROOM}/Alicia", f"<status>{'x' * 16000}</status>"))
    answer = await alice.wait("presence", from_=f"{ROOM}/Alicia")
    assert error_condition(answer) is None and codes(answer) == [110]
    await until(lambda: len(crowd.inbox.find(f"{STANZA}presence", from_=f"{ROOM}/Alicia")) == 700)
    assert len(crowd.inbox.find(f"{STANZA}presence", from_=f"{ROOM}/Alice",
                                type="unavailable")) == 700


async def test_who_goes_from_a_full_room_is_seen_to_go(alice, crowd):
    """Of many who go at once, only who stays hears: a list for each of those alone."""
    await configure(alice, ROOM, {"membersonly": False})
    for number in range(60):
        await crowd.enter(f"u{number}", ROOM)
    await crowd.inside("u59", ROOM)
    await change(alice, ROOM, {"jid": "u0@crowd.localhost", "affiliation": "member"})
    await alice.wait(lambda p: p.get("from") == f"{ROOM}/u0" and p.find(
        f".//{{{USER}}}item").get("affiliation") == "member")
    crowd.inbox.clear()
    answer = await change(alice, ROOM, {"jid": "crowd.localhost", "affiliation": "outcast"})
    assert answer.get("type") == "result"
    for number in range(1, 60):
        await alice.wait("presence", from_=f"{ROOM}/u{number}", type="unavailable")
        await crowd.wait(f"u{number}", "presence", type="unavailable")
    await until(lambda: len(crowd.inbox.find(f"{STANZA}presence", to=Crowd.jid("u0"))) == 59)
    assert len(crowd.inbox.find(f"{STANZA}presence")) == 59 + 59
    assert [i["nick"] for i in await listed(alice, ROOM, role="participant")] == ["u0"]


async def test_address_too_long_for_a_room_so_large(make_stack, client, raw_client):
    """Who could not be told of in one go when it leaves is not let in."""
    stack = make_stack(components=("muc",), conf_d=CONF, env={"MUC_MAX_OCCUPANTS": "10000"})
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    link = (await Crowd.gather(raw_client, stack)).link

    async def enter(resource, nick):
        await link.send(f"<presence from='u@crowd.localhost/{resource}' to='{ROOM}/{nick}'>"
                        f"<x xmlns='{MUC}'/></presence>")
        return await link.wait(f"{STANZA}presence", from_=f"{ROOM}/{nick}")

    assert error_condition(await enter("&amp;" * 1000, "long")) == "not-acceptable"
    assert error_condition(await enter("r" * 700, "short")) is None
    await alice.wait("presence", from_=f"{ROOM}/short")
    assert not alice.inbox.find("presence", from_=f"{ROOM}/long")
