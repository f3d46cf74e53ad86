# SPDX-License-Identifier: MIT
"""Resources: asked for twice, taken, too many, not valid."""

import pytest

from lib import xml
from lib.faults import closed_with, encrypted, login
from lib.wait import until


@pytest.fixture
def stack(make_stack):
    """The router alone, with an account."""
    made = make_stack(components=())
    made.add_account("alice", "alice's password")
    return made


async def test_bind_twice(stack, raw_client):
    c = await login(stack, raw_client, "alice")
    answer = await c.iq("set", f"<bind xmlns='{xml.BIND}'><resource>other</resource></bind>")
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}not-allowed") is not None
    await c.sync()


async def test_conflict_ends_the_older_session(stack, raw_client, bystander):
    """RFC 6120 7.7.2.2: a client that comes back is not locked out by its own ghost."""
    old = await login(stack, raw_client, "alice", "phone")
    new = await login(stack, raw_client, "alice", "phone")
    await closed_with(old, "conflict")
    await bystander.send(f"<message to='{new.jid}' id='m'><x xmlns='urn:x'/></message>")
    await new.wait("message", id="m")
    assert new.jid == old.jid == "alice@localhost/phone"


async def test_conflict_is_found_in_prepared_form(stack, raw_client):
    old = await login(stack, raw_client, "alice", "caf\u00e9")
    new = await login(stack, raw_client, "alice", "cafe\u0301")
    await closed_with(old, "conflict")
    await new.sync()


async def test_resources_are_limited(make_stack, raw_client):
    """Who is there stays; a place that becomes free can be taken."""
    stack = make_stack(components=(), env={"LIMIT_RESOURCES": "2"})
    first = await login(stack, raw_client, "alice", "a")
    await login(stack, raw_client, "alice", "b")
    third = await encrypted(raw_client)
    await third.sasl("alice", stack.accounts["alice@localhost"])
    bind = f"<bind xmlns='{xml.BIND}'><resource>c</resource></bind>"
    answer = await third.iq("set", bind)
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}resource-constraint") is not None
    await first.sync()
    await first.close()
    await until(lambda: stack.metrics()["switchyard_sessions"] == 1, "a place is free")
    await third.bind("c")


@pytest.mark.parametrize("resource", ["x" * 1024, "\u00e9" * 512, "a\ufffeb", "\u2028", "a\u0007b"],
                         ids=["1024-bytes", "1024-bytes-of-utf8", "noncharacter", "line-separator",
                              "bell"])
async def test_invalid_resource(stack, raw_client, resource):
    """Refused, and another one may be asked for."""
    c = await encrypted(raw_client)
    await c.sasl("alice", "alice's password")
    if resource in ("a\u0007b", "a\ufffeb"):  # no characters of XML at all
        await c.send(f"<iq type='set' id='b'><bind xmlns='{xml.BIND}'><resource>{resource}")
        await closed_with(c, "not-well-formed")
        return
    answer = await c.iq("set", f"<bind xmlns='{xml.BIND}'><resource>{resource}</resource></bind>")
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}bad-request") is not None
    assert await c.bind("fine") == "alice@localhost/fine"


async def test_longest_resource(stack, raw_client):
    c = await login(stack, raw_client, "alice", "x" * 1023)
    assert c.jid == "alice@localhost/" + "x" * 1023


async def test_empty_resource_gets_one_of_ours(stack, raw_client):
    c = await login(stack, raw_client, "alice", "")
    assert len(c.jid.partition("/")[2]) >= 8
