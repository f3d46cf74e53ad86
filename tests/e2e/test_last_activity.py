# SPDX-License-Identifier: MIT
"""Last activity (XEP-0012) of accounts, and of sessions."""

import pytest

from lib.client import befriend
from lib.faults import let_pass
from lib.im import settled
from lib.wait import until

LAST = "jabber:iq:last"
QUERY = f"<query xmlns='{LAST}'/>"
ALICE = "alice@localhost"


def said(answer):
    """(seconds, status)"""
    query = answer.find(f"{{{LAST}}}query")
    assert answer.get("type") == "result" and query is not None
    return int(query.get("seconds")), query.text


async def asked(client, to, **error):
    answer = await client.request("get", QUERY, to=to)
    if error:
        assert client.inbox.find(id=answer.get("id"), **error), answer.get("type")
        return None
    return said(answer)


async def gone(stack, client):
    await client.close()
    await until(lambda: stack.metrics()["switchyard_sessions"] == 1, "one session is left")


@pytest.fixture
async def friends(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    return alice, bob


async def test_time_and_last_words(stack, friends, clock):
    alice, bob = friends
    assert await asked(bob, ALICE) == (0, None)
    alice.send_presence(ptype="unavailable", pstatus="Heading Home")
    await alice.sync()
    assert await asked(bob, ALICE) == (0, None)  # still connected
    await gone(stack, alice)
    await let_pass(clock, 100)
    seconds, status = await asked(bob, ALICE)
    assert 100 <= seconds < 160 and status == "Heading Home"


async def test_kept_over_a_restart(stack, friends, client, clock):
    alice, bob = friends
    alice.send_presence(ptype="unavailable", pstatus="bye")
    await settled(alice)
    await gone(stack, alice)
    stack.router.restart()
    stack.ready("router")
    await let_pass(clock, 50)
    bob = await client("bob")
    seconds, status = await asked(bob, ALICE)
    assert 50 <= seconds < 110 and status == "bye"


async def test_who_may_not_see_presence_learns_nothing(stack, friends, client):
    alice, _ = friends
    eve = await client("eve")
    for to in (ALICE, "nobody@localhost", alice.full):
        await asked(eve, to, error="forbidden")
    await alice.sync()
    assert not alice.inbox.find("iq", has=f"{{{LAST}}}query")


async def test_session_answers_for_itself(stack, friends):
    alice, bob = friends
    bob.send_raw(f"<iq type='get' id='idle' to='{alice.full}'>{QUERY}</iq>")
    question = await alice.wait("iq", id="idle", has=f"{{{LAST}}}query")
    alice.send_raw(f"<iq type='result' id='idle' to='{question.get('from')}'>"
                   f"<query xmlns='{LAST}' seconds='123'/></iq>")
    assert said(await bob.wait("iq", type="result", id="idle")) == (123, None)


async def test_account_that_was_never_used(stack, friends, client):
    """Its friend was one before it was deleted and made anew; nobody sees what was."""
    alice, bob = friends
    stack.ctl("account", "delete", ALICE)
    await alice.wait_closed()
    stack.add_account("alice")
    await asked(bob, ALICE, error="forbidden")
    own = await client("alice")
    assert await asked(own, ALICE) == (0, None)
