# SPDX-License-Identifier: MIT
"""Sessions that say nothing for a while give their parser back: nobody notices."""

import pytest

from lib.faults import closed_with, let_pass, login

NOTE = "<message to='%s' id='%s'><x xmlns='urn:x'>%s</x></message>"


@pytest.fixture
def stack(make_stack):
    """The router alone."""
    return make_stack(components=())


async def quiet(clock, seconds=60):
    """Long enough for every session that says nothing; in steps, as time passes."""
    for _ in range(seconds // 5):
        await let_pass(clock, 5)


@pytest.mark.parametrize("size", [1, 4096])
async def test_speaks_again(stack, raw_client, clock, size):
    """In one piece or byte by byte, again and again."""
    c = await login(stack, raw_client, "alice")
    for turn in ("first", "second"):
        await quiet(clock)
        await c.send_slowly(NOTE % (c.jid, turn, "&lt;\u00e9"), size)
        got = await c.wait("message", id=turn)
        assert got.findtext("{urn:x}x") == "<\u00e9"


async def test_prefixes_of_the_stream_still_hold(stack, raw_client, clock):
    """What the header declared is known to the parser that takes over."""
    c = await login(stack, raw_client, "alice")
    await quiet(clock)
    await c.send("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                 "</stream:error>")
    await c.wait_closed()
    await stack.router.wait_log("the peer says: reset")


async def test_half_a_stanza_waits_for_the_rest(stack, raw_client, clock):
    c = await login(stack, raw_client, "alice")
    text = NOTE % (c.jid, "half", "x")
    await c.send(text[:30])
    await quiet(clock)
    await c.send(text[30:])
    await c.wait("message", id="half")


async def test_white_space_is_no_stanza(stack, raw_client, clock):
    """Keepalives do not keep a parser, and do not harm one."""
    c = await login(stack, raw_client, "alice")
    for _ in range(3):
        await quiet(clock, 30)
        await c.send(" ")
    await c.sync()


async def test_limits_hold_after_it(stack, raw_client, clock):
    c = await login(stack, raw_client, "alice")
    await quiet(clock)
    await c.send(NOTE % (c.jid, "n", "<a>" * 70 + "</a>" * 70))
    await closed_with(c, "policy-violation")


async def test_ends_in_good_manners(stack, raw_client, clock):
    c = await login(stack, raw_client, "alice")
    await quiet(clock)
    await c.send("</stream:stream>")
    await c.wait_closed()
    assert c.received.rstrip().endswith(b"</stream:stream>")
