# SPDX-License-Identifier: MIT
"""Pubsub when it is away, when its database fails or holds what makes no sense, and when its settings
are wrong or change."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

from lib import xml
from lib.disk import fill_disk, unwritable
from lib.faults import let_pass
from lib.pep import OWNER, PUBSUB, befriend, condition, form, node_config, ok, payload
from lib.pep_fixtures import with_stack
from lib.pictures import photo, png
from lib.pubsub import database, make, sessions, state, subscribe, subscriptions
from lib.vcards import ask_vcard, set_private, set_vcard
from lib.wait import until, until_answer

SERVICE = "pubsub.localhost"
MOOD, TUNE = "urn:example:mood", "urn:example:tune"


def sql(stack, *statements):
    with contextlib.closing(sqlite3.connect(database(stack), isolation_level=None)) as db:
        for statement, *values in (s if isinstance(s, tuple) else (s,) for s in statements):
            db.execute(statement, values)


async def not_ready(stack):
    await until(lambda: not stack.is_ready("pubsub"), "pubsub is not ready")
    return stack.why_not("pubsub")


async def info(who, to):
    answer = await who.raw.iq("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=to)
    query = answer.find(f"{{{xml.DISCO_INFO}}}query")
    assert query is not None, xml.show(answer)
    return ({(i.get("category"), i.get("type")) for i in query.iter(f"{{{xml.DISCO_INFO}}}identity")},
            {f.get("var") for f in query.iter(f"{{{xml.DISCO_INFO}}}feature")})


async def has_pep(who):
    identities, features = await info(who, who.bare)
    assert (("pubsub", "pep") in identities) == (f"{PUBSUB}#publish" in features)
    assert (("pubsub", "pep") in identities) == ("vcard-temp" in features)
    return ("pubsub", "pep") in identities


async def send_publish(who, ident, node=MOOD, to=None):
    """Without waiting for the answer."""
    address = f" to='{to}'" if to else ""
    await who.raw.send(f"<iq type='set' id='{ident}'{address}><pubsub xmlns='{PUBSUB}'><publish "
                       f"node='{node}'><item id='{ident}'>{payload(ident)}</item></publish></pubsub>"
                       "</iq>")


# --- not there ------------------------------------------------------------------------------------

async def test_never_connected(make_stack, raw_client):
    """Refused at once, by the server; nothing is promised."""
    stack = make_stack(components=("pubsub",), start=False)
    stack.router.start()
    stack.ready("router")
    stack.add_account("alice")
    raw = await raw_client(stack=stack)
    await raw.login("alice", stack.accounts["alice@localhost"])
    for kind, what, to in (("set", f"<pubsub xmlns='{PUBSUB}'><publish node='{MOOD}'/></pubsub>", None),
                           ("get", f"<pubsub xmlns='{PUBSUB}'><items node='{MOOD}'/></pubsub>",
                            "alice@localhost"),
                           ("get", f"<pubsub xmlns='{OWNER}'><default/></pubsub>", None),
                           ("get", "<vCard xmlns='vcard-temp'/>", None),
                           ("get", "<query xmlns='jabber:iq:private'><s xmlns='urn:s'/></query>", None),
                           ("get", f"<query xmlns='{xml.DISCO_INFO}'/>", SERVICE)):
        answer = await raw.iq(kind, what, to=to, timeout=2)
        assert condition(answer) == "service-unavailable", what
    for to in "alice@localhost", "localhost":
        answer = await raw.iq("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=to)
        text = xml.show(answer)
        assert "pep" not in text and PUBSUB not in text and "vcard-temp" not in text
    assert stack.components["pubsub"].log == ""


@pytest.mark.parametrize("end", ["kill9", "term"])
async def test_features_stay_for_the_grace_and_come_back(pep_stack, person, clock, end):
    alice = await person("alice")
    await until(lambda: pep_stack.is_ready("pubsub"))
    before = await info(alice, alice.bare)
    assert await has_pep(alice)
    ok(await alice.publish(MOOD, id="1"))
    pubsub = pep_stack.components["pubsub"]
    getattr(pubsub, end)()
    assert await info(alice, alice.bare) == before
    await send_publish(alice, "waits")
    await alice.raw.sync()
    assert not alice.raw.inbox.find("iq", id="waits")
    clock.advance(31)
    assert condition(await alice.raw.wait("iq", id="waits")) == "service-unavailable"
    await alice.raw.sync()
    assert not await has_pep(alice)
    assert await alice.items(MOOD) == "service-unavailable"
    pubsub.start()
    pep_stack.ready()
    async def is_back():
        return await info(alice, alice.bare) == before
    await until_answer(is_back, "the account has its features")
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]


async def test_who_is_here_is_told_anew_after_the_grace(pep_stack, person, clock):
    """A session of the link that begins anew knows who came and who went meanwhile."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    gone = await person("bob", wants=(MOOD,), resource="gone")
    ok(await alice.publish(MOOD, id="1"))
    for who in bob, gone:
        await who.event(MOOD)
    pubsub = pep_stack.components["pubsub"]
    pubsub.kill9()
    await let_pass(clock, 31)
    await alice.raw.sync()
    await gone.raw.drop()
    came = await person("bob", wants=(MOOD,), resource="came")
    pubsub.start()
    pep_stack.ready()
    _, items = await came.event(MOOD)
    assert items[0].get("id") == "1"
    await until(lambda: len(bob.events(MOOD)) == 2, bob.raw.inbox.text)  # it is a new one to it
    ok(await alice.publish(MOOD, id="2"))
    for who in bob, came:
        await who.raw.wait(lambda e: who.events()[-1:] and who.events()[-1][1][0].get("id") == "2")
    await until(lambda: sessions(pep_stack) == {alice.jid, bob.jid, came.jid})


