# SPDX-License-Identifier: MIT
"""Avatars by PEP (XEP-0084), in vCards (XEP-0153), and each seen by the other (XEP-0398)."""

import base64

import pytest

from lib.listeners import person  # noqa: F401: a fixture
from lib.pep import befriend, condition, ok
from lib.pictures import (DATA, META, b64, info, photo, png, publish_avatar, sha1, shown_hash,
                          wait_hash)
from lib.vcards import V, ask_vcard, picture, set_vcard, vcard
from lib.wait import until

M = f"{{{META}}}"


async def friends(person, wants=(META,)):
    alice, bob = await person("alice"), await person("bob", wants=wants)
    await befriend(alice, bob)
    return alice, bob


# --- from PEP to vCards ---------------------------------------------------------------------------
async def test_published_is_in_the_vcard_and_in_presence(person):
    alice, bob = await friends(person)
    ok(await publish_avatar(alice, png(1)))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    _, items = await bob.event(META, of="alice@localhost")
    assert items[0].get("id") == sha1(png(1))
    card = await vcard(bob, "alice@localhost")
    assert picture(card) == png(1) and card.find(f"{V}PHOTO/{V}TYPE").text == "image/png"


async def test_beside_what_the_vcard_says(person):
    alice = await person("alice")
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    ok(await publish_avatar(alice, png(1)))
    card = await vcard(alice)
    assert card.find(f"{V}FN").text == "Alice" and picture(card) == png(1)


async def test_in_presence_that_is_sent_later(person, pep_stack):
    """What the client itself says of it goes; also after the component was away."""
    alice, bob = await friends(person)
    ok(await publish_avatar(alice, png(1)))
    pep_stack.components["pubsub"].restart()
    pep_stack.ready()
    await alice.raw.send("<presence><show>away</show>"
                         "<x xmlns='vcard-temp:x:update'/></presence>")
    p = await bob.raw.wait(
        lambda e: e.tag.endswith("}presence") and e.find("{*}show") is not None)
    assert shown_hash(p) == sha1(png(1)) and len(p.findall("{vcard-temp:x:update}x")) == 1


async def test_who_may_not_read_the_data_sees_no_photo(person):
    alice, bob = await friends(person)
    eve = await person("eve")
    ok(await set_vcard(alice, "<FN>Alice</FN>"))
    ok(await publish_avatar(alice, png(1), access_model="presence"))
    assert picture(await vcard(bob, "alice@localhost")) == png(1)
    assert picture(await vcard(eve, "alice@localhost")) is None
    ok(await alice.configure(DATA, access_model="whitelist"))
    assert picture(await vcard(bob, "alice@localhost")) is None
    assert picture(await vcard(alice)) == png(1)


async def test_avatar_alone_is_no_sign_of_an_account(person):
    """XEP-0054 3.3: for who sees nothing of it there is nothing."""
    alice, eve = await person("alice"), await person("eve")
    ok(await publish_avatar(alice, png(1), access_model="presence"))
    assert condition(await ask_vcard(eve, "alice@localhost")) == "service-unavailable"
    ok(await alice.configure(DATA, access_model="open"))
    assert condition(await ask_vcard(eve, "alice@localhost")) == "service-unavailable"
    ok(await alice.configure(META, access_model="open"))
    assert picture(await vcard(eve, "alice@localhost")) == png(1)


@pytest.mark.parametrize("way", ["empty metadata", "retracted", "node deleted", "node purged",
                                 "data retracted", "data deleted", "nothing is kept",
                                 "no <PHOTO/> content"])
async def test_removed(person, way):
    """It is gone from the vCard and from presence."""
    alice, bob = await friends(person)
    ok(await publish_avatar(alice, png(1)))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    owner = "http://jabber.org/protocol/pubsub#owner"
    if way == "empty metadata":
        ok(await alice.publish(META, f"<metadata xmlns='{META}'/>"))
    elif way == "retracted":
        ok(await alice.retract(META, sha1(png(1))))
    elif way == "node deleted":
        ok(await alice.ask("set", f"<delete node='{META}'/>", ns=owner))
    elif way == "node purged":
        ok(await alice.ask("set", f"<purge node='{META}'/>", ns=owner))
    elif way == "data retracted":
        ok(await alice.retract(DATA, sha1(png(1))))
    elif way == "data deleted":
        ok(await alice.ask("set", f"<delete node='{DATA}'/>", ns=owner))
    elif way == "nothing is kept":
        ok(await alice.configure(META, persist_items="false"))
    else:
        ok(await set_vcard(alice, "<FN>Alice</FN><PHOTO/>"))
    await wait_hash(bob.raw, "alice@localhost", None)
    answer = await ask_vcard(alice)
    assert answer.get("type") == "error" or picture(answer[0]) is None


