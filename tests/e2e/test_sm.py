# SPDX-License-Identifier: MIT
"""Stream management for clients (XEP-0198): acknowledgements, and sessions that are resumed."""

from datetime import datetime, timedelta, timezone

import pytest

from lib import xml
from lib.component import attach
from lib.faults import encrypted, login
from lib.im import messages
from lib.inbox import error_condition
from lib.managed import SM, Managed, asleep, gone
from lib.payloads import ENCRYPTED
from lib.pep import befriend
from lib.wait import until

DELAY = "{urn:xmpp:delay}delay"
BODY = ENCRYPTED["OMEMO 2"]
BOB, ALICE = "bob@localhost", "alice@localhost"


@pytest.fixture
def stack(request, make_stack):
    """limits(...) says what is different."""
    return make_stack(components=(), env={"LIMIT_SESSION_RATE": "0", **getattr(request, "param", {})})


def limits(**env):
    return pytest.mark.parametrize("stack", [env], indirect=True, ids=[""])


def got(one):
    return messages(one.raw)


async def missed(managed, stack):
    """alice, and bob, who sleeps and has missed her message m1."""
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await asleep(bob, stack)
    await alice.say(bob.raw.jid, "m1")
    await alice.raw.sync()
    return alice, bob


# --- acknowledgements -----------------------------------------------------------------------------

async def test_feature_and_answers(managed, raw_client, stack):
    one = await managed("alice", enable=False)
    assert one.raw.features.find(f"{{{SM}}}sm") is not None
    enabled = await one.enable()
    assert enabled.get("resume") == "true" and len(enabled.get("id")) >= 20
    assert enabled.get("max") == "600"
    again = await one.enable()
    assert again.tag == f"{{{SM}}}enabled"  # the first; the second was refused:
    await one.raw.wait(f"{{{SM}}}failed")


async def test_enable_before_binding_is_refused(stack, raw_client):
    stack.add_account("alice")
    raw = await encrypted(raw_client)
    await raw.sasl("alice", stack.accounts[ALICE])
    await raw.send(f"<enable xmlns='{SM}'/>")
    failed = await raw.wait(f"{{{SM}}}failed")
    assert failed[0].tag == f"{{{xml.STANZA_ERRORS}}}unexpected-request"
    await raw.bind("x")  # and it goes on


@pytest.mark.parametrize("asked, told", [("30", "30"), ("100000", "600"), ("0", "600"), ("x", "600")])
async def test_max(managed, asked, told):
    one = await managed("alice", enable=False)
    assert (await one.enable(extra=f" max='{asked}'")).get("max") == told


async def test_without_resumption(managed, stack):
    one = await managed("alice", resume=None)
    two = await managed("bob", enable=False)
    assert (await two.enable(resume=False)).get("id") is None
    await two.raw.sync()
    await gone(two)
    await until(lambda: len(stack.ctl("session", "list")) == 1, "bob's session is over")
    assert one.id


async def test_counts_in_both_directions(managed):
    alice, bob = await managed("alice"), await managed("bob")
    sent = await alice.asked()
    for n in range(3):
        await alice.say(bob.raw.jid, f"m{n}")
    assert await alice.asked() == sent + 3
    await bob.raw.wait("message", id="m2")
    await bob.raw.wait(f"{{{SM}}}r")  # it is asked by itself
    await bob.ack()
    await bob.raw.sync()


async def test_what_is_under_way_from_before_does_not_count(make_stack, raw_client):
    """A question that nobody has answered yet when it begins is no part of the count; one from
    after it holds the count back, and what was held back is told by itself."""
    conf = ('component gate { domain = "gate.localhost"  secret = "gate-secret"'
            '  delegate = { "urn:example:slow" } }\n')
    stack = make_stack(components=(), conf_d=conf)
    gate = await attach(raw_client, stack, "gate.localhost", "gate-secret")
    raw = await login(stack, raw_client, "alice")

    async def question(ident):
        await raw.send(f"<iq type='get' id='{ident}'><query xmlns='urn:example:slow'/></iq>")
        return await gate.wait(lambda e: e.tag.endswith("}iq")
                               and e.find(f".//{{{xml.CLIENT}}}iq[@id='{ident}']") is not None)

    async def answer(asked, ident):
        await gate.send(
            f"<iq type='result' id='{asked.get('id')}' from='gate.localhost' to='localhost'>"
            f"<delegation xmlns='{asked[0].tag[1:].partition('}')[0]}'>"
            f"<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='{xml.CLIENT}' type='result' "
            f"id='{ident}' to='{raw.jid}'/></forwarded></delegation></iq>")
        await raw.wait("iq", id=ident, type="result")

    early = await question("q1")
    one = Managed(raw)
    await one.enable()
    assert await one.asked() == 0
    await raw.sync()
    assert await one.asked() == 1
    late = await question("q2")
    await raw.sync()
    assert await one.asked() == 1
    await answer(early, "q1")
    await answer(late, "q2")
    await until(lambda: one.acks()[-1] == 3, "the count goes on by itself")


