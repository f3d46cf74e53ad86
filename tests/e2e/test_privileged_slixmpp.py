# SPDX-License-Identifier: MIT
"""slixmpp's XEP-0356 plug-in, which gateways are written with."""

import pytest

from lib import xml
from lib.payloads import CLEAR
from lib.privileged import section
from lib.slixmpp_privileged import Privileged
from lib.wait import until

GATE, ALICE, BOB = "gate.localhost", "alice@localhost", "bob@localhost"


@pytest.fixture
async def gate(make_stack):
    """The component, connected: roster=both, message=outgoing; exempt, as gateways are."""
    stack = make_stack(components=(), conf_d=section("gate", "roster=both", "message=outgoing",
                                                     e2e="exempt"))
    for user in ("alice", "bob"):
        stack.add_account(user)
    component = Privileged(GATE, "s3cret", "127.0.0.1", stack.port("COMPONENT_PORT"), "localhost")
    yield await component.start()
    await component.close()


async def test_it_understands_what_is_advertised(gate):
    assert gate.granted == {"roster": "both", "message": "outgoing", "presence": "none"}


async def test_roster_is_set_and_read(gate, client):
    alice = await client("alice")
    contact = f"friend@{GATE}"
    await gate["xep_0356"].set_roster(ALICE, {contact: {
        "name": "Friend", "subscription": "both", "groups": ["G"]}})
    await alice.wait("iq", type="set", has=f"{{{xml.ROSTER}}}item")
    items = (await gate["xep_0356"].get_roster(ALICE))["roster"]["items"]
    assert {str(j): (i["name"], i["subscription"]) for j, i in items.items()} == \
        {contact: ("Friend", "both")}


async def test_message_is_sent(gate, client):
    """A gateway shows what was said from another client (slidge does so)."""
    bob = await client("bob")
    message = gate.make_message(mto=BOB, mfrom=ALICE, mbody="from afar", mtype="chat")
    gate["xep_0356"].send_privileged_message(message)
    got = await bob.wait("message", from_=ALICE, body="from afar")
    assert got.get("type") == "chat"
    message = gate.make_message(mto=BOB, mfrom="nobody@localhost", mbody=CLEAR["body"])
    gate["xep_0356"].send_privileged_message(message)
    await until(lambda: gate.errors, "the error")
    assert gate.errors == ["forbidden"]