# --- a database that fails ------------------------------------------------------------------------

async def test_database_that_becomes_read_only(pep_stack, person):
    """Nothing is said that is not kept; afterwards all goes on, and each was told once."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD, TUNE))
    await befriend(alice, bob)
    ok(await alice.publish(MOOD, id="before"))
    await bob.event(MOOD)
    with unwritable(database(pep_stack)):
        await send_publish(alice, "meanwhile")
        await send_publish(alice, "fresh", TUNE)
        await send_publish(bob, "news", "news", SERVICE)
        assert "database: " in await not_ready(pep_stack)
        await bob.raw.sync()
        await alice.raw.sync()
        assert not alice.raw.inbox.find("iq", id="meanwhile") and len(bob.events()) == 1
    for who, ident in (alice, "meanwhile"), (alice, "fresh"), (bob, "news"):
        ok(await who.raw.wait("iq", id=ident, timeout=40))
    pep_stack.ready("pubsub")
    await bob.raw.sync()
    assert [items[0].get("id") for _, items in bob.events()] == ["before", "meanwhile", "fresh"]
    assert [i for i, _ in await alice.items(MOOD)] == ["meanwhile"]
    assert [i for i, _ in await bob.items("news", of=SERVICE)] == ["news"]


async def test_what_was_in_the_lost_transaction_never_was(pep_stack, person):
    """The router is gone before the disk is back: nobody asks again."""
    alice = await person("alice")
    ok(await alice.publish(MOOD, id="before"))
    ok(await alice.raw.iq("set", "<vCard xmlns='vcard-temp'><FN>A</FN></vCard>"))
    pubsub = pep_stack.components["pubsub"]
    with unwritable(database(pep_stack)):
        await send_publish(alice, "meanwhile")
        await send_publish(alice, "fresh", TUNE)
        await alice.raw.send("<iq type='set' id='card'><vCard xmlns='vcard-temp'><FN>B</FN></vCard></iq>")
        await not_ready(pep_stack)
        pep_stack.router.kill9()
    pep_stack.router.start()
    await pubsub.wait_log("can be written again", timeout=60)
    pep_stack.ready(timeout=60)
    alice = await person("alice", resource="b")
    assert await alice.items(TUNE) == "item-not-found"
    assert [i for i, _ in await alice.items(MOOD)] == ["before"]
    card = await alice.raw.iq("get", "<vCard xmlns='vcard-temp'/>")
    assert card.findtext(".//{vcard-temp}FN") == "A"
    ok(await alice.publish(TUNE, id="later"))
    assert [i for i, _ in await alice.items(TUNE)] == ["later"]


async def test_read_only_at_start(pep_stack, person):
    """The start says why and ends; what was there is there."""
    alice = await person("alice")
    ok(await alice.publish(MOOD, id="1"))
    pubsub = pep_stack.components["pubsub"]
    pubsub.kill9()
    mark = pubsub.mark()
    with unwritable(database(pep_stack)):
        pubsub.start()
        assert pubsub.wait_exit() == 1
    assert "pubsub.db" in pubsub.log[mark:] and "ready: " not in pubsub.log[mark:]
    pubsub.start()
    pep_stack.ready()
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]


@with_stack(disk="8m", env={"PUBSUB_RATE": "0"})
async def test_full_disk(pep_stack, person):
    """Delayed, not lost, not half written; goes on when there is room."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    ok(await alice.ask("set", f"<create node='{MOOD}'/><configure>{node_config(max_items=1000)}"
                       "</configure>"))
    filler = fill_disk(pep_stack.data_dir)
    sent = 0
    while pep_stack.is_ready("pubsub"):
        assert sent < 200
        await alice.raw.send(f"<iq type='set' id='f{sent}'><pubsub xmlns='{PUBSUB}'><publish "
                             f"node='{MOOD}'><item id='f{sent}'>{payload('x' * 20000)}</item>"
                             "</publish></pubsub></iq>")
        await until(lambda: alice.raw.inbox.find("iq", id=f"f{sent}")
                    or not pep_stack.is_ready("pubsub"))
        sent += 1
    assert "database: No space left" in pep_stack.why_not("pubsub")
    await bob.raw.sync()
    assert f"f{sent - 1}" not in [items[0].get("id") for _, items in bob.events()]
    os.unlink(filler)
    ok(await alice.raw.wait("iq", id=f"f{sent - 1}", timeout=40))
    pep_stack.ready("pubsub")
    every = [f"f{n}" for n in range(sent)]
    await bob.raw.sync()
    assert [items[0].get("id") for _, items in bob.events()] == every
    pep_stack.components["pubsub"].restart()
    pep_stack.ready()
    assert [i for i, _ in await alice.items(MOOD)] == every


