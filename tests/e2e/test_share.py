# SPDX-License-Identifier: MIT
"""Several connections share a domain: negotiation, changes of members, what moves and what waits."""

import pytest

from lib import xml
from lib.component import attach
from lib.faults import closed_with, let_pass
from lib.link import SM, enabled, row
from lib.sharing import SHARE, address, agree, linked, member, winner
from lib.wait import until

GATE = "gate.localhost"
SECRET = "0123456789abcdef0123456789abcdef"
PAYLOAD = "<x xmlns='urn:x'/>"
SECTION = """component gate {{
  domain = "{gate}"
  secret = "{secret}"
  e2e = exempt
  connections = share
  {more}
}}
"""


def section(more=""):
    return SECTION.format(gate=GATE, secret=SECRET, more=more)


@pytest.fixture
def stack(make_stack, request):
    return make_stack(components=(), conf_d=section(getattr(request, "param", "")))


@pytest.fixture
def join(raw_client, stack):
    async def make():
        return await member(raw_client, stack, GATE, SECRET)
    return make


@pytest.fixture
def two(join):
    """Two members that agree."""
    async def make():
        a = await join()
        await agree(a)
        b = await join()
        await agree(a, b)
        return a, b
    return make


async def say(client, to, *ids):
    for ident in ids:
        await client.send(f"<message to='{to}' id='{ident}'>{PAYLOAD}</message>")


# --- negotiation ----------------------------------------------------------------------------------

async def test_it_is_offered_and_named(stack, raw_client):
    link = await linked(raw_client, stack, GATE, SECRET)
    assert link.raw.features.find(f"{{{SHARE}}}share") is not None
    first = await link.share()
    assert first.get("resume") == "true" and len(link.member) == 16
    other = await member(raw_client, stack, GATE, SECRET)
    assert other.member != link.member and not link.raw.closed


async def test_who_does_not_share_is_not_offered_it(make_stack, raw_client):
    stack = make_stack(components=(), conf_d=section().replace("share", "replace"))
    link = await linked(raw_client, stack, GATE, SECRET)
    assert link.raw.features.find(f"{{{SHARE}}}share") is None
    await link.raw.send(f"<enable xmlns='{SM}' resume='true'><share xmlns='{SHARE}'/></enable>")
    answer = await link.raw.wait(f"{{{SM}}}enabled")
    assert answer.find(f"{{{SHARE}}}share") is None


async def test_who_does_not_ask_is_told_nothing(stack, raw_client, bystander):
    link = await enabled(raw_client, stack, GATE, SECRET)
    await say(bystander, f"x@{GATE}", "m")
    await link.raw.wait("message", id="m")
    assert not link.raw.inbox.find("iq", has=f"{{{SHARE}}}members")
    assert not link.raw.inbox.find("message", has=f"{{{SHARE}}}settled")


# --- changes --------------------------------------------------------------------------------------

async def test_a_change_is_told_answered_and_settled(join):
    a = await join()
    first = await a.told([a.member], [])
    assert first.iq.get("from") == "localhost" and first.iq.get("to") == f"{GATE}/{a.member}"
    assert not a.epochs_settled()
    await a.answer()
    assert await a.settled() == first.epoch
    b = await join()
    second = await a.told([a.member, b.member], [])
    assert second.epoch > first.epoch and (await b.told([a.member, b.member])).epoch == second.epoch
    await a.answer()
    await a.handled()
    assert second.epoch not in a.epochs_settled()
    await b.answer()
    await a.settled(second.epoch)
    await b.settled(second.epoch)


async def test_the_first_one_is_waited_for(join, bystander):
    """Its store may have what a router before this one knew."""
    a = await join()
    await a.told([a.member])
    await say(bystander, f"x@{GATE}", "1", "2")
    await bystander.sync()
    await a.handled()
    assert not a.messages()
    await a.answer()
    await a.has("1", "2")
    kinds = [e.tag.rpartition("}")[2] for e in a.stanzas() if e.get("id") in ("1", "2") or
             e.find(f"{{{SHARE}}}settled") is not None]
    assert kinds == ["message"] * 3 and a.stanzas().index(
        a.raw.inbox.find("message", has=f"{{{SHARE}}}settled")[0]) < a.stanzas().index(
            a.raw.inbox.find("message", id="1")[0])


async def test_each_key_has_one_home(two, bystander):
    a, b = await two()
    ids = [a.member, b.member]
    mine = {m.member: [address(GATE, ids, m.member, prefix=p) for p in "stuv"] for m in (a, b)}
    for m in (a, b):
        for to in mine[m.member]:
            await say(bystander, to, f"{to}-1")
            await say(bystander, f"{to}/res", f"{to}-2")
    for m in (a, b):
        await m.has(*(f"{to}-{n}" for to in mine[m.member] for n in (1, 2)))


async def test_the_domain_is_a_key_and_a_member_an_address(two, bystander):
    a, b = await two()
    home, other = (a, b) if winner([a.member, b.member], GATE) == a.member else (b, a)
    await say(bystander, GATE, "domain")
    await say(bystander, f"{GATE}/nobody", "resource")
    await say(bystander, f"{GATE}/{other.member}", "other")
    await home.has("domain", "resource")
    await other.has("other")


