# SPDX-License-Identifier: MIT
"""Rooms: their avatars (XEP-0486, XEP-0153), behind our router and behind Debian's Prosody."""

import asyncio

import pytest

from lib.inbox import error_condition
from lib.pictures import b64, photo, png, sha1
from lib.rooms import change, codes, configure, create, features, join, leave

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
V = "{vcard-temp}"
UPDATE = "{vcard-temp:x:update}"
HASH = "muc#roominfo_avatarhash"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


async def set_vcard(client, inner):
    return await client.request("set", f"<vCard xmlns='vcard-temp'>{inner}</vCard>", to=ROOM)


async def get_vcard(client):
    return await client.request("get", "<vCard xmlns='vcard-temp'/>", to=ROOM)


def shown(presence):
    """The hash in a presence of the room's own; None: it is none."""
    return presence.findtext(f"{UPDATE}x/{UPDATE}photo") if presence.get("from") == ROOM else None


async def test_avatar_is_set_and_seen(stack, client):
    alice, bob, carol = [await client(n) for n in ("alice", "bob", "carol")]
    await create(alice, ROOM, "Alice", persistentroom=True)
    await join(bob, ROOM, "Bob")
    assert not [p for p in bob.inbox.find("presence") if p.get("from") == ROOM]
    picture = png(1, size=60_000)
    bob.inbox.clear()
    assert (await set_vcard(alice, photo(picture))).get("type") == "result"
    assert shown(await bob.wait("presence", from_=ROOM)) == sha1(picture)
    assert codes(await bob.wait("message", type="groupchat", from_=ROOM)) == [104]
    for where in ROOM, SERVICE:
        assert "vcard-temp" in (await features(carol, where))[0]
    assert (await features(carol, ROOM))[1][HASH] == sha1(picture)
    card = (await get_vcard(carol)).find(f"{V}vCard")
    assert card.findtext(f"{V}PHOTO/{V}BINVAL") == b64(picture)
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    card = (await get_vcard(carol)).find(f"{V}vCard")
    assert card.findtext(f"{V}PHOTO/{V}BINVAL") == b64(picture)
    me = await join(carol, ROOM, "Carol")
    mine = carol.inbox.find("presence")
    assert [shown(p) for p in mine] == [None, None, None, sha1(picture)] and mine[2] is me


async def test_avatar_is_taken_away(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    await set_vcard(alice, photo(png()))
    await bob.wait("presence", from_=ROOM)
    bob.inbox.clear()
    await set_vcard(alice, "")
    assert shown(await bob.wait("presence", from_=ROOM)) == ""
    assert HASH not in (await features(bob, ROOM))[1]
    assert len((await get_vcard(bob)).find(f"{V}vCard")) == 0
    await set_vcard(alice, photo(png()))
    await leave(bob, ROOM, "Bob")
    await leave(alice, ROOM, "Alice")  # the room ends
    await create(alice, ROOM, "Alice")
    assert HASH not in (await features(bob, ROOM))[1]


async def test_who_may_and_what_is_no_picture(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "admin"})
    assert error_condition(await set_vcard(bob, photo(png()))) == "forbidden"
    for inner in (photo(b"<html/>"), photo(png(size=65_537)), "<PHOTO><BINVAL>@</BINVAL></PHOTO>",
                  photo(png()) * 5):
        assert error_condition(await set_vcard(alice, inner)) == "not-acceptable"
    assert HASH not in (await features(bob, ROOM))[1]
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "outcast"})
    assert error_condition(await get_vcard(bob)) == "forbidden"
    assert error_condition(await bob.request(
        "get", "<vCard xmlns='vcard-temp'/>", to=f"nowhere@{SERVICE}")) == "item-not-found"


async def test_vcard_of_an_occupant_is_still_the_users(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await set_vcard(alice, photo(png()))
    await join(bob, ROOM, "Bob")
    answer = await alice.request("get", "<vCard xmlns='vcard-temp'/>", to=f"{ROOM}/Bob")
    assert answer.find(f"{V}vCard/{V}PHOTO") is None


@pytest.mark.ours("the limits are those of our program")
async def test_looking_and_setting_have_their_price(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await set_vcard(alice, photo(png(size=65_000)))
    answers = await asyncio.gather(*(get_vcard(bob) for _ in range(30)))
    refused = [a for a in answers if a.get("type") == "error"]
    assert 0 < len(refused) < 30
    assert {error_condition(a) for a in refused} == {"resource-constraint"}
    assert (await configure(alice, ROOM, {"roomname": "x"})).get("type") == "result"
