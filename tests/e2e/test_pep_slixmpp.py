# SPDX-License-Identifier: MIT
"""slixmpp's own plug-ins against the pubsub component: avatars, bookmarks, vCards, moods, storage."""

import asyncio

import pytest
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET

from lib.client import befriend
from lib.pictures import META, png, sha1, shown_hash
from lib.wait import until

MOOD = "http://jabber.org/protocol/mood"
OLD, NEW = "storage:bookmarks", "urn:xmpp:bookmarks:1"
PEP = ("xep_0060", "xep_0115", "xep_0163")
AVATARS = (*PEP, "xep_0054", "xep_0084")
BOOKMARKS = (*PEP, "xep_0048", "xep_0049", "xep_0223")
ROOM = "room@rooms.example.org"
MANY = 200


@pytest.fixture
def people(pep_stack, client):
    """await people("alice", plugins): a client whose capabilities are in its presence."""
    async def make(user, plugins=PEP, **how):
        assert pep_stack
        one = await client(user, plugins=plugins, **how)
        one.heard = {}
        await until(lambda: "xep_0115" not in one.plugin or one["xep_0115"].get_verstring(),
                    "capabilities")
        return one
    return make


def listen(client, event):
    """Messages with this event of PEP go to client.heard[event]."""
    heard = client.heard.setdefault(event, [])
    client.add_event_handler(event, heard.append)
    return heard


async def first(heard):
    await until(lambda: heard, "an event")
    return heard[0]


async def come(*clients):
    """Presence with all that the plug-ins want by now."""
    for one in clients:
        await one["xep_0115"].update_caps(broadcast=False)
        one.send_presence()
        await one.sync()


async def until_heard(publisher, listener, node):
    """The component knows what the listener wants: it gets what is published there."""
    for n in range(200):
        await publisher["xep_0060"].publish(None, node, id="probe", payload=ET.fromstring(
            f"<probe xmlns='{node}'>{n}</probe>"))
        await listener.sync()
        if listener.inbox.find("message", has=f"{{{node}}}probe"):
            return
    pytest.fail(f"{listener.full} hears nothing of {node}")


async def shown(client, of, expected):
    await until(lambda: [p for p in client.inbox.find("presence", from_bare=of, type=None)
                         if shown_hash(p) == expected],
                lambda: f"{expected} in presence\n{client.inbox.text()}")


async def condition(awaitable):
    with pytest.raises(IqError) as failed:
        await awaitable
    return failed.value.iq["error"]["condition"]


# --- avatars --------------------------------------------------------------------------------------
async def publish_avatar(client, data):
    await client["xep_0084"].publish_avatar(data)
    await client["xep_0084"].publish_avatar_metadata(
        {"id": sha1(data), "type": "image/png", "bytes": str(len(data)), "width": "32",
         "height": "32"})


async def test_avatar_from_one_to_the_other(people):
    alice, bob = await people("alice", AVATARS), await people("bob", AVATARS)
    heard = listen(bob, "avatar_metadata_publish")
    await befriend(alice, bob)
    await come(bob)
    await publish_avatar(alice, png(1))
    event = (await first(heard))["pubsub_event"]["items"]["item"]
    assert event["id"] == sha1(png(1))
    info = event["avatar_metadata"]["items"][0]
    assert (info["id"], info["bytes"], info["width"]) == (sha1(png(1)), len(png(1)), 32)
    answer = await bob["xep_0084"].retrieve_avatar(alice.bare, sha1(png(1)))
    assert answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == png(1)
    card = await bob["xep_0054"].get_vcard(alice.bare)
    assert card["vcard_temp"]["PHOTO"]["BINVAL"] == png(1)
    await shown(bob, alice.bare, sha1(png(1)))


async def test_avatar_by_the_vcard(people):
    """slixmpp's XEP-0153 reads the vCard, sets it, and advertises what it has set."""
    alice = await people("alice", (*AVATARS, "xep_0153"))
    bob = await people("bob", AVATARS)
    heard = listen(bob, "avatar_metadata_publish")
    await befriend(alice, bob)
    await come(bob)
    card = alice["xep_0054"].make_vcard()
    card["FN"] = "Alice"
    await alice["xep_0054"].publish_vcard(card)
    await alice["xep_0153"].set_avatar(avatar=png(2), mtype="image/png")
    event = (await first(heard))["pubsub_event"]["items"]["item"]
    assert event["id"] == sha1(png(2))
    answer = await bob["xep_0084"].retrieve_avatar(alice.bare, sha1(png(2)))
    assert answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == png(2)
    card = (await bob["xep_0054"].get_vcard(alice.bare))["vcard_temp"]
    assert card["FN"] == "Alice" and card["PHOTO"]["BINVAL"] == png(2)
    await shown(bob, alice.bare, sha1(png(2)))


