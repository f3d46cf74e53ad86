# SPDX-License-Identifier: MIT
"""Messages that an archive is told of (docs/component-protocol.md 5): what is kept and under which
id, when it counts as handled, and what becomes of it while the archive is not there."""

import re

import pytest

from lib import tap
from lib.faults import let_pass
from lib.im import messages
from lib.inbox import error_condition
from lib.link import connect, in_state, row
from lib.managed import BODY
from lib.tap import ARCHIVE, SECRET, keeper, section, stanza_ids  # noqa: F401: a fixture
from lib.wait import until

ALICE, BOB = "alice@localhost", "bob@localhost"
V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def stack(request, make_stack):
    """settings(...) says what is different of the archive's section and of the environment, and what
    stands beside that section."""
    rows = dict(getattr(request, "param", {}))
    beside, env = rows.pop("beside", ""), rows.pop("env", {})
    return make_stack(components=(), conf_d=section(**rows) + beside,
                      env={"LIMIT_SESSION_RATE": "0", **env})


def settings(**rows):
    return pytest.mark.parametrize("stack", [rows], indirect=True, ids=[""])


def message(to, ident, payload=BODY, type_="chat"):
    return f"<message to='{to}' type='{type_}' id='{ident}'>{payload}</message>"


async def refused(one, ident, condition="resource-constraint"):
    error = await one.raw.wait("message", id=ident, type="error")
    assert error_condition(error) == condition
    return error


# --- what is kept ---------------------------------------------------------------------------------

