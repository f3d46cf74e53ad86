# SPDX-License-Identifier: MIT
"""What was said while somebody was away, as profanity shows it: messages that waited, and a
conversation out of the archive that another client has had."""

import re

ALICE, BOB = "alice@localhost", "bob@localhost"


async def test_messages_that_waited(archive_stack, profanity, talker):
    alice = await talker("alice")
    archive_stack.add_account("bob")
    for n in range(3):
        await alice.say(BOB, f"while you were away {n}")
    await alice.raw.sync()
    bob = profanity("bob")
    await bob.login(BOB, archive_stack.accounts[BOB])
    bob.type(f"/msg {ALICE}")
    for n in range(3):
        await bob.wait(f"while you were away {n}")
    bob.type(f"/msg {ALICE} here I am")
    await alice.raw.wait("message", body="here I am")


async def test_a_conversation_of_another_client(archive_stack, profanity, talker):
    alice, desk = await talker("alice"), await talker("bob", "desk")
    await alice.say(BOB, "one")
    await desk.raw.wait("message", body="one")
    await desk.say(ALICE, "two")
    await alice.raw.wait("message", body="two")
    bob = profanity("bob")
    await bob.login(BOB, archive_stack.accounts[BOB])
    bob.type("/mam on")
    await bob.wait("Message Archive Management enabled")
    bob.type(f"/msg {ALICE}")
    await bob.wait("one")
    await bob.wait("two")
    results = [x for way, x in bob.traffic() if way == "RECV" and "<result" in x]
    assert len({re.search('<result id="([^"]*)"', x)[1] for x in results}) == 2
