# SPDX-License-Identifier: MIT
"""Nodes at the component's domain: made, configured, found, emptied, deleted (XEP-0060 5, 8.1-8.5)."""

import datetime
import re

import pytest

from lib import xml
from lib.pep import EVENT, OWNER, PUBSUB, condition, form, node_config, ok, payload
from lib.pubsub import (AT, affiliate, config_of, create, disco, disco_items, fields, list_of, make,
                        named, owner_ask, page, page_of, settings, subscribe)

CONFIG = PUBSUB + "#node_config"
# Field, a value that differs from the default, and some that are not possible.
VALUES = {
    "title": ("A <title> & more", "x" * 1025),
    "description": ("What it is\nabout", "x" * 1025),
    "type": ("urn:example:thing", "x" * 1025),
    "language": ("de", "x" * 1025),
    "persist_items": ("0", "maybe", "", "2"),
    "deliver_payloads": ("0", "no"),
    "deliver_notifications": ("0", "off"),
    "notify_config": ("1", "yes"),
    "notify_delete": ("0", "TRUE"),
    "notify_retract": ("0", "-1"),
    "notify_sub": ("1", "01"),
    "subscribe": ("0", "x"),
    "access_model": ("authorize", "public"),
    "publish_model": ("subscribers", "everybody", ""),
    "send_last_published_item": ("never", "always"),
    "publish_node_full": ("reject", "grow"),
    "notification_type": ("normal", "groupchat"),
    "max_items": ("7", "10001", "-1", "many", "99999999999999999999", "1.5"),
    "max_payload_size": ("2048", "131073", "-1", "big"),
    "itemreply": ("publisher", "both"),
}


async def configure(who, node, to=AT, **values):
    return await who.configure(node, to, **values)


# --- creating ---------------------------------------------------------------------------------------

async def test_create(person):
    alice, bob = await person("alice"), await person("bob")
    ok(await create(alice, "news"))
    assert condition(await create(alice, "news")) == "conflict"
    assert condition(await create(bob, "news")) == "conflict"
    ok(await create(bob, "News"))  # another name
    assert await list_of(alice, "affiliation", "news") == {alice.bare: "owner"}
    conf = await config_of(alice, "news")
    assert conf["access_model"] == "open" and conf["publish_model"] == "publishers"
    assert conf["max_items"] == "20" and conf["max_payload_size"] == "131072"


async def test_instant_nodes(person):
    alice = await person("alice")
    names = set()
    for ask in (create(alice), create(alice, ""), create(alice, title="T")):
        answer = ok(await ask)
        names.add(answer.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}create").get("node"))
    assert len(names) == 3 and all(names)
    for name in names:
        ok(await alice.publish(name, to=AT))


async def test_an_account_has_no_instant_nodes(person):
    alice = await person("alice")
    assert condition(await create(alice, to=None)) == "not-acceptable/nodeid-required"


async def test_length_of_names(person):
    alice = await person("alice")
    for name in ("n" * 1023, "é" * 511):
        ok(await create(alice, name))
    too_long = "n" * 1024
    assert condition(await create(alice, too_long)) == "not-acceptable"
    assert condition(await create(alice, "é" * 512)) == "not-acceptable"
    # Such a node cannot be there.
    assert condition(await alice.publish(too_long, to=AT)) == "not-acceptable"
    assert await alice.items(too_long, of=AT) == "item-not-found"
    assert condition(await subscribe(alice, too_long)) == "item-not-found"
    assert condition(await disco(alice, xml.DISCO_INFO, too_long)) == "item-not-found"


async def test_create_and_configure(person):
    alice = await person("alice")
    await make(alice, "n", access_model="whitelist", title="T", max_items="max")
    conf = await config_of(alice, "n")
    assert (conf["access_model"], conf["title"], conf["max_items"]) == ("whitelist", "T", "10000")
    # An empty <configure/> says nothing; one with a node is wrong, and one before <create/> (8.1.3).
    ok(await alice.ask("set", "<create node='e'/><configure/>", AT))
    assert condition(await alice.ask(
        "set", f"<create node='w'/><configure node='w'>{node_config(title='T')}</configure>",
        AT)) == "bad-request"
    assert condition(await alice.ask(
        "set", f"<configure>{node_config(title='T')}</configure><create node='w'/>",
        AT)) == "bad-request"
    wrong = form(PUBSUB + "#publish-options", {"pubsub#title": "T"})
    assert condition(await alice.ask(
        "set", f"<create node='w'/><configure>{wrong}</configure>", AT)) == "bad-request"
    assert condition(await create(alice, "w", max_items="-1")) == "not-acceptable"
    assert condition(await disco(alice, xml.DISCO_INFO, "w")) == "item-not-found"


