# SPDX-License-Identifier: MIT
"""Rooms: hats (XEP-0317), behind our router and behind Debian's Prosody."""

import pytest

from lib.inbox import error_condition
from lib.rooms import DATA, change, create, features, join, presence_xml

ROOM = "room@conference.localhost"
HATS = "{urn:xmpp:hats:0}"
COMMANDS = "http://jabber.org/protocol/commands"
URI = "http://x.test/hats#host"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


async def command(client, node, **fields):
    """Submits its form, if there are fields; the <command/> of the answer, or what is wrong."""
    form = "".join(f"<field var='hats#{k}'><value>{v}</value></field>" for k, v in fields.items())
    form = form and (f"<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>"
                     f"urn:xmpp:hats:commands</value></field>{form}</x>")
    answer = await client.request(
        "set", f"<command xmlns='{COMMANDS}' node='urn:xmpp:hats:commands:{node}'>{form}</command>",
        to=ROOM)
    if answer.get("type") == "error":
        return error_condition(answer)
    return answer.find(f"{{{COMMANDS}}}command")


def worn(presence):
    return [(h.get("title"), h.get("uri"), h.get("hue")) for h in presence.iter(f"{HATS}hat")]


async def test_hats_are_given_and_seen(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", persistentroom=True)
    await join(bob, ROOM, "Bob")
    assert "urn:xmpp:hats:0" in (await features(bob, ROOM))[0]
    assert (await command(alice, "create")).get("status") == "executing"
    made = await command(alice, "create", title="Host", uri=URI, hue="327.25")
    assert made.get("status") == "completed"
    assert "hats#hash" in (await features(bob, ROOM))[1]
    given = await command(alice, "assign", jid=bob.bare, uri=URI)
    assert given.get("status") == "completed"
    seen = await alice.wait("presence", from_=f"{ROOM}/Bob", has=f"{HATS}hats")
    assert worn(seen) == [("Host", URI, "327.25")]
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    assert worn(carol.inbox.find("presence", from_=f"{ROOM}/Bob")[0]) == [("Host", URI, "327.25")]
    carol.inbox.clear()
    await command(alice, "destroy", uri=URI)
    assert worn(await carol.wait("presence", from_=f"{ROOM}/Bob")) == []


async def test_who_may_give_them(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    await command(alice, "create", title="Host", uri=URI)
    for node in "create", "destroy", "assign", "unassign", "list-assigned":
        assert await command(bob, node, uri=URI, title="x", jid=bob.bare) == "forbidden"
    assert (await command(bob, "list")).get("status") == "completed"
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "admin"})
    assert (await command(bob, "assign", jid=bob.bare, uri=URI)).get("status") == "completed"
    assert await command(bob, "assign", jid=bob.bare, uri="x:none") == "item-not-found"
    assert await command(bob, "create", title="x", uri="none") == "not-acceptable"


async def test_nobody_makes_one_for_oneself(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    bob.send_raw(presence_xml(f"{ROOM}/Bob", "<show>away</show><hats xmlns='urn:xmpp:hats:0'>"
                              "<hat title='King' uri='x:k'/></hats>"))
    seen = await alice.wait("presence", from_=f"{ROOM}/Bob", has="{jabber:client}show")
    assert worn(seen) == []
