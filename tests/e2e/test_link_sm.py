# SPDX-License-Identifier: MIT
"""Links with acknowledgements (XEP-0198): negotiation, counts, resumption."""

import contextlib
import select
import socket

import pytest

from lib import xml
from lib.component import attach
from lib.faults import closed_with, let_pass
from lib.link import NS, SM, connect, enabled, in_state, row
from lib.wait import until

GATE, OTHER = "gate.localhost", "other.localhost"
SECRET = "0123456789abcdef0123456789abcdef"
PAYLOAD = "<x xmlns='urn:x'/>"
SECTIONS = "".join(
    f'component {d.partition(".")[0]} {{\n  domain = "{d}"\n  secret = "{SECRET}"\n  e2e = exempt\n}}\n'
    for d in (GATE, OTHER))


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=SECTIONS)


async def to_gate(client, ident):
    await client.send(f"<message to='x@{GATE}' id='{ident}'>{PAYLOAD}</message>")


async def got(link, *ids):
    await until(lambda: link.ids() == list(ids), lambda: f"{ids}, not {link.ids()}")


# --- negotiation ----------------------------------------------------------------------------------

async def test_features_are_offered_to_who_asks(stack, raw_client):
    link = await connect(raw_client, stack, GATE, SECRET)
    assert link.raw.header[f"{{{NS}}}features"] == "1"
    assert link.raw.features.find(f"{{{SM}}}sm") is not None
    first = await link.enable()
    assert (first.get("resume"), first.get("max")) == ("true", "30")
    assert len(first.get("id")) >= 24
    link = await enabled(raw_client, stack, OTHER, SECRET)
    assert link.id != first.get("id")


@pytest.mark.parametrize("attributes", [
    "version='1.0'", "", f"xmlns:sy='{NS}' sy:other='1'", "features='1'",
    f"xmlns:sy='{NS}' sy:feature='1'"])
async def test_nobody_else_sees_them(stack, raw_client, bystander, attributes):
    raw = (await connect(raw_client, stack, GATE, SECRET, attributes.replace("features", "feature"))).raw
    assert f"{{{NS}}}features" not in raw.header
    await to_gate(bystander, "m")
    await raw.wait("message", id="m")
    assert not raw.inbox.find(f"{{{xml.STREAM}}}features")


async def test_without_resumption(stack, raw_client, bystander):
    link = await connect(raw_client, stack, GATE, SECRET)
    answer = await link.enable(resume=False)
    assert answer.get("id") is None and answer.get("resume") is None
    await to_gate(bystander, "m")
    await link.raw.wait(f"{{{SM}}}r")


async def test_first_stanza_makes_it_a_plain_link(stack, raw_client, bystander):
    link = await connect(raw_client, stack, GATE, SECRET)
    ident = await link.message(bystander.jid)
    await bystander.wait("message", id=ident)
    await to_gate(bystander, "m")
    await link.raw.wait("message", id="m")
    assert row(stack, GATE)["acknowledged"] is False
    await link.raw.send(f"<enable xmlns='{SM}'/>")
    failed = await link.raw.wait(f"{{{SM}}}failed")
    assert failed.find(f"{{{xml.STANZA_ERRORS}}}unexpected-request") is not None
    await link.raw.send(f"<r xmlns='{SM}'/>")
    await closed_with(link.raw, "unsupported-stanza-type")


async def test_who_says_nothing_gets_a_plain_link(stack, raw_client, bystander, clock):
    link = await connect(raw_client, stack, GATE, SECRET)
    assert row(stack, GATE)["state"] == "never"
    await let_pass(clock, 6)
    await in_state(stack, GATE, "online")
    await to_gate(bystander, "m")
    await link.raw.wait("message", id="m")


async def test_who_is_slow_keeps_its_session(stack, raw_client, bystander, clock):
    """A plain link would be sent again what has been handled, and would lose what comes."""
    first = await enabled(raw_client, stack, GATE, SECRET)
    await first.cut()
    await in_state(stack, GATE, "grace")
    await to_gate(bystander, "m")
    link = await connect(raw_client, stack, GATE, SECRET)
    await let_pass(clock, 6)
    await closed_with(link.raw, "connection-timeout")
    assert not link.stanzas()
    link = await connect(raw_client, stack, GATE, SECRET)
    assert (await link.resume(first.id, 0)).tag == f"{{{SM}}}resumed"
    await got(link, "m")


