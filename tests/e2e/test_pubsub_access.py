# SPDX-License-Identifier: MIT
"""Who may do what with a node (XEP-0060 4.1, 4.5): access models, affiliations, subscriptions."""

import pytest

from lib.pep import EVENT, PUBSUB, befriend, condition, form, ok
from lib.pubsub import (AT, affiliate, fields, list_of, make, set_list, state,
                        subscribe, subscriptions, told_states, unsubscribe)

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
