# SPDX-License-Identifier: MIT
"""What rooms keep, as clients read it (XEP-0313): ids, pages, who may, what was taken back."""

import contextlib
import datetime
import os
import sqlite3
import time

import pytest

from lib import xml
from lib.archive import MAM, Page, fields, rsm, stanza_id
from lib.disk import fill_disk, unwritable
from lib.faults import let_pass
from lib.inbox import error_condition
from lib.old_rooms import make_older
from lib.rooms import (
    CLIENT, X, change, codes, configure, create, features, join, leave, occupant_id, say)
from lib.wait import until, until_answer

ROOM = "room@conference.localhost"
ENV = {"E2E_POLICY_MUC": "none", "MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0",
       "LIMIT_SESSION_RATE": "0"}
RETRACT, MODERATE = "urn:xmpp:message-retract:1", "urn:xmpp:message-moderate:1"
USER_ITEM = "{http://jabber.org/protocol/muc#user}x/{http://jabber.org/protocol/muc#user}item"
DELAY = "{urn:xmpp:delay}delay"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("muc",), env=ENV)


async def query(client, content="", room=ROOM):
    """A Page; client: anybody, in the room or not."""
    client.queries = getattr(client, "queries", 0) + 1
    queryid = f"{client.boundjid.resource}-{client.queries}"
    answer = await client.request(
        "set", f"<query xmlns='{MAM}' queryid='{queryid}'>{content}</query>", to=room)
    found = [m.find(f"{{{MAM}}}result") for m in client.inbox.find("message", from_=room)]
    return Page(answer, [r for r in found if r is not None and r.get("queryid") == queryid])


async def talk(client, *bodies):
    for body in bodies:
        say(client, ROOM, f"<body>{body}</body>", f"id-{body}")
    await client.wait("message", id=f"id-{bodies[-1]}", from_bare=ROOM)


async def every(client, room=ROOM, size=100):
    """Ids and bodies of all, in pages."""
    ids, bodies, after = [], [], None
    while True:
        page = await query(client, rsm(max=size, after=after) if after else rsm(max=size), room)
        assert page.error is None, xml.show(page.answer)
        ids += page.ids
        bodies += page.bodies
        if page.complete:
            return ids, bodies
        after = page.rsm("last")


def database(stack):
    return os.path.join(stack.data_dir, "muc.db")


def rows(stack, table="said"):
    with contextlib.closing(sqlite3.connect(f"file:{database(stack)}?mode=ro", uri=True)) as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


async def two(client, **config):
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice", persistentroom=True, **config)
    await join(bob, ROOM, "Bob")
    return alice, bob


# --- what is kept ---------------------------------------------------------------------------------

async def test_ids_are_those_of_the_archive(stack, client):
    alice, bob = await two(client)
    say(alice, ROOM, f"<body>forged</body><stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='x'/>",
        "id-forged")
    await talk(alice, "one", "two", "three")
    for c in alice, bob:
        await c.wait("message", id="id-three")
        heard = [m for m in c.inbox.find("message", type="groupchat")
                 if m.find(f"{CLIENT}body") is not None]
        assert [stanza_id(m, ROOM) for m in heard] == (await query(bob)).ids
    page = await query(bob)
    assert page.bodies == ["forged", "one", "two", "three"] and page.complete
    assert page.ids == sorted(page.ids) and len(set(page.ids)) == 4
    assert {m.get("from") for m in page.messages} == {f"{ROOM}/Alice"}
    assert all(m.get("to") is None and m.get("type") == "groupchat" for m in page.messages)


async def test_catching_up_without_a_replay(stack, client):
    """Who comes back asks for what is behind the last that he has, and is shown no history."""
    alice, bob = await two(client)
    await talk(alice, "1", "2")
    last = stanza_id(await bob.wait("message", id="id-2"), ROOM)
    await leave(bob, ROOM, "Bob")
    await talk(alice, *(str(n) for n in range(3, 60)))
    await join(bob, ROOM, "Bob", history="<history maxstanzas='0'/>")
    assert not [m for m in bob.inbox.find("message") if m.find(f"{CLIENT}body") is not None]
    page = await query(bob, rsm(max=50, after=last))
    assert page.bodies == [str(n) for n in range(3, 53)] and not page.complete
    page = await query(bob, rsm(max=50, after=page.rsm("last")))
    assert page.bodies == [str(n) for n in range(53, 60)] and page.complete


