# SPDX-License-Identifier: MIT
"""The archive while its process is killed and its database fails: what was taken from a client is
there once; and what is removed, by age and with its account."""

import asyncio
import contextlib
import os
import random
import sqlite3
import time

import pytest

from lib.archive import ENV, MAM, Talker, count, database, fields, fill, rows, rsm
from lib.archive_fixtures import with_archive
from lib.disk import fill_disk, unwritable
from lib.faults import let_pass
from lib.wait import until

SEED = 20261128
SM = "urn:xmpp:sm:3"


async def not_ready(stack):
    await until(lambda: not stack.is_ready("archive"), "the archive is not ready", 40)
    return stack.why_not("archive")


async def acknowledging(who):
    await who.raw.send(f"<enable xmlns='{SM}'/>")
    await who.raw.wait("enabled")
    return who


async def taken(who):
    """How many of its stanzas the server has taken (XEP-0198)."""
    before = len(who.raw.inbox.find(f"{{{SM}}}a"))
    await who.raw.send(f"<r xmlns='{SM}'/>")
    await until(lambda: len(who.raw.inbox.find(f"{{{SM}}}a")) > before)
    return int(who.raw.inbox.find(f"{{{SM}}}a")[-1].get("h"))


async def all_taken(who, n, timeout=60):
    end = time.monotonic() + timeout
    while await taken(who) < n:
        assert time.monotonic() < end, f"{await taken(who)} of {n}"
        await asyncio.sleep(0.1)


async def everything_once(stack, who, every):
    assert await who.bodies() == every
    page = await who.query(rsm(max=0))
    assert int(page.rsm("count")) == len(every)


# --- ends -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("end", ["kill9", "term"])
async def test_storm(archive_stack, talker, end):
    """Two talk while the process ends at random."""
    dice = random.Random(SEED)
    alice, bob = [await talker(u, come=False) for u in ("alice", "bob")]
    for who in alice, bob:
        await who.come()
        await acknowledging(who)
    archive_stack.add_account("carol")
    archive = archive_stack.components["archive"]
    over, sent = False, 0

    async def talk():
        nonlocal sent
        while not over or sent < 200:
            await alice.say(bob.bare, f"a{sent}")
            await bob.say(alice.bare, f"b{sent}")
            await alice.say("carol@localhost", f"c{sent}")
            sent += 1
            await asyncio.sleep(0.01)

    async def read():
        while not over:
            page = await reader.query(rsm(before="", max=5), timeout=40)
            assert page.error in (None, "service-unavailable", "resource-constraint")
            assert page.error or len(page.ids) == len(set(page.ids)) <= 5

    reader = await talker("bob", "reads", come=False)
    talking, reading = asyncio.ensure_future(talk()), asyncio.ensure_future(read())
    for _ in range(6):
        await asyncio.sleep(dice.uniform(0.1, 0.6))
        await asyncio.to_thread(getattr(archive, end))
        archive.start()
    await asyncio.to_thread(archive_stack.ready)
    over = True
    await talking
    await reading
    await all_taken(alice, 2 * sent)
    await all_taken(bob, sent)
    for who in alice, bob:
        got = await who.bodies(fields(with_=(bob if who is alice else alice).bare))
        for letter in "ab":
            assert [b for b in got if b[0] == letter] == [f"{letter}{n}" for n in range(sent)]
        assert len(got) == 2 * sent
        other = "b" if who is alice else "a"
        assert [b for b, _ in who.heard() if b[0] == other] == [f"{other}{n}" for n in range(sent)]
    assert not alice.raw.inbox.find("message", type="error")
    carol = await talker("carol")
    await until(lambda: len(carol.heard()) >= sent, timeout=60)
    await carol.raw.sync()
    assert [b for b, _ in carol.heard()] == [f"c{n}" for n in range(sent)]
    assert await carol.bodies() == [f"c{n}" for n in range(sent)]
    assert count(archive_stack, "body") == 3 * sent
    assert count(archive_stack, "entry") == 6 * sent


async def test_router_killed(archive_stack, talker):
    """Events that were under way may come again: each message is there once."""
    alice, bob = await acknowledging(await talker("alice")), await talker("bob")
    every = [str(n) for n in range(50)]
    for body in every:
        await alice.say(bob.bare, body)
    await all_taken(alice, len(every))
    archive_stack.router.kill9()
    archive_stack.router.start()
    archive_stack.ready("router")
    await until(lambda: [c for c in archive_stack.ctl("component", "list")
                         if c["domain"] == "archive.localhost" and c["state"] == "online"])
    bob = await talker("bob", "again")
    await everything_once(archive_stack, bob, every)
    assert bob.heard() == []


# --- a database that fails ------------------------------------------------------------------------

async def test_becomes_read_only(archive_stack, talker):
    """Nothing counts as taken that is not kept; afterwards all goes on."""
    alice, bob = await acknowledging(await talker("alice")), await talker("bob")
    await alice.say(bob.bare, "before")
    await all_taken(alice, 1)
    with unwritable(database(archive_stack)):
        for n in range(5):
            await alice.say(bob.bare, str(n))
        assert "database: " in await not_ready(archive_stack)
        assert await taken(alice) == 1
    await all_taken(alice, 6)
    archive_stack.ready("archive", timeout=40)
    every = ["before", *(str(n) for n in range(5))]
    for who in alice, bob:
        await everything_once(archive_stack, who, every)
    assert [b for b, _ in bob.heard()] == every


