# SPDX-License-Identifier: MIT
"""Delegation with programs: one on libcomp, behind our router, Prosody's and ejabberd's
mod_delegation, and one on slixmpp that speaks the older version."""

import asyncio
import os

import pytest

from lib import health, slixmpp_delegated, xml
from lib.delegation import (DELEGATED, INFO_NODES, ITEMS_NODES, V2, info_of, program)
from lib.inbox import error_condition
from lib.peers import Peer, missing
from lib.process import Process
from lib.wait import until, until_answer, until_sync

DOMAIN, SECRET = "delegated.localhost", "0123456789abcdef0123456789abcdef"
WHO = f"{{{DELEGATED}}}who"
ROWS = ", ".join(f'"{ns}"' for ns in (DELEGATED, INFO_NODES, ITEMS_NODES))
CONF = f'component delegated {{ secret = "{SECRET}" delegate = {{{ROWS}}} }}\n'


def linked(process):
    return health.ask(process.env["HEALTH_LISTEN"], "/readyz")[0] == 200


@pytest.fixture
def ours(make_stack, folder):
    """The router with the libcomp component, stack.delegated."""
    stack = make_stack(components=(), conf_d=CONF)
    stack.delegated = program(folder, DOMAIN, SECRET, stack.port("COMPONENT_PORT"))
    stack.delegated.start()
    until_sync(lambda: linked(stack.delegated), stack.delegated.tail)
    yield stack
    faults = stack.delegated.settle()
    assert not faults, faults


PROSODY_HOST = f"""
	modules_enabled = {{ "delegation" }}
	delegations = {{
		["{DELEGATED}"] = {{ jid = "{DOMAIN}" }};
		["{INFO_NODES}"] = {{ jid = "{DOMAIN}" }};
		["{ITEMS_NODES}"] = {{ jid = "{DOMAIN}" }};
	}}
"""


@pytest.fixture
def prosody(namespace, authority, folder):
    """Debian's Prosody with mod_delegation and the same component."""
    if reason := missing("prosody"):
        pytest.skip(reason)
    if not os.path.exists("/usr/lib/prosody/modules/mod_delegation"):
        pytest.skip("prosody-modules is not installed")
    path = os.path.join(folder, "prosody")
    os.mkdir(path)
    peer = Peer("prosody", path, authority, component_domain=DOMAIN, host_conf=PROSODY_HOST,
                component_conf='\tmodules_enabled = { "delegation" }\n')
    peer.component = program(path, DOMAIN, peer.secret)
    try:
        yield peer.start()
    finally:
        peer.settle()


EJABBERD_MODULES = f"""
  mod_delegation:
    namespaces:
      "{DELEGATED}":
        access: all
"""


@pytest.fixture
def ejabberd(namespace, authority, folder):
    if reason := missing("ejabberd"):
        pytest.skip(reason)
    path = os.path.join(folder, "ejabberd")
    os.mkdir(path)
    peer = Peer("ejabberd", path, authority, component_domain=DOMAIN, host_conf=EJABBERD_MODULES)
    peer.component = program(path, DOMAIN, peer.secret)
    try:
        yield peer.start()
    finally:
        peer.settle()


@pytest.fixture(params=["ours", "prosody", "ejabberd"])
def server(request):
    """Each of them: the client fixture's stack."""
    return request.getfixturevalue(request.param)


# ejabberd 23.01 has neither what is left of disco nor the rule on a manager's own requests.
but_ejabberd = pytest.mark.parametrize("server", ["ours", "prosody"], indirect=True)


async def nested(client, to):
    """What disco says once the server has asked the component."""
    async def now():
        query = await client.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=to)
        found = info_of(query)
        return found if DELEGATED in found[1] else None
    return await until_answer(now, lambda: f"{to}: {DELEGATED}\n{client.inbox.text()}")


# --- on libcomp -----------------------------------------------------------------------------------

async def test_account_and_server(server, client):
    alice = await client("alice", stack=server)
    await nested(alice, "localhost")  # the component has been told
    for to, kind in ((None, "account"), ("alice@localhost", "account"), ("localhost", "server")):
        answer = await alice.request("get", f"<who xmlns='{DELEGATED}'/>", to=to)
        who = answer.find(WHO)
        assert who is not None, xml.show(answer)
        assert (who.get("from"), who.get("to"), who.get("place"), who.get("granted")) == (
            alice.full, to or "alice@localhost", kind, "true")


async def test_own_domain_as_before(server, client):
    alice = await client("alice", stack=server)
    answer = await alice.request("get", f"<who xmlns='{DELEGATED}'/>", to=DOMAIN)
    assert answer.find(WHO).get("place") == "own"


async def test_deferred_and_refused(server, client):
    alice = await client("alice", stack=server)
    await nested(alice, "localhost")
    answer = await alice.request("set", f"<later xmlns='{DELEGATED}'/>")
    assert answer.find(WHO).get("place") == "later"
    answer = await alice.request("set", f"<refuse xmlns='{DELEGATED}'/>")
    assert error_condition(answer) == "item-not-found"
    assert answer.find("{jabber:client}error").get("code") == "404"


