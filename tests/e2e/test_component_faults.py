# SPDX-License-Identifier: MIT
"""Components that are not who they say, say too much or too often, or are not there."""

import asyncio
import contextlib
import fcntl
import socket
import struct

import pytest

from lib import xml
from lib.component import attach, connect, handshake
from lib.faults import closed_with, let_pass, login
from lib.raw import STREAM_TAG
from lib.wait import until

SIOCSIFADDR = 0x8916
GATE = "gate.localhost"
SECRET = "0123456789abcdef0123456789abcdef"
PAYLOAD = "<x xmlns='urn:x'/>"


def section(**settings):
    rows = {"domain": GATE, "secret": SECRET, "e2e": "exempt", **settings}
    return "component gate {\n" + "".join(f'  {k} = "{v}"\n' for k, v in rows.items()) + "}\n"


@pytest.fixture
def stack(make_stack):
    """The router, with a place for a component of ours."""
    return make_stack(components=(), conf_d=section())


def is_up(stack):
    return stack.metrics()[f'switchyard_component_up{{domain="{GATE}"}}'] == 1


# --- handshake ------------------------------------------------------------------------------------

async def test_wrong_secret(stack, raw_client, bystander):
    c = await connect(raw_client, stack, GATE)
    await handshake(c, "another secret")
    await closed_with(c, "not-authorized")
    assert not is_up(stack)
    assert SECRET not in stack.router.log


@pytest.mark.parametrize("content", ["", "0" * 40, "x" * 3000, "<deep><er/></deep>"],
                         ids=["empty", "zeros", "long", "elements"])
async def test_nonsense_for_a_handshake(stack, raw_client, bystander, content):
    c = await connect(raw_client, stack, GATE)
    await c.send(f"<handshake>{content}</handshake>")
    await closed_with(c, "not-authorized")


async def test_digest_of_another_stream(stack, raw_client, bystander):
    """The id is new for each stream: what was overheard is worth nothing."""
    first, second = [await connect(raw_client, stack, GATE) for _ in range(2)]
    assert first.header["id"] != second.header["id"]
    await handshake(second, SECRET, ident=first.header["id"])
    await closed_with(second, "not-authorized")


@pytest.mark.parametrize("domain", ["nobody.localhost", "localhost", "", "a b", "example.org"])
async def test_unknown_domain(stack, raw_client, bystander, domain):
    c = await connect(raw_client, stack, domain)
    await closed_with(c, "host-unknown")


@pytest.mark.parametrize("stanza", [
    f"<message from='{GATE}' to='bystander@localhost'>{PAYLOAD}</message>", "<hello/>",
    f"<starttls xmlns='{xml.TLS}'/>"], ids=["message", "unknown", "starttls"])
async def test_stanza_before_the_handshake(stack, raw_client, bystander, stanza):
    c = await connect(raw_client, stack, GATE)
    await c.send(stanza)
    await closed_with(c, "not-authorized")
    await bystander.sync()
    assert not bystander.inbox.find("message")


async def test_client_on_the_component_port(stack, raw_client, bystander):
    c = await raw_client(port=stack.port("COMPONENT_PORT"))
    await c.send_header()
    await closed_with(c, "invalid-namespace")


async def test_silence_before_the_handshake(stack, raw_client, bystander, clock):
    c = await connect(raw_client, stack, GATE)
    clock.advance(11)
    await closed_with(c, "connection-timeout")


def one_try(stack):
    """A wrong handshake; whether anybody cared to answer."""
    header = STREAM_TAG.format(to=f"'{GATE}'", ns=xml.COMPONENT)
    with contextlib.suppress(ConnectionError), socket.create_connection(
            ("127.0.0.1", stack.port("COMPONENT_PORT")), timeout=15) as s:
        s.sendall(f"{header}<handshake>{'0' * 40}</handshake>".encode())
        return b"not-authorized" in b"".join(iter(lambda: s.recv(4096), b""))
    return False


async def test_tries_are_limited(stack, raw_client, clock):
    """A thousand tries, thirty of which are listened to; later on, others are."""
    there = await attach(raw_client, stack, "echo.localhost", stack.component_secret("echo"))
    heard = await asyncio.to_thread(lambda: sum(one_try(stack) for _ in range(1000)))
    assert 30 <= heard < 60
    await let_pass(clock, 60)
    await attach(raw_client, stack, GATE, SECRET)
    assert not there.closed


