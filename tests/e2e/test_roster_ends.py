# SPDX-License-Identifier: MIT
"""Where a roster ends: with its account, and at its bound."""

from lib import xml
from lib.client import befriend


async def add(client, jid):
    return await client.request("set", f"<query xmlns='{xml.ROSTER}'><item jid='{jid}'/></query>")


async def test_deleted_account_leaves_no_ghost(stack, client):
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    stack.ctl("account", "delete", alice.bare)
    await bob.wait("presence", type="unsubscribed", from_=alice.bare)
    await bob.wait("presence", type="unavailable", from_=alice.full)
    await alice.wait_closed()
    assert (await bob.roster_items())[alice.bare]["subscription"] == "none"


async def test_full_roster(make_stack, client):
    make_stack(env={"LIMIT_ROSTER_ITEMS": "2"})
    alice = await client("alice")
    for name in ("a", "b"):
        assert (await add(alice, f"{name}@localhost")).get("type") == "result"
    answer = await add(alice, "c@localhost")
    assert alice.inbox.find(id=answer.get("id"), error="resource-constraint")
    alice.send_presence(pto="c@localhost", ptype="subscribe")
    await alice.wait("presence", type="error", error="resource-constraint", from_="c@localhost")
    assert set(await alice.roster_items()) == {"a@localhost", "b@localhost"}
