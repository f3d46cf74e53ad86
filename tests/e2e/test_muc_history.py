# SPDX-License-Identifier: MIT
"""Rooms: what was said, for those who enter; what is kept over the end of the process."""

import contextlib
import os
import sqlite3

import pytest

from lib import ns
from lib.disk import fill_disk
from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (CLIENT, change, codes, configure, create, item, join, leave, listed, say)
from lib.wait import until

ROOM = "room@conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
DELAY = "{urn:xmpp:delay}delay"
MS_RDONLY = 1
ACKS = "what was not handled comes again only on an acknowledged link"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


async def said(client, first, last):
    for number in range(first, last + 1):
        say(client, ROOM, OMEMO, f"h{number}")
    await client.wait("message", id=f"h{last}")


def shown(client):
    return [m.get("id") for m in client.inbox.find("message") if m.find(DELAY) is not None
            and m.find(f"{CLIENT}subject") is None]


# --- history --------------------------------------------------------------------------------------

async def test_history(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", **{"muc#maxhistoryfetch": 5})
    await said(alice, 1, 7)
    await join(bob, ROOM, "Bob")
    assert shown(bob) == ["h3", "h4", "h5", "h6", "h7"]
    first = bob.inbox.find("message", id="h3")[0]
    assert first.get("from") == f"{ROOM}/Alice" and first.find(DELAY).get("from") == ROOM
    assert first.find("{eu.siacs.conversations.axolotl}encrypted") is not None


@pytest.mark.parametrize("history, expected", [
    ("", 5), ("maxstanzas='2'", 2), ("maxstanzas='0'", 0), ("maxchars='0'", 0),
    ("maxchars='100000'", 5), ("maxchars='400'", 0), ("maxchars='2000'", (1, 2, 3)),
    ("seconds='3600'", 5), ("since='2000-01-01T00:00:00Z'", 5), ("since='2100-01-01T00:00:00Z'", 0),
    ("maxstanzas='99' seconds='3600'", 5), ("maxstanzas='-1'", 5), ("since='nonsense'", 5),
    ("maxstanzas='99999999999999999999999'", 5)])
async def test_history_as_asked_for(stack, client, history, expected):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await said(alice, 1, 5)
    await join(bob, ROOM, "Bob", history=f"<history {history}/>")
    got = shown(bob)
    assert len(got) in (expected if isinstance(expected, tuple) else (expected,))
    assert got == [f"h{n}" for n in range(6 - len(got), 6)]


async def test_what_is_no_history(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    for inner in ("<composing xmlns='http://jabber.org/protocol/chatstates'/>",
                  f"{OMEMO}<no-store xmlns='urn:xmpp:hints'/>", "<subject>s</subject>"):
        say(alice, ROOM, inner, "x")
    await said(alice, 1, 1)
    await join(bob, ROOM, "Bob")
    assert shown(bob) == ["h1"]


async def test_history_waits_for_its_time(stack, client, clock):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await said(alice, 1, 1)
    clock.advance(3600)
    for number in range(2, 20):  # until the program has looked at its clock
        await said(alice, number, number)
        await join(bob, ROOM, "Bob", history="<history seconds='60'/>")
        if shown(bob):
            break
    assert shown(bob) and "h1" not in shown(bob)


# --- kept -----------------------------------------------------------------------------------------

async def kept_room(alice):
    await create(alice, ROOM, "Alice", persistentroom=True, roomname="Cave", whois="anyone",
                 membersonly=True, roomdesc="dark")
    await change(alice, ROOM, {"jid": "mia@localhost", "affiliation": "member", "nick": "Mia"},
                 {"jid": "eve@localhost", "affiliation": "outcast", "reason": "listens"})
    await said(alice, 1, 3)
    say(alice, ROOM, "<subject>Tea</subject>", "s1")
    await alice.wait("message", id="s1")


async def test_persistent_room_is_back_after_a_kill(stack, client):
    alice, mia = await client("alice"), await client("mia")
    await kept_room(alice)
    muc = stack.components["muc"]
    muc.kill9()
    muc.start()
    stack.ready()
    me = await join(mia, ROOM, "Mia")
    assert codes(me) == [100, 110, 170] and item(me)["affiliation"] == "member"
    assert shown(mia) == ["h1", "h2", "h3"]
    subject = mia.inbox.find("message")[-1]
    assert subject.findtext(f"{CLIENT}subject") == "Tea"
    assert subject.get("from") == f"{ROOM}/Alice"
    assert item(await join(alice, ROOM, "Alice"))["affiliation"] == "owner"
    assert await listed(alice, ROOM, affiliation="outcast") == [
        {"affiliation": "outcast", "jid": "eve@localhost"}]
    await said(alice, 4, 4)
    await leave(mia, ROOM, "Mia")
    await join(mia, ROOM, "Mia")
    assert shown(mia) == ["h1", "h2", "h3", "h4"]


def rows(stack):
    """{table: number of its rows}"""
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "muc.db"))) as db:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("room", "affiliation", "said", "occupant", "invited", "gone")}


async def test_what_is_not_persistent_ends_with_its_last_occupant(stack, client):
    alice = await client("alice")
    await kept_room(alice)
    kept = {"room": 1, "affiliation": 3, "said": 4, "occupant": 1, "invited": 0, "gone": 0}
    assert rows(stack) == kept
    await configure(alice, ROOM, {"persistentroom": False})
    assert rows(stack) == kept
    await leave(alice, ROOM, "Alice")
    await until(lambda: set(rows(stack).values()) == {0})


