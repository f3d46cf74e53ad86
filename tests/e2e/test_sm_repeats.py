# SPDX-License-Identifier: MIT
"""Sessions that are resumed while something is in flight (XEP-0198 5): the count that the client is
told, and that what it then sends again does not come twice.

`gate` is a component that acknowledges when it is told to: what is sent to it is in flight until
then."""

import asyncio

import pytest
import pytest_asyncio

from lib import xml
from lib.faults import encrypted, let_pass
from lib.im import messages
from lib.link import enabled
from lib.managed import SM, Managed, asleep, gone
from lib.payloads import ENCRYPTED
from lib.sasl2 import authenticate, bind
from lib.wait import until

GATE, SECRET = "gate.localhost", "s3cret"
BODY = ENCRYPTED["OMEMO 2"]
DELAY = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"
WAITS = "waits until what its session has sent is settled"
REPEATED = "switchyard_repeated_stanzas_total"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), env={"LIMIT_SESSION_RATE": "0"},
                      conf_d=f'component gate {{\n  secret = "{SECRET}"\n}}\n')


class Gate:
    def __init__(self, link):
        self.link = link

    def got(self):
        return [i for i in self.link.ids() if i]

    async def has(self, *ids):
        await until(lambda: self.got() == list(ids), f"{ids} are at the gate")

    async def ack(self):
        """All that has come."""
        await self.link.ack(len(self.link.stanzas()))


@pytest_asyncio.fixture
async def gate(stack, raw_client):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.raw.wait("iq", has=f"{{{xml.DISCO_INFO}}}query")
    one = Gate(link)
    await one.ack()
    return one


def h_of(one):
    assert one.answer.tag == f"{{{SM}}}resumed"
    return int(one.answer.get("h"))


async def waiting(managed, stack, one, n=1):
    """The task of somebody who resumes and has to wait; he is the n-th."""
    task = asyncio.ensure_future(managed("alice", resume=one))
    await until(lambda: stack.router.log.count(WAITS) >= n, "it waits")
    return task


async def resumed_in_vain(managed, stack, clock, one, n=1):
    """Resumed after the longest time that this takes."""
    task = await waiting(managed, stack, one, n)
    clock.advance(5)
    return await task


def repeated(stack):
    return stack.metrics().get(REPEATED, 0)


async def say_all(one, to, *ids):
    for ident in ids:
        await one.say(to, ident)


# --- the count ------------------------------------------------------------------------------------

async def test_the_answer_waits_for_what_settles(managed, stack, gate):
    alice = await managed("alice")
    base = await alice.asked()
    await say_all(alice, GATE, "m1", "m2")
    await gate.has("m1", "m2")
    assert await alice.asked() == base
    await gone(alice)
    task = await waiting(managed, stack, alice)
    await gate.ack()
    again = await task
    assert h_of(again) == base + 2
    await again.say(GATE, "m3")
    await gate.has("m1", "m2", "m3")


async def test_five_seconds_at_most(managed, stack, gate, clock):
    """Then what has not settled is repeated: it comes once, and counts when the first one does."""
    alice, bob = await managed("alice"), await managed("bob")
    base = await alice.asked()
    await alice.say(bob.raw.jid, "b1")
    await say_all(alice, GATE, "m1", "m2")
    await alice.say(bob.raw.jid, "b2")
    await gate.has("m1", "m2")
    await gone(alice)
    task = await waiting(managed, stack, alice)
    clock.advance(4)
    await bob.raw.sync()
    assert not task.done()
    clock.advance(1)
    again = await task
    assert h_of(again) == base + 1
    await say_all(again, GATE, "m1", "m2")
    await say_all(again, bob.raw.jid, "b2", "b3")
    await bob.raw.wait("message", id="b3")
    assert messages(bob.raw) == ["b1", "b2", "b3"] and gate.got() == ["m1", "m2"]
    assert await again.asked() == base + 1
    await gate.ack()
    await until(lambda: again.acks()[-1] == base + 5, "it counts by itself")
    assert repeated(stack) == 3


async def test_while_the_old_connection_stands(managed, stack, gate):
    alice = await managed("alice")
    base = await alice.asked()
    await alice.say(GATE, "m1")
    await gate.has("m1")
    task = await waiting(managed, stack, alice)
    assert await alice.raw.stream_error() == "conflict"
    await gate.ack()
    assert h_of(await task) == base + 1


