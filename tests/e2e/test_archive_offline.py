# SPDX-License-Identifier: MIT
"""Messages for who is not there (XEP-0160): they come once, in order, when somebody comes."""

import asyncio
import time

import pytest

from lib.archive import ENV, Talker, count, fill, stanza_id
from lib.archive_fixtures import with_archive
from lib.faults import encrypted
from lib.inbox import error_condition
from lib.sasl2 import authenticate, bind, identity
from lib.wait import until


async def said(alice, to, *bodies):
    """Alice says this, and the server has taken it."""
    for body in bodies:
        await alice.say(to, body)
    await alice.raw.sync()


async def heard(who, n):
    await until(lambda: len(who.heard()) >= n, who.raw.inbox.text, timeout=60)
    await who.raw.sync()
    return who.heard()


@pytest.fixture
async def away(archive_stack, talker):
    """An account that nobody is logged in to."""
    archive_stack.add_account("bob")
    return "bob@localhost"


async def test_they_come_with_presence(archive_stack, talker, away):
    alice = await talker("alice")
    await said(alice, away, "1", "2", "3")
    bob = await talker("bob", come=False)
    await bob.raw.sync()
    assert bob.heard() == []
    await bob.come()
    assert await heard(bob, 3) == [("1", True), ("2", True), ("3", True)]
    assert [stanza_id(m, bob.bare) for m in bob.raw.inbox.find("message")] == (await bob.query()).ids
    await until(lambda: count(archive_stack, "offline") == 0)
    again = await talker("bob", "again")
    await said(alice, away, "4")
    assert [b for b, _ in await heard(again, 1)] == ["4"]
    assert not alice.raw.inbox.find("message", type="error")


async def test_not_with_negative_priority(archive_stack, talker, away):
    alice = await talker("alice")
    bob = await talker("bob", come=False)
    await bob.come(-1)
    await said(alice, away, "1")
    assert bob.heard() == []
    await bob.come(0)
    assert await heard(bob, 1) == [("1", True)]


async def test_many_pages(archive_stack, talker, away):
    alice = await talker("alice")
    every = [str(n) for n in range(350)]
    await said(alice, away, *every)
    bob = await talker("bob")
    assert [b for b, _ in await heard(bob, 350)] == every
    await until(lambda: count(archive_stack, "offline") == 0)
    assert await bob.bodies() == every


async def test_who_reads_the_archive_is_not_told_twice(archive_stack, talker, away, raw_client):
    """A client that binds by XEP-0386 is given what is not in its archive, and what came later."""
    alice = await talker("alice")
    await said(alice, away, "1", "2")
    await alice.say(away, "not archived", more="<no-permanent-store xmlns='urn:xmpp:hints'/>")
    await alice.raw.sync()
    raw = await encrypted(raw_client, stack=archive_stack)
    success = await authenticate(raw, "bob", archive_stack.accounts[away],
                                 bind() + "<user-agent id='5b8c4f4c-5fa2-4b3a-a1a1-a64ba2c1a0a1'/>")
    raw.jid = identity(success)
    await said(alice, away, "before it came")
    await alice.raw.sync()
    bob = Talker(raw)
    await bob.come()
    assert [b for b, _ in await heard(bob, 2)] == ["not archived", "before it came"]
    assert await bob.bodies() == ["1", "2", "before it came"]
    await until(lambda: count(archive_stack, "offline") == 0)


async def test_what_was_not_taken_comes_again(archive_stack, talker, away):
    """A client with stream management that goes before it has acknowledged."""
    alice = await talker("alice")
    await said(alice, away, "1", "2")
    bob = await talker("bob", come=False)
    await bob.raw.send("<enable xmlns='urn:xmpp:sm:3'/>")
    await bob.raw.wait("enabled")
    await bob.come()
    assert len(await heard(bob, 2)) == 2
    await bob.raw.drop()
    await until(lambda: not archive_stack.ctl("session", "list") or all(
        "bob" not in s["jid"] for s in archive_stack.ctl("session", "list")))
    again = await talker("bob", "again")
    assert await heard(again, 2) == [("1", True), ("2", True)]


async def test_hints(archive_stack, talker, away):
    """no-permanent-store waits and is not archived; no-store does neither, and its sender is told."""
    alice = await talker("alice")
    await alice.say(away, "1", more="<no-permanent-store xmlns='urn:xmpp:hints'/>")
    await alice.say(away, "2", id="refused", more="<no-store xmlns='urn:xmpp:hints'/>")
    await alice.say(away, "3")
    error = await alice.raw.wait("message", id="refused", type="error")
    assert error_condition(error) == "service-unavailable"
    bob = await talker("bob")
    assert [b for b, _ in await heard(bob, 2)] == ["1", "3"]
    named = [stanza_id(m, bob.bare) for m in bob.raw.inbox.find("message")]
    page = await bob.query()
    assert page.bodies == ["3"] and named == [None, *page.ids]
    await until(lambda: count(archive_stack, "body") == 1)


@with_archive(env={"ARCHIVE_OFFLINE_LIMIT": "3"})
async def test_limit(archive_stack, talker, away):
    alice = await talker("alice")
    await said(alice, away, "1", "2", "3", "4", "5")
    bob = await talker("bob")
    assert [b for b, _ in await heard(bob, 3)] == ["1", "2", "3"]
    assert await bob.bodies() == ["1", "2", "3", "4", "5"]


async def test_while_the_archive_is_killed(archive_stack, talker, away):
    """What was given and not confirmed is given again to the next session, and nothing else."""
    alice, archive = await talker("alice"), archive_stack.components["archive"]
    every = [str(n) for n in range(250)]
    await said(alice, away, *every)
    archive.kill9()
    bob = await talker("bob")
    archive.start()
    archive_stack.ready()
    assert [b for b, _ in await heard(bob, 250)] == every
    await until(lambda: count(archive_stack, "offline") == 0)


@pytest.mark.long
async def test_a_hundred_thousand(make_stack, raw_client):
    stack = make_stack(components=("archive",), env=ENV)
    stack.components["archive"].term()
    stack.add_account("bob")
    n, now = 100_000, int(time.time() * 1000)
    fill(stack, "bob@localhost", n, "alice@localhost", now - n, waiting=True)
    stack.components["archive"].start()
    stack.ready()
    raw = await raw_client(stack=stack)
    await raw.login("bob", stack.accounts["bob@localhost"], "a")
    await raw.send("<presence/>")
    began, seen = time.monotonic(), 0

    def left():
        return count(stack, "offline")

    while left() > 0 and time.monotonic() - began < 300:
        seen += len(raw.inbox.find("message"))
        raw.inbox.clear()
        await asyncio.sleep(0.2)
    await raw.sync()
    seen += len(raw.inbox.find("message"))
    took = time.monotonic() - began
    print(f"{n} in {took:.1f} s")
    assert seen == n and left() == 0 and count(stack, "body") == 0
