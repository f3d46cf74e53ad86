# SPDX-License-Identifier: MIT
"""The echo component behind servers that are not ours: XEP-0114 as others speak it."""

import os

import pytest

from lib import xml
from lib.peers import ECHO, Peer, missing

ECHO_NS = "urn:switchyard:echo:0"
SERVICE = f"bot@{ECHO}"


@pytest.fixture(params=["prosody", "ejabberd"])
def peer(request, namespace, authority, folder):
    """The server with echo linked to it."""
    if reason := missing(request.param):
        pytest.skip(reason)
    path = os.path.join(folder, request.param)
    os.mkdir(path)
    namespace.name(ECHO)
    peer = Peer(request.param, path, authority)
    try:
        yield peer.start()
    finally:
        peer.settle()


async def test_message_comes_back(peer, client):
    alice = await client("alice", stack=peer)
    alice.send_message(mto=SERVICE, mbody="hello", mtype="chat")
    back = await alice.wait("message", body="hello", from_=SERVICE, type="chat")
    assert back.find(f"{{{ECHO_NS}}}echoed") is not None


async def test_encrypted_payload_comes_back_unchanged(peer, client):
    alice = await client("alice", stack=peer)
    alice.send_raw(f"<message to='{SERVICE}' type='chat' id='e1'>"
                   "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='7'>"
                   "<key rid='8' prekey='true'>a&amp;b</key></header></encrypted></message>")
    back = await alice.wait("message", from_=SERVICE, id="e1")
    key = back.find(".//{eu.siacs.conversations.axolotl}key")
    assert (key.text, key.get("rid"), key.get("prekey")) == ("a&b", "8", "true")


async def test_neither_errors_nor_typing_are_answered(peer, client):
    alice = await client("alice", stack=peer)
    alice.send_raw(f"<message to='{SERVICE}' type='error'><body>no</body></message>"
                   f"<message to='{SERVICE}' type='chat'>"
                   "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
                   f"<message to='{SERVICE}' type='chat'><body>x</body>"
                   f"<echoed xmlns='{ECHO_NS}'/></message>")
    await alice.request("get", f"<echo xmlns='{ECHO_NS}'/>", to=ECHO)
    assert not alice.inbox.find("message")


async def test_iq_comes_back(peer, client):
    alice = await client("alice", stack=peer)
    answer = await alice.request("set", f"<echo xmlns='{ECHO_NS}'><a b='c'>d</a></echo>", to=ECHO)
    assert answer.get("type") == "result"
    assert answer.find(f"{{{ECHO_NS}}}echo/{{{ECHO_NS}}}a").text == "d"


async def test_ping_back_is_answered_when_the_pong_came(peer, client):
    alice = await client("alice", stack=peer)
    answer = await alice.request("get", f"<ping-back xmlns='{ECHO_NS}'/>", to=ECHO)
    assert answer.get("type") == "result"
    assert alice.inbox.find("iq", type="get", from_=ECHO, has=f"{{{xml.PING}}}ping")


async def test_disco_ping_and_version(peer, client):
    alice = await client("alice", stack=peer)
    info = await alice.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=ECHO)
    assert ECHO_NS in [f.get("var") for f in info.iter(f"{{{xml.DISCO_INFO}}}feature")]
    items = await alice.request("get", f"<query xmlns='{xml.DISCO_ITEMS}'/>", to=ECHO)
    assert items.get("type") == "result"
    pong = await alice.request("get", f"<ping xmlns='{xml.PING}'/>", to=ECHO)
    assert pong.get("type") == "result"
    version = await alice.request("get", "<query xmlns='jabber:iq:version'/>", to=ECHO)
    assert version.find(".//{jabber:iq:version}name").text == "switchyard-echo"


async def test_unknown_request_is_refused(peer, client):
    alice = await client("alice", stack=peer)
    answer = await alice.request("get", "<query xmlns='urn:no:such'/>", to=ECHO)
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}service-unavailable") is not None


async def test_subscription_is_accepted(peer, client):
    alice = await client("alice", stack=peer)
    alice.send_presence(pto=SERVICE, ptype="subscribe")
    await alice.wait("presence", type="subscribed", from_=SERVICE)
    await alice.wait("presence", type=None, from_=SERVICE)


async def test_link_comes_back_after_the_server(peer, client):
    peer.server.kill9()
    await peer.component.wait_log("no link to|next try")
    peer.start_server()
    await peer.wait_linked()
    alice = await client("alice", stack=peer)
    answer = await alice.request("get", f"<echo xmlns='{ECHO_NS}'/>", to=ECHO)
    assert answer.get("type") == "result"


async def test_wrong_secret_is_explained(peer):
    peer.component.term()
    peer.component.env |= {"COMPONENT_SECRET": "wrong"}
    peer.component.env.pop("COMPONENT_SECRET_FILE")
    peer.component.start()
    await peer.component.wait_log(r"lvl=error .*not-authorized.*COMPONENT_SECRET")
    assert peer.component.wait_exit() == 1
    assert not peer.linked()
