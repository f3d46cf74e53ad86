# SPDX-License-Identifier: MIT
"""What waits for a component, for how long, how much of it, and what its senders are told."""

import asyncio
import os

import pytest

from lib import xml
from lib.component import attach
from lib.faults import closed_with, let_pass, login
from lib.link import SM, connect, enabled, in_state, row
from lib.wait import until

GATE, OTHER = "gate.localhost", "other.localhost"
SECRET = "0123456789abcdef0123456789abcdef"
PAYLOAD = "<x xmlns='urn:x'/>"
INFO = f"<query xmlns='{xml.DISCO_INFO}'/>"


def section(domain=GATE, **settings):
    rows = {"domain": domain, "secret": SECRET, "e2e": "exempt", **settings}
    return (f"component {domain.partition('.')[0]} {{\n"
            + "".join(f'  {k} = "{v}"\n' for k, v in rows.items()) + "}\n")


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=section() + section(OTHER),
                      env={"LIMIT_SESSION_RATE": "0"})


def message(ident, size=0, to=f"x@{GATE}"):
    return f"<message to='{to}' id='{ident}'><x xmlns='urn:x'>{'x' * size}</x></message>"


def iq(ident, kind="get", payload=PAYLOAD, to=f"x@{GATE}"):
    return f"<iq type='{kind}' to='{to}' id='{ident}'>{payload}</iq>"


async def lose(stack, link):
    await link.cut()
    await in_state(stack, GATE, "grace")


async def lost_link(stack, raw_client):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()
    await link.ack(1)
    assert await link.handled() == 1
    await lose(stack, link)
    return link


async def told(client, kind, ident, condition):
    got = await client.wait(kind, id=ident, type="error")
    error = next(c.tag.rpartition("}")[2] for e in got for c in e
                 if c.tag.startswith(f"{{{xml.STANZA_ERRORS}}}"))
    assert error == condition


# --- the table: in grace, and when it is over -----------------------------------------------------

async def test_what_waits_in_grace_comes_in_order(stack, raw_client, bystander):
    await lost_link(stack, raw_client)
    await bystander.send(message("m1") + iq("i1", "set") + iq("i2") + message("m2")
                         + f"<presence to='x@{GATE}'/>")
    await bystander.sync()
    new = await enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: len(new.stanzas()) >= 6)
    assert [e.get("id") for e in new.stanzas()][:4] == ["m1", "i1", "i2", "m2"]
    assert new.stanzas()[4].tag.endswith("}presence")
    assert not bystander.inbox.find(type="error")


async def test_answers_when_grace_is_over(stack, raw_client, bystander, clock):
    """Never sent: nobody was there.  Sent and not acknowledged: it may have happened."""
    link = await enabled(raw_client, stack, GATE, SECRET)
    await bystander.send(message("sent-m") + iq("sent-i", "set") + iq("sent-g")
                         + f"<presence to='x@{GATE}' id='sent-p'/>")
    await link.raw.wait("presence", id="sent-p")
    await lose(stack, link)
    await bystander.send(message("m") + iq("s", "set") + f"<presence to='x@{GATE}' id='p'/>")
    await bystander.sync()
    assert not bystander.inbox.find(type="error")
    await let_pass(clock, 31)
    for kind, ident in (("message", "sent-m"), ("iq", "sent-i"), ("iq", "sent-g")):
        await told(bystander, kind, ident, "remote-server-timeout")
    await told(bystander, "message", "m", "service-unavailable")
    await told(bystander, "iq", "s", "service-unavailable")
    assert not bystander.inbox.find("presence", type="error")
    await in_state(stack, GATE, "away")
    assert row(stack, GATE)["queued"] == 0 == row(stack, GATE)["unacknowledged"]
    await bystander.send(message("later"))
    await told(bystander, "message", "later", "service-unavailable")


