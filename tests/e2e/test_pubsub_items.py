# SPDX-License-Identifier: MIT
"""Items: published, retracted, retrieved, told (XEP-0060 6.5, 7.1, 7.2)."""

import asyncio
from xml.sax.saxutils import quoteattr

import pytest

from lib import xml
from lib.pep import EVENT, PUBSUB, condition, form, ok, options, payload
from lib.pubsub import (AT, FAST, RSM, config_of, fill, ids, make, named, owner_ask,
                        page, page_of, published_id, settings, stored, subscribe)

KIB = 1024
EMPTY = len("<thing xmlns='urn:example:thing'></thing>")


async def publish(who, node, inner, more="", to=AT):
    """A <publish/> of the test's own making."""
    return await who.ask("set", f"<publish{named(node)}>{inner}</publish>{more}", to)


async def retract(who, node, inner, notify=None, to=AT):
    attr = "" if notify is None else f" notify='{notify}'"
    return await who.ask("set", f"<retract{named(node)}{attr}>{inner}</retract>", to)


async def get(who, node, more="", inner="", **attrs):
    return await who.items_answer(node, AT, more, inner, **attrs)


def sized(n):
    """A payload of n bytes."""
    return payload("x" * (n - EMPTY))


async def told(who, node, count):
    """The first `count` events of the node, as (what, id, has a payload)."""
    found = []
    for _ in range(count):
        _, event = await who.event(node)
        found.append(summary(event))
    return found


def summary(event):
    if not len(event):
        return event.tag.removeprefix(f"{{{EVENT}}}"), None, False
    assert len(event) == 1
    return event[0].tag.removeprefix(f"{{{EVENT}}}"), event[0].get("id"), len(event[0]) > 0


# --- publishing ---------------------------------------------------------------------------------------

