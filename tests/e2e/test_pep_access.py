# SPDX-License-Identifier: MIT
"""PEP: who may see what, by access model (XEP-0060 4.5), and what a changed roster changes at once
(XEP-0163 7)."""

import pytest

from lib import xml
from lib.component import attach
from lib.pep import (CAPS, EVENT, NODE, PUBSUB, Pep, befriend, caps_ver, condition, form, ok,
                     payload)
from lib.pep_people import (SERVICE, affiliate, disco, ids, let_see, nodes_of, put_in_group,
                            remove_contact, settled, subscribe, subscribers)
from lib.wait import until

ALICE = "alice@localhost"
MODELS = ("open", "presence", "roster", "authorize", "whitelist")
PEOPLE = ("alice", "both", "seer", "seen", "stranger", "grouped", "listed", "outcast")
PENDING = "pending"
PRESENCE = "not-authorized/presence-subscription-required"
GROUP = "not-authorized/not-in-roster-group"
SUBSCRIBED = "not-authorized/not-subscribed"
CLOSED = "not-allowed/closed-node"
# What subscribing and retrieving is answered; one word for both, or two.
ALLOWED = {
    "open": dict.fromkeys(PEOPLE, "ok"),
    "presence": dict(alice="ok", both="ok", seer="ok", seen=PRESENCE, stranger=PRESENCE,
                     grouped="ok", listed="ok"),
    "roster": dict(alice="ok", both=GROUP, seer=GROUP, seen=PRESENCE, stranger=PRESENCE,
                   grouped="ok", listed="ok"),
    "authorize": dict(dict.fromkeys(PEOPLE, (PENDING, SUBSCRIBED)), alice="ok", listed="ok"),
    "whitelist": dict(dict.fromkeys(PEOPLE, CLOSED), alice="ok", listed="ok"),
}
SEES_PRESENCE = ("both", "seer", "grouped", "outcast")


def allowed(model, who):
    said = "forbidden" if who == "outcast" else ALLOWED[model][who]
    return said if isinstance(said, tuple) else (said, said)


async def publish(who, node, id="1", **how):
    ok(await who.publish(node, payload(id), id=id, **how))


def node_of(model):
    return f"urn:example:{model}"


async def make_people(person, node):
    """alice and all the others, each of whom wants the node."""
    people = {name: await person(name, wants=(node,)) for name in PEOPLE}
    alice = people["alice"]
    for name in ("both", "grouped", "outcast"):
        await befriend(alice, people[name])
    await let_see(alice, people["seer"])
    await let_see(people["seen"], alice)
    await put_in_group(alice, people["grouped"], "Servants", "Friends")
    await put_in_group(alice, people["both"], "Work")
    await put_in_group(alice, people["seen"], "Friends")  # does not see the presence
    for who in people.values():
        await settled(who)
    return people


def groups(model):
    return {"roster_groups_allowed": ["Friends", "Family"]} if model == "roster" else {}


@pytest.mark.parametrize("model", MODELS)
async def test_every_way_to_a_node(person, model):
    node = node_of(model)
    people = await make_people(person, node)
    alice = people["alice"]
    ok(await alice.ask("set", f"<create node='{node}'/>"))
    ok(await alice.configure(node, access_model=model, **groups(model)))
    await affiliate(alice, node, listed="member", outcast="outcast")
    await publish(alice, node)
    for name, who in people.items():
        may_subscribe, may_retrieve = allowed(model, name)
        # Told by presence: who sees it and may read; and one's own sessions.
        await who.raw.sync()
        implicit = may_retrieve == "ok" and name in (*SEES_PRESENCE, "alice")
        assert ids(who, node) == (["1"] if implicit else []), name
        # Retrieving.
        got = await who.items(node, of=ALICE)
        assert (got if isinstance(got, str) else "ok") == may_retrieve, name
        # Listed in disco, both ways; with its items for who may read it.
        visible = "ok" in (may_retrieve, may_subscribe) or may_subscribe == PENDING
        hidden = "item-not-found" if name in SEES_PRESENCE else "service-unavailable"
        assert await nodes_of(who, ALICE) == (
            [node] if visible else [] if name in SEES_PRESENCE else hidden), name
        info = await who.raw.iq("get", disco("info", node), to=ALICE)
        if visible:
            assert ok(info).find(".//{*}identity").get("type") == "leaf"
        else:
            assert condition(info) == hidden, name
        listed = await who.raw.iq("get", disco("items", node), to=ALICE)
        if may_retrieve == "ok":
            assert [i.get("name") for i in ok(listed).iter(f"{{{xml.DISCO_ITEMS}}}item")] == ["1"]
        else:
            assert condition(listed) == ("forbidden" if visible else hidden), name
    await check_logins(person, people, model)
    await check_subscriptions(people, model)


