# SPDX-License-Identifier: MIT
"""libcomp's privileged calls, by a component of the tests' own, behind each server as it offers
them: ours, Prosody with the community's mod_privilege, ejabberd with its own."""

import glob
import os

import pytest

from lib import xml
from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.peers import Peer, missing
from lib.privileged import TEST, program, section
from lib.wait import until, until_sync

DOMAIN = "privileged.localhost"
ALICE, BOB = "alice@localhost", "bob@localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
PEP = "urn:example:pep"

MODULE = '\tmodules_enabled = { "privilege" }'
PROSODY = f"""{MODULE}
privileged_entities = {{ ["{DOMAIN}"] = {{
	roster = "both"; message = "outgoing"; presence = "managed_entity";
	iq = {{ ["{xml.DISCO_INFO}"] = "get"; }};
}} }}"""
EJABBERD = f"""  mod_privilege:
    roster: {{both: gate}}
    message: {{outgoing: gate}}
    presence: {{managed_entity: gate}}
acl:
  gate:
    server: ["{DOMAIN}"]
access_rules:
  gate:
    - allow: gate"""


def peer_of(name, folder, namespace, authority):
    if reason := missing(name):
        pytest.skip(reason)
    if name == "prosody" and not glob.glob("/usr/lib/prosody/modules/mod_privilege"):
        pytest.skip("prosody-modules is not installed")
    path = os.path.join(folder, name)
    os.mkdir(path)
    namespace.name(DOMAIN)
    if name == "prosody":
        return Peer(name, path, authority, "privileged", PROSODY, MODULE)
    return Peer(name, path, authority, "privileged", EJABBERD)


@pytest.fixture(params=["switchyard", "prosody", "ejabberd"])
def server(request, folder):
    """Whoever stands behind `client`, with the component linked; .kind is its name."""
    kind = request.param
    if kind == "switchyard":
        stack = request.getfixturevalue("make_stack")(components=(), conf_d=section(
            "privileged", "roster=both", "message=outgoing", "presence=managed_entity",
            f"iq:{xml.DISCO_INFO}=get", "presence-extra=urn:x"))
        stack.component = program(folder, DOMAIN, "s3cret", stack.port("COMPONENT_PORT"))
        stack.component.start()
        until_sync(lambda: any(c["domain"] == DOMAIN and c["state"] == "online"
                               for c in stack.ctl("component", "list")), stack.component.tail)
    else:
        stack = peer_of(kind, folder, request.getfixturevalue("namespace"),
                        request.getfixturevalue("authority")).start()
    stack.kind = kind
    yield stack
    if kind == "switchyard":
        assert not stack.component.settle()
    else:
        stack.settle()


async def tell(client, kind, payload):
    """The component does it; its answer."""
    return await client.request(kind, payload, to=DOMAIN)


async def may(client):
    answer = await tell(client, "get", f"<may xmlns='{TEST}' of='{ALICE}'/>")
    return {k: v == "yes" for k, v in answer.find(f"{{{TEST}}}may").attrib.items()}


async def test_what_is_granted_is_understood(server, client):
    alice = await client("alice", stack=server)
    granted = await may(alice)
    for what in ("roster-get", "roster-set", "message", "presence"):
        assert granted[what], what
    assert not granted["presence-roster"]
    assert granted["presence-extra"] == (server.kind == "switchyard")


async def test_roster_is_read(server, client):
    alice = await client("alice", stack=server)
    await alice.request("set", f"<query xmlns='{xml.ROSTER}'><item jid='carol@localhost'/></query>")
    answer = await tell(alice, "get", f"<roster xmlns='{TEST}' of='{ALICE}'/>")
    assert answer.get("type") == "result", xml.show(answer)
    assert [i.get("jid") for i in answer.iter(f"{{{xml.ROSTER}}}item")] == ["carol@localhost"]


async def test_message_is_sent(server, client):
    alice, bob = await client("alice", stack=server), await client("bob", stack=server)
    answer = await tell(alice, "set", f"<say xmlns='{TEST}' from='{ALICE}' to='{BOB}' id='m1'>"
                                      f"{OMEMO}</say>")
    assert answer.get("type") == "result", xml.show(answer)
    got = await bob.wait("message", from_=ALICE)
    assert got.find("{eu.siacs.conversations.axolotl}encrypted") is not None


async def test_message_in_a_wrong_name_is_refused(server, client):
    alice, bob = await client("alice", stack=server), await client("bob", stack=server)
    await tell(alice, "set", f"<say xmlns='{TEST}' from='{ALICE}/r' to='{BOB}' id='m1'>{OMEMO}</say>")
    await server.component.wait_log("refused: m1 forbidden")
    await bob.sync()
    assert not bob.inbox.find("message", from_bare=ALICE)
    # Another host's account: nothing is granted there, so nothing is sent.
    answer = await tell(alice, "set", f"<say xmlns='{TEST}' from='x@example.org' to='{BOB}'/>")
    assert error_condition(answer) == "not-allowed"


async def test_iq_is_asked_where_that_is_offered(server, client):
    alice = await client("alice", stack=server)
    ask = f"<ask xmlns='{TEST}' type='get' from='{ALICE}' to='localhost'>"
    answer = await tell(alice, "set", f"{ask}<query xmlns='{xml.DISCO_INFO}'/></ask>")
    if server.kind == "ejabberd":
        assert error_condition(answer) == "not-allowed"  # it knows version 1
    else:
        assert answer.find(f".//{{{xml.DISCO_INFO}}}identity").get("category") == "server"
    answer = await tell(alice, "set", f"{ask}<q xmlns='{PEP}'/></ask>")
    assert error_condition(answer) == "not-allowed"


async def test_presence_is_told(server, client):
    alice = await client("alice", stack=server)

    async def told():
        answer = await tell(alice, "get", f"<told xmlns='{TEST}'/>")
        return [p.get("from") for p in answer.iter(f"{{{TEST}}}presence")]

    found = []
    for _ in range(50):
        found = await told()
        if alice.full in found:
            break
    assert alice.full in found


async def test_link_comes_back_with_the_grants(server, client):
    if server.kind == "switchyard":
        server.router.restart()
        server.ready("router")
    else:
        server.server.kill9()
        await server.component.wait_log("no link to|next try")
        server.start_server()
        await server.wait_linked()
    alice = await client("alice", stack=server)

    async def again():
        answer = await tell(alice, "get", f"<roster xmlns='{TEST}' of='{ALICE}'/>")
        return answer.get("type") == "result"

    for _ in range(200):
        if await again():
            return
    assert await again()


async def test_presence_extra_where_that_is_offered(server, client):
    alice = await client("alice", stack=server)
    answer = await tell(alice, "set", f"<extra xmlns='{TEST}' of='{ALICE}'><x xmlns='urn:x'/></extra>")
    if server.kind != "switchyard":
        assert error_condition(answer) == "not-allowed"
        return
    await until(lambda: alice.inbox.find("presence", from_=alice.full, has="{urn:x}x"), "the element")
    await tell(alice, "set", f"<extra xmlns='{TEST}' of='{ALICE}'/>")
    alice.inbox.clear()
    alice.send_presence()
    mine = await alice.wait("presence", from_=alice.full)
    assert mine.find("{urn:x}x") is None
