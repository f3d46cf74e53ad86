# SPDX-License-Identifier: MIT
"""vCards (XEP-0054): whose, how large, and that of accounts that are not there; vCard4 (XEP-0292)."""

import pytest

from lib import component, xml
from lib.listeners import person  # noqa: F401: a fixture
from lib.pep import befriend, condition, ok
from lib.pictures import photo, png
from lib.privileged import section
from lib.vcards import NS, V, VCARD4, VCARD4_NODE, ask_vcard, picture, set_vcard, vcard

SECRET = "of-the-gate"
V4 = f"{{{VCARD4}}}"


@pytest.fixture
def pep_stack(make_stack):
    return make_stack(components=("pubsub",), conf_d=section("gate", secret=SECRET))


def card4(name):
    return f"<vcard xmlns='{VCARD4}'><fn><text>{name}</text></fn></vcard>"


async def test_own_contacts_and_strangers(person):
    alice, bob, eve = [await person(n) for n in ("alice", "bob", "eve")]
    await befriend(alice, bob)
    ok(await set_vcard(alice, "<FN>Alice</FN><X-MINE a='1'><B/></X-MINE>"))
    for who, of in ((alice, None), (alice, "alice@localhost"), (bob, "alice@localhost"),
                    (eve, "alice@localhost")):
        card = await vcard(who, of)
        assert card.find(f"{V}FN").text == "Alice"
        assert card.find(f"{V}X-MINE").get("a") == "1" and len(card.find(f"{V}X-MINE")) == 1


async def test_kept_over_a_restart(person, pep_stack):
    alice = await person("alice")
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    pep_stack.components["pubsub"].restart()
    pep_stack.ready()
    assert (await vcard(alice)).find(f"{V}FN").text == "Alice"


async def test_own_that_is_not_there(person):
    alice = await person("alice")
    assert condition(await ask_vcard(alice)) == "item-not-found"
    assert condition(await ask_vcard(alice, "alice@localhost")) == "item-not-found"


async def test_strangers_cannot_tell_who_has_an_account(person):
    """XEP-0054 3.3: the same answer whether there is no vCard or no account."""
    await person("alice")
    eve = await person("eve")
    there = await ask_vcard(eve, "alice@localhost")
    not_there = await ask_vcard(eve, "nobody@localhost")
    assert condition(there) == "service-unavailable"
    assert shape(there) == shape(not_there)


def shape(answer):
    """All of it but for the address and the id."""
    for name in ("id", "from"):
        answer.attrib.pop(name)
    return xml.show(answer)


async def test_components_are_answered_like_anybody(person, pep_stack, raw_client):
    alice = await person("alice")
    await person("bob")
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    gate = await component.attach(raw_client, pep_stack, "gate.localhost", SECRET)
    for user in ("alice", "bob", "nobody"):
        await gate.send(f"<iq type='get' id='{user}' from='x@gate.localhost' "
                        f"to='{user}@localhost'><vCard xmlns='{NS}'/></iq>")
    answer = await gate.wait("iq", id="alice", type="result", to="x@gate.localhost")
    assert answer.find(f".//{V}FN").text == "Alice"
    answers = [await gate.wait("iq", id=user, error="service-unavailable")
               for user in ("bob", "nobody")]
    assert shape(answers[0]) == shape(answers[1])


async def test_somebody_elses_is_not_written(person):
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    assert condition(await set_vcard(bob, "<FN>Bob</FN>", to="alice@localhost")) == "forbidden"
    assert (await vcard(alice)).find(f"{V}FN").text == "Alice"


async def test_with_the_own_address(person):
    alice = await person("alice")
    ok(await set_vcard(alice, "<FN>Alice</FN>", to="alice@localhost"))
    assert (await vcard(alice)).find(f"{V}FN").text == "Alice"


async def test_empty_takes_the_place_of_the_old_one(person):
    alice = await person("alice")
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    ok(await set_vcard(alice, ""))
    assert len(await vcard(alice)) == 0


async def test_as_large_as_an_item_may_be(person):
    alice = await person("alice")
    around = len(f'<vCard xmlns="{NS}"><DESC></DESC></vCard>')
    fits = "x" * (128 * 1024 - around)
    ok(await set_vcard(alice, f"<DESC>{fits}</DESC>"))
    assert (await vcard(alice)).find(f"{V}DESC").text == fits
    assert condition(await set_vcard(alice, f"<DESC>{fits}x</DESC>")) == "not-acceptable"
    assert (await vcard(alice)).find(f"{V}DESC").text == fits