async def test_a_question_waits_five_seconds(stack, raw_client, bystander, clock):
    await lost_link(stack, raw_client)
    await bystander.send(iq("q1"))
    await bystander.sync()
    await let_pass(clock, 3)
    await bystander.send(iq("q2"))
    await bystander.sync()
    assert not bystander.inbox.find("iq", type="error")
    await let_pass(clock, 3)
    await told(bystander, "iq", "q1", "service-unavailable")
    await bystander.sync()
    assert not bystander.inbox.find("iq", id="q2")
    new = await enabled(raw_client, stack, GATE, SECRET)
    await new.raw.wait("iq", id="q2")
    assert not new.raw.inbox.find("iq", id="q1")
    await let_pass(clock, 6)
    await bystander.sync()
    assert not bystander.inbox.find("iq", id="q2")


FLOOD = [(f"u{u}", f"u{u}.{i}") for i in range(45) for u in range(8)]  # 30 KB each


@pytest.fixture
def wide(make_stack):
    """A queue half of which, a component's share, takes all of it, as it lies in memory."""
    return make_stack(components=(), conf_d=section(link_queue="128M") + section(OTHER),
                      env={"LIMIT_SESSION_RATE": "0"})


async def flood(stack, raw_client):
    """More than sockets take, from users of the other component: it is never kept from sending."""
    other = await enabled(raw_client, stack, OTHER, SECRET)
    for user, ident in FLOOD:
        await other.raw.send(message(ident, 30000).replace("<message", f"<message from='{user}@{OTHER}'"))
    assert await other.handled() == len(FLOOD)
    assert row(stack, GATE)["queued"] > 500000
    return other


async def stopped_link(stack, raw_client, acks=True):
    link = await (enabled(raw_client, stack, GATE, SECRET) if acks
                  else connect(raw_client, stack, GATE, SECRET, ""))
    await link.answer_info()
    link.raw.stop_reading()
    return link


@pytest.mark.parametrize("acks", [True, False])
async def test_a_question_that_had_not_been_sent(wide, raw_client, clock, acks):
    """It waited for a link that did not read, and then the link was lost."""
    alice = await login(wide, raw_client, "alice")
    link = await stopped_link(wide, raw_client, acks)
    await flood(wide, raw_client)
    await alice.send(iq("q"))
    await alice.sync()
    assert not alice.inbox.find(id="q")
    await lose(wide, link)
    if acks:
        await alice.sync()
        assert not alice.inbox.find(id="q")
        await let_pass(clock, 6)
    await told(alice, "iq", "q", "service-unavailable")


async def test_questions_to_a_plain_link(stack, raw_client, bystander):
    raw = await attach(raw_client, stack, GATE, SECRET)
    await bystander.send(iq("open") + iq("done", "set") + message("lost"))
    await raw.wait("message", id="lost")
    await raw.send(f"<iq type='result' id='done' from='x@{GATE}' to='{bystander.jid}'/>")
    await bystander.wait("iq", id="done", type="result")
    await raw.drop(reset=True)
    await told(bystander, "iq", "open", "remote-server-timeout")
    await bystander.send(iq("now"))
    await told(bystander, "iq", "now", "service-unavailable")
    assert len(bystander.inbox.find("iq", id="done")) == 1
    await bystander.send(message("waits"))
    await bystander.sync()
    assert not bystander.inbox.find("message")
    raw = await attach(raw_client, stack, GATE, SECRET)
    await raw.wait("message", id="waits")
    assert not raw.inbox.find("message", id="lost")


async def test_disco_is_answered_while_it_is_away_for_a_moment(stack, raw_client, bystander, clock):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info("urn:its:feature")
    await link.handled()
    await lose(stack, link)
    answer = await bystander.iq("get", INFO, to=GATE)
    assert answer.get("type") == "result" and answer.get("from") == GATE
    assert [f.get("var") for f in answer.iter(f"{{{xml.DISCO_INFO}}}feature")] == ["urn:its:feature"]
    # A node, and somebody at the domain, are questions like any other.
    await bystander.send(iq("node", payload=INFO.replace("/>", " node='n'/>"), to=GATE))
    await bystander.send(iq("user", payload=INFO))
    await bystander.sync()
    assert not bystander.inbox.find(id="node") and not bystander.inbox.find(id="user")
    await let_pass(clock, 31)
    await in_state(stack, GATE, "away")
    answer = await bystander.iq("get", INFO, to=GATE)
    assert answer.get("type") == "error"
    # What it was before is not what it says now, if it says nothing.
    await lose(stack, await enabled(raw_client, stack, GATE, SECRET))
    await bystander.send(iq("again", payload=INFO, to=GATE))
    await bystander.sync()
    assert not bystander.inbox.find("iq", id="again")
    await let_pass(clock, 6)
    await told(bystander, "iq", "again", "service-unavailable")


