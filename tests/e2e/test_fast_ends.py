# SPDX-License-Identifier: MIT
"""What ends a token (XEP-0484), and what does not: time, its client, its account's owner, an
operator, the router's end, and a disk that cannot be written."""

import asyncio
import base64
import contextlib
import os
import sqlite3

import pytest

from lib import fast, sasl2
from lib.disk import no_commits, unwritable
from lib.fast import EXPR, LAPTOP, agent, given, request, token_in
from lib.sasl2_fixtures import ALICE, fresh, shown, stack, token  # noqa: F401: fixtures
from lib.faults import encrypted, let_pass, login
from lib.sasl2 import authenticate, bind, failed_with, identity
from lib.scram import ScramClient
from lib.seen import assert_unseen
from lib.stack import CtlError

DAY = 86400


def kept(stack):
    """How many tokens the database knows of."""
    path = os.path.join(stack.data_dir, "router.sqlite")
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT count(*) FROM fast_token").fetchone()[0]


async def refused(shown, text, **how):
    return failed_with(await shown(text, **how)) == "not-authorized"


# --- time -----------------------------------------------------------------------------------------

async def test_expiry(token, shown, clock):
    """Who has it may know that it is too old (XEP-0484 5.2), and nobody else."""
    text = await token()
    await let_pass(clock, 21 * DAY - 60)
    assert identity(await shown(text)) == ALICE
    await let_pass(clock, 61)
    assert failed_with(await shown(text)) == "credentials-expired"
    assert failed_with(await shown("x")) == "not-authorized"


async def test_what_has_expired_is_removed(stack, token, shown, clock):
    for n in range(3):
        await token(ident=f"client {n}")
    await let_pass(clock, 22 * DAY)
    await token(user="bob")
    assert kept(stack) == 1
    assert await refused(shown, "x", ident="client 1")


async def test_lifetime_is_a_setting(stack, raw_client, token, shown, clock):
    """Also while it runs, and 0 turns all of it off."""
    text = await token()
    await stack.router.reload("fast_token_ttl = 1h\n")
    short = await token(ident=LAPTOP)
    await stack.router.reload("fast_token_ttl = 0\n")
    raw = await encrypted(raw_client)
    assert fast.offered(raw) is None
    assert failed_with(await fast.show(raw, "alice", text)) == "invalid-mechanism"
    success = await authenticate(raw, "alice", stack.accounts[ALICE], agent() + request())
    assert given(success) is None
    await stack.router.reload("")
    await let_pass(clock, 3601)
    assert identity(await shown(text)) == ALICE
    assert failed_with(await shown(short, ident=LAPTOP)) == "credentials-expired"


async def test_a_shorter_life_ends_with_the_use_of_a_longer_one(stack, token, shown):
    """XEP-0484 3.5: with the use of a token those of the client that end before it are gone."""
    old = await token()
    assert identity(await shown(old)) == ALICE
    await stack.router.reload("fast_token_ttl = 1h\n")
    new = await token()
    assert identity(await shown(old)) == ALICE
    assert await refused(shown, new)


# --- the client -----------------------------------------------------------------------------------

@pytest.mark.parametrize("yes", ["true", "1"])
async def test_invalidated(token, shown, clock, yes):
    """At the login that says so, which succeeds and gives no other one though it is due."""
    text, other = await token(), await token(ident=LAPTOP)
    await let_pass(clock, DAY + 60)
    success = await shown(text, attributes=f"invalidate='{yes}'", inline=bind())
    assert identity(success).startswith(ALICE) and given(success) is None
    assert await refused(shown, text)
    assert identity(await shown(other, ident=LAPTOP)) == ALICE


async def test_not_invalidated(token, shown):
    """By a login that fails, or that does not say so."""
    text = await token()
    assert failed_with(await shown("x", attributes="invalidate='true'")) == "not-authorized"
    assert identity(await shown(text, attributes="invalidate='false'")) == ALICE
    assert identity(await shown(text)) == ALICE


