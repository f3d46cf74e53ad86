# SPDX-License-Identifier: MIT
"""What a client is told of its messages (XEP-0198) while the archive or the router is not there: what
is acknowledged is in the archive."""

import pytest

from lib.chaos import Person, archive_of
from lib.lasting import message
from lib.link import in_state
from lib.wait import until

BOB = "bob@localhost"


@pytest.fixture
def stack(make_stack):
    stack = make_stack(components=("archive",), env={"E2E_POLICY_CHAT": "none"})
    for user in ("alice", "bob"):
        stack.add_account(user)
    return stack


@pytest.fixture
def person(stack, raw_client):
    """await person("alice"): with XEP-0198, and here."""
    async def make(user):
        async def connect():
            return await raw_client(stack=stack)
        one = Person(connect, user, stack.accounts[f"{user}@localhost"], "localhost")
        await one.come()
        await one.say("<presence/>")
        await one.ask()
        await until(lambda: not one.waiting, one.state)
        return one
    return make


async def archived(stack, raw_client, user):
    raw = await raw_client(stack=stack)
    await raw.login(user, stack.accounts[f"{user}@localhost"], "reader")
    return [ident for _, ident in await archive_of(raw)]


async def test_resumed_while_the_archive_is_away_and_the_router_is_killed(stack, raw_client, person):
    """What <resumed/> covers is in the router's hands; it must not be gone with the router."""
    alice, bob = await person("alice"), await person("bob")
    archive = stack.components["archive"]
    archive.kill9()
    await in_state(stack, "archive.localhost", "grace")
    await alice.say(message(BOB, "m1", "<body>m1</body>"))
    await alice.ask()
    await until(lambda: any(i == "m1" for i, _ in bob.seen), bob.state)
    assert alice.waiting  # it is not acknowledged
    await alice.leave()
    assert await alice.come()
    told = not alice.waiting
    stack.router.kill9()
    stack.router.start()
    archive.start()
    stack.ready()
    if not told:
        await alice.come()
        await alice.ask()
        await until(lambda: not alice.waiting, alice.state)
    assert "m1" in await archived(stack, raw_client, "alice"), f"acknowledged by <resumed/>: {told}"
