# SPDX-License-Identifier: MIT
"""Where a message or iq goes (RFC 6121 8): bare and full addresses, priorities, the absent."""

import pytest

from lib import xml
from lib.im import messages, resource, settled
from lib.payloads import ENCRYPTED

BODY = ENCRYPTED["OMEMO 2"]
BOB = "bob@localhost"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def send(client, to, ident, type_="chat"):
    client.send_raw(f"<message to='{to}' type='{type_}' id='{ident}'>{BODY}</message>")


async def bounced(client, ident, from_):
    error = await client.wait("message", id=ident, error="service-unavailable", from_=from_)
    assert error.find("{jabber:client}error").get("code") == "503"


# --- to a bare JID (8.5.2) ------------------------------------------------------------------------

@pytest.mark.parametrize("type_", ["chat", "normal"])
async def test_highest_priority_gets_it(stack, client, type_):
    alice = await client("alice")
    low, high = [await resource(client, "bob", n, p) for n, p in (("low", 3), ("high", 7))]
    send(alice, BOB, "m1", type_)
    await high.wait("message", id="m1", from_=alice.full, to=BOB)
    low.send_presence(ppriority=9)
    await low.sync()
    send(alice, BOB, "m2", type_)
    await low.wait("message", id="m2")
    low.send_presence(ptype="unavailable")
    await low.sync()
    send(alice, BOB, "m3", type_)
    await high.wait("message", id="m3")
    await settled(low)
    assert (messages(low), messages(high)) == (["m2"], ["m1", "m3"])


async def test_all_of_the_highest_priority_get_it(stack, client):
    alice = await client("alice")
    one, two, low = [await resource(client, "bob", n, p)
                     for n, p in (("one", 5), ("two", 5), ("low", 4))]
    send(alice, BOB, "m1")
    await settled(alice, one, two, low)
    assert (messages(one), messages(two), messages(low)) == (["m1"], ["m1"], [])


async def test_negative_priority_gets_nothing_for_the_bare_jid(stack, client):
    alice, bot = await client("alice"), await resource(client, "bob", "bot", -1)
    send(alice, BOB, "m1")
    await bounced(alice, "m1", BOB)
    send(alice, bot.full, "m2")
    await bot.wait("message", id="m2")
    here = await resource(client, "bob", "here", 0)
    send(alice, BOB, "m3")
    await here.wait("message", id="m3")
    await settled(bot)
    assert messages(bot) == ["m2"]


async def test_session_without_presence_gets_what_is_for_its_full_jid(stack, client):
    alice, silent = await client("alice"), await resource(client, "bob", "silent", None)
    send(alice, BOB, "m1")
    await bounced(alice, "m1", BOB)
    send(alice, silent.full, "m2")
    await silent.wait("message", id="m2")


async def test_headline_goes_to_all_that_are_not_negative(stack, client):
    alice = await client("alice")
    one, two, bot = [await resource(client, "bob", n, p)
                     for n, p in (("one", 0), ("two", 5), ("bot", -3))]
    send(alice, BOB, "m1", "headline")
    await settled(alice, one, two, bot)
    assert (messages(one), messages(two), messages(bot)) == (["m1"], ["m1"], [])


async def test_headline_for_nobody_is_dropped(stack, client):
    alice = await client("alice")
    stack.add_account("bob")
    send(alice, BOB, "m1", "headline")
    send(alice, f"{BOB}/gone", "m2", "headline")
    await alice.sync()
    assert messages(alice) == []


async def test_groupchat_is_for_rooms(stack, client):
    alice, bob = await client("alice"), await client("bob")
    send(alice, BOB, "m1", "groupchat")
    await bounced(alice, "m1", BOB)
    send(alice, bob.full, "m2", "groupchat")
    await bob.wait("message", id="m2", type="groupchat")


