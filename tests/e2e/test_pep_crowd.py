# SPDX-License-Identifier: MIT
"""PEP with very long contact lists.  The contacts are addresses of a component, and are put into
the router's database while it is down."""

import asyncio
import collections
import contextlib
import itertools
import os
import sqlite3

import pytest

from lib import xml
from lib.crowd import CONF, DOMAIN, STANZA, Crowd
from lib.pep import CAPS, EVENT, NODE, Pep, caps_ver, ok, payload
from lib.pep_people import SERVICE, ids, settled
from lib.wait import until

MOOD, TUNE, GROUPS = "urn:example:mood", "urn:example:tune", "urn:example:groups"
ALICE = "alice@localhost"
BOTH = 3  # enum roster_sub of the router
LONG = 60.0
NUMBERS = itertools.count()


@pytest.fixture
async def known(make_stack, raw_client):
    """make, login = known; stack = await make({"alice": [(contact, name, groups), ...]}): contacts
    who see the account and are seen by it; await login(stack, "alice"): a Pep that has not come."""
    made = []

    async def make(rosters):
        stack = make_stack(components=("pubsub",), conf_d=CONF, env={
            "LIMIT_ROSTER_ITEMS": "0", "LIMIT_SESSION_RATE": "0"})
        for user in rosters:
            stack.add_account(user)
        stack.components["pubsub"].term()
        stack.router.term()
        path = os.path.join(stack.data_dir, "router.sqlite")
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            for owner, contacts in rosters.items():
                db.executemany(
                    "INSERT INTO roster (owner, contact, name, groups, sub) VALUES (?, ?, ?, ?, ?)",
                    [(f"{owner}@localhost", jid, name, groups, BOTH)
                     for jid, name, groups in contacts])
        return stack.start()

    async def login(stack, user, wants=()):
        raw = await (await raw_client(stack=stack)).login(
            user, stack.accounts[f"{user}@localhost"], "a")
        made.append(Pep(raw, wants))
        return made[-1]

    yield make, login
    for one in made:
        one.stop()


class Contacts:
    """n users of a component, who all have the same client."""

    def __init__(self, crowd, n, wants):
        self.crowd, self.n = crowd, n
        self.features = [xml.DISCO_INFO, *(f"{w}+notify" for w in wants)]
        self.caps = (f"<c xmlns='{CAPS}' hash='sha-1' node='{NODE}' "
                     f"ver='{caps_ver(self.features)}'/>")

    async def come(self):
        for first in range(0, self.n, 500):
            await self.crowd.link.send("".join(
                f"<presence from='u{k}@{DOMAIN}/c' to='{ALICE}'>{self.caps}</presence>"
                for k in range(first, min(first + 500, self.n))))
            await asyncio.sleep(0)

    async def go(self):
        for first in range(0, self.n, 500):
            await self.crowd.link.send("".join(
                f"<presence from='u{k}@{DOMAIN}/c' to='{ALICE}' type='unavailable'/>"
                for k in range(first, min(first + 500, self.n))))

    def questions(self):
        return [s for s in self.crowd.inbox if s.tag == f"{STANZA}iq" and s.get("type") == "get"
                and s.find(f"{{{xml.DISCO_INFO}}}query") is not None and "@" in s.get("to")]

    async def answer(self):
        iq = await until(lambda: (self.questions() or [None])[0], "somebody is asked", LONG)
        node = iq.find("{*}query").get("node")
        await self.crowd.link.send(
            f"<iq type='result' id='{iq.get('id')}' from='{iq.get('to')}' to='{iq.get('from')}'>"
            f"<query xmlns='{xml.DISCO_INFO}' node='{node}'>"
            "<identity category='client' type='pc' name='tests'/>"
            + "".join(f"<feature var='{f}'/>" for f in self.features) + "</query></iq>")

    def told(self):
        """{(to, node, id): how often}"""
        return collections.Counter(
            (s.get("to"), items.get("node"), i.get("id")) for s in self.crowd.inbox
            if s.tag == f"{STANZA}message" for items in s.iter(f"{{{EVENT}}}items") for i in items)

    def everybody(self, *events):
        return {(f"u{k}@{DOMAIN}/c", node, ident) for k in range(self.n) for node, ident in events}

    async def all_told(self, *events):
        """Each of them each of these, once."""
        want = len(events) * self.n
        await until(lambda: sum(s.tag == f"{STANZA}message" for s in self.crowd.inbox) >= want,
                    lambda: f"{len(self.told())} of {want} are told", LONG)
        told = self.told()
        assert set(told) == self.everybody(*events)
        assert max(told.values()) == 1
        self.crowd.inbox.clear()


