# SPDX-License-Identifier: MIT
"""Pubsub behind other servers, Debian's Prosody 0.12 with prosody-modules' mod_delegation and
mod_privilege, and ejabberd 23.01 with its own.

What is different there, as it was seen:
- Neither sends roster pushes, mod_privilege of Prosody without saying so: rosters are read again
  after ten seconds, and a new contact is not sent last items before his next presence.
- Neither has acknowledged links: who asks while the component is away is refused.
- Neither knows presence-extra: a photo's hash does not get into presence.
- ejabberd knows version 1 of both.  It has no delegation of what is left of disco, so that it
  answers disco#items of an account (its resources) and disco#info of nodes (item-not-found) by
  itself.  It has no iqs in somebody's name: clients are asked for their capabilities by the
  component's domain.  It does not tell a component that has just connected who is here: after a
  restart events by +notify come once a client has sent presence again; and it accepts no delegation
  of a namespace for which disco nesting has an error.
"""

import glob
import os

import pytest

from lib import xml
from lib.faults import let_pass
from lib.pep import PUBSUB, befriend, condition, ok, payload
from lib.peers import Peer, missing
from lib.wait import until

DOMAIN = "pubsub.localhost"
MOOD = "urn:example:mood"
DELEGATED = (PUBSUB, f"{PUBSUB}#owner", "vcard-temp", "jabber:iq:private")
NODES = ("urn:xmpp:delegation:2:bare:disco#info:*", "urn:xmpp:delegation:2:bare:disco#items:*")

PROSODY_ROWS = "".join(f'\t\t["{ns}"] = {{ jid = "{DOMAIN}" }};\n' for ns in DELEGATED + NODES)
PROSODY = f"""
	modules_enabled = {{ "delegation", "privilege" }}
	delegations = {{
{PROSODY_ROWS}	}}
	privileged_entities = {{ ["{DOMAIN}"] = {{
		roster = "get"; message = "outgoing"; presence = "roster";
		iq = {{ ["{xml.DISCO_INFO}"] = "get"; }};
	}} }}
"""
PROSODY_COMPONENT = '\tmodules_enabled = { "delegation", "privilege" }\n'

EJABBERD_ROWS = "".join(f'      "{ns}":\n        access: gate\n' for ns in DELEGATED)
EJABBERD = f"""  mod_delegation:
    namespaces:
{EJABBERD_ROWS}  mod_privilege:
    roster: {{get: gate}}
    message: {{outgoing: gate}}
    presence: {{managed_entity: gate, roster: gate}}
acl:
  gate:
    server: ["{DOMAIN}"]
access_rules:
  gate:
    - allow: gate
"""


@pytest.fixture(params=["prosody", "ejabberd"])
def peer(request, namespace, authority, folder, clock):
    """The server with pubsub linked; .kind is its name."""
    kind = request.param
    if reason := missing(kind):
        pytest.skip(reason)
    if kind == "prosody" and not glob.glob("/usr/lib/prosody/modules/mod_delegation"):
        pytest.skip("prosody-modules is not installed")
    path = os.path.join(folder, kind)
    os.mkdir(path)
    namespace.name(DOMAIN)
    made = Peer(kind, path, authority, "pubsub", PROSODY if kind == "prosody" else EJABBERD,
                PROSODY_COMPONENT)
    made.kind = kind
    made.component.env |= {"SWITCHYARD_CLOCK_FILE": clock.file}
    try:
        yield made.start()
    finally:
        made.settle()


def only(kind):
    return pytest.mark.parametrize("peer", [kind], indirect=True)


@pytest.fixture
def pep_stack(peer):
    """For `person`."""
    return peer


@pytest.fixture
def pep_mechanism():
    return "SCRAM-SHA-1"


@pytest.fixture
def friends(clock):
    """await friends(a, b): befriended, and pubsub will see it: neither server tells it of changes of
    rosters, which it reads again after ten seconds."""
    async def make(a, b):
        await befriend(a, b)
        await let_pass(clock, 20)
    return make


def last(who):
    return who.events()[-1][1][0].get("id") if who.events() else None


# --- of an account --------------------------------------------------------------------------------

