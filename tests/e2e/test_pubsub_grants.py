# SPDX-License-Identifier: MIT
"""Pubsub where the router does not grant it all that it asks for, and where that changes."""

from lib import xml
from lib.pep import befriend, ok
from lib.pep_fixtures import with_stack
from lib.pubsub import sessions
from lib.wait import until

SERVICE = "pubsub.localhost"
MOOD, TUNE = "urn:example:mood", "urn:example:tune"
ALL = ["roster=get", "message=outgoing", "presence=roster",
       f"iq:{xml.DISCO_INFO}=get", "presence-extra=vcard-temp:x:update"]


def granted(*without):
    """The section with all but these."""
    rows = ", ".join(f'"{g}"' for g in ALL if g.split("=")[0] not in without)
    return f"component pubsub {{\n  privilege = {{ {rows} }}\n}}\n"


NOTHING = "component pubsub {\n  privilege = {}\n}\n"


async def friends(person, *wants):
    alice = await person("alice", wants=wants)
    bob = await person("bob", wants=wants)
    await befriend(alice, bob)
    return alice, bob


@with_stack(conf_d=NOTHING)
async def test_nothing_is_granted(pep_stack, person):
    """The owner publishes and reads; nobody is a contact; nobody is told."""
    alice, bob = await friends(person, MOOD)
    ok(await alice.publish(MOOD, id="1"))
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]
    assert await bob.items(MOOD, of=alice.bare) == "not-authorized/presence-subscription-required"
    ok(await alice.publish(TUNE, id="1", access_model="open"))
    assert [i for i, _ in await bob.items(TUNE, of=alice.bare)] == ["1"]
    ok(await alice.raw.iq("set", "<vCard xmlns='vcard-temp'><FN>A</FN></vCard>"))
    for who in alice, bob:
        await who.raw.sync()
        assert not who.events() and not who.asked
    # At its own domain all is as ever.
    ok(await alice.publish("news", to=SERVICE))
    ok(await bob.ask("set", f"<subscribe node='news' jid='{bob.jid}'/>", SERVICE))
    ok(await alice.publish("news", id="2", to=SERVICE))
    await bob.event("news")


@with_stack(conf_d=granted("presence"))
async def test_presence_is_not_granted(pep_stack, person):
    """Contacts read, and who has subscribed is told."""
    alice, bob = await friends(person, MOOD)
    ok(await alice.publish(MOOD, id="1"))
    assert [i for i, _ in await bob.items(MOOD, of=alice.bare)] == ["1"]
    await bob.raw.sync()
    assert not bob.events() and not alice.events()
    ok(await bob.ask("set", f"<subscribe node='{MOOD}' jid='{bob.bare}'/>", alice.bare))
    ok(await alice.publish(MOOD, id="2"))
    await bob.raw.wait(lambda e: [i[0].get("id") for _, i in bob.events()][-1:] == ["2"])


@with_stack(conf_d=granted("message"))
async def test_messages_are_not_granted(pep_stack, person):
    """All but events works; at the service's domain events, too."""
    alice, bob = await friends(person, MOOD)
    ok(await alice.publish(MOOD, id="1"))
    assert [i for i, _ in await bob.items(MOOD, of=alice.bare)] == ["1"]
    ok(await alice.publish("news", to=SERVICE))
    ok(await bob.ask("set", f"<subscribe node='news' jid='{bob.jid}'/>", SERVICE))
    ok(await alice.publish("news", id="2", to=SERVICE))
    await bob.event("news")
    assert {m.get("from") for m, _ in bob.events()} == {SERVICE}


@with_stack(conf_d=granted("roster", "presence"))
async def test_rosters_are_not_granted(pep_stack, person):
    alice, bob = await friends(person, MOOD)
    ok(await alice.publish(MOOD, id="1"))
    assert await bob.items(MOOD, of=alice.bare) == "not-authorized/presence-subscription-required"
    assert [i for i, _ in await alice.items(MOOD)] == ["1"]


@with_stack(conf_d=granted("iq:http://jabber.org/protocol/disco#info"))
async def test_asking_clients_is_not_granted(pep_stack, person):
    """The component asks them itself."""
    alice, bob = await friends(person, MOOD)
    ok(await alice.publish(MOOD, id="1"))
    await bob.event(MOOD)


@with_stack(conf_d=granted())
async def test_grants_that_are_taken_and_given_back(pep_stack, person):
    alice, bob = await friends(person, MOOD)
    ok(await alice.publish(MOOD, id="1"))
    await bob.event(MOOD)
    for without, of_bob in ((("roster", "presence"), "not-authorized/presence-subscription-required"),
                            (("message",), ["2"])):
        await pep_stack.router.reload(granted(*without))
        ok(await alice.publish(MOOD, id="2"))
        found = await bob.items(MOOD, of=alice.bare)
        assert found == of_bob or [i for i, _ in found] == of_bob
        await bob.raw.sync()
        before = len(bob.events())
        await pep_stack.router.reload(granted())
        ok(await alice.publish(MOOD, id="3"))
        await until(lambda: "3" in [items[0].get("id") for _, items in bob.events()[before:]],
                    bob.raw.inbox.text)
        assert bob.events()[-1][1][0].get("id") == "3"
        assert [i for i, _ in await bob.items(MOOD, of=alice.bare)] == ["3"]


@with_stack(conf_d=granted())
async def test_who_came_and_went_without_the_grant_of_presence(pep_stack, person):
    """When it is given back, who is here is known again."""
    alice, bob = await friends(person, MOOD)
    gone = await person("bob", wants=(MOOD,), resource="gone")
    ok(await alice.publish(MOOD, id="1"))
    for who in bob, gone:
        await who.event(MOOD)
    await pep_stack.router.reload(granted("presence"))
    await gone.raw.close()
    came = await person("bob", wants=(MOOD,), resource="came")
    ok(await alice.publish(MOOD, id="2"))
    await came.raw.sync()
    assert not came.events()
    await pep_stack.router.reload(granted())
    await came.event(MOOD)  # the last item
    ok(await alice.publish(MOOD, id="3"))
    for who in bob, came:
        await who.raw.wait(lambda e: who.events()[-1:] and who.events()[-1][1][0].get("id") == "3")
    await until(lambda: sessions(pep_stack) == {alice.jid, bob.jid, came.jid},
                lambda: str(sessions(pep_stack)))
