# SPDX-License-Identifier: MIT
"""PEP (XEP-0163): publishing at one's account, and who is told of it."""

from lib.pep import befriend, condition, ok, payload

MOOD = "urn:example:mood"


async def test_publish_and_retrieve(person):
    alice = await person("alice")
    answer = ok(await alice.publish(MOOD, payload("happy"), id="current"))
    assert answer.find(".//{*}item").get("id") == "current"
    assert [(i, e.text) for i, e in await alice.items(MOOD)] == [("current", "happy")]
    assert [(i, e.text) for i, e in await alice.items(MOOD, of="alice@localhost")] == [
        ("current", "happy")]


async def test_friend_is_told(person):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    ok(await alice.publish(MOOD, payload("happy"), id="1"))
    message, items = await bob.event(MOOD, of="alice@localhost")
    assert message.get("type") == "headline"
    assert items[0].get("id") == "1" and items[0][0].text == "happy"


async def test_stranger_is_refused(person):
    alice, eve = await person("alice"), await person("eve", wants=(MOOD,))
    ok(await alice.publish(MOOD, payload("happy"), id="1"))
    assert await eve.items(MOOD, of="alice@localhost") == (
        "not-authorized/presence-subscription-required")
    await eve.raw.sync()
    assert not eve.events()


async def test_last_item_at_login(person):
    alice = await person("alice")
    ok(await alice.publish(MOOD, payload("happy"), id="1"))
    again = await person("alice", wants=(MOOD,), resource="b")
    _, items = await again.event(MOOD)
    assert items[0].get("id") == "1"


async def test_missing_node_has_the_legacy_code(person):
    alice = await person("alice")
    answer = await alice.items_answer("eu.siacs.conversations.axolotl.devicelist")
    assert condition(answer) == "item-not-found"
    assert answer.find("{*}error").get("code") == "404"
