# SPDX-License-Identifier: MIT
"""Who may do what with a node (XEP-0060 4.1, 4.5): access models, affiliations, subscriptions."""

import pytest

from lib.pep import EVENT, PUBSUB, befriend, condition, form, ok, payload
from lib.pubsub import (AT, FAST, affiliate, create, fields, list_of, listed, make, owner_ask,  # noqa: F401
                        pep_stack, set_list, settings, state, subscribe, subscriptions, told_states,
                        unsubscribe)

AUTHORIZE = PUBSUB + "#subscribe_authorization"
BLOCKED, CLOSED = "forbidden", "not-allowed/closed-node"
NO_SUB = "not-authorized/not-subscribed"
NO_CONTACT = "not-authorized/presence-subscription-required"
NO_GROUP = "not-authorized/not-in-roster-group"
STANDINGS = ("owner", "publisher", "publish-only", "member", "none", "outcast", "subscribed")
LISTED = {"owner": "subscribed", "publisher": "subscribed", "member": "subscribed",
          "publish-only": BLOCKED, "outcast": BLOCKED}
READ = {"owner": "ok", "publisher": "ok", "member": "ok", "publish-only": BLOCKED, "outcast": BLOCKED}
SUBSCRIBE = {
    "open": {**LISTED, "none": "subscribed", "subscribed": "subscribed"},
    "authorize": {**LISTED, "none": "pending", "subscribed": "subscribed"},
    "whitelist": {**LISTED, "none": CLOSED, "subscribed": CLOSED},
    "presence": {**LISTED, "none": NO_CONTACT, "subscribed": NO_CONTACT},
    "roster": {**LISTED, "none": NO_CONTACT, "subscribed": NO_CONTACT},
}
RETRIEVE = {
    "open": {**READ, "none": "ok", "subscribed": "ok"},
    "authorize": {**READ, "none": NO_SUB, "subscribed": "ok"},
    "whitelist": {**READ, "none": CLOSED, "subscribed": CLOSED},
    "presence": {**READ, "none": NO_CONTACT, "subscribed": NO_CONTACT},
    "roster": {**READ, "none": NO_CONTACT, "subscribed": NO_CONTACT},
}
PUBLISH = {
    "publishers": {"owner", "publisher", "publish-only"},
    "subscribers": {"owner", "publisher", "publish-only", "subscribed"},
    "open": set(STANDINGS) - {"outcast"},
}
RETRACT_ANY = {"owner", "publisher"}


async def company(person, owner, node, to=AT, **config):
    """{standing: somebody who has it}."""
    await make(owner, node, to, **config)
    people = {"owner": owner}
    for standing in STANDINGS[1:]:
        people[standing] = await person(standing)
        if standing == "subscribed":
            ok(await set_list(owner, "subscription", node, [(people[standing].bare, standing)], to))
        elif standing != "none":
            await affiliate(owner, node, people[standing], standing, to)
    return people


def said(items):
    return items if isinstance(items, str) else "ok"


def outcome(answer):
    return "ok" if answer.get("type") == "result" else condition(answer)


# --- the tables ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", ["open", "authorize", "whitelist", "presence", "roster"])
async def test_access_models(person, model):
    alice = await person("alice")
    to = AT if model in ("open", "authorize", "whitelist") else alice.bare
    people = await company(person, alice, "n", to, access_model=model)
    ok(await alice.publish("n", id="1", to=to))
    got = {s: said(await p.items("n", of=to)) for s, p in people.items()}
    assert got == RETRIEVE[model]
    got = {s: state(await subscribe(p, "n", to=to)) for s, p in people.items()}
    assert got == SUBSCRIBE[model]
    # Who may not read is not told either (15.3).
    ok(await alice.publish("n", id="2", to=to))
    readers = {s for s, v in RETRIEVE[model].items() if v == "ok" and SUBSCRIBE[model][s] == "subscribed"}
    for standing, who in people.items():
        await who.raw.sync()
        told = any(e.get("id") == "2" for _, child in who.events("n") for e in child)
        assert told == (standing in readers), standing


