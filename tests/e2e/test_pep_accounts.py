# SPDX-License-Identifier: MIT
"""Accounts that go, and what pubsub kept for them: whoever has the name next finds nothing."""

import contextlib
import os
import sqlite3

import pytest

from lib import xml
from lib.pep import OWNER, befriend, condition, ok, payload
from lib.pep_people import (SERVICE, affiliate, ids, nodes_of, settled, subscribe,
                            subscribers)
from lib.stack import CtlError
from lib.wait import until

MOOD, OPEN, BOOKMARKS = "urn:example:mood", "urn:example:open", "urn:xmpp:bookmarks:1"
ALICE, BOB = "alice@localhost", "bob@localhost"
VCARD = "<vCard xmlns='vcard-temp'><FN>Alice of old</FN></vCard>"
PRIVATE = "<query xmlns='jabber:iq:private'><x xmlns='urn:example:private'>{}</x></query>"


async def publish(who, node=MOOD, id="1", **how):
    ok(await who.publish(node, payload(id), id=id, **how))


def rows(stack):
    """All that the database says, but for what is no user's."""
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "pubsub.db"))) as db:
        said = []
        for table in ("node", "affiliation", "subscription", "item", "session"):
            said += [f"{table}: {row}" for row in db.execute(f"SELECT * FROM {table}")]
    return said


def about(stack, jid):
    return [r for r in rows(stack) if jid in r or "of old" in r]


async def added(stack, jid):
    """An account of this name, once that may be."""
    await until(lambda: stack.add_if_free(jid), f"{jid} may be made")


async def fill(alice, bob):
    """All kinds of things that can be kept for alice."""
    await publish(alice)
    await publish(alice, OPEN, access_model="open")
    ok(await alice.publish(BOOKMARKS, "<conference xmlns='urn:xmpp:bookmarks:1' name='of old'/>",
                           id="room@conference.localhost", access_model="whitelist"))
    ok(await alice.raw.iq("set", VCARD))
    ok(await alice.raw.iq("set", PRIVATE.format("of old")))
    ok(await alice.ask("set", "<create node='hers'/>", SERVICE))
    await publish(bob, OPEN, access_model="open")
    ok(await bob.ask("set", "<create node='his'/>", SERVICE))
    for node, where in ((OPEN, BOB), ("his", SERVICE)):
        ok(await subscribe(alice, node, where))
        await affiliate(bob, node, None if where == BOB else where, alice="publisher")
    await settled(alice)


async def test_deleted_account_leaves_nothing(person, pep_stack):
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    await fill(alice, bob)
    assert len(about(pep_stack, ALICE)) > 10
    pep_stack.delete_account(ALICE)
    await added(pep_stack, ALICE)
    assert about(pep_stack, ALICE) == []
    assert about(pep_stack, BOB)
    # In the memory of the running process as well.
    assert await nodes_of(bob, ALICE) == "service-unavailable"
    assert await subscribers(bob, OPEN) == await subscribers(bob, "his", SERVICE) == {}
    for node, where in ((OPEN, None), ("his", SERVICE)):
        answer = ok(await bob.ask("get", f"<affiliations node='{node}'/>", where, OWNER))
        assert {a.get("jid") for a in answer.iter(f"{{{OWNER}}}affiliation")} == {BOB}
    await check_empty(person, bob)


async def check_empty(person, bob):
    """Who has the name now."""
    alice = await person("alice", wants=(MOOD, OPEN), resource="new")
    await settled(alice, asked=1)
    assert not alice.events()
    assert await nodes_of(alice, ALICE) == []
    for node in (MOOD, OPEN, BOOKMARKS):
        assert await alice.items(node) == "item-not-found"
    answer = await alice.raw.iq("get", "<vCard xmlns='vcard-temp'/>")
    assert "of old" not in xml.show(answer)
    answer = ok(await alice.raw.iq("get", PRIVATE.format("")))
    assert "of old" not in xml.show(answer)
    assert await alice.items("hers", of=SERVICE) in ("item-not-found", [])
    assert condition(await alice.publish("his", id="x", to=SERVICE)) == "forbidden"
    await publish(bob, OPEN, id="2")
    await publish(alice, id="3")
    for who in (alice, bob):
        await who.raw.sync()
    assert not alice.events(OPEN) and not bob.events(MOOD)
    assert await bob.items(MOOD, of=ALICE) == "not-authorized/presence-subscription-required"


