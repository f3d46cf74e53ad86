# SPDX-License-Identifier: MIT
"""Limits as settings: at the value, one above it, and turned off.  What their defaults are and do
is in test_xml_faults.py, test_login_limits.py, test_bind_faults.py and test_backpressure.py."""

import asyncio
import resource

import pytest

from lib import xml
from lib.faults import closed_with, encrypted, failure, let_pass, login
from lib.inbox import error_condition
from lib.wait import until

NOTE = "<message to='%s' id='%s'><x xmlns='urn:x'>%s</x></message>"


@pytest.fixture
async def session(make_stack, raw_client):
    """await session(LIMIT_X=...): a session at a router with these settings."""
    async def make(**env):
        stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0", **env})
        return stack, await login(stack, raw_client, "alice")
    return make


async def passes(c, payload=""):
    await c.send(NOTE % (c.jid, "n", payload))
    await c.wait("message", id="n")


async def ends(c, payload=""):
    await c.send(NOTE % (c.jid, "n", payload))
    await closed_with(c, "policy-violation")


def nested(levels):
    return "<a>" * levels + "</a>" * levels


def wide(attributes):
    return f"<a{''.join(f' b{i}={chr(34)}{chr(34)}' for i in range(attributes))}/>"


# message and x are two levels, and x has these children
SHAPES = {"LIMIT_DEPTH": (nested, 8, 6), "LIMIT_ATTRIBUTES": (wide, 8, 8),
          "LIMIT_CHILDREN": (lambda n: "<a/>" * n, 20, 20)}
DEFAULTS = {"LIMIT_DEPTH": 64, "LIMIT_ATTRIBUTES": 64, "LIMIT_CHILDREN": 4096}


@pytest.mark.parametrize("name", SHAPES)
async def test_shape(session, name):
    make, limit, most = SHAPES[name]
    _, c = await session(**{name: limit})
    await passes(c, make(most - 1))
    c.inbox.clear()
    await passes(c, make(most))
    c.inbox.clear()
    await ends(c, make(most + 1))


@pytest.mark.parametrize("name", SHAPES)
async def test_shape_without_a_limit(session, name):
    make = SHAPES[name][0]
    _, c = await session(**{name: 0})
    await passes(c, make(2 * DEFAULTS[name]))


async def test_stanza(session):
    _, c = await session(LIMIT_STANZA="2k")
    room = 2048 - len(NOTE % (c.jid, "n", ""))
    for size in (room - 1, room):
        await passes(c, "x" * size)
        c.inbox.clear()
    await ends(c, "x" * (room + 1))


PRESENCE = "<presence%s id='%s'><status>%s</status></presence>"


@pytest.mark.parametrize("to", ["", "bob@localhost", "echo.localhost", "bob"],
                         ids=["all", "account", "component", "session"])
async def test_presence(session, raw_client, to):
    """Whomever it is for; what is too long reaches nobody and does not end the stream."""
    stack, c = await session(LIMIT_PRESENCE="4k")
    bob = await login(stack, raw_client, "bob")
    await c.send("<presence/>")
    address = f" to='{bob.jid if to == 'bob' else to}'" if to else ""
    room = 4096 - len(PRESENCE % (address, "a", ""))
    for ident, more, answers in (("a", -1, 0), ("b", 0, 0), ("c", 1, 1)):
        await c.send(PRESENCE % (address, ident, "x" * (room + more)))
        await c.sync()
        errors = c.inbox.find("presence", id=ident, error="policy-violation")
        assert len(errors) == answers
        if to in ("", "bob"):
            await bob.sync()
            seen = (bob if to else c).inbox.find("presence", id=ident, type=None)
            assert len(seen) == 1 - answers
    assert errors[0].find("{jabber:client}error").get("type") == "modify"


async def test_presence_without_a_limit(session):
    _, c = await session(LIMIT_PRESENCE="0")
    await c.send(PRESENCE % ("", "a", "x" * 200000))
    await c.wait("presence", id="a", type=None)