async def test_invalidated_for_another(token, shown):
    text = await token()
    new = token_in(await shown(text, attributes="invalidate='true' count='3'",
                               inline=request(EXPR)))
    assert await refused(shown, text)
    assert identity(await shown(new, mechanism=EXPR)) == ALICE


async def test_invalidated_with_a_count_that_was_used(token, shown):
    text = await token()
    assert identity(await shown(text, attributes="count='3'")) == ALICE
    assert await refused(shown, text, attributes="invalidate='true' count='3'")
    assert identity(await shown(text)) == ALICE


@pytest.mark.parametrize("most", [16, 3])
async def test_only_so_many_clients(stack, token, shown, most):
    """Who got a token longest ago loses it; other accounts do not."""
    if most != 16:
        await stack.router.reload(f"limit_fast_clients = {most}\n")
    bobs = await token(user="bob")
    clients = {f"client {n}": await token(ident=f"client {n}") for n in range(most)}
    for ident in ("client 1", "client 0"):
        assert identity(await shown(clients[ident], ident=ident)) == ALICE
    clients["one more"] = await token(ident="one more")
    assert await refused(shown, clients["client 0"], ident="client 0")
    for ident in ("client 1", f"client {most - 1}", "one more"):
        assert identity(await shown(clients[ident], ident=ident)) == ALICE
    assert identity(await shown(bobs, user="bob")) == "bob@localhost"
    assert kept(stack) == most + 1


# --- the account ----------------------------------------------------------------------------------

async def own_iq(stack, raw_client, inner):
    c = await login(stack, raw_client, "alice")
    return await c.iq("set", f"<query xmlns='jabber:iq:register'>{inner}</query>")


async def test_password_changed_by_an_operator(stack, token, shown):
    text, laptop, bobs = await token(), await token(ident=LAPTOP), await token(user="bob")
    stack.change_password(ALICE, "another one")
    assert await refused(shown, text)
    assert await refused(shown, laptop, ident=LAPTOP)
    assert identity(await shown(bobs, user="bob")) == "bob@localhost"
    assert identity(await shown(await token())) == ALICE


async def test_password_changed_by_its_owner(stack, raw_client, token, shown):
    text = await token()
    answer = await own_iq(stack, raw_client,
                          "<username>alice</username><password>another one</password>")
    assert answer.get("type") == "result"
    assert await refused(shown, text)


async def test_a_change_that_failed(stack, token, shown):
    text = await token()
    with pytest.raises(CtlError):
        stack.change_password(ALICE, "\u0007")
    assert identity(await shown(text)) == ALICE


async def test_disabled_and_enabled(stack, token, shown):
    text = await token()
    stack.ctl("account", "disable", ALICE)
    assert await refused(shown, text)
    stack.ctl("account", "enable", ALICE)
    assert await refused(shown, text)
    assert identity(await shown(await token())) == ALICE


@pytest.mark.parametrize("way", ["operator", "owner"])
async def test_deleted(stack, raw_client, token, shown, way):
    """And made again."""
    text = await token()
    if way == "operator":
        stack.delete_account(ALICE)
    else:
        assert (await own_iq(stack, raw_client, "<remove/>")).get("type") == "result"
    assert await refused(shown, text)
    assert kept(stack) == 0
    stack.add_account("alice")
    assert await refused(shown, text)


async def test_password_changed_in_the_middle_of_a_login(stack, fresh):
    """Who has begun with the old password gets no token that outlives it."""
    raw = await fresh()
    scram = ScramClient("SCRAM-SHA-256", "alice", stack.accounts[ALICE], None, "n")
    await sasl2.begin(raw, "SCRAM-SHA-256", scram.first(), agent() + request())
    challenge = base64.b64decode((await sasl2.outcome(raw)).text)
    stack.change_password(ALICE, "another one")
    await raw.send(f"<response xmlns='{sasl2.SASL2}'>"
                   f"{sasl2.encode(scram.final(challenge))}</response>")
    answer = await sasl2.verdict(raw)
    assert answer.find(f"{{{fast.FAST}}}token") is None and kept(stack) == 0