async def test_no_grace(make_stack, raw_client):
    stack = make_stack(components=(), conf_d=section(link_grace="0"))
    alice = await login(stack, raw_client, "alice")
    link = await enabled(raw_client, stack, GATE, SECRET)
    await alice.send(message("m"))
    await link.raw.wait("message", id="m")
    await link.cut()
    await told(alice, "message", "m", "remote-server-timeout")
    assert row(stack, GATE)["state"] == "away"


async def test_senders_that_have_gone(stack, raw_client, clock):
    """Nobody is left to tell."""
    await lost_link(stack, raw_client)
    alice = await login(stack, raw_client, "alice")
    await alice.send(message("m") + iq("i", "set"))
    await alice.sync()
    await alice.drop(reset=True)
    await until(lambda: stack.metrics()["switchyard_sessions"] == 0)
    await let_pass(clock, 31)
    await in_state(stack, GATE, "away")


async def test_removed_with_a_queue(make_stack, raw_client):
    stack = make_stack(components=(), conf_d=section() + section(OTHER))
    alice = await login(stack, raw_client, "alice")
    other = await enabled(raw_client, stack, OTHER, SECRET)
    await lost_link(stack, raw_client)
    await alice.send(message("m"))
    await other.message(f"x@{GATE}", "n")
    assert await other.handled() == 1
    with open(os.path.join(stack.conf_dir, "10-test.conf"), "w", encoding="utf-8") as f:
        f.write(section(OTHER))
    stack.ctl("reload")
    await told(other.raw, "message", "n", "service-unavailable")
    await told(alice, "message", "m", "service-unavailable")


# --- between components ----------------------------------------------------------------------------

async def test_no_link_waits_for_another(stack, raw_client):
    """What stands in another's queue has been handled."""
    await lost_link(stack, raw_client)
    other = await enabled(raw_client, stack, OTHER, SECRET)
    for i in range(200):
        await other.message(f"x@{GATE}", f"m{i}")
    assert await other.handled() == 200
    new = await enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: len(new.ids()) == 200)
    assert new.ids() == [f"m{i}" for i in range(200)]


async def test_a_component_is_told_too(stack, raw_client, clock):
    await lost_link(stack, raw_client)
    other = await enabled(raw_client, stack, OTHER, SECRET)
    await other.message(f"x@{GATE}", "m")
    assert await other.handled() == 1
    await let_pass(clock, 31)
    await told(other.raw, "message", "m", "service-unavailable")


# --- bounds -----------------------------------------------------------------------------------------

@pytest.fixture
def small(make_stack):
    """A queue of 1 MiB: 128 KiB for each sender."""
    return make_stack(components=(), conf_d=section(link_queue="1M"),
                      env={"LIMIT_SESSION_RATE": "0", "LIMIT_PRESENCE": "64k"})


async def fill(client, ident, size=20000, most=64):
    """Until it is told that there is no more room; how many went in."""
    for i in range(most):
        await client.send(message(f"{ident}{i}", size))
        await client.sync()
        if client.inbox.find("message", id=f"{ident}{i}", error="resource-constraint"):
            return i
    raise AssertionError("no bound")


async def test_one_sender_fills_its_share_only(small, raw_client):
    alice, bob = [await login(small, raw_client, u) for u in ("alice", "bob")]
    await lost_link(small, raw_client)
    assert 1 <= await fill(alice, "a") <= 7
    await bob.send(message("b", 20000) + iq("bi", "set"))
    await bob.sync()
    assert not bob.inbox.find(type="error")
    # Alice's questions do not wait, nor do her requests.
    await alice.send(iq("ai"))
    await alice.send(iq("as", "set", f"<x xmlns='urn:x'>{'x' * 20000}</x>"))
    await told(alice, "iq", "as", "resource-constraint")
    new = await enabled(raw_client, small, GATE, SECRET)
    await new.raw.wait("message", id="b")
    await new.ack(len(new.stanzas()))
    await alice.send(message("again", 20000))
    await new.raw.wait("message", id="again")