async def test_presence_as_clients_send_it(session):
    """At the default: capabilities, an avatar, idle time, a signature of 4096 bits, a long status."""
    _, c = await session()
    signed = "iQIzBAABCgAdFiEE" + "0" * 720
    presence = (
        "<presence id='a'><show>away</show><priority>5</priority>"
        f"<status>{'gone fishing ' * 200}</status>"
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example'"
        " ver='DdnydQG7RGhP9E3k9Sf+b+bF0zo='/>"
        "<c xmlns='urn:xmpp:caps'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>"
        "RdjyAEOMtu0E5m9PdEa0N1JOBPNsPLfBHOq+TrGfLdM=</hash></c>"
        "<x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x>"
        "<idle xmlns='urn:xmpp:idle:1' since='2026-11-27T12:00:00Z'/>"
        f"<x xmlns='jabber:x:signed'>{signed}</x></presence>")
    await c.send(presence)
    await c.wait("presence", id="a", type=None)


async def test_stanza_without_a_limit(session):
    _, c = await session(LIMIT_STANZA="0", LIMIT_OUTPUT_BYTES="0")
    await passes(c, "x" * (1 << 20))


async def test_resources_without_a_limit(session, raw_client):
    stack, _ = await session(LIMIT_RESOURCES="0")
    others = [await login(stack, raw_client, "alice") for _ in range(12)]
    await others[-1].sync()
    assert stack.metrics()["switchyard_sessions"] == 13


async def test_roster_items(session):
    _, c = await session(LIMIT_ROSTER_ITEMS="3")
    add = f"<query xmlns='{xml.ROSTER}'><item jid='%s@localhost' name='%s'/></query>"
    for name in "abc":
        assert (await c.iq("set", add % (name, ""))).get("type") == "result"
    answer = await c.iq("set", add % ("d", ""))
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}resource-constraint") is not None
    assert (await c.iq("set", add % ("c", "C"))).get("type") == "result"


async def test_login_time_without_a_limit(make_stack, raw_client, clock):
    make_stack(components=(), env={"LIMIT_LOGIN_TIME": "0"})
    c = await raw_client()
    await let_pass(clock, 1000)
    await c.open_stream()


async def test_failed_logins_without_a_limit(make_stack, raw_client):
    stack = make_stack(components=(), env={"LIMIT_FAILED_LOGINS": "0"})
    stack.add_account("alice")
    for _ in range(3):
        c = await encrypted(raw_client)
        for _ in range(4):
            await c.auth("PLAIN", b"\0alice\0wrong")
            assert await failure(c) == "not-authorized"
    assert "answered late" not in stack.router.log


# --- output that waits ----------------------------------------------------------------------------

async def waiting(stack, raw_client, reader, count):
    """bob has sent `count` small messages, s0 and so on, behind a big one that the kernel would not
    take as a whole for a reader who does not read."""
    bob = await login(stack, raw_client, "bob")
    reader.stop_reading()
    left = 0
    while not left or left != queued(stack, reader):  # it stays so
        left = queued(stack, reader)
        if not left:
            await bob.send(NOTE % (reader.jid, "big", "x" * 200000))
        await bob.sync()
    await bob.send("".join(NOTE % (reader.jid, f"s{i}", "") for i in range(count)))
    await bob.sync()
    return bob


def queued(stack, c):
    return next(s["queued"] for s in stack.ctl("session", "list") if s["jid"] == c.jid)


def small(c):
    return c.inbox.find(lambda e: (e.get("id") or "").startswith("s"))


async def test_output_stanzas_at_the_value(session, raw_client):
    """The big one may wait as well, or its last piece may be on its way out."""
    stack, alice = await session(LIMIT_OUTPUT_STANZAS="100", LIMIT_OUTPUT_BYTES="1G")
    bob = await waiting(stack, raw_client, alice, 99)
    assert stack.metrics()["switchyard_sessions"] == 2
    alice.go_on_reading()
    await alice.wait("message", id="s98")
    assert [m.get("id") for m in small(alice)] == [f"s{i}" for i in range(99)]
    assert not bob.inbox.find("message")


async def test_output_stanzas_above(session, raw_client):
    """The one that is too many is answered, and so are those behind it, for the session ends."""
    stack, alice = await session(LIMIT_OUTPUT_STANZAS="100", LIMIT_OUTPUT_BYTES="1G")
    bob = await waiting(stack, raw_client, alice, 110)
    await until(lambda: stack.metrics()["switchyard_sessions"] == 1, "alice's session has ended")
    answers = [(m.get("id"), error_condition(m)) for m in small(bob)]
    assert answers[0][0] in ("s99", "s100") and answers[0][1] == "resource-constraint"
    assert small(bob)[0].find("{jabber:client}error").get("type") == "wait"
    assert answers[1:] == [(f"s{i}", "service-unavailable")
                           for i in range(int(answers[0][0][1:]) + 1, 110)]