async def test_password_changed_while_the_next_token_is_written(stack, fresh, token, clock):
    """What is behind the change does not bring the token back."""
    text = await token()
    await let_pass(clock, DAY + 60)
    raw = await fresh()
    with no_commits(stack):
        change = asyncio.create_task(
            asyncio.to_thread(stack.change_password, ALICE, "another one"))
        await asyncio.sleep(0.5)
        showing = asyncio.create_task(fast.show(raw, "alice", text))
        await asyncio.sleep(0.5)
        assert not showing.done()
    await change
    assert failed_with(await showing) == "not-authorized"
    assert kept(stack) == 0


async def test_tokens_that_cannot_be_read(stack, token, shown):
    """That is the server's trouble, and not the token's."""
    text = await token()
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "router.sqlite"))) as db:
        db.execute("ALTER TABLE fast_token RENAME TO elsewhere")
        db.commit()
        assert failed_with(await shown(text)) == "temporary-auth-failure"
        db.execute("ALTER TABLE elsewhere RENAME TO fast_token")
        db.commit()
    assert identity(await shown(text)) == ALICE


async def test_two_logins_with_one_count(stack, fresh, token):
    """At once: the database says who was first."""
    text = await token()
    both = [await fresh(), await fresh()]
    with no_commits(stack):
        tasks = [asyncio.create_task(fast.show(raw, "alice", text, attributes="count='1'"))
                 for raw in both]
        await asyncio.sleep(0.5)
    kinds = {answer.tag.rpartition("}")[2] for answer in await asyncio.gather(*tasks)}
    assert kinds == {"failure", "success"}


# --- the router -----------------------------------------------------------------------------------

@pytest.mark.parametrize("way", ["restart", "kill9"])
async def test_over_a_restart(stack, token, shown, way):
    """Also right after <success/>: what was said had been committed."""
    text = await token()
    if way == "kill9":
        stack.router.kill9()
        stack.router.start()
    else:
        stack.router.restart()
    stack.ready()
    assert identity(await shown(text)) == ALICE
    assert identity(await shown(text)) == ALICE


async def test_killed_after_an_invalidation(stack, token, shown):
    text = await token()
    assert identity(await shown(text, attributes="invalidate='1'")) == ALICE
    stack.router.kill9()
    stack.router.start()
    stack.ready()
    assert await refused(shown, text)


async def test_killed_after_a_count(stack, token, shown):
    text = await token()
    assert identity(await shown(text, attributes="count='5'")) == ALICE
    stack.router.kill9()
    stack.router.start()
    stack.ready()
    assert await refused(shown, text, attributes="count='5'")


async def test_without_the_secret(stack, token, shown):
    """Another one is made; the database alone is worth nothing."""
    text = await token()
    key = os.path.join(stack.data_dir, "fast.key")
    assert os.stat(key).st_mode & 0o777 == 0o600
    stack.router.term()
    os.unlink(key)
    stack.router.start()
    stack.ready()
    assert await refused(shown, text)
    assert identity(await shown(await token())) == ALICE


async def test_a_damaged_secret(stack, raw_client):
    key = os.path.join(stack.data_dir, "fast.key")
    stack.router.term()
    with open(key, "ab") as f:
        f.write(b"x")
    stack.router.start()
    stack.ready()
    await stack.router.wait_log(r"fast\.key is damaged")
    raw = await encrypted(raw_client)
    assert fast.offered(raw) is None
    success = await authenticate(raw, "alice", stack.accounts[ALICE], agent() + request())
    assert given(success) is None
    stack.router.term()
    assert os.path.getsize(key) == 33


