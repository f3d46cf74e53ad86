# SPDX-License-Identifier: MIT
"""Clients that do not read, and clients that send more than their share: memory stays bounded,
nothing is lost without a word, the others notice nothing."""

import asyncio
import re

import pytest

from lib import xml
from lib.faults import login, unavailable_from
from lib.process import SANITIZER_ENV
from lib.wait import until

KIB, MIB = 1 << 10, 1 << 20
# AddressSanitizer keeps what was freed for a while: little of it, so that memory can be measured.
ASAN = SANITIZER_ENV["ASAN_OPTIONS"] + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
PING = f"<iq type='get' id='%d' to='localhost'><ping xmlns='{xml.PING}'/></iq>"


def note(to, size, ident):
    return f"<message to='{to}' id='{ident}'><x xmlns='urn:x'>{'x' * size}</x></message>"


def resident(process):
    """Bytes of memory."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1]) * KIB


async def send_in_order(c, to, count, size):
    for i in range(count):
        await c.send(note(to, size, f"m{i}"))


# --- who does not read ----------------------------------------------------------------------------

async def stuffed(make_stack, raw_client, total, size, **env):
    """Alice reads no more, bob has sent her `total` bytes; (stack, alice, bob)."""
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0", "ASAN_OPTIONS": ASAN, **env})
    alice = await login(stack, raw_client, "alice")
    await alice.send("<presence/>")
    await alice.sync()
    bob = await login(stack, raw_client, "bob")
    alice.stop_reading()
    stack.before = resident(stack.router)
    await send_in_order(bob, alice.jid, total // size, size)
    await bob.sync()
    return stack, alice, bob


async def test_client_that_does_not_read_is_closed(make_stack, raw_client):
    """Once its queue is full; what was not delivered is answered."""
    stack, alice, bob = await stuffed(make_stack, raw_client, 24 * MIB, 64 * KIB)
    bounced = bob.inbox.find("message", error="service-unavailable")
    assert bounced and bounced[-1].get("id") == f"m{24 * MIB // (64 * KIB) - 1}"
    assert stack.metrics()["switchyard_sessions"] == 1
    assert re.search(rf"connection ended.*{re.escape(alice.jid)}|{re.escape(alice.jid)}.*ended",
                     stack.router.log)


async def test_memory_is_bounded(make_stack, raw_client):
    stack, _, bob = await stuffed(make_stack, raw_client, 48 * MIB, 64 * KIB)
    await bob.sync()
    assert resident(stack.router) - stack.before < 16 * MIB


async def test_queue_is_bounded_by_number(make_stack, raw_client):
    """Small stanzas cost more than their bytes."""
    stack, _, bob = await stuffed(make_stack, raw_client, 12 * MIB, 1500,
                                  LIMIT_OUTPUT_STANZAS="100", LIMIT_OUTPUT_BYTES="1G")
    assert bob.inbox.find("message", error="service-unavailable")
    await stack.router.wait_log("resource-constraint")


async def test_others_are_served_meanwhile(make_stack, raw_client):
    stack, _, bob = await stuffed(make_stack, raw_client, 3 * MIB, 16 * KIB)
    carol = await login(stack, raw_client, "carol")
    await carol.send(note(bob.jid, 10, "hi"))
    await bob.wait("message", id="hi")
    await carol.sync()


async def test_contacts_see_that_it_has_gone(make_stack, raw_client):
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0"})
    alice = await login(stack, raw_client, "alice")
    bob = await login(stack, raw_client, "bob")
    await alice.send(f"<presence/><presence to='{bob.jid}'/>")
    await bob.wait("presence", from_=alice.jid)
    alice.stop_reading()
    await send_in_order(bob, alice.jid, 24 * MIB // (64 * KIB), 64 * KIB)
    await bob.wait(unavailable_from(alice.jid))


async def test_slow_reader_stays(make_stack, raw_client):
    """Its queue is never empty and never full, and more goes through it than it may ever hold."""
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0", "LIMIT_OUTPUT_BYTES": "1G",
                                           "LIMIT_OUTPUT_STANZAS": "100"})
    alice = await login(stack, raw_client, "alice")
    bob = await login(stack, raw_client, "bob")
    alice.stop_reading()
    await send_in_order(bob, alice.jid, 80, 200 * KIB)
    await bob.sync()
    assert queued(stack, alice) > 4 * MIB
    alice.go_on_reading()
    for i in range(80, 300):
        await alice.wait("message", id=f"m{i - 80}")
        await bob.send(note(alice.jid, 200 * KIB, f"m{i}"))
    await alice.wait("message", id="m299")
    assert not bob.inbox.find("message")


def queued(stack, c):
    """Bytes that the router holds for this session."""
    return next(s["queued"] for s in stack.ctl("session", "list") if s["jid"] == c.jid)


async def test_long_asking_loses_no_answer(make_stack, raw_client):
    """Thirty thousand questions before the first answer is read."""
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0"})
    c = await login(stack, raw_client, "alice")
    c.stop_reading()
    asyncio.get_running_loop().call_later(1, c.go_on_reading)
    for start in range(0, 30000, 500):
        await c.send("".join(PING % i for i in range(start, start + 500)))
    await c.wait("iq", id="29999", timeout=40)
    answered = [e.get("id") for e in c.inbox.find("iq", type="result") if e.get("id").isdigit()]
    assert answered == [str(i) for i in range(30000)]


async def test_answers_wait_for_who_asks(make_stack, raw_client):
    """Who asks without reading the answers is not read from: its requests wait on its own side."""
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0", "ASAN_OPTIONS": ASAN})
    c = await login(stack, raw_client, "alice")
    c.stop_reading()
    before = resident(stack.router)

    async def ask():
        for start in range(0, 200000, 1000):
            await c.send("".join(PING % i for i in range(start, start + 1000)))
    asking = asyncio.ensure_future(ask())
    handled = -1
    while (now := stack.metrics().get('switchyard_stanzas_total{kind="iq"}', 0)) != handled:
        handled = now
        await asyncio.sleep(0.5)
    assert not asking.done() and handled < 200000
    assert resident(stack.router) - before < 16 * MIB
    assert stack.metrics()["switchyard_sessions"] == 1
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


# --- who sends too much ---------------------------------------------------------------------------

@pytest.fixture
def stack(make_stack):
    """Sessions may send 16 KiB/s behind a burst of 64 KiB."""
    return make_stack(components=(),
                      env={"LIMIT_SESSION_RATE": "16k", "LIMIT_SESSION_BURST": "64k"})


def received(c):
    return [m.get("id") for m in c.inbox.find("message", has="{urn:x}x")]


async def test_flood_is_slowed_down_and_nothing_is_lost(stack, raw_client, bystander, clock):
    """256 KiB at 16 KiB/s behind a burst of 64 KiB: twelve seconds, in order."""
    c = await login(stack, raw_client, "alice")
    sending = asyncio.ensure_future(send_in_order(c, bystander.jid, 256, KIB))
    await bystander.wait("message", id="m32")
    await asyncio.sleep(0.5)
    # The burst, what one read may bring beyond it, and half a second.
    assert len(received(bystander)) < 64 + 64 + 32
    for _ in range(30):
        clock.advance(1)
        await bystander.sync()
    await bystander.wait("message", id="m255")
    await sending
    assert received(bystander) == [f"m{i}" for i in range(256)]


async def test_flood_does_not_slow_the_others(stack, raw_client, bystander):
    c = await login(stack, raw_client, "alice")
    sending = asyncio.ensure_future(send_in_order(c, bystander.jid, 4096, KIB))
    await bystander.wait("message", id="m32")
    carol = await login(stack, raw_client, "carol")
    for i in range(20):
        await carol.send(note(bystander.jid, 10, f"c{i}"))
        await bystander.wait("message", id=f"c{i}", timeout=3)
    assert len(received(bystander)) < 4096 + 20  # the flood is not over
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_flood_may_end_at_any_time(stack, raw_client, bystander):
    """The connection ends while reading rests: no message comes afterwards, nothing is left."""
    c = await login(stack, raw_client, "alice")
    sending = asyncio.ensure_future(send_in_order(c, bystander.jid, 200, KIB))
    await asyncio.wait({sending}, timeout=1)
    await c.drop(reset=True)
    await until(lambda: stack.metrics()["switchyard_sessions"] == 1, "alice's session has ended")


async def test_one_burst_ends_nobody_else(make_stack, raw_client):
    """Small stanzas from a long address are more for the recipient than they were for the sender,
    who is charged for that: a burst does not fill the queue of who does not read for a moment."""
    stack = make_stack(components=())
    alice = await login(stack, raw_client, "alice")
    bob = await login(stack, raw_client, "bob", "r" * 1023)
    alice.stop_reading()
    sending = asyncio.ensure_future(bob.send(f"<message to='{alice.jid}'/>" * 20000))
    routed, now = -1000, 0
    while now - routed > 500:
        await asyncio.sleep(1)
        routed, now = now, stack.metrics().get('switchyard_stanzas_total{kind="message"}', 0)
    alice.go_on_reading()
    await alice.sync()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