async def test_locked_database(pep_stack, person):
    """What reads goes on, what writes waits for the lock."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    ok(await alice.publish(MOOD, id="before"))
    await bob.event(MOOD)
    with contextlib.closing(sqlite3.connect(database(pep_stack), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for n in range(5):
            await send_publish(alice, f"m{n}")
        await alice.raw.sync()
        await bob.raw.sync()
        assert not alice.raw.inbox.find("iq", id="m0") and len(bob.events()) == 1
        other.execute("ROLLBACK")
    for n in range(5):
        ok(await alice.raw.wait("iq", id=f"m{n}"))
    await bob.raw.sync()
    assert [items[0].get("id") for _, items in bob.events()] == [
        "before", *(f"m{n}" for n in range(5))]


async def test_tables_that_cannot_be_read_when_they_are_needed(pep_stack, person):
    """Who asks is told to wait; nothing is made of an account that could not be read."""
    alice = await person("alice")
    ok(await alice.publish(MOOD, id="1"))
    pep_stack.components["pubsub"].restart()
    pep_stack.ready()
    sql(pep_stack, "ALTER TABLE subscription RENAME TO elsewhere")
    for answer in (await alice.items_answer(MOOD), await alice.publish(MOOD, id="2"),
                   await alice.publish(TUNE, id="2"),
                   await alice.raw.iq("get", "<vCard xmlns='vcard-temp'/>")):
        assert condition(answer) == "resource-constraint"
        assert answer.find(f"{{{xml.CLIENT}}}error").get("type") == "wait"
    sql(pep_stack, "ALTER TABLE elsewhere RENAME TO subscription")
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]
    assert await alice.items(TUNE) == "item-not-found"


async def test_approval_while_ones_own_nodes_cannot_be_read(pep_stack, person):
    """Who waits at an account is not looked for at the domain instead."""
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", access_model="authorize")
    await make(alice, "n", None, access_model="authorize")
    for at in (SERVICE, alice.bare):
        assert state(await subscribe(bob, "n", to=at)) == "pending"
    pep_stack.components["pubsub"].restart()
    pep_stack.ready()
    assert await subscriptions(bob) == {("n", bob.bare): "pending"}  # the domain's nodes are in memory
    sql(pep_stack, "ALTER TABLE affiliation RENAME TO elsewhere")
    x = form(f"{PUBSUB}#subscribe_authorization", {
        "pubsub#node": "n", "pubsub#subscriber_jid": bob.bare, "pubsub#allow": "true"})
    await alice.raw.send(f"<message to='{SERVICE}' id='a'>{x}</message>")
    await alice.raw.wait("message", type="error", id="a", error="resource-constraint")
    sql(pep_stack, "ALTER TABLE elsewhere RENAME TO affiliation")
    await alice.raw.send(f"<message to='{SERVICE}' id='b'>{x}</message>")
    await bob.event("n", of=alice.bare)
    assert await subscriptions(bob, to=alice.bare) == {("n", bob.bare): "subscribed"}
    assert await subscriptions(bob) == {("n", bob.bare): "pending"}


# --- what another hand has written ----------------------------------------------------------------

async def test_rows_that_make_no_sense(pep_stack, person):
    """They are left out, or mean the least; what else there is works."""
    alice, eve = await person("alice"), await person("eve")
    for node, model in (MOOD, "open"), (TUNE, "open"), ("groups", "roster"):
        ok(await alice.publish(node, id="1", access_model=model))
    pubsub = pep_stack.components["pubsub"]
    pubsub.kill9()
    node = f"(SELECT id FROM node WHERE name = '{MOOD}')"
    item = "INSERT INTO item (seq, node, id, at, len, publisher, payload) VALUES "
    sql(pep_stack,
        ("UPDATE node SET groups = ? WHERE name = 'groups'", b"abc"),
        f"UPDATE node SET access = 99, publish = 99, send_last = -1, full = 77, notification = 9,"
        f" max_items = -5, max_payload = 999999999999 WHERE name = '{TUNE}'",
        f"INSERT INTO affiliation (node, bare, affiliation) VALUES ({node}, 'eve@localhost', 99)",
        f"INSERT INTO affiliation (node, bare, affiliation) VALUES ({node}, 'eva@localhost', -1)",
        f"INSERT INTO subscription (node, jid, bare, state) VALUES ({node}, 'eve@localhost',"
        " 'eve@localhost', 77)",
        f"{item} (1000, {node}, 'long', 0, 9223372036854775807, 'x', '<a/>')",
        f"{item} (1001, {node}, 'short', 0, -9223372036854775808, 'x', '<a/>')",
        f"{item} (1002, {node}, '1', 0, 3, 'x', '<a/>')",  # twice, the newer counts
        "INSERT INTO session (jid, caps, seen) VALUES ('@@', 'x', 'y')",
        "INSERT INTO session (jid, caps, seen) VALUES ('eve@localhost', 'x', 'y')")
    pubsub.start()
    pep_stack.ready()
    assert [i for i, _ in await eve.items(MOOD, of=alice.bare)] == ["short", "1"]  # by its length
    assert [i for i, _ in await eve.items(MOOD, of=alice.bare, inner="<item id='long'/>")] == ["long"]
    answer = ok(await alice.ask("get", f"<affiliations node='{MOOD}'/>", ns=OWNER))
    assert [a.get("jid") for a in answer.iter(f"{{{OWNER}}}affiliation")
            if a.get("affiliation") != "owner"] == []
    answer = ok(await alice.ask("get", f"<subscriptions node='{MOOD}'/>", ns=OWNER))
    assert list(answer.iter(f"{{{OWNER}}}subscription")) == []
    # Nobody but its owner reads a node whose model is not known, and it is in use.
    assert await eve.items(TUNE, of=alice.bare) == "not-allowed/closed-node"
    for ident in "2", "3":
        ok(await alice.publish(TUNE, id=ident))
    assert [i for i, _ in await alice.items(TUNE)] == ["3"]
    for ident in "long", "short", "1":
        ok(await alice.publish(MOOD, id=ident))
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]
    assert await eve.items("groups", of=alice.bare) == "not-authorized/presence-subscription-required"
    assert [i for i, _ in await alice.items("groups")] == ["1"]


# --- settings -------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, value", [
    ("PUBSUB_CREATE", "nobody"), ("PUBSUB_LOCAL_DOMAINS", "Example.ORG"),
    ("PUBSUB_LOCAL_DOMAINS", "a@example.org"), ("PUBSUB_ADMINS", "a@example.org/x"),
    ("PUBSUB_ADMINS", "@@"), ("PUBSUB_MAX_ITEM", "1000"), ("PUBSUB_MAX_ITEM", "1M"),
    ("PUBSUB_MAX_ITEMS", "0"), ("PUBSUB_MAX_ITEMS", "100001"), ("PUBSUB_MAX_NODES", "0"),
    ("PUBSUB_MAX_BYTES", "1000"), ("PUBSUB_MAX_AFFILIATIONS", "0"),
    ("PUBSUB_MAX_SUBSCRIPTIONS", "many"), ("PUBSUB_RATE", "-1"), ("PUBSUB_BURST", "0")])
def test_settings_that_are_wrong(make_stack, name, value):
    """Named by --check-config, and no start with them."""
    stack = make_stack(components=("pubsub",), start=False, env={name: value})
    pubsub = stack.components["pubsub"]

    def check(**env):
        done = subprocess.run([*pubsub.argv, "--check-config"], env=pubsub.env | env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=15)
        return done.returncode, done.stdout
    status, text = check()
    assert status == 1 and name.lower() in text.lower(), text
    assert check(**{name: {"PUBSUB_CREATE": "local"}.get(name, "")})[0] == 0
    pubsub.start()
    assert pubsub.wait_exit() == 1
    assert name.lower() in pubsub.log.lower() and "ready: " not in pubsub.log


async def reload(stack, text, outcome="settings reloaded"):
    await stack.components["pubsub"].reload(text, outcome)


async def creates(who, node, at=None):
    answer = await who.ask("set", f"<create node='{node}'/>", at)
    return condition(answer) if answer.get("type") == "error" else True


async def test_who_may_create_changes(pep_stack, person):
    alice, root = await person("alice"), await person("root")
    assert await creates(alice, "a1", SERVICE) is True
    await reload(pep_stack, "pubsub_create = admins\nadmins = { \"root@localhost\" }\n")
    assert await creates(alice, "a2", SERVICE) == "forbidden"
    assert await creates(root, "a2", SERVICE) is True
    # An admin owns what others have made; no account's nodes.
    ok(await root.ask("get", "<configure node='a1'/>", SERVICE, OWNER))
    ok(await alice.publish(MOOD))
    assert condition(await root.ask("get", f"<configure node='{MOOD}'/>", alice.bare, OWNER)) in (
        "forbidden", "service-unavailable")
    await reload(pep_stack, "pubsub_local_domains = { \"example.org\" }\n")
    assert await creates(alice, "a3", SERVICE) == "forbidden"
    assert await creates(root, "a3", SERVICE) == "forbidden"
    assert condition(await root.ask("get", "<configure node='a1'/>", SERVICE, OWNER)) == "forbidden"
    await reload(pep_stack, "pubsub_create = anyone\npubsub_local_domains = { \"example.org\" }\n")
    assert await creates(alice, "a4", SERVICE) is True


async def test_bounds_that_change(pep_stack, person):
    alice, bob, carol = [await person(name) for name in ("alice", "bob", "carol")]
    big = payload("x" * 3000)
    ok(await alice.publish(MOOD, big, id="1", access_model="open", max_items="max"))
    await reload(pep_stack, "pubsub_max_item = 2k\n")
    assert condition(await alice.publish(MOOD, big, id="2")) == "not-acceptable/payload-too-big"
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]  # what is there stays
    await reload(pep_stack, "pubsub_max_items = 5\n")
    answer = await alice.configure(MOOD, max_items=6)
    assert answer.get("type") == "error" or (
        "6" not in [v.text for v in (await alice.ask("get", f"<configure node='{MOOD}'/>", ns=OWNER)
                                     ).iter("{jabber:x:data}value")])
    await reload(pep_stack, "pubsub_max_nodes = 2\n")
    assert await creates(alice, "n2") is True
    assert await creates(alice, "n3") == "resource-constraint"
    await reload(pep_stack, "pubsub_max_bytes = 1M\npubsub_max_item = 256k\n")
    for ident in "34567":
        ok(await alice.publish("big", payload("x" * 200000), id=ident, max_items="max"))
    assert condition(await alice.publish("big", payload("x" * 200000), id="8")) == (
        "resource-constraint")
    await reload(pep_stack, "pubsub_max_affiliations = 1\npubsub_max_subscriptions = 1\n")

    def affiliate(who):
        return alice.ask("set", f"<affiliations node='{MOOD}'><affiliation jid='{who.bare}' "
                         "affiliation='member'/></affiliations>", ns=OWNER)
    ok(await affiliate(bob))
    assert (await affiliate(carol)).get("type") == "error"

    def subscribe(who):
        return who.ask("set", f"<subscribe node='{MOOD}' jid='{who.bare}'/>", alice.bare)
    ok(await subscribe(bob))
    assert (await subscribe(carol)).get("type") == "error"
    await reload(pep_stack, "")
    ok(await affiliate(carol))
    ok(await subscribe(carol))


async def test_nodes_that_the_service_makes_are_bounded(pep_stack, person):
    """Those of vCards, avatars and bookmarks, as the ones that are asked for."""
    alice = await person("alice")
    room = "<conference xmlns='storage:bookmarks' jid='a@rooms.example.org'/>"
    storage = f"<storage xmlns='storage:bookmarks'>{room}</storage>"
    ok(await alice.publish(MOOD, payload("x"), id="1"))
    await reload(pep_stack, "pubsub_max_nodes = 1\n")
    assert condition(await set_vcard(alice, "<FN>Alice</FN>")) == "resource-constraint"
    assert condition(await set_vcard(alice, photo(png(1)))) == "resource-constraint"
    assert condition(await set_private(alice, storage)) == "resource-constraint"
    assert condition(await ask_vcard(alice)) == "item-not-found"
    await reload(pep_stack, "")
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(png(1))}"))
    ok(await set_private(alice, storage))


async def test_rates_that_change(pep_stack, person, clock):
    alice = await person("alice")
    await reload(pep_stack, "pubsub_rate = 1\npubsub_burst = 3\n")
    got = [await alice.publish(MOOD, id=str(n)) for n in range(20)]
    refused = [condition(a) for a in got if a.get("type") == "error"]
    assert len(refused) > 10 and set(refused) == {"resource-constraint"}
    await reload(pep_stack, "pubsub_rate = 0\n")
    for n in range(20):
        ok(await alice.publish(MOOD, id=str(n)))


async def test_reload_that_is_wrong_changes_nothing(pep_stack, person):
    alice = await person("alice")
    await reload(pep_stack, "pubsub_max_item = 2k\n")
    await reload(pep_stack, "pubsub_max_item = 1\n", "pubsub_max_item")
    assert condition(await alice.publish(MOOD, payload("x" * 3000))) == "not-acceptable/payload-too-big"
    ok(await alice.publish(MOOD))