@pytest.mark.parametrize("model", PUBLISH)
async def test_publish_models(person, model):
    alice = await person("alice")
    people = await company(person, alice, "n", publish_model=model)
    may = PUBLISH[model]
    got = {s: outcome(await p.publish("n", id=f"of-{s}", to=AT)) for s, p in people.items()}
    assert got == {s: "ok" if s in may else BLOCKED for s in STANDINGS}
    # One's own items, the owner's, and what is not there.
    for standing, who in people.items():
        ok(await alice.publish("n", id="other", to=AT))
        any_ = standing in RETRACT_ANY
        assert outcome(await who.retract("n", "other", to=AT)) == ("ok" if any_ else BLOCKED), standing
        assert outcome(await who.retract("n", "gone", to=AT)) == (
            "item-not-found" if any_ else BLOCKED), standing
        if standing in may:
            assert outcome(await who.retract("n", f"of-{standing}", to=AT)) == "ok", standing
        else:
            assert outcome(await who.retract("n", "of-owner", to=AT)) == BLOCKED, standing
        ok(await alice.publish("n", id="of-owner", to=AT))


async def test_an_item_belongs_to_its_last_publisher(person):
    alice, bob = await person("alice"), await person("bob")
    bobby = await person("bobby")  # begins like him
    await make(alice, "n", publish_model="open")
    ok(await bob.publish("n", id="1", to=AT))
    assert condition(await bobby.retract("n", "1", to=AT)) == BLOCKED
    ok(await bobby.publish("n", id="1", to=AT))
    assert condition(await bob.retract("n", "1", to=AT)) == BLOCKED
    ok(await (await person("bobby", resource="else")).retract("n", "1", to=AT))


async def test_contacts_and_groups(person):
    alice, bob, carol = [await person(u) for u in ("alice", "bob", "carol")]
    for who in (bob, carol):
        await befriend(alice, who)
    ok(await alice.raw.iq("set", "<query xmlns='jabber:iq:roster'>"
                          f"<item jid='{bob.bare}'><group>Friends</group></item></query>"))
    await make(alice, "p", None, access_model="presence")
    await make(alice, "r", None, access_model="roster", roster_groups_allowed=["Family", "Friends"])
    for node in "pr":
        ok(await alice.publish(node, id="1"))
    assert said(await bob.items("p", of=alice.bare)) == "ok"
    assert said(await carol.items("p", of=alice.bare)) == "ok"
    assert said(await bob.items("r", of=alice.bare)) == "ok"
    assert said(await carol.items("r", of=alice.bare)) == NO_GROUP
    assert state(await subscribe(bob, "r", to=alice.bare)) == "subscribed"
    assert state(await subscribe(carol, "r", to=alice.bare)) == NO_GROUP
    assert condition(await bob.publish("p", to=alice.bare)) == BLOCKED


