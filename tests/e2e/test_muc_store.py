# SPDX-License-Identifier: MIT
"""Rooms: a database that cannot be written or read, and rows in it that make no sense."""

import contextlib
import os
import sqlite3

import pytest

from lib.crowd import CONF, Crowd
from lib.disk import unwritable
from lib.inbox import error_condition
from lib.old_rooms import NEWEST, make_older
from lib.payloads import ENCRYPTED
from lib.rooms import (
    MUC, OCCUPANT_ID, change, configure, create, item, join, leave, listed, occupant_id,
    presence_xml, say)
from lib.wait import until

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
USER = f"{MUC}#user"
OMEMO = ENCRYPTED["OMEMO 0.3"]
DECLINE = f"{{{USER}}}decline"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("muc",), conf_d=CONF,
                      env={"MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0"})


def database(stack):
    return os.path.join(stack.data_dir, "muc.db")


def sql(stack, *statements):
    with contextlib.closing(sqlite3.connect(database(stack), isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


async def not_ready(stack):
    await until(lambda: not stack.is_ready("muc"), "muc is not ready")
    return stack.why_not("muc")


async def room_of_two(client):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", persistentroom=True)
    await join(bob, ROOM, "Bob")
    return alice, bob


# --- a database that fails ------------------------------------------------------------------------

async def test_database_that_becomes_read_only(stack, client):
    """Nothing is said that is not kept; with the disk back nothing is lost, nobody is gone."""
    alice, bob = await room_of_two(client)
    say(alice, ROOM, OMEMO, "before")
    await bob.wait("message", id="before")
    with unwritable(database(stack)):
        say(alice, ROOM, OMEMO, "meanwhile")
        assert "database: " in await not_ready(stack)
        bob.send_raw(presence_xml(f"{ROOM}/Rob"))
        await alice.sync()
        assert not alice.inbox.find("message", id="meanwhile")
        assert not bob.inbox.find("message", id="meanwhile")
    for c in alice, bob:
        await c.wait("message", id="meanwhile", timeout=40)
        await c.wait("presence", from_=f"{ROOM}/Rob")
    stack.ready("muc")
    for c in alice, bob:
        assert len(c.inbox.find("message", id="meanwhile")) == 1
        assert not c.inbox.find("message", type="error")
    assert [i["nick"] for i in await listed(alice, ROOM, role="participant")] == ["Rob"]


async def test_questions_that_are_open_when_the_disk_fails(stack, client, raw_client):
    """They are asked again, and count once: 32 of one account still."""
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    crowd = await Crowd.gather(raw_client, stack)
    await crowd.enter("quiet", ROOM)
    await crowd.inside("quiet", ROOM)

    def ask(number):
        alice.send_raw(f"<iq type='get' id='q{number}' to='{ROOM}/quiet'>"
                       "<query xmlns='urn:test:q'/></iq>")

    async def asked(n):
        await until(lambda: len(crowd.inbox.find("iq", has="{urn:test:q}query")) >= n, timeout=40)
        return crowd.inbox.find("iq", has="{urn:test:q}query")

    for number in range(32):
        ask(number)
    await asked(32)
    with unwritable(database(stack)):
        say(alice, ROOM, OMEMO, "meanwhile")
        await not_ready(stack)
    again = (await asked(64))[32:]
    ask(32)
    assert error_condition(await alice.wait("iq", id="q32")) == "resource-constraint"
    for question in again:
        await crowd.send("quiet", "iq", ROOM + "/Alice", type="result", id=question.get("id"))
    for number in range(32):
        await alice.wait("iq", id=f"q{number}", type="result")
    for number in range(33, 66):
        ask(number)
    assert error_condition(await alice.wait("iq", id="q65")) == "resource-constraint"
    assert len(await asked(96)) == 96


async def test_rooms_that_cannot_be_read_after_a_failure(stack, client):
    """They are tried again until they can; what made the failure comes again."""
    alice, bob = await room_of_two(client)
    muc = stack.components["muc"]
    sql(stack, "ALTER TABLE affiliation RENAME TO elsewhere")
    with unwritable(database(stack)):
        say(alice, ROOM, OMEMO, "meanwhile")
        await not_ready(stack)
    await muc.wait_log("the rooms cannot be read", timeout=40)
    assert "database: " in stack.why_not("muc")
    assert not bob.inbox.find("message", id="meanwhile")
    sql(stack, "ALTER TABLE elsewhere RENAME TO affiliation")
    for c in alice, bob:
        await c.wait("message", id="meanwhile", timeout=40)
    stack.ready("muc")
    assert [i["jid"] for i in await listed(alice, ROOM, affiliation="owner")] == [alice.bare]


async def test_rooms_that_cannot_be_read_stop_the_start(stack, client):
    """And nothing is thrown away."""
    alice, bob = await room_of_two(client)
    muc = stack.components["muc"]
    muc.kill9()
    sql(stack, "ALTER TABLE affiliation RENAME TO elsewhere")
    muc.start()
    assert muc.wait_exit() == 1
    assert "the rooms cannot be read" in muc.tail()
    sql(stack, "ALTER TABLE elsewhere RENAME TO affiliation")
    muc.start()
    stack.ready("muc")
    say(bob, ROOM, OMEMO, "m1")
    await alice.wait("message", id="m1")
    assert [i["jid"] for i in await listed(alice, ROOM, affiliation="owner")] == [alice.bare]


async def test_room_that_cannot_be_read_when_it_is_needed(stack, client):
    """An empty one's lists are read late: who asks is told to wait, and the others are served."""
    alice, bob = await room_of_two(client)
    other = f"other@{SERVICE}"
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "member"})
    await create(bob, other, "Bob")
    for c, nick in (alice, "Alice"), (bob, "Bob"):
        await leave(c, ROOM, nick)
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    sql(stack, "ALTER TABLE invited RENAME TO elsewhere")
    for _ in range(2):
        refused = await join(alice, ROOM, "Alice")
        assert error_condition(refused) == "resource-constraint"
        assert refused.find("{jabber:client}error").get("type") == "wait"
    info = await alice.request(
        "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=ROOM)
    assert error_condition(info) == "resource-constraint"
    say(bob, other, "<subject>Tea</subject>", "s1")
    await bob.wait("message", id="s1", from_=f"{other}/Bob")
    sql(stack, "ALTER TABLE elsewhere RENAME TO invited")
    assert item(await join(alice, ROOM, "Alice"))["affiliation"] == "owner"
    assert [i["jid"] for i in await listed(alice, ROOM, affiliation="member")] == [bob.bare]


# --- what another hand has written ----------------------------------------------------------------

async def test_rows_that_make_no_sense(stack, client):
    """They are left out; what else there is works."""
    alice, bob = await room_of_two(client)
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "member"})
    muc = stack.components["muc"]
    muc.kill9()
    occupant = "INSERT INTO occupant (room, jid, nick, role, came, spoke, presence) VALUES "
    affiliation = "INSERT INTO affiliation (room, jid, affiliation) VALUES "
    sql(stack,
        f"{occupant} ('room', '@@', 'Nobody', 2, 90, 90, '')",
        f"{occupant} ('room', 'eve@localhost/x', 'Eve', 77, 91, 91, '')",
        f"{occupant} ('room', 'eve@localhost/y', 'Eva', -1, 92, 92, '')",
        f"{occupant} ('room', 'eve@localhost/z', 'Alice', 3, 93, 93, '')",
        f"{occupant} ('room', '{alice.boundjid.full.upper().split('/')[0]}/"
        f"{alice.boundjid.resource}', 'Twice', 3, 94, 94, '')",
        f"{affiliation} ('room', 'eve@localhost', 99)",
        f"{affiliation} ('room', 'eva@localhost', -2)",
        "INSERT INTO invited (room, who, inviter, seq) VALUES ('room', 'x@localhost', '@@', 1)")
    muc.start()
    stack.ready("muc")
    nicks = {role: [i["nick"] for i in await listed(alice, ROOM, role=role)]
             for role in ("moderator", "participant", "visitor")}
    assert nicks == {"moderator": ["Alice"], "participant": ["Bob"], "visitor": []}
    lists = {name: [i["jid"] for i in await listed(alice, ROOM, affiliation=name)]
             for name in ("owner", "admin", "member", "outcast")}
    assert lists == {"owner": [alice.bare], "admin": [], "member": [bob.bare], "outcast": []}
    say(bob, ROOM, OMEMO, "m1")
    await alice.wait("message", id="m1")