async def test_nesting(server, client):
    alice = await client("alice", stack=server)
    assert f"{DELEGATED}#account" not in (await nested(alice, "localhost"))[1]
    identities, names = await nested(alice, "alice@localhost")
    assert ("pubsub", "pep") in identities and f"{DELEGATED}#account" in names


@but_ejabberd
async def test_nodes_and_items_of_accounts(server, client):
    alice = await client("alice", stack=server)
    await nested(alice, "localhost")
    query = f"<query xmlns='{xml.DISCO_ITEMS}' node='n'/>"
    answer = await alice.request("get", query, to="alice@localhost")
    items = [(i.get("jid"), i.get("node")) for i in answer.iter(f"{{{xml.DISCO_ITEMS}}}item")]
    assert items == [("alice@localhost", "n/1")]
    query = f"<query xmlns='{xml.DISCO_INFO}' node='n'/>"
    answer = await alice.request("get", query, to="alice@localhost")
    assert info_of(answer)[1] == {f"{DELEGATED}#node"}


async def test_forged_by_a_user(server, client):
    alice = await client("alice", stack=server)
    forged = (f"<delegation xmlns='{V2}'><forwarded xmlns='urn:xmpp:forward:0'>"
              "<iq xmlns='jabber:client' type='get' id='f' from='bob@localhost/b' "
              f"to='bob@localhost'><who xmlns='{DELEGATED}'/></iq></forwarded></delegation>")
    answer = await alice.request("set", forged, to=DOMAIN)
    assert error_condition(answer) == "forbidden"
    assert answer.find(f".//{WHO}") is None


@but_ejabberd
async def test_component_asks_the_server_itself(server, client):
    """It is not asked its own question (XEP-0355 4.3.1)."""
    alice = await client("alice", stack=server)
    await nested(alice, "localhost")
    answer = await alice.request("get", f"<again xmlns='{DELEGATED}'/>", to="localhost")
    assert error_condition(answer) == "service-unavailable"
    assert answer.findtext(f".//{{{xml.STANZA_ERRORS}}}text") == "so it said"


async def test_killed_and_back(ours, client):
    """Disco does not change, and its answers come from the new process."""
    alice = await client("alice")
    server, account = await nested(alice, "localhost"), await nested(alice, "alice@localhost")
    for _ in range(3):
        ours.delegated.kill9()
        up = f'switchyard_component_up{{domain="{DOMAIN}"}}'
        await until(lambda: ours.metrics()[up] == 0, "away")
        answer = await alice.request("get", f"<who xmlns='{DELEGATED}'/>")
        assert error_condition(answer) == "service-unavailable"
        assert await nested(alice, "localhost") == server
        assert await nested(alice, "alice@localhost") == account
        ours.delegated.start()
        await until(lambda: ours.metrics()[up] == 1, ours.delegated.tail)
        assert await nested(alice, "localhost") == server
        answer = await alice.request("get", f"<who xmlns='{DELEGATED}'/>")
        assert answer.find(WHO) is not None


@pytest.mark.parametrize("way", ["term", "kill9"])
async def test_gone_while_it_owes_answers(ours, client, clock, way):
    """It may come back and answer; when its grace is over it is answered for it."""
    alice = await client("alice")
    await nested(alice, "localhost")
    answers = [asyncio.ensure_future(alice.request("get", f"<never xmlns='{DELEGATED}'/>"))
               for _ in range(8)]
    await until(lambda: ours.delegated.log.count("kept") == 8, "all of them are there")
    getattr(ours.delegated, way)()
    await alice.sync()
    assert not any(a.done() for a in answers)
    clock.advance(31)
    for answer in await asyncio.gather(*answers):
        assert error_condition(answer) == "service-unavailable"


# --- on slixmpp, in the older version -------------------------------------------------------------

async def test_slixmpp_in_the_older_version(make_stack, folder, client):
    stack = make_stack(components=(), conf_d=CONF)
    argv = ["/usr/bin/python3", "-P", os.path.abspath(slixmpp_delegated.__file__), DOMAIN, SECRET,
            "127.0.0.1", str(stack.port("COMPONENT_PORT"))]
    process = Process("slixmpp", argv, {}, os.path.join(folder, "slixmpp.log"))
    process.start()
    try:
        await process.wait_log(f"delegated {DELEGATED}")
        alice = await client("alice")
        await nested(alice, "localhost")
        await nested(alice, "alice@localhost")
        for to in (None, "alice@localhost", "localhost"):
            who = (await alice.request("get", f"<who xmlns='{DELEGATED}'/>", to=to)).find(WHO)
            assert (who.get("from"), who.get("to"), who.get("version")) == (
                alice.full, to or "", "1")
    finally:
        process.kill9()