async def test_a_model_that_changes(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    ok(await alice.configure("n", AT, access_model="whitelist"))
    ok(await alice.publish("n", id="1", to=AT))
    assert await bob.items("n", of=AT) == CLOSED
    await bob.raw.sync()
    assert not bob.events("n")
    ok(await alice.configure("n", AT, access_model="authorize"))
    assert said(await bob.items("n", of=AT)) == "ok"
    ok(await alice.publish("n", id="2", to=AT))
    await bob.event("n")


# --- subscribing ----------------------------------------------------------------------------------------

async def test_subscribe_and_unsubscribe(person):
    alice, bob = await person("alice"), await person("bob")
    other = await person("bob", resource="b")
    await make(alice, "n")
    answer = ok(await subscribe(bob, "n"))
    found = answer.find(f".//{{{PUBSUB}}}subscription")
    assert (found.get("node"), found.get("jid"), found.get("subscription")) == (
        "n", bob.bare, "subscribed")
    assert state(await subscribe(bob, "n")) == "subscribed"  # 6.1.6
    assert state(await subscribe(other, "n", bob.jid)) == "subscribed"
    want = {("n", bob.bare): "subscribed", ("n", bob.jid): "subscribed"}
    assert await subscriptions(bob) == await subscriptions(other, "n") == want
    ok(await alice.publish("n", id="1", to=AT))
    for who in (bob, other):
        await who.raw.wait("message", has=f"{{{EVENT}}}event")
    await bob.raw.sync()
    await other.raw.sync()
    addressed = [m.get("to") for w in (bob, other) for m, _ in w.events("n")]
    assert addressed.count(bob.jid) == 1 and bob.bare in addressed
    assert state(await unsubscribe(bob, "n")) == "none"
    assert condition(await unsubscribe(bob, "n")) == "unexpected-request/not-subscribed"
    assert condition(await unsubscribe(bob, "n", other.jid)) == "unexpected-request/not-subscribed"
    assert await subscriptions(bob) == {("n", bob.jid): "subscribed"}
    assert state(await unsubscribe(other, "n", bob.jid)) == "none"
    assert await subscriptions(bob) == {}


async def test_whom_one_may_subscribe(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    wrong = "bad-request/invalid-jid"
    for jid in (alice.bare, alice.jid, "@", "localhost", "", "bobby@localhost"):
        answer = await bob.ask("set", f"<subscribe node='n' jid='{jid}'/>", AT)
        assert condition(answer) == wrong, jid
    assert condition(await bob.ask("set", "<subscribe node='n'/>", AT)) == wrong
    ok(await subscribe(alice, "n"))
    assert condition(await unsubscribe(bob, "n", alice.bare)) == "forbidden"  # 6.2.3.3
    assert condition(await unsubscribe(bob, "n", "@")) == wrong
    assert condition(await bob.ask("set", "<unsubscribe node='n'/>", AT)) == wrong
    assert await subscriptions(alice) == {("n", alice.bare): "subscribed"}
    assert await subscriptions(bob) == {}
    assert state(await subscribe(bob, "n", "BOB@LocalHost")) == "subscribed"
    assert await subscriptions(bob) == {("n", bob.bare): "subscribed"}
    for ask in (subscribe, unsubscribe):
        assert condition(await ask(bob, "m")) == "item-not-found"
        assert condition(await ask(bob, None)) == "bad-request/nodeid-required"


async def test_a_node_without_subscriptions(person):
    alice = await person("alice")
    await make(alice, "n", subscribe="0")
    answer = await subscribe(alice, "n")
    assert condition(answer) == "feature-not-implemented/unsupported"
    assert answer.find(".//{*}unsupported").get("feature") == "subscribe"


async def test_own_lists(person):
    alice, bob = await person("alice"), await person("bob")
    assert await subscriptions(bob) == {}
    for node, model in (("a", "open"), ("b", "authorize"), ("c", "open")):
        await make(alice, node, access_model=model)
    for node in "ab":
        ok(await subscribe(bob, node))
    await affiliate(alice, "a", bob, "publisher")
    await affiliate(alice, "c", bob, "outcast")
    want = {("a", bob.bare): "subscribed", ("b", bob.bare): "pending"}
    assert await subscriptions(bob) == want
    assert await subscriptions(bob, "b") == {("b", bob.bare): "pending"}
    assert await subscriptions(bob, "c") == {}

    async def affiliations(who, node=None):
        attr = f" node='{node}'" if node else ""
        answer = ok(await who.ask("get", f"<affiliations{attr}/>", AT))
        return {a.get("node"): a.get("affiliation") for a in answer.iter(f"{{{PUBSUB}}}affiliation")}

    assert await affiliations(bob) == {"a": "publisher", "c": "outcast"}
    assert await affiliations(bob, "a") == {"a": "publisher"}
    assert await affiliations(bob, "b") == {}
    assert await affiliations(alice) == {n: "owner" for n in "abc"}
    for element in ("subscriptions", "affiliations"):
        answer = await bob.ask("get", f"<{element} node='m'/>", AT)
        assert condition(answer) == "item-not-found"


# --- approval (6.1.4, 8.6) --------------------------------------------------------------------------------

async def request_form(owner):
    """The last request that the owner has been sent, as (its id, its fields)."""
    found = await owner.raw.wait(
        lambda m: m.tag.endswith("}message") and fields(m).get("FORM_TYPE") == AUTHORIZE)
    return found.get("id"), fields(found)


def decision(node, jid, allow="true", kind="submit", ident="x"):
    x = form(AUTHORIZE, {"pubsub#node": node, "pubsub#subscriber_jid": jid, "pubsub#allow": allow}, kind)
    return f"<message to='{AT}' id='{ident}'>{x}</message>"


async def test_approval(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", access_model="authorize")
    ok(await alice.publish("n", id="1", to=AT))
    assert state(await subscribe(bob, "n")) == "pending"
    assert condition(await subscribe(bob, "n")) == "not-authorized/pending-subscription"
    ident, asked = await request_form(alice)
    assert ident
    assert {**asked, "allow": None} == {"FORM_TYPE": AUTHORIZE, "node": "n", "subscriber_jid": bob.bare,
                                        "allow": None}
    assert asked["allow"] in ("0", "false")
    assert await bob.items("n", of=AT) == NO_SUB
    assert await list_of(alice, "subscription", "n") == {}  # 8.8.1.2
    ok(await alice.publish("n", id="2", to=AT))
    # Cancelled it goes on waiting.
    await alice.raw.send(decision("n", bob.bare, kind="cancel", ident=ident))
    await alice.raw.sync()
    assert await subscriptions(bob) == {("n", bob.bare): "pending"}
    await bob.raw.sync()
    assert not bob.events("n")
    await alice.raw.send(decision("n", bob.bare, ident=ident))
    message, event = await bob.event("n")
    assert event.tag == f"{{{EVENT}}}subscription" and message.get("from") == AT
    assert (event.get("jid"), event.get("subscription")) == (bob.bare, "subscribed")
    _, event = await bob.event("n")  # 12.9: and the last item
    assert event[0].get("id") == "2"
    assert await subscriptions(bob) == {("n", bob.bare): "subscribed"}
    assert await list_of(alice, "subscription", "n") == {bob.bare: "subscribed"}
    assert [i for i, _ in await bob.items("n", of=AT)] == ["1", "2"]


async def test_denial(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", access_model="authorize")
    ok(await subscribe(bob, "n"))
    ident, _ = await request_form(alice)
    await alice.raw.send(decision("n", bob.bare, "0", ident=ident))
    await bob.event("n")
    assert told_states(bob, "n") == ["none"]
    assert await subscriptions(bob) == {}
    assert await bob.items("n", of=AT) == NO_SUB
    # What has been decided is not decided again.
    await alice.raw.send(decision("n", bob.bare, "1", ident=ident))
    await alice.raw.sync()
    assert await subscriptions(bob) == {}
    assert state(await subscribe(bob, "n")) == "pending"


async def test_who_may_not_approve(person):
    alice, bob, carol = [await person(u) for u in ("alice", "bob", "carol")]
    await make(alice, "n", access_model="authorize")
    await affiliate(alice, "n", carol, "publisher")
    ok(await subscribe(bob, "n"))
    for who in (bob, carol):
        await who.raw.send(decision("n", bob.bare, ident="mine"))
        await who.raw.wait("message", type="error", id="mine", error="forbidden")
    await alice.raw.send(decision("m", bob.bare, ident="none"))
    await alice.raw.wait("message", type="error", id="none", error="item-not-found")
    bad = (decision("n", bob.bare, "maybe", ident="b0"), decision("n", "@", ident="b1"),
           f"<message to='{AT}' id='b2'>{form(AUTHORIZE, {})}</message>",
           f"<message to='{AT}' id='b3'>{form('urn:example:x', {})}</message>")
    for i, message in enumerate(bad):
        await alice.raw.send(message)
        await alice.raw.wait("message", type="error", id=f"b{i}", error="bad-request")
    await bob.raw.sync()
    assert told_states(bob, "n") == []
    assert await subscriptions(bob) == {("n", bob.bare): "pending"}
    await alice.raw.send(decision("n", carol.bare))  # who has not asked
    await alice.raw.sync()
    assert await subscriptions(carol) == {}


async def test_each_owner_is_asked(person):
    alice, bob, carol = [await person(u) for u in ("alice", "bob", "carol")]
    await make(alice, "n", access_model="authorize")
    await affiliate(alice, "n", carol, "owner")
    ok(await subscribe(bob, "n", bob.jid))
    for owner in (alice, carol):
        _, asked = await request_form(owner)
        assert asked["subscriber_jid"] == bob.jid
    await carol.raw.send(decision("n", bob.jid))
    await bob.event("n")
    await alice.raw.send(decision("n", bob.jid, "0"))  # too late
    await alice.raw.sync()
    assert await subscriptions(bob) == {("n", bob.jid): "subscribed"}


async def test_approval_at_an_account(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", None, access_model="authorize")
    ok(await alice.publish("n", id="1"))
    assert state(await subscribe(bob, "n", to=alice.bare)) == "pending"
    await request_form(alice)
    await bob.raw.send(decision("n", bob.bare, ident="mine"))
    await bob.raw.wait("message", type="error", id="mine")
    assert await subscriptions(bob, to=alice.bare) == {("n", bob.bare): "pending"}
    await alice.raw.send(decision("n", bob.bare))
    await bob.event("n", of=alice.bare)
    assert await subscriptions(bob, to=alice.bare) == {("n", bob.bare): "subscribed"}


@pytest.mark.parametrize("affiliation, want", [
    ("member", "subscribed"), ("publisher", "subscribed"), ("owner", "subscribed"), ("outcast", None),
    ("publish-only", "pending")])
async def test_affiliations_settle_what_waits(person, affiliation, want):
    """8.7.4, note."""
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", access_model="authorize")
    ok(await alice.publish("n", id="1", to=AT))
    ok(await subscribe(bob, "n"))
    await affiliate(alice, "n", bob, affiliation)
    assert (await subscriptions(bob)).get(("n", bob.bare)) == want
    await bob.raw.sync()
    assert told_states(bob, "n") == {"subscribed": ["subscribed"], "pending": [], None: ["none"]}[want]
    items = [c for _, c in bob.events("n") if c.tag == f"{{{EVENT}}}items"]
    assert len(items) == (want == "subscribed")


async def test_owners_are_told_of_subscriptions(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", notify_sub="1")
    ok(await subscribe(bob, "n"))
    ok(await unsubscribe(bob, "n"))
    for want in ("subscribed", "none"):
        _, event = await alice.event("n")
        assert (event.get("jid"), event.get("subscription")) == (bob.bare, want)


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
async def test_lists_that_are_too_long_to_be_told(person):
    """Resources are six times as long on the wire; the link must go on."""
    alice = await person("alice")
    await make(alice, "n")
    for k in range(2):
        jids = [f"u{k}x{i}@example.org/" + '"' * 900 for i in range(120)]
        inner = "".join(f"<subscription jid='{j}' subscription='subscribed'/>" for j in jids)
        ok(await owner_ask(alice, "set", "subscriptions", "n", inner))
    answer = await owner_ask(alice, "get", "subscriptions", "n")
    assert condition(answer) == "resource-constraint"
    inner = "".join(f"<subscription jid='v{i}@example.org/{'%s' % (chr(34) * 900)}' subscription='x'/>"
                    for i in range(240))
    assert condition(await owner_ask(alice, "set", "subscriptions", "n", inner)) == "resource-constraint"
    await alice.raw.sync()
    ok(await alice.publish("n", to=AT))


async def publish_until(who, want):
    """How many were published before that was the outcome."""
    for count in range(100):
        if outcome(await who.publish("n", id="again", to=AT)) == want:
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