async def check_logins(person, people, model):
    """The last item goes to new sessions of the very same people."""
    node = node_of(model)
    for name in PEOPLE:
        again = await person(name, wants=(node,), resource="later")
        await settled(again)
        implicit = allowed(model, name)[1] == "ok" and name in (*SEES_PRESENCE, "alice")
        assert ids(again, node) == (["1"] if implicit else []), name


async def check_subscriptions(people, model):
    node, told = node_of(model), []
    for name, who in people.items():
        may = allowed(model, name)[0]
        answer = await subscribe(who, node, ALICE)
        if may in ("ok", PENDING):
            state = ok(answer).find(f".//{{{PUBSUB}}}subscription").get("subscription")
            assert state == ("subscribed" if may == "ok" else "pending"), name
        else:
            assert condition(answer) == may, name
        if may == "ok":
            told.append(name)
        await settled(who)
        who.raw.inbox.clear()
    await publish(people["alice"], node, id="2")
    for name, who in people.items():
        await who.raw.sync()
        implicit = allowed(model, name)[1] == "ok" and name in SEES_PRESENCE
        assert ids(who, node) == (["2"] if name in told or implicit else []), name


# --- a roster that changes ------------------------------------------------------------------------

async def test_contact_that_is_removed_loses_access_at_once(person):
    """Its subscription is cancelled, and it is told so (XEP-0060 8.8.4)."""
    node = node_of("presence")
    alice, bob = await person("alice"), await person("bob", wants=(node,))
    await befriend(alice, bob)
    await publish(alice, node)
    ok(await subscribe(bob, node, ALICE))
    await settled(bob)
    assert ids(bob, node)[:1] == ["1"]
    await remove_contact(alice, bob)
    told = await bob.raw.wait("message", from_=ALICE, has=f"{{{EVENT}}}subscription")
    assert told.find(f".//{{{EVENT}}}subscription").get("subscription") == "none"
    bob.raw.inbox.clear()
    await publish(alice, node, id="2")
    await settled(bob)
    assert ids(bob, node) == []
    assert await bob.items(node, of=ALICE) == PRESENCE
    assert await subscribers(alice, node) == {}
    await befriend(alice, bob)  # the subscription is not back with the contact
    assert await subscribers(alice, node) == {}


async def test_contact_who_unsubscribes_from_presence(person):
    node = node_of("presence")
    alice, bob = await person("alice"), await person("bob", wants=(node,))
    await befriend(alice, bob)
    await publish(alice, node)
    ok(await subscribe(bob, node, ALICE, bob.jid))
    await settled(bob)
    bob.raw.inbox.clear()
    await bob.raw.send(f"<presence type='unsubscribe' to='{ALICE}'/>")
    await settled(bob)
    await publish(alice, node, id="2")
    await settled(bob)
    assert ids(bob, node) == []
    assert await subscribers(alice, node) == {}


async def test_subscription_that_is_lost_while_nobody_looks(person, pep_stack):
    """The component is away when the contact is removed."""
    node = node_of("presence")
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    await publish(alice, node)
    ok(await subscribe(bob, node, ALICE))
    pep_stack.components["pubsub"].kill9()
    await remove_contact(alice, bob)
    pep_stack.components["pubsub"].start()
    pep_stack.ready("pubsub")
    bob.raw.inbox.clear()
    await publish(alice, node, id="2")
    await settled(bob)
    assert ids(bob, node) == []
    assert await subscribers(alice, node) == {}


