# SPDX-License-Identifier: MIT
"""Two people with profanity in a room: made, joined, talking where the operator allows plaintext,
refused in the clear where not, kicked, gone."""

import re

import pytest

ALICE, BOB = "alice@localhost", "bob@localhost"
ROOM = "room@conference.localhost"
SHED, LANTERN = "the ladder is behind the shed", "bring the lantern"


@pytest.fixture
def two_online(make_stack, profanity):
    """stack, alice, bob = await two_online(env)"""
    async def login(stack, jid):
        name = jid.partition("@")[0]
        stack.add_account(name)
        return await profanity(name).login(jid, stack.accounts[jid])

    async def make(env):
        stack = make_stack(components=("muc",), env=env)
        return stack, await login(stack, ALICE), await login(stack, BOB)

    return make


@pytest.fixture
def two_in(two_online):
    """stack, alice, bob = await two_in(env): alice has made the room, bob has joined it."""
    async def make(env):
        stack, alice, bob = await two_online(env)
        await open_locked(alice, "alice")
        await accept_defaults(alice)
        await join(bob, "bob")
        await alice.wait("-> bob has joined the room")
        return stack, alice, bob

    return make


async def open_locked(p, nick):
    p.type("/presence room all")  # by default it does not tell who comes and goes
    await p.wait("All presence updates will appear in chat room windows")
    p.type(f"/join {ROOM} nick {nick}")
    await p.wait(f"You have joined the room as {nick}, role: moderator, affiliation: owner")
    await p.wait("Room locked, requires configuration")


async def accept_defaults(p):
    p.type("/room accept")
    await p.wait("Room unlocked")


async def join(p, nick):
    p.type(f"/join {ROOM} nick {nick}")
    await p.wait(f"You have joined the room as {nick}, role: participant, affiliation: none")


async def set_subject(alice, bob, subject):
    """Once both have it, what the room sent before it is on their screens and in their logs."""
    alice.type(f'/subject set "{subject}"')
    for p in alice, bob:
        await p.wait(rf"\*alice has set the room subject: {subject}")
        await p.wait_traffic("RECV", f"<subject>{subject}</subject>")


def bodies_from(stanzas, occupant):
    """Of what the room has passed on from it."""
    return [m.group(1) for x in stanzas
            if f'from="{ROOM}/{occupant}"' in x and (m := re.search(r"<body>(.*?)</body>", x))]


def received(p):
    return [x for way, x in p.traffic() if way == "RECV" and x.startswith("<message")]


async def test_talk_in_the_clear_where_it_is_allowed(two_in):
    _, alice, bob = await two_in({"E2E_POLICY_MUC": "none"})
    alice.type(SHED)
    await bob.wait(f"alice: {SHED}")
    bob.type(LANTERN)
    await alice.wait(f"bob: {LANTERN}")
    await set_subject(alice, bob, "Tools")
    # Its own words profanity shows as it sends them; that they came back is in its log.
    for p in alice, bob:
        assert bodies_from(received(p), "alice") == [SHED]
        assert bodies_from(received(p), "bob") == [LANTERN]


async def test_refused_while_the_room_is_locked_and_let_in_afterwards(two_online):
    _, alice, bob = await two_online({})
    await open_locked(alice, "alice")
    bob.type(f"/join {ROOM} nick bob")
    await bob.wait(f"Error joining room {ROOM}, reason: item-not-found")
    await accept_defaults(alice)
    await join(bob, "bob")
    await alice.wait("-> bob has joined the room")


async def test_kicked_back_with_the_history_and_gone(two_in):
    _, alice, bob = await two_in({"E2E_POLICY_MUC": "none"})
    alice.type(SHED)
    await bob.wait(f"alice: {SHED}")
    await set_subject(alice, bob, "Tools")

    alice.type('/kick bob "enough said"')
    await alice.wait("<- bob has been kicked from the room by alice, reason: enough said")
    await bob.wait(f"<- Kicked from {ROOM} by alice, reason: enough said")

    await join(bob, "bob")
    await bob.wait(f"alice: {SHED}")
    await bob.wait("room subject: Tools")
    bob.type(LANTERN)
    await alice.wait(f"bob: {LANTERN}")

    bob.type("/close")
    await alice.wait("<- bob has left the room")


async def test_words_in_the_clear_are_refused_with_the_reason(two_in):
    stack, alice, bob = await two_in({})
    for p, words in (alice, SHED), (bob, LANTERN):
        p.type(words)
        await p.wait(rf"Error from {ROOM}: This server requires end-to-end encryption in rooms")
        await p.wait("not delivered")
    await set_subject(alice, bob, "Tools")
    assert LANTERN not in alice.screen() and SHED not in bob.screen()
    for p in alice, bob:
        assert not bodies_from(received(p), "alice") and not bodies_from(received(p), "bob")
    for words in (SHED, LANTERN):
        assert words not in stack.router.log + stack.components["muc"].log
