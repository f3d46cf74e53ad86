# SPDX-License-Identifier: MIT
"""Members of a shared domain that end: what waits for them, and who gets it in the end."""

import pytest

from lib import xml
from lib.component import attach
from lib.faults import closed_with, let_pass
from lib.link import SM, enabled, in_state, row
from lib.sharing import SHARE, address, agree, linked, member, winner
from lib.wait import until
from test_reload import reload
from test_share import GATE, SECRET, say, section

GRACE = 30


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=section())


@pytest.fixture
def members(raw_client, stack):
    """So many that agree, in the order of coming."""
    async def make(n):
        all_ = []
        for _ in range(n):
            all_.append(await member(raw_client, stack, GATE, SECRET))
            await agree(*all_)
        return all_
    return make


def ids_of(members):
    return [m.member for m in members]


async def lost(m, stack):
    await m.cut()
    await until(lambda: row(stack, f"{GATE}/{m.member}")["state"] == "grace", "its link is lost")


async def over(clock, *others):
    """Grace is over, for whoever is in it; the others are not held to have been silent."""
    for m in others:
        await m.handled()
    await let_pass(clock, GRACE + 1)


async def test_who_resumes_keeps_its_keys(members, raw_client, stack, bystander):
    a, b = await members(2)
    to = address(GATE, ids_of([a, b]), b.member)
    came = b.came()
    await lost(b, stack)
    await say(bystander, to, "1", "2")
    await bystander.sync()
    back = await linked(raw_client, stack, GATE, SECRET)
    assert (await back.resume(b.id, came)).tag == f"{{{SM}}}resumed"
    await back.has("1", "2")
    assert len(a.lists()) == 2 and not back.lists() and not a.messages()


async def test_who_resumes_during_a_change_answers_it(members, raw_client, stack, bystander):
    a, b = await members(2)
    before = b.came()
    c = await member(raw_client, stack, GATE, SECRET)
    ids = ids_of([a, b, c])
    epoch = (await b.told(ids)).epoch
    await lost(b, stack)
    to = address(GATE, ids, c.member, (ids[:2], b.member))
    await say(bystander, to, "moves")
    await bystander.sync()
    back = await linked(raw_client, stack, GATE, SECRET)
    back.member = b.member
    assert (await back.resume(b.id, before)).tag == f"{{{SM}}}resumed"
    assert (await back.told(ids)).epoch == epoch
    for m in (a, back, c):
        await m.answer()
    for m in (a, back, c):
        await m.settled(epoch)
    await c.has("moves")
    assert not back.messages()


async def test_what_its_store_has_is_not_sent_again(members, stack, bystander, clock):
    """The adopter says how much of it was committed; the rest is replayed, in order, before what was
    held."""
    a, b = await members(2)
    to = address(GATE, ids_of([a, b]), b.member)
    await b.ack(b.came())
    before = b.came()
    await say(bystander, to, "1", "2", "3")
    await b.has("1", "2", "3")
    await b.message(bystander.jid)
    await lost(b, stack)
    await say(bystander, to, "4")
    await bystander.sync()
    await over(clock, a)
    last = await a.told([a.member], [b.member])
    assert last.gone[b.member] == 2  # its answer, and what it said
    await say(bystander, to, "5")
    await bystander.sync()
    assert not a.messages()
    await a.answer(adopted={b.member: before + 2})
    await a.has("3", "4", "5")
    assert not bystander.inbox.find("message", type="error")


@pytest.mark.parametrize("h", [None, "x", "1000000", "-1", "0"])
async def test_without_a_number_that_can_be_all_is_sent_again(members, stack, bystander, clock, h):
    a, b = await members(2)
    to = address(GATE, ids_of([a, b]), b.member)
    await b.ack(b.came())
    await say(bystander, to, "1", "2")
    await b.has("1", "2")
    await lost(b, stack)
    await over(clock, a)
    await a.told([a.member], [b.member])
    await a.answer(adopted={b.member: h})
    await a.has("1", "2")


async def test_what_was_acknowledged_is_not_sent_again(members, stack, bystander, clock):
    a, b = await members(2)
    to = address(GATE, ids_of([a, b]), b.member)
    await say(bystander, to, "1", "2")
    await b.has("1", "2")
    await b.ack(b.came() - 1)
    await b.handled()
    await lost(b, stack)
    await over(clock, a)
    await a.told([a.member], [b.member])
    await a.answer(adopted={"nobody": 7, b.member: None})
    await a.has("2")


async def test_who_leaves_has_no_grace(members, bystander):
    a, b = await members(2)
    to = address(GATE, ids_of([a, b]), b.member)
    await b.leave()
    await a.told([a.member], [b.member])
    await a.answer(adopted={b.member: b.came()})
    await say(bystander, to, "1")
    await a.has("1")