async def test_message_above_the_bytes_is_answered(session, raw_client):
    """To a full or a bare address; an iq as well, but no headline."""
    stack, alice = await session(LIMIT_OUTPUT_BYTES="100k")
    bob = await login(stack, raw_client, "bob")
    for resource, (name, kind, to) in enumerate([
            ("message", "chat", "full"), ("message", "chat", "bare"), ("iq", "get", "full"),
            ("message", "headline", "full")]):
        alice = await login(stack, raw_client, "alice", f"r{resource}")
        await alice.send("<presence/>")
        await alice.sync()
        bob.inbox.clear()
        await bob.send(f"<{name} to='{alice.jid if to == 'full' else 'alice@localhost'}' id='b'"
                       f" type='{kind}'><x xmlns='urn:x'>{'x' * 120000}</x></{name}>")
        await bob.sync()
        found = bob.inbox.find(name, id="b", error="resource-constraint")
        assert len(found) == (0 if kind == "headline" else 1)
        await alice.wait_closed()
        assert not alice.inbox.find(name, id="b")


async def test_output_stanzas_without_a_limit(session, raw_client):
    stack, alice = await session(LIMIT_OUTPUT_STANZAS="0", LIMIT_OUTPUT_BYTES="1G")
    await waiting(stack, raw_client, alice, 6000)
    assert stack.metrics()["switchyard_sessions"] == 2
    alice.go_on_reading()
    await until(lambda: len(small(alice)) == 6000, "all have come")


async def test_output_bytes(session, raw_client):
    """A megabyte waits below the bound, and ends the session above it."""
    for bound, stay in (("8M", 2), ("200k", 1)):
        stack, alice = await session(LIMIT_OUTPUT_BYTES=bound, C2S_PORT="5222")
        bob = await login(stack, raw_client, "bob")
        alice.stop_reading()
        for _ in range(40):
            if stack.metrics()["switchyard_sessions"] < 2 or queued(stack, alice) > 1 << 20:
                break
            await bob.send(NOTE % (alice.jid, "n", "x" * 200000) * 2)
            await bob.sync()
        assert stack.metrics()["switchyard_sessions"] == stay
        stack.router.term()


# --- many -----------------------------------------------------------------------------------------

MANY, SESSIONS = 2000, 1000


@pytest.fixture
def many_files():
    """This process may have that many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 2 * MANY + 200
    if hard != resource.RLIM_INFINITY and hard < want:
        pytest.skip(f"no more than {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_thousands_of_connections(make_stack, raw_client, many_files):
    """All get their stream, whoever was there is served meanwhile, and nothing is left of them."""
    stack = make_stack(components=(), env={"LIMIT_CONNECTIONS_PER_ADDRESS": "0",
                                           "LIMIT_LOGIN_TIME": "600", "LOG_LEVEL": "info"})
    alice = await login(stack, raw_client, "alice")
    crowd = []
    for _ in range(MANY // 200):
        batch = await asyncio.gather(*(raw_client() for _ in range(200)))
        await asyncio.gather(*(c.open_stream() for c in batch))
        crowd += batch
        await alice.sync()
    assert stack.metrics()["switchyard_c2s_connections"] == MANY + 1
    await passes(alice)
    for c in crowd:
        await c.drop()
    await until(lambda: stack.metrics()["switchyard_c2s_connections"] == 1, "all are gone", 20)
    await alice.sync()


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_thousand_sessions(make_stack, raw_client, many_files):
    """Logged in, one resource each; the first has a word for everybody, and all come back."""
    stack = make_stack(components=(), env={
        "LIMIT_CONNECTIONS_PER_ADDRESS": "0", "LIMIT_RESOURCES": "0", "LIMIT_LOGIN_TIME": "600",
        "LIMIT_SESSION_RATE": "0", "LOG_LEVEL": "info"})
    crowd = []
    for _ in range(SESSIONS // 50):
        crowd += await asyncio.gather(*(login(stack, raw_client, "alice") for _ in range(50)))
    assert stack.metrics()["switchyard_sessions"] == SESSIONS
    for c in crowd:
        await crowd[0].send(NOTE % (c.jid, "word", ""))
    for c in crowd:
        await c.wait("message", id="word", timeout=60)
        await c.send(NOTE % (crowd[0].jid, "back", ""))
    await until(lambda: len(crowd[0].inbox.find("message", id="back")) == SESSIONS, "all are back", 60)