async def test_what_comes_meanwhile_is_kept(managed, stack, gate):
    alice, bob = await managed("alice"), await managed("bob")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    await gone(alice)
    task = await waiting(managed, stack, alice)
    await bob.say(alice.raw.jid, "b1")
    await bob.raw.sync()
    await gate.ack()
    again = await task
    await again.raw.wait("message", id="b1")
    tags = [e.tag.rpartition("}")[2] for e in again.raw.inbox]
    assert tags.index("resumed") < tags.index("message")


async def test_along_with_the_login(managed, stack, gate, raw_client, clock):
    """XEP-0388: <success/> waits, too."""
    alice = await managed("alice")
    base = await alice.asked()
    for n in (1, 2):
        await alice.say(GATE, f"m{n}")
        await gate.has(*[f"m{i}" for i in range(1, n + 1)])
        await gone(alice)
        raw = await encrypted(raw_client)
        task = asyncio.ensure_future(authenticate(
            raw, "alice", stack.accounts["alice@localhost"],
            f"<resume xmlns='{SM}' previd='{alice.id}' h='{alice.handled()}'/>" + bind()))
        await until(lambda n=n: stack.router.log.count(WAITS) == n, "it waits")
        if n == 1:
            await gate.ack()
        else:
            clock.advance(5)
        success = await task
        assert int(success.find(f"{{{SM}}}resumed").get("h")) == base + 1
        again = Managed(raw)
        again.id, again.h = alice.id, alice.handled()
        again._counted = len(raw.inbox)
        raw.jid, alice = alice.raw.jid, again
    await alice.say(GATE, "m2")
    await alice.say(GATE, "m3")
    await gate.has("m1", "m2", "m3")


# --- who waits ------------------------------------------------------------------------------------

async def test_two_that_wait(managed, stack, gate):
    """Who asks last gets it."""
    alice = await managed("alice")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    await gone(alice)
    first = await waiting(managed, stack, alice)
    second = await waiting(managed, stack, alice, 2)
    assert (await first).answer.tag == f"{{{xml.STREAM}}}error"
    await gate.ack()
    again = await second
    assert h_of(again)
    await again.raw.sync()


async def test_one_that_waits_and_goes(managed, stack, gate, clock, raw_client):
    """It has never been told anything: the next one starts where it did, and what it had asked for
    is no reason to sleep for longer."""
    alice = await managed("alice")
    base = await alice.asked()
    await alice.say(GATE, "m1")
    await gate.has("m1")
    await asleep(alice, stack)
    raw = await encrypted(raw_client)
    await raw.sasl("alice", stack.accounts["alice@localhost"])
    await raw.send(f"<resume xmlns='{SM}' previd='{alice.id}' h='{alice.handled()}'/>")
    await stack.router.wait_log(WAITS)
    await raw.drop(reset=True)
    await let_pass(clock, 5)
    await until(lambda: stack.metrics()["switchyard_c2s_connections"] == 0, "it is gone")
    again = await managed("alice", resume=alice)
    assert h_of(again) == base
    await say_all(again, GATE, "m1", "m2")
    await gate.has("m1", "m2")
    again.raw.jid = alice.raw.jid
    await asleep(again, stack)
    await let_pass(clock, 601)
    await until(lambda: not stack.ctl("session", "list"), "it is over")


@pytest.mark.parametrize("how", ["kicked", "bound"])
async def test_what_is_waited_for_ends(managed, stack, gate, how):
    alice = await managed("alice")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    await gone(alice)
    task = await waiting(managed, stack, alice)
    if how == "kicked":
        stack.ctl("session", "kick", "alice@localhost")
    else:
        await managed("alice")
    late = await task
    assert late.answer.tag == f"{{{SM}}}failed"
    await late.raw.bind("new")  # and it goes on
    await late.raw.sync()


async def test_it_does_not_end_while_it_is_waited_for(managed, stack, gate, clock):
    alice = await managed("alice", extra=" max='3'")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    await gone(alice)
    again = await resumed_in_vain(managed, stack, clock, alice)
    assert h_of(again)


async def test_the_end_of_the_program(managed, stack, gate):
    alice = await managed("alice")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    await gone(alice)
    task = await waiting(managed, stack, alice)
    stack.router.term()  # and nothing is wrong with how it ended
    assert (await task).answer.tag == f"{{{xml.STREAM}}}error"


# --- what is a repeat -----------------------------------------------------------------------------