async def test_whole_queue_is_bounded(small, raw_client):
    await lost_link(small, raw_client)
    taken = 0
    for n in range(12):
        u = await login(small, raw_client, f"u{n}")
        taken += await fill(u, f"{n}.")
    assert taken * 20000 < 1 << 20
    assert row(small, GATE)["queued"] <= 1 << 20


async def test_one_that_never_acknowledges(small, raw_client, clock):
    """Its queue fills up; it is told so by being dropped, and the next link gets all of it."""
    alice = await login(small, raw_client, "alice")
    link = await enabled(raw_client, small, GATE, SECRET)
    taken = await fill(alice, "m")
    await link.raw.wait("message", id=f"m{taken - 1}")
    await let_pass(clock, 30)
    await link.handled()  # it is alive
    assert row(small, GATE)["state"] == "online"
    await let_pass(clock, 31)
    await closed_with(link.raw, "resource-constraint")
    new = await connect(raw_client, small, GATE, SECRET)
    assert (await new.resume(link.id, 0)).tag == f"{{{SM}}}resumed"
    await new.raw.wait("message", id=f"m{taken - 1}")
    assert new.ids() == [f"m{i}" for i in range(taken)]


async def test_an_ack_in_time_keeps_it(small, raw_client, clock):
    alice = await login(small, raw_client, "alice")
    link = await enabled(raw_client, small, GATE, SECRET)
    taken = await fill(alice, "m")
    await link.raw.wait("message", id=f"m{taken - 1}")
    await let_pass(clock, 50)
    await link.ack(2)
    await link.handled()
    await let_pass(clock, 50)
    assert await link.handled() == 0


@pytest.mark.parametrize("acks", [True, False])
async def test_one_that_reads_slowly(wide, raw_client, acks):
    """Everything arrives, once and in order, and nobody else waits for it."""
    link = await stopped_link(wide, raw_client, acks)
    other = await flood(wide, raw_client)
    link.raw.go_on_reading()

    async def acknowledge():
        while acks:
            await link.ack(len(link.stanzas()))
            await asyncio.sleep(0.02)
    acking = asyncio.ensure_future(acknowledge())
    await until(lambda: len(link.ids()) == len(FLOOD), lambda: f"{len(link.ids())}", 30)
    acking.cancel()
    assert link.ids() == [ident for _, ident in FLOOD]
    assert not other.raw.inbox.find("message")


async def test_what_waits_does_not_silence_its_sender(stack, raw_client, bystander, clock):
    """More than a session may have under way: it is read again after five seconds, and what would
    have to wait as well is refused."""
    await lost_link(stack, raw_client)
    alice = await login(stack, raw_client, "alice")
    sending = asyncio.ensure_future(alice.send(
        "".join(message(f"m{i}") for i in range(70))
        + f"<message to='{bystander.jid}' id='through'>{PAYLOAD}</message>"))
    await bystander.sync()
    assert not bystander.inbox.find("message", id="through")
    await let_pass(clock, 6)
    await bystander.wait("message", id="through")
    await sending
    await told(alice, "message", "m69", "resource-constraint")
    new = await enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: len(new.ids()) == 64)
    assert new.ids() == [f"m{i}" for i in range(64)]
    await new.ack(len(new.stanzas()))
    await new.handled()
    await alice.send(message("after"))
    await new.raw.wait("message", id="after")


# --- presence ---------------------------------------------------------------------------------------

def left(link):
    return [(e.get("from"), e.get("to")) for e in link.raw.inbox.find("presence", type="unavailable")]


