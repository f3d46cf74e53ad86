# SPDX-License-Identifier: MIT
"""Who is there (RFC 6121 4): broadcast, directed, probes, and the end of a session."""

import pytest

from lib import xml
from lib.client import befriend
from lib.component import attach
from lib.im import presences, resource, settled
from lib.wait import until

CAPS = ("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/client' "
        "ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>")


@pytest.fixture
async def friends(stack, client):
    alice, bob = await client("alice", resource="phone"), await client("bob")
    await befriend(alice, bob)
    for c in (alice, bob):
        await settled(c)
        c.inbox.clear()
    return alice, bob


async def test_changes_reach_contacts_and_own_sessions_as_they_were_sent(friends, client):
    alice, bob = friends
    tablet = await client("alice", resource="tablet")
    alice.send_raw(f"<presence id='p1'><show>dnd</show><status>busy</status>{CAPS}"
                   "<x xmlns='urn:example:x'>more</x></presence>")
    for c in (bob, tablet, alice):
        p = await c.wait("presence", from_=alice.full, id="p1")
        assert p.findtext("{jabber:client}show") == "dnd"
        assert p.find("{http://jabber.org/protocol/caps}c").get("ver") \
            == "QgayPKawpkPSDYmwT/WM94uAlu0="
        assert p.findtext("{urn:example:x}x") == "more"
        assert p.get("to") in (c.bare, c.full)


async def test_login_sees_who_is_there(friends, client):
    alice, bob = friends
    alice.send_presence(pshow="away", pstatus="lunch")
    await bob.wait("presence", from_=alice.full)
    for user, name in (("bob", "second"), ("alice", "tablet")):
        newcomer = await client(user, resource=name)
        seen = await newcomer.wait("presence", from_=alice.full)
        assert seen.findtext("{jabber:client}status") == "lunch"
        await newcomer.wait("presence", from_=bob.full)
        await newcomer.wait("presence", from_=newcomer.full)


async def test_goodbye_has_its_words(friends):
    alice, bob = friends
    alice.send_presence(ptype="unavailable", pstatus="good night")
    p = await bob.wait("presence", from_=alice.full, type="unavailable")
    assert p.findtext("{jabber:client}status") == "good night"
    alice.send_presence()
    await until(lambda: presences(bob, alice.full) == ["unavailable", None], "available again")
    await alice.wait("presence", from_=bob.full)  # the answer to being available anew


@pytest.mark.parametrize("way", ["stream", "connection", "kick"])
async def test_end_of_a_session_is_a_goodbye(friends, stack, way):
    alice, bob = friends
    if way == "stream":
        await alice.close()
    elif way == "connection":
        await alice.drop()
    else:
        stack.ctl("session", "kick", alice.full)
    await bob.wait("presence", from_=alice.full, type="unavailable")
    await settled(bob)
    assert presences(bob, alice.full) == ["unavailable"]


async def test_strangers_see_nothing(friends, client):
    alice, bob = friends
    stranger = await client("stranger")
    alice.send_presence(pstatus="for friends")
    await bob.wait("presence", from_=alice.full)
    await settled(stranger)
    assert not [p for p in stranger.inbox.find("presence") if p.get("from") != stranger.full]


# --- directed (4.6) -------------------------------------------------------------------------------

async def test_directed_presence_and_the_goodbye_that_belongs_to_it(friends, client):
    alice, bob = friends
    stranger, other = await client("stranger"), await client("other")
    for to in (stranger.full, other.bare):
        alice.send_raw(f"<presence to='{to}'><status>hello</status>{CAPS}</presence>")
    for c in (stranger, other):
        p = await c.wait("presence", from_=alice.full)
        assert p.findtext("{jabber:client}status") == "hello"
        assert p.find("{http://jabber.org/protocol/caps}c") is not None
    alice.send_presence(pshow="away")  # changes are not for them
    await bob.wait("presence", from_=alice.full)
    alice.send_presence(ptype="unavailable", pto=other.bare)
    await other.wait("presence", from_=alice.full, type="unavailable")
    await alice.drop()
    await stranger.wait("presence", from_=alice.full, type="unavailable")
    await settled(stranger, other, bob)
    assert presences(stranger, alice.full) == [None, "unavailable"]
    assert presences(other, alice.full) == [None, "unavailable"]
    assert presences(bob, alice.full) == [None, "unavailable"]


