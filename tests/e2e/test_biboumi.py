# SPDX-License-Identifier: MIT
"""A component that others wrote, and a gateway that cannot encrypt: biboumi, `e2e = exempt`."""

import pytest

from lib import irc, xml
from lib.wait import until, until_sync

DOMAIN = "irc.localhost"
CHANNEL = f"#garden%localhost@{DOMAIN}"
MUC = "http://jabber.org/protocol/muc"

pytestmark = pytest.mark.skipif(irc.missing() is not None, reason=str(irc.missing()))


@pytest.fixture
def gateway(make_stack, folder):
    """The stack with biboumi linked to it, and an IRC server."""
    stack = make_stack(components=(), conf_d=f"""
        component irc {{ domain = "{DOMAIN}" secret = "s3cret" e2e = exempt }}
    """)
    server = irc.ngircd(folder)
    biboumi = irc.biboumi(folder, DOMAIN, "s3cret", stack.port("COMPONENT_PORT"))
    server.start()
    until_sync(lambda: irc.listens(), lambda: server.tail())
    biboumi.start()
    until_sync(lambda: linked(stack), lambda: biboumi.tail())
    yield stack
    for process in (biboumi, server):
        if process.alive:
            process.kill9()


def linked(stack):
    return any(c["domain"] == DOMAIN and c["state"] == "online"
               for c in stack.ctl("component", "list"))


@pytest.fixture
async def rose(gateway):
    user = await irc.IrcUser("rose").join("#garden")
    yield user
    await user.close()


async def test_disco_and_ping(gateway, client):
    alice = await client("alice")
    items = await alice.request("get", f"<query xmlns='{xml.DISCO_ITEMS}'/>", to="localhost")
    assert DOMAIN in [i.get("jid") for i in items.iter(f"{{{xml.DISCO_ITEMS}}}item")]
    info = await alice.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=DOMAIN)
    assert info.get("type") == "result" and info.get("from") == DOMAIN
    assert info.find(f".//{{{xml.DISCO_INFO}}}identity").get("name") == "Biboumi XMPP-IRC gateway"
    pong = await alice.request("get", f"<ping xmlns='{xml.PING}'/>", to=DOMAIN)
    assert pong.get("type") == "result"


async def test_channel_in_the_clear_although_encryption_is_required(gateway, client, rose):
    alice, bob = await client("alice"), await client("bob")
    alice.send_raw(f"<presence to='{CHANNEL}/alice'><x xmlns='{MUC}'/></presence>")
    await alice.wait("presence", from_=f"{CHANNEL}/rose", type=None)
    await alice.wait("presence", from_=f"{CHANNEL}/alice", type=None)

    alice.send_message(mto=CHANNEL, mbody="the roses are out", mtype="groupchat")
    await rose.wait("PRIVMSG #garden :the roses are out")
    await alice.wait("message", from_=f"{CHANNEL}/alice", body="the roses are out")
    rose.send("PRIVMSG #garden :so I see")
    await alice.wait("message", from_=f"{CHANNEL}/rose", type="groupchat", body="so I see")
    rose.send("PRIVMSG alice :between us")
    await alice.wait("message", type="chat", body="between us")

    alice.send_message(mto=bob.bare, mbody="not for us", mtype="chat")
    await alice.wait("message", error="policy-violation", from_=bob.bare)


async def test_end_of_a_session_leaves_the_channel(gateway, client, rose):
    """Directed presence: the router says goodbye for a connection that is gone."""
    alice = await client("alice")
    alice.send_raw(f"<presence to='{CHANNEL}/alice'><x xmlns='{MUC}'/></presence>")
    await alice.wait("presence", from_=f"{CHANNEL}/alice", type=None)
    await rose.wait("alice!")
    await alice.drop()
    await until(lambda: any(line.startswith(":alice!") and (" QUIT" in line or " PART" in line)
                            for line in rose.lines), lambda: "\n".join(rose.lines))