async def test_publish(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    answer = ok(await alice.publish("n", payload("one"), id="1", to=AT))
    assert answer.find(f".//{{{PUBSUB}}}publish").get("node") == "n"
    assert published_id(answer) == "1"
    message, event = await bob.event("n")
    assert (message.get("from"), message.get("to"), message.get("type")) == (AT, bob.bare, "headline")
    assert message.get("id")
    assert summary(event) == ("item", "1", True) and event[0][0].text == "one"
    assert event[0].get("publisher") is None
    # Without an id it is given one that no other has.
    made = {published_id(await alice.publish("n", to=AT)) for _ in range(3)}
    made.add(published_id(await alice.publish("n", id="", to=AT)))
    assert len(made) == 4 and all(made)
    assert ids(await get(alice, "n"))[0] == "1" and set(ids(await get(alice, "n"))[1:]) == made
    ever = [m.get("id") for m, _ in bob.events("n")]
    assert len(set(ever)) == len(ever)


async def test_replacing_an_item_makes_it_the_newest(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    for i, text in (("1", "a"), ("2", "b"), ("1", "c")):
        ok(await alice.publish("n", payload(text), id=i, to=AT))
    assert [(i, e.text) for i, e in await alice.items("n", of=AT)] == [("2", "b"), ("1", "c")]
    assert await told(bob, "n", 3) == [("item", "1", True), ("item", "2", True), ("item", "1", True)]


@pytest.mark.parametrize("inner, error", [
    ("", "item-required"),
    ("<item id='1'/>", "payload-required"),
    ("<item id='1'>text</item>", "payload-required"),
    (f"<item id='1'>{payload('a')}</item><item id='2'>{payload('b')}</item>", None),
    (f"<item id='1'>{payload('a')}{payload('b')}</item>", "invalid-payload"),
    ("<item id='1'><thing xmlns=''/></item>", "invalid-payload"),
    ("<item id='1'><thing/></item>", "invalid-payload"),
    (f"<other id='1'>{payload('a')}</other>", None),
    (f"<item xmlns='urn:example:x' id='1'>{payload('a')}</item>", None),
], ids=["nothing", "empty", "text", "two-items", "two-payloads", "no-namespace", "ours", "other",
        "other-ns"])
async def test_what_cannot_be_published(person, inner, error):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    want = "bad-request" + (f"/{error}" if error else "")
    assert condition(await publish(alice, "n", inner)) == want
    for node in (None, ""):
        assert condition(await publish(alice, node, f"<item>{payload()}</item>")) == (
            "bad-request/nodeid-required")
    await bob.raw.sync()
    assert not bob.events() and await alice.items("n", of=AT) == []


async def test_kinds_of_nodes(person):
    """7.1.3.6: persistent or not, with payloads or without."""
    alice, bob = await person("alice"), await person("bob")
    full, no_payload, nothing = f"<item id='1'>{payload()}</item>", "<item id='1'/>", ""
    rows = {  # persist, payloads: {what is published: the error, or what is told}
        (1, 1): {full: ("item", "1", True), no_payload: "payload-required", nothing: "item-required"},
        (1, 0): {full: ("item", "1", False), no_payload: ("item", "1", False),
                 nothing: "item-required"},
        (0, 1): {full: ("item", "1", True), no_payload: "payload-required",
                 nothing: "payload-required"},
        (0, 0): {full: "item-forbidden", no_payload: "item-forbidden",
                 nothing: ("items", None, False)},
    }
    for (persist, payloads), wanted in rows.items():
        node = f"n{persist}{payloads}"
        await make(alice, node, persist_items=persist, deliver_payloads=payloads)
        ok(await subscribe(bob, node))
        for inner, want in wanted.items():
            answer = await publish(alice, node, inner)
            if isinstance(want, str):
                assert condition(answer) == f"bad-request/{want}", (node, inner)
            else:
                ok(answer)
                assert await told(bob, node, 1) == [want], (node, inner)
        if persist:  # the payload is there for who asks
            ok(await publish(alice, node, full))
            assert [(i, e is not None) for i, e in await bob.items(node, of=AT)] == [("1", True)]
        else:
            answer = await get(bob, node)
            assert condition(answer) == "feature-not-implemented/unsupported"
            assert answer.find(".//{*}unsupported").get("feature") == "persistent-items"


async def test_transient_items_have_ids(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", persist_items=0)
    ok(await subscribe(bob, "n"))
    given = published_id(await alice.publish("n", to=AT))
    assert await told(bob, "n", 1) == [("item", given, True)]


async def test_publisher_is_told_where_configured(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", itemreply="publisher", publish_model="open")
    ok(await subscribe(alice, "n"))
    ok(await publish(bob, "n", f"<item id='1' publisher='eve@localhost'>{payload()}</item>"))
    _, event = await alice.event("n")
    assert event[0].get("publisher") == bob.jid  # 7.1.2.3: ours, not theirs
    item = next((await get(alice, "n")).iter(f"{{{PUBSUB}}}item"))
    assert item.get("publisher") == bob.jid


@pytest.mark.parametrize("kind", ["headline", "normal", "chat"])
async def test_type_of_notifications(person, kind):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", notification_type=kind)
    ok(await subscribe(bob, "n"))
    ok(await alice.publish("n", to=AT))
    message, _ = await bob.event("n")
    assert (message.get("type") or "normal") == kind


# --- options (7.1.5) ------------------------------------------------------------------------------------

async def test_options(person):
    alice = await person("alice")
    await make(alice, "n", access_model="whitelist", title="T")
    ok(await alice.publish("n", id="1", to=AT, access_model="whitelist"))
    ok(await alice.publish("n", id="2", to=AT, access_model="whitelist", title="T", max_items="20",
                           persist_items="true"))
    refused = "conflict/precondition-not-met"
    for wrong in ({"access_model": "open"}, {"access_model": "whitelist", "title": "U"},
                  {"max_items": "max"}, {"persist_items": "0"}, {"unknown": "x"},
                  {"access_model": "nonsense"}):
        assert condition(await alice.publish("n", id="3", to=AT, **wrong)) == refused, wrong
    unprefixed = form(PUBSUB + "#publish-options", {"access_model": "whitelist"})
    for x, want in ((unprefixed, refused), (form(PUBSUB + "#node_config", {}), "bad-request"),
                    ("<x xmlns='jabber:x:data' type='submit'/>", "bad-request")):
        answer = await publish(alice, "n", f"<item id='3'>{payload()}</item>",
                               f"<publish-options>{x}</publish-options>")
        assert condition(answer) == want
    first = await alice.ask("set", f"{options(title='T')}<publish node='n'><item/></publish>", AT)
    assert condition(first) == "bad-request"
    assert [i for i, _ in await alice.items("n", of=AT)] == ["1", "2"]
    assert (await config_of(alice, "n"))["title"] == "T"


async def test_options_make_a_node(person):
    alice = await person("alice")
    ok(await alice.publish("n", id="1", to=AT, access_model="whitelist", max_items="max"))
    conf = await config_of(alice, "n")
    assert (conf["access_model"], conf["max_items"]) == ("whitelist", "10000")
    assert condition(await alice.publish("m", id="1", to=AT, unknown="x")) == (
        "conflict/precondition-not-met")
    assert condition(await alice.publish("m", id="1", to=AT, access_model="presence")) == (
        "not-acceptable/unsupported-access-model")
    assert await alice.items("m", of=AT) == "item-not-found"
    ok(await alice.publish("d", id="1", to=AT))
    assert (await config_of(alice, "d"))["access_model"] == "open"


async def test_a_node_is_not_made_by_what_cannot_be_published(person):
    alice = await person("alice")
    for inner in ("", "<item id='1'/>", f"<item>{sized(129 * KIB)}</item>"):
        assert condition(await publish(alice, "n", inner))
        assert await alice.items("n", of=AT) == "item-not-found", inner


# --- retracting -----------------------------------------------------------------------------------------

async def test_retract(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", notify_retract="0")
    ok(await subscribe(bob, "n"))
    for i in "12345":
        ok(await alice.publish("n", id=i, to=AT))
    await told(bob, "n", 5)
    ok(await retract(alice, "n", "<item id='1'/>"))
    ok(await retract(alice, "n", "<item id='2'/>", "false"))
    ok(await retract(alice, "n", "<item id='3'/>", "1"))
    ok(await retract(alice, "n", "<item id='4'/>", "true"))
    assert await told(bob, "n", 2) == [("retract", "3", False), ("retract", "4", False)]
    assert ids(await get(alice, "n")) == ["5"]
    ok(await alice.configure("n", AT, notify_retract="1"))
    ok(await retract(alice, "n", "<item id='5'/>"))
    assert await told(bob, "n", 1) == [("retract", "5", False)]
    assert ids(await get(alice, "n")) == []


async def test_what_cannot_be_retracted(person):
    alice = await person("alice")
    await make(alice, "n")
    ok(await alice.publish("n", id="1", to=AT))
    one = "<item id='1'/>"
    for node, inner, want in (
            ("n", "<item id='2'/>", "item-not-found"), ("m", one, "item-not-found"),
            (None, one, "bad-request/nodeid-required"), ("", one, "bad-request/nodeid-required"),
            ("n", "", "bad-request/item-required"), ("n", "<item/>", "bad-request/item-required"),
            ("n", "<item id=''/>", "bad-request/item-required"),
            ("n", one + "<item id='2'/>", "bad-request/item-required")):
        assert condition(await retract(alice, node, inner)) == want, (node, inner)
    assert ids(await get(alice, "n")) == ["1"]
    await make(alice, "t", persist_items=0)
    answer = await retract(alice, "t", one)
    assert condition(answer) == "feature-not-implemented/unsupported"
    assert answer.find(".//{*}unsupported").get("feature") == "persistent-items"


# --- retrieving -----------------------------------------------------------------------------------------

async def numbered(alice, count, node="n", **config):
    await make(alice, node, **config)
    for i in range(1, count + 1):
        ok(await alice.publish(node, payload(str(i)), id=f"i{i}", to=AT))


async def test_retrieve(person):
    alice, bob = await person("alice"), await person("bob")
    await numbered(alice, 5)
    answer = await get(bob, "n")
    assert ids(answer) == ["i1", "i2", "i3", "i4", "i5"] and page_of(answer) is None
    for most, want in ((2, ["i4", "i5"]), (5, ids(answer)), (6, ids(answer)), (0, []),
                       ("x", ids(answer)), (2**32, ids(answer))):
        assert ids(await get(bob, "n", max_items=most)) == want, most
    named_items = "<item id='i4'/><item id='gone'/><item id='i2'/><item/>"
    assert ids(await get(bob, "n", inner=named_items)) == ["i4", "i2"]
    answer = await get(bob, "n", inner="<item id='gone'/>")
    assert ids(answer) == [] and answer.find(f".//{{{PUBSUB}}}items").get("node") == "n"
    assert condition(await get(bob, "m")) == "item-not-found"
    assert condition(await bob.ask("get", "<items/>", AT)) == "bad-request/nodeid-required"


async def test_retrieve_in_pages(person):
    alice = await person("alice")
    await numbered(alice, 5)
    for asked, want, answer_set in (
            (page(2), ["i1", "i2"], ("i1", 0, "i2", 5)),
            (page(2, after="i2"), ["i3", "i4"], ("i3", 2, "i4", 5)),
            (page(2, after="i4"), ["i5"], ("i5", 4, "i5", 5)),
            (page(2, after="i5"), [], (None, None, None, 5)),
            (page(2, before=""), ["i4", "i5"], ("i4", 3, "i5", 5)),
            (page(2, before="i4"), ["i2", "i3"], ("i2", 1, "i3", 5)),
            (page(2, before="i2"), ["i1"], ("i1", 0, "i1", 5)),
            (page(2, before="i1"), [], (None, None, None, 5)),
            (page(2, index=1), ["i2", "i3"], ("i2", 1, "i3", 5)),
            (page(2, index=9), [], (None, None, None, 5)),
            (page(), ["i1", "i2", "i3", "i4", "i5"], ("i1", 0, "i5", 5)),
            (page(0), [], (None, None, None, 5))):
        answer = await get(alice, "n", asked)
        assert (ids(answer), page_of(answer)) == (want, answer_set), asked
    for asked in (page(2, after="gone"), page(2, before="gone")):
        assert condition(await get(alice, "n", asked)) == "item-not-found"
    for asked in (page("x"), page(-1), page(2, after="i1", before="i3"), page("9" * 30),
                  f"<set xmlns='{RSM}'><max/></set>"):
        assert condition(await get(alice, "n", asked)) == "bad-request", asked


async def test_order_survives_a_restart(person, pep_stack):
    alice = await person("alice")
    await numbered(alice, 4)
    ok(await alice.publish("n", id="i2", to=AT))
    ok(await retract(alice, "n", "<item id='i3'/>"))
    assert ids(await get(alice, "n")) == ["i1", "i4", "i2"]
    pep_stack.components["pubsub"].term()
    assert stored(pep_stack) == 3  # what was replaced is gone for good
    pep_stack.components["pubsub"].start()
    pep_stack.ready("pubsub")
    assert ids(await get(alice, "n")) == ["i1", "i4", "i2"]
    ok(await alice.publish("n", id="i1", to=AT))
    assert ids(await get(alice, "n")) == ["i4", "i2", "i1"]
    assert ids(await get(alice, "n", page(1, after="i2"))) == ["i1"]


# --- a full node (7.1.2.5) --------------------------------------------------------------------------------

@pytest.mark.parametrize("full", ["retract-oldest", "discard-oldest"])
async def test_the_oldest_goes(person, full):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", max_items=2, publish_node_full=full)
    ok(await subscribe(bob, "n"))
    for i in "1234":
        ok(await alice.publish("n", id=i, to=AT))
    assert ids(await get(alice, "n")) == ["3", "4"]
    ok(await alice.publish("n", id="3", to=AT))
    assert ids(await get(alice, "n")) == ["4", "3"]
    assert [what for what, _, _ in await told(bob, "n", 5)] == ["item"] * 5


async def test_a_full_node_refuses(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", max_items=2, publish_node_full="reject")
    ok(await subscribe(bob, "n"))
    for i in "12":
        ok(await alice.publish("n", id=i, to=AT))
    assert condition(await alice.publish("n", id="3", to=AT)) == "conflict/node-full"
    assert condition(await alice.publish("n", to=AT)) == "conflict/node-full"
    ok(await alice.publish("n", payload("new"), id="1", to=AT))  # is no item more
    assert ids(await get(alice, "n")) == ["2", "1"]
    ok(await retract(alice, "n", "<item id='2'/>"))
    ok(await alice.publish("n", id="3", to=AT))
    await bob.raw.sync()
    assert [summary(e)[:2] for _, e in bob.events("n")] == [
        ("item", "1"), ("item", "2"), ("item", "1"), ("retract", "2"), ("item", "3")]


@settings(PUBSUB_MAX_BYTES="1M", **FAST)
async def test_what_goes_makes_room_in_the_bound_of_bytes(person):
    alice = await person("alice")
    await make(alice, "n", max_items=8)
    for i in range(8):
        ok(await alice.publish("n", sized(128 * KIB), id=str(i), to=AT))
    ok(await alice.publish("n", sized(128 * KIB), id="8", to=AT))  # 0 goes
    ok(await alice.publish("n", sized(128 * KIB), id="4", to=AT))  # in place of the old one
    assert condition(await alice.publish("m", sized(1 * KIB), id="1", to=AT)) == "resource-constraint"
    ok(await retract(alice, "n", "<item id='8'/>"))
    ok(await alice.publish("m", sized(1 * KIB), id="1", to=AT))
    # What is counted is right after a restart, and after a node has gone.
    ok(await owner_ask(alice, "set", "delete", "n"))
    for i in range(7):
        ok(await alice.publish("o", sized(128 * KIB), id=str(i), to=AT, max_items="max"))
    assert condition(await alice.publish("o", sized(128 * KIB), id="7", to=AT)) == "resource-constraint"


# --- large ------------------------------------------------------------------------------------------------

@settings(LIMIT_SESSION_RATE=0)
async def test_items_up_to_the_limit(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    ok(await alice.publish("n", sized(128 * KIB), id="1", to=AT))
    _, event = await bob.event("n")
    assert len(event[0][0].text) == 128 * KIB - EMPTY
    for size in (128 * KIB + 1, 200 * KIB):
        answer = await alice.publish("n", sized(size), id="2", to=AT)
        assert condition(answer) == "not-acceptable/payload-too-big"
    # Written it is longer than it came: quotes are references in attributes.
    quotes = "<thing xmlns='urn:example:thing' a='" + '"' * (30 * KIB) + "'/>"
    assert condition(await alice.publish("n", quotes, to=AT)) == "not-acceptable/payload-too-big"
    assert [len(e.text) for _, e in await bob.items("n", of=AT)] == [128 * KIB - EMPTY]
    ok(await alice.configure("n", AT, max_payload_size=100))
    ok(await alice.publish("n", sized(100), id="3", to=AT))
    assert condition(await alice.publish("n", sized(101), id="4", to=AT)) == (
        "not-acceptable/payload-too-big")
    # A stanza above what the stream takes ends it.
    await alice.raw.send(f"<iq type='set' id='big' to='{AT}'><pubsub xmlns='{PUBSUB}'><publish node='n'>"
                         f"<item>{sized(300 * KIB)}</item></publish></pubsub></iq>")
    assert await alice.raw.stream_error() == "policy-violation"
    assert [i for i, _ in await bob.items("n", of=AT)] == ["1", "3"]


@settings(**FAST)
async def test_pages_by_bytes(person):
    """Ten items of 100 KiB: five in an answer, and none is left out whichever way one goes."""
    alice = await person("alice")
    await make(alice, "n")
    names = [str(i) for i in range(10)]
    for i in names:
        ok(await alice.publish("n", sized(100 * KIB), id=i, to=AT))
    answer = await get(alice, "n")
    assert ids(answer) == names[5:] and page_of(answer) == ("5", 5, "9", 10)
    forwards, after = [], None
    while len(forwards) < 10:
        answer = await get(alice, "n", page(8, after=after))
        assert 0 < len(ids(answer)) <= 5 and page_of(answer)[2] == ids(answer)[-1]
        forwards += ids(answer)
        after = forwards[-1]
    assert forwards == names
    backwards, before = [], ""
    while len(backwards) < 10:
        answer = await get(alice, "n", page(8, before=before))
        assert 0 < len(ids(answer)) <= 5 and page_of(answer)[0] == ids(answer)[0]
        backwards = ids(answer) + backwards
        before = backwards[0]
    assert backwards == names
    assert ids(await get(alice, "n", inner="".join(f"<item id='{i}'/>" for i in names))) == names[:5]
    assert ids(await get(alice, "n", max_items=7)) == names[5:]
    ok(await alice.publish("n", id="small", to=AT))
    answer = await get(alice, "n", inner="<item id='small'/>" * 1001)
    assert len(ids(answer)) == 1000 and page_of(answer) == ("small", 0, "small", 1001)


@settings(PUBSUB_COMPONENT_MAX_STANZA="256k", **FAST)
async def test_pages_of_a_link_that_takes_less(person):
    alice = await person("alice")
    await make(alice, "n")
    for i in range(5):
        ok(await alice.publish("n", sized(60 * KIB), id=str(i), to=AT))
    answer = await get(alice, "n")
    assert ids(answer) == ["3", "4"] and page_of(answer) == ("3", 3, "4", 5)


@settings(**FAST)
async def test_long_names_count_in_a_page(person):
    """Ids and publishers are up to six times as long on the wire: the link must take the answer."""
    alice = await person("alice", resource='"' * 1000)
    await make(alice, "n", max_items="max", itemreply="publisher")
    for i in range(300):
        await alice.raw.send(
            f"<iq type='set' id='p{i}' to='{AT}'><pubsub xmlns='{PUBSUB}'><publish node='n'>"
            f"<item id='{i:03}{chr(34) * 1020}'>{payload()}</item></publish></pubsub></iq>")
    await alice.raw.wait("iq", id="p299", type="result", timeout=60)
    answer = await get(alice, "n")
    assert ids(answer)[-1].startswith("299") and page_of(answer)[3] == 300
    assert 10 < len(ids(answer)) < 100
    query = f"<query xmlns='{xml.DISCO_ITEMS}' node='n'/>"
    answer = ok(await alice.raw.iq("get", query, to=AT))
    assert page_of(answer)[3] == 300
    await alice.raw.sync()


@settings(**FAST)
async def test_a_node_of_ten_thousand_items(person, pep_stack):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n", max_items="max")
    pubsub = pep_stack.components["pubsub"]
    pubsub.term()
    fill(pep_stack, "n", 10000)
    pubsub.start()
    pep_stack.ready("pubsub")
    answer = await get(bob, "n")  # the newest
    assert ids(answer) == [str(i) for i in range(9001, 10001)]
    assert page_of(answer) == ("9001", 9000, "10000", 10000)
    assert ids(await get(bob, "n", max_items=3)) == ["9998", "9999", "10000"]
    assert ids(await get(bob, "n", inner="<item id='5000'/>")) == ["5000"]
    seen, after = [], None
    while len(seen) < 10000:
        answer = await get(bob, "n", page(1000, after=after))
        assert ids(answer) and page_of(answer)[1] == len(seen)
        seen += ids(answer)
        after = seen[-1]
    assert seen == [str(i) for i in range(1, 10001)]
    ok(await alice.publish("n", id="new", to=AT))  # it is full: the oldest goes
    assert ids(await get(bob, "n", page(1))) == ["2"]
    assert ids(await get(bob, "n", page(2, before=""))) == ["10000", "new"]
    ok(await owner_ask(alice, "set", "purge", "n"))
    assert ids(await get(bob, "n")) == []
    pubsub.term()
    assert stored(pep_stack) == 0


async def test_an_id_that_the_database_has_twice(person, pep_stack):
    """However it came about: the newer one holds."""
    alice = await person("alice")
    await make(alice, "n")
    ok(await alice.publish("n", payload("old"), id="1", to=AT))
    pubsub = pep_stack.components["pubsub"]
    pubsub.term()
    fill(pep_stack, "n", 2)
    pubsub.start()
    pep_stack.ready("pubsub")
    assert [(i, e.text) for i, e in await alice.items("n", of=AT)] == [("1", None), ("2", None)]
    ok(await alice.publish("n", payload("new"), id="1", to=AT))
    assert [(i, e.text) for i, e in await alice.items("n", of=AT)] == [("2", None), ("1", "new")]


async def test_many_publish_at_once(person, pep_stack, raw_client):
    """Four connections: none of their items is lost or stands twice."""
    alice = await person("alice")
    await make(alice, "n", max_items="max")
    raws = [await (await raw_client(stack=pep_stack)).login(
        "alice", pep_stack.accounts[alice.bare], f"r{k}") for k in range(4)]

    async def run(k, raw):
        for i in range(50):
            await raw.send(f"<iq type='set' id='p{i}' to='{AT}'><pubsub xmlns='{PUBSUB}'>"
                           f"<publish node='n'><item id='{k}-{i}'>{payload()}</item></publish>"
                           "</pubsub></iq>")
        await raw.wait("iq", id="p49", type="result", timeout=60)

    await asyncio.gather(*(run(k, raw) for k, raw in enumerate(raws)))
    got = ids(await get(alice, "n"))
    assert len(got) == 200 and set(got) == {f"{k}-{i}" for k in range(4) for i in range(50)}
    for k in range(4):
        own = [i for i in got if i.startswith(f"{k}-")]
        assert own == [f"{k}-{i}" for i in range(50)]


# --- hostile ----------------------------------------------------------------------------------------------

async def test_hostile_ids(person, pep_stack):
    alice, bob = await person("alice"), await person("bob")
    names = ["'\"<>&", "a\nb\tc\rd", "😀 ñ \u0301", "   ", "\u00a0", "]]>", "x" * 1023, "é" * 511, "%s%n",
             "'; DROP TABLE item; --"]
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    for name in names:
        answer = ok(await publish(alice, "n", f"<item id={attr(name)}>{payload()}</item>"))
        assert published_id(answer) == name
        _, event = await bob.event("n")
        assert event[0].get("id") == name
    assert ids(await get(bob, "n")) == names
    pep_stack.components["pubsub"].restart()
    pep_stack.ready("pubsub")
    for name in names:
        assert ids(await get(bob, "n", inner=f"<item id={attr(name)}/>")) == [name]
        ok(await retract(alice, "n", f"<item id={attr(name)}/>"))
        _, event = await bob.event("n")
        assert event[0].get("id") == name
    assert ids(await get(bob, "n")) == []
    for name in ("x" * 1024, "é" * 512):
        assert condition(await publish(alice, "n", f"<item id='{name}'>{payload()}</item>")) == (
            "not-acceptable")
        assert condition(await retract(alice, "n", f"<item id='{name}'/>")) == "item-not-found"


def attr(value):
    return quoteattr(value).replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;")


async def test_payloads_are_kept_as_they_are(person, pep_stack):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    ok(await subscribe(bob, "n"))
    inner = ("<a:thing xmlns:a='urn:example:a' xmlns:b='urn:example:b' b:at='&lt;&quot;&#10;' xml:lang='de'>"
             " mixed <b:x/>&amp;<plain xmlns=''/> &lt;end&gt;\n<c xmlns='urn:example:c'><d/></c></a:thing>")

    def shape(e):
        return e.tag, sorted(e.attrib.items()), e.text or "", e.tail or "", [shape(c) for c in e]

    want = shape(xml.ET.fromstring(inner))
    ok(await publish(alice, "n", f"<item id='1'>{inner}</item>"))
    _, event = await bob.event("n")
    assert shape(event[0][0]) == want
    pep_stack.components["pubsub"].restart()
    pep_stack.ready("pubsub")
    ((_, found),) = await bob.items("n", of=AT)
    assert shape(found) == want


# --- the last item (6.1.7) ----------------------------------------------------------------------------------

async def test_last_item_to_who_subscribes(person):
    alice, bob = await person("alice"), await person("bob")
    await make(alice, "n")
    for i in "12":
        ok(await alice.publish("n", payload(i), id=i, to=AT))
    ok(await subscribe(bob, "n"))
    message, event = await bob.event("n")
    assert summary(event) == ("item", "2", True) and event[0][0].text == "2"
    assert message.find("{urn:xmpp:delay}delay").get("stamp").endswith("Z")
    await make(alice, "never", send_last_published_item="never")
    ok(await alice.publish("never", to=AT))
    ok(await subscribe(bob, "never"))
    await make(alice, "bare", deliver_payloads=0)
    ok(await alice.publish("bare", id="1", to=AT))
    ok(await subscribe(bob, "bare"))
    assert await told(bob, "bare", 1) == [("item", "1", False)]  # 7.1.2.2
    assert not bob.events("never")