async def test_only_what_moves_waits(two, join, bystander):
    a, b = await two()
    old = [a.member, b.member]
    c = await join()
    new = [*old, c.member]
    await a.told(new)
    stays = address(GATE, new, a.member, (old, a.member))
    moves = address(GATE, new, c.member, (old, a.member))
    await say(bystander, moves, "m1", "m2")
    await say(bystander, stays, "s1")
    await a.has("s1")
    for m in (a, b):
        await m.answer()
    await a.handled()
    await b.handled()
    assert not c.messages()
    await c.answer()
    await c.has("m1", "m2")
    await say(bystander, moves, "m3")
    await c.has("m1", "m2", "m3")
    assert a.messages() == ["s1"]


async def test_what_happens_meanwhile_is_told_afterwards(join):
    a = await join()
    await agree(a)
    b = await join()
    pending = await a.told([a.member, b.member])
    c = await join()
    await c.handled()
    await a.handled()
    assert a.lists()[-1].epoch == pending.epoch and not c.lists()
    await a.answer()
    await b.answer()
    await a.settled(pending.epoch)
    await agree(a, b, c)


async def test_who_ends_during_its_own_change_makes_a_new_one(join, bystander):
    a = await join()
    await agree(a)
    b = await join()
    pending = await a.told([a.member, b.member])
    to = address(GATE, [a.member, b.member], b.member)
    await say(bystander, to, "m")
    await a.answer()
    await b.leave()
    await a.told([a.member], [b.member])
    assert a.lists()[-1].epoch > pending.epoch and pending.epoch not in a.epochs_settled()
    await a.answer(adopted={b.member: 0})
    await a.has("m")


async def test_an_answer_to_another_change_does_not_count(join, bystander):
    a = await join()
    await a.told([a.member])
    for bad in (a.lists()[-1].epoch + 1, 0, "x", "-1", "4294967297"):
        await a.answer(epoch=bad)
    await a.answer(payload=f"<members xmlns='{SHARE}'/>")
    await a.answer(payload="<x xmlns='urn:x'/>")
    await a.handled()
    assert not a.epochs_settled()
    await a.answer()
    await a.settled()


async def test_nor_does_somebody_elses(join, bystander, raw_client, stack):
    a = await join()
    await agree(a)
    b = await join()
    last = await b.told([a.member, b.member])
    body = f"<members xmlns='{SHARE}' epoch='{last.epoch}'/>"
    await a.answer()
    await a.answer(sender=f"{GATE}/{b.member}")
    await bystander.send(f"<iq type='result' id='{last.iq.get('id')}' to='localhost'>{body}</iq>")
    await bystander.send(f"<iq type='result' id='{last.iq.get('id')}' to='{GATE}'>{body}</iq>")
    await bystander.sync()
    plain = await attach(raw_client, stack, GATE, SECRET)
    await plain.send(f"<iq type='result' id='{last.iq.get('id')}' to='localhost' "
                     f"from='{GATE}/{b.member}'>{body}</iq>")
    await a.handled()
    assert last.epoch not in a.epochs_settled()
    await b.answer()
    await a.settled(last.epoch)


async def test_who_does_not_answer_is_disconnected(join, clock, bystander, stack):
    a = await join()
    await agree(a)
    b = await join()
    await a.told([a.member, b.member])
    await a.answer()
    await say(bystander, address(GATE, [a.member, b.member], b.member), "m")
    await let_pass(clock, 6)
    await closed_with(b.raw, "connection-timeout")
    await a.told([a.member], [b.member])
    await a.answer(adopted={b.member: None})
    await a.has("m")
    assert f"member {b.member} (127.0.0.1) has not answered" in stack.router.tail()


async def test_who_hangs_before_it_is_a_member(raw_client, stack, clock):
    """It is not made a member that acknowledges nothing."""
    late = await linked(raw_client, stack, GATE, SECRET)
    await let_pass(clock, 6)
    await closed_with(late.raw, "connection-timeout")
    assert row(stack, GATE)["links"] == 0


# --- bounds ---------------------------------------------------------------------------------------

async def test_so_many_share_and_no_more(raw_client, stack):
    links = [await attach(raw_client, stack, GATE, SECRET) for _ in range(64)]
    late = await linked(raw_client, stack, GATE, SECRET)
    await late.raw.send(f"<enable xmlns='{SM}' resume='true'><share xmlns='{SHARE}'/></enable>")
    await closed_with(late.raw, "resource-constraint")
    assert row(stack, GATE)["links"] == 64
    await links[0].send("</stream:stream>")
    await until(lambda: row(stack, GATE)["links"] == 63, "one has left")
    await member(raw_client, stack, GATE, SECRET)


@pytest.mark.parametrize("stack", ["link_queue = 64K"], indirect=True)
async def test_what_waits_is_bounded(stack, raw_client, bystander):
    a = await member(raw_client, stack, GATE, SECRET)
    await a.told([a.member])
    text = "x" * 2000
    for n in range(40):
        await bystander.send(f"<message to='x@{GATE}' id='w{n}'><body>{text}</body></message>")
    error = await bystander.wait("message", type="error")
    assert error.find(f".//{{{xml.STANZA_ERRORS}}}resource-constraint") is not None
    await a.answer()
    await until(a.messages, "what was taken")
    assert len(a.messages()) < 40