async def test_history_in_the_database_is_bounded(stack, client):
    alice = await client("alice")
    await create(alice, ROOM, "Alice", persistentroom=True, enablearchiving=False,
                 **{"muc#maxhistoryfetch": 3})
    await said(alice, 1, 10)
    await configure(alice, ROOM, {"muc#maxhistoryfetch": 2})
    db = sqlite3.connect(os.path.join(stack.data_dir, "muc.db"))
    assert db.execute("SELECT id FROM said ORDER BY seq").fetchall() == [("h9",), ("h10",)]
    db.close()


async def test_history_is_bounded_in_bytes(make_rooms, client):
    """4 MiB of a room's, whatever number of messages was asked for."""
    stack = make_rooms(env={"LIMIT_SESSION_RATE": "0", "MUC_DEFAULT_HISTORY": "50"})
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", persistentroom=True, enablearchiving=False)
    for number in range(25):
        say(alice, ROOM, f"{OMEMO}<pad xmlns='urn:pad'>{'x' * 200000}</pad>", f"b{number}")
        await alice.wait("message", id=f"b{number}")
    kept = [f"b{n}" for n in range(5, 25)]
    await join(bob, ROOM, "Bob")
    assert shown(bob) == kept
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "muc.db"))) as db:
        assert [row[0] for row in db.execute("SELECT id FROM said ORDER BY seq")] == kept


# --- a database that fails ------------------------------------------------------------------------

async def write_until_full(stack, alice):
    """Ids of what was said until the program could write no more."""
    for number in range(200):
        say(alice, ROOM, f"{OMEMO}<pad xmlns='urn:pad'>{'x' * 4000}</pad>", f"f{number}")
        await until(lambda: alice.inbox.find("message", id=f"f{number}") or not stack.is_ready("muc"))
        if not stack.is_ready("muc"):
            return [f"f{k}" for k in range(number + 1)]
    raise AssertionError("the disk is not full")


@pytest.mark.ours(ACKS)
async def test_full_disk_delays_and_loses_nothing(make_stack, client, small_disk):
    stack = make_stack(components=("muc",), data_dir=small_disk("16m"),
                       env={"MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0"})
    alice = await client("alice")
    await kept_room(alice)
    filler = fill_disk(stack.data_dir)
    sent = await write_until_full(stack, alice)
    assert "database" in stack.why_not("muc")
    await alice.sync()
    assert not alice.inbox.find("message", id=sent[-1])
    os.unlink(filler)
    await alice.wait("message", id=sent[-1], type="groupchat", timeout=40)
    assert [m.get("id") for m in alice.inbox.find("message") if m.get("id") in sent] == sent
    stack.ready("muc")


@pytest.mark.ours(ACKS)
async def test_disk_that_stays_full_is_told(make_stack, client, small_disk, clock):
    """Nothing is said to be kept that is not."""
    stack = make_stack(components=("muc",), data_dir=small_disk("16m"),
                       env={"MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0"})
    alice, bob = await client("alice"), await client("bob")
    await kept_room(alice)
    filler = fill_disk(stack.data_dir)
    sent = await write_until_full(stack, alice)
    clock.advance(31)
    refused = await alice.wait("message", id=sent[-1], type="error")
    assert error_condition(refused) in ("service-unavailable", "remote-server-timeout")
    os.unlink(filler)
    muc = stack.components["muc"]
    mark = muc.mark()
    clock.advance(31)
    await muc.wait_log("could not be resumed", mark)
    stack.ready("muc")
    await change(alice, ROOM, {"jid": "bob@localhost", "affiliation": "member"})
    await join(bob, ROOM, "Bob")
    assert sent[-1] not in shown(bob) and {"h3", *sent[:-1]} <= set(shown(bob))


async def test_locked_database_delays_and_loses_nothing(stack, client):
    alice = await client("alice")
    await kept_room(alice)
    other = sqlite3.connect(os.path.join(stack.data_dir, "muc.db"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for number in range(4, 7):
        say(alice, ROOM, OMEMO, f"h{number}")
    alice.send_raw(f"<presence to='{ROOM}/Other'/>")
    await alice.sync()
    assert not alice.inbox.find("message", id="h4")
    other.execute("ROLLBACK")
    other.close()
    await alice.wait("presence", from_=f"{ROOM}/Other")
    order = [s.get("id") or s.get("from") for s in alice.inbox
             if (s.get("id") or "").startswith("h") or s.get("from") == f"{ROOM}/Other"]
    assert order[-4:] == ["h4", "h5", "h6", f"{ROOM}/Other"]


async def test_read_only_disk_stops_the_start(make_stack, folder):
    path = os.path.join(folder, "ro")
    os.mkdir(path)
    stack = make_stack(components=("muc",), env={"MUC_DATA_DIR": path}, start=False)
    ns.mount_tmpfs(path, "1m", MS_RDONLY)
    try:
        stack.router.start()
        stack.ready("router")
        muc = stack.components["muc"]
        muc.start()
        assert muc.wait_exit() == 1
        assert path in muc.tail() and "Read-only" in muc.tail()
    finally:
        ns.unmount(path)