async def test_invitations_in_their_order_after_a_kill(stack, client, raw_client):
    """The 65th makes the oldest go, whenever either was sent."""
    alice = await client("alice")
    await create(alice, ROOM, "Alice", persistentroom=True)
    crowd = await Crowd.gather(raw_client, stack)

    async def invite(number):
        say(alice, ROOM, f"<x xmlns='{USER}'><invite to='u{number}@crowd.localhost'/></x>",
            kind="normal")
        await crowd.wait(f"u{number}", "message", bare=True)

    async def decline(number):
        await crowd.send(f"u{number}", "message", ROOM,
                         f"<x xmlns='{USER}'><decline to='{ROOM}'/></x>", id=f"d{number}")

    def again():
        stack.components["muc"].kill9()
        stack.components["muc"].start()
        stack.ready()

    for number in range(64):
        await invite(number)
    again()
    await invite(64)  # u0 made place
    again()
    await invite(65)  # and u1
    await decline(64)
    await alice.wait("message", from_=ROOM, has=DECLINE)
    await decline(1)
    assert error_condition(await crowd.wait("u1", "message", id="d1")) == "item-not-found"


# --- a database of an older version ---------------------------------------------------------------

@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_older_versions(stack, client, version):
    """What there was is still there, and what there was not yet works."""
    alice, bob = await room_of_two(client)
    say(bob, ROOM, OMEMO, "m1")
    await alice.wait("message", id="m1")
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "admin"})
    muc = stack.components["muc"]
    muc.kill9()
    make_older(database(stack), version)
    muc.start()
    stack.ready("muc")
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    assert (await carol.wait("message", id="m1")).get("from") == f"{ROOM}/Bob"
    nicks = {p.get("from").split("/")[1] for p in carol.inbox.find("presence") if p.get("from") != ROOM}
    assert nicks == {"Carol"} | ({"Alice", "Bob"} if version > 1 else set())
    assert [i["jid"] for i in await listed(alice, ROOM, affiliation="admin")] == [bob.bare]
    await configure(alice, ROOM, {"slow_mode_duration": 7})
    say(carol, ROOM, OMEMO, "m2")
    assert occupant_id(await carol.wait("message", id="m2"))