async def test_history_has_the_same_ids(stack, client):
    alice, bob = await two(client)
    await talk(alice, "1", "2", "3")
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    shown = [m for m in carol.inbox.find("message") if m.find(DELAY) is not None]
    assert [stanza_id(m, ROOM) for m in shown if m.find(f"{CLIENT}body") is not None] == \
        (await query(carol)).ids


async def test_pages_both_ways(stack, client):
    alice, bob = await two(client)
    said = [str(n) for n in range(25)]
    await talk(alice, *said)
    first = await query(bob, rsm(max=10))
    assert first.bodies == said[:10] and not first.complete
    last = await query(bob, rsm(max=10, before=""))
    assert last.bodies == said[15:] and not last.complete
    before = await query(bob, rsm(max=20, before=last.rsm("first")))
    assert before.bodies == said[:15] and before.complete
    flipped = await query(bob, rsm(max=3, before="") + "<flip-page/>")
    assert flipped.bodies == said[:-4:-1] and flipped.rsm("first") == flipped.ids[-1]
    some = fields(after_id=first.ids[3], before_id=first.ids[6])
    assert (await query(bob, some)).bodies == said[4:6]
    assert (await query(bob, fields(ids=[first.ids[7], first.ids[2]]))).bodies == ["2", "7"]
    assert (await every(bob, size=7))[1] == said
    for content, error in ((rsm(after="nothing"), "item-not-found"), (rsm(max="x"), "bad-request"),
                           (rsm(after=first.ids[0], before=""), "bad-request"),
                           (fields(search="x"), "feature-not-implemented")):
        assert (await query(bob, content)).error == error, content


async def test_with_slixmpp(stack, client):
    alice = await client("alice", plugins=("xep_0313",))
    await create(alice, ROOM, "Alice", persistentroom=True)
    said = [str(n) for n in range(23)]
    await talk(alice, *said)
    mam = alice["xep_0313"]
    got = [m["mam_result"]["forwarded"]["stanza"]["body"]
           async for m in mam.iterate(jid=ROOM, rsm={"max": 10})]
    assert got == said
    got = [m["mam_result"]["forwarded"]["stanza"]["body"]
           async for m in mam.iterate(jid=ROOM, reverse=True, rsm={"max": 10}, total=15)]
    assert sorted(got, key=int) == said[-15:]
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    answer = await mam.retrieve(jid=ROOM, start=start)
    assert len(answer["mam"]["results"]) == 23


async def test_metadata_form_and_features(stack, client):
    alice, bob = await two(client)
    archive = {MAM, f"{MAM}#extended"}
    assert archive | {"urn:xmpp:sid:0", RETRACT, f"{RETRACT}#tombstone", MODERATE} <= \
        (await features(bob, ROOM))[0]
    answer = await bob.request("get", f"<metadata xmlns='{MAM}'/>", to=ROOM)
    assert len(answer.find(f"{{{MAM}}}metadata")) == 0
    await talk(alice, "1", "2", "3")
    ids = (await query(bob)).ids
    answer = await bob.request("get", f"<metadata xmlns='{MAM}'/>", to=ROOM)
    assert [(e.tag.rpartition("}")[2], e.get("id")) for e in answer.find(f"{{{MAM}}}metadata")] == [
        ("start", ids[0]), ("end", ids[-1])]
    answer = await bob.request("get", f"<query xmlns='{MAM}'/>", to=ROOM)
    assert {f.get("var") for f in answer.iter("{jabber:x:data}field")} == {
        "FORM_TYPE", "with", "start", "end", "before-id", "after-id", "ids"}
    bob.inbox.clear()
    await configure(alice, ROOM, {"enablearchiving": False})
    assert codes(await bob.wait("message", from_=ROOM)) == [171]
    assert not archive & (await features(bob, ROOM))[0]
    assert (await query(bob)).error == "service-unavailable"
    bob.inbox.clear()
    await configure(alice, ROOM, {"enablearchiving": True})
    assert codes(await bob.wait("message", from_=ROOM)) == [170]
    assert (await query(bob)).bodies == ["1", "2", "3"]


# --- who may --------------------------------------------------------------------------------------

