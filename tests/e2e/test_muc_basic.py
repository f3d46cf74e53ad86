# SPDX-License-Identifier: MIT
"""Rooms: coming, talking, going, behind our router and behind Debian's Prosody and ejabberd.
Everything is encrypted, as our policy wants it by default."""

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (CLIENT, MUC, USER, X, codes, configure, create, is_refused_entry, item, join,
                       leave, presence_xml, say)

OTHER_SERVERS = ["prosody", "ejabberd"]
ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


async def two_in(client, **fields):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", **fields)
    await join(bob, ROOM, "Bob")
    return alice, bob


async def test_new_room_is_locked_until_configured(stack, client):
    alice, bob = await client("alice"), await client("bob")
    me = await join(alice, ROOM, "Alice")
    assert codes(me) == [110, 170, 201]
    assert item(me) == {"affiliation": "owner", "role": "moderator", "jid": alice.full}
    refused = await join(bob, ROOM, "Bob")
    assert error_condition(refused) == "item-not-found"
    assert (await configure(alice, ROOM)).get("type") == "result"
    assert codes(await join(bob, ROOM, "Bob")) == [110, 170]


async def test_order_of_what_comes_at_the_join(stack, client):
    alice, bob = await two_in(client)
    say(alice, ROOM, OMEMO, "m1")
    await bob.wait("message", id="m1")
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    seen = [(s.tag.rpartition("}")[2], s.get("from").rpartition("/")[2]) for s in carol.inbox
            if s.get("from", "").startswith(ROOM)]
    assert seen == [("presence", "Alice"), ("presence", "Bob"), ("presence", "Carol"),
                    ("message", "Alice"), ("message", ROOM)]
    last = carol.inbox.find("message")[-1]
    assert last.find(f"{CLIENT}subject").text is None


async def test_message_is_reflected_to_all_with_its_id(stack, client):
    alice, bob = await two_in(client)
    for number, payload in enumerate(ENCRYPTED.values()):
        say(bob, ROOM, payload, f"e{number}")
        for c in alice, bob:
            got = await c.wait("message", id=f"e{number}")
            assert got.get("from") == f"{ROOM}/Bob" and got.get("type") == "groupchat"
            assert got.find("{urn:xmpp:sid:0}stanza-id").get("by") == ROOM
            assert got.find("{urn:xmpp:occupant-id:0}occupant-id") is not None
            assert len(got) - 2 == payload.count("<body>") + len(
                [p for p in ("<encrypted", "<encryption", "<store", "<openpgp",
                             "<x xmlns='jabber:x:encrypted'") if p in payload])


async def test_plaintext_is_refused_and_does_not_reach_the_room(make_stack, client):
    make_stack(components=("muc",))
    alice, bob = await two_in(client)
    say(bob, ROOM, "<body>in the clear</body>", "p1")
    refused = await bob.wait("message", type="error", id="p1")
    assert error_condition(refused) == "policy-violation"
    await alice.sync()
    assert not alice.inbox.find("message", body="in the clear")


async def test_plaintext_where_the_operator_allows_it(make_stack, client):
    make_stack(components=("muc",), env={"E2E_POLICY_MUC": "none"})
    alice, bob = await two_in(client)
    say(bob, ROOM, "<body>in the clear</body>")
    got = await alice.wait("message", body="in the clear", from_=f"{ROOM}/Bob")
    assert got.get("id")


async def test_leaving_is_seen_by_oneself_and_by_others(stack, client):
    alice, bob = await two_in(client)
    bob.inbox.clear()
    bob.send_raw(presence_xml(f"{ROOM}/Bob", "<status>bye</status>", "unavailable"))
    mine = await bob.wait("presence", type="unavailable")
    theirs = await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")
    assert codes(mine) == [110] and codes(theirs) == []
    assert item(theirs)["role"] == "none" and theirs.findtext(f"{CLIENT}status") == "bye"


async def test_lost_connection_leaves_the_room(stack, client):
    alice, bob = await two_in(client)
    await bob.drop()
    await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")


async def test_temporary_room_ends_with_its_last_occupant(stack, client):
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    await leave(alice, ROOM, "Alice")
    assert 201 in codes(await join(alice, ROOM, "Alice"))


async def test_conflict_and_change_of_nick(stack, client):
    alice, bob = await two_in(client)
    carol = await client("carol")
    assert error_condition(await join(carol, ROOM, "Bob")) == "conflict"
    bob.send_raw(presence_xml(f"{ROOM}/Alice"))
    refused = await bob.wait("presence", type="error")
    assert error_condition(refused) == "conflict" and not is_refused_entry(refused)
    for c in alice, bob:
        c.inbox.clear()
    bob.send_raw(presence_xml(f"{ROOM}/Robert"))
    for c, own in (alice, []), (bob, [110]):
        gone = await c.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")
        assert codes(gone) == sorted([303, *own]) and item(gone)["nick"] == "Robert"
        assert codes(await c.wait("presence", from_=f"{ROOM}/Robert")) == own