async def test_directed_presence_of_an_invisible_session(stack, client):
    ghost = await client("alice", presence=False)
    bob = await client("bob")
    ghost.send_presence(pto=bob.full)
    await bob.wait("presence", from_=ghost.full, type=None)
    await ghost.drop()
    await bob.wait("presence", from_=ghost.full, type="unavailable")


# --- probes (4.3) ---------------------------------------------------------------------------------

@pytest.fixture
async def probing(make_stack, client, raw_client):
    """alice, who lets x@svc.localhost see her presence, and that component."""
    stack = make_stack(components=(), conf_d='component svc { secret = "s3cret" }\n')
    svc = await attach(raw_client, stack, "svc.localhost", "s3cret")
    alice = await resource(client, "alice", "phone")
    await svc.send("<presence from='x@svc.localhost' to='alice@localhost' type='subscribe'/>")
    await alice.wait("presence", type="subscribe")
    alice.send_presence(pto="x@svc.localhost", ptype="subscribed")
    await svc.wait("presence", type="subscribed", from_="alice@localhost")
    await svc.wait("presence", type=None, from_=alice.full, to="x@svc.localhost")
    svc.inbox.clear()
    return alice, svc


async def test_probe_is_answered_to_those_who_may_see(probing):
    alice, svc = probing
    alice.send_presence(pstatus="here")
    await svc.wait("presence", from_=alice.full)
    svc.inbox.clear()
    await svc.send("<presence from='x@svc.localhost' to='alice@localhost' type='probe'/>")
    p = await svc.wait("presence", from_=alice.full, to="x@svc.localhost")
    assert p.findtext("{jabber:component:accept}status") == "here"


async def test_probe_of_somebody_offline(probing):
    alice, svc = probing
    await alice.close()
    await svc.wait("presence", from_=alice.full, type="unavailable")
    svc.inbox.clear()
    await svc.send("<presence from='x@svc.localhost' to='alice@localhost' type='probe'/>")
    await svc.wait("presence", type="unavailable", to="x@svc.localhost")


@pytest.mark.parametrize("whom", ["alice@localhost", "nobody@localhost"])
async def test_probe_by_a_stranger_ends_a_subscription_that_is_none(probing, whom):
    _, svc = probing
    await svc.send(f"<presence from='y@svc.localhost' to='{whom}' type='probe'/>")
    await svc.wait("presence", type="unsubscribed", from_=whom, to="y@svc.localhost")


async def test_router_probes_for_a_session_that_becomes_available(probing, client):
    alice, svc = probing
    alice.send_presence(pto="bot@svc.localhost", ptype="subscribe")
    await svc.wait("presence", type="subscribe", from_="alice@localhost")
    await svc.send("<presence from='bot@svc.localhost' to='alice@localhost' type='subscribed'/>")
    await alice.wait("presence", type="subscribed", from_="bot@svc.localhost")
    svc.inbox.clear()
    await resource(client, "alice", "tablet")
    await svc.wait("presence", type="probe", from_="alice@localhost", to="bot@svc.localhost")
    await svc.send("<presence from='bot@svc.localhost/b' to='alice@localhost'/>")
    await alice.wait("presence", from_="bot@svc.localhost/b", type=None)


# --- what is no presence --------------------------------------------------------------------------

@pytest.mark.parametrize("priority", ["128", "-129", "high", ""])
async def test_priority_that_is_none(friends, priority):
    alice, bob = friends
    alice.send_raw(f"<presence id='p1'><priority>{priority}</priority></presence>")
    await alice.wait("presence", id="p1", error="bad-request")
    await settled(alice, bob)
    assert not presences(bob, alice.full)


async def test_capabilities_can_be_asked_for(friends):
    """XEP-0115: the hash comes with presence, what it stands for from the session itself."""
    alice, bob = friends
    alice["xep_0030"].add_feature("urn:example:feature")
    info = await bob.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=alice.full)
    assert "urn:example:feature" in [f.get("var") for f in
                                     info.iter(f"{{{xml.DISCO_INFO}}}feature")]
