# SPDX-License-Identifier: MIT
"""What clients send when they log in, and when their users first change something: Gajim, Dino,
Conversations, Converse.js by their sequences of requests, profanity as it is."""

import re

from lib import xml
from lib.listeners import person  # noqa: F401: a fixture
from lib.pep import OWNER, PUBSUB, befriend, condition, form, ok
from lib.pictures import DATA, META, b64, info, png, sha1, wait_hash
from lib.vcards import (V, VCARD4, VCARD4_NODE, ask_vcard, get_private, picture, private,
                        set_private, set_vcard, vcard)

OLD, NEW = "storage:bookmarks", "urn:xmpp:bookmarks:1"
ROOM = "room@conference.localhost"
GAJIM_BOOKMARKS = {"notify_delete": "true", "notify_retract": "true", "persist_items": "true",
                   "max_items": "max", "access_model": "whitelist",
                   "send_last_published_item": "never"}


async def features(pep, of):
    answer = ok(await pep.raw.iq("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=of))
    return ({f.get("var") for f in answer.iter(f"{{{xml.DISCO_INFO}}}feature")},
            {(i.get("category"), i.get("type"))
             for i in answer.iter(f"{{{xml.DISCO_INFO}}}identity")})


def mark(name="A", autojoin="true", nick="al"):
    return (f"<conference xmlns='{NEW}' name='{name}' autojoin='{autojoin}'><nick>{nick}</nick>"
            "</conference>")


async def publish_forcing(pep, node, inner, id, **opts):
    """Gajim, Conversations: if the node has other settings they are changed, with the whole form as
    it was given, and it is published again."""
    answer = await pep.publish(node, inner, id=id, **opts)
    if answer.get("type") == "result":
        return
    assert condition(answer) == "conflict/precondition-not-met"
    shown = ok(await pep.ask("get", f"<configure node='{node}'/>", ns=OWNER))
    fields = {}
    for f in shown.iter("{jabber:x:data}field"):
        values = [v.text or "" for v in f.findall("{jabber:x:data}value")]
        if f.get("var") != "FORM_TYPE" and values:
            fields[f.get("var")] = values if len(values) > 1 else values[0]
    fields.update({f"pubsub#{k}": v for k, v in opts.items()})
    ok(await pep.ask("set", f"<configure node='{node}'>"
                     f"{form(PUBSUB + '#node_config', fields)}</configure>", ns=OWNER))
    ok(await pep.publish(node, inner, id=id, **opts))


# --- Gajim ----------------------------------------------------------------------------------------
async def test_gajim(person):
    alice, bob = await person("alice"), await person("bob", wants=(META, VCARD4_NODE))
    await befriend(alice, bob)
    found, identities = await features(alice, "alice@localhost")
    assert ("pubsub", "pep") in identities
    assert found >= {f"{NEW}#compat", f"{PUBSUB}#publish-options", f"{PUBSUB}#persistent-items",
                     f"{PUBSUB}#config-node-max", "urn:xmpp:pep-vcard-conversion:0"}
    for name, ns in (("roster", "roster:delimiter"), ("storage", "storage:rosternotes")):
        assert len(private(await get_private(alice, f"<{name} xmlns='{ns}'/>"))) == 0
    assert await alice.items(NEW) == "item-not-found"
    await publish_forcing(alice, NEW, mark(), ROOM, **GAJIM_BOOKMARKS)
    assert [i for i, _ in await alice.items(NEW)] == [ROOM]
    ok(await set_private(alice, "<storage xmlns='storage:rosternotes'><note jid='bob@localhost' "
                         "cdate='2026-01-01T00:00:00Z'>a friend</note></storage>"))
    notes = private(await get_private(alice, "<storage xmlns='storage:rosternotes'/>"))
    assert notes[0].get("jid") == "bob@localhost" and notes[0].text == "a friend"
    # Its profile window: an avatar for contacts, a vCard4 for everybody.
    for access in ("presence", "open"):
        limits = {"persist_items": "true", "access_model": access}
        await publish_forcing(alice, DATA, f"<data xmlns='{DATA}'>{b64(png(1))}</data>",
                              sha1(png(1)), **limits)
        await publish_forcing(alice, META, f"<metadata xmlns='{META}'>{info(png(1))}</metadata>",
                              sha1(png(1)), **limits)
    await publish_forcing(alice, VCARD4_NODE, f"<vcard xmlns='{VCARD4}'><fn><text>Al</text></fn>"
                          "</vcard>", "current", persist_items="true", access_model="open")
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    card = await vcard(bob, "alice@localhost")
    assert card.findtext(f"{V}FN") == "Al" and picture(card) == png(1)
    # No avatar any more.
    ok(await alice.publish(META, f"<metadata xmlns='{META}'/>", persist_items="true",
                           access_model="open"))
    ok(await alice.ask("set", f"<purge node='{DATA}'/>", ns=OWNER))
    await wait_hash(bob.raw, "alice@localhost", None)


async def test_gajim_after_a_client_of_vcards(person):
    """The nodes are open, as vCards are; Gajim wants them for contacts."""
    alice, eve = await person("alice"), await person("eve")
    ok(await set_vcard(alice, f"<FN>Alice</FN><PHOTO><BINVAL>{b64(png(1))}</BINVAL></PHOTO>"))
    await publish_forcing(alice, DATA, f"<data xmlns='{DATA}'>{b64(png(2))}</data>", sha1(png(2)),
                          persist_items="true", access_model="presence")
    await publish_forcing(alice, META, f"<metadata xmlns='{META}'>{info(png(2))}</metadata>",
                          sha1(png(2)), persist_items="true", access_model="presence")
    assert picture(await vcard(alice)) == png(2)
    assert picture(await vcard(eve, "alice@localhost")) is None


# --- Conversations --------------------------------------------------------------------------------
async def test_conversations(person):
    """Its avatar is in PEP alone if the server converts; contacts' that have only a hash in presence
    are read from the vCard."""
    alice = await person("alice", wants=(NEW, META))
    bob = await person("bob", wants=(META,))
    await befriend(alice, bob)
    found, _ = await features(alice, "alice@localhost")
    assert found >= {f"{NEW}#compat", "urn:xmpp:pep-vcard-conversion:0",
                     f"{PUBSUB}#publish-options", f"{PUBSUB}#config-node-max"}
    assert await alice.items(NEW) == "item-not-found"
    assert await alice.items(META, max_items=1) == "item-not-found"
    assert condition(await ask_vcard(alice)) == "item-not-found"
    await publish_forcing(alice, DATA, f"<data xmlns='{DATA}'>{b64(png(1))}</data>", sha1(png(1)),
                          access_model="open", persist_items="true", max_items="1")
    await publish_forcing(alice, META, f"<metadata xmlns='{META}'>{info(png(1))}</metadata>",
                          sha1(png(1)), access_model="open", persist_items="true", max_items="1")
    (ident, meta), = await bob.items(META, of="alice@localhost", max_items=1)
    assert ident == sha1(png(1)) and meta[0].get("id") == ident
    (_, data), = await bob.items(DATA, of="alice@localhost", inner=f"<item id='{ident}'/>")
    assert data.text == b64(png(1))
    assert picture(await vcard(bob, "alice@localhost")) == png(1)
    await publish_forcing(alice, NEW, mark(), ROOM, persist_items="true", max_items="max",
                          access_model="whitelist", send_last_published_item="never",
                          notify_delete="true", notify_retract="true")
    _, items = await alice.event(NEW)
    assert items[0].get("id") == ROOM
    ok(await alice.retract(NEW, ROOM))
    _, items = await alice.event(NEW)
    assert items[0].tag.endswith("}retract")


# --- Dino -----------------------------------------------------------------------------------------
async def test_dino(person):
    """It addresses its own bare JID, and writes the form in an order of its own."""
    alice = await person("alice", wants=(NEW, OLD, META))
    me = "alice@localhost"
    assert await alice.items(NEW, of=me) == "item-not-found"
    for name in ("A", "B"):
        ok(await alice.publish(NEW, mark(name), id=ROOM, to=me, persist_items="true",
                               max_items="max", send_last_published_item="never",
                               access_model="whitelist"))
        _, items = await alice.event(NEW, of=me)
        assert items[0][0].get("name") == name
    ok(await alice.retract(NEW, ROOM, to=me))
    _, items = await alice.event(NEW, of=me)
    assert items[0].get("id") == ROOM
    ok(await alice.publish(DATA, f"<data xmlns='{DATA}'>{b64(png(1))}</data>", id=sha1(png(1))))
    ok(await alice.publish(META, f"<metadata xmlns='{META}'>{info(png(1), width=32, height=32)}"
                           "</metadata>", id=sha1(png(1))))
    _, items = await alice.event(META, of=me)
    assert items[0].get("id") == sha1(png(1))


# --- Converse.js ----------------------------------------------------------------------------------
async def test_converse(person):
    """The older node at the server's choice, then the vCard of everybody in sight."""
    alice, bob = await person("alice", wants=(OLD,)), await person("bob")
    await befriend(alice, bob)
    absent = await alice.items_answer(OLD)
    assert condition(absent) == "item-not-found"
    assert absent.find(f"{{{xml.CLIENT}}}error").get("type") == "cancel"
    marks = (f"<storage xmlns='{OLD}'><conference name='A' autojoin='true' jid='{ROOM}'><nick>al"
             "</nick></conference></storage>")
    ok(await alice.publish(OLD, marks, id="current", persist_items="true",
                           access_model="whitelist"))
    _, items = await alice.event(OLD)
    assert items[0][0][0].get("jid") == ROOM
    (_, element), = await alice.items(OLD)
    assert element[0].get("name") == "A"
    for of, error in ((None, "item-not-found"), ("bob@localhost", "service-unavailable")):
        assert condition(await ask_vcard(alice, of)) == error
    ok(await set_vcard(alice, "<FN>Alice</FN><NICKNAME>al</NICKNAME><URL/><ROLE/><EMAIL><USERID/>"
                       f"</EMAIL><PHOTO><TYPE>image/png</TYPE><BINVAL>{b64(png(1))}</BINVAL>"
                       "</PHOTO>"))
    card = await vcard(bob, "alice@localhost")
    assert card.findtext(f"{V}NICKNAME") == "al" and picture(card) == png(1)


# --- profanity ------------------------------------------------------------------------------------
async def test_profanity_sequence(person):
    """Its bookmarks are in private XML; what it has nothing of stays, and is in PEP."""
    alice = await person("alice")
    assert len(private(await get_private(alice, f"<storage xmlns='{OLD}'/>"))) == 0
    conference = (f"<conference xmlns='{OLD}' jid='{ROOM}' name='room' autojoin='false'>"
                  "<nick>al</nick></conference>")
    ok(await set_private(alice, f"<storage xmlns='{OLD}'>{conference}</storage>"))
    (ident, element), = await alice.items(NEW)
    assert ident == ROOM and element.get("name") == "room"


async def test_profanity(person, pep_stack, profanity):
    """A bookmark made elsewhere is in its list at login, one that it makes reaches the others, and
    so does one that it removes."""
    alice = await person("alice", wants=(NEW,))
    ok(await alice.publish(NEW, mark("Elsewhere", "false"), id=ROOM, **GAJIM_BOOKMARKS))
    user = profanity("alice")
    await user.login("alice@localhost", pep_stack.accounts["alice@localhost"])
    await user.wait_traffic("RECV", f"storage:bookmarks.*{re.escape(ROOM)}")
    user.type("/bookmark list")
    await user.wait(re.escape(ROOM))
    user.type("/bookmark add other@conference.localhost nick al autojoin off")
    await alice.raw.wait("message", has="{http://jabber.org/protocol/pubsub#event}item",
                         from_="alice@localhost")
    _, items = await alice.event(NEW)
    while items[0].get("id") != "other@conference.localhost":
        _, items = await alice.event(NEW)
    assert items[0][0].findtext(f"{{{NEW}}}nick") == "al"
    user.type(f"/bookmark remove {ROOM}")
    _, items = await alice.event(NEW)
    assert items[0].tag.endswith("}retract") and items[0].get("id") == ROOM
    assert [i for i, _ in await alice.items(NEW)] == ["other@conference.localhost"]