async def test_who_may_read(stack, client):
    alice, bob = await two(client)
    eve = await client("eve")
    await talk(alice, "1")
    assert (await query(eve)).bodies == ["1"]  # she may enter
    await change(alice, ROOM, {"jid": eve.bare, "affiliation": "outcast"})
    assert (await query(eve)).error == "forbidden"
    await change(alice, ROOM, {"jid": eve.bare, "affiliation": "none"})
    await configure(alice, ROOM, {"membersonly": True})
    assert (await query(eve)).error == "forbidden"
    await change(alice, ROOM, {"jid": eve.bare, "affiliation": "member"})
    assert (await query(eve)).bodies == ["1"]
    await configure(alice, ROOM, {"membersonly": False, "roomsecret": "s"})
    await change(alice, ROOM, {"jid": eve.bare, "affiliation": "none"})
    assert (await query(eve)).error == "forbidden"
    await join(eve, ROOM, "Eve", password="s")
    assert (await query(eve)).bodies == ["1"]
    assert (await query(eve, room="none@conference.localhost")).error == "item-not-found"


async def test_banned_between_two_pages(stack, client):
    alice, bob = await two(client)
    await talk(alice, *(str(n) for n in range(20)))
    page = await query(bob, rsm(max=10))
    await change(alice, ROOM, {"jid": bob.bare, "affiliation": "outcast"})
    assert (await query(bob, rsm(max=10, after=page.rsm("last")))).error == "forbidden"


async def test_who_sees_who_it_was(stack, client):
    alice, bob = await two(client)
    await talk(bob, "1")

    async def real(c):
        return [m.find(USER_ITEM).get("jid") if m.find(USER_ITEM) is not None else None
                for m in (await query(c)).messages]

    assert await real(alice) == [bob.full] and await real(bob) == [None]
    assert (await query(alice, fields(with_=bob.bare))).bodies == ["1"]
    assert (await query(alice, fields(with_=alice.bare))).bodies == []
    assert (await query(bob, fields(with_=alice.bare))).error == "forbidden"
    assert (await query(bob, fields(with_=f"{ROOM}/Bob"))).bodies == ["1"]
    await configure(alice, ROOM, {"whois": "anyone"})
    assert await real(bob) == [bob.full]


# --- what is taken back ---------------------------------------------------------------------------

def retracted(messages):
    return [m.get("id") for m in messages if m.find(f"{{{RETRACT}}}retracted") is not None]


async def test_taken_back_by_its_author(stack, client):
    alice, bob = await two(client)
    await talk(bob, "oops", "fine")
    ids = (await query(bob)).ids
    say(bob, ROOM, f"<retract xmlns='{RETRACT}' id='{ids[0]}'/>", "r1")
    told = await alice.wait("message", id="r1")
    assert told.find(f"{{{RETRACT}}}retract").get("id") == ids[0]
    page = await query(alice)
    assert page.ids[:2] == ids and page.bodies == [None, "fine", None]
    tombstone = page.messages[0].find(f"{{{RETRACT}}}retracted")
    assert tombstone.get("id") == "r1" and tombstone.get("stamp")
    say(bob, ROOM, f"<retract xmlns='{RETRACT}' id='{(await query(bob)).ids[1]}'/>", "r2")
    await alice.wait("message", id="r2")
    await talk(alice, "mine")
    say(bob, ROOM, f"<retract xmlns='{RETRACT}' id='{(await query(bob)).ids[-1]}'/>", "r3")
    await bob.wait("message", id="r3", error="forbidden")
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    shown = carol.inbox.find("message")
    assert retracted(shown) == ["id-oops", "id-fine"]
    assert [b for m in shown if (b := m.findtext(f"{CLIENT}body"))] == ["mine"]


