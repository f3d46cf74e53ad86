# SPDX-License-Identifier: MIT
"""Message taps (docs/component-protocol.md 5) where something goes away: a grant, the archive's
acknowledgements, the session that is given what waited; and answers that are none."""

from lib import tap
from lib.im import messages
from lib.link import connect, enabled, in_state, row
from lib.managed import BODY, asleep
from lib.tap import ARCHIVE, SECRET, keeper, section, stanza_ids  # noqa: F401: a fixture
from lib.wait import until

from test_taps import ALICE, BOB, HINTS, message, refused, settings, stack  # noqa: F401: a fixture
from test_taps_offline import waiting


# --- grants that are taken away -------------------------------------------------------------------

async def test_grant_that_goes_while_a_page_is_given(stack, keeper, managed):
    """Nothing more is asked, and messages go as if there were no archive; then it is there again."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await archive.answer(await archive.asked(), [waiting("m1", "u1")], last="u1")
    await bob.raw.wait("message", id="m1")
    await stack.router.reload(section(tap='{"accounts"}'))
    await bob.ack()
    await bob.raw.sync()
    assert len(archive.raw.inbox.find("iq", from_=BOB)) == 1
    await alice.say(BOB, "m2")
    assert not stanza_ids(await bob.raw.wait("message", id="m2"))
    stack.add_account("carol")
    await alice.say("carol@localhost", "m3")
    await refused(alice, "m3", "service-unavailable")
    assert not archive.events()
    await stack.router.reload(section())
    await bob.raw.send("<presence type='unavailable'/><presence/>")
    await archive.asked(after="u1")
    await alice.say(BOB, "m4")
    assert (await archive.event("m4")).kept() == {ALICE, BOB}


async def test_grant_that_goes_while_events_wait(stack, keeper, managed):
    """What was an archive's when it was said is told, and counts when that is acknowledged."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    h = await alice.asked()
    await archive.link.cut()
    await in_state(stack, ARCHIVE, "grace")
    await alice.say(BOB, "m1")
    await bob.raw.wait("message", id="m1")
    await stack.router.reload(section(tap="{}"))
    assert await alice.asked() == h
    again = await keeper()
    await again.event("m1")
    await again.ack()
    await until(lambda: alice.acks()[-1] == h + 1, "it counts")


async def test_archive_that_leaves_the_configuration(stack, keeper, managed):
    """What nobody has is refused, what bob has got is his."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    stack.add_account("carol")
    h = await alice.asked()
    await alice.say(BOB, "m1")
    await alice.say("carol@localhost", "m2")
    await archive.event("m2")
    await stack.router.reload("log_level = debug\n")
    await refused(alice, "m2")
    await alice.counted(h + 2)
    assert messages(bob.raw) == ["m1"]
    await bob.raw.send("<presence type='unavailable'/><presence/>")
    await alice.say(BOB, "m3")
    await bob.raw.wait("message", id="m3")


# --- links ----------------------------------------------------------------------------------------

async def test_back_without_acknowledgements(stack, keeper, managed, raw_client):
    """Events that waited for it are given up: nobody could say that they are kept."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    stack.add_account("carol")
    h = await alice.asked()
    await archive.link.cut()
    await in_state(stack, ARCHIVE, "grace")
    await alice.say(BOB, "m1")
    await alice.say("carol@localhost", "m2")
    await bob.raw.wait("message", id="m1")
    plain = await connect(raw_client, stack, ARCHIVE, SECRET, attributes="")
    await refused(alice, "m2")
    await alice.counted(h + 2)
    await stack.router.wait_log("a message that somebody has got was not archived")
    assert not plain.raw.inbox.find("message")
    assert not row(stack, ARCHIVE)["queued"]


@settings(link_grace="0")
async def test_no_grace_at_all(stack, keeper, managed):
    alice = await managed("alice")
    await managed("bob")
    await alice.say(BOB, "m1")
    await refused(alice, "m1")
    archive = await keeper()
    await alice.say(BOB, "m2")
    await archive.event("m2")


GATE = "gate.localhost"