@pytest.mark.parametrize("model", ["presence", "roster", "nonsense", ""])
async def test_access_models_that_are_not_possible(person, model):
    alice = await person("alice")
    refused = "not-acceptable/unsupported-access-model"
    assert condition(await create(alice, "n", access_model=model)) == refused
    await make(alice, "n")
    assert condition(await configure(alice, "n", access_model=model)) == refused
    assert (await config_of(alice, "n"))["access_model"] == "open"


async def test_collections_are_refused(person):
    alice = await person("alice")
    await make(alice, "leaf", node_type="leaf")
    assert condition(await create(alice, "c", node_type="collection")) == "not-acceptable"
    ok(await alice.ask("get", "<default type='leaf'/>", AT, OWNER))
    answer = await alice.ask("get", "<default type='collection'/>", AT, OWNER)
    assert condition(answer) == "feature-not-implemented/unsupported"


# --- who may create -----------------------------------------------------------------------------------

@settings(PUBSUB_CREATE="admins", ADMINS="alice@localhost")
async def test_only_admins_create(person):
    alice, bob = await person("alice"), await person("bob")
    ok(await create(alice, "n"))
    assert condition(await create(bob, "m")) == "forbidden"
    assert condition(await create(bob)) == "forbidden"
    # Publishing makes nodes only for those who may; others learn nothing.
    assert condition(await bob.publish("m", to=AT)) == "item-not-found"
    assert condition(await bob.publish("n", to=AT)) == "forbidden"


@settings(ADMINS="alice@localhost")
async def test_admins_own_every_node_of_the_domain(person):
    alice, bob = await person("alice"), await person("bob")
    await make(bob, "n", access_model="whitelist")
    ok(await alice.publish("n", id="1", to=AT))
    assert await list_of(alice, "affiliation", "n") == {bob.bare: "owner"}
    # An admin's own list has the nodes that he was made an owner of.
    await affiliate(alice, "n", alice, "outcast")
    assert [i for i, _ in await alice.items("n", of=AT)] == ["1"]
    ok(await owner_ask(alice, "set", "delete", "n"))
    # And no account's.
    ok(await bob.publish("own", access_model="whitelist"))
    assert await alice.items("own", of=bob.bare) == "not-allowed/closed-node"
    assert condition(await owner_ask(alice, "set", "delete", "own", to=bob.bare)) == "forbidden"


@settings(PUBSUB_LOCAL_DOMAINS="example.org")
async def test_only_local_users_create(person):
    alice = await person("alice")  # of localhost
    assert condition(await create(alice, "n")) == "forbidden"


@settings(PUBSUB_CREATE="anyone", PUBSUB_LOCAL_DOMAINS="example.org")
async def test_anyone_creates(person):
    alice = await person("alice")
    ok(await create(alice, "n"))


# --- configuring --------------------------------------------------------------------------------------

async def test_form_has_every_field(person):
    alice = await person("alice")
    await make(alice, "n")
    answer = ok(await owner_ask(alice, "get", "configure", "n"))
    x = answer.find(".//{jabber:x:data}x")
    assert x.get("type") == "form"
    assert x[0].get("var") == "FORM_TYPE" and x[0].get("type") == "hidden"
    conf = fields(answer)
    assert conf.pop("FORM_TYPE") == CONFIG
    assert set(conf) == set(VALUES)
    models = [o.findtext("{*}value") for o in x.findall(".//{*}option")]
    assert "authorize" in models
    # The default is the same for everybody.
    bob = await person("bob")
    default = fields(ok(await owner_ask(bob, "get", "default", None)))
    assert {**default, "FORM_TYPE": None} == {**conf, "FORM_TYPE": None}


@pytest.mark.parametrize("field", VALUES)
async def test_each_field(person, field):
    alice = await person("alice")
    await make(alice, "n")
    before = await config_of(alice, "n")
    good, *bad = VALUES[field]
    for value in (*bad, [good, good]):
        answer = await configure(alice, "n", **{field: value})
        assert condition(answer).split("/")[0] == "not-acceptable", (value, xml.show(answer))
    assert await config_of(alice, "n") == before
    ok(await configure(alice, "n", **{field: good}))
    assert await config_of(alice, "n") == {**before, field: good}


