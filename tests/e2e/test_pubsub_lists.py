# SPDX-License-Identifier: MIT
"""The lists of a node's owner (XEP-0060 8.8, 8.9), and how much of everything there may be."""

from xml.sax.saxutils import escape

import pytest

from lib.pep import EVENT, OWNER, condition, ok
from lib.pubsub import (AT, FAST, affiliate, create, list_of, listed, make, owner_ask,
                        page, page_of, set_list, settings, state, subscribe,
                        subscriptions, told_states, unsubscribe)


# --- the owner's lists (8.8, 8.9) ---------------------------------------------------------------------------

async def test_affiliations_are_changed(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    for affiliation in ("member", "publisher", "publish-only", "outcast", "owner"):
        await affiliate(alice, "n", bob, affiliation)
        assert await list_of(alice, "affiliation", "n") == {alice.bare: "owner", bob.bare: affiliation}
    await affiliate(bob, "n", alice, "none")
    assert await list_of(bob, "affiliation", "n") == {bob.bare: "owner"}
    assert condition(await owner_ask(alice, "get", "affiliations", "n")) == "forbidden"
    ok(await set_list(bob, "affiliation", "n", [("x@example.org", "member"), ("example.net", "outcast")]))
    assert await list_of(bob, "affiliation", "n") == {
        bob.bare: "owner", "x@example.org": "member", "example.net": "outcast"}
    ok(await set_list(bob, "affiliation", "n", [("X@Example.ORG", None)]))  # nothing is to change
    ok(await set_list(bob, "affiliation", "n", [("nobody@example.org", "none")]))
    assert len(await list_of(bob, "affiliation", "n")) == 3


async def test_one_affiliation_is_invalid(person):
    """8.9.2.4: the others are changed; what was refused is told as it is."""
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    await affiliate(alice, "n", bob, "member")
    answer = await set_list(alice, "affiliation", "n", [
        ("a@example.org", "member"), (bob.bare, "king"), (alice.bare, "publisher"),
        ("b@example.org", "emperor"), ("c@example.org/r", "member"), ("c@example.org", "outcast")])
    assert condition(answer) == "not-acceptable"
    found = listed(answer, "affiliation")
    assert found.pop("c@example.org/r") == "member"  # is no bare JID: there is nothing that it has
    assert found == {bob.bare: "member", alice.bare: "owner", "b@example.org": "none"}
    assert answer.find(".//{*}affiliations").get("node") == "n"
    assert await list_of(alice, "affiliation", "n") == {
        alice.bare: "owner", bob.bare: "member", "a@example.org": "member", "c@example.org": "outcast"}
    for entries in ([("@", "member")], [(None, "member")]):
        assert condition(await set_list(alice, "affiliation", "n", entries)) == "not-acceptable"
    assert condition(await set_list(alice, "affiliation", "n", [])) == "bad-request"


@pytest.mark.parametrize("what, value, other", [
    ("affiliation", "member", "outcast"), ("subscription", "subscribed", "none")])
async def test_nobody_stands_twice_in_a_request(person, what, value, other):
    alice = await person("alice")
    await make(alice, "n")
    answer = await set_list(alice, what, "n", [
        ("b@example.org", value), ("a@example.org", value), ("A@Example.org", other)])
    assert condition(answer) == "bad-request"
    assert await list_of(alice, "subscription", "n") == {}
    assert await list_of(alice, "affiliation", "n") == {alice.bare: "owner"}


async def test_the_last_owner_stays(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    for affiliation in ("none", "outcast", "member"):
        answer = await set_list(alice, "affiliation", "n", [(alice.bare, affiliation)])
        assert condition(answer) == "not-acceptable"
        assert listed(answer, "affiliation") == {alice.bare: "owner"}
    ok(await set_list(alice, "affiliation", "n", [(alice.bare, "owner")]))
    await affiliate(alice, "n", bob, "owner")
    answer = await set_list(alice, "affiliation", "n", [(bob.bare, "none"), (alice.bare, "none")])
    assert condition(answer) == "not-acceptable"
    assert await list_of(alice, "affiliation", "n") == {alice.bare: "owner"}
    # An account owns its nodes, whoever else does.
    await make(alice, "own", None)
    await affiliate(alice, "own", bob, "owner", to=None)
    answer = await set_list(bob, "affiliation", "own", [(alice.bare, "none")], to=alice.bare)
    assert condition(answer) == "not-acceptable"
    assert await list_of(alice, "affiliation", "own", to=None) == {alice.bare: "owner", bob.bare: "owner"}


async def test_an_outcast_loses_his_subscriptions(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    for jid in (bob.bare, bob.jid):
        ok(await subscribe(bob, "n", jid))
    await affiliate(alice, "n", bob, "outcast")
    assert await subscriptions(bob) == {} and await list_of(alice, "subscription", "n") == {}
    ok(await alice.publish("n", id="1", to=AT))
    await bob.raw.sync()
    assert told_states(bob, "n") == ["none", "none"]
    assert not [c for _, c in bob.events("n") if c.tag == f"{{{EVENT}}}items"]
    answer = await set_list(alice, "subscription", "n", [(bob.bare, "subscribed")])
    assert condition(answer) == "not-acceptable"
    assert listed(answer, "subscription") == {bob.bare: "none"}
    await affiliate(alice, "n", bob, "none")
    assert await subscriptions(bob) == {}
    assert state(await subscribe(bob, "n")) == "subscribed"


async def test_who_has_subscribed_already_is_told_nothing(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    ok(await alice.publish("n", id="1", to=AT))
    for affiliation in ("member", "publisher", "owner", "none"):
        await affiliate(alice, "n", bob, affiliation)
    await bob.raw.sync()
    assert len(bob.events("n")) == 1 and told_states(bob, "n") == []


async def test_subscriptions_are_changed(person):
    alice, bob, carol = [await person(u) for u in ("alice", "bob", "carol")]
    await make(alice, "n", access_model="authorize")
    ok(await alice.publish("n", id="1", to=AT))
    ok(await subscribe(carol, "n"))
    ok(await set_list(alice, "subscription", "n", [(bob.jid, "subscribed"), (carol.bare, "subscribed")]))
    assert await list_of(alice, "subscription", "n") == {bob.jid: "subscribed", carol.bare: "subscribed"}
    for who in (bob, carol):
        await who.event("n")
        _, event = await who.event("n")  # 12.9: an owner has approved it
        assert event[0].get("id") == "1" and told_states(who, "n") == ["subscribed"]
    ok(await set_list(alice, "subscription", "n", [(bob.jid, "subscribed"), (bob.bare, None)]))
    ok(await set_list(alice, "subscription", "n", [(bob.jid, "none")]))
    await bob.raw.sync()
    assert told_states(bob, "n") == ["subscribed", "none"]
    assert await list_of(alice, "subscription", "n") == {carol.bare: "subscribed"}
    ok(await set_list(alice, "subscription", "n", [(carol.bare, "pending")]))
    assert await subscriptions(carol) == {("n", carol.bare): "pending"}


async def test_one_subscription_is_invalid(person):
    """8.8.2.4"""
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    answer = await set_list(alice, "subscription", "n", [
        ("a@example.org", "subscribed"), (bob.bare, "unconfigured"), ("b@example.org", "always")])
    assert condition(answer) == "not-acceptable"
    assert listed(answer, "subscription") == {bob.bare: "subscribed", "b@example.org": "none"}
    assert await list_of(alice, "subscription", "n") == {
        bob.bare: "subscribed", "a@example.org": "subscribed"}


# --- limits -------------------------------------------------------------------------------------------------

async def test_subscriptions_of_one(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    for i in range(16):
        assert state(await subscribe(bob, "n", f"{bob.bare}/{i}")) == "subscribed"
    answer = await subscribe(bob, "n")
    assert condition(answer) == "policy-violation/too-many-subscriptions"
    assert answer.find("{*}error").get("type") == "wait"
    assert state(await subscribe(bob, "n", f"{bob.bare}/3")) == "subscribed"  # is none more
    assert state(await subscribe(alice, "n")) == "subscribed"
    ok(await unsubscribe(bob, "n", f"{bob.bare}/3"))
    assert state(await subscribe(bob, "n")) == "subscribed"


@settings(PUBSUB_MAX_SUBSCRIPTIONS=2, PUBSUB_MAX_AFFILIATIONS=2)
async def test_lists_have_bounds(person):
    alice, bob, carol = [await person(u) for u in ("alice", "bob", "carol")]
    await make(alice, "n")
    ok(await subscribe(alice, "n"))
    ok(await subscribe(bob, "n"))
    assert condition(await subscribe(carol, "n")) == "policy-violation/too-many-subscriptions"
    answer = await set_list(alice, "subscription", "n", [(carol.bare, "subscribed")])
    assert listed(answer, "subscription") == {carol.bare: "none"}
    await affiliate(alice, "n", bob, "member")
    answer = await set_list(alice, "affiliation", "n", [(carol.bare, "member")])
    assert condition(answer) == "not-acceptable"
    assert listed(answer, "affiliation") == {carol.bare: "none"}
    await affiliate(alice, "n", bob, "publisher")
    await affiliate(alice, "n", bob, "none")
    await affiliate(alice, "n", carol, "member")
    ok(await unsubscribe(bob, "n"))
    assert state(await subscribe(carol, "n")) == "subscribed"


@settings(**FAST)
async def test_changes_in_one_request(person):
    alice = await person("alice")
    await make(alice, "n")
    many = [(f"u{i}@example.org", "member") for i in range(257)]
    assert condition(await set_list(alice, "affiliation", "n", many)) == "not-acceptable"
    assert await list_of(alice, "affiliation", "n") == {alice.bare: "owner"}
    ok(await set_list(alice, "affiliation", "n", many[:256]))
    assert len(await list_of(alice, "affiliation", "n")) == 257


@settings(LIMIT_SESSION_RATE=0)
async def test_lists_that_are_long_come_in_pages(person):
    """Resources are six times as long on the wire; the link must go on."""
    alice = await person("alice")
    await make(alice, "n")
    jids = [f"u{i:03}@example.org/" + '"' * 900 for i in range(240)]
    for part in (jids[:120], jids[120:]):
        inner = "".join(f"<subscription jid='{j}' subscription='subscribed'/>" for j in part)
        ok(await owner_ask(alice, "set", "subscriptions", "n", inner))

    async def walk(way):
        seen, at = [], ""
        while len(seen) < len(jids):
            more = page(1000, **{way: escape(at, {'"': "&quot;"})}) if at or way == "before" else ""
            answer = ok(await alice.ask("get", f"<subscriptions node='n'/>{more}", AT, OWNER))
            got = list(listed(answer, "subscription"))
            first, _, last, count = page_of(answer)
            assert got and (first, last, count) == (got[0], got[-1], len(jids))
            seen = seen + got if way == "after" else got + seen
            at = last if way == "after" else first
        return seen

    assert await walk("after") == await walk("before") == jids
    answer = await alice.ask("get", f"<subscriptions node='n'/>{page(1, after='x')}", AT, OWNER)
    assert condition(answer) == "item-not-found"
    answer = ok(await alice.ask("get", f"<affiliations node='n'/>{page(1)}", AT, OWNER))
    assert page_of(answer) == (alice.bare, 0, alice.bare, 1)
    # So many entries that are refused cannot be told.
    inner = "".join(f"<subscription jid='v{i}@example.org/{chr(34) * 900}' subscription='x'/>"
                    for i in range(240))
    assert condition(await owner_ask(alice, "set", "subscriptions", "n", inner)) == "resource-constraint"
    ok(await alice.publish("n", to=AT))


async def publish_until(who, want):
    """How many were published before that was the outcome."""
    for count in range(100):
        answer = await who.publish("n", id="again", to=AT)
        if (condition(answer) if answer.get("type") == "error" else "ok") == want:
            return count
    raise AssertionError(f"never {want}")


@settings(PUBSUB_RATE=1, PUBSUB_BURST=5)
async def test_rate_of_changes(person, clock):
    alice, bob = await person("alice"), await person("bob")
    limit = "resource-constraint"
    ok(await create(alice, "n"))
    assert 4 <= await publish_until(alice, limit) <= 8
    for ask in (lambda: create(alice, "m"), lambda: alice.retract("n", "again", to=AT),
                lambda: subscribe(alice, "n"), lambda: owner_ask(alice, "set", "purge", "n"),
                lambda: alice.configure("n", AT, title="T"),
                lambda: owner_ask(alice, "set", "delete", "n"),
                lambda: set_list(alice, "affiliation", "n", [(bob.bare, "member")])):
        await publish_until(alice, limit)
        assert condition(await ask()) == limit
    assert [i for i, _ in await alice.items("n", of=AT)] == ["again"]  # reading is free
    assert state(await subscribe(bob, "n")) == "subscribed"  # others are counted for themselves
    clock.advance(60)
    await publish_until(alice, "ok")
    assert await publish_until(alice, limit) >= 3