async def test_publish_and_retrieve(person):
    alice = await person("alice")
    answer = ok(await alice.publish(MOOD, payload("happy"), id="1"))
    assert answer.find(".//{*}item").get("id") == "1"
    for of in None, "alice@localhost":
        assert [(i, e.text) for i, e in await alice.items(MOOD, of=of)] == [("1", "happy")]


async def test_replace_retract_delete(person):
    alice = await person("alice")
    ok(await alice.publish(MOOD, payload("happy"), id="1", max_items=10))
    ok(await alice.publish(MOOD, payload("sad"), id="1"))
    ok(await alice.publish(MOOD, payload("gone"), id="2"))
    ok(await alice.retract(MOOD, "2"))
    assert [(i, e.text) for i, e in await alice.items(MOOD)] == [("1", "sad")]
    ok(await alice.ask("set", f"<delete node='{MOOD}'/>", ns=f"{PUBSUB}#owner"))
    assert await alice.items(MOOD) == "item-not-found"


async def test_errors_have_their_conditions(person):
    alice = await person("alice")
    assert await alice.items(MOOD) == "item-not-found"
    ok(await alice.publish(MOOD, access_model="open"))
    assert condition(await alice.publish(MOOD, access_model="whitelist")) == (
        "conflict/precondition-not-met")


async def test_strangers_are_refused_and_contacts_are_not(person, friends):
    alice, bob, eve = [await person(name) for name in ("alice", "bob", "eve")]
    await friends(alice, bob)
    ok(await alice.publish(MOOD, payload("happy"), id="1"))
    assert [i for i, _ in await bob.items(MOOD, of=alice.bare)] == ["1"]
    assert await eve.items(MOOD, of=alice.bare) == "not-authorized/presence-subscription-required"


async def test_open_node(person):
    alice, eve = await person("alice"), await person("eve")
    ok(await alice.publish(MOOD, payload("happy"), id="1", access_model="open"))
    assert [i for i, _ in await eve.items(MOOD, of=alice.bare)] == ["1"]