async def test_taken_back_by_a_moderator(stack, client):
    alice, bob = await two(client)
    await talk(bob, "spam")
    ident, = (await query(alice)).ids
    spam, = alice.inbox.find("message", id="id-spam")

    async def moderate(c, which=ident):
        return await c.request(
            "set", f"<moderate xmlns='{MODERATE}' id='{which}'><retract xmlns='{RETRACT}'/>"
            "<reason>no</reason></moderate>", to=ROOM)

    eve = await client("eve")
    for c in bob, eve:
        assert error_condition(await moderate(c)) == "forbidden"
    assert error_condition(await moderate(alice, "x")) == "item-not-found"
    stack.components["muc"].kill9()
    stack.components["muc"].start()
    stack.ready()
    assert (await moderate(alice)).get("type") == "result"
    told = await bob.wait("message", from_=ROOM, has=f"{{{RETRACT}}}retract")
    retract = told.find(f"{{{RETRACT}}}retract")
    assert retract.get("id") == ident and retract.findtext(f"{{{RETRACT}}}reason") == "no"
    page = await query(bob)
    tombstone = page.messages[0].find(f"{{{RETRACT}}}retracted")
    assert occupant_id(page.messages[0]) == occupant_id(spam)
    await talk(alice, "done")
    moderator = occupant_id(alice.inbox.find("message", id="id-done")[0])
    assert moderator != occupant_id(spam)
    for word in retract, tombstone:
        by = word.find(f"{{{MODERATE}}}moderated")
        assert by.get("by") == f"{ROOM}/Alice" and occupant_id(by) == moderator
    assert page.messages[0].find(f"{CLIENT}body") is None
    assert page.messages[1].get("from") == ROOM and page.ids[1] == stanza_id(told, ROOM)
    with contextlib.closing(sqlite3.connect(database(stack))) as db:
        assert not db.execute("SELECT 1 FROM said WHERE body LIKE '%spam%'").fetchall()


async def test_who_enters_is_told_that_it_is_kept(stack, client):
    alice, bob = await two(client)
    carol = await client("carol")
    assert codes(await join(carol, ROOM, "Carol")) == [110, 170]
    assert codes(await join(carol, ROOM, "Carol")) == [110, 170]  # a full synchronisation
    assert codes(await bob.wait("presence", from_=f"{ROOM}/Carol")) == []
    await configure(alice, ROOM, {"enablearchiving": False, "whois": "anyone"})
    assert codes(await carol.wait("message", from_=ROOM, type="groupchat", has=X)) == [171, 172]
    assert codes(await join(carol, ROOM, "Carol")) == [100, 110]
    await leave(carol, ROOM, "Carol")
    await configure(alice, ROOM, {"enablearchiving": True})
    assert codes(await join(carol, ROOM, "Carol")) == [100, 110, 170]


# --- what goes wrong ------------------------------------------------------------------------------

async def test_killed_again_and_again(stack, client):
    """What was heard is found, once, in order."""
    alice, bob = await two(client)
    muc = stack.components["muc"]
    for n in range(60):
        say(alice, ROOM, f"<body>{n}</body>", f"k{n}")
        if n % 20 == 10:
            await alice.wait("message", id=f"k{n - 5}")
            muc.kill9()
            muc.start()
    await alice.wait("message", id="k59", timeout=40)
    stack.ready()
    ids, bodies = await every(bob)
    assert bodies == [str(n) for n in range(60)]
    heard = [m for m in alice.inbox.find("message", type="groupchat")
             if (m.get("id") or "").startswith("k")]
    assert [stanza_id(m, ROOM) for m in heard] == ids == sorted(ids)


async def test_a_database_that_cannot_be_written(stack, client):
    alice, bob = await two(client)
    await talk(alice, "before")
    with unwritable(database(stack)):
        say(alice, ROOM, "<body>meanwhile</body>", "id-meanwhile")
        await until(lambda: not stack.is_ready("muc"), "muc is not ready")
    await bob.wait("message", id="id-meanwhile", timeout=40)
    assert (await query(bob)).bodies == ["before", "meanwhile"]


async def test_full_disk(make_stack, client, small_disk):
    stack = make_stack(components=("muc",), data_dir=small_disk("16m"), env=ENV)
    alice, bob = await two(client)
    filler = fill_disk(stack.data_dir)
    sent = []
    while stack.is_ready("muc"):
        sent.append(f"f{len(sent)}")
        say(alice, ROOM, f"<body>{sent[-1]}</body><pad xmlns='urn:pad'>{'x' * 4000}</pad>", sent[-1])
        await until(lambda: alice.inbox.find("message", id=sent[-1]) or not stack.is_ready("muc"))
        assert len(sent) < 200
    os.unlink(filler)
    await alice.wait("message", id=sent[-1], type="groupchat", timeout=40)
    assert (await every(bob))[1] == sent


