# SPDX-License-Identifier: MIT
"""Private XML (XEP-0049): kept by name and namespace, for nobody but the account."""

import pytest

from lib.pep import befriend, condition, ok
from lib.vcards import get_private, private, set_private
from lib.wait import until


async def test_kept(person, pep_stack):
    alice = await person("alice")
    ok(await set_private(alice, "<exodus xmlns='exodus:prefs' v='1'><nick>a &lt; b</nick>"
                         "<x xmlns='urn:example:x'>y</x></exodus>"))
    pep_stack.components["pubsub"].restart()
    pep_stack.ready()
    got = private(await get_private(alice, "<exodus xmlns='exodus:prefs'/>"))
    assert got.tag == "{exodus:prefs}exodus" and got.get("v") == "1"
    assert got.find("{exodus:prefs}nick").text == "a < b"
    assert got.find("{urn:example:x}x").text == "y"


async def test_what_is_not_there_is_empty(person):
    alice = await person("alice")
    got = private(await get_private(alice, "<roster xmlns='roster:delimiter'/>"))
    assert got.tag == "{roster:delimiter}roster" and len(got) == 0 and not got.text


async def test_each_by_name_and_namespace(person):
    alice = await person("alice")
    for name, ns, text in (("a", "urn:x", "1"), ("b", "urn:x", "2"), ("a", "urn:y", "3")):
        ok(await set_private(alice, f"<{name} xmlns='{ns}'>{text}</{name}>"))
    for name, ns, text in (("a", "urn:x", "1"), ("b", "urn:x", "2"), ("a", "urn:y", "3")):
        assert private(await get_private(alice, f"<{name} xmlns='{ns}'/>")).text == text
    ok(await set_private(alice, "<a xmlns='urn:x'>4</a>"))
    assert private(await get_private(alice, "<a xmlns='urn:x'/>")).text == "4"
    assert private(await get_private(alice, "<a xmlns='urn:y'/>")).text == "3"


async def test_with_the_own_address(person):
    alice = await person("alice")
    ok(await set_private(alice, "<a xmlns='urn:x'>1</a>", to="alice@localhost"))
    answer = await get_private(alice, "<a xmlns='urn:x'/>", to="alice@localhost")
    assert private(answer).text == "1"


@pytest.mark.parametrize("who", ["bob", "eve"])
async def test_nobody_elses(person, who):
    """Not a contact's, nor a stranger's."""
    alice, other = await person("alice"), await person(who)
    if who == "bob":
        await befriend(alice, other)
    ok(await set_private(alice, "<a xmlns='urn:x'>1</a>"))
    for ask in (get_private, set_private):
        answer = await ask(other, "<a xmlns='urn:x'/>", to="alice@localhost")
        assert condition(answer) == "forbidden" and answer.find(".//{urn:x}a") is None or (
            not answer.find(".//{urn:x}a").text)
    assert private(await get_private(alice, "<a xmlns='urn:x'/>")).text == "1"


@pytest.mark.parametrize("inner,error", [
    ("", "not-acceptable"),
    ("just words", "not-acceptable"),
    ("<a xmlns='urn:x'/><b xmlns='urn:x'/>", "bad-request"),
    ("<a/>", "not-acceptable"),
    ("<query xmlns='jabber:iq:private'/>", "not-acceptable"),
    (f"<{'a' * 900} xmlns='urn:{'x' * 200}'/>", "not-acceptable"),
])
async def test_not_one_element_of_its_own(person, inner, error):
    alice = await person("alice")
    assert condition(await get_private(alice, inner)) == error
    assert condition(await set_private(alice, inner)) == error


async def test_as_large_as_an_item_may_be(person):
    alice = await person("alice")
    fits = "x" * (128 * 1024 - len('<a xmlns="urn:x"></a>'))
    ok(await set_private(alice, f"<a xmlns='urn:x'>{fits}</a>"))
    assert private(await get_private(alice, "<a xmlns='urn:x'/>")).text == fits
    answer = await set_private(alice, f"<a xmlns='urn:x'>{fits}x</a>")
    assert condition(answer) == "not-acceptable"
    assert private(await get_private(alice, "<a xmlns='urn:x'/>")).text == fits


async def test_so_many_and_no_more(person):
    alice, bob = await person("alice"), await person("bob")
    for i in range(256):
        ok(await set_private(alice, f"<a xmlns='urn:x:{i}'>{i}</a>"))
    assert condition(await set_private(alice, "<a xmlns='urn:x:256'/>")) == "resource-constraint"
    ok(await set_private(alice, "<a xmlns='urn:x:255'>new</a>"))
    assert private(await get_private(alice, "<a xmlns='urn:x:255'/>")).text == "new"
    assert private(await get_private(alice, "<a xmlns='urn:x:0'/>")).text == "0"
    ok(await set_private(bob, "<a xmlns='urn:x:256'/>"))


async def test_is_no_node(person):
    """What is kept cannot be reached by publish-subscribe, nor does it show there."""
    alice = await person("alice")
    ok(await set_private(alice, "<a xmlns='urn:x'>1</a>"))
    answer = await alice.raw.iq(
        "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to="alice@localhost")
    assert not list(answer.iter("{http://jabber.org/protocol/disco#items}item"))
    assert await alice.items("private") == "item-not-found"


async def test_gone_with_the_account(person, pep_stack):
    alice = await person("alice")
    ok(await set_private(alice, "<a xmlns='urn:x'>1</a>"))
    pep_stack.delete_account("alice@localhost")
    await until(lambda: pep_stack.add_if_free("alice@localhost"), "the name is free")
    again = await person("alice")
    assert not private(await get_private(again, "<a xmlns='urn:x'/>")).text
