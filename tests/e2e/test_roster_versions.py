# SPDX-License-Identifier: MIT
"""Roster versions (RFC 6121 2.6): a client that kept its roster is sent what has changed."""

from lib import xml
from lib.client import befriend


async def roster(client, ver):
    """(ver, contacts) of the answer; None: nothing but "you are up to date"."""
    answer = await client.request("get", f"<query xmlns='{xml.ROSTER}' ver='{ver}'/>")
    assert answer.get("type") == "result"
    query = answer.find(f"{{{xml.ROSTER}}}query")
    return query if query is None else (query.get("ver"), {i.get("jid") for i in query})


async def add(client, jid):
    answer = await client.request("set", f"<query xmlns='{xml.ROSTER}'><item jid='{jid}'/></query>")
    assert answer.get("type") == "result"


async def test_is_announced(stack, raw_client):
    stack.add_account("alice")
    c = await (await raw_client()).login("alice", stack.accounts["alice@localhost"])
    assert c.features.find("{urn:xmpp:features:rosterver}ver") is not None


async def test_up_to_date_is_an_empty_answer(stack, client):
    alice = await client("alice")
    ver, contacts = await roster(alice, "")
    assert contacts == set()
    assert await roster(alice, ver) is None
    await add(alice, "bob@localhost")
    new, contacts = await roster(alice, ver)
    assert new != ver and contacts == {"bob@localhost"}
    assert await roster(alice, new) is None


async def test_pushes_carry_the_version(stack, client):
    """Also to a session that was up to date when it asked."""
    phone = await client("alice", resource="phone")
    ver, _ = await roster(phone, "")
    tablet = await client("alice", resource="tablet", presence=False)
    assert await roster(tablet, ver) is None
    await add(phone, "bob@localhost")
    seen = set()
    for c in (phone, tablet):
        push = await c.wait("iq", type="set", has=f"{{{xml.ROSTER}}}item")
        seen.add(push.find(f"{{{xml.ROSTER}}}query").get("ver"))
    assert len(seen) == 1
    assert await roster(tablet, seen.pop()) is None


async def test_subscriptions_make_versions(stack, client):
    alice, bob = await client("alice"), await client("bob")
    before = [(await roster(c, ""))[0] for c in (alice, bob)]
    await befriend(alice, bob)
    for c, ver in zip((alice, bob), before):
        assert await roster(c, ver) is not None


async def test_kept_over_kill_9(stack, client):
    alice = await client("alice")
    await add(alice, "bob@localhost")
    ver, _ = await roster(alice, "")
    stack.router.kill9()
    stack.router.start()
    stack.ready("router")
    alice = await client("alice")
    assert await roster(alice, ver) is None


async def test_account_made_anew_knows_no_old_version(stack, client):
    alice = await client("alice")
    await add(alice, "bob@localhost")
    ver, _ = await roster(alice, "")
    stack.ctl("account", "delete", "alice@localhost")
    await alice.wait_closed()
    stack.add_account("alice")
    alice = await client("alice")
    assert (await roster(alice, ver))[1] == set()
    await add(alice, "carol@localhost")
    assert (await roster(alice, ver))[1] == {"carol@localhost"}
