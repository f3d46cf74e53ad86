# SPDX-License-Identifier: MIT
"""The nodes of particular uses, with what their clients publish: OMEMO of both versions (XEP-0384),
what has been displayed (XEP-0490), microblogs (XEP-0472), nicknames."""

import pytest

from lib.listeners import person  # noqa: F401: a fixture
from lib.pep import OWNER, PUBSUB, befriend, condition, ok
from lib.payloads import cipher

AXOLOTL = "eu.siacs.conversations.axolotl"
OMEMO = "urn:xmpp:omemo:2"
DISPLAYED = "urn:xmpp:mds:displayed:0"
MICROBLOG = "urn:xmpp:microblog:0"
RSM = "http://jabber.org/protocol/rsm"
ATOM = "http://www.w3.org/2005/Atom"


# --- OMEMO ----------------------------------------------------------------------------------------
def axolotl_list(*devices):
    return (f"<list xmlns='{AXOLOTL}'>" + "".join(f"<device id='{d}'/>" for d in devices)
            + "</list>")


def axolotl_bundle(device, keys=100):
    """As large as they are."""
    return (f"<bundle xmlns='{AXOLOTL}'><signedPreKeyPublic signedPreKeyId='1'>{cipher(device, 33)}"
            f"</signedPreKeyPublic><signedPreKeySignature>{cipher(device + 's', 64)}"
            f"</signedPreKeySignature><identityKey>{cipher(device + 'i', 33)}</identityKey><prekeys>"
            + "".join(f"<preKeyPublic preKeyId='{n}'>{cipher(f'{device} {n}', 33)}</preKeyPublic>"
                      for n in range(keys)) + "</prekeys></bundle>")


async def test_axolotl(person):
    """The first device, and then another, of somebody whose contacts and room-mates write to."""
    alice, bob = await person("alice"), await person("bob", wants=(f"{AXOLOTL}.devicelist",))
    eve = await person("eve")
    await befriend(alice, bob)
    assert condition(await alice.items_answer(f"{AXOLOTL}.devicelist")) == "item-not-found"
    for devices in (("11",), ("11", "22")):
        ok(await alice.publish(f"{AXOLOTL}.devicelist", axolotl_list(*devices), id="current",
                               persist_items="true", access_model="open"))
        ok(await alice.publish(f"{AXOLOTL}.bundles:{devices[-1]}", axolotl_bundle(devices[-1]),
                               id="current", persist_items="true", access_model="open"))
        _, items = await bob.event(f"{AXOLOTL}.devicelist", of="alice@localhost")
        assert tuple(d.get("id") for d in items[0][0]) == devices
    for who in (bob, eve):
        for device in ("11", "22"):
            (_, bundle), = await who.items(f"{AXOLOTL}.bundles:{device}", of="alice@localhost")
            assert len(bundle.find(f"{{{AXOLOTL}}}prekeys")) == 100
            assert bundle.findtext(f"{{{AXOLOTL}}}identityKey") == cipher(device + "i", 33)


async def test_axolotl_bundle_without_an_id(person):
    """Converse.js: each time the service makes one, and only the newest stays."""
    alice, bob = await person("alice"), await person("bob")
    ids = set()
    for n in range(3):
        answer = ok(await alice.publish(f"{AXOLOTL}.bundles:11", axolotl_bundle(f"{n}"),
                                        access_model="open"))
        ids.add(answer.find(f".//{{{PUBSUB}}}item").get("id"))
    (ident, bundle), = await bob.items(f"{AXOLOTL}.bundles:11", of="alice@localhost")
    assert len(ids) == 3 and ident in ids
    assert bundle.findtext(f"{{{AXOLOTL}}}identityKey") == cipher("2i", 33)


async def test_axolotl_node_that_was_for_contacts(person):
    """Conversations, Gajim, Dino: the options are refused, so the node is configured."""
    alice, eve = await person("alice"), await person("eve")
    node = f"{AXOLOTL}.bundles:11"
    ok(await alice.publish(node, axolotl_bundle("1"), id="current"))
    assert condition(await alice.publish(node, axolotl_bundle("2"), id="current",
                                         access_model="open")) == "conflict/precondition-not-met"
    answer = ok(await alice.ask("get", f"<configure node='{node}'/>", ns=OWNER))
    fields = {f.get("var"): f.findtext("{jabber:x:data}value")
              for f in answer.iter("{jabber:x:data}field")}
    assert fields["pubsub#access_model"] == "presence"
    ok(await alice.configure(node, access_model="open"))
    ok(await alice.publish(node, axolotl_bundle("2"), id="current", access_model="open"))
    (_, bundle), = await eve.items(node, of="alice@localhost")
    assert bundle.findtext(f"{{{AXOLOTL}}}identityKey") == cipher("2i", 33)