@settings(beside=f'component gate {{\n  domain = "{GATE}"\n  secret = "{SECRET}"\n  e2e = "trusted"\n}}\n')
async def test_what_leaves_for_a_component(stack, keeper, managed, raw_client):
    """Its sender's archive has it, and nobody else is concerned."""
    archive = await keeper()
    gate = await enabled(raw_client, stack, GATE, SECRET)
    alice = await managed("alice")
    h = await alice.asked()
    await alice.say(f"somebody@{GATE}", "m1")
    event = await archive.event("m1")
    assert event.kept() == {ALICE} == set(event.owners) and event.state(ALICE) is None
    assert not stanza_ids(await gate.raw.wait("message", id="m1"))
    await gate.ack(len(gate.stanzas()))
    assert await alice.asked() == h
    await archive.ack()
    await until(lambda: alice.acks()[-1] == h + 1, "it counts")


# --- where nobody looks ---------------------------------------------------------------------------

async def test_who_is_told_nothing_anyhow_shows_nothing(stack, keeper, managed):
    """Sessions of negative priority, or that are not available."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    low = await managed("bob", "low", presence=False)
    await low.raw.send("<presence><priority>-1</priority></presence>")
    await low.raw.sync()
    await managed("bob", "out", presence=False)
    await bob.raw.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await bob.asked()
    await alice.say(BOB, "m1")
    event = await archive.event("m1", state="inactive")
    sessions = event.owners[BOB].findall(f"{{{tap.TAP}}}session")
    assert [s.get("resource") for s in sessions] == ["phone"]
    desk = await managed("bob", "desk")
    await asleep(desk, stack)
    await alice.say(BOB, "m2")
    event = await archive.event("m2", state="inactive")
    states = {s.get("resource"): s.get("state")
              for s in event.owners[BOB].findall(f"{{{tap.TAP}}}session")}
    assert states == {"phone": "inactive", "desk": "asleep"}


# --- pages ----------------------------------------------------------------------------------------

async def test_page_that_is_none(stack, keeper, managed):
    """Without a message there is nothing to give; all of it is over with the next question."""
    archive = await keeper()
    bob = await managed("bob")
    iq = await archive.asked()
    await archive.raw.send(
        f"<iq type='result' id='{iq.get('id')}' from='{ARCHIVE}' to='{BOB}'>"
        f"<offline xmlns='{tap.TAP}' last='u2'><forwarded xmlns='urn:xmpp:forward:0'/>"
        f"<forwarded xmlns='urn:xmpp:forward:0'>{waiting('m1', 'u1')}</forwarded></offline></iq>")
    got = await bob.raw.wait("message", id="m1")
    assert got.find("{urn:xmpp:delay}delay") is None
    await bob.ack()
    await archive.answer(await archive.asked(after="u2"))
    await bob.raw.sync()
    assert messages(bob.raw) == ["m1"]


@settings(max_stanza="20k")
async def test_too_long_to_wait(stack, keeper, managed):
    """What is not for the archive is not looked at for its length before: who sent it hears of it,
    and what comes behind it goes on."""
    archive = await keeper()
    alice = await managed("alice")
    stack.add_account("bob")
    h = await alice.asked()
    brief = BODY + f"<no-permanent-store xmlns='{HINTS}'/>"
    await alice.raw.send(message(BOB, "m1", brief + "<x xmlns='urn:x'>" + "x" * 20000 + "</x>"))
    await alice.raw.send(message(BOB, "m2", brief))
    await refused(alice, "m1")
    await archive.event("m2", state="offline")
    await archive.ack()
    await alice.counted(h + 2)
    assert [e.id for e in archive.events()] == ["m2"]


@settings(env={"LIMIT_SM_STANZAS": "10"})
async def test_page_that_is_too_long_for_who_sleeps(stack, keeper, managed):
    """It ends over it; nothing of the page is over, and the next one gets all."""
    archive = await keeper()
    bob = await managed("bob")
    await bob.ack()
    await bob.raw.sync()
    await bob.ack()
    iq = await archive.asked()
    await asleep(bob, stack)
    page = [waiting(f"m{n}", f"u{n}") for n in range(20)]
    await archive.answer(iq, page, last="u19")
    await until(lambda: not stack.ctl("session", "list"), "it ends")
    again = await managed("bob", "desk")
    await archive.answer(await archive.asked(n=2), page, last="u19")
    await again.raw.wait("message", id="m19")
    assert messages(again.raw) == [f"m{n}" for n in range(20)]