async def test_avatar_in_presence_to_a_room_mate(people):
    """XEP-0398 4: directed presence shows it, too, to who is no contact."""
    alice, eve = await people("alice", AVATARS), await people("eve", AVATARS)
    await publish_avatar(alice, png(3))
    await shown(alice, alice.bare, sha1(png(3)))
    alice.send_presence(pto=eve.full)
    await shown(eve, alice.bare, sha1(png(3)))
    assert await condition(eve["xep_0084"].retrieve_avatar(alice.bare, sha1(png(3)))) == (
        "not-authorized")


async def test_avatar_stopped(people):
    alice, bob = await people("alice", AVATARS), await people("bob", AVATARS)
    await befriend(alice, bob)
    await publish_avatar(alice, png(1))
    await shown(bob, alice.bare, sha1(png(1)))
    bob.inbox.clear()
    await alice["xep_0084"].stop()
    await shown(bob, alice.bare, None)
    assert await condition(bob["xep_0054"].get_vcard(alice.bare)) == "service-unavailable"


# --- bookmarks ------------------------------------------------------------------------------------
async def stored(client, method):
    found = await client["xep_0048"].get_bookmarks(method)
    marks = (found["pubsub"]["items"]["item"]["bookmarks"] if method == "xep_0223"
             else found["private"]["bookmarks"])
    return {str(c["jid"]): (c["name"], c["autojoin"], c["nick"]) for c in marks["conferences"]}


def some_bookmarks(client, *rooms):
    marks = client["xep_0048"].stanza.Bookmarks()
    for room, name in rooms:
        marks.add_conference(room, "al", name=name, autojoin=True)
    return marks


@pytest.mark.parametrize("method,other", [("xep_0049", "xep_0223"), ("xep_0223", "xep_0049")])
async def test_bookmarks_of_each_form(people, method, other):
    alice = await people("alice", BOOKMARKS)
    second = await people("alice", BOOKMARKS, resource="second")
    heard = listen(second, "bookmarks_publish")
    await come(second)
    await alice["xep_0048"].set_bookmarks(some_bookmarks(alice, (ROOM, "A"), (f"b{ROOM}", "B")),
                                          method)
    expected = {ROOM: ("A", True, "al"), f"b{ROOM}": ("B", True, "al")}
    assert await stored(second, method) == await stored(second, other) == expected
    event = (await first(heard))["pubsub_event"]["items"]["item"]
    assert {c["name"] for c in event["bookmarks"]["conferences"]} == {"A", "B"}
    await second["xep_0048"].set_bookmarks(some_bookmarks(second, (ROOM, "A")), other)
    del expected[f"b{ROOM}"]
    assert await stored(alice, method) == expected
    item = (await alice["xep_0060"].get_items(None, NEW))["pubsub"]["items"]["item"]
    assert item["id"] == ROOM and item["payload"].get("autojoin") == "true"


async def test_bookmark_by_item(people):
    """XEP-0402, which slixmpp has no plug-in for."""
    alice = await people("alice", BOOKMARKS)
    payload = ET.fromstring(f"<conference xmlns='{NEW}' name='A' autojoin='1'><nick>al</nick>"
                            "<extensions><x xmlns='urn:example:x'/></extensions></conference>")
    options = alice["xep_0004"].make_form("submit")
    for var, value in (("FORM_TYPE", "http://jabber.org/protocol/pubsub#publish-options"),
                       ("pubsub#access_model", "whitelist"), ("pubsub#max_items", "max"),
                       ("pubsub#send_last_published_item", "never")):
        options.add_field(var=var, value=value)
    await alice["xep_0060"].publish(None, NEW, id=ROOM, payload=payload, options=options)
    assert await stored(alice, "xep_0049") == {ROOM: ("A", True, "al")}
    await alice["xep_0048"].set_bookmarks(some_bookmarks(alice, (ROOM, "New")), "xep_0049")
    item = (await alice["xep_0060"].get_item(None, NEW, ROOM))["pubsub"]["items"]["item"]
    assert item["payload"].get("name") == "New"
    assert item["payload"].find(f"{{{NEW}}}extensions/{{urn:example:x}}x") is not None
    await alice["xep_0060"].retract(None, NEW, ROOM, notify="true")
    assert await stored(alice, "xep_0049") == {}


# --- vCards, moods, storage -----------------------------------------------------------------------
async def test_vcard_of_owner_contact_and_stranger(people):
    alice, bob, eve = [await people(n, AVATARS) for n in ("alice", "bob", "eve")]
    await befriend(alice, bob)
    assert await condition(eve["xep_0054"].get_vcard(alice.bare)) == "service-unavailable"
    card = alice["xep_0054"].make_vcard()
    card["FN"], card["NICKNAME"] = "Alice", "al"
    await alice["xep_0054"].publish_vcard(card)
    for one in (alice, bob, eve):
        got = (await one["xep_0054"].get_vcard(alice.bare))["vcard_temp"]
        assert got["FN"] == "Alice" and got["NICKNAME"] == ["al"]
    assert await condition(bob["xep_0054"].publish_vcard(card, jid=alice.bare)) == "forbidden"