async def test_too_high_a_count_ends_the_stream(managed):
    alice = await managed("alice")
    await alice.ack(1000)
    assert await alice.raw.stream_error() == "undefined-condition"
    error = alice.raw.inbox.find(f"{{{xml.STREAM}}}error")[0]
    high = error.find(f"{{{SM}}}handled-count-too-high")
    assert high.get("h") == "1000" and int(high.get("send-count")) == alice.handled()


@pytest.mark.parametrize("bad", ["<a xmlns='urn:xmpp:sm:3'/>", "<a xmlns='urn:xmpp:sm:3' h='-1'/>",
                                 "<a xmlns='urn:xmpp:sm:3' h='4294967296'/>",
                                 "<x xmlns='urn:xmpp:sm:3'/>"])
async def test_malformed(managed, bad):
    alice = await managed("alice")
    await alice.raw.send(bad)
    assert await alice.raw.stream_error() in ("invalid-xml", "unsupported-stanza-type")


# --- resumption -----------------------------------------------------------------------------------

async def test_what_was_missed_comes_in_order(managed, stack):
    alice, bob = await managed("alice"), await managed("bob")
    await bob.raw.sync()
    await bob.ack()
    await asleep(bob, stack)
    for n in range(50):
        await alice.say(BOB, f"m{n}")
    await alice.raw.sync()
    again = await managed("bob", resume=bob)
    assert again.answer.tag == f"{{{SM}}}resumed" and again.answer.get("previd") == bob.id
    await again.raw.wait("message", id="m49")
    assert got(again) == [f"m{n}" for n in range(50)]
    assert again.raw.inbox.find("message", id="m7")[0].find(DELAY) is not None
    await again.say(alice.raw.jid, "back")  # still the same session
    back = await alice.raw.wait("message", id="back")
    assert back.get("from") == bob.raw.jid


async def test_only_what_was_not_acknowledged_comes_again(managed):
    alice, bob = await managed("alice"), await managed("bob")
    for n in range(4):
        await alice.say(BOB, f"m{n}")
    await bob.raw.wait("message", id="m3")
    count = bob.handled()
    await gone(bob)
    again = await managed("bob", resume=bob, h=count - 1)
    await again.raw.sync()
    assert got(again) == ["m3"]


async def test_h_tells_what_has_come(managed):
    """What the server has, the client need not send again."""
    alice, bob = await managed("alice"), await managed("bob")
    base = await alice.asked()
    for n in range(3):
        await alice.say(bob.raw.jid, f"m{n}")
    await bob.raw.wait("message", id="m2")
    await gone(alice)
    again = await managed("alice", resume=alice)
    assert int(again.answer.get("h")) == base + 3


async def test_presence_stays(managed, stack):
    """Nobody sees a session go that waits for its client, or come when it is back."""
    alice, bob = await managed("alice"), await managed("bob")
    await befriend(alice, bob)
    await alice.raw.wait("presence", from_=bob.raw.jid)
    seen = len(alice.raw.inbox.find("presence", from_=bob.raw.jid))
    await asleep(bob, stack)
    again = await managed("bob", resume=bob)
    await again.raw.sync()
    await alice.raw.sync()
    assert len(alice.raw.inbox.find("presence", from_=bob.raw.jid)) == seen


async def test_twice_in_a_row(managed):
    alice, bob = await managed("alice"), await managed("bob")
    for n in range(3):
        await gone(bob)
        await alice.say(BOB, f"m{n}")
        await alice.raw.sync()
        bob = await managed("bob", resume=bob)
        await bob.raw.wait("message", id=f"m{n}")
    assert got(bob) == ["m2"]