async def info(who, to):
    answer = await who.raw.iq("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=to)
    query = answer.find(f"{{{xml.DISCO_INFO}}}query")
    return ({(i.get("category"), i.get("type")) for i in query.iter(f"{{{xml.DISCO_INFO}}}identity")},
            {f.get("var") for f in query.iter(f"{{{xml.DISCO_INFO}}}feature")})


async def test_disco_info_of_the_account(person):
    alice = await person("alice")
    for _ in range(100):
        identities, features = await info(alice, alice.bare)
        if f"{PUBSUB}#publish" in features:
            break
    assert ("pubsub", "pep") in identities
    assert {f"{PUBSUB}#publish-options", f"{PUBSUB}#access-presence", "vcard-temp"} <= features


@only("prosody")
async def test_disco_items_of_the_account(person):
    alice = await person("alice")
    ok(await alice.publish(MOOD, id="1"))
    answer = await alice.raw.iq("get", f"<query xmlns='{xml.DISCO_ITEMS}'/>", to=alice.bare)
    assert [(i.get("jid"), i.get("node")) for i in answer.iter(f"{{{xml.DISCO_ITEMS}}}item")] == [
        (alice.bare, MOOD)]


@only("prosody")
async def test_disco_of_a_node(person):
    alice = await person("alice")
    ok(await alice.publish(MOOD, id="1"))
    answer = await alice.raw.iq("get", f"<query xmlns='{xml.DISCO_INFO}' node='{MOOD}'/>",
                                to=alice.bare)
    found = [(i.get("category"), i.get("type"))
             for i in answer.iter(f"{{{xml.DISCO_INFO}}}identity")]
    assert found == [("pubsub", "leaf")], xml.show(answer)


async def test_vcard(person):
    alice, eve = await person("alice"), await person("eve")
    ok(await alice.raw.iq("set", "<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>"))
    for who in alice, eve:
        card = ok(await who.raw.iq("get", "<vCard xmlns='vcard-temp'/>", to=alice.bare))
        assert card.findtext(".//{vcard-temp}FN") == "Alice"


async def test_private_xml(person):
    alice = await person("alice")
    ok(await alice.raw.iq("set", "<query xmlns='jabber:iq:private'><s xmlns='urn:s'>x</s></query>"))
    answer = ok(await alice.raw.iq("get", "<query xmlns='jabber:iq:private'><s xmlns='urn:s'/></query>"))
    assert answer.findtext(".//{urn:s}s") == "x"


# --- notifications --------------------------------------------------------------------------------

async def test_contact_that_wants_it_is_told(person, friends):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await friends(alice, bob)
    ok(await alice.publish(MOOD, payload("happy"), id="1"))
    message, items = await bob.event(MOOD, of=alice.bare)
    assert message.get("type") == "headline"
    assert items[0].get("id") == "1" and items[0][0].text == "happy"


async def test_own_sessions_are_told(person):
    alice, again = await person("alice"), await person("alice", wants=(MOOD,), resource="b")
    ok(await alice.publish(MOOD, id="1"))
    await again.event(MOOD, of=alice.bare)


async def test_last_item_at_login(person):
    alice = await person("alice")
    ok(await alice.publish(MOOD, id="1"))
    again = await person("alice", wants=(MOOD,), resource="b")
    _, items = await again.event(MOOD)
    assert items[0].get("id") == "1"


async def test_who_has_subscribed_is_told(person):
    alice, eve = await person("alice"), await person("eve")
    ok(await alice.publish(MOOD, id="1", access_model="open"))
    ok(await eve.ask("set", f"<subscribe node='{MOOD}' jid='{eve.jid}'/>", alice.bare))
    ok(await alice.publish(MOOD, id="2"))
    await eve.raw.wait(lambda e: last(eve) == "2")


async def test_who_has_gone_is_told_no_more(person, friends):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await friends(alice, bob)
    ok(await alice.publish(MOOD, id="1"))
    await bob.event(MOOD)
    await bob.raw.send("<presence type='unavailable'/>")
    await bob.raw.sync()
    ok(await alice.publish(MOOD, id="2"))
    await bob.raw.sync()
    assert last(bob) == "1"


async def test_contacts_that_change_are_noticed(person, friends, clock):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    ok(await alice.publish(MOOD, id="1"))
    assert await bob.items(MOOD, of=alice.bare) == "not-authorized/presence-subscription-required"
    await friends(alice, bob)
    assert [i for i, _ in await bob.items(MOOD, of=alice.bare)] == ["1"]
    ok(await alice.publish(MOOD, id="2"))
    await bob.event(MOOD)
    await alice.raw.send(f"<presence type='unsubscribed' to='{bob.bare}'/>")
    await bob.raw.wait("presence", type="unsubscribed")
    await let_pass(clock, 20)
    assert await bob.items(MOOD, of=alice.bare) == "not-authorized/presence-subscription-required"


# --- the component --------------------------------------------------------------------------------

async def test_nodes_at_its_own_domain(person):
    alice, bob = await person("alice"), await person("bob")
    ok(await alice.publish("news", payload("one"), id="1", to=DOMAIN))
    ok(await bob.ask("set", f"<subscribe node='news' jid='{bob.jid}'/>", DOMAIN))
    ok(await alice.publish("news", payload("two"), id="2", to=DOMAIN))
    await bob.raw.wait(lambda e: last(bob) == "2")
    assert [i for i, _ in await bob.items("news", of=DOMAIN)] == ["1", "2"]


@pytest.mark.parametrize("end", ["kill9", "term"])
async def test_it_ends_and_comes_back(peer, person, friends, end):
    """Nothing that was acknowledged is lost; who is here is known again."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await friends(alice, bob)
    ok(await alice.publish(MOOD, id="1"))
    await bob.event(MOOD)
    getattr(peer.component, end)()
    assert condition(await alice.publish(MOOD, id="lost")) in (
        "service-unavailable", "remote-server-timeout", "internal-server-error")
    peer.component.start()
    await peer.wait_linked(40)
    if peer.kind == "ejabberd":
        await bob.come()
    await until(lambda: len(bob.events()) == 2, bob.raw.inbox.text)  # the last item: a new session
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]
    ok(await alice.publish(MOOD, id="2"))
    await bob.raw.wait(lambda e: last(bob) == "2")