async def test_contact_that_is_moved_to_another_group(person):
    node = node_of("roster")
    alice, bob = await person("alice"), await person("bob", wants=(node,))
    await befriend(alice, bob)
    await publish(alice, node, access_model="roster", roster_groups_allowed=["Friends"])
    await settled(bob)
    assert ids(bob, node) == []
    await put_in_group(alice, bob, "Friends")
    await bob.event(node)  # the last item, to who may see it from now on
    await settled(bob)
    assert ids(bob, node) == ["1"]
    ok(await subscribe(bob, node, ALICE))
    await put_in_group(alice, bob, "Friends", "Work")
    await settled(bob)
    bob.raw.inbox.clear()
    await put_in_group(alice, bob, "Work")
    await publish(alice, node, id="2")
    await settled(bob)
    assert ids(bob, node) == []
    assert await bob.items(node, of=ALICE) == GROUP
    assert await nodes_of(bob, ALICE) == []
    assert await subscribers(alice, node) == {}


async def test_subscription_to_an_open_node_outlives_the_contact(person):
    node = node_of("open")
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    await publish(alice, node, access_model="open")
    ok(await subscribe(bob, node, ALICE))
    await remove_contact(alice, bob)
    await settled(alice)
    assert await subscribers(alice, node) == {"bob@localhost": "subscribed"}
    bob.raw.inbox.clear()
    await publish(alice, node, id="2")
    await settled(bob)
    assert ids(bob, node) == ["2"]


async def test_new_contact_while_both_are_online(person):
    """Each is sent the other's last items, of all nodes that he may see."""
    nodes = [node_of(m) for m in MODELS]
    alice, bob = await person("alice", wants=nodes), await person("bob", wants=nodes)
    for who in (alice, bob):
        for model in MODELS:
            await publish(who, node_of(model), id=f"{who.bare[0]}-{model}", access_model=model,
                          **groups(model))
    await put_in_group(alice, bob.bare, "Friends")
    for who in (alice, bob):
        await settled(who)
        who.raw.inbox.clear()
    await befriend(alice, bob)
    for who in (alice, bob):
        await settled(who)
    assert sorted(ids(bob)) == ["a-open", "a-presence", "a-roster"]
    assert sorted(ids(alice)) == ["b-open", "b-presence"]


async def test_node_that_is_closed_to_who_has_subscribed(person):
    """Another access model counts at once, for events as for requests."""
    node = node_of("open")
    alice, eve = await person("alice"), await person("eve", wants=(node,))
    await settled(eve, asked=1)
    await publish(alice, node, access_model="open")
    for jid in (eve.bare, eve.jid):
        ok(await subscribe(eve, node, ALICE, jid))
    await settled(eve)
    for n, model in enumerate(("presence", "roster", "whitelist")):
        eve.raw.inbox.clear()
        ok(await alice.configure(node, access_model=model))
        await publish(alice, node, id=f"closed-{n}")
        assert isinstance(await eve.items(node, of=ALICE), str)
        await settled(eve)
        assert ids(eve, node) == []
        again = await person("eve", wants=(node,), resource=f"r{n}")
        await settled(again)
        assert ids(again, node) == []


async def test_outcast_is_told_no_more(person):
    node = node_of("open")
    alice, eve = await person("alice"), await person("eve")
    bob = await person("bob", wants=(node,))
    await befriend(alice, bob)
    await publish(alice, node, access_model="open")
    ok(await subscribe(eve, node, ALICE))
    await settled(bob)
    await affiliate(alice, node, eve="outcast", bob="outcast")
    for who in (eve, bob):
        await settled(who)
        who.raw.inbox.clear()
    await publish(alice, node, id="2")
    for who in (eve, bob):
        await settled(who)
        assert ids(who, node) == []
    assert await subscribers(alice, node) == {}


# --- authorize ------------------------------------------------------------------------------------

