# SPDX-License-Identifier: MIT
"""Messages for whom nobody is there (docs/component-protocol.md 5): they wait in the archive, which
is asked when somebody comes."""

import pytest

from lib import tap
from lib.faults import let_pass
from lib.im import messages
from lib.link import enabled, in_state, row
from lib.managed import BODY, asleep
from lib.tap import ARCHIVE, SECRET, keeper, stanza_ids  # noqa: F401: a fixture
from lib.wait import until

from test_taps import ALICE, BOB, HINTS, message, refused, settings, stack  # noqa: F401: a fixture


def waiting(ident, uid, by=BOB):
    return (f"<message xmlns='jabber:client' from='{ALICE}/phone' to='{by}' type='chat' id='{ident}'>"
            f"{BODY}<stanza-id xmlns='{tap.SID}' by='{by}' id='{uid}'/></message>")


async def given(archive, one, n=1):
    """It comes, and is given m1 in answer to the n-th question for its account."""
    await archive.answer(await archive.asked(n=n), [waiting("m1", "u1")], last="u1")
    await one.raw.wait("message", id="m1")


async def test_offline(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    stack.add_account("bob")
    await alice.say(BOB, "m1")
    event = await archive.event("m1", state="offline")
    assert event.kept() == {ALICE, BOB} and event.state(ALICE) is None
    await archive.ack()
    await alice.raw.sync()
    assert not alice.raw.inbox.find("message", type="error")
    bob = await managed("bob")
    iq = await archive.asked()
    await archive.answer(iq, [waiting("m1", event.uid(BOB)), waiting("m2", "u2")], last="u2")
    first = await bob.raw.wait("message", id="m1")
    assert stanza_ids(first) == {BOB: event.uid(BOB)}
    assert first.find("{urn:xmpp:delay}delay").get("stamp") == "2026-01-31T12:00:00Z"
    await bob.raw.wait("message", id="m2")
    await alice.raw.sync()
    assert len(archive.raw.inbox.find("iq", from_=BOB)) == 1  # not before bob has them
    await bob.ack()
    await archive.answer(await archive.asked(after="u2"))
    await bob.raw.sync()
    assert messages(bob.raw) == ["m1", "m2"]
    assert [e.id for e in archive.events()] == ["m1"]  # what came this way is not told again


async def test_not_before_it_is_available(stack, keeper, managed):
    archive = await keeper()
    bob = await managed("bob", presence=False)
    await bob.raw.send("<presence><priority>-1</priority></presence>")
    await bob.raw.sync()
    alice = await managed("alice")
    await alice.say(BOB, "m1")
    assert (await archive.event("m1")).state(BOB) == "offline"
    asked = archive.raw.inbox.find("iq", from_=BOB)
    assert not asked
    await bob.raw.send("<presence/>")
    await archive.raw.wait("iq", from_=BOB)
    await bob.raw.send("<presence/>")
    await bob.raw.sync()
    assert len(archive.raw.inbox.find("iq", from_=BOB)) == 1


async def test_who_comes_back_is_not_given_the_same_again(stack, keeper, managed):
    """Neither what it has not acknowledged yet nor what it has while it was out of sight."""
    archive = await keeper()
    bob = await managed("bob")
    await archive.answer(await archive.asked(), [waiting("m1", "u1")], last="u1")
    await bob.raw.wait("message", id="m1")
    for presence in ("<presence type='unavailable'/>", "<presence/>",
                     "<presence><priority>-1</priority></presence>", "<presence/>"):
        await bob.raw.send(presence)
    await bob.raw.sync()
    assert len(archive.raw.inbox.find("iq", from_=BOB)) == 1
    await bob.ack()
    await archive.answer(await archive.asked(after="u1"), [waiting("m2", "u2")], last="u2")
    await bob.raw.wait("message", id="m2")
    await bob.raw.send("<presence type='unavailable'/>")
    await bob.ack()
    await bob.raw.sync()
    assert len(archive.raw.inbox.find("iq", from_=BOB)) == 2
    await bob.raw.send("<presence/>")
    await archive.answer(await archive.asked(after="u2"))
    await bob.raw.sync()
    assert messages(bob.raw) == ["m1", "m2"]


@pytest.mark.parametrize("when", ["asked", "given"])
async def test_older_than_what_was_given(stack, keeper, managed, when):
    """A message that expires while another session is given a page may lie before its end: it is
    not over with it."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await archive.answer(await archive.asked())
    await asleep(bob, stack)
    await alice.raw.send(message(bob.raw.jid, "m1", type_="normal"))
    await archive.event("m1", state="asleep")
    await alice.raw.send(message(f"{BOB}/nowhere", "m2", type_="normal"))
    uid = (await archive.event("m2", state="offline")).uid(BOB)
    desk = await managed("bob", "desk")
    iq = await archive.asked(n=2)
    if when == "given":
        await archive.answer(iq, [waiting("m2", uid)], last=uid)
        await desk.raw.wait("message", id="m2")
    stack.ctl("session", "kick", bob.raw.jid)
    await until(lambda: archive.events()[-1].state(BOB) == "expired", "it ends")
    if when == "asked":
        await archive.answer(iq, [waiting("m2", uid)], last=uid)
        await desk.raw.wait("message", id="m2")
    await desk.ack()
    older = archive.events()[-1].uid(BOB)
    assert older < uid
    await archive.answer(await archive.asked(n=3), [waiting("m1", older), waiting("m2", uid)], last=uid)
    await desk.raw.wait("message", id="m1")
    await desk.ack()
    await archive.asked(after=uid)


async def test_session_ends_before_it_has_them(stack, keeper, managed):
    archive = await keeper()
    bob = await managed("bob")
    await given(archive, bob)
    await bob.raw.send("</stream:stream>")
    await bob.raw.wait_closed()
    again = await managed("bob")
    await given(archive, again, 2)
    await again.ack()
    await archive.asked(after="u1")
    assert not archive.events()  # its queue is nobody's loss


async def test_without_acknowledgements(stack, keeper, managed):
    archive = await keeper()
    bob = await managed("bob", enable=False)
    await given(archive, bob)
    await archive.answer(await archive.asked(after="u1"))


async def test_second_client_meanwhile(stack, keeper, managed):
    """One session of an account is given what waits; if it falls asleep over it, the other one."""
    archive = await keeper()
    bob = await managed("bob")
    await given(archive, bob)
    desk = await managed("bob", "desk")
    await desk.raw.sync()
    assert len(archive.raw.inbox.find("iq", from_=BOB)) == 1
    await asleep(bob, stack)
    couch = await managed("bob", "couch")
    await given(archive, couch, 2)


async def test_archive_is_away_when_somebody_comes(stack, keeper, managed):
    bob = await managed("bob")
    archive = await keeper()
    await given(archive, bob)


async def test_error_for_an_answer(stack, keeper, managed, clock):
    archive = await keeper()
    bob = await managed("bob")
    iq = await archive.asked()
    await archive.raw.send(
        f"<iq type='error' id='{iq.get('id')}' from='{ARCHIVE}' to='{BOB}'><error type='wait'>"
        f"<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    await bob.raw.sync()
    await let_pass(clock, 31)
    await given(archive, bob, 2)


async def test_queue_that_expires(stack, keeper, managed):
    """The archive has the message already: it is told of the end alone."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await asleep(bob, stack)
    await alice.say(BOB, "m1")
    event = await archive.event("m1")
    assert event.state(BOB) == "asleep"
    session = event.owners[BOB].find(f"{{{tap.TAP}}}session")
    assert (session.get("resource"), session.get("state")) == ("phone", "asleep")
    await archive.ack()
    stack.ctl("session", "kick", bob.raw.jid)
    await until(lambda: len(archive.events()) == 2)
    expired = archive.events()[1]
    assert expired.state(BOB) == "expired" and expired.uid(BOB) == event.uid(BOB)
    assert expired.message is None and not expired.kept()
    await alice.raw.sync()
    assert not alice.raw.inbox.find("message", type="error")


async def test_queue_that_expires_while_the_archive_is_away(stack, keeper, managed, clock):
    """Nobody would hear of an error any more: it waits until it can be said."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await asleep(bob, stack)
    await alice.say(BOB, "m1")
    event = await archive.event("m1")
    await archive.ack()
    await alice.raw.sync()
    await archive.link.cut()
    await in_state(stack, ARCHIVE, "grace")
    stack.ctl("session", "kick", bob.raw.jid)
    await until(lambda: len(stack.ctl("session", "list")) == 1, "it ends")
    await let_pass(clock, 11)
    await in_state(stack, ARCHIVE, "away")
    again = await keeper()
    await until(lambda: again.events(), "the end of the queue")
    expired = again.events()[-1]
    assert expired.state(BOB) == "expired" and expired.uid(BOB) == event.uid(BOB)
    assert not alice.raw.inbox.find("message", type="error")


async def test_queue_that_expires_beside_another_client(stack, keeper, managed):
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await asleep(bob, stack)
    await alice.say(BOB, "m1")
    uid = (await archive.event("m1")).uid(BOB)
    desk = await managed("bob", "desk")
    stack.ctl("session", "kick", bob.raw.jid)
    assert stanza_ids(await desk.raw.wait("message", id="m1")) == {BOB: uid}
    await alice.raw.sync()
    assert len(archive.events()) == 1


async def test_nobody_looks(stack, keeper, managed):
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await bob.raw.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await bob.asked()
    await alice.say(BOB, "m1")
    assert (await archive.event("m1")).state(BOB) == "inactive"
    desk = await managed("bob", "desk")
    await desk.raw.sync()
    await alice.say(BOB, "m2")
    assert (await archive.event("m2")).state(BOB) is None


async def test_for_nobody_and_not_to_be_stored(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    stack.add_account("bob")
    await alice.raw.send(message(BOB, "m1", BODY + f"<no-store xmlns='{HINTS}'/>"))
    await refused(alice, "m1", "service-unavailable")
    await alice.raw.send(message(BOB, "m2", BODY + f"<no-permanent-store xmlns='{HINTS}'/>"))
    event = await archive.event("m2", state="offline")
    assert not event.kept() and set(event.owners) == {BOB}


@settings(tap='{"messages"}')
async def test_archive_that_keeps_nothing_for_later(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    stack.add_account("bob")
    await alice.say(BOB, "m1")
    await refused(alice, "m1", "service-unavailable")
    await managed("bob")
    await alice.say(BOB, "end")
    await archive.event("end")
    assert [e.id for e in archive.events()] == ["end"]
    assert not archive.raw.inbox.find("iq", from_=BOB)


@settings(tap='{"undelivered"}')
async def test_who_wakes_phones(stack, keeper, managed):
    """It hears of what nobody sees, nothing waits for it, and it keeps nothing."""
    pusher = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    h = await alice.asked()
    await alice.say(BOB, "m1")
    assert not stanza_ids(await bob.raw.wait("message", id="m1"))
    await bob.raw.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await bob.asked()
    await alice.say(BOB, "m2")
    event = await pusher.event("m2", state="inactive")
    assert set(event.owners) == {BOB} and not event.kept()
    assert await alice.asked() == h + 2
    assert [e.id for e in pusher.events()] == ["m2"]
    stack.add_account("carol")
    await alice.say("carol@localhost", "m3")
    await refused(alice, "m3", "service-unavailable")


PUSHER = "pusher.localhost"


@settings(beside=f'component pusher {{\n  domain = "{PUSHER}"\n  secret = "{SECRET}"\n'
                 '  internal = "true"\n  link_grace = "1"\n  tap = { "undelivered" }\n}\n')
async def test_who_wakes_phones_beside_an_archive(stack, keeper, managed, raw_client, clock):
    """What is the archive's is not told to others, and waits for nobody else."""
    archive = await keeper()
    pusher = tap.Keeper(await enabled(raw_client, stack, PUSHER, SECRET))
    alice, bob = await managed("alice"), await managed("bob")
    stack.add_account("carol")
    h = await alice.asked()
    await alice.say("carol@localhost", "m1")
    await archive.event("m1", state="offline")
    await bob.raw.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await bob.asked()
    await alice.say(BOB, "m2")
    await pusher.event("m2", state="inactive")
    await archive.ack()
    await archive.event("m2", state="inactive")
    await archive.ack()
    await alice.counted(h + 2)
    assert [e.id for e in pusher.events()] == ["m2"]
    await pusher.raw.drop(reset=True)
    await let_pass(clock, 3)
    await in_state(stack, PUSHER, "away")
    assert not row(stack, PUSHER)["queued"]
    await alice.say("carol@localhost", "m3")
    await archive.event("m3", state="offline")
    await archive.ack()
    await alice.counted(h + 3)
    assert not alice.raw.inbox.find("message", type="error")


@settings(link_queue="64k")
async def test_what_is_not_kept_has_its_bound_in_the_queue_too(stack, keeper, managed):
    """Nobody's message waits for such an event, so that nothing but the queue holds it back."""
    await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await bob.raw.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await bob.asked()
    brief = BODY + f"<no-permanent-store xmlns='{HINTS}'/>"
    for n in range(100):
        await alice.raw.send(message(BOB, f"m{n}", brief))
    await bob.raw.wait("message", id="m99")
    await alice.raw.sync()
    assert messages(bob.raw) == [f"m{n}" for n in range(100)]
    assert not alice.raw.inbox.find("message", type="error")
    assert 0 < row(stack, ARCHIVE)["unacknowledged"] < 60
