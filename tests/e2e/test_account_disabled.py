# SPDX-License-Identifier: MIT
"""Accounts that are disabled: nobody logs in, nothing is lost."""

import pytest

from lib import xml
from lib.faults import encrypted, login
from lib.raw import SaslFailure
from lib.stack import CtlError
from lib.wait import until

SM = "urn:xmpp:sm:3"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=())


async def refused_login(stack, raw_client, user, password):
    c = await encrypted(raw_client, stack=stack)
    with pytest.raises(SaslFailure) as failure:
        await c.sasl(user, password)
    return str(failure.value)


async def test_disabled_account(stack, raw_client, bystander):
    jid = stack.add_account("alice")
    password = stack.accounts[jid]
    alice = await login(stack, raw_client, "alice")
    assert stack.ctl("account", "disable", "alice") == {"jid": jid}
    assert await alice.stream_error() == "not-authorized"
    await alice.wait_closed()
    assert await refused_login(stack, raw_client, "alice", password) == "account-disabled"
    assert await refused_login(stack, raw_client, "alice", "another") == "not-authorized"
    assert stack.ctl("account", "list")[0] == {"jid": jid, "disabled": True}
    stack.ctl("account", "disable", "alice")  # once more does no harm
    stack.ctl("account", "enable", jid)
    await login(stack, raw_client, "alice")


async def test_disabled_over_a_restart(stack, raw_client):
    jid = stack.add_account("alice")
    stack.ctl("account", "disable", "alice")
    stack.router.kill9()
    stack.router.start()
    stack.ready()
    assert await refused_login(stack, raw_client, "alice", stack.accounts[jid]) == \
        "account-disabled"


async def test_disabled_between_login_and_binding(stack, raw_client):
    jid = stack.add_account("alice")
    c = await encrypted(raw_client, stack=stack)
    await c.sasl("alice", stack.accounts[jid])
    stack.ctl("account", "disable", "alice")
    await c.send(f"<iq type='set' id='b'><bind xmlns='{xml.BIND}'/></iq>")
    assert await c.stream_error() == "not-authorized"


async def test_disabled_between_login_and_resumption(stack, raw_client):
    jid = stack.add_account("alice")
    first = await raw_client()
    await first.login("alice", stack.accounts[jid], "x")
    await first.send(f"<enable xmlns='{SM}' resume='true'/>")
    ident = (await first.wait(f"{{{SM}}}enabled")).get("id")
    await first.drop(reset=True)
    c = await encrypted(raw_client, stack=stack)
    await c.sasl("alice", stack.accounts[jid])
    stack.ctl("account", "disable", "alice")
    await c.send(f"<resume xmlns='{SM}' previd='{ident}' h='0'/>")
    assert await c.stream_error() == "not-authorized"
    await until(lambda: not stack.ctl("session", "list"), "the session that slept is over")


@pytest.mark.parametrize("verb", ["disable", "enable"])
def test_account_that_does_not_exist(stack, verb):
    with pytest.raises(CtlError, match="there is no account of this name"):
        stack.ctl("account", verb, "nobody")
    with pytest.raises(CtlError, match="is not served here"):
        stack.ctl("account", verb, "alice@elsewhere.test")