async def test_owner_allows_a_subscription(person):
    """8.6: the form comes from the component's domain, and the answer goes there: what is sent to
    the account is a message to the owner's own sessions."""
    node = node_of("authorize")
    alice, eve = await person("alice"), await person("eve")
    dan = await person("dan")
    await publish(alice, node, access_model="authorize")
    for who in (eve, dan):
        answer = ok(await subscribe(who, node, ALICE))
        assert answer.find(f".//{{{PUBSUB}}}subscription").get("subscription") == "pending"
        asked = await alice.raw.wait("message", from_=SERVICE, has="{jabber:x:data}x")
        fields = {f.get("var"): f.findtext("{*}value") for f in asked.iter("{jabber:x:data}field")}
        assert fields["pubsub#node"] == node
        assert fields["pubsub#subscriber_jid"] == who.bare
        alice.raw.inbox.clear()
        assert await who.items(node, of=ALICE) == SUBSCRIBED
    again = await subscribe(eve, node, ALICE)
    assert condition(again) == "not-authorized/pending-subscription"
    await forged(dan, node)
    for who, allow in ((eve, "true"), (dan, "false")):
        await decide(alice, node, who.bare, allow)
        told = await who.raw.wait("message", from_=ALICE, has=f"{{{EVENT}}}subscription")
        assert told.find(f".//{{{EVENT}}}subscription").get("subscription") == (
            "subscribed" if allow == "true" else "none")
    await eve.event(node, of=ALICE)  # the last item
    assert [i for i, _ in await eve.items(node, of=ALICE)] == ["1"]
    assert await dan.items(node, of=ALICE) == SUBSCRIBED
    await publish(alice, node, id="2")
    for who, want in ((eve, ["1", "2"]), (dan, [])):
        await who.raw.sync()
        assert ids(who, node) == want


async def decide(owner, node, jid, allow):
    x = form("http://jabber.org/protocol/pubsub#subscribe_authorization",
             {"pubsub#node": node, "pubsub#subscriber_jid": jid, "pubsub#allow": allow})
    await owner.raw.send(f"<message to='{SERVICE}'>{x}</message>")
    await settled(owner)


async def forged(who, node):
    """Nobody allows himself in."""
    await decide(who, node, who.bare, "true")
    assert await who.items(node, of=ALICE) == SUBSCRIBED


# --- who is asked ---------------------------------------------------------------------------------

async def test_accounts_that_do_not_exist_look_like_those_that_show_nothing(person):
    """To strangers: a whole answer but for addresses and id, at disco and at nodes by name."""
    alice, eve = await person("alice"), await person("eve")
    await person("empty")
    await publish(alice, node_of("whitelist"), access_model="whitelist")
    await publish(alice, node_of("presence"))
    for ask in (disco("items"), disco("items", node_of("presence")),
                disco("info", node_of("presence")), disco("info", "urn:example:none"),
                disco("info")):
        seen = set()
        for whom in (ALICE, "empty@localhost", "nobody@localhost"):
            answer = await eve.raw.iq("get", ask, to=whom)
            for name in ("id", "from", "to"):
                answer.attrib.pop(name, None)
            seen.add(xml.show(answer))
        assert len(seen) == 1, (ask, seen)


async def test_without_to_and_with_the_own_address(person):
    node = node_of("presence")
    alice = await person("alice", wants=(node,))
    await publish(alice, node, id="1")
    await publish(alice, node, id="2", to=ALICE)
    for of in (None, ALICE):
        answer = await alice.items_answer(node, of=of)
        assert [i.get("id") for i in answer.iter(f"{{{PUBSUB}}}item")] == ["2"]
        assert answer.get("from") in (None, ALICE)
        info = await alice.raw.iq("get", disco("info"), to=of or ALICE)
        assert ("pubsub", "pep") in [(i.get("category"), i.get("type"))
                                     for i in info.iter(f"{{{xml.DISCO_INFO}}}identity")]
        features = {f.get("var") for f in info.iter(f"{{{xml.DISCO_INFO}}}feature")}
        assert {PUBSUB + "#" + f for f in (
            "auto-create", "auto-subscribe", "filtered-notifications", "access-presence",
            "access-open", "access-roster", "access-whitelist", "last-published")} <= features
    assert await nodes_of(alice, ALICE) == [node]
    other = await person("bob")
    assert condition(await other.publish(node, to=ALICE)) == "forbidden"
    assert condition(await other.ask("set", f"<create node='{node}'/>", ALICE)) == "forbidden"
    assert [i for i, _ in await alice.items(node)] == ["2"]


