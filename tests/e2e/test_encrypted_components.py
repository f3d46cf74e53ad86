# SPDX-License-Identifier: MIT
"""The encryption policy between users and components, and for what rooms send and get."""

import pytest

from lib.component import attach
from lib.payloads import CLEAR, ENCRYPTED
from test_encrypted import got, refused, say

CLEAR, OMEMO = CLEAR["body"], ENCRYPTED["OMEMO 0.3"]
SERVICE, ROOM = "svc.localhost", "room@svc.localhost"


@pytest.fixture
def with_component(make_stack, client, raw_client):
    """await with_component("check", env): alice, and a component that knows nothing of all this."""
    async def make(e2e, env=None):
        stack = make_stack(env=env, conf_d=f'component svc {{ secret = "s3cret" e2e = {e2e} }}\n')
        return await client("alice"), await attach(raw_client, stack, SERVICE, "s3cret")
    return make


async def from_service(component, to, payload, ident="m", type_="chat", from_=ROOM):
    await component.send(f"<message from='{from_}' to='{to}' type='{type_}' id='{ident}'>"
                         f"{payload}</message>")


async def settled(component, alice):
    """What either has sent to the other has come."""
    await component.send(f"<iq from='{SERVICE}' to='localhost' type='get' id='settled'>"
                         "<ping xmlns='urn:xmpp:ping'/></iq>")
    await component.wait("iq", id="settled")
    component.inbox.clear()
    await alice.sync()


async def test_checked_component_is_judged_both_ways(with_component):
    alice, service = await with_component("check")
    say(alice, ROOM, CLEAR, "m1")
    await refused(alice, "m1")
    say(alice, ROOM, OMEMO, "m2")
    assert (await service.wait("message")).get("id") == "m2"
    await from_service(service, alice.full, CLEAR, "m3")
    answer = await service.wait("message", id="m3", error="policy-violation")
    assert answer.get("from") == alice.full and answer.get("to") == ROOM
    await from_service(service, alice.bare, OMEMO, "m4")
    await alice.wait("message", id="m4", from_=ROOM)
    assert len(alice.inbox.find("message", from_=ROOM, type="chat")) == 1


async def test_exempt_component_talks_in_the_clear(with_component):
    alice, service = await with_component("exempt")
    say(alice, ROOM, CLEAR, "m1")
    await service.wait("message", id="m1", body="plain", from_=alice.full)
    await from_service(service, alice.bare, CLEAR, "m2")
    await alice.wait("message", id="m2", body="plain")
    say(alice, alice.bare, CLEAR, "m3")  # the users among each other are not exempt
    await refused(alice, "m3")


async def test_trusted_component_reflects_what_was_checked_on_its_way_in(with_component):
    alice, service = await with_component("trusted")
    say(alice, ROOM, CLEAR, "m1", "groupchat")
    await refused(alice, "m1")
    await from_service(service, alice.full, CLEAR, "m2", "groupchat")
    await alice.wait("message", id="m2", body="plain")
    await settled(service, alice)


async def test_whitelisted_component_domain(with_component):
    alice, service = await with_component("check", {"E2E_POLICY_WHITELIST": SERVICE})
    say(alice, ROOM, CLEAR, "m1")
    await service.wait("message", id="m1", body="plain")
    await from_service(service, alice.full, CLEAR, "m2")
    await alice.wait("message", id="m2", body="plain")


@pytest.mark.parametrize("chat, muc", [("required", "none"), ("none", "required")])
async def test_rooms_have_a_policy_of_their_own(with_component, chat, muc):
    alice, service = await with_component("check", {"E2E_POLICY_CHAT": chat, "E2E_POLICY_MUC": muc})
    passes, fails = ("groupchat", "chat") if muc == "none" else ("chat", "groupchat")
    say(alice, ROOM, CLEAR, "m1", passes)
    await service.wait("message", id="m1")
    say(alice, f"{ROOM}/nick" if fails == "chat" else ROOM, CLEAR, "m2", fails)
    assert ("rooms" in "".join((await refused(alice, "m2")).itertext())) == (fails == "groupchat")
    await settled(service, alice)
    assert not service.inbox.find("message", id="m2")


async def test_room_that_was_joined_is_not_judged_again(with_component):
    """Its messages were judged where they were sent; private ones of occupants are."""
    alice, service = await with_component("check")
    await from_service(service, alice.full, CLEAR, "m1", "groupchat", f"{ROOM}/nick")
    await service.wait("message", id="m1", error="policy-violation")
    alice.send_raw(f"<presence to='{ROOM}/alice'/>")
    await service.wait("presence", from_=alice.full)
    await from_service(service, alice.full, CLEAR, "m2", "groupchat", f"{ROOM}/nick")
    await alice.wait("message", id="m2", body="plain")
    await from_service(service, alice.full, CLEAR, "m3", "chat", f"{ROOM}/nick")
    await service.wait("message", id="m3", error="policy-violation")
    await alice.sync()
    assert len(got(alice)) == 1


async def test_mediated_invitation_passes(with_component):
    alice, service = await with_component("check")
    say(alice, ROOM, "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='bob@localhost'>"
        "<reason>Come!</reason></invite></x><body>bob is invited</body>", "m1", "normal")
    await service.wait("message", id="m1")
    await from_service(service, alice.bare, "<x xmlns='http://jabber.org/protocol/muc#user'>"
                       "<invite from='bob@localhost'/></x><body>bob invites you</body>", "m2",
                       "normal")
    await alice.wait("message", id="m2")