async def test_nowhere_to_be_seen(stack, token, shown, clock):
    """Neither in the log, nor in what is kept; the client's id is not kept either."""
    texts = [await token(), await token(mechanism=EXPR, ident=LAPTOP)]
    await shown(texts[0], attributes="count='1'")
    await shown("wrong", user="alice")
    await let_pass(clock, DAY + 60)
    texts.append(token_in(await shown(texts[0])))
    await shown(texts[2], attributes="invalidate='true'")
    proof = sasl2.encode(b"alice\0" + fast.hashed(texts[0], b"Initiator", b""))
    assert_unseen(stack, [*texts, proof, fast.PHONE, LAPTOP])
    raw = [base64.b64decode(t) for t in texts]
    for folder, _, names in os.walk(stack.data_dir):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                data = f.read()
            assert not [t for t in raw if t in data], name


# --- a disk that cannot be written ----------------------------------------------------------------

async def test_no_disk_no_token(stack, fresh, token, shown, clock):
    """Logins succeed, with the password and with a token, but for what has to be written."""
    text, unused = await token(), await token(ident=LAPTOP)
    assert identity(await shown(text)) == ALICE
    await let_pass(clock, DAY + 60)
    with unwritable(os.path.join(stack.data_dir, "router.sqlite")):
        raw = await fresh()
        assert await fast.get_token(raw, "alice", stack.accounts[ALICE], inline=bind()) is None
        await raw.sync()
        for known, ident in ((text, fast.PHONE), (unused, LAPTOP)):
            success = await shown(known, ident=ident)
            assert identity(success) == ALICE and given(success) is None
        for attributes in ("count='1'", "invalidate='true'"):
            answer = await shown(text, attributes=attributes)
            assert failed_with(answer) == "temporary-auth-failure"
    assert identity(await shown(text, attributes="count='1'")) == ALICE
    assert token_in(await shown(unused, ident=LAPTOP))


async def test_a_full_disk(make_stack, raw_client, small_disk):
    disk = small_disk("2m")
    stack = make_stack(components=(), data_dir=disk)
    stack.add_account("alice")
    ballast = os.path.join(disk, "ballast")
    with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(512))
    raw = await encrypted(raw_client)
    assert await fast.get_token(raw, "alice", stack.accounts[ALICE], inline=bind()) is None
    await raw.sync()
    os.unlink(ballast)
    raw = await encrypted(raw_client)
    assert await fast.get_token(raw, "alice", stack.accounts[ALICE])


async def test_a_database_that_is_locked(stack, fresh, token, shown, clock):
    """A login waits for its token for five seconds, and nobody waits with it."""
    text = await token()
    assert identity(await shown(text)) == ALICE
    raw, other = await fresh(), await fresh()
    with no_commits(stack):
        asking = asyncio.create_task(
            fast.get_token(raw, "alice", stack.accounts[ALICE], inline=bind()))
        assert identity(await fast.show(other, "alice", text)) == ALICE
        await other.bind()
        await other.sync()
        await let_pass(clock, 4)
        assert not asking.done()
        await let_pass(clock, 1.5)
        assert await asyncio.wait_for(asking, 5) is None
        await raw.sync()
    assert identity(await shown(text)) == ALICE


async def test_gone_while_a_token_is_written(stack, fresh, token, shown):
    """The client has left, or says something out of turn: its connection ends, and no other."""
    leaves, talks = await fresh(), await fresh()
    with no_commits(stack):
        for raw in (leaves, talks):
            first = f"\0alice\0{stack.accounts[ALICE]}".encode()
            await sasl2.begin(raw, "PLAIN", first, agent() + request())
        await asyncio.sleep(0.5)
        await leaves.drop(reset=True)
        await talks.send(f"<abort xmlns='{sasl2.SASL2}'/>")
        await asyncio.sleep(0.2)
    assert identity(await shown(await token())) == ALICE


async def test_stopped_while_a_token_is_written(stack, fresh, token):
    raw = await fresh()
    with no_commits(stack):
        first = f"\0alice\0{stack.accounts[ALICE]}".encode()
        await sasl2.begin(raw, "PLAIN", first, agent() + request())
        await asyncio.sleep(0.3)
        stack.router.signal(15)
        await raw.wait_closed()
    assert stack.router.wait_exit() == 0