async def test_data_that_comes_after_the_metadata(person):
    """As some clients send them (and for other clients it is there only then)."""
    alice, bob = await friends(person)
    ok(await alice.publish(META, f"<metadata xmlns='{META}'>{info(png(1))}</metadata>",
                           id=sha1(png(1))))
    await alice.raw.sync()
    await bob.raw.sync()
    assert not [p for p in bob.raw.inbox.find("presence") if shown_hash(p)]
    ok(await alice.publish(DATA, f"<data xmlns='{DATA}'>{b64(png(1))}</data>", id=sha1(png(1))))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    assert picture(await vcard(alice)) == png(1)


async def test_picture_that_is_not_what_its_id_says(person):
    """XEP-0398 3.1: neither shown nor advertised, for nobody could cache it."""
    alice, bob = await friends(person)
    ok(await alice.publish(DATA, f"<data xmlns='{DATA}'>{b64(png(2))}</data>", id=sha1(png(1))))
    ok(await alice.publish(META, f"<metadata xmlns='{META}'>{info(png(1))}</metadata>",
                           id=sha1(png(1))))
    assert condition(await ask_vcard(alice)) == "item-not-found"
    ok(await publish_avatar(alice, png(3)))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(3)))
    assert {shown_hash(p) for p in bob.raw.inbox.find("presence")} <= {None, sha1(png(3))}


async def test_only_elsewhere_on_the_web(person):
    alice, bob = await friends(person)
    url = "url='https://example.org/a.png'"
    ok(await alice.publish(DATA, f"<data xmlns='{DATA}'>{b64(png(1))}</data>", id=sha1(png(1))))
    ok(await alice.publish(META, f"<metadata xmlns='{META}'><info id='{sha1(png(1))}' {url} "
                           "type='image/png' bytes='9'/></metadata>", id=sha1(png(1))))
    assert condition(await ask_vcard(alice)) == "item-not-found"
    await bob.event(META, of="alice@localhost")
    await bob.raw.sync()
    assert not [p for p in bob.raw.inbox.find("presence") if shown_hash(p)]


async def test_one_of_several_forms(person):
    """XEP-0398 3.1: the one that is not elsewhere."""
    alice, bob = await friends(person)
    ok(await alice.publish(DATA, f"<data xmlns='{DATA}'>{b64(png(1))}</data>", id=sha1(png(1))))
    ok(await alice.publish(
        META, f"<metadata xmlns='{META}'>{info(png(2), url='https://example.org/b.png')}"
        f"{info(png(1))}</metadata>", id=sha1(png(1))))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    assert picture(await vcard(alice)) == png(1)


async def test_changed_for_an_older_one(person):
    """Clients change between pictures whose data is there already."""
    alice, bob = await friends(person)
    for seed in (1, 2):
        ok(await publish_avatar(alice, png(seed), max_items=5))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(2)))
    ok(await alice.publish(META, f"<metadata xmlns='{META}'>{info(png(1))}</metadata>",
                           id=sha1(png(1))))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    assert picture(await vcard(bob, "alice@localhost")) == png(1)


async def test_changed_at_once(person):
    """Though the new data has pushed out the old, presence does not say meanwhile that there is no
    avatar."""
    alice, bob = await friends(person)
    for seed in (1, 2, 3):
        ok(await publish_avatar(alice, png(seed)))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(3)))
    shown = [shown_hash(p) for p in bob.raw.inbox.find("presence", from_bare="alice@localhost")
             if p.get("type") is None]
    assert shown[shown.index(sha1(png(1))):] == [sha1(png(seed)) for seed in (1, 2, 3)]


async def test_with_white_space_in_it(person):
    alice, bob = await friends(person)
    text = "\n   " + "\n   ".join(b64(png(1))[i:i + 76] for i in range(0, 900, 76)) + "\n"
    ok(await alice.publish(DATA, f"<data xmlns='{DATA}'>{text}</data>", id=sha1(png(1))))
    ok(await alice.publish(META, f"<metadata xmlns='{META}'>{info(png(1))}</metadata>",
                           id=sha1(png(1))))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    assert picture(await vcard(bob, "alice@localhost")) == png(1)