async def test_error_for_a_bare_jid_is_dropped(stack, client):
    alice, bob = await client("alice"), await client("bob")
    alice.send_raw(f"<message to='{BOB}' type='error' id='m1'><error type='cancel'>"
                   f"<gone xmlns='{xml.STANZA_ERRORS}'/></error></message>")
    await settled(alice, bob)
    assert messages(alice) == messages(bob) == []


# --- to a full JID that is gone (8.5.3.2) ---------------------------------------------------------

async def test_chat_for_a_resource_that_is_gone_goes_to_another(stack, client):
    alice, home = await client("alice"), await resource(client, "bob", "home")
    send(alice, f"{BOB}/away", "m1")
    await home.wait("message", id="m1", to=f"{BOB}/away")


@pytest.mark.parametrize("type_", ["normal", "groupchat"])
async def test_other_types_for_a_resource_that_is_gone_are_refused(stack, client, type_):
    alice, home = await client("alice"), await resource(client, "bob", "home")
    send(alice, f"{BOB}/away", "m1", type_)
    await bounced(alice, "m1", f"{BOB}/away")
    await settled(home)
    assert messages(home) == []


async def test_chat_for_somebody_offline_is_refused(stack, client):
    alice = await client("alice")
    stack.add_account("bob")
    for ident, to in (("m1", BOB), ("m2", f"{BOB}/phone")):
        send(alice, to, ident)
        await bounced(alice, ident, to)


# --- order, language ------------------------------------------------------------------------------

async def test_order_is_kept(stack, client):
    alice, bob, carol = [await client(n) for n in ("alice", "bob", "carol")]
    for i in range(300):
        send(alice, bob.full if i % 2 else BOB, f"a{i}")
        send(carol, BOB, f"c{i}")
    await settled(alice, carol, bob)
    got = messages(bob)
    assert len(got) == 600
    assert [i for i in got if i[0] == "a"] == [f"a{i}" for i in range(300)]
    assert [i for i in got if i[0] == "c"] == [f"c{i}" for i in range(300)]


async def test_language_of_the_stream_is_stamped(stack, client):
    """RFC 6120 4.7.4: unless the stanza names its own."""
    alice, bob = await client("alice"), await client("bob")
    send(alice, BOB, "m1")
    alice.send_raw(f"<message to='{BOB}' type='chat' id='m2' xml:lang='de'>{BODY}</message>")
    assert (await bob.wait("message", id="m1")).get(XML_LANG) == "en"
    assert (await bob.wait("message", id="m2")).get(XML_LANG) == "de"


# --- iqs ------------------------------------------------------------------------------------------

async def test_iq_between_sessions(stack, client):
    """slixmpp answers pings by itself."""
    alice, bob = await client("alice"), await client("bob")
    answer = await alice.request("get", f"<ping xmlns='{xml.PING}'/>", to=bob.full)
    assert answer.get("type") == "result" and answer.get("from") == bob.full
    assert bob.inbox.find("iq", type="get", from_=alice.full, has=f"{{{xml.PING}}}ping")


@pytest.mark.parametrize("to", [BOB, f"{BOB}/gone"])
async def test_iq_that_nobody_answers(stack, client, to):
    alice, bob = await client("alice"), await client("bob")
    answer = await alice.request("set", "<command xmlns='urn:example:x'/>", to=to)
    assert answer.get("from") == to
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}service-unavailable") is not None
    await settled(bob)
    assert not bob.inbox.find("iq", has="{urn:example:x}command")


async def test_answers_that_nobody_waits_for_are_passed_to_sessions_only(stack, client):
    alice, bob = await client("alice"), await client("bob")
    alice.send_raw(f"<iq type='result' id='r1' to='{bob.full}'/>"
                   f"<iq type='result' id='r2' to='{BOB}'/><iq type='result' id='r3' "
                   f"to='{BOB}/gone'/>")
    await settled(alice, bob)
    assert [i.get("id") for i in bob.inbox.find("iq", from_=alice.full)] == ["r1"]
    assert not alice.inbox.find("iq", type="error")