def omemo_bundle(device):
    return (f"<bundle xmlns='{OMEMO}'><spk id='0'>{cipher(device, 32)}</spk>"
            f"<spks>{cipher(device + 's', 64)}</spks><ik>{cipher(device + 'i', 32)}</ik><prekeys>"
            + "".join(f"<pk id='{n}'>{cipher(f'{device} {n}', 32)}</pk>" for n in range(100))
            + "</prekeys></bundle>")


async def test_omemo_2(person):
    """XEP-0384 5.3: one list, and all bundles in one node, an item each."""
    alice, bob = await person("alice"), await person("bob", wants=(f"{OMEMO}:devices",))
    eve = await person("eve")
    await befriend(alice, bob)
    for device in ("12345", "4223", "31415"):
        ok(await alice.publish(f"{OMEMO}:bundles", omemo_bundle(device), id=device,
                               access_model="open", max_items="max"))
    ok(await alice.publish(
        f"{OMEMO}:devices", f"<devices xmlns='{OMEMO}'><device id='12345'/><device id='4223' "
        "label='Gajim'/><device id='31415'/></devices>", id="current", access_model="open"))
    _, items = await bob.event(f"{OMEMO}:devices", of="alice@localhost")
    assert items[0].get("id") == "current" and len(items[0][0]) == 3
    (ident, bundle), = await eve.items(f"{OMEMO}:bundles", of="alice@localhost",
                                       inner="<item id='4223'/>")
    assert ident == "4223" and bundle.findtext(f"{{{OMEMO}}}ik") == cipher("4223i", 32)
    found = await eve.items(f"{OMEMO}:bundles", of="alice@localhost")
    assert [i for i, _ in found] == ["12345", "4223", "31415"]
    ok(await alice.retract(f"{OMEMO}:bundles", "4223"))
    found = await eve.items(f"{OMEMO}:bundles", of="alice@localhost")
    assert [i for i, _ in found] == ["12345", "31415"]


async def test_devices_are_told_at_login(person):
    alice = await person("alice")
    ok(await alice.publish(f"{AXOLOTL}.devicelist", axolotl_list("11"), id="current",
                           access_model="open"))
    bob = await person("bob")
    await befriend(alice, bob)
    phone = await person("bob", wants=(f"{AXOLOTL}.devicelist",), resource="phone")
    _, items = await phone.event(f"{AXOLOTL}.devicelist", of="alice@localhost")
    assert items[0][0][0].get("id") == "11"


# --- displayed ------------------------------------------------------------------------------------
def displayed(stanza):
    return (f"<displayed xmlns='{DISPLAYED}'><stanza-id xmlns='urn:xmpp:sid:0' "
            f"by='alice@localhost' id='{stanza}'/></displayed>")


PRIVATE = {"persist_items": "true", "max_items": "max", "send_last_published_item": "never",
           "access_model": "whitelist"}


async def test_displayed(person):
    """XEP-0490 4: an item for each chat, told to one's other clients alone, and read at login."""
    alice = await person("alice")
    phone = await person("alice", wants=(DISPLAYED,), resource="phone")
    bob = await person("bob", wants=(DISPLAYED,))
    await befriend(alice, bob)
    chats = [f"user-{n}@localhost" for n in range(30)]
    for n, chat in enumerate(chats):
        ok(await alice.publish(DISPLAYED, displayed(n), id=chat, **PRIVATE))
    ok(await alice.publish(DISPLAYED, displayed("later"), id=chats[3], **PRIVATE))
    await phone.raw.sync()
    told = phone.events(DISPLAYED)
    assert [items[0].get("id") for _, items in told] == chats + [chats[3]]
    found = await phone.items(DISPLAYED)
    assert [i for i, _ in found] == chats[:3] + chats[4:] + [chats[3]]
    assert found[-1][1][0].get("id") == "later"
    assert await bob.items(DISPLAYED, of="alice@localhost") == "not-allowed/closed-node"
    third = await person("alice", wants=(DISPLAYED,), resource="third")
    for one in (bob, third):
        await one.raw.sync()
        assert not one.events(DISPLAYED)


async def test_displayed_in_a_node_that_says_otherwise(person):
    """Nothing of it is told to anybody as long as others could read along (XEP-0060 7.1.5)."""
    alice = await person("alice")
    phone = await person("alice", wants=(DISPLAYED,), resource="phone")
    bob = await person("bob", wants=(DISPLAYED,))
    await befriend(alice, bob)
    ok(await alice.publish(DISPLAYED, displayed("old"), id="bob@localhost", access_model="presence"))
    await phone.event(DISPLAYED)
    await bob.event(DISPLAYED)
    refused = await alice.publish(DISPLAYED, displayed("new"), id="bob@localhost", **PRIVATE)
    assert condition(refused) == "conflict/precondition-not-met"
    assert [i[0].get("id") for _, i in await phone.items(DISPLAYED)] == ["old"]
    ok(await alice.configure(DISPLAYED, **PRIVATE))
    ok(await alice.publish(DISPLAYED, displayed("new"), id="bob@localhost", **PRIVATE))
    _, items = await phone.event(DISPLAYED)
    assert items[0][0][0].get("id") == "new"
    assert [i[0].get("id") for _, i in await phone.items(DISPLAYED)] == ["new"]
    await bob.raw.sync()
    assert len(bob.events(DISPLAYED)) == 1