@pytest.mark.parametrize("how", ["leaves", "ends"])
async def test_who_has_left_is_no_ghost(stack, raw_client, clock, how):
    """However long the component was away."""
    link = await enabled(raw_client, stack, GATE, SECRET)
    alice = await login(stack, raw_client, "alice")
    await alice.send(f"<presence to='r@{GATE}/n' id='in'/><presence to='s@{GATE}/n' id='in'/>")
    await until(lambda: len(link.raw.inbox.find("presence", id="in")) == 2)
    await link.ack(len(link.stanzas()))
    await link.handled()
    await lose(stack, link)
    await let_pass(clock, 31)
    await in_state(stack, GATE, "away")
    if how == "leaves":
        await alice.send(f"<presence type='unavailable' to='r@{GATE}/n'/>" * 2
                         + f"<presence type='unavailable' to='s@{GATE}/n'/>")
        await alice.sync()
    else:
        await alice.drop(reset=True)
        await until(lambda: stack.metrics()["switchyard_sessions"] == 0)
    await let_pass(clock, 3600)
    new = await enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: len(left(new)) == 2)
    assert sorted(left(new)) == [(alice.jid, f"r@{GATE}/n"), (alice.jid, f"s@{GATE}/n")]


async def test_who_left_in_grace_is_kept_when_it_is_over(stack, raw_client, bystander, clock):
    await lost_link(stack, raw_client)
    await bystander.send(f"<presence to='r@{GATE}/n'/><presence type='unavailable' to='r@{GATE}/n'/>")
    await bystander.sync()
    await let_pass(clock, 31)
    await in_state(stack, GATE, "away")
    new = await enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: left(new) == [(bystander.jid, f"r@{GATE}/n")])
    assert not new.raw.inbox.find("presence", type=None)


async def test_who_is_back_has_not_left(stack, raw_client, bystander, clock):
    link = await lost_link(stack, raw_client)
    await let_pass(clock, 31)
    await in_state(stack, GATE, "away")
    for room in "rs":
        await bystander.send(f"<presence type='unavailable' to='{room}@{GATE}/n'/>")
    await bystander.send(f"<presence to='r@{GATE}/n'/>")
    await bystander.sync()
    new = await enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: left(new))
    await bystander.send(message("end"))
    await new.raw.wait("message", id="end")
    assert left(new) == [(bystander.jid, f"s@{GATE}/n")]
    assert link.id != new.id


async def test_who_leaves_while_the_queue_is_full(small, raw_client):
    alice = await login(small, raw_client, "alice")
    link = await enabled(raw_client, small, GATE, SECRET)
    await alice.send(f"<presence to='r@{GATE}/n' id='in'/>")
    await link.raw.wait("presence", id="in")
    await fill(alice, "m")
    await alice.send(f"<presence type='unavailable' to='r@{GATE}/n'><x xmlns='urn:x'>{'x' * 30000}</x></presence>")
    await alice.sync()
    assert not left(link)
    await link.ack(len(link.stanzas()))
    await until(lambda: left(link) == [(alice.jid, f"r@{GATE}/n")])


async def test_whose_acknowledgements_are_not_read_is_not_stuck(make_stack, raw_client, clock):
    """Reading pauses for its own rate, for longer than a full queue may stand."""
    stack = make_stack(components=(), env={"LIMIT_SESSION_RATE": "0"},
                       conf_d=section(link_queue="1M", rate="1k", rate_burst="1k"))
    alice = await login(stack, raw_client, "alice")
    link = await enabled(raw_client, stack, GATE, SECRET)
    n = await fill(alice, "m")
    await until(lambda: f"m{n - 1}" in link.ids())
    await link.message(alice.jid, "long", f"<x xmlns='urn:x'>{'x' * 300000}</x>")
    await alice.wait("message", id="long")
    await link.ack(len(link.stanzas()))
    await let_pass(clock, 61)
    await alice.sync()
    assert row(stack, GATE)["state"] == "online" and row(stack, GATE)["unacknowledged"]
    await let_pass(clock, 300)
    await until(lambda: not row(stack, GATE)["unacknowledged"])