async def test_whatever_was_taken_can_be_read(person):
    """As deep as clients may go, and with a tag that has grown by references since it was read."""
    alice = await person("alice")
    quotes = '"' * 20000
    ok(await set_vcard(alice, f"<FN>Alice</FN><X-A a='{quotes}'/>{'<a>' * 50}{'</a>' * 50}"))
    card = await vcard(alice)
    assert card.find(f"{V}FN").text == "Alice"
    assert card.find(f"{V}X-A").get("a") == quotes
    assert len(list(card.find(f"{V}a").iter())) == 50


async def test_refused_vcard_changes_no_avatar(person):
    alice = await person("alice")
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(png(1))}"))
    large = f"<DESC>{'x' * 128 * 1024}</DESC>{photo(png(2))}"
    assert condition(await set_vcard(alice, large)) == "not-acceptable"
    assert picture(await vcard(alice)) == png(1)


# --- vCard4 ---------------------------------------------------------------------------------------
async def test_vcard4_follows(person):
    alice, eve = await person("alice"), await person("eve")
    ok(await set_vcard(alice, "<FN>Alice &amp; Co</FN><NICKNAME>al</NICKNAME>"
                       "<N><FAMILY>A</FAMILY><GIVEN>B</GIVEN></N>"))
    (_, card), = await eve.items(VCARD4_NODE, of="alice@localhost")
    assert card.tag == f"{V4}vcard"
    assert card.find(f"{V4}fn/{V4}text").text == "Alice & Co"
    assert card.find(f"{V4}nickname/{V4}text").text == "al"
    assert card.find(f"{V4}n/{V4}surname").text == "A"


async def test_contacts_are_told_of_the_vcard4(person):
    alice, bob = await person("alice"), await person("bob", wants=(VCARD4_NODE,))
    await befriend(alice, bob)
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    _, items = await bob.event(VCARD4_NODE, of="alice@localhost")
    assert items[0][0].find(f"{V4}fn/{V4}text").text == "Alice"


async def test_vcard_follows_the_vcard4(person):
    alice, eve = await person("alice"), await person("eve")
    ok(await alice.publish(VCARD4_NODE, card4("Alice"), id="current", access_model="open"))
    assert (await vcard(eve, "alice@localhost")).find(f"{V}FN").text == "Alice"
    ok(await set_vcard(alice, "<FN>Older form</FN>"))
    assert (await vcard(eve, "alice@localhost")).find(f"{V}FN").text == "Older form"
    ok(await alice.publish(VCARD4_NODE, card4("Newer form"), id="x", access_model="open"))
    assert (await vcard(eve, "alice@localhost")).find(f"{V}FN").text == "Newer form"
    assert len(await alice.items(VCARD4_NODE)) == 1


async def test_vcard4_for_contacts_only(person):
    """Not by the older form either."""
    alice, bob, eve = [await person(n) for n in ("alice", "bob", "eve")]
    await befriend(alice, bob)
    ok(await alice.publish(VCARD4_NODE, card4("Alice"), id="current", access_model="presence"))
    assert (await vcard(alice)).find(f"{V}FN").text == "Alice"
    assert (await vcard(bob, "alice@localhost")).find(f"{V}FN").text == "Alice"
    assert condition(await ask_vcard(eve, "alice@localhost")) == "service-unavailable"


async def test_vcard4_that_is_none(person):
    """What somebody else's client has put there is no vCard; the one that was set still counts."""
    alice = await person("alice")
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    ok(await alice.publish(VCARD4_NODE, "<x xmlns='urn:example:x'/>", id="current"))
    assert (await vcard(alice)).find(f"{V}FN").text == "Alice"


# --- what is offered ------------------------------------------------------------------------------
async def test_features(person):
    alice = await person("alice")

    async def features(of):
        answer = await alice.raw.iq("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=of)
        return {f.get("var") for f in answer.iter(f"{{{xml.DISCO_INFO}}}feature")}
    account = await features("alice@localhost")
    assert account >= {NS, VCARD4, "urn:xmpp:pep-vcard-conversion:0", "urn:xmpp:bookmarks:1#compat",
                       "urn:xmpp:bookmarks:1#compat-pep", "urn:xmpp:bookmarks-conversion:0",
                       "http://jabber.org/protocol/pubsub#publish-options",
                       "http://jabber.org/protocol/pubsub#persistent-items"}
    assert await features("localhost") >= {NS, "jabber:iq:private"}
