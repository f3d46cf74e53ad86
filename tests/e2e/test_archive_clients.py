# SPDX-License-Identifier: MIT
"""Clients that go and come: slixmpp resumes its session and catches up, and two resources of an
account see the same conversation."""

import asyncio

from lib.archive import stanza_id
from lib.im import messages
from lib.wait import DEADLINE, until

CARBONS = "urn:xmpp:carbons:2"
INNER = ".//{urn:xmpp:forward:0}forwarded/{jabber:client}message"
PLUGINS = ("xep_0198", "xep_0313", "xep_0359")


async def resumed(one, stack):
    """slixmpp connects once more, with what it knows of its session."""
    back = asyncio.get_running_loop().create_future()
    one.add_event_handler("session_resumed", lambda _: back.set_result(True), disposable=True)
    one.connect(("127.0.0.1", stack.port("C2S_PORT")), force_starttls=True)
    await asyncio.wait_for(back, DEADLINE)


async def archived(one, peer):
    return [m["mam_result"]["forwarded"]["stanza"]["body"]
            async for m in one["xep_0313"].iterate(with_jid=peer)]


async def test_slixmpp_resumes_and_catches_up(archive_stack, client, talker, clock):
    alice = await talker("alice")
    bob = await client("bob", resource="phone", plugins=PLUGINS)
    await alice.say(bob.bare, "one", id="m1")
    await bob.inbox.wait("message", id="m1")
    await bob.drop()
    await until(lambda: None in [s["peer"] for s in archive_stack.ctl("session", "list")])
    await alice.say(bob.bare, "two", id="m2")
    await alice.raw.sync()
    await resumed(bob, archive_stack)
    await bob.inbox.wait("message", id="m2")
    bob.send_message(mto=alice.jid, mbody="and three")
    await alice.raw.wait("message", body="and three")
    await bob.sync()
    assert messages(bob) == ["m1", "m2"]
    await bob.drop()
    await until(lambda: None in [s["peer"] for s in archive_stack.ctl("session", "list")])
    await alice.say(bob.bare, "four", id="m4")
    await alice.raw.sync()
    archive_stack.ctl("session", "kick", f"{bob.bare}/phone")
    again = await client("bob", resource="phone", plugins=PLUGINS)
    waited = await again.inbox.wait("message", id="m4")
    assert stanza_id(waited, again.bare)
    assert await archived(again, alice.bare) == ["one", "two", "and three", "four"]


def view(one):
    """What a resource has seen, carbons included: bodies by the ids of its account's archive."""
    seen = {}
    for m in one.raw.inbox.find("message"):
        inner = m.find(INNER)
        m = m if inner is None else inner
        if m.find("{jabber:client}body") is not None:
            assert stanza_id(m, one.bare) not in seen, "twice"
            seen[stanza_id(m, one.bare)] = m.findtext("{jabber:client}body")
    return seen


async def test_two_resources_see_the_same(archive_stack, talker):
    alice = await talker("alice")
    phone, desk = await talker("bob", "phone"), await talker("bob", "desk")
    both = phone, desk
    for one in both:
        await one.raw.iq("set", f"<enable xmlns='{CARBONS}'/>")
    for n in range(6):
        await alice.say(both[n % 2].jid, f"to one {n}")
        await alice.say(phone.bare, f"to all {n}")
        await both[n % 2].say(alice.bare, f"from {n}")
        for one in (alice, *both):
            await one.raw.sync()
    seen = [view(one) for one in both]
    page = await phone.query()
    whole = dict(zip(page.ids, page.bodies))
    assert len(whole) == 18
    for own in range(2):
        said = {f"from {n}" for n in range(6) if n % 2 == own}
        assert seen[own] == {i: b for i, b in whole.items() if b not in said}
    assert (await desk.query()).ids == page.ids