async def test_a_session_that_is_gone_is_not_resumed(members, raw_client, stack):
    a, b = await members(2)
    await b.message(f"x@{GATE}")
    await b.leave()
    await a.told([a.member], [b.member])
    late = await linked(raw_client, stack, GATE, SECRET)
    failed = await late.resume(b.id, 0)
    assert failed.tag == f"{{{SM}}}failed" and failed.get("h") == "2"
    await late.share()
    assert late.member != b.member


async def test_the_adopter_dies_before_it_has(members, stack, bystander):
    a, b, c = await members(3)
    ids = ids_of([a, b, c])
    to = address(GATE, ids, c.member)
    await c.ack(c.came())
    before = c.came()
    await say(bystander, to, "1", "2")
    await c.has("1", "2")
    await c.leave()
    await a.told(ids[:2], [c.member])
    await a.answer()
    await b.leave()
    await a.told(ids[:1], [b.member, c.member])
    await a.answer(adopted={b.member: b.came(), c.member: before + 1})
    await a.has("2")


async def test_the_adopter_dies_after_it_has(members, stack, bystander):
    """Its answer is in its own outbox, and who adopts that sends it."""
    a, b, c = await members(3)
    ids = ids_of([a, b, c])
    to = address(GATE, ids, c.member)
    await c.ack(c.came())
    before = c.came()
    await say(bystander, to, "1", "2")
    await c.has("1", "2")
    await c.leave()
    first = await a.told(ids[:2], [c.member])
    await b.leave()
    last = await a.told(ids[:1], [b.member, c.member])
    body = "<members xmlns='{}' epoch='{}'><adopted id='{}' h='{}'/></members>"
    await a.answer(sender=f"{GATE}/{b.member}",
                   payload=body.format(SHARE, first.epoch, c.member, before + 2))
    await a.handled()
    assert last.epoch not in a.epochs_settled()
    await a.answer(adopted={b.member: b.came(), c.member: None})
    await a.settled(last.epoch)
    await say(bystander, to, "3")
    await a.has("3")


async def test_nobody_left(members, stack, bystander, clock, raw_client):
    [a] = await members(1)
    await a.ack(a.came())
    await say(bystander, f"x@{GATE}", "1")
    await a.has("1")
    await a.leave()
    await in_state(stack, GATE, "grace")
    await say(bystander, f"x@{GATE}", "2")
    await bystander.sync()
    b = await member(raw_client, stack, GATE, SECRET)
    await b.told([b.member], [a.member])
    await b.answer(adopted={a.member: a.came()})
    await b.has("2")


async def test_nobody_for_too_long(members, stack, bystander, clock, raw_client):
    [a] = await members(1)
    await a.ack(a.came())
    await say(bystander, f"x@{GATE}", "1")
    await a.has("1")
    await lost(a, stack)
    await say(bystander, f"x@{GATE}", "2")
    await bystander.sync()
    await over(clock)
    await in_state(stack, GATE, "away")
    await until(lambda: len(bystander.inbox.find("message", type="error")) == 2, "both are answered")
    await say(bystander, f"x@{GATE}", "3")
    await bystander.wait("message", type="error", id="3")
    b = await member(raw_client, stack, GATE, SECRET)
    await b.told([b.member], [a.member])
    await b.answer(adopted={a.member: 0})
    await b.settled()
    await say(bystander, f"x@{GATE}", "4")
    await b.has("4")


async def test_a_member_in_grace_does_not_hold_a_change_up(members, stack, raw_client, clock, bystander):
    a, b = await members(2)
    await lost(b, stack)
    c = await member(raw_client, stack, GATE, SECRET)
    await a.told(ids_of([a, b, c]))
    await a.answer()
    await c.answer()
    await let_pass(clock, 6)
    await a.told(ids_of([a, c]), [b.member])
    await a.answer(adopted={b.member: None})
    await c.told(ids_of([a, c]), [b.member])
    await c.answer()
    await a.settled()
    await c.settled()


async def test_unavailable_presence_is_kept_for_the_next(members, stack, bystander, clock, raw_client):
    [a] = await members(1)
    await a.leave()
    await in_state(stack, GATE, "grace")
    await let_pass(clock, GRACE + 1)
    await in_state(stack, GATE, "away")
    await bystander.send(f"<presence type='unavailable' to='room@{GATE}/me'/>")
    await bystander.sync()
    b = await member(raw_client, stack, GATE, SECRET)
    await b.told([b.member])
    await b.answer(adopted={a.member: None})
    await b.raw.wait("presence", type="unavailable", to=f"room@{GATE}/me")


# --- without the extension ------------------------------------------------------------------------

async def plain(raw_client, stack):
    return await attach(raw_client, stack, GATE, SECRET)