# --- from vCards to PEP ---------------------------------------------------------------------------
async def test_photo_becomes_the_avatar(person):
    alice, bob = await friends(person)
    eve = await person("eve")
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(png(1))}"))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    _, items = await bob.event(META, of="alice@localhost")
    said = items[0][0].find(f"{M}info")
    assert items[0].get("id") == said.get("id") == sha1(png(1))
    assert (said.get("type"), said.get("bytes"), said.get("width"), said.get("height")) == (
        "image/png", str(len(png(1))), "32", "32")
    (ident, data), = await eve.items(DATA, of="alice@localhost",
                                     inner=f"<item id='{sha1(png(1))}'/>")
    assert ident == sha1(png(1)) and base64.b64decode(data.text) == png(1)
    assert picture(await vcard(eve, "alice@localhost")) == png(1)


async def test_type_is_that_of_the_picture(person):
    """XEP-0153 4.1: <TYPE/> is a hint."""
    alice = await person("alice")
    ok(await set_vcard(alice, photo(png(1), "image/x-strange")))
    (_, meta), = await alice.items(META)
    assert meta.find(f"{M}info").get("type") == "image/png"


async def test_same_photo_again_is_no_news(person):
    alice, bob = await friends(person)
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(png(1))}"))
    await bob.event(META, of="alice@localhost")
    ok(await set_vcard(alice, f"<FN>Alicia</FN>{photo(png(1))}"))
    await bob.raw.sync()
    assert len(bob.events(META)) == 1


async def test_without_photo_the_avatar_stays(person):
    alice = await person("alice")
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(png(1))}"))
    ok(await set_vcard(alice, "<FN>Alicia</FN>"))
    card = await vcard(alice)
    assert card.find(f"{V}FN").text == "Alicia" and picture(card) == png(1)


@pytest.mark.parametrize("empty", ["<PHOTO/>", "<PHOTO><BINVAL/></PHOTO>",
                                   "<PHOTO><TYPE>image/png</TYPE><BINVAL> \n</BINVAL></PHOTO>"])
async def test_empty_photo_removes_it(person, empty):
    alice, bob = await friends(person)
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(png(1))}"))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    ok(await set_vcard(alice, f"<FN>Alice</FN>{empty}"))
    await wait_hash(bob.raw, "alice@localhost", None)
    assert not [e for e in await alice.items(META) if len(e[1])]
    assert picture(await vcard(bob, "alice@localhost")) is None


@pytest.mark.parametrize("size,becomes", [(65535, True), (65536, True), (65537, False)])
async def test_size_of_an_avatar(person, size, becomes):
    """Larger ones are kept in the vCard and are none."""
    alice = await person("alice")
    data = png(1, size=size)
    assert len(data) == size
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(data)}"))
    assert picture(await vcard(alice)) == data
    found = await alice.items(META)
    assert (found != "item-not-found" and len(found[0][1]) == 1) is becomes


@pytest.mark.parametrize("binval", ["????", b64(b"no picture at all, whatever it says"), "QUJD="])
async def test_photo_that_is_no_picture(person, binval):
    """It is kept as it is."""
    alice = await person("alice")
    ok(await set_vcard(alice, f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{binval}</BINVAL></PHOTO>"))
    assert (await vcard(alice)).find(f"{V}PHOTO/{V}BINVAL").text == binval
    assert await alice.items(META) == "item-not-found"


async def test_no_picture_in_place_of_one(person):
    """An avatar that was there is not shown beside a photo that cannot be one."""
    alice, bob = await friends(person)
    ok(await publish_avatar(alice, png(1)))
    await wait_hash(bob.raw, "alice@localhost", sha1(png(1)))
    large = png(2, size=70000)
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(large)}"))
    cards = [picture(await vcard(who, "alice@localhost")) for who in (alice, bob)]
    assert cards == [large, large]
    await wait_hash(bob.raw, "alice@localhost", None)


async def test_photo_elsewhere_stays_in_the_vcard(person):
    alice = await person("alice")
    ok(await set_vcard(alice, "<PHOTO><EXTVAL>https://example.org/a.png</EXTVAL></PHOTO>"))
    assert (await vcard(alice)).find(f"{V}PHOTO/{V}EXTVAL").text == "https://example.org/a.png"


async def test_gone_with_the_account(person, pep_stack):
    alice, eve = await person("alice"), await person("eve")
    ok(await set_vcard(alice, f"<FN>Alice</FN>{photo(png(1))}"))
    pep_stack.delete_account("alice@localhost")
    await until(lambda: pep_stack.add_if_free("alice@localhost"), "the name is free")
    again = await person("alice")
    assert condition(await ask_vcard(again)) == "item-not-found"
    assert condition(await ask_vcard(eve, "alice@localhost")) == "service-unavailable"