async def test_while_the_old_connection_stands(managed):
    """The end of a connection is often noticed late: who resumes wins."""
    alice, bob = await managed("alice"), await managed("bob")
    again = await managed("bob", resume=bob)
    assert again.answer.tag == f"{{{SM}}}resumed"
    assert await bob.raw.stream_error() == "conflict"
    await alice.say(BOB, "m1")
    await again.raw.wait("message", id="m1")
    assert not got(bob)


@pytest.mark.parametrize("what", ["unknown", "others", "bad-h", "no-id"])
async def test_refused(managed, what):
    alice, bob = await managed("alice"), await managed("bob")
    await gone(bob)
    other = Managed(None)
    other.id = {"unknown": "a" * 32, "others": alice.id, "bad-h": bob.id, "no-id": ""}[what]
    again = await managed("bob", resume=other, h="x" if what == "bad-h" else 0)
    assert again.answer.tag == f"{{{SM}}}failed"
    assert again.answer[0].tag.endswith("bad-request" if what == "bad-h" else "item-not-found")
    await again.raw.bind("new")  # and it goes on
    await again.raw.sync()


async def test_impossible_h(managed):
    bob = await managed("bob")
    await gone(bob)
    again = await managed("bob", resume=bob, h=4000)
    assert again.answer.tag == f"{{{xml.STREAM}}}error"


@pytest.mark.parametrize("way", ["delete", "disable"])
async def test_account_that_goes_before_it_is_resumed(managed, stack, raw_client, way):
    bob = await managed("bob")
    await asleep(bob, stack)
    raw = await encrypted(raw_client)
    await raw.sasl("bob", stack.accounts[BOB])
    stack.ctl("account", way, BOB)
    await raw.send(f"<resume xmlns='{SM}' previd='{bob.id}' h='0'/>")
    assert await raw.stream_error() == "not-authorized"
    assert not raw.inbox.find(lambda e: e.tag.startswith(f"{{{SM}}}"))


async def test_after_an_orderly_end_there_is_nothing(managed):
    bob = await managed("bob")
    await bob.raw.close()
    again = await managed("bob", resume=bob)
    assert again.answer.tag == f"{{{SM}}}failed"


async def test_expiry(managed, clock, stack):
    """After its time the session is over: who was there sees it go, and messages are answered."""
    alice, bob = await managed("alice"), await managed("bob", extra=" max='60'")
    await bob.ack()
    await gone(bob)
    await alice.say(BOB, "m1")
    await alice.raw.send(f"<iq type='get' id='q1' to='{bob.raw.jid}'><ping xmlns='urn:xmpp:ping'/></iq>")
    await alice.raw.sync()
    clock.advance(61)
    for ident, kind in (("m1", "message"), ("q1", "iq")):
        answer = await alice.raw.wait(kind, id=ident, type="error")
        assert error_condition(answer) == "service-unavailable"
    again = await managed("bob", resume=bob)
    assert again.answer.tag == f"{{{SM}}}failed"


async def test_expiry_hands_messages_to_another_session(managed, clock, stack):
    alice, _ = await missed(managed, stack)
    desk = await managed("bob", "desk")
    clock.advance(601)
    late = await desk.raw.wait("message", id="m1")
    assert late.find(DELAY) is not None
    await alice.raw.sync()
    assert not alice.raw.inbox.find("message", type="error")


async def test_expiry_tells_since_when(managed, clock, stack):
    """Also of what came while the client was there, and was not acknowledged."""
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await alice.say(bob.raw.jid, "m1")
    await bob.raw.wait("message", id="m1")
    said = datetime.now(timezone.utc)
    await asleep(bob, stack)
    desk = await managed("bob", "desk")
    clock.advance(601)
    delay = (await desk.raw.wait("message", id="m1")).find(DELAY)
    assert delay.get("from") == "localhost"
    assert abs(datetime.fromisoformat(delay.get("stamp")) - said) < timedelta(minutes=5)


CARBONS = "<{} xmlns='urn:xmpp:carbons:2'/>"


async def test_who_came_later_has_no_copy(managed, clock, stack):
    """Carbons that were switched on after a message came say nothing of it."""
    await missed(managed, stack)
    desk = await managed("bob", "desk")
    await desk.raw.iq("set", CARBONS.format("enable"))
    clock.advance(601)
    await desk.raw.wait("message", id="m1")