async def everyone_comes(known, raw_client, n):
    make, login = known
    stack = await make({"alice": [(f"u{k}@{DOMAIN}", None, None) for k in range(n)]})
    alice = await login(stack, "alice")
    for node in (MOOD, TUNE):
        ok(await alice.publish(node, payload("1"), id="1"))
    ok(await alice.publish("urn:example:unwanted", payload("1"), id="1"))
    contacts = Contacts(await Crowd.gather(raw_client, stack), n, (MOOD, TUNE))
    await alice.raw.send("<presence/>")
    await alice.raw.sync()
    await contacts.come()
    await contacts.answer()
    # Meanwhile it serves others.
    await alice.raw.iq("get", f"<ping xmlns='{xml.PING}'/>", to=SERVICE)
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]
    await contacts.all_told((MOOD, "1"), (TUNE, "1"))
    assert not contacts.questions()
    ok(await alice.publish(MOOD, payload("2"), id="2"))
    await contacts.all_told((MOOD, "2"))
    await contacts.go()
    await settled_link(contacts.crowd)
    await settled(alice)
    ok(await alice.publish(MOOD, payload("3"), id="3"))
    await settled_link(contacts.crowd)
    assert not contacts.told()


async def settled_link(crowd):
    """All that the component has sent has been handled by pubsub, and that has come."""
    for _ in range(3):
        n = f"ping{next(NUMBERS)}"
        await crowd.send("ping", "iq", SERVICE, f"<ping xmlns='{xml.PING}'/>", type="get", id=n)
        await crowd.link.wait(f"{STANZA}iq", id=n, timeout=LONG)


async def test_a_thousand_contacts_come_at_once(known, raw_client):
    await everyone_comes(known, raw_client, 1000)


@pytest.mark.long
async def test_ten_thousand_contacts_come_at_once(known, raw_client):
    await everyone_comes(known, raw_client, 10_000)


async def test_roster_that_is_too_long_for_the_link(known, clock):
    """Nobody sees what is for its groups; what others have reaches their contacts all the same."""
    make, login = known
    ballast = [(f"u{k}@{DOMAIN}", "x" * 1000, None) for k in range(1000)]
    stack = await make({"alice": [*ballast, ("bob@localhost", None, "Friends")],
                        "carol": [("bob@localhost", None, "Friends")],
                        "bob": [("alice@localhost", None, None), ("carol@localhost", None, None)]})
    carol = await login(stack, "carol")
    ok(await carol.publish(GROUPS, payload("1"), id="carol", access_model="roster",
                           roster_groups_allowed=["Friends"]))
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "pubsub.db"))) as db, db:
        columns = [c[1] for c in db.execute("PRAGMA table_info(node)")]
    assert "owner" in columns
    await own_node(stack, columns)
    bob = await login(stack, "bob", wants=(GROUPS,))
    await bob.come()
    await settled(bob, asked=1)
    assert ids(bob) == []
    clock.advance(21)  # the answer is not awaited any longer
    await bob.event(GROUPS, of="carol@localhost")
    assert ids(bob) == ["carol"]


async def own_node(stack, columns):
    """alice has such a node, too, from before her roster grew."""
    pubsub = stack.components["pubsub"]
    pubsub.term()
    rest = ", ".join(c for c in columns if c not in ("id", "owner"))
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "pubsub.db"))) as db, db:
        db.execute(f"INSERT INTO node (id, owner, {rest}) "
                   f"SELECT 1000, '{ALICE}', {rest} FROM node WHERE owner = 'carol@localhost'")
    pubsub.start()
    stack.ready("pubsub")