async def test_all_fields_survive_a_restart(person, pep_stack):
    alice = await person("alice")
    good = {field: values[0] for field, values in VALUES.items()}
    await make(alice, "n", **good)
    before = await config_of(alice, "n")
    assert {k: before[k] for k in good} == good
    pep_stack.components["pubsub"].restart()
    pep_stack.ready("pubsub")
    assert await config_of(alice, "n") == before


async def test_configuration_in_part(person):
    alice = await person("alice")
    await make(alice, "n", title="T", max_items="5")
    ok(await configure(alice, "n", max_items="max", unknown="x"))
    conf = await config_of(alice, "n")
    assert conf["title"] == "T" and conf["max_items"] == "10000"
    ok(await configure(alice, "n", title=""))
    assert (await config_of(alice, "n"))["title"] == ""
    for value, says in (("true", "1"), ("false", "0")):
        ok(await configure(alice, "n", notify_sub=value))
        assert (await config_of(alice, "n"))["notify_sub"] == says
    ok(await configure(alice, "n", itemreply="owner"))
    ok(await configure(alice, "n", itemreply="none"))


async def test_cancelled_configuration(person):
    alice = await person("alice")
    await make(alice, "n")
    for x in (form(CONFIG, {"pubsub#title": "T"}, "cancel"),
              "<x xmlns='jabber:x:data' type='cancel'/>"):
        ok(await owner_ask(alice, "set", "configure", "n", x))
    assert (await config_of(alice, "n"))["title"] == ""
    # Of no type, of another one, or none at all.
    for x in ("", "<x xmlns='jabber:x:data' type='submit'/>", form("urn:example:x", {}),
              form(CONFIG, {"pubsub#title": "T"}, "result")):
        assert condition(await owner_ask(alice, "set", "configure", "n", x)) == "bad-request"
    assert (await config_of(alice, "n"))["title"] == ""


async def test_who_may_do_what_an_owner_does(person):
    """Each of 8.2 to 8.9 for somebody who is no owner, without a node, at one that is not there."""
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    await affiliate(alice, "n", bob, "publisher")
    entry = {"affiliations": "<affiliation jid='a@localhost' affiliation='member'/>",
             "subscriptions": "<subscription jid='a@localhost' subscription='subscribed'/>",
             "configure": node_config(title="T")}
    asks = [("get", e) for e in ("configure", "affiliations", "subscriptions")]
    asks += [("set", e) for e in ("configure", "delete", "purge", "affiliations", "subscriptions")]
    for kind, element in asks:
        inner = entry.get(element, "") if kind == "set" else ""
        assert condition(await owner_ask(bob, kind, element, "n", inner)) == "forbidden"
        assert condition(await owner_ask(alice, kind, element, "m", inner)) == "item-not-found"
        for node in (None, ""):
            assert condition(await owner_ask(alice, kind, element, node, inner)) == (
                "bad-request/nodeid-required")
    assert await list_of(alice, "affiliation", "n") == {alice.bare: "owner", bob.bare: "publisher"}


async def test_what_is_not_offered(person):
    alice = await person("alice")
    await make(alice, "n")
    for inner, feature in (
            (f"<options node='n' jid='{alice.bare}'/>", "subscription-options"),
            ("<default node='n'/>", "subscription-options")):
        answer = await alice.ask("get", inner, AT)
        assert condition(answer) == "feature-not-implemented/unsupported"
        assert answer.find(".//{*}unsupported").get("feature") == feature
    answer = await subscribe(alice, "n", more="<options/>")
    assert condition(answer) == "feature-not-implemented/unsupported"
    for kind, inner, ns in (("get", "<unknown/>", PUBSUB), ("set", "<unknown/>", OWNER)):
        assert condition(await alice.ask(kind, inner, AT, ns)) == "feature-not-implemented"
    assert condition(await alice.ask("set", "", AT)) == "bad-request"
    command = "<command xmlns='http://jabber.org/protocol/commands' node='x' action='execute'/>"
    assert condition(await alice.raw.iq("set", command, to=AT)) == "service-unavailable"


# --- notifications of what happens to a node ------------------------------------------------------------

