# SPDX-License-Identifier: MIT
"""What accounts want to be kept (XEP-0441), and what is taken back (XEP-0424)."""

import pytest

from lib import xml
from lib.archive import RETRACT, count
from lib.archive_fixtures import with_archive
from lib.wait import until


async def said(alice, bob, *bodies, **more):
    for body in bodies:
        await alice.say(bob.bare, body, id=f"id-{body}", **more)
    await bob.raw.wait("message", body=bodies[-1])


async def test_always_and_never(archive_stack, talker):
    alice, bob, carol = [await talker(u) for u in ("alice", "bob", "carol")]
    assert await alice.prefs() == ("always", [], [])
    await said(alice, bob, "1")
    assert await alice.prefs("never") == ("never", [], [])
    await said(alice, bob, "2")
    assert await alice.prefs("never", always=[bob.bare]) == ("never", [bob.bare], [])
    await said(bob, alice, "3")
    await said(carol, alice, "4")
    assert await alice.prefs("always", never=[bob.jid]) == ("always", [], [bob.jid])
    await said(bob, alice, "5")
    await said(carol, alice, "6")
    assert await alice.bodies() == ["1", "3", "6"]
    assert await bob.bodies() == ["1", "2", "3", "5"]  # each has his own
    assert await bob.prefs() == ("always", [], [])


async def test_roster(archive_stack, talker):
    alice, bob, carol = [await talker(u) for u in ("alice", "bob", "carol")]
    assert await alice.prefs("roster") == ("roster", [], [])
    await said(bob, alice, "1")
    for one, other in ((alice, bob), (bob, alice)):
        await one.raw.send(f"<presence to='{other.bare}' type='subscribe'/>")
        await other.raw.wait("presence", type="subscribe")
        await other.raw.send(f"<presence to='{one.bare}' type='subscribed'/>")
        await one.raw.wait("presence", type="subscribed")
    await said(bob, alice, "2")
    await said(alice, carol, "3")
    await said(alice, bob, "4")
    assert await alice.bodies() == ["2", "4"]


async def test_roster_without_a_subscription(archive_stack, talker):
    """Who is in it is in it; who only asks to be is not."""
    alice, bob, carol = [await talker(u) for u in ("alice", "bob", "carol")]
    await alice.prefs("roster")
    await alice.raw.iq("set", f"<query xmlns='jabber:iq:roster'><item jid='{bob.bare}'/></query>")
    await carol.raw.send(f"<presence to='{alice.bare}' type='subscribe'/>")
    await alice.raw.wait("presence", type="subscribe")
    await said(carol, alice, "1")
    await said(bob, alice, "2")
    await said(alice, bob, "3")
    assert await alice.bodies() == ["2", "3"]


@with_archive(env={"ARCHIVE_DEFAULT": "never"})
async def test_default_of_the_server(archive_stack, talker):
    alice, bob = await talker("alice"), await talker("bob")
    assert await alice.prefs() == ("never", [], [])
    await said(alice, bob, "1")
    await alice.prefs("always")
    await said(alice, bob, "2")
    assert await alice.bodies() == ["2"] and await bob.bodies() == []
    # Who is not there gets it all the same.
    archive_stack.add_account("carol")
    await alice.say("carol@localhost", "3")
    await alice.raw.sync()
    carol = await talker("carol")
    await carol.raw.wait("message", body="3")
    assert await carol.bodies() == []


async def test_refused(archive_stack, talker):
    alice = await talker("alice")
    assert await alice.prefs("sometimes") == "bad-request"
    assert await alice.prefs("never", always=["@"]) == "jid-malformed"
    many = [f"u{n}@localhost" for n in range(251)]
    assert await alice.prefs("never", always=many, never=many) == "not-acceptable"
    assert await alice.prefs() == ("always", [], [])
    assert (await alice.prefs("never", always=many, never=many[2:]))[0] == "never"


async def test_as_slixmpp_asks(archive_stack, client):
    alice = await client("alice", plugins=("xep_0313", "xep_0441"))
    prefs = alice["xep_0441"]
    answer = await prefs.set_preferences(default="roster", always=["bob@localhost"],
                                         never=["carol@localhost"])
    assert answer["mam_prefs"]["default"] == "roster"
    default, always, never = await prefs.get_preferences()
    assert (default, *always, *never) == ("roster", "bob@localhost", "carol@localhost")


async def test_they_stay(archive_stack, talker):
    alice = await talker("alice")
    want = ("roster", ["bob@localhost", "example.net"], ["carol@localhost/x"])
    assert await alice.prefs(*want) == want
    for end in "kill9", "term":
        getattr(archive_stack.components["archive"], end)()
        archive_stack.components["archive"].start()
        archive_stack.ready()
        assert await alice.prefs() == want


# --- retraction -----------------------------------------------------------------------------------

def retract(ident):
    return f"<retract xmlns='{RETRACT}' id='{ident}'/><store xmlns='urn:xmpp:hints'/>"


async def test_tombstones(archive_stack, talker):
    alice, bob = await talker("alice"), await talker("bob")
    other = await talker("alice", "b")
    await said(alice, bob, "secret", "other")
    await other.say(bob.bare, "taken back", id="back", more=retract("id-secret"))
    await bob.raw.wait("message", body="taken back")
    for who in alice, bob:
        page = await who.query()
        assert page.bodies == [None, "other", "taken back"]
        stone, *_ = page.messages
        left, = stone
        assert left.tag == f"{{{RETRACT}}}retracted" and left.get("id") == "back"
        assert (stone.get("id"), stone.get("from")) == ("id-secret", alice.jid)
        assert "secret" not in xml.show(left)


@pytest.mark.parametrize("who", ["recipient", "stranger"])
async def test_others_take_nothing_back(archive_stack, talker, who):
    alice, bob, carol = [await talker(u) for u in ("alice", "bob", "carol")]
    await said(alice, bob, "stays")
    liar, to = (bob, alice) if who == "recipient" else (carol, bob)
    await liar.say(to.bare, "a lie", more=retract("id-stays"))
    await to.raw.wait("message", body="a lie")
    assert "stays" in await bob.bodies() and "stays" in await alice.bodies()


async def test_one_that_waits(archive_stack, talker):
    alice = await talker("alice")
    archive_stack.add_account("bob")
    await alice.say("bob@localhost", "secret", id="s")
    await alice.say("bob@localhost", "taken back", id="back", more=retract("s"))
    await alice.raw.sync()
    bob = await talker("bob")
    await bob.raw.wait("message", body="taken back")
    assert "secret" not in bob.raw.inbox.text()
    await until(lambda: count(archive_stack, "offline") == 0)