async def test_roster_of_a_deleted_account_goes_too(person, pep_stack):
    """What pubsub knew of its contacts is not the next one's."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await publish(alice)
    await bob.event(MOOD)
    pep_stack.delete_account(ALICE)
    await added(pep_stack, ALICE)
    bob.raw.inbox.clear()
    again = await person("alice")
    await publish(again, id="2")
    await settled(bob)
    assert ids(bob) == []
    assert await nodes_of(bob, ALICE) == "service-unavailable"


async def test_sessions_of_a_deleted_account_go(person, pep_stack):
    alice, bob = await person("alice", wants=(MOOD,)), await person("bob")
    await befriend(alice, bob)
    await settled(alice, asked=1)
    pep_stack.delete_account(ALICE)
    assert await alice.raw.stream_error() == "not-authorized"
    await added(pep_stack, ALICE)
    assert about(pep_stack, ALICE) == []
    await publish(bob)
    await settled(bob)


async def test_own_domain_keeps_what_others_own(person, pep_stack):
    """A node that two own is the other's; one that nobody owns any more is nobody's to read."""
    alice, bob = await person("alice"), await person("bob")
    for node in ("shared", "hers"):
        ok(await alice.ask("set", f"<create node='{node}'/>", SERVICE))
        await publish(alice, node, to=SERVICE)
    await affiliate(alice, "shared", SERVICE, bob="owner")
    pep_stack.delete_account(ALICE)
    await added(pep_stack, ALICE)
    assert [i for i, _ in await bob.items("shared", of=SERVICE)] == ["1"]
    ok(await bob.ask("set", "<delete node='shared'/>", SERVICE, OWNER))


@pytest.mark.parametrize("how", ["kill9", "term"])
async def test_deleted_while_pubsub_is_down(how, person, pep_stack):
    """The name is taken until pubsub is back and knows."""
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    await fill(alice, bob)
    pubsub = pep_stack.components["pubsub"]
    getattr(pubsub, how)()
    pep_stack.delete_account(ALICE)
    with pytest.raises(CtlError, match="is being removed"):
        pep_stack.add_account(ALICE)
    assert about(pep_stack, ALICE)
    pubsub.start()
    pep_stack.ready("pubsub")
    await added(pep_stack, ALICE)
    assert about(pep_stack, ALICE) == []
    await check_empty(person, bob)


async def test_deleted_while_both_are_killed(person, pep_stack):
    """The event comes again over any number of ends, and means the old account alone."""
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    await fill(alice, bob)
    pubsub = pep_stack.components["pubsub"]
    pubsub.kill9()
    pep_stack.delete_account(ALICE)
    pep_stack.router.kill9()
    pep_stack.router.start()
    pep_stack.ready("router")
    with pytest.raises(CtlError, match="is being removed"):
        pep_stack.add_account(ALICE)
    pubsub.start()
    pep_stack.ready("pubsub")
    await added(pep_stack, ALICE)
    new = await person("alice", resource="new")
    await publish(new, id="new")
    pubsub.kill9()
    pep_stack.router.kill9()
    pep_stack.router.start()
    pubsub.start()
    pep_stack.ready()
    third = await person("alice", resource="third")
    assert [i for i, _ in await third.items(MOOD)] == ["new"]


async def test_numbers_of_events_are_remembered(pep_stack):
    """What was handled is not handled again: the last number is there after a restart."""
    pep_stack.add_account("alice")
    n = await until(lambda: told(pep_stack))
    pep_stack.delete_account(ALICE)
    await added(pep_stack, ALICE)
    last = await until(lambda: told(pep_stack) == n + 2 and n + 2, lambda: told(pep_stack))
    pep_stack.components["pubsub"].restart()
    pep_stack.ready()
    assert told(pep_stack) == last


async def test_event_that_comes_again_is_passed_over(person, pep_stack):
    """The router forgets that it was acknowledged: it is about the account of before."""
    alice = await person("alice")
    await publish(alice)
    pep_stack.delete_account(ALICE)
    await added(pep_stack, ALICE)
    new = await person("alice", resource="new")
    await publish(new, id="new")
    n = await until(lambda: told(pep_stack) - 1)  # the last is that it was made anew
    pep_stack.router.kill9()
    with router_db(pep_stack) as db:
        assert db.execute("SELECT count(*) FROM event_for").fetchone() == (0,)
        db.execute("INSERT OR REPLACE INTO event (n, kind, jid, host, stamp) "
                   "VALUES (?, 'deleted', ?, 'localhost', 0)", (n, ALICE))
        db.execute("INSERT INTO event_for (component, n) VALUES (?, ?)", (SERVICE, n))
    pep_stack.router.start()
    await until(lambda: owed(pep_stack) == 0, "it is acknowledged")
    pep_stack.ready()
    third = await person("alice", resource="third")
    assert [i for i, _ in await third.items(MOOD)] == ["new"]


@contextlib.contextmanager
def router_db(stack):
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "router.sqlite"))) as db:
        with db:
            yield db


def owed(stack):
    with router_db(stack) as db:
        return db.execute("SELECT count(*) FROM event_for").fetchone()[0]


def told(stack):
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "pubsub.db"))) as db:
        return (db.execute("SELECT n FROM told WHERE host = 'localhost'").fetchone() or (0,))[0]


async def test_events_are_the_servers_alone(person):
    """A user who sends one deletes nothing."""
    alice, eve = await person("alice"), await person("eve")
    await publish(alice)
    for to in (SERVICE, ALICE):
        await eve.raw.send(f"<message to='{to}'><account xmlns='urn:switchyard:tap:1' n='999999' "
                           f"event='deleted' jid='{ALICE}'/></message>")
    await settled(eve)
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]


async def test_disabled_account_keeps_everything(person, pep_stack):
    """It is told nothing, and its items are there when it is enabled again."""
    alice, bob = await person("alice", wants=(MOOD,)), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await fill(alice, bob)
    pep_stack.ctl("account", "disable", "alice")
    await alice.raw.wait_closed()
    await settled(bob)
    before = [r for r in about(pep_stack, ALICE) if not r.startswith("session")]
    assert len(before) > 10
    await publish(bob, id="2")
    pep_stack.ctl("account", "enable", "alice")
    again = await person("alice", wants=(MOOD,), resource="again")
    await settled(again)
    assert sorted(ids(again, MOOD)) == ["1", "2"]
    assert "of old" in xml.show(await again.raw.iq("get", "<vCard xmlns='vcard-temp'/>"))


async def test_many_accounts_one_after_the_other(person, pep_stack):
    """A name that is given away over and over."""
    bob = await person("bob")
    await publish(bob, OPEN, access_model="open")
    for n in range(5):
        await added(pep_stack, ALICE) if n else None
        alice = await person("alice", resource=f"r{n}")
        assert await alice.items(MOOD) == "item-not-found"
        await publish(alice, id=f"{n}")
        ok(await subscribe(alice, OPEN, BOB))
        assert await subscribers(bob, OPEN) == {ALICE: "subscribed"}
        pep_stack.delete_account(ALICE)
    await until(lambda: not about(pep_stack, ALICE), "nothing is left")
    await settled(bob)
    assert await subscribers(bob, OPEN) == {}