@with_archive(disk="8m")
async def test_full_disk(archive_stack, talker):
    alice, bob = await acknowledging(await talker("alice")), await talker("bob")
    filler = fill_disk(archive_stack.data_dir)
    sent = 0
    while archive_stack.is_ready("archive"):
        assert sent < 200
        await alice.say(bob.bare, f"{sent} " + "x" * 20000)
        sent += 1
        await asyncio.sleep(0.05)
    assert "database: No space left" in archive_stack.why_not("archive")
    assert await taken(alice) < sent
    os.unlink(filler)
    await all_taken(alice, sent)
    archive_stack.ready("archive")
    archive_stack.components["archive"].restart()
    archive_stack.ready()
    assert [b.split()[0] for b in await bob.bodies()] == [str(n) for n in range(sent)]
    await until(lambda: len(bob.heard()) == sent)


async def test_locked(archive_stack, talker):
    """What reads goes on, what writes waits for the lock; who asks for what is not kept yet, too."""
    alice, bob = await acknowledging(await talker("alice")), await talker("bob")
    carol = await talker("carol")
    await alice.say(bob.bare, "before")
    await all_taken(alice, 1)
    with contextlib.closing(sqlite3.connect(database(archive_stack), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await alice.say(bob.bare, "meanwhile")
        await bob.raw.wait("message", body="meanwhile")
        assert await taken(alice) == 1
        await bob.raw.send(f"<iq type='set' id='q'><query xmlns='{MAM}' queryid='later'/></iq>")
        await carol.raw.send(f"<iq type='set' id='q'><query xmlns='{MAM}'/></iq>")
        await bob.raw.sync()
        assert not bob.raw.inbox.find("iq", id="q")
        other.execute("ROLLBACK")
    await bob.raw.wait("iq", id="q", type="result")
    await carol.raw.wait("iq", id="q", type="result")
    found = [m.find(".//{jabber:client}body").text for m in bob.raw.inbox.find(
        "message", has=f"{{{MAM}}}result")]
    assert found == ["before", "meanwhile"]


async def test_cannot_be_read(archive_stack, talker):
    """Who asks is told to wait."""
    alice, bob = await talker("alice"), await talker("bob")
    await alice.say(bob.bare, "1")
    assert await bob.bodies() == ["1"]  # and all is where it belongs
    for table, ask in (("prefs", bob.prefs), ("entry", bob.query)):
        with contextlib.closing(sqlite3.connect(database(archive_stack), isolation_level=None)) as db:
            db.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
            answer = await ask()
            assert getattr(answer, "error", answer) == "resource-constraint"
            db.execute(f"ALTER TABLE elsewhere RENAME TO {table}")
    assert await bob.bodies() == ["1"]


async def test_never_there(make_stack, raw_client, clock):
    """What would have to be kept is refused, and nobody gets it."""
    stack = make_stack(components=("archive",), env=ENV, start=False)
    stack.router.start()
    stack.ready("router")
    people = []
    for user in "alice", "bob":
        stack.add_account(user)
        raw = await raw_client(stack=stack)
        await raw.login(user, stack.accounts[f"{user}@localhost"], "a")
        people.append(await Talker(raw).come())
    alice, bob = people
    await let_pass(clock, 31)
    await alice.say(bob.bare, "1", id="refused")
    await alice.raw.wait("message", type="error", id="refused", error="resource-constraint")
    await bob.raw.sync()
    assert bob.heard() == []


# --- what is removed ------------------------------------------------------------------------------

@with_archive(env={"ARCHIVE_EXPIRE": "1d"})
async def test_age(archive_stack, talker, clock):
    alice, bob = await talker("alice"), await talker("bob")
    archive_stack.add_account("carol")
    await alice.say(bob.bare, "old")
    await alice.say("carol@localhost", "waits")
    await alice.raw.sync()
    await let_pass(clock, 86400 + 120)
    await alice.say(bob.bare, "new")
    await until(lambda: count(archive_stack, "body") == 2)  # the one that waits stays
    assert await alice.bodies() == await bob.bodies() == ["new"]
    page = await bob.query(rsm(after="019c1402-5c3b-7a01-8000-5d2f8e0c4b11"))
    assert page.error == "item-not-found"
    carol = await talker("carol")
    await carol.raw.wait("message", body="waits")
    await until(lambda: count(archive_stack, "body") == 1)


async def test_deleted_account(archive_stack, talker):
    alice, bob = await talker("alice"), await talker("bob")
    for n in range(30):
        await alice.say(bob.bare, str(n))
    await bob.raw.wait("message", body="29")
    await alice.say("alice@localhost", "mine")
    await alice.raw.wait("message", body="mine")
    assert (await alice.prefs("never"))[0] == "never"
    archive_stack.delete_account("alice@localhost")
    await until(lambda: archive_stack.add_if_free("alice@localhost"))
    alice = await talker("alice", "new")
    assert await alice.bodies() == [] and (await alice.prefs())[0] == "always"
    assert await bob.bodies() == [str(n) for n in range(30)]
    await until(lambda: count(archive_stack, "body") == 30)
    assert rows(archive_stack, "SELECT count(*) FROM account WHERE jid IS NULL") == [(0,)]


async def test_a_large_archive_goes(archive_stack, talker):
    """Others are served while it does."""
    archive = archive_stack.components["archive"]
    archive.term()
    archive_stack.add_account("alice")
    fill(archive_stack, "alice@localhost", 5000, "bob@localhost", 1767225600000)
    archive.start()
    archive_stack.ready()
    bob = await talker("bob")
    archive_stack.delete_account("alice@localhost")
    await until(lambda: archive_stack.add_if_free("alice@localhost"))
    slowest = 0
    while count(archive_stack, "body") > 0:
        began = time.monotonic()
        await bob.query()
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2
