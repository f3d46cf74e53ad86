# SPDX-License-Identifier: MIT
"""One stanza to many on an acknowledged link: it is one stanza there, waits for nobody, and what
waits of it outlives who sent it."""

import os

import pytest

from lib import xml
from lib.faults import let_pass
from lib.link import connect, enabled, in_state
from lib.wait import until
from test_fanout import GATE, NICK, NS, OTHER, SAID, SECRET, section


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d={"1.conf": section("gate"), "2.conf": section("other")})


@pytest.fixture
async def gate(stack, raw_client):
    return await enabled(raw_client, stack, GATE, SECRET)


async def fan(link, *to, ident="x"):
    await link.raw.send(f"<message from='{GATE}' to='localhost' id='{ident}'><fanout xmlns='{NS}'>{SAID}"
                        + "".join(f"<to jid='{jid}'/>" for jid in to) + "</fanout></message>")


async def test_it_is_offered(stack, raw_client):
    link = await connect(raw_client, stack, GATE, SECRET)
    assert link.raw.features.find(f"{{{NS}}}fanout") is not None


async def test_it_counts_as_one(client, gate):
    alice = await client("alice", resource="phone")
    await fan(gate, *[alice.full] * 3, "alice@localhost/gone")
    await gate.raw.wait("message", id="m", error="service-unavailable", to=NICK)
    assert await gate.handled() == 1
    await alice.sync()
    assert len(alice.inbox.find("message", id="m")) == 3


async def test_no_link_waits_for_another(stack, raw_client, client, gate):
    """What stands in the queue of a component that is away is handled; it gets it when it is back."""
    alice = await client("alice", resource="phone")
    other = await enabled(raw_client, stack, OTHER, SECRET)
    await other.cut()
    await in_state(stack, OTHER, "grace")
    await fan(gate, f"x@{OTHER}", alice.full, f"y@{OTHER}")
    await alice.wait("message", id="m")
    assert await gate.handled() == 1
    back = await connect(raw_client, stack, OTHER, SECRET)
    await back.resume(other.id, 0)
    await until(lambda: len(back.ids()) == 2, "both copies")
    assert [m.get("to") for m in back.raw.inbox.find("message")] == [f"x@{OTHER}", f"y@{OTHER}"]


async def test_it_is_not_repeated_by_a_resumption(stack, raw_client, client, gate):
    alice = await client("alice", resource="phone")
    await fan(gate, alice.full)
    await alice.wait("message", id="m")
    await gate.cut()
    await in_state(stack, GATE, "grace")
    back = await connect(raw_client, stack, GATE, SECRET)
    assert (await back.resume(gate.id, 0)).get("h") == "1"
    await fan(back, alice.full)
    await until(lambda: len(alice.inbox.find("message", id="m")) == 2, "the second one")
    assert await back.handled() == 2


async def test_copies_outlive_their_sender(stack, raw_client, client, clock, gate):
    """The component is taken out of the configuration while others still have copies of its own."""
    alice = await client("alice", resource="phone")
    other = await enabled(raw_client, stack, OTHER, SECRET)
    await other.cut()
    await in_state(stack, OTHER, "grace")
    await fan(gate, f"x@{OTHER}", f"y@{OTHER}")
    assert await gate.handled() == 1
    os.unlink(os.path.join(stack.conf_dir, "1.conf"))
    stack.ctl("reload")
    await gate.raw.wait(f"{{{xml.STREAM}}}error")
    await let_pass(clock, 31)
    await in_state(stack, OTHER, "away")
    await alice.sync()