async def test_two_that_both_do_not_come_back(managed, clock, stack):
    """The original and the copy are both in vain: the sender is told, once."""
    alice = await managed("alice")
    phone, tablet = [await managed("bob", n) for n in ("phone", "tablet")]
    for one in (phone, tablet):
        await one.raw.iq("set", CARBONS.format("enable"))
        await one.ack()
        await asleep(one, stack)
    await alice.say(phone.raw.jid, "m1")
    await alice.raw.sync()
    clock.advance(601)
    answer = await alice.raw.wait("message", id="m1", type="error")
    assert error_condition(answer) == "service-unavailable"
    await until(lambda: len(stack.ctl("session", "list")) == 1, "both are over")
    await alice.raw.sync()
    assert len(alice.raw.inbox.find("message", type="error")) == 1


@pytest.mark.parametrize("to", ["full", "bare"])
async def test_who_has_it_is_not_told_again(managed, clock, stack, to):
    """A copy, or the same message to two sessions: one has it, the other does not come back."""
    alice = await managed("alice")
    here, gone_one = [await managed("bob", n) for n in ("here", "gone")]
    if to == "full":
        for one in (here, gone_one):
            await one.raw.iq("set", CARBONS.format("enable"))
    await gone_one.ack()
    await asleep(gone_one, stack)
    await alice.say(here.raw.jid if to == "full" else BOB, "m1")
    await here.raw.wait("message", id="m1")
    await here.raw.sync()
    await here.ack()
    await here.raw.sync()
    clock.advance(601)
    await stack.router.wait_log("its client did not come back")
    await here.raw.sync()
    await alice.raw.sync()
    assert len(here.raw.inbox.find("message")) == 1
    assert not alice.raw.inbox.find("message", type="error")


async def test_who_is_blocked_meanwhile(managed, clock, stack):
    await missed(managed, stack)
    desk = await managed("bob", "desk")
    await desk.raw.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{ALICE}'/></block>")
    clock.advance(601)
    await stack.router.wait_log("its client did not come back")
    await desk.raw.sync()
    assert not got(desk)


@limits(LIMIT_SM_STANZAS="20")
async def test_a_burst_that_is_acknowledged_late(managed, stack):
    """Too much at once: who then acknowledges all of it can resume again."""
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    for n in range(25):
        await alice.say(bob.raw.jid, f"m{n}")
    await bob.raw.wait("message", id="m24")
    await bob.ack()
    await bob.raw.sync()
    await bob.ack()
    await bob.asked()
    await asleep(bob, stack)
    assert len(stack.ctl("session", "list")) == 2


@limits(LIMIT_SM_BYTES="16k")
async def test_bytes_that_are_kept(managed, stack):
    """So many for a session that sleeps; the one above ends it, and all are answered."""
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await asleep(bob, stack)
    big = BODY + f"<x xmlns='urn:example:x'>{'x' * 5000}</x>"
    for n in range(4):
        await alice.raw.send(f"<message to='{bob.raw.jid}' type='chat' id='b{n}'>{big}</message>")
    for n in range(4):
        await alice.raw.wait("message", id=f"b{n}", type="error")
    assert (await managed("bob", resume=bob)).answer.tag == f"{{{SM}}}failed"


@limits(LIMIT_OUTPUT_STANZAS="20")
async def test_more_than_may_wait_for_a_client(managed, stack):
    """LIMIT_OUTPUT_STANZAS below what is kept: it comes as fast as it is acknowledged."""
    alice, bob = await managed("alice"), await managed("bob")
    await asleep(bob, stack)
    for n in range(100):
        await alice.say(bob.raw.jid, f"m{n}")
    await alice.raw.sync()
    one = await managed("bob", resume=bob)
    while len(got(one)) < 100:
        have = one.handled()
        await one.ack()
        await until(lambda: one.handled() > have or len(got(one)) == 100, "more")
    assert got(one) == [f"m{n}" for n in range(100)]


async def test_tries_to_resume_are_counted(managed):
    bob = await managed("bob", enable=False, presence=False)
    other = Managed(None)
    other.id = "a" * 32
    again = await managed("bob", resume=other, h=0)
    for _ in range(4):
        await again.raw.send(f"<resume xmlns='{SM}' previd='{other.id}' h='0'/>")
    assert await again.raw.stream_error() == "policy-violation"
    await bob.raw.sync()


