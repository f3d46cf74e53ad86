# SPDX-License-Identifier: MIT
"""The end: ordered, sudden, and that of the space on the disk.  What was acknowledged stays."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import time

import pytest

from lib import xml
from lib.component import attach, connect
from lib.disk import unwritable
from lib.faults import encrypted, login
from lib.stack import CtlError
from lib.wait import until

KILLS = 20


# --- SIGTERM --------------------------------------------------------------------------------------

async def test_streams_are_closed_with_a_reason(make_stack, raw_client):
    """Sessions, half-made logins and components alike; then status 0."""
    stack = make_stack(components=())
    session = await login(stack, raw_client, "alice")
    half = await encrypted(raw_client)
    clear = await raw_client()
    await clear.open_stream()
    component = await attach(raw_client, stack, "echo.localhost", stack.component_secret("echo"))
    waiting = await connect(raw_client, stack, "echo.localhost")
    stack.router.signal(signal.SIGTERM)
    for c in (session, half, clear, component, waiting):
        assert await c.stream_error() == "system-shutdown"
        await c.wait_closed()
    assert stack.router.wait_exit() == 0


async def test_connections_without_a_stream_are_closed(make_stack, raw_client):
    stack = make_stack(components=())
    silent = await raw_client()
    direct = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await silent.send("<?xml")
    await login(stack, raw_client, "alice")
    stack.router.term()
    await silent.wait_closed()
    await direct.wait_closed()


async def test_client_that_does_not_read_holds_nothing_up(make_stack, raw_client):
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0"})
    alice, bob = await login(stack, raw_client, "alice"), await login(stack, raw_client, "bob")
    alice.stop_reading()
    for _ in range(60):
        await bob.send(f"<message to='{alice.jid}'><x xmlns='urn:x'>{'x' * 100000}</x></message>")
    await bob.sync()
    begin = time.monotonic()
    stack.router.term()
    assert time.monotonic() - begin < 8


async def test_nothing_is_accepted_while_it_ends(make_stack, raw_client):
    stack = make_stack(components=())
    await login(stack, raw_client, "alice")
    stack.router.term()
    with pytest.raises(OSError):
        await raw_client()


async def test_new_one_starts_at_once(make_stack, raw_client):
    """Same ports, same data; clients come back."""
    stack = make_stack(components=())
    old = await login(stack, raw_client, "alice")
    stack.router.restart()
    stack.ready()
    await old.wait_closed()
    await login(stack, raw_client, "alice")


async def test_components_come_back(make_stack, raw_client):
    stack = make_stack()
    stack.router.restart()
    stack.ready()
    alice = await login(stack, raw_client, "alice")
    await alice.iq("get", f"<ping xmlns='{xml.PING}'/>", to="echo.localhost")


def test_interrupt_ends_it_like_sigterm(make_stack):
    stack = make_stack(components=())
    stack.router.signal(signal.SIGINT)
    assert stack.router.wait_exit() == 0


async def test_what_was_sent_before_is_kept(make_stack, raw_client):
    """Everything that was asked for before the end and answered is there after it."""
    stack = make_stack(components=())
    c = await login(stack, raw_client, "alice")
    jids = [f"contact{i}@example.org" for i in range(200)]
    await c.send("".join(item_set(j) for j in jids))
    await c.wait("iq", id="s-contact20@example.org", type="result")
    stack.router.term()
    kept = {e.get("id")[2:] for e in c.inbox.find("iq", type="result") if e.get("id")[:2] == "s-"}
    stack.router.start()
    stack.ready()
    again = await login(stack, raw_client, "alice")
    assert kept <= await roster(again)


# --- kill -9 --------------------------------------------------------------------------------------

def item_set(jid, name=""):
    return (f"<iq type='set' id='s-{jid}'><query xmlns='{xml.ROSTER}'>"
            f"<item jid='{jid}' name='{name}'/></query></iq>")


def item_remove(jid):
    return (f"<iq type='set' id='r-{jid}'><query xmlns='{xml.ROSTER}'>"
            f"<item jid='{jid}' subscription='remove'/></query></iq>")


async def roster(c):
    answer = await c.iq("get", f"<query xmlns='{xml.ROSTER}'/>")
    return {item.get("jid") for item in answer.iter(f"{{{xml.ROSTER}}}item")}


class Writer:
    """Adds and removes contacts and adds accounts as fast as they are acknowledged, and knows which
    were; what was asked for and not answered may or may not be there."""

    def __init__(self, stack):
        self.stack = stack
        self.items, self.open = set(), set()
        self.accounts = {}
        self._numbers = iter(range(1 << 30))

    async def items_on(self, c):
        while True:
            jids = [f"c{next(self._numbers)}@example.org" for _ in range(5)]
            gone = random.choice(sorted(self.items)) if len(self.items) > 20 else None
            self.open.update(jids, [gone] if gone else [])
            await c.send("".join(map(item_set, jids)) + (item_remove(gone) if gone else ""))
            for jid in jids:
                await c.wait("iq", id=f"s-{jid}", type="result")
                self._settle(jid, True)
            if gone:
                await c.wait("iq", id=f"r-{gone}", type="result")
                self._settle(gone, False)
            c.inbox.clear()

    def _settle(self, jid, there):
        self.open.discard(jid)
        (self.items.add if there else self.items.discard)(jid)

    async def accounts_by_ctl(self):
        while True:
            name = f"user{next(self._numbers)}"
            await asyncio.to_thread(self.stack.add_account, name, f"{name}'s password")
            self.accounts[f"{name}@localhost"] = f"{name}'s password"

    def check(self, there):
        missing = self.items - self.open - there
        ghosts = there - self.items - self.open
        assert not missing, f"acknowledged and lost: {missing}"
        assert not ghosts, f"removed and back: {ghosts}"
        self.items = set(there)
        self.open.clear()


async def test_kill_9_loses_nothing_that_was_acknowledged(make_stack, raw_client):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    stack = make_stack(components=())
    stack.add_account("alice")
    writer = Writer(stack)
    for number in range(KILLS):
        c = await login(stack, raw_client, "alice")
        writer.check(await roster(c))
        work = asyncio.gather(writer.items_on(c), writer.accounts_by_ctl(), return_exceptions=True)
        accounts = len(writer.accounts)
        if number % 3 == 0:  # in the midst of adding the next one
            await until(lambda: len(writer.accounts) > accounts or work.done(), "an account")
        await asyncio.sleep(chance.uniform(0, 0.2))
        stack.router.kill9()
        results = await asyncio.wait_for(work, 10)
        assert all(isinstance(r, (AssertionError, CtlError, OSError)) or "SSL" in type(r).__module__
                   for r in results), results
        await c.drop()
        stack.router.start()
        stack.ready()
    c = await login(stack, raw_client, "alice")
    writer.check(await roster(c))
    assert len(writer.items) > KILLS and writer.accounts
    known = {row["jid"] for row in stack.ctl("account", "list")}
    assert set(writer.accounts) <= known
    jid, password = list(writer.accounts.items())[-1]
    last = await raw_client()
    await last.login(jid.partition("@")[0], password)


async def test_database_is_whole_after_kill_9(make_stack, raw_client):
    stack = make_stack(components=())
    c = await login(stack, raw_client, "alice")
    await c.send("".join(item_set(f"c{i}@example.org") for i in range(300)))
    await c.wait("iq", id="s-c30@example.org", type="result")
    stack.router.kill9()
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "router.sqlite"))) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# --- a full disk ----------------------------------------------------------------------------------

async def fill(c, count=4000):
    """Contacts with long names until one is refused; (those acknowledged, the refusal)."""
    kept = set()
    for i in range(count):
        jid = f"c{i}@example.org"
        await c.send(item_set(jid, "x" * 800))
        got = await c.wait("iq", id=f"s-{jid}")
        if got.get("type") == "error":
            return kept, got
        kept.add(jid)
        c.inbox.clear()
    raise AssertionError("the disk was never full")


@pytest.fixture
async def full(make_stack, small_disk, raw_client):
    """(stack, a session, what was acknowledged, what was not) with no space left."""
    disk = small_disk("1500k")
    stack = make_stack(components=(), data_dir=disk,
                       env={"LIMIT_ROSTER_ITEMS": "0", "LIMIT_SESSION_RATE": "0"})
    c = await login(stack, raw_client, "alice")
    stack.add_account("bob")
    ballast = os.path.join(disk, "ballast")
    with open(ballast, "wb") as f, contextlib.suppress(OSError):
        free = os.statvfs(disk)
        f.write(bytes(max(0, free.f_bavail * free.f_frsize - (300 << 10))))
    kept, refusal = await fill(c)
    return stack, c, kept, refusal, ballast


async def test_full_disk_is_answered_with_an_error(full):
    _, _, kept, refusal, _ = full
    error = next(e for e in refusal if e.tag.endswith("}error"))
    assert error.get("type") in ("wait", "cancel") and kept


async def test_full_disk_stops_nobody_else(full, raw_client):
    """What needs no space works as ever."""
    stack, c, kept, _, _ = full
    bob = await login(stack, raw_client, "bob")
    await bob.send(f"<message to='{c.jid}' id='m'><x xmlns='urn:x'/></message>")
    await c.wait("message", id="m")
    assert kept <= await roster(c)


async def test_full_disk_keeps_what_was_acknowledged(full, raw_client):
    """The refused contact is not there either, neither now nor after a restart."""
    stack, c, kept, _, _ = full
    assert await roster(c) == kept
    stack.router.kill9()
    stack.router.start()
    stack.ready(timeout=20)
    again = await login(stack, raw_client, "alice")
    assert await roster(again) == kept


async def test_full_disk_is_seen_and_gets_over(full):
    """Not ready meanwhile; with space again, all works without a restart."""
    stack, c, kept, _, ballast = full
    await until(lambda: not stack.is_ready(), "not ready", timeout=12)
    os.unlink(ballast)
    await c.send(item_set("after@example.org", "x"))
    await c.wait("iq", id="s-after@example.org", type="result")
    assert await roster(c) == kept | {"after@example.org"}
    await until(stack.is_ready, "ready again", timeout=12)


# --- a disk that becomes read-only ----------------------------------------------------------------

async def test_database_that_becomes_read_only(make_stack, raw_client):
    """Refused, seen, and over when it is; what needs no disk works, what was acknowledged stays."""
    stack = make_stack(components=())
    c = await login(stack, raw_client, "alice")
    await c.send(item_set("before@example.org"))
    await c.wait("iq", id="s-before@example.org", type="result")
    with unwritable(os.path.join(stack.data_dir, "router.sqlite")):
        await c.send(item_set("meanwhile@example.org"))
        await c.wait("iq", id="s-meanwhile@example.org", type="error")
        await until(lambda: not stack.is_ready(), "not ready")
        with pytest.raises(CtlError):
            stack.ctl("account", "disable", c.jid.partition("/")[0])
        await c.send(f"<message to='{c.jid}' id='m'><x xmlns='urn:x'/></message>")
        await c.wait("message", id="m")
        assert await roster(c) == {"before@example.org"}
    await c.send(item_set("after@example.org"))
    await c.wait("iq", id="s-after@example.org", type="result")
    await until(stack.is_ready, "ready again", timeout=12)
    stack.router.kill9()
    stack.router.start()
    stack.ready(timeout=20)
    assert await roster(await login(stack, raw_client, "alice")) == {
        "before@example.org", "after@example.org"}