@pytest.mark.parametrize("version", [2, 3])
async def test_what_older_versions_let_pass_is_taken_out(stack, client, version):
    """Ids of occupants and hats that users said of themselves when nobody else did."""
    alice, bob = await room_of_two(client)
    muc = stack.components["muc"]
    muc.kill9()
    forged = "<occupant-id xmlns=\"urn:xmpp:occupant-id:0\" id=\"forged\"/>"
    hats = "<hats xmlns=\"urn:xmpp:hats:0\"><hat title=\"forged\" uri=\"x:y\"/></hats>"
    made = {2: "INSERT INTO history (room, seq, at, nick, id, body) VALUES ('room', {0}, {0}, ",
            3: "INSERT INTO said (room, seq, salt, flags, nick, id, body)"
               " VALUES ((SELECT no FROM room), {0}, 1, 3, "}
    make_older(database(stack), version)
    sql(stack,
        made[version].format(1) + f"'Bob', 'old', '<body>x</body>{forged}')",
        made[version].format(2) + "'Bob', 'fine', '<body>urn:xmpp:occupant-id:0</body>')",
        f"UPDATE occupant SET presence = '{forged}{hats}' WHERE nick = 'Bob'")
    muc.start()
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    assert [m.get("id") for m in carol.inbox.find("message") if m.get("id")] == ["fine"]
    ids = {e.get("id") for s in carol.inbox for e in s.iter(OCCUPANT_ID)}
    assert len(ids) == 3 and "forged" not in ids
    assert not [h for s in carol.inbox for h in s.iter("{urn:xmpp:hats:0}hat")]
