# SPDX-License-Identifier: MIT
"""What a shared domain is granted: whose an account's questions are, and what every member hears."""

import os

import pytest

from lib import component, slixmpp_bot, xml
from lib.delegation import V2
from lib.faults import login
from lib.link import row
from lib.process import Process
from lib.sharing import INFO, address, agree, member, winner
from lib.wait import until, until_sync
from test_share import GATE, SECRET, section

NS = "urn:test:x"
P2 = "urn:xmpp:privilege:2"
TAP = "urn:switchyard:tap:1"
GRANTS = (f'delegate = {{"{NS}"}}\n  privilege = {{"roster=both", "presence=managed_entity", '
          '"message=outgoing", "iq:jabber:iq:version=get"}\n  tap = {"accounts"}')


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=section(GRANTS))


@pytest.fixture
def two(raw_client, stack):
    async def make():
        a = await member(raw_client, stack, GATE, SECRET)
        await a.told([a.member])
        await a.answer()
        await a.settled()
        await a.answer_info(V2)
        b = await member(raw_client, stack, GATE, SECRET)
        await agree(a, b)
        return a, b
    return make


def delegated(m):
    return m.raw.inbox.find("iq", type="set", has=f"{{{V2}}}delegation")


async def users(stack, raw_client, a, b):
    """One account that is a's by its name, and one that is b's."""
    ids = [a.member, b.member]
    names = [address("localhost", ids, m.member, prefix="user").partition("@")[0] for m in (a, b)]
    return [await login(stack, raw_client, name) for name in names]


async def test_each_is_told_its_grants(two):
    both = await two()
    for m in both:
        for name, ns in (("delegation", V2), ("privilege", P2)):
            await m.raw.wait("message", from_="localhost", has=f"{{{ns}}}{name}")


async def test_what_it_says_of_itself_is_asked_once(two):
    both = await two()
    for m in both:
        await m.handled()
    asked = [iq for m in both for iq in m.raw.inbox.find("iq", type="get", has=INFO)
             if iq.find(INFO).get("node") is None]
    assert len(asked) == 1


async def test_an_account_has_one_home(two, stack, raw_client):
    a, b = await two()
    of_a, of_b = await users(stack, raw_client, a, b)
    for n, (user, to) in enumerate([(of_a, None), (of_b, None), (of_a, of_b.jid.partition("/")[0]),
                                    (of_b, "localhost")]):
        at = f" to='{to}'" if to else ""
        await user.send(f"<iq type='get' id='q{n}'{at}><x xmlns='{NS}'/></iq>")
    of_domain = a if winner([a.member, b.member], "localhost") == a.member else b
    want = {m.member: [] for m in (a, b)}
    for n, m in enumerate([a, b, b, of_domain]):
        want[m.member].append(f"q{n}")

    def got(m):
        return sorted(iq.get("id") for e in delegated(m) for iq in e.iter("{jabber:client}iq"))
    for m in (a, b):
        await until(lambda: got(m) == want[m.member], lambda: f"{want[m.member]}, not {got(m)}")


async def test_all_hear_of_presence_and_rosters(two, stack, raw_client):
    a, b = await two()
    user, _ = await users(stack, raw_client, a, b)
    await user.send("<presence/>")
    await user.iq("set", "<query xmlns='jabber:iq:roster'><item jid='x@y.test'/></query>")
    await user.send("<presence type='unavailable'/>")
    for m in (a, b):
        await m.raw.wait("presence", from_=user.jid, type="unavailable")
        await m.raw.wait("iq", type="set", has="{jabber:iq:roster}query")
        came = m.raw.inbox.find("presence", from_=user.jid)
        assert [p.get("type") for p in came] == [None, "unavailable"]


async def test_all_hear_of_accounts(two, stack):
    a, b = await two()
    stack.add_account("new")
    for m in (a, b):
        event = await m.raw.wait("message", has=f"{{{TAP}}}account")
        assert event.find(f"{{{TAP}}}account").get("jid") == "new@localhost"
        await m.ack(m.came())


async def test_an_event_that_one_did_not_acknowledge_comes_again(two, stack, clock):
    a, b = await two()
    stack.add_account("new")
    for m in (a, b):
        await m.raw.wait("message", has=f"{{{TAP}}}account")
    await a.ack(a.came())
    await a.handled()
    await b.leave()
    await a.told([a.member], [b.member])
    await a.answer(adopted={b.member: None})
    await a.settled()
    clock.advance(6)
    await until(lambda: len(a.raw.inbox.find("message", has=f"{{{TAP}}}account")) == 2, "it came again")
    await a.ack(a.came())


async def test_answers_to_privileges_are_the_accounts_homes(two, stack, raw_client):
    a, b = await two()
    of_a, of_b = await users(stack, raw_client, a, b)
    for asker, account in ((a, of_b), (b, of_a)):
        bare = account.jid.partition("/")[0]
        await asker.raw.send(
            f"<iq type='get' id='p-{bare}' from='{GATE}' to='{bare}'><privileged_iq xmlns='{P2}'>"
            f"<iq xmlns='jabber:client' type='get' id='i' to='localhost'>"
            f"<query xmlns='jabber:iq:version'/></iq></privileged_iq></iq>")
    for home, account in ((b, of_b), (a, of_a)):
        await home.raw.wait("iq", type="result", id=f"p-{account.jid.partition('/')[0]}")


async def test_own_questions_come_back_to_who_asked(two):
    for m in await two():
        await m.raw.send(f"<iq type='get' id='p' from='{GATE}/{m.member}' to='localhost'>"
                         f"<ping xmlns='{xml.PING}'/></iq>")
        await m.raw.wait("iq", type="result", id="p", to=f"{GATE}/{m.member}")


async def test_slixmpp_shares_without_knowing(make_stack, folder, raw_client, client):
    stack = make_stack(components=(), conf_d=section())
    bots = []
    try:
        for n in range(2):
            argv = ["/usr/bin/python3", "-P", os.path.abspath(slixmpp_bot.__file__), GATE, SECRET,
                    "127.0.0.1", str(stack.port("COMPONENT_PORT"))]
            bots.append(Process(f"bot{n}", argv, {}, os.path.join(folder, f"bot{n}.log")))
            bots[-1].start()
        until_sync(lambda: row(stack, GATE)["links"] == 2, bots[0].tail)
        raw = await component.attach(raw_client, stack, GATE, SECRET)
        ids = [c["domain"].partition("/")[2] for c in stack.ctl("component", "list") if "/" in c["domain"]]
        alice = await client("alice")
        info = await alice.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>",
                                   to=f"{address(GATE, ids, ids[0])}")
        assert info.get("type") == "result"
        await raw.send("</stream:stream>")
        await until(lambda: row(stack, GATE)["links"] == 2, "it has left")
        for n in range(8):
            await alice.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=f"u{n}@{GATE}")
    finally:
        for bot in bots:
            bot.kill9()