async def test_nick_is_cleaned(stack, client):
    alice, _ = await two_in(client)
    carol = await client("carol")
    me = await join(carol, ROOM, " Carol ")
    assert codes(me) == [110, 170, 210] and me.get("from") == f"{ROOM}/Carol"
    dave = await client("dave")
    assert error_condition(await join(dave, ROOM, "\u3164")) == "not-acceptable"


async def test_presence_without_being_in_the_room(stack, client):
    await two_in(client)
    carol = await client("carol")
    carol.send_raw(presence_xml(f"{ROOM}/Carol"))
    gone = await carol.wait("presence", type="unavailable", from_=f"{ROOM}/Carol")
    assert codes(gone) == [110, 307, 333]
    carol.send_raw(presence_xml(ROOM, f"<x xmlns='{MUC}'/>"))
    assert error_condition(await carol.wait("presence", type="error")) == "jid-malformed"


async def test_what_one_shows_is_passed_on_but_not_muc_s_own_words(stack, client):
    alice, bob = await two_in(client)
    bob.send_raw(presence_xml(
        f"{ROOM}/Bob", "<show>away</show><status>tea</status>"
        f"<x xmlns='{USER}'><item affiliation='owner' role='moderator'/></x>"))
    got = await alice.wait(lambda p: p.findtext(f"{CLIENT}show") == "away")
    assert got.findtext(f"{CLIENT}status") == "tea" and len(got.findall(X)) == 1
    assert item(got)["affiliation"] == "none"


async def test_two_sessions_of_one_user_under_one_nick(stack, client):
    alice, bob = await two_in(client)
    phone = await client("bob", resource="phone")
    assert codes(await join(phone, ROOM, "Bob")) == [110, 170]
    say(alice, ROOM, OMEMO, "m1")
    for c in bob, phone:
        await c.wait("message", id="m1")
    alice.inbox.clear()
    await leave(phone, ROOM, "Bob")
    say(bob, ROOM, OMEMO, "m2")
    await alice.wait("message", id="m2")
    assert not alice.inbox.find("presence", type="unavailable")


async def test_full_synchronisation_of_a_lost_client(stack, client):
    _, bob = await two_in(client)
    await join(bob, ROOM, "Bob")
    assert [p.get("from") for p in bob.inbox.find("presence")] == [f"{ROOM}/Alice", f"{ROOM}/Bob"]


async def test_message_of_a_stranger(stack, client):
    await two_in(client)
    carol = await client("carol")
    say(carol, ROOM, OMEMO, "m1")
    assert error_condition(await carol.wait("message", type="error")) == "not-acceptable"
    say(carol, "nowhere@conference.localhost", OMEMO, "m2")
    assert error_condition(await carol.wait("message", id="m2")) == "item-not-found"


async def test_forged_status_codes_are_taken_out(stack, client):
    alice, bob = await two_in(client)
    say(bob, ROOM, f"{OMEMO}<x xmlns='{USER}'><status code='104'/></x>"
        f"<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='2020-01-01T00:00:00Z'/>", "m1")
    got = await alice.wait("message", id="m1")
    assert got.find(X) is None and got.find("{urn:xmpp:delay}delay") is None
    assert got.find("{eu.siacs.conversations.axolotl}encrypted") is not None


async def test_subject(stack, client):
    alice, bob = await two_in(client)
    say(bob, ROOM, "<subject>mine</subject>", "s1")
    assert error_condition(await bob.wait("message", id="s1")) == "forbidden"
    say(alice, ROOM, "<subject>Tea &amp; cake</subject>", "s2")
    got = await bob.wait("message", id="s2")
    assert got.get("from") == f"{ROOM}/Alice" and got.findtext(f"{CLIENT}subject") == "Tea & cake"
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    shown = carol.inbox.find("message")[-1]
    assert shown.findtext(f"{CLIENT}subject") == "Tea & cake"
    assert shown.find("{urn:xmpp:delay}delay").get("from") == ROOM
    say(alice, ROOM, "<subject/>", "s3")
    assert (await bob.wait("message", id="s3")).findtext(f"{CLIENT}subject") == ""
    await configure(alice, ROOM, {"changesubject": True})
    say(bob, ROOM, "<subject>mine</subject>", "s4")
    await alice.wait("message", id="s4", from_=f"{ROOM}/Bob")
    say(bob, ROOM, f"<subject>no change</subject>{OMEMO}", "s5")
    await alice.wait("message", id="s5")
    await join(carol, ROOM, "Carol")
    assert carol.inbox.find("message")[-1].findtext(f"{CLIENT}subject") == "mine"