# --- microblogs -----------------------------------------------------------------------------------
def entry(n):
    return (f"<entry xmlns='{ATOM}'><title type='text'>post {n}</title><id>urn:post:{n}</id>"
            f"<published>2026-01-01T00:00:{n % 60:02}Z</published></entry>")


FEED = {"access_model": "open", "max_items": "max", "persist_items": "true",
        "notify_retract": "true", "send_last_published_item": "never", "type": MICROBLOG}


def page(answer):
    assert answer.get("type") == "result"
    rsm = answer.find(f".//{{{RSM}}}set")
    return ([i.get("id") for i in answer.iter(f"{{{PUBSUB}}}item")],
            {c.tag.rpartition("}")[2]: c.text for c in rsm})


async def test_microblog_in_pages(person):
    """The newest come first to who asks for the last page, and so on backwards."""
    alice, eve = await person("alice"), await person("eve")
    ids = [f"post-{n:03}" for n in range(45)]
    for n, ident in enumerate(ids):
        ok(await alice.publish(MICROBLOG, entry(n), id=ident, **FEED))
    seen, before = [], ""
    while True:
        got, rsm = page(await eve.items_answer(
            MICROBLOG, of="alice@localhost",
            more=f"<set xmlns='{RSM}'><max>20</max><before>{before}</before></set>"))
        if not got:
            break
        assert rsm["count"] == "45" and (rsm["first"], rsm["last"]) == (got[0], got[-1])
        seen, before = got + seen, rsm["first"]
    assert seen == ids
    got, rsm = page(await eve.items_answer(
        MICROBLOG, of="alice@localhost", more=f"<set xmlns='{RSM}'><max>10</max>"
        f"<after>{ids[39]}</after></set>"))
    assert got == ids[40:]


async def test_microblog_without_payloads_in_events(person):
    """XEP-0472 6.1.1: who is told asks for it."""
    alice, bob = await person("alice"), await person("bob", wants=(MICROBLOG,))
    await befriend(alice, bob)
    ok(await alice.publish(MICROBLOG, entry(1), id="1", **FEED, deliver_payloads="false"))
    _, items = await bob.event(MICROBLOG, of="alice@localhost")
    assert items[0].get("id") == "1" and len(items[0]) == 0
    (_, post), = await bob.items(MICROBLOG, of="alice@localhost", inner="<item id='1'/>")
    assert post.findtext(f"{{{ATOM}}}title") == "post 1"
    ok(await alice.retract(MICROBLOG, "1", notify=False))
    _, items = await bob.event(MICROBLOG, of="alice@localhost")
    assert items[0].tag == f"{{{PUBSUB}#event}}retract" and items[0].get("id") == "1"


async def test_microblog_followed_by_a_stranger(person):
    """By a subscription, with or without presence."""
    alice, eve = await person("alice"), await person("eve")
    ok(await alice.publish(MICROBLOG, entry(1), id="1", **FEED))
    ok(await eve.ask("set", f"<subscribe node='{MICROBLOG}' jid='eve@localhost'/>",
                     to="alice@localhost"))
    ok(await alice.publish(MICROBLOG, entry(2), id="2", **FEED))
    _, items = await eve.event(MICROBLOG, of="alice@localhost")
    assert items[0].get("id") == "2"


async def test_kind_of_a_feed(person):
    """XEP-0472 6: by the node's type."""
    alice, eve = await person("alice"), await person("eve")
    ok(await alice.publish(MICROBLOG, entry(1), id="1", **FEED))
    answer = await eve.raw.iq(
        "get", f"<query xmlns='http://jabber.org/protocol/disco#info' node='{MICROBLOG}'/>",
        to="alice@localhost")
    fields = {f.get("var"): f.findtext("{jabber:x:data}value")
              for f in ok(answer).iter("{jabber:x:data}field")}
    assert fields["pubsub#type"] == MICROBLOG


@pytest.mark.parametrize("node,inner", [
    ("http://jabber.org/protocol/nick", "<nick xmlns='http://jabber.org/protocol/nick'>al</nick>"),
    ("http://jabber.org/protocol/tune",
     "<tune xmlns='http://jabber.org/protocol/tune'><title>x</title></tune>"),
])
async def test_events_of_contacts(person, node, inner):
    alice, bob = await person("alice"), await person("bob", wants=(node,))
    eve = await person("eve", wants=(node,))
    await befriend(alice, bob)
    ok(await alice.publish(node, inner))
    _, items = await bob.event(node, of="alice@localhost")
    assert items[0][0].tag.startswith(f"{{{node}}}")
    await eve.raw.sync()
    assert not eve.events()