async def test_no_stanza_before_enabled(stack, raw_client, bystander):
    """What waits is not sent to one that has not said yet what it is."""
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.cut()
    await in_state(stack, GATE, "grace")
    await to_gate(bystander, "m")
    link = await connect(raw_client, stack, GATE, SECRET)
    await bystander.sync()
    failed = await link.resume("nonsense", 0)
    assert failed.find(f"{{{xml.STANZA_ERRORS}}}item-not-found") is not None
    await bystander.sync()
    assert not link.stanzas()
    await link.enable()
    await got(link, "m")


@pytest.mark.parametrize("element, condition", [
    ("<enable xmlns='urn:xmpp:sm:3'/>", "policy-violation"),
    ("<a xmlns='urn:xmpp:sm:3'/>", "invalid-xml"),
    ("<a xmlns='urn:xmpp:sm:3' h=''/>", "invalid-xml"),
    ("<a xmlns='urn:xmpp:sm:3' h='-1'/>", "invalid-xml"),
    ("<a xmlns='urn:xmpp:sm:3' h='4294967296'/>", "invalid-xml"),
    ("<a xmlns='urn:xmpp:sm:3' h='1x'/>", "invalid-xml"),
    ("<a xmlns='urn:xmpp:sm:3' h='99999999999999999999'/>", "invalid-xml"),
    ("<what xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
    ("<r xmlns='urn:xmpp:sm:2'/>", "unsupported-stanza-type")])
async def test_nonsense_on_an_acknowledged_link(stack, raw_client, bystander, element, condition):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.raw.send(element)
    await closed_with(link.raw, condition)


async def test_resume_in_the_middle_is_refused(stack, raw_client):
    link = await enabled(raw_client, stack, GATE, SECRET)
    failed = await link.resume(link.id, 0)
    assert failed.find(f"{{{xml.STANZA_ERRORS}}}unexpected-request") is not None
    assert await link.handled() == 0


@pytest.mark.parametrize("attributes", ["", "previd='x'", "h='0'", "previd='x' h='no'"])
async def test_resume_that_is_none(stack, raw_client, attributes):
    link = await connect(raw_client, stack, GATE, SECRET)
    await link.raw.send(f"<resume xmlns='{SM}' {attributes}/>")
    failed = await link.raw.wait(f"{{{SM}}}failed")
    assert failed.find(f"{{{xml.STANZA_ERRORS}}}bad-request") is not None
    await link.enable()


# --- counts ---------------------------------------------------------------------------------------

async def test_what_it_sends_is_counted(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    assert await link.handled() == 0
    for i in range(3):
        await link.message(bystander.jid)
    await link.raw.send(f"<message from='{GATE}' to='a@b@c'/>")  # refused, and handled by that
    assert await link.handled() == 4


async def test_what_it_is_sent_is_asked_about(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await to_gate(bystander, "m")
    await link.raw.wait("message", id="m")
    await until(lambda: row(stack, GATE)["unacknowledged"] == 2)
    await link.ack(2)
    await until(lambda: row(stack, GATE)["unacknowledged"] == 0)
    metrics = stack.metrics()
    label = f'{{domain="{GATE}"}}'
    assert metrics[f"switchyard_component_unacknowledged{label}"] == 0
    assert metrics[f"switchyard_component_acknowledged{label}"] == 1
    assert metrics[f"switchyard_component_out_total{label}"] == 2


async def test_one_request_at_a_time(stack, raw_client, bystander, clock):
    """An <r/> that was answered with less than it asked about is not sent again at once."""
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await until(lambda: link.asked() == 1)
    for i in range(20):
        await to_gate(bystander, f"m{i}")
        await bystander.sync()
        await link.ack(0)
    await link.handled()
    assert link.asked() == 1
    await let_pass(clock, 2)
    await until(lambda: link.asked() == 2)
    await link.ack(21)
    await to_gate(bystander, "last")
    await until(lambda: link.asked() == 3)


async def too_high(link, h):
    await closed_with(link.raw, "undefined-condition")
    error = (await link.raw.wait(f"{{{xml.STREAM}}}error")).find(f"{{{SM}}}handled-count-too-high")
    assert error is not None and error.get("h") == str(h)
    return int(error.get("send-count"))


@pytest.mark.parametrize("h", [2, 99, 2000000000])
async def test_impossible_count(stack, raw_client, bystander, h):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await link.ack(h)
    assert await too_high(link, h) == 1
    await in_state(stack, GATE, "grace")


async def test_count_that_goes_back_says_nothing(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await link.ack(1)
    await link.ack(0)
    assert await link.handled() == 1
    assert row(stack, GATE)["unacknowledged"] == 0


# --- resumption -----------------------------------------------------------------------------------

async def test_resumed_and_nothing_is_lost_or_doubled(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    sent = [await link.message(bystander.jid) for _ in range(2)]
    for i in range(3):
        await to_gate(bystander, f"m{i}")
    await got(link, "m0", "m1", "m2")
    await link.ack(2)  # the router's question, m0
    assert await link.handled() == 3
    await link.cut()
    await in_state(stack, GATE, "grace")
    await to_gate(bystander, "m3")

    new = await connect(raw_client, stack, GATE, SECRET)
    resumed = await new.resume(link.id, 3)  # m1 has been handled, too
    assert (resumed.get("previd"), resumed.get("h")) == (link.id, "3")
    await got(new, "m2", "m3")
    await new.ack(5)
    await to_gate(bystander, "m4")
    await got(new, "m2", "m3", "m4")
    await new.ack(6)
    sent.append(await new.message(bystander.jid))
    assert await new.handled() == 4
    await bystander.wait("message", id=sent[-1])
    assert [m.get("id") for m in bystander.inbox.find("message", from_=GATE)] == sent
    await bystander.sync()
    assert not bystander.inbox.find("message", type="error")
    assert not new.raw.inbox.find("iq")  # a resumed component is asked nothing again


async def test_resumed_while_the_old_connection_seems_alive(stack, raw_client, bystander):
    """Half open: the newcomer is who the old one was."""
    old = await enabled(raw_client, stack, GATE, SECRET)
    await to_gate(bystander, "m")
    await got(old, "m")
    new = await connect(raw_client, stack, GATE, SECRET)
    assert (await new.resume(old.id, 0)).tag == f"{{{SM}}}resumed"
    await closed_with(old.raw, "conflict")
    await got(new, "m")


async def test_resumed_many_times(stack, raw_client, bystander):
    link, handled, all_of_them = await enabled(raw_client, stack, GATE, SECRET), 0, []
    previd = link.id
    for i in range(10):
        for k in range(5):
            await to_gate(bystander, f"{i}.{k}")
        await link.raw.wait("message", id=f"{i}.4")
        mine = link.stanzas()[: len(link.stanzas()) - i % 3]
        handled += len(mine)
        all_of_them += [e.get("id") for e in mine if e.tag.endswith("}message")]
        await link.cut()
        await in_state(stack, GATE, "grace")
        link = await connect(raw_client, stack, GATE, SECRET)
        assert (await link.resume(previd, handled)).tag == f"{{{SM}}}resumed"
    await to_gate(bystander, "end")
    await link.raw.wait("message", id="end")
    all_of_them += link.ids()
    assert all_of_them == [f"{i}.{k}" for i in range(10) for k in range(5)] + ["end"]


async def failed_with(link, previd, h, told):
    failed = await link.resume(previd, h)
    assert failed.tag == f"{{{SM}}}failed" and failed.get("h") == told
    assert failed.find(f"{{{xml.STANZA_ERRORS}}}item-not-found") is not None


async def test_another_components_session(stack, raw_client, bystander):
    theirs = await enabled(raw_client, stack, OTHER, SECRET)
    await theirs.message(bystander.jid)
    link = await connect(raw_client, stack, GATE, SECRET)
    await failed_with(link, theirs.id, 0, None)
    await link.enable()
    assert await theirs.handled() == 1


async def test_stale_session(stack, raw_client, bystander, clock):
    """Grace is over: it is told how much of what it sent has come, and begins anew."""
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.message(bystander.jid)
    await link.message(bystander.jid)
    assert await link.handled() == 2
    await link.cut()
    await in_state(stack, GATE, "grace")
    await let_pass(clock, 31)
    await in_state(stack, GATE, "away")
    new = await connect(raw_client, stack, GATE, SECRET)
    await failed_with(new, link.id, 1, "2")
    await new.enable()
    assert new.id != link.id
    assert await new.handled() == 0
    await to_gate(bystander, "m")
    await got(new, "m")


async def test_session_before_the_last_and_a_day_later(stack, raw_client, bystander, clock):
    first = await enabled(raw_client, stack, GATE, SECRET)
    await first.message(bystander.jid)
    await first.handled()
    await first.cut()
    await in_state(stack, GATE, "grace")
    second = await enabled(raw_client, stack, GATE, SECRET)
    await second.cut()
    third = await connect(raw_client, stack, GATE, SECRET)
    await failed_with(third, first.id, 0, "1")
    await third.cut()
    await let_pass(clock, 24 * 3600 + 60)
    later = await connect(raw_client, stack, GATE, SECRET)
    await failed_with(later, first.id, 0, None)


async def test_resumption_behind_what_was_acknowledged(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await to_gate(bystander, "m")
    await to_gate(bystander, "n")
    await got(link, "m", "n")
    await link.ack(2)
    assert await link.handled() == 1
    await link.cut()
    await in_state(stack, GATE, "grace")
    new = await connect(raw_client, stack, GATE, SECRET)
    await failed_with(new, link.id, 1, "1")
    await new.enable()  # a new session gets what nobody has acknowledged
    await got(new, "n")


async def test_resumption_beyond_what_was_sent(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await link.cut()
    await in_state(stack, GATE, "grace")
    liar = await connect(raw_client, stack, GATE, SECRET)
    assert await liar.resume(link.id, 7) is None or liar.raw.closed
    assert await too_high(liar, 7) == 1
    new = await connect(raw_client, stack, GATE, SECRET)
    assert (await new.resume(link.id, 1)).tag == f"{{{SM}}}resumed"


async def test_plain_link_takes_over(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await to_gate(bystander, "m")
    await got(link, "m")
    await link.cut()
    await in_state(stack, GATE, "grace")
    await to_gate(bystander, "n")
    raw = await attach(raw_client, stack, GATE, SECRET)
    await raw.wait("message", id="n")
    assert [e.get("id") for e in raw.inbox.find("message")] == ["m", "n"]
    assert row(stack, GATE)["unacknowledged"] == 0
    late = await connect(raw_client, stack, GATE, SECRET)
    await failed_with(late, link.id, 0, "0")
    assert not raw.closed  # nobody has been replaced yet
    await late.enable()
    await closed_with(raw, "conflict")


# --- two for one domain ----------------------------------------------------------------------------

async def test_a_newcomer_decides_when_it_speaks(stack, raw_client, bystander):
    old = await enabled(raw_client, stack, GATE, SECRET)
    new = await connect(raw_client, stack, GATE, SECRET)
    assert await old.handled() == 0
    await to_gate(bystander, "m")
    await got(old, "m")
    await new.enable()
    await closed_with(old.raw, "conflict")
    await got(new, "m")  # what was replaced leaves its queue


async def test_two_that_fight(stack, raw_client, bystander, clock):
    links = [await enabled(raw_client, stack, GATE, SECRET)]
    for _ in range(3):
        links.append(await enabled(raw_client, stack, GATE, SECRET))
        await closed_with(links[-2].raw, "conflict")
    fifth = await connect(raw_client, stack, GATE, SECRET)
    await fifth.raw.send(f"<enable xmlns='{SM}'/>")
    await closed_with(fifth.raw, "conflict")
    await stack.router.wait_log("refused 127.0.0.1.*from 127.0.0.1")
    await to_gate(bystander, "m")
    await links[-1].raw.wait("message", id="m")


async def test_reject(make_stack, raw_client):
    stack = make_stack(components=(), conf_d=SECTIONS.replace("e2e", "connections = reject\n  e2e"))
    old = await enabled(raw_client, stack, GATE, SECRET)
    new = await connect(raw_client, stack, GATE, SECRET)
    await new.raw.send(f"<enable xmlns='{SM}' resume='true'/>")
    assert await new.raw.stream_error() == "conflict"
    assert await old.handled() == 0


async def test_who_resumes_is_no_newcomer(make_stack, raw_client):
    """However often, and whatever is said of newcomers: the old connection is its own, and dead."""
    stack = make_stack(components=(), conf_d=SECTIONS.replace("e2e", "connections = reject\n  e2e"))
    link = await enabled(raw_client, stack, GATE, SECRET)
    for _ in range(6):
        again = await connect(raw_client, stack, GATE, SECRET)
        resumed = await again.resume(link.id, 0)
        assert resumed.tag == f"{{{SM}}}resumed"
        assert await link.raw.stream_error() == "conflict"
        again.id, link = link.id, again
    assert await link.handled() == 0


# --- who is not there, or says nothing --------------------------------------------------------------

async def test_silent_link_is_asked_and_dropped(stack, raw_client, clock):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await link.ack(1)
    await link.handled()
    asked = link.asked()
    await let_pass(clock, 61)
    await until(lambda: link.asked() == asked + 1)
    assert await link.handled() == 1  # it lives
    await let_pass(clock, 61)
    await until(lambda: link.asked() == asked + 2)
    await let_pass(clock, 31)
    await closed_with(link.raw, "connection-timeout")
    await in_state(stack, GATE, "grace")


async def test_silent_plain_link_is_pinged_and_dropped(stack, raw_client, clock):
    raw = await attach(raw_client, stack, GATE, SECRET)
    await let_pass(clock, 61)
    ping = await raw.wait("iq", has=f"{{{xml.PING}}}ping")
    assert (ping.get("from"), ping.get("to")) == ("localhost", GATE)
    await let_pass(clock, 31)
    await closed_with(raw, "connection-timeout")


async def test_idle_connections_leave_room(stack, raw_client, clock):
    """One address has so many places to wait in, and not all there are."""
    port = stack.port("COMPONENT_PORT")
    idle = [await raw_client(port=port, domain=GATE, namespace=xml.COMPONENT) for _ in range(16)]
    over = await raw_client(port=port, domain=GATE, namespace=xml.COMPONENT)
    await over.wait_closed()
    await stack.router.wait_log("refused 127.0.0.1, too many connections without a handshake")
    await idle[0].drop()
    await until(lambda: "connection ended" in stack.router.log)
    link = await enabled(raw_client, stack, GATE, SECRET)
    # An established one waits no more: there is another place.
    assert (await enabled(raw_client, stack, OTHER, SECRET)).id
    await let_pass(clock, 11)
    for c in idle[1:]:
        await closed_with(c, "connection-timeout")
    assert await link.handled() == 0


@pytest.fixture
def idle(stack):
    """idle(n): a connection from 127.0.0.n that says nothing."""
    with contextlib.ExitStack() as closing:
        yield lambda n: closing.enter_context(socket.create_connection(
            ("127.0.0.1", stack.port("COMPONENT_PORT")), source_address=(f"127.0.0.{n}", 0)))


def ended(s):
    return bool(select.select([s], [], [], 0)[0])


async def test_few_addresses_do_not_take_all_places(stack, raw_client, idle):
    """Who has most of them gives up its oldest."""
    few = [idle(2 + i % 4) for i in range(64)]
    assert (await enabled(raw_client, stack, GATE, SECRET)).id
    await until(lambda: ended(few[0]))
    assert not any(ended(s) for s in few[1:])


async def test_as_many_addresses_as_places(stack, raw_client, idle):
    many = [idle(2 + i) for i in range(64)]
    over = await raw_client(port=stack.port("COMPONENT_PORT"), domain=GATE, namespace=xml.COMPONENT)
    await over.wait_closed()
    await stack.router.wait_log("refused 127.0.0.1, too many connections without a handshake")
    assert not any(ended(s) for s in many)


async def test_tries_to_resume_are_bounded(stack, raw_client):
    link = await connect(raw_client, stack, GATE, SECRET)
    for _ in range(2):
        await failed_with(link, "nonsense", 0, None)
    await link.raw.send(f"<resume xmlns='{SM}' previd='nonsense' h='0'/>")
    await closed_with(link.raw, "policy-violation")


@pytest.mark.parametrize("element", [f"<r xmlns='{SM}'/>", f"<a xmlns='{SM}' h='0'/>", "<hello/>"])
async def test_nonsense_replaces_nobody(stack, raw_client, element):
    there = await enabled(raw_client, stack, GATE, SECRET)
    link = await connect(raw_client, stack, GATE, SECRET)
    await link.raw.send(element)
    await closed_with(link.raw, "unsupported-stanza-type")
    assert await there.handled() == 0


async def test_cut_while_it_sends(stack, raw_client, bystander):
    """It sends again what lies above the router's h, and each comes once."""
    link, outbox = await enabled(raw_client, stack, GATE, SECRET), []
    previd, sent = link.id, 0
    for i in range(8):
        outbox += [f"{i}.{k}" for k in range(200)]
        await link.raw.send("".join(
            f"<message from='{GATE}' to='{bystander.jid}' id='{ident}'>{PAYLOAD}</message>"
            for ident in outbox[sent:]))
        if i % 2:
            await bystander.wait("message", id=f"{i}.{20 * i}")
        await link.raw.drop(reset=True)
        link = await connect(raw_client, stack, GATE, SECRET)
        resumed = await link.resume(previd, 0)
        sent = int(resumed.get("h"))
        assert sent <= len(outbox)
    await link.raw.send("".join(
        f"<message from='{GATE}' to='{bystander.jid}' id='{ident}'>{PAYLOAD}</message>"
        for ident in outbox[sent:]))
    assert await link.handled() == len(outbox)
    await until(lambda: len(bystander.inbox.find("message", from_=GATE)) >= len(outbox))
    assert [m.get("id") for m in bystander.inbox.find("message", from_=GATE)] == outbox