@pytest.mark.parametrize("acked", [True, False])
async def test_who_leaves_with_too_many_words(make_stack, raw_client, acked):
    """More than the component takes: nobody stays in a room for that."""
    stack = make_stack(components=(), conf_d=section(max_stanza="8k"), env={"LIMIT_SESSION_RATE": "0"})
    alice = await login(stack, raw_client, "alice")
    words = f"<x xmlns='urn:x'>{'x' * 10000}</x>"
    link = await connect(raw_client, stack, GATE, SECRET, **({} if acked else {"attributes": ""}))
    if acked:
        await link.enable()
    await alice.send(f"<presence/><presence to='r@{GATE}/n' id='in'/><presence to='s@{GATE}/n' id='in'/>")
    await until(lambda: len(link.raw.inbox.find("presence", id="in")) == 2)
    await alice.send(f"<presence type='unavailable' to='r@{GATE}/n'>{words}</presence>")
    await until(lambda: left(link) == [(alice.jid, f"r@{GATE}/n")])
    await alice.send(f"<presence type='unavailable'>{words}</presence>")
    await until(lambda: left(link)[1:] == [(alice.jid, f"s@{GATE}/n")])


# --- internal components, hosts ----------------------------------------------------------------------

async def test_internal_component_is_unknown(make_stack, raw_client):
    stack = make_stack(components=(), conf_d=section(internal="true") + section(OTHER))
    alice = await login(stack, raw_client, "alice")
    other = await enabled(raw_client, stack, OTHER, SECRET)
    link = await enabled(raw_client, stack, GATE, SECRET)
    await link.answer_info()  # the router itself reaches it
    await alice.send("<presence/>" + message("m") + iq("i") + f"<presence to='x@{GATE}'/>"
                     f"<presence type='subscribe' to='x@{GATE}'/>"
                     f"<presence type='unavailable' to='x@{GATE}'/>")
    await told(alice, "message", "m", "remote-server-not-found")
    await told(alice, "iq", "i", "remote-server-not-found")
    await other.message(f"x@{GATE}", "n")
    await told(other.raw, "message", "n", "remote-server-not-found")
    items = await alice.iq("get", f"<query xmlns='{xml.DISCO_ITEMS}'/>", to="localhost")
    jids = [i.get("jid") for i in items.iter(f"{{{xml.DISCO_ITEMS}}}item")]
    assert OTHER in jids and GATE not in jids
    await alice.close()
    await until(lambda: stack.metrics()["switchyard_sessions"] == 0)
    assert await link.handled() == 1
    assert [e.tag.rpartition("}")[2] for e in link.stanzas()] == ["iq"]


@pytest.mark.parametrize("hosts, why", [("example.org", "not one of DOMAIN"), ("a b", "not a domain")])
async def test_hosts_must_be_served(make_stack, hosts, why):
    rows = section().replace("}\n", f'  hosts = {{"{hosts}"}}\n}}\n')
    stack = make_stack(components=(), conf_d=rows, start=False)
    stack.router.start()
    assert stack.router.wait_exit() == 1
    await stack.router.wait_log(f"hosts.*{hosts}.*{why}")


# --- what an operator sees -----------------------------------------------------------------------------

async def test_states(stack, raw_client, clock):
    assert row(stack, GATE)["state"] == "never"
    link = await enabled(raw_client, stack, GATE, SECRET)
    now = row(stack, GATE)
    assert (now["state"], now["links"], now["acknowledged"], now["peer"]) == \
        ("online", 1, True, "127.0.0.1")
    await lose(stack, link)
    now = row(stack, GATE)
    assert (now["links"], now["peer"], now["unacknowledged"]) == (0, None, 1)
    assert "reset" in now["last_error"]
    await let_pass(clock, 31)
    await in_state(stack, GATE, "away")
    await attach(raw_client, stack, GATE, SECRET)
    now = row(stack, GATE)
    assert (now["state"], now["acknowledged"]) == ("online", False)


async def test_one_that_is_down_does_not_close_the_others(stack, raw_client, clock):
    """Too much waits for the one: what the other takes at once is not refused."""
    await lost_link(stack, raw_client)
    other = await enabled(raw_client, stack, OTHER, SECRET)
    alice = await login(stack, raw_client, "alice")
    sending = asyncio.ensure_future(alice.send("".join(message(f"m{i}") for i in range(70))))
    await let_pass(clock, 6)
    await sending
    await told(alice, "message", "m69", "resource-constraint")
    await alice.send(message("o", to=f"x@{OTHER}"))
    await other.raw.wait("message", id="o")
    await other.ack(len(other.stanzas()))
    await let_pass(clock, 61)
    assert await other.handled() == 0  # and nobody thinks that it is stuck