async def test_as_clients_repeat(managed, stack, gate, clock):
    """Presence and questions are left out, a delay is added, what is new comes in between."""
    alice, bob = await managed("alice"), await managed("bob")
    base = await alice.asked()
    await say_all(alice, GATE, "m1")
    await alice.raw.send("<presence id='p1'><show>away</show></presence>")
    await alice.raw.send("<iq type='get' id='q1'><ping xmlns='urn:xmpp:ping'/></iq>")
    await say_all(alice, bob.raw.jid, "b1", "b2")
    await bob.raw.wait("message", id="b2")
    await gone(alice)
    again = await resumed_in_vain(managed, stack, clock, alice)
    assert h_of(again) == base
    text = f"<message to='{{}}' type='chat' id='{{}}'>{BODY}{DELAY}</message>"
    await again.raw.send(text.format(GATE, "m1"))
    await again.say(bob.raw.jid, "new")
    for ident in ("b1", "b2"):
        await again.raw.send(text.format(bob.raw.jid, ident))
    await again.say(bob.raw.jid, "last")
    await bob.raw.wait("message", id="last")
    assert messages(bob.raw) == ["b1", "b2", "new", "last"] and gate.got() == ["m1"]
    await gate.ack()
    await again.counted(base + 5)
    assert await again.asked() == base + 5


async def test_without_ids_by_their_place(managed, stack, gate, clock):
    alice, bob = await managed("alice"), await managed("bob")

    async def say(one, text):
        await one.raw.send(f"<message to='{bob.raw.jid}' type='chat'>{BODY}<x xmlns='urn:x'>{text}</x>"
                           f"</message>")

    def said():
        return [m.findtext("{urn:x}x") for m in bob.raw.inbox.find("message")]

    await alice.say(GATE, "m1")
    for text in "aab":
        await say(alice, text)
    await until(lambda: said() == ["a", "a", "b"])
    await gone(alice)
    again = await resumed_in_vain(managed, stack, clock, alice)
    await again.say(GATE, "m1")
    for text in "aabab":
        await say(again, text)
    await until(lambda: said()[-2:] == ["a", "b"])
    await again.raw.sync()
    await bob.raw.sync()
    assert said() == ["a", "a", "b", "a", "b"] and gate.got() == ["m1"]


@pytest.mark.parametrize("what", ["content", "recipient", "type"])
async def test_an_id_that_is_used_again(managed, stack, gate, clock, what):
    """It is another message: nobody loses it."""
    alice, bob = await managed("alice"), await managed("bob")
    await alice.say(GATE, "m1")
    await alice.say(bob.raw.jid, "b1")
    await bob.raw.wait("message", id="b1")
    await gone(alice)
    again = await resumed_in_vain(managed, stack, clock, alice)
    to = "bob@localhost" if what == "recipient" else bob.raw.jid
    extra = "<x xmlns='urn:x'/>" if what == "content" else ""
    kind = "normal" if what == "type" else "chat"
    await again.raw.send(f"<message to='{to}' type='{kind}' id='b1'>{BODY}{extra}</message>")
    await until(lambda: len(bob.raw.inbox.find("message", id="b1")) == 2, "both have come")


async def test_questions_are_asked_once(managed, stack, gate, clock):
    alice = await managed("alice")
    ask = f"<iq type='get' id='q1' to='{GATE}'><query xmlns='urn:x'/></iq>"
    await alice.raw.send(ask)
    await gate.link.raw.wait("iq", id="q1")
    await gone(alice)
    again = await resumed_in_vain(managed, stack, clock, alice)
    await again.raw.send(ask)
    await again.say(GATE, "m1")
    await gate.has("m1")
    assert len(gate.link.raw.inbox.find("iq", id="q1")) == 1
    await gate.link.raw.send(f"<iq type='result' id='q1' from='{GATE}' to='{alice.raw.jid}'/>")
    await again.raw.wait("iq", type="result", id="q1")


async def test_it_breaks_again_in_the_middle(managed, stack, gate, clock):
    alice = await managed("alice")
    base = await alice.asked()
    await say_all(alice, GATE, "m1", "m2", "m3")
    await gate.has("m1", "m2", "m3")
    await asleep(alice, stack)
    second = await resumed_in_vain(managed, stack, clock, alice)
    await second.say(GATE, "m1")
    await second.raw.send(f"<r xmlns='{SM}'/>")
    await until(lambda: second.acks(), "m1 has come again")
    second.raw.jid = alice.raw.jid
    await asleep(second, stack)
    third = await resumed_in_vain(managed, stack, clock, second, 2)
    assert h_of(third) == base
    await say_all(third, GATE, "m1", "m2", "m3", "m4")
    await gate.has("m1", "m2", "m3", "m4")
    await gate.ack()
    await third.counted(base + 4)
    assert await third.asked() == base + 4