async def test_one_event_for_both_owners(stack, keeper, managed):
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    desk = await managed("alice", "desk")
    await desk.raw.iq("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    await alice.say(BOB, "m1")
    event = await archive.event("m1")
    assert event.kept() == {ALICE, BOB}
    assert event.element.get("from") == "localhost"
    assert all(V7.fullmatch(event.uid(who)) for who in (ALICE, BOB))
    assert event.uid(ALICE) < event.uid(BOB)
    assert not stanza_ids(event.message)
    got = await bob.raw.wait("message", id="m1")
    assert stanza_ids(got) == {BOB: event.uid(BOB)}
    copy = await desk.raw.wait("message", has="{urn:xmpp:carbons:2}sent")
    assert stanza_ids(copy.find(f".//{tap.FORWARDED}/{tap.MESSAGE}")) == {ALICE: event.uid(ALICE)}
    assert len(archive.events()) == 1


async def test_ids_grow(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    await managed("bob")
    for n in range(20):
        await alice.say(BOB, f"a{n}")
    await archive.event("a19")
    before = [e.uid(BOB) for e in archive.events()]
    await archive.ack()
    stack.router.kill9()
    stack.router.start()
    stack.ready()
    again = await keeper()
    alice = await managed("alice")
    await alice.say(BOB, "b0")
    uids = before + [(await again.event("b0")).uid(BOB)]
    assert uids == sorted(set(uids))


async def test_to_oneself(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    await alice.say(ALICE, "m1")
    event = await archive.event("m1")
    assert event.kept() == {ALICE}
    assert stanza_ids(await alice.raw.wait("message", id="m1")) == {ALICE: event.uid(ALICE)}


async def test_what_others_say_in_our_name_is_taken_away(stack, keeper, managed):
    await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    forged = "".join(f"<stanza-id xmlns='{tap.SID}' by='{by}' id='forged'/>" for by in (
        BOB, "localhost", "BOB@localhost", "somebody@localhost/x", "room@conference.example"))
    await alice.raw.send(message(BOB, "m1", BODY + forged + f"<stanza-id xmlns='{tap.SID}' id='x'/>"))
    ids = stanza_ids(await bob.raw.wait("message", id="m1"))
    assert set(ids) == {BOB, "room@conference.example"} and ids[BOB] != "forged"
    await alice.raw.send(message(BOB, "m2", f"<composing xmlns='urn:x'/>{forged}"))
    assert set(stanza_ids(await bob.raw.wait("message", id="m2"))) == {"room@conference.example"}


HINTS = "urn:xmpp:hints"
KEPT = {
    "a body that is encrypted": ("chat", BODY),
    "of type normal": ("normal", BODY),
    "a receipt": ("chat", "<received xmlns='urn:xmpp:receipts' id='1'/>"),
    "a marker": ("chat", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"),
    "a call": ("chat", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>"),
    "a reaction": ("chat", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>"),
    "a chat state that is to be stored": (
        "chat", f"<active xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='{HINTS}'/>"),
}
NOT_KEPT = {
    "a chat state": ("chat", "<active xmlns='http://jabber.org/protocol/chatstates'/>"),
    "no-store": ("chat", BODY + f"<no-store xmlns='{HINTS}'/>"),
    "no-permanent-store": ("chat", BODY + f"<no-permanent-store xmlns='{HINTS}'/>"),
    "a headline": ("headline", BODY),
    "an error": ("error", BODY),
    "something unknown": ("chat", "<x xmlns='urn:example:x'/>"),
}


async def test_what_is_worth_it(stack, keeper, managed):
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    for table, name in ((KEPT, "k"), (NOT_KEPT, "n")):
        for n, (type_, payload) in enumerate(table.values()):
            payload = payload.replace("<store xmlns='urn:xmpp:hints'/></", "</")
            await alice.raw.send(message(bob.raw.jid, f"{name}{n}", payload, type_))
    await alice.say(BOB, "end")
    await archive.event("end")
    assert [e.id for e in archive.events()] == [f"k{n}" for n in range(len(KEPT))] + ["end"]
    for n in range(len(NOT_KEPT)):
        assert not stanza_ids(await bob.raw.wait("message", id=f"n{n}"))


async def test_nobody_of_that_name(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    await alice.say("nobody@localhost", "m1")
    await refused(alice, "m1", "service-unavailable")
    await alice.say("nobody@elsewhere.example", "m2")
    await refused(alice, "m2", "remote-server-not-found")
    await alice.say(ALICE, "end")
    await archive.event("end")
    assert [e.id for e in archive.events()] == ["end"]


# --- what is acknowledged is kept -----------------------------------------------------------------

async def test_handled_when_it_is_acknowledged(stack, keeper, managed):
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    h = await alice.asked()
    await alice.say(BOB, "m1")
    await bob.raw.wait("message", id="m1")
    await archive.event("m1")
    assert await alice.asked() == h
    await archive.ack()
    await until(lambda: alice.acks()[-1] == h + 1, "an <a/> that nobody asked for")


async def test_out_of_the_order_of_others(stack, keeper, managed):
    """What needs no archive is answered, and counts behind what does."""
    archive = await keeper()
    alice = await managed("alice")
    await managed("bob")
    h = await alice.asked()
    await alice.say(BOB, "m1")
    await alice.raw.sync()
    assert await alice.asked() == h
    await archive.event("m1")
    await archive.ack()
    await until(lambda: alice.acks()[-1] == h + 2, "both")


async def test_archive_that_comes_behind_the_router(stack, keeper, managed):
    """Nothing is refused meanwhile, and nothing counts as handled."""
    alice, bob = await managed("alice"), await managed("bob")
    h = await alice.asked()
    await alice.say(BOB, "m1")
    await bob.raw.wait("message", id="m1")
    assert await alice.asked() == h
    archive = await keeper()
    await archive.event("m1")
    await archive.ack()
    await until(lambda: alice.acks()[-1] == h + 1, "it counts")


async def test_archive_that_never_came(stack, managed, clock):
    alice, bob = await managed("alice"), await managed("bob")
    await let_pass(clock, 11)
    await in_state(stack, ARCHIVE, "away")
    await alice.say(BOB, "m1")
    error = await refused(alice, "m1")
    assert error.find("{jabber:client}error").get("type") == "wait"
    await alice.raw.send(message(bob.raw.jid, "m2", "<x xmlns='urn:example:x'/>"))
    await bob.raw.wait("message", id="m2")
    assert messages(bob.raw) == ["m2"]


async def test_archive_without_acknowledgements(stack, raw_client, managed):
    await connect(raw_client, stack, ARCHIVE, SECRET, attributes="")
    alice, bob = await managed("alice"), await managed("bob")
    await alice.say(BOB, "m1")
    await refused(alice, "m1")
    await bob.raw.sync()
    assert not messages(bob.raw)


async def test_gone_for_a_moment(stack, keeper, managed):
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    h = await alice.asked()
    await archive.link.cut()
    await in_state(stack, ARCHIVE, "grace")
    await alice.say(BOB, "m1")
    await bob.raw.wait("message", id="m1")
    assert await alice.asked() == h
    again = await keeper()
    event = await again.event("m1")
    await again.ack()
    await until(lambda: alice.acks()[-1] == h + 1, "it counts")
    assert stanza_ids(bob.raw.inbox.find("message", id="m1")[0]) == {BOB: event.uid(BOB)}


async def test_gone_for_too_long(stack, keeper, managed, clock):
    """What bob has got counts as handled, and the archive hears of it when it comes back; what
    nobody has got is refused, and so is what comes then."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    stack.add_account("carol")
    h = await alice.asked()
    await archive.link.cut()
    await in_state(stack, ARCHIVE, "grace")
    await alice.say(BOB, "m1")
    await alice.say("carol@localhost", "m2")
    await bob.raw.wait("message", id="m1")
    assert await alice.asked() == h
    await let_pass(clock, 11)
    await in_state(stack, ARCHIVE, "away")
    await refused(alice, "m2")
    await until(lambda: alice.acks()[-1] == h + 2, "both count")
    await alice.say(BOB, "m3")
    await refused(alice, "m3")
    again = await keeper()
    assert (await again.event("m1")).kept() == {ALICE, BOB}
    await alice.say(BOB, "m4")
    await again.event("m4")
    assert [e.id for e in again.events()] == ["m1", "m4"]
    assert messages(bob.raw) == ["m1", "m4"]


async def test_what_was_sent_and_not_acknowledged_comes_again(stack, keeper, managed, clock):
    archive = await keeper()
    alice = await managed("alice")
    await managed("bob")
    await alice.say(BOB, "m1")
    first = await archive.event("m1")
    await archive.link.cut()
    await in_state(stack, ARCHIVE, "grace")
    await let_pass(clock, 11)
    await in_state(stack, ARCHIVE, "away")
    again = await keeper()
    assert (await again.event("m1")).uid(BOB) == first.uid(BOB)


@settings(link_queue="64k")
async def test_archive_that_takes_no_more(stack, keeper, managed):
    """One sender fills his share, and others go on."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    carol = await managed("carol")
    n = 0
    while not alice.raw.inbox.find("message", type="error"):
        await alice.say(BOB, f"m{n}")
        await alice.raw.sync()
        n += 1
        assert n < 60
    await refused(alice, f"m{n - 1}")
    await carol.say(BOB, "c1")
    await bob.raw.wait("message", id="c1")
    await archive.event("c1")
    assert messages(bob.raw) == [f"m{i}" for i in range(n - 1)] + ["c1"]
    await archive.ack()
    await alice.say(BOB, "after")
    await bob.raw.wait("message", id="after")


@settings(max_stanza="20k")
async def test_too_long_for_the_archive(stack, keeper, managed):
    """It is refused before anybody gets it."""
    archive = await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    await alice.raw.send(message(BOB, "m1", BODY + "<x xmlns='urn:x'>" + "x" * 20000 + "</x>"))
    await refused(alice, "m1", "not-acceptable")
    await alice.say(BOB, "m2")
    await archive.event("m2")
    await bob.raw.wait("message", id="m2")
    assert messages(bob.raw) == ["m2"]


async def test_who_waits_too_long_is_told(stack, keeper, managed, clock):
    """64 wait; after five seconds all else is read, and what would have to wait is refused."""
    await keeper()
    alice, bob = await managed("alice"), await managed("bob")
    for n in range(70):
        await alice.say(BOB, f"m{n}")
    await bob.raw.wait("message", id="m63")
    await let_pass(clock, 6)
    await refused(alice, "m64")
    await refused(alice, "m69")
    await alice.raw.sync()
    assert messages(bob.raw) == [f"m{n}" for n in range(64)]


# --- preferences ----------------------------------------------------------------------------------

async def prefer(archive, who, default, always=(), never=(), ident="p"):
    lists = "".join(f"<{name}>" + "".join(f"<jid>{j}</jid>" for j in jids) + f"</{name}>"
                    for name, jids in (("always", always), ("never", never)))
    await archive.raw.send(f"<iq type='set' id='{ident}' from='{ARCHIVE}' to='{who}'>"
                           f"<prefs xmlns='{tap.TAP}' default='{default}'>{lists}</prefs></iq>")
    return await archive.raw.wait("iq", id=ident)


async def test_preferences(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    bob, carol = await managed("bob"), await managed("carol")

    async def kept(ident):
        await alice.say(BOB, ident)
        await alice.raw.sync()
        await carol.say("carol@localhost", f"{ident}-end")
        await archive.event(f"{ident}-end")
        events = [e for e in archive.events() if e.id == ident]
        return events[0].kept() if events else set()

    assert await kept("m0") == {ALICE, BOB}
    assert (await prefer(archive, BOB, "never", ident="p1")).get("type") == "result"
    assert await kept("m1") == {ALICE}
    assert not stanza_ids(await bob.raw.wait("message", id="m1"))
    assert (await prefer(archive, BOB, "never", always=[ALICE], ident="p2")).get("type") == "result"
    assert await kept("m2") == {ALICE, BOB}
    await prefer(archive, BOB, "always", always=[ALICE], never=["localhost"], ident="p3")
    assert await kept("m3") == {ALICE}
    await prefer(archive, BOB, "roster", ident="p4")
    assert await kept("m4") == {ALICE}
    await bob.raw.send(f"<presence type='subscribe' to='{ALICE}'/>")
    await alice.raw.wait("presence", type="subscribe")
    await alice.raw.send(f"<presence type='subscribed' to='{BOB}'/>")
    await bob.raw.wait("presence", type="subscribed")
    assert await kept("m5") == {ALICE, BOB}
    await prefer(archive, ALICE, "never", ident="p5")
    await prefer(archive, BOB, "never", ident="p6")
    assert await kept("m6") == set()
    stack.router.kill9()
    stack.router.start()
    stack.ready()
    archive, alice, bob = await keeper(), await managed("alice"), await managed("bob")
    await alice.say(BOB, "m7")
    await bob.raw.wait("message", id="m7")
    assert not archive.events()


async def test_offline_is_no_matter_of_preferences(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    stack.add_account("bob")
    await prefer(archive, BOB, "never")
    await alice.say(BOB, "m1")
    event = await archive.event("m1", state="offline")
    assert event.kept() == {ALICE} and set(event.owners) == {ALICE, BOB}


async def test_a_deleted_account_prefers_nothing(stack, keeper, managed):
    archive = await keeper()
    alice = await managed("alice")
    stack.add_account("bob")
    await prefer(archive, BOB, "never")
    stack.ctl("account", "delete", BOB)
    stack.add_account("bob")
    await managed("bob")
    await alice.say(BOB, "m1")
    assert (await archive.event("m1")).kept() == {ALICE, BOB}


@pytest.mark.parametrize("who,default,always,condition", [
    (BOB, "sometimes", [], "bad-request"),
    (BOB, "always", ["@"], "bad-request"),
    ("nobody@localhost", "always", [], "item-not-found"),
    (BOB, "always", [f"u{n}@localhost" for n in range(501)], "not-acceptable"),
], ids=["a default", "an address", "an account", "too many"])
async def test_preferences_that_are_none(stack, keeper, who, default, always, condition):
    archive = await keeper()
    stack.add_account("bob")
    answer = await prefer(archive, who, default, always)
    assert error_condition(answer) == condition


@settings(tap='{"undelivered"}')
async def test_preferences_of_who_keeps_nothing(stack, keeper):
    other = await keeper()
    stack.add_account("bob")
    assert error_condition(await prefer(other, BOB, "never")) == "forbidden"
    assert row(stack, ARCHIVE)["state"] == "online"