async def test_public_address_is_refused(make_stack, raw_client, namespace):
    """Secrets and stanzas cross in the clear: private networks only."""
    with public_address("203.0.113.7"):
        stack = make_stack(components=(), conf_d=section(), env={"COMPONENT_LISTEN": "0.0.0.0"})
        c = await raw_client(host="203.0.113.7", port=stack.port("COMPONENT_PORT"))
        await c.wait_closed()
        assert not c.received
        await stack.router.wait_log("refused 203.0.113.7.*COMPONENT_ALLOW_PUBLIC")
        await attach(raw_client, stack, GATE, SECRET)  # from loopback


async def test_public_address_may_be_allowed(make_stack, raw_client, namespace):
    with public_address("203.0.113.7"):
        stack = make_stack(components=(), conf_d=section(),
                           env={"COMPONENT_LISTEN": "0.0.0.0", "COMPONENT_ALLOW_PUBLIC": "true"})
        await attach(raw_client, stack, GATE, SECRET, host="203.0.113.7")


@contextlib.contextmanager
def public_address(address):
    """On the loopback device of this worker's namespace, as lo:1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        def set_to(a):
            fcntl.ioctl(s, SIOCSIFADDR, struct.pack("16sH2x4s8x", b"lo:1", socket.AF_INET,
                                                    socket.inet_aton(a)))
        set_to(address)
        yield
        set_to("0.0.0.0")


# --- what it sends --------------------------------------------------------------------------------

@pytest.mark.parametrize("sender", ["", "localhost", "bystander@localhost", "other.localhost",
                                    f"x.{GATE}", "a@b@c"])
async def test_sender_of_another_domain(stack, raw_client, bystander, sender):
    c = await attach(raw_client, stack, GATE, SECRET)
    from_ = f" from='{sender}'" if sender else ""
    await c.send(f"<message{from_} to='{bystander.jid}'>{PAYLOAD}</message>")
    await closed_with(c, "invalid-from")
    await bystander.sync()
    assert not bystander.inbox.find("message")


async def test_any_user_of_its_domain_may_send(stack, raw_client, bystander):
    c = await attach(raw_client, stack, GATE, SECRET)
    for sender in (GATE, f"a@{GATE}", f"a@{GATE}/b", f"{GATE}/b", GATE.upper(), f"{GATE}."):
        await c.send(f"<message from='{sender}' to='{bystander.jid}'>{PAYLOAD}</message>")
    await until(lambda: len(bystander.inbox.find("message")) == 6, "six messages")


@pytest.mark.parametrize("to, condition", [(None, "bad-request"), ("a@b@c", "jid-malformed"),
                                           ("", "jid-malformed"),
                                           ("a@example.org", "remote-server-not-found")])
async def test_address_that_leads_nowhere(stack, raw_client, to, condition):
    c = await attach(raw_client, stack, GATE, SECRET)
    to = "" if to is None else f" to='{to}'"
    await c.send(f"<message id='m' from='{GATE}'{to}>{PAYLOAD}</message>")
    await c.wait("message", id="m", error=condition)


def message_of(size, to):
    empty = f"<message from='{GATE}' to='{to}'><x xmlns='urn:x'></x></message>"
    return empty.replace("></x>", ">" + "x" * (size - len(empty)) + "</x>")


async def test_largest_stanza(stack, raw_client, bystander):
    c = await attach(raw_client, stack, GATE, SECRET)
    await c.send(message_of(1 << 20, bystander.jid))
    await bystander.wait("message", from_=GATE)


async def test_one_byte_too_large(stack, raw_client, bystander):
    c = await attach(raw_client, stack, GATE, SECRET)
    await c.send(message_of((1 << 20) + 1, bystander.jid))
    await closed_with(c, "policy-violation")
    assert not is_up(stack)


@pytest.mark.parametrize("data, condition", [
    ("<a></b>", "not-well-formed"), ("<!-- -->", "restricted-xml"),
    ("<a>&x;</a>", "restricted-xml"), ("<x:a/>", "bad-namespace-prefix"),
    ("<hello/>", "unsupported-stanza-type")])
async def test_broken_xml(stack, raw_client, bystander, data, condition):
    c = await attach(raw_client, stack, GATE, SECRET)
    await c.send(data)
    await closed_with(c, condition)


async def test_flood_is_slowed_down_and_nothing_is_lost(make_stack, raw_client, clock):
    """256 KiB at 16 KiB/s behind a burst of 64 KiB; users are served meanwhile."""
    stack = make_stack(components=(), conf_d=section(rate="16k", rate_burst="64k"))
    alice = await login(stack, raw_client, "alice")
    c = await attach(raw_client, stack, GATE, SECRET)
    size = 1024
    sending = asyncio.ensure_future(c.send("".join(
        f"<message from='{i}@{GATE}' to='{alice.jid}'><x xmlns='urn:x'>{'x' * size}</x></message>"
        for i in range(256))))
    await alice.wait("message", from_=f"32@{GATE}")
    await alice.sync()
    assert len(alice.inbox.find("message")) < 64 + 64 + 32
    for _ in range(30):
        clock.advance(1)
        await alice.sync()
    await alice.wait("message", from_=f"255@{GATE}")
    await sending
    senders = [m.get("from") for m in alice.inbox.find("message")]
    assert senders == [f"{i}@{GATE}" for i in range(256)]


# --- two for one domain ---------------------------------------------------------------------------

async def reaches(bystander, c):
    """What users send to the domain comes here."""
    await bystander.send(f"<iq type='get' id='r' to='{GATE}'>{PAYLOAD}</iq>")
    await c.wait("iq", id="r")


async def test_newcomer_replaces(stack, raw_client, bystander):
    old = await attach(raw_client, stack, GATE, SECRET)
    new = await attach(raw_client, stack, GATE, SECRET)
    await closed_with(old, "conflict")
    await reaches(bystander, new)
    assert is_up(stack)


async def test_newcomer_with_a_wrong_secret_replaces_nobody(stack, raw_client, bystander):
    old = await attach(raw_client, stack, GATE, SECRET)
    new = await connect(raw_client, stack, GATE)
    await handshake(new, "wrong")
    await closed_with(new, "not-authorized")
    await reaches(bystander, old)


async def test_newcomer_is_rejected(make_stack, raw_client):
    stack = make_stack(components=(), conf_d=section(connections="reject"))
    bystander = await login(stack, raw_client, "bystander")
    old = await attach(raw_client, stack, GATE, SECRET)
    new = await connect(raw_client, stack, GATE)
    await handshake(new, SECRET)
    await closed_with(new, "conflict")
    await reaches(bystander, old)
    await old.close()
    await until(lambda: not is_up(stack), "it is away")
    await attach(raw_client, stack, GATE, SECRET)


async def test_fourth_replacement_in_a_minute_is_rejected(stack, raw_client, bystander, clock):
    """Two that throw each other out for ever: the router decides for the one that is there."""
    there = await attach(raw_client, stack, GATE, SECRET)
    for _ in range(3):
        there, before = await attach(raw_client, stack, GATE, SECRET), there
        await closed_with(before, "conflict")
    fifth = await connect(raw_client, stack, GATE)
    await handshake(fifth, SECRET)
    await closed_with(fifth, "conflict")
    await reaches(bystander, there)
    await let_pass(clock, 61)
    await attach(raw_client, stack, GATE, SECRET)
    await closed_with(there, "conflict")


# --- not there ------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["message", "iq"])
async def test_component_that_was_never_there(stack, raw_client, kind):
    alice = await login(stack, raw_client, "alice")
    type_ = " type='get'" if kind == "iq" else ""
    await alice.send(f"<{kind} to='x@{GATE}' id='m'{type_}>{PAYLOAD}</{kind}>")
    got = await alice.wait(kind, id="m", error="service-unavailable", timeout=2)
    assert got.get("from") == f"x@{GATE}"


async def test_component_that_went_away(stack, raw_client, clock):
    alice = await login(stack, raw_client, "alice")
    c = await attach(raw_client, stack, GATE, SECRET)
    await c.drop(reset=True)
    await until(lambda: not is_up(stack), "it is away")
    await alice.send(f"<message to='x@{GATE}' id='m'>{PAYLOAD}</message>")
    await alice.sync()
    assert not alice.inbox.find("message")  # it may be back in a moment
    await let_pass(clock, 31)
    await alice.wait("message", id="m", error="service-unavailable", timeout=2)


async def test_presence_for_an_absent_component_is_dropped(stack, raw_client):
    alice = await login(stack, raw_client, "alice")
    await alice.send(f"<presence to='x@{GATE}/nick' id='p'/>")
    await alice.sync()
    assert not alice.inbox.find(id="p")


async def test_component_that_does_not_read(make_stack, raw_client):
    """Its queue is bounded; who sends more is told so."""
    stack = make_stack(components=(), conf_d=section(), env={"LIMIT_SESSION_RATE": "0"})
    alice = await login(stack, raw_client, "alice")
    c = await attach(raw_client, stack, GATE, SECRET)
    c.stop_reading()
    payload = "x" * (200 << 10)
    for _ in range(150):
        await alice.send(f"<message to='x@{GATE}' id='m'><x xmlns='urn:x'>{payload}</x></message>")
    await alice.wait("message", id="m", error="resource-constraint", timeout=30)
    await alice.sync()