async def test_contact_discovers_the_service(person):
    """XEP-0163 6.2."""
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    info = ok(await bob.raw.iq("get", disco("info"), to=ALICE))
    assert ("pubsub", "pep") in [(i.get("category"), i.get("type"))
                                 for i in info.iter(f"{{{xml.DISCO_INFO}}}identity")]
    assert PUBSUB + "#filtered-notifications" in {
        f.get("var") for f in info.iter(f"{{{xml.DISCO_INFO}}}feature")}


async def test_default_of_a_node(person):
    """XEP-0163 6: presence, payloads, on_sub_and_presence."""
    alice = await person("alice")
    await publish(alice, "urn:example:default")
    answer = ok(await alice.ask("get", "<configure node='urn:example:default'/>",
                                ns=PUBSUB + "#owner"))
    fields = {f.get("var"): f.findtext("{*}value") for f in answer.iter("{jabber:x:data}field")}
    assert fields["pubsub#access_model"] == "presence"
    assert fields["pubsub#deliver_payloads"] in ("1", "true")
    assert fields["pubsub#send_last_published_item"] == "on_sub_and_presence"


# --- contacts elsewhere ---------------------------------------------------------------------------

CONF = 'component gate {\n  secret = "sesame"\n}\n'


async def test_contact_elsewhere_comes_and_goes(make_stack, raw_client):
    """Its presence is what it sends to an account; it is asked there, and told in its turn."""
    stack = make_stack(components=("pubsub",), conf_d=CONF)
    stack.add_account("alice")
    raw = await (await raw_client(stack=stack)).login("alice", stack.accounts[ALICE], "a")
    alice = Pep(raw)
    await raw.iq("get", f"<query xmlns='{xml.ROSTER}'/>")
    await alice.come()
    node = node_of("presence")
    await publish(alice, node)
    gate = await attach(raw_client, stack, "gate.localhost", "sesame")
    bob = "bob@gate.localhost"
    await gate.send(f"<presence type='subscribe' from='{bob}' to='{ALICE}'/>")
    await raw.wait("presence", type="subscribe", from_=bob)
    await raw.send(f"<presence type='subscribed' to='{bob}'/>"
                   f"<presence type='subscribe' to='{bob}'/>")
    await gate.wait("presence", type="subscribe", to=bob)
    features = [xml.DISCO_INFO, node + "+notify"]
    ver = caps_ver(features)
    await gate.send(f"<presence type='subscribed' from='{bob}' to='{ALICE}'/>"
                    f"<presence from='{bob}/r' to='{ALICE}'><c xmlns='{CAPS}' hash='sha-1' "
                    f"node='{NODE}' ver='{ver}'/></presence>")
    asked = await gate.wait("iq", type="get", to=f"{bob}/r", has=f"{{{xml.DISCO_INFO}}}query")
    assert asked.get("from") in (ALICE, SERVICE)
    await gate.send(
        f"<iq type='result' id='{asked.get('id')}' from='{bob}/r' to='{asked.get('from')}'>"
        f"<query xmlns='{xml.DISCO_INFO}'><identity category='client' type='pc' name='tests'/>"
        + "".join(f"<feature var='{f}'/>" for f in features) + "</query></iq>")

    def told():
        return [i.get("id") for m in gate.inbox.find("message", to=f"{bob}/r", from_=ALICE)
                for i in m.iter(f"{{{PUBSUB}#event}}item")]

    await until(lambda: told() == ["1"], gate.inbox.text)
    await publish(alice, node, id="2")
    await until(lambda: told() == ["1", "2"], gate.inbox.text)
    await remove_contact(alice, bob)
    await settled(alice)
    await publish(alice, node, id="3")
    await gate.send(f"<iq type='get' id='p' from='{bob}/r' to='localhost'>"
                    f"<ping xmlns='{xml.PING}'/></iq>")
    await gate.wait("iq", id="p")
    assert told() == ["1", "2"]
    alice.stop()
