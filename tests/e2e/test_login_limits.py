# SPDX-License-Identifier: MIT
"""How often, how fast and how slowly somebody may try to log in, and from how many connections."""

import contextlib

import pytest

from lib import xml
from lib.faults import closed_with, encrypted, failure, let_pass, login, sasl
from lib.wait import until


@pytest.fixture
def stack(make_stack):
    """The router alone, with an account to guess the password of."""
    made = make_stack(components=())
    made.add_account("alice", "alice's password")
    return made


async def test_five_failures_end_the_connection(bystander, raw_client):
    c = await encrypted(raw_client)
    for _ in range(4):
        await c.send(sasl("abort"))
        assert await failure(c) == "aborted"
    await c.send(sasl("abort"))
    assert await c.stream_error() == "policy-violation"
    await c.wait_closed()
    assert b"<aborted" in c.received


async def guess(c, user="alice", password="wrong"):
    await c.auth("PLAIN", f"\0{user}\0{password}".encode())


async def use_up(raw_client, user, host="127.0.0.1"):
    """A minute's worth of wrong passwords."""
    c = await encrypted(raw_client, host=host)
    for _ in range(4):
        await guess(c, user)
        assert await failure(c) == "not-authorized"
    await c.drop()
    c = await encrypted(raw_client, host=host)
    await guess(c, user)
    assert await failure(c) == "not-authorized"
    await c.drop()


async def is_delayed(stack, c, clock, mark):
    """No answer for two seconds of the router's clock after it knew the outcome, and then one."""
    await stack.router.wait_log("answered late", mark)
    await let_pass(clock, 2)
    held = not c.inbox.find(lambda e: e.tag.startswith(f"{{{xml.SASL}}}"))
    clock.advance(3)
    await c.wait(lambda e: e.tag.startswith(f"{{{xml.SASL}}}"))
    return held


async def test_address_that_guesses_is_delayed(stack, bystander, raw_client, clock):
    """Also with the right password: else silence would tell that the guess was wrong."""
    for user in ("alice", "nobody"):
        c = await encrypted(raw_client)
        for _ in range(3):
            await guess(c, user)
            assert await failure(c) == "not-authorized"
        await c.drop()
    c = await encrypted(raw_client)
    mark = stack.router.mark()
    await guess(c, "alice", "alice's password")
    assert await is_delayed(stack, c, clock, mark)
    await c.wait("success")


async def test_account_that_is_guessed_is_delayed(stack, raw_client, clock):
    """From wherever the guesses come: the account counts as well."""
    await use_up(raw_client, "alice", host="127.0.0.1")
    c = await encrypted(raw_client, host="::1")
    mark = stack.router.mark()
    await guess(c, "alice", "alice's password")
    assert await is_delayed(stack, c, clock, mark)
    await c.wait("success")


async def test_many_connections_are_no_faster(make_stack, raw_client, clock):
    """Of twenty at once, three are answered after three seconds and one every three after that."""
    stack = make_stack(components=(), env={"LIMIT_LOGIN_TIME": "600"})
    await use_up(raw_client, "nobody")
    crowd = [await encrypted(raw_client) for _ in range(20)]
    for c in crowd:
        mark = stack.router.mark()
        await guess(c)
        await stack.router.wait_log("login failed", mark)

    def answers(condition):
        return sum(bool(c.inbox.find("failure", has=f"{{{xml.SASL}}}{condition}")) for c in crowd)

    await until(lambda: answers("temporary-auth-failure") >= 11, "there is no room for so many")
    refused = answers("temporary-auth-failure")
    assert answers("not-authorized") == 0
    await let_pass(clock, 3)
    await until(lambda: answers("not-authorized") >= 3, "the first ones")
    await let_pass(clock, 6)
    await until(lambda: answers("not-authorized") >= 5, "two more")
    assert answers("not-authorized") < 8
    await let_pass(clock, 15)
    await until(lambda: answers("not-authorized") == 20 - refused, "the last one")


async def test_other_address_and_account_are_not_delayed(stack, raw_client):
    await use_up(raw_client, "nobody", host="127.0.0.1")
    c = await encrypted(raw_client, host="::1")
    await c.sasl("alice", "alice's password")


async def test_delay_is_over_after_a_minute(stack, raw_client, clock):
    await use_up(raw_client, "alice")
    await let_pass(clock, 61)
    c = await encrypted(raw_client)
    await c.sasl("alice", "alice's password")


async def test_silent_connection_is_closed(stack, bystander, raw_client, clock):
    c = await raw_client()
    await bystander.sync()
    clock.advance(29)
    await bystander.sync()
    assert not c.closed
    clock.advance(1.5)
    await closed_with(c, "connection-timeout")


@pytest.mark.parametrize("stage", ["header", "tls", "sasl", "bind"])
async def test_login_that_stops_is_closed(stack, bystander, raw_client, clock, stage):
    """Whatever has been said by then."""
    c = await raw_client()
    await c.open_stream()
    if stage == "tls":
        await c.send(f"<starttls xmlns='{xml.TLS}'/>")
        await c.wait("proceed")
    elif stage != "header":
        await c.start_tls()
        await c.open_stream()
    if stage == "bind":
        await c.sasl("alice", "alice's password")
    clock.advance(31)
    await c.wait_closed()


async def test_silent_direct_tls_is_closed(stack, bystander, raw_client, clock):
    c = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await bystander.sync()
    clock.advance(31)
    await c.wait_closed()


async def test_trickle_is_closed(stack, bystander, raw_client, clock):
    """A byte now and then buys no time."""
    c = await raw_client()
    with contextlib.suppress(OSError):
        for byte in b"<?xml version='1.0'?><stream:stream":
            await c.send(bytes([byte]))
            clock.advance(1)
            await bystander.sync()
            if c.closed:
                break
    await closed_with(c, "connection-timeout")
    assert clock.ahead <= 35


async def test_session_may_be_silent(stack, bystander, raw_client, clock):
    """The time to log in ends with the login."""
    c = await login(stack, raw_client, "alice")
    await let_pass(clock, 300)
    await bystander.sync()
    await c.sync()


async def test_too_many_connections_from_one_address(make_stack, raw_client, client):
    stack = make_stack(components=(), env={"LIMIT_CONNECTIONS_PER_ADDRESS": "3"})
    first = [await raw_client() for _ in range(3)]
    for c in first:
        await c.open_stream()
    fourth = await raw_client()
    await fourth.wait_closed()
    assert not fourth.received
    elsewhere = await raw_client(host="::1")
    await elsewhere.open_stream()
    assert stack.metrics()["switchyard_c2s_refused_total"] == 1
    await first[0].close()
    await until(lambda: stack.metrics()["switchyard_c2s_connections"] == 3, "one place is free")
    await (await raw_client()).open_stream()