async def test_a_room_that_is_destroyed(stack, client):
    """Its archive goes, and the next of its name has none of it."""
    alice, bob = await two(client)
    await talk(alice, *(str(n) for n in range(300)))
    await alice.request("set", "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy/>"
                        "</query>", to=ROOM)
    await create(alice, ROOM, "Alice")
    await talk(alice, "new")
    assert (await query(alice)).bodies == ["new"]
    await until(lambda: rows(stack) == 1 and rows(stack, "gone") == 0)


async def linked(client):
    """A Page.  After two jumps the link has been silent for too long, and is made anew."""
    page = await query(client)
    return page if page.error != "service-unavailable" else None


async def test_what_is_too_old(make_stack, client, clock):
    stack = make_stack(components=("muc",), env={**ENV, "MUC_ARCHIVE_EXPIRE": "10m"})
    alice, bob = await two(client)
    await talk(alice, *(str(n) for n in range(500)))
    await let_pass(clock, 500)
    await talk(alice, "new")
    await let_pass(clock, 150)
    await until(lambda: rows(stack) == 1, timeout=40)
    page = await until_answer(lambda: linked(alice), "it is linked")
    assert page.bodies == ["new"]
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    assert [b for m in carol.inbox.find("message") if (b := m.findtext(f"{CLIENT}body"))] == ["new"]


def fill(stack, local, n):
    """Messages written into the database of rooms that do not run."""
    with contextlib.closing(sqlite3.connect(database(stack))) as db, db:
        no, = db.execute("SELECT no FROM room WHERE name = ?", (local,)).fetchone()
        db.executemany(
            "INSERT INTO said (room, seq, salt, flags, nick, jid, id, body)"
            " VALUES (?, ?, ?, 3, 'Alice', 'alice@localhost/x', ?, ?)",
            ((no, (1700000000000 + i) << 12, i, f"m{i}", f"<body>{i}{'x' * 200}</body>")
             for i in range(n)))


async def test_a_page_of_many_costs_what_one_of_few_costs(stack, client):
    alice = await client("alice")
    sizes = {"few": 1000, "many": 100000}
    for local in sizes:
        await create(alice, f"{local}@conference.localhost", "Alice", persistentroom=True)
    stack.components["muc"].kill9()
    for local, n in sizes.items():
        fill(stack, local, n)
    stack.components["muc"].start()
    stack.ready()

    async def cost(local):
        room, took = f"{local}@conference.localhost", []
        middle = (await query(alice, fields(start=datetime.datetime.fromtimestamp(
            1700000000 + sizes[local] / 2000, datetime.timezone.utc).isoformat()) + rsm(max=1), room))
        at = middle.rsm("last")
        for _ in range(15):
            began = time.perf_counter()
            page = await query(alice, rsm(max=50, after=at), room)
            took.append(time.perf_counter() - began)
            assert len(page.ids) == 50
            at = page.rsm("last") if page.rsm("last") and len(took) < 8 else at
            alice.inbox.clear()
        return min(took)

    few, many = await cost("few"), await cost("many")
    assert many < 2 * few + 0.005, (few, many)
    page = await query(alice, fields(with_="nobody@localhost"), "many@conference.localhost")
    assert page.complete and page.ids == []


async def test_rooms_of_before(stack, client):
    """What an older version kept is in the archive, in its order, and shown as it was."""
    alice, bob = await two(client)
    stack.components["muc"].kill9()
    make_older(database(stack), 2)
    with contextlib.closing(sqlite3.connect(database(stack))) as db, db:
        db.executemany("INSERT INTO history VALUES ('room', ?, ?, 'Alice', ?, NULL, ?)",
                       [(n, 1700000000000 - n % 3, f"h{n}", f"<body>{n}</body>") for n in range(10)])
    stack.components["muc"].start()
    stack.ready()
    await talk(alice, "new")
    assert (await query(bob)).bodies == [str(n) for n in range(10)] + ["new"]
    carol = await client("carol")
    await join(carol, ROOM, "Carol")
    assert [b for m in carol.inbox.find("message") if (b := m.findtext(f"{CLIENT}body"))] == \
        [str(n) for n in range(10)] + ["new"]