async def test_binding_the_same_resource_ends_it(managed, stack):
    alice, bob = await missed(managed, stack)
    new = await managed("bob", "phone")
    assert new.raw.jid == bob.raw.jid
    answer = await alice.raw.wait("message", id="m1", type="error")
    assert error_condition(answer) == "service-unavailable"


@limits(LIMIT_RESOURCES="2")
async def test_sleeping_sessions_make_room(managed, stack):
    """At LIMIT_RESOURCES who is here comes before who may come back."""
    for name in ("one", "two"):
        await asleep(await managed("bob", name), stack)
    await managed("bob", "three")
    rows = stack.ctl("session", "list")
    assert sorted(r["jid"].split("/")[1] for r in rows) == ["three", "two"]


@limits(LIMIT_SM_STANZAS="20")
async def test_unread_for_too_long(managed, stack):
    """Asleep, it is over with its bound; connected, it only cannot be resumed any more."""
    alice, bob, carol = [await managed(user) for user in ("alice", "bob", "carol")]
    for one in (bob, carol):
        await one.ack()
    await asleep(bob, stack)
    for n in range(25):
        await alice.say(bob.raw.jid, f"b{n}")
        await alice.say(carol.raw.jid, f"c{n}")
    await carol.raw.wait("message", id="c24")
    assert got(carol) == [f"c{n}" for n in range(25)]
    for n in range(21):
        await alice.raw.wait("message", id=f"b{n}", type="error")
    await gone(carol)
    await until(lambda: len(stack.ctl("session", "list")) == 1, "only alice is left")


@limits(LIMIT_SLEEP_BYTES="64k")
async def test_who_fills_what_all_keep_together(managed, stack):
    """Its session ends, and that of somebody who has waited for longer stays."""
    alice, bob = await missed(managed, stack)
    carol = await managed("carol")
    await carol.ack()
    await asleep(carol, stack)
    big = BODY + f"<x xmlns='urn:example:x'>{'x' * 20000}</x>"
    for n in range(4):
        await alice.raw.send(f"<message to='{carol.raw.jid}' type='chat' id='c{n}'>{big}</message>")
    for n in range(4):
        await alice.raw.wait("message", id=f"c{n}", type="error")
    assert (await managed("carol", resume=carol)).answer.tag == f"{{{SM}}}failed"
    again = await managed("bob", resume=bob)
    await again.raw.wait("message", id="m1")


@limits(LIMIT_SLEEP_BYTES="34k")
async def test_as_many_sleep_as_there_is_room_for(managed, stack):
    """Each counts, also if it keeps nothing; the one that has waited longest ends first."""
    people = [await managed(f"user{n}") for n in range(8)]
    for one in people:
        await gone(one)
        await until(lambda: one.raw.jid not in [r["jid"] for r in stack.ctl("session", "list")
                                                if r["peer"]], "the end is noticed")
    await until(lambda: len(stack.ctl("session", "list")) == 7, "one has ended")
    assert (await managed("user0", resume=people[0])).answer.tag == f"{{{SM}}}failed"
    assert (await managed("user7", resume=people[7])).answer.tag == f"{{{SM}}}resumed"


async def test_much_waits(managed, stack):
    """More than a connection takes at once: 3 MiB come in order, and nothing twice."""
    alice, bob = await managed("alice"), await managed("bob")
    await bob.ack()
    await asleep(bob, stack)
    big = BODY + f"<x xmlns='urn:example:x'>{'x' * 30000}</x>"
    for n in range(100):
        await alice.raw.send(f"<message to='{bob.raw.jid}' type='chat' id='m{n}'>{big}</message>")
    await alice.raw.sync()
    again = await managed("bob", resume=bob)
    await again.raw.wait("message", id="m99")
    assert got(again) == [f"m{n}" for n in range(100)]


async def test_disabled_account(managed, stack):
    bob = await managed("bob")
    await asleep(bob, stack)
    stack.ctl("account", "disable", BOB)
    await until(lambda: not stack.ctl("session", "list"), "the session is over")


async def test_kick_and_list(managed, stack):
    bob = await managed("bob")
    await asleep(bob, stack)
    stack.ctl("session", "kick", BOB)
    await until(lambda: not stack.ctl("session", "list"), "the session is over")


async def test_router_ends_while_sessions_sleep(managed, stack):
    await missed(managed, stack)
    stack.router.term()  # and nothing is wrong with how it ended