async def test_mood_reaches_contacts_alone(people):
    plugins = (*PEP, "xep_0107")
    alice, bob, eve = [await people(n, plugins) for n in ("alice", "bob", "eve")]
    heard = {one: listen(one, "user_mood_publish") for one in (alice, bob, eve)}
    await befriend(alice, bob)
    await come(alice, bob, eve)
    eve.send_presence(pto=alice.bare)
    await alice["xep_0107"].publish_mood("happy", "so it is")
    for one in (alice, bob):
        mood = (await first(heard[one])).xml.find(f".//{{{MOOD}}}mood")
        assert [c.tag for c in mood] == [f"{{{MOOD}}}happy", f"{{{MOOD}}}text"]
        assert mood[1].text == "so it is"
    await eve.sync()
    assert not heard[eve]
    assert await condition(eve["xep_0060"].get_items(alice.bare, MOOD)) == "not-authorized"
    late = await people("bob", plugins, resource="late")
    await come(late)
    await late.wait("message", from_=alice.bare, has=f"{{{MOOD}}}mood")


@pytest.mark.parametrize("model,bob_may,eve_may", [
    ("open", True, True), ("presence", True, False), ("whitelist", False, False)])
async def test_access_models(people, model, bob_may, eve_may):
    alice, bob, eve = [await people(n, ("xep_0004", *PEP)) for n in ("alice", "bob", "eve")]
    await befriend(alice, bob)
    options = alice["xep_0004"].make_form("submit")
    options.add_field(var="FORM_TYPE", value="http://jabber.org/protocol/pubsub#publish-options")
    options.add_field(var="pubsub#access_model", value=model)
    await alice["xep_0060"].publish(None, "urn:example:node", id="1", options=options,
                                    payload=ET.fromstring("<x xmlns='urn:example:node'>y</x>"))
    for one, may in ((bob, bob_may), (eve, eve_may)):
        ask = one["xep_0060"].get_items(alice.bare, "urn:example:node")
        if may:
            assert (await ask)["pubsub"]["items"]["item"]["payload"].text == "y"
        else:
            assert await condition(ask) in ("not-authorized", "not-allowed")


async def test_private_storage(people):
    """XEP-0223 by the plug-in; only one's own sessions are told."""
    alice, bob = await people("alice", BOOKMARKS), await people("bob", BOOKMARKS)
    await befriend(alice, bob)
    for one in (alice, bob):
        one["xep_0163"].add_interest("urn:example:store")
    await come(alice, bob)
    note = alice["xep_0060"].stanza.Item()
    note.name, note.namespace = "note", "urn:example:store"
    note.xml = ET.fromstring("<note xmlns='urn:example:store'>mine</note>")
    await alice["xep_0223"].store(note, node="urn:example:store", id="1")
    await alice.wait("message", has="{urn:example:store}note")
    got = await alice["xep_0223"].retrieve("urn:example:store")
    assert got["pubsub"]["items"]["item"]["payload"].text == "mine"
    await bob.sync()
    assert not bob.inbox.find("message", has="{urn:example:store}note")
    assert await condition(bob["xep_0060"].get_items(alice.bare, "urn:example:store")) == (
        "not-allowed")


async def test_all_at_once(people):
    """Many things published by two sessions, neither of which waits for answers: as Gajim does with
    its bookmarks.  Each event comes once."""
    alice, second = await people("alice"), await people("alice", resource="second")
    node = "urn:example:many"
    second["xep_0163"].add_interest(node)
    await come(second)
    await until_heard(alice, second, node)
    await asyncio.gather(*(
        one["xep_0060"].publish(None, node, id=f"{n}", payload=ET.fromstring(
            f"<x xmlns='{node}'>{n}</x>")) for n in range(MANY // 2) for one in (alice, second)))
    await second.sync()
    told = [m.findtext(f".//{{{node}}}x")
            for m in second.inbox.find("message", has=f"{{{node}}}x")]
    assert sorted(told) == sorted(f"{n}" for n in range(MANY // 2) for _ in "ab")


async def test_metadata_at_login(people):
    alice, bob = await people("alice", AVATARS), await people("bob", AVATARS)
    await befriend(alice, bob)
    await publish_avatar(alice, png(1))
    late = await people("bob", AVATARS, resource="late")
    await come(late)
    m = await late.wait("message", from_=alice.bare, has=f"{{{META}}}info")
    assert m.find(".//{urn:xmpp:delay}delay") is not None
