# SPDX-License-Identifier: MIT
"""biboumi.yaml: somebody else's component, added with a file, on a network that it has alone with the
router."""

import pytest

import engine

pytestmark = pytest.mark.engine

MUC = "http://jabber.org/protocol/muc"
GATEWAY = "irc.example.org"
CHANNEL = f"#garden%ircd@{GATEWAY}"


@pytest.fixture
def gateway(make):
    engine.build_others()
    stack = make("biboumi.yaml", COMPOSE_PROFILES="try")
    stack.up()
    stack.wait(lambda: any(c["domain"] == GATEWAY and c["state"] == "online"
                           for c in stack.ctl("component", "list")), "biboumi")
    return stack.fetch_ca()


async def test_irc_in_the_clear_although_encryption_is_required(gateway, client):
    networks = {c["Config"]["Labels"]["com.docker.compose.service"]:
                {n.removeprefix(gateway.name + "_") for n in c["NetworkSettings"]["Networks"]}
                for c in gateway.inspect()}
    assert networks["irc"] == networks["ircd"] == {"irc"}
    assert networks["router"] == {"clients", "components", "irc"}
    assert networks["muc"] == {"components"}
    people = [await client(gateway, name) for name in ("alice", "bob")]
    alice, bob = people
    for who in people:
        who.send_raw(f"<presence to='{CHANNEL}/{who.boundjid.user}'><x xmlns='{MUC}'/></presence>")
        await who.wait("presence", from_=f"{CHANNEL}/{who.boundjid.user}", type=None)
    alice.send_message(mto=CHANNEL, mbody="the roses are out", mtype="groupchat")
    await bob.wait("message", from_=f"{CHANNEL}/alice", body="the roses are out")
    alice.send_message(mto=bob.bare, mbody="not for us", mtype="chat")
    await alice.wait("message", error="policy-violation", from_=bob.bare)