async def test_plain_links_are_balanced(stack, raw_client, bystander):
    links = [await plain(raw_client, stack) for _ in range(3)]
    rows = [c["domain"].partition("/")[2] for c in stack.ctl("component", "list") if "/" in c["domain"]]
    tos = [f"u{n}@{GATE}" for n in range(60)]
    for to in tos:
        await say(bystander, to, to)
        await say(bystander, f"{to}/r", f"{to}/r")
    def got():
        return [[m.get("id") for m in c.inbox.find("message")] for c in links]
    await until(lambda: sum(map(len, got())) == 120, lambda: f"all have come: {got()}")
    want = [[i for to in tos if winner(rows, to) == r for i in (to, f"{to}/r")] for r in rows]
    assert sorted(got()) == sorted(want) and all(got())


async def test_a_plain_link_goes_at_once(stack, raw_client, bystander):
    a, b = [await plain(raw_client, stack) for _ in range(2)]
    await until(lambda: row(stack, GATE)["links"] == 2, "both are there")
    await bystander.send("".join(f"<iq type='set' id='q{n}' to='u{n}@{GATE}'><x xmlns='urn:x'/></iq>"
                                 for n in range(20)))
    await until(lambda: len(a.inbox.find("iq", type="set")) + len(b.inbox.find("iq", type="set")) == 20, "all")
    mine = {iq.get("id") for iq in b.inbox.find("iq", type="set")}
    await b.drop(reset=True)
    await until(lambda: {e.get("id") for e in bystander.inbox.find("iq", type="error")} == mine, "those of b")
    await say(bystander, f"u1@{GATE}", "m")
    await say(bystander, f"u2@{GATE}", "n")
    await a.wait("message", id="m")
    await a.wait("message", id="n")


async def test_an_acknowledged_link_without_the_extension(members, stack, raw_client, bystander):
    """What it did not acknowledge is the others'."""
    [a] = await members(1)
    b = await enabled(raw_client, stack, GATE, SECRET)
    ids = (await until(lambda: a.lists()[-1] if len(a.lists()) == 2 else None, "the second list")).ids
    await a.answer()
    await a.settled()
    [other] = ids - {a.member}
    to = address(GATE, list(ids), other)
    await say(bystander, to, "1", "2")
    await until(lambda: b.ids() == ["1", "2"], "both")
    await b.ack(len(b.stanzas()) - 1)
    await b.handled()
    await b.raw.send("</stream:stream>")
    last = await a.told([a.member], [])
    await a.answer()
    await a.settled(last.epoch)
    await a.has("2")


# --- settings -------------------------------------------------------------------------------------

async def test_not_shared_any_more(members, stack, raw_client, bystander):
    a, b = await members(2)
    to = address(GATE, ids_of([a, b]), b.member)
    await b.ack(b.came())
    await say(bystander, to, "1")
    await b.has("1")
    c = await member(raw_client, stack, GATE, SECRET)
    await c.told(ids_of([a, b, c]))
    await say(bystander, address(GATE, ids_of([a, b, c]), c.member, (ids_of([a, b]), a.member)), "2")
    await bystander.sync()
    await reload(stack, section().replace("share", "replace"))
    for m in (a, b, c):
        await closed_with(m.raw, "reset")
    link = await enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: link.ids() == ["1", "2"], lambda: f"what waited: {link.ids()}")
    await reload(stack, section())
    await closed_with(link.raw, "reset")
    c = await member(raw_client, stack, GATE, SECRET)
    await agree(c)
    await c.has("1", "2")


async def test_a_new_secret(members, stack):
    a, b = await members(2)
    await reload(stack, section().replace(SECRET, "f" * 32))
    for m in (a, b):
        await closed_with(m.raw, "not-authorized")


def test_messages_are_not_tapped_by_many(make_stack):
    stack = make_stack(components=(), conf_d=section('tap = {"undelivered"}'), start=False)
    stack.router.start()
    assert stack.router.wait_exit() == 1
    assert "component gate: connections = share: messages cannot be tapped" in stack.router.log


async def test_garbage_ends_no_change(members, stack, raw_client):
    [a] = await members(1)
    b = await member(raw_client, stack, GATE, SECRET)
    last = await a.told(ids_of([a, b]))
    many = "".join(f"<adopted id='x{n}' h='{n}'/>" for n in range(200))
    await a.answer(payload=f"<members xmlns='{SHARE}' epoch='7x'>{many}<adopted/></members>")
    await a.raw.send(f"<iq type='error' id='{last.iq.get('id')}' to='localhost' from='{GATE}/{a.member}'>"
                     f"<error type='cancel'><bad-request xmlns='{xml.STANZA_ERRORS}'/></error></iq>")
    await a.handled()
    await b.answer()
    await b.handled()
    assert last.epoch not in b.epochs_settled()
    await a.answer()
    await b.settled(last.epoch)