async def test_configuration_is_told(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", notify_config="1")
    ok(await subscribe(bob, "n"))
    ok(await configure(alice, "n", title="T"))
    _, event = await bob.event("n")
    assert event.tag == f"{{{EVENT}}}configuration" and fields(event)["title"] == "T"
    ok(await configure(alice, "n", deliver_payloads="0"))  # 8.2.5.3: only that it has changed
    _, event = await bob.event("n")
    assert event.tag == f"{{{EVENT}}}configuration" and len(event) == 0
    ok(await configure(alice, "n", notify_config="0"))
    await bob.raw.sync()
    assert len(bob.events("n")) == 2


async def test_delete(person):
    alice, bob, carol = [await person(u) for u in ("alice", "bob", "carol")]
    await make(alice, "n", access_model="authorize")
    await affiliate(alice, "n", bob, "member")
    ok(await subscribe(bob, "n"))
    ok(await subscribe(carol, "n"))  # waits
    ok(await alice.publish("n", id="1", to=AT))
    ok(await owner_ask(alice, "set", "delete", "n"))
    for who in (bob, carol):  # 8.4.2: and those who wait
        await who.raw.wait(lambda m, w=who: any(
            c.tag == f"{{{EVENT}}}delete" for _, c in w.events("n")))
    assert await alice.items("n", of=AT) == "item-not-found"
    assert condition(await owner_ask(alice, "set", "delete", "n")) == "item-not-found"
    await make(bob, "n")  # a new one, with nothing of the old one
    assert await bob.items("n", of=AT) == []
    assert await list_of(bob, "affiliation", "n") == {bob.bare: "owner"}
    assert await list_of(bob, "subscription", "n") == {}


async def test_delete_in_silence(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", notify_delete="0")
    ok(await subscribe(bob, "n"))
    ok(await owner_ask(alice, "set", "delete", "n"))
    await bob.raw.sync()
    assert not bob.events()


async def test_purge(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    for i in "123":
        ok(await alice.publish("n", id=i, to=AT))
        await bob.event("n")
    ok(await owner_ask(alice, "set", "purge", "n"))
    _, event = await bob.event("n")
    assert event.tag == f"{{{EVENT}}}purge" and len(event) == 0
    await bob.raw.sync()
    assert len(bob.events("n")) == 4  # 8.5.2: one for all
    assert await alice.items("n", of=AT) == []
    ok(await owner_ask(alice, "set", "purge", "n"))
    ok(await configure(alice, "n", notify_retract="0"))
    count = len(bob.events("n"))
    ok(await owner_ask(alice, "set", "purge", "n"))
    await bob.raw.sync()
    assert len(bob.events("n")) == count
    await make(alice, "transient", persist_items="0")
    answer = await owner_ask(alice, "set", "purge", "transient")
    assert condition(answer) == "feature-not-implemented/unsupported"
    assert answer.find(".//{*}unsupported").get("feature") == "persistent-items"


async def test_notifications_can_be_off(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", deliver_notifications="0", notify_config="1")
    ok(await subscribe(bob, "n"))
    ok(await alice.publish("n", id="1", to=AT))
    ok(await configure(alice, "n", title="T"))
    ok(await owner_ask(alice, "set", "delete", "n"))
    await bob.raw.sync()
    assert not bob.events()


async def test_turning_persistence_off_ends_the_items(person):
    alice = await person("alice")
    await make(alice, "n")
    for i in "123":
        ok(await alice.publish("n", id=i, to=AT))
    ok(await configure(alice, "n", max_items="2"))
    assert [i for i, _ in await alice.items("n", of=AT)] == ["2", "3"]
    ok(await configure(alice, "n", persist_items="0"))
    ok(await configure(alice, "n", persist_items="1"))
    assert await alice.items("n", of=AT) == []


# --- discovery ------------------------------------------------------------------------------------------

async def test_disco_info_of_the_service(person):
    alice = await person("alice")
    answer = ok(await disco(alice, xml.DISCO_INFO))
    identities = [(i.get("category"), i.get("type")) for i in answer.iter(f"{{{xml.DISCO_INFO}}}identity")]
    assert ("pubsub", "service") in identities
    features = {f.get("var") for f in answer.iter(f"{{{xml.DISCO_INFO}}}feature")}
    own = {f.removeprefix(PUBSUB + "#") for f in features if f.startswith(PUBSUB + "#")}
    assert PUBSUB in features and xml.DISCO_INFO in features
    # Required and recommended (10), and what must be announced where it is offered.
    assert {"create-nodes", "create-and-configure", "instant-nodes", "config-node", "delete-nodes",
            "delete-items", "item-ids", "persistent-items", "publish", "retract-items", "subscribe",
            "retrieve-items", "retrieve-affiliations", "retrieve-subscriptions", "auto-create",
            "publish-options", "last-published", "rsm", "access-open", "access-authorize",
            "access-whitelist", "subscription-notifications"} <= own
    assert not own & {"access-presence", "access-roster", "subscription-options", "get-pending",
                      "multi-subscribe", "collections", "leased-subscription"}


async def test_disco_info_of_a_node(person):
    alice, bob = await person("alice"), await person("bob")
    before = datetime.datetime.now(datetime.timezone.utc)
    await make(alice, "n", title="T <1>", description="D", type="urn:example:thing", language="en",
               max_items="9")
    ok(await subscribe(bob, "n"))
    answer = ok(await disco(bob, xml.DISCO_INFO, "n"))
    query = answer.find(f"{{{xml.DISCO_INFO}}}query")
    assert query.get("node") == "n"
    identity = query.find(f"{{{xml.DISCO_INFO}}}identity")
    assert (identity.get("category"), identity.get("type")) == ("pubsub", "leaf")
    meta = fields(answer)
    created = meta.pop("creation_date")
    assert meta == {
        "FORM_TYPE": PUBSUB + "#meta-data", "title": "T <1>", "description": "D",
        "type": "urn:example:thing", "language": "en", "access_model": "open",
        "publish_model": "publishers", "max_items": "9", "num_subscribers": "1"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    made = datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))
    assert abs((made - before).total_seconds()) < 60
    assert condition(await disco(bob, xml.DISCO_INFO, "m")) == "item-not-found"


async def test_nodes_that_one_may_not_see(person):
    alice, bob, carol = [await person(u) for u in ("alice", "bob", "carol")]
    for name, model in (("o", "open"), ("a", "authorize"), ("w", "whitelist")):
        await make(alice, name, access_model=model)
        await affiliate(alice, name, carol, "outcast")
    assert disco_items(await disco(alice, xml.DISCO_ITEMS)) == ["o", "a", "w"]
    assert disco_items(await disco(bob, xml.DISCO_ITEMS)) == ["o", "a"]
    assert disco_items(await disco(carol, xml.DISCO_ITEMS)) == []
    for ns in (xml.DISCO_INFO, xml.DISCO_ITEMS):
        assert condition(await disco(bob, ns, "w")) == "item-not-found"
        assert condition(await disco(carol, ns, "o")) == "item-not-found"
        ok(await disco(alice, ns, "w"))
    assert condition(await disco(bob, xml.DISCO_ITEMS, "a")) == "forbidden"


async def test_disco_items_of_the_service_in_pages(person):
    alice = await person("alice")
    for i in range(5):
        await make(alice, f"n{i}", title=f"T{i}")
    answer = ok(await disco(alice, xml.DISCO_ITEMS))
    assert page_of(answer) is None
    item = answer.find(f".//{{{xml.DISCO_ITEMS}}}item")
    assert (item.get("jid"), item.get("node"), item.get("name")) == (AT, "n0", "T0")
    for asked, want, summary in (
            (page(2), ["n0", "n1"], ("n0", 0, "n1", 5)),
            (page(2, after="n1"), ["n2", "n3"], ("n2", 2, "n3", 5)),
            (page(2, after="n3"), ["n4"], ("n4", 4, "n4", 5)),
            (page(2, after="n4"), [], (None, None, None, 5)),
            (page(2, before=""), ["n3", "n4"], ("n3", 3, "n4", 5)),
            (page(2, before="n3"), ["n1", "n2"], ("n1", 1, "n2", 5)),
            (page(2, before="n0"), [], (None, None, None, 5)),
            (page(2, index=3), ["n3", "n4"], ("n3", 3, "n4", 5)),
            (page(0), [], (None, None, None, 5))):
        answer = ok(await disco(alice, xml.DISCO_ITEMS, more=asked))
        assert (disco_items(answer), page_of(answer)) == (want, summary), asked
    # A page behind what is not there is no page (XEP-0059 2.2): who goes through them would begin anew.
    for asked in (page(2, after="gone"), page(2, before="gone")):
        assert condition(await disco(alice, xml.DISCO_ITEMS, more=asked)) == "item-not-found"
    assert condition(await disco(alice, xml.DISCO_ITEMS, more=page("x"))) == "bad-request"


async def test_disco_items_of_a_node(person):
    alice = await person("alice")
    await make(alice, "n")
    for i in range(5):
        ok(await alice.publish("n", id=f"i{i}", to=AT))
    answer = ok(await disco(alice, xml.DISCO_ITEMS, "n"))
    assert disco_items(answer, "name") == [f"i{i}" for i in range(5)]
    assert set(disco_items(answer, "jid")) == {AT} and set(disco_items(answer)) == {None}
    answer = ok(await disco(alice, xml.DISCO_ITEMS, "n", more=page(2, after="i1")))
    assert disco_items(answer, "name") == ["i2", "i3"] and page_of(answer) == ("i2", 2, "i3", 5)
    assert condition(await disco(alice, xml.DISCO_ITEMS, "n", more=page(2, after="x"))) == (
        "item-not-found")


# --- limits -----------------------------------------------------------------------------------------------

@settings(PUBSUB_MAX_NODES=2)
async def test_as_many_nodes_as_there_may_be(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "1")
    await make(bob, "2")
    assert condition(await create(alice, "3")) == "resource-constraint"
    assert condition(await alice.publish("3", to=AT)) == "resource-constraint"
    ok(await owner_ask(bob, "set", "delete", "2"))
    ok(await create(alice, "3"))
    ok(await alice.publish("1"))  # an account's are counted for themselves
    ok(await alice.publish("2"))
    assert condition(await alice.publish("3")) == "resource-constraint"


@settings(PUBSUB_MAX_ITEMS=5, PUBSUB_MAX_ITEM="1024")
async def test_limits_of_a_configuration(person):
    alice = await person("alice")
    await make(alice, "n")
    conf = await config_of(alice, "n")
    assert (conf["max_items"], conf["max_payload_size"]) == ("1", "1024")
    for field, most in (("max_items", 5), ("max_payload_size", 1024)):
        assert condition(await configure(alice, "n", **{field: most + 1})) == "not-acceptable"
        ok(await configure(alice, "n", **{field: most}))
        ok(await configure(alice, "n", **{field: "max"}))
        assert (await config_of(alice, "n"))[field] == str(most)


HOSTILE = ["'\"<>&", "a\nb\tc\rd", "😀 ñ \u0301", "   ", "\u00a0", "..", "/", "%00", "]]>", "\ufffd"]


async def test_hostile_names_of_nodes(person, pep_stack):
    alice = await person("alice")

    for name in HOSTILE:
        ok(await alice.ask("set", f"<create{named(name)}/>", AT))
        ok(await alice.ask("set", f"<publish{named(name)}><item id='1'>{payload()}</item></publish>", AT))
    assert disco_items(await disco(alice, xml.DISCO_ITEMS)) == HOSTILE
    pep_stack.components["pubsub"].restart()
    pep_stack.ready("pubsub")
    assert disco_items(await disco(alice, xml.DISCO_ITEMS)) == HOSTILE
    for name in HOSTILE:
        answer = ok(await alice.ask("get", f"<items{named(name)}/>", AT))
        assert answer.find(f".//{{{PUBSUB}}}items").get("node") == name
        answer = ok(await owner_ask(alice, "get", "configure", name))
        assert answer.find(f".//{{{OWNER}}}configure").get("node") == name
        ok(await owner_ask(alice, "set", "delete", name))
    assert disco_items(await disco(alice, xml.DISCO_ITEMS)) == []


@settings(LIMIT_SESSION_RATE=0)
async def test_answers_have_bounds(person):
    """Names are six times as long on the wire: what lists them stays below what a link takes."""
    alice = await person("alice")
    for i in range(260):
        ok(await create(alice, f"{i:04}" + '"' * 1019))
    ok(await subscribe(alice, "0000" + '"' * 1019))
    seen, after = [], None
    while len(seen) < 260:
        answer = ok(await disco(alice, xml.DISCO_ITEMS, more=page(1000, after=after) if after else ""))
        got = disco_items(answer)
        assert got and page_of(answer)[3] == 260
        seen += got
        after = got[-1].replace('"', "&quot;")
    assert [s[:4] for s in seen] == [f"{i:04}" for i in range(260)]
    answer = await alice.ask("get", "<affiliations/>", AT)
    assert condition(answer) == "resource-constraint"
    await alice.raw.sync()