async def test_an_error_reaches_who_has_resumed(managed, stack, gate, clock):
    """The first one fails: the client is told, once, and all of it counts."""
    alice = await managed("alice")
    base = await alice.asked()
    await alice.say(GATE, "m1")
    await gate.has("m1")
    await gone(alice)
    again = await resumed_in_vain(managed, stack, clock, alice)
    await again.say(GATE, "m1")
    await again.raw.sync()
    await gate.link.cut()
    await stack.router.wait_log("connection ended")
    await until(lambda: stack.ctl("component", "list")[0]["state"] != "online")
    clock.advance(60)
    await again.raw.wait("message", id="m1", type="error")
    assert await again.asked() == base + 2  # and the ping
    assert len(again.raw.inbox.find("message", type="error")) == 1


# --- another session of the same client -----------------------------------------------------------

async def in_another(managed, stack, one):
    """It could not be resumed, and binds its resource anew."""
    await gone(one)
    await until(lambda: one.raw.jid not in [r["jid"] for r in stack.ctl("session", "list")
                                            if r["peer"]], "the end is noticed")
    return await managed("alice")


async def test_sent_again_in_another_session(managed, stack):
    alice, bob = await managed("alice"), await managed("bob")
    await say_all(alice, bob.raw.jid, "b1", "b2")
    await bob.raw.wait("message", id="b2")
    await gone(alice)
    for n in range(2):
        again = await managed("alice")
        base = await again.asked()
        await say_all(again, bob.raw.jid, "b1", "b2", f"new{n}")
        await bob.raw.wait("message", id=f"new{n}")
        assert await again.asked() == base + 3
        await gone(again)
    assert messages(bob.raw) == ["b1", "b2", "new0", "new1"]
    assert repeated(stack) == 4


async def test_sent_again_while_the_first_is_in_flight(managed, stack, gate):
    alice = await managed("alice")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    again = await in_another(managed, stack, alice)
    base = await again.asked()
    await say_all(again, GATE, "m1", "m2")
    await gate.has("m1", "m2")
    assert await again.asked() == base
    await gate.ack()
    await until(lambda: again.acks()[-1] == base + 2, "both count")


async def test_the_first_fails_behind_its_repeat(managed, stack, gate, clock):
    alice = await managed("alice")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    again = await in_another(managed, stack, alice)
    await again.say(GATE, "m1")
    await again.raw.sync()
    await gate.link.cut()
    await until(lambda: stack.ctl("component", "list")[0]["state"] != "online")
    clock.advance(60)
    await again.raw.wait("message", id="m1", type="error")


async def test_the_first_failed(managed, stack, gate, clock, raw_client):
    """Nobody heard of its error: the repeat is as new."""
    alice = await managed("alice")
    await alice.say(GATE, "m1")
    await gate.has("m1")
    again = await in_another(managed, stack, alice)
    await gate.link.cut()
    await until(lambda: stack.ctl("component", "list")[0]["state"] != "online")
    await let_pass(clock, 60)
    await until(lambda: stack.ctl("component", "list")[0]["state"] == "away")
    link = await enabled(raw_client, stack, GATE, SECRET)
    await again.say(GATE, "m1")
    await link.raw.wait("message", id="m1")


@pytest.mark.parametrize("how", ["acknowledged", "orderly", "late", "resource", "restart"])
async def test_not_a_repeat(managed, stack, clock, how):
    """The client knows that it was handled; or it is too late, or somebody else."""
    alice, bob = await managed("alice"), await managed("bob")
    await alice.say(bob.raw.jid, "b1")
    await bob.raw.wait("message", id="b1")
    await alice.asked()
    if how == "acknowledged":
        await bob.say(alice.raw.jid, "a1")
        await alice.raw.wait("message", id="a1")
        await alice.ack()
        await alice.raw.sync()
    if how == "orderly":
        await alice.raw.close()
    elif how == "restart":
        stack.router.restart()
        stack.ready()
        bob = await managed("bob")
    else:
        await gone(alice)
    again = await managed("alice", "desk" if how == "resource" else "phone")
    if how == "late":
        await let_pass(clock, 601)
    await again.say(bob.raw.jid, "b1")
    await again.say(bob.raw.jid, "b2")
    await bob.raw.wait("message", id="b2")
    assert messages(bob.raw) == (["b1", "b2"] if how == "restart" else ["b1", "b1", "b2"])
