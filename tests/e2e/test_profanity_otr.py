# SPDX-License-Identifier: MIT
"""Two people with profanity: over TLS, contacts, refused in the clear, talking over OTR."""

import re

from lib.seen import files_with
from lib.wait import until

ALICE, BOB = "alice@localhost", "bob@localhost"


def bodies(stanzas):
    return [m.group(1) for x in stanzas if (m := re.search(r"<body>(.*?)</body>", x, re.DOTALL))]


async def become_contacts(alice, bob):
    alice.type(f"/sub request {BOB}")
    await bob.wait(f"Received authorization request from {ALICE}")
    bob.type(f"/sub allow {ALICE}")
    await alice.wait(f"Subscription received from {BOB}")
    bob.type(f"/sub request {ALICE}")
    # alice has been asked once bob's request is on her wire.
    await alice.wait_traffic("RECV", r'<presence (?=[^>]*type="subscribe")(?=[^>]*from="bob@)')
    alice.type(f"/sub allow {BOB}")
    await bob.wait(f"Subscription received from {ALICE}")
    await bob.wait(rf"\+\+ {ALICE} \(profanity\.\w+\) is online")
    await alice.wait(rf"\+\+ {BOB} \(profanity\.\w+\) is online")


async def start_otr(alice, bob):
    alice.type("/otr start")
    await alice.wait("OTR session started")
    bob.type(f"/msg {ALICE}")
    await bob.wait("OTR session started")


async def test_contacts_refusal_and_otr(stack, profanity, client):
    for name in ("alice", "bob"):
        stack.add_account(name)
    alice, bob = profanity("alice"), profanity("bob")
    await alice.login(ALICE, stack.accounts[ALICE])
    await bob.login(BOB, stack.accounts[BOB])
    # Another resource of bob's with the priority of profanity's: it gets what is sent to bob.
    witness = await client("bob", resource="witness")
    for p in (alice, bob):
        p.type("/otr gen")
        await p.wait("Private key generation complete")
    await become_contacts(alice, bob)

    alice.type(f"/msg {BOB} quite in the clear")
    await alice.wait("This server requires end-to-end encryption")
    await witness.sync()
    assert not witness.inbox.find("message")

    await start_otr(alice, bob)
    alice.type("the ladder is behind the shed")
    await bob.wait(rf"{ALICE}\S*: the ladder is behind the shed")
    bob.type("bring the lantern")
    await alice.wait(rf"{BOB}\S*: bring the lantern")

    sent = bodies(await alice.wait_traffic("SENT", "<message"))
    assert sent[0] == "quite in the clear"
    assert re.match(r"\?OTR\?v2\? This user has requested an Off-the-Record", sent[1])
    assert all(b.startswith("?OTR:") for b in sent[2:] + bodies(await bob.wait_traffic(
        "SENT", "<message")))
    await until(lambda: len(witness.inbox.find("message")) == len(sent) - 1, "all that was sent")
    assert [m.findtext("{jabber:client}body") for m in witness.inbox.find("message")] == sent[1:]
    for words in ("quite in the clear", "behind the shed", "lantern"):
        assert words not in stack.router.log
        assert not files_with(words, stack.data_dir)


async def test_certificate_of_a_stranger_is_not_trusted(stack, profanity):
    """The login above was over TLS that had been verified: without our CA, profanity asks."""
    stack.add_account("alice")
    alice = profanity("alice", ca_file=None)
    await alice.connect(ALICE, stack.accounts[ALICE])
    await alice.wait("TLS certificate verification failed")
    assert "logged in" not in alice.screen()
