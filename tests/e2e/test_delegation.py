# SPDX-License-Identifier: MIT
"""Namespaces that a component has been given (XEP-0355): requests, answers, what is no answer."""

import asyncio

import pytest

from lib import component, xml
from lib.delegation import V1, V2, Manager, asking, is_info, request
from lib.faults import let_pass, login
from lib.inbox import error_condition
from lib.link import enabled
from lib.wait import until

NS = "urn:test:x"
ASK = f"<x xmlns='{NS}'/>"
PUB, GATE, OTHER = "pub.localhost", "gate.localhost", "other.localhost"
SECRET = "0123456789abcdef0123456789abcdef"
CONF = (f'component pub {{ secret = "{SECRET}" delegate = {{"{NS}", "urn:test:f[node,ver]"}} }}\n'
        f'component gate {{ secret = "{SECRET}" e2e = exempt }}\n'
        f'component other {{ secret = "{SECRET}" e2e = exempt }}\n')


@pytest.fixture
def stack(make_stack):
    """The router, with a place for a manager and for another component."""
    return make_stack(components=(), conf_d=CONF)


@pytest.fixture
async def manager(stack, raw_client):
    return await Manager.attach(raw_client, stack, PUB, SECRET, nest={})


@pytest.fixture
async def alice(stack, raw_client):
    return await login(stack, raw_client, "alice", "a")


async def refused(answer, condition="service-unavailable"):
    answer = await answer if asyncio.isfuture(answer) else answer
    assert answer.get("type") == "error" and error_condition(answer) == condition, xml.show(answer)


# --- what it is told ------------------------------------------------------------------------------

async def test_advertisement_in_both_versions(stack, raw_client):
    m = await Manager.attach(raw_client, stack, PUB, SECRET)
    for version in (V2, V1):
        message = await m.wait("message", from_="localhost", has=f"{{{version}}}delegation")
        rows = message.findall(f"{{{version}}}delegation/{{{version}}}delegated")
        assert [r.get("namespace") for r in rows] == [NS, "urn:test:f"]
        assert [a.get("name") for a in rows[1]] == ["node", "ver"]
        assert message.get("to") == PUB and message.get("id") and message.get("type") is None


async def test_who_has_nothing_is_told_nothing(stack, raw_client):
    gate = await component.attach(raw_client, stack, GATE, SECRET)
    await gate.send(f"<iq type='get' id='p' from='{GATE}' to='localhost'>"
                    f"<ping xmlns='{xml.PING}'/></iq>")
    await gate.wait("iq", id="p", type="result")
    came = gate.inbox.find(lambda e: e.tag.rpartition("}")[2] in ("iq", "message"))
    assert [e.get("id") for e in came if not is_info(e)] == ["p"] and len(came) == 2


# --- requests -------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["get", "set"])
@pytest.mark.parametrize("to", [None, "alice@localhost", "bob@localhost", "localhost"])
async def test_request_and_answer(stack, manager, alice, kind, to):
    stack.add_account("bob")
    answer = asking(alice, kind, f"<x xmlns='{NS}' a='&lt;'><deep>&amp;</deep></x>", to)
    r = await manager.next()
    assert r.outer.get("type") == "set"
    assert (r.outer.get("from"), r.outer.get("to")) == ("localhost", PUB)
    assert (r.inner.get("from"), r.inner.get("to"), r.inner.get("type")) == (alice.jid, to, kind)
    assert r.payload.get("a") == "<" and r.payload[0].text == "&" and r.version == V2
    await manager.send(r.wrapped(f"<x xmlns='{NS}'>it</x>"))
    answer = await answer
    assert answer.get("type") == "result" and answer[0].text == "it"
    assert answer.get("to") == alice.jid and answer.get("from") == to


async def test_error_inside_passes(manager, alice):
    answer = asking(alice, "get", ASK)
    r = await manager.next()
    await manager.send(r.wrapped(
        f"<error type='cancel' code='404'><item-not-found xmlns='{xml.STANZA_ERRORS}'/></error>",
        type="error"))
    answer = await answer
    assert answer.find("{jabber:client}error").get("code") == "404"
    await refused(answer, "item-not-found")


async def test_filter(manager, alice):
    await refused(asking(alice, "get", "<x xmlns='urn:test:f' node='a'/>"))
    assert not manager.requests
    answer = asking(alice, "get", "<x xmlns='urn:test:f' node='a' ver='b'/>")
    await manager.send((await manager.next()).wrapped())
    assert (await answer).get("type") == "result"


@pytest.mark.parametrize("to", ["nobody@localhost", "localhost/x", "alice@localhost/none"])
async def test_what_is_not_for_it(manager, alice, to):
    """An account that does not exist is answered as ever."""
    delegated = await alice.iq("get", ASK, to=to)
    other = await alice.iq("get", "<x xmlns='urn:test:other'/>", to=to)
    await refused(delegated)
    assert (xml.show(delegated).replace(delegated.get("id"), "")
            == xml.show(other).replace(other.get("id"), ""))
    assert not manager.requests


async def test_blocked(stack, raw_client, manager, alice):
    bob = await login(stack, raw_client, "bob")
    await alice.iq("set", "<block xmlns='urn:xmpp:blocking'><item jid='bob@localhost'/></block>")
    await refused(asking(bob, "get", ASK, "alice@localhost"))
    await refused(asking(alice, "get", ASK, "bob@localhost"), "not-acceptable")
    assert not manager.requests


async def test_other_component_asks(stack, raw_client, manager, alice):
    gate = await component.attach(raw_client, stack, GATE, SECRET)
    for to in ("alice@localhost", "localhost"):
        ident, text = request(ASK, to, f"x@{GATE}/y")
        await gate.send(text)
        r = await manager.next()
        assert r.inner.get("from") == f"x@{GATE}/y" and r.inner.get("to") == to
        await manager.send(r.wrapped(ASK))
        answer = await gate.wait("iq", id=ident)
        assert answer.get("type") == "result" and answer.get("from") == to


async def test_manager_asks_the_server_itself(manager, alice):
    for to in ("alice@localhost", "localhost"):
        ident, text = request(ASK, to, PUB)
        await manager.send(text)
        await manager.wait("iq", id=ident, error="service-unavailable")
    assert not manager.requests


# --- no answer, or none that counts ---------------------------------------------------------------

WRONG = {"id": {"id": "other"}, "no id": {"id": None}, "recipient": {"to": "alice@localhost/b"},
         "bare recipient": {"to": "alice@localhost"}, "no recipient": {"to": None},
         "sender": {"from_": "bob@localhost"}, "server as sender": {"from_": "localhost"},
         "itself as sender": {"from_": PUB}, "type get": {"type": "get"},
         "type set": {"type": "set"}, "no type": {"type": None},
         "error without error": {"type": "error"}}


@pytest.mark.parametrize("to", [None, "alice@localhost"])
@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
async def test_wrong_answer(stack, manager, alice, to, change):
    answer = asking(alice, "get", ASK, to)
    r = await manager.next()
    await manager.send(r.wrapped(ASK, **change))
    await refused(answer)
    await stack.router.wait_log(f"lvl=warn .*{PUB}.*refused an answer for {alice.jid}")
    await manager.send(r.wrapped(ASK))  # too late to make it good
    await alice.sync()
    assert len(alice.inbox.find("iq", has=f"{{{NS}}}x")) == 0


@pytest.mark.parametrize("content", [
    "", "<x xmlns='urn:test:x'/>", f"<delegation xmlns='{V2}'/>",
    "<delegation xmlns='urn:xmpp:delegation:3'/>",
    f"<delegation xmlns='{V2}'><forwarded xmlns='urn:xmpp:forward:0'/></delegation>"])
async def test_answer_without_anything_inside(manager, alice, content):
    answer = asking(alice, "get", ASK)
    r = await manager.next()
    await manager.send(f"<iq type='result' id='{r.outer.get('id')}' from='{PUB}' to='localhost'>"
                       f"{content}</iq>")
    await refused(answer)


async def test_error_around_is_not_shown(manager, alice):
    answer = asking(alice, "get", ASK)
    r = await manager.next()
    await manager.send(f"<iq type='error' id='{r.outer.get('id')}' from='{PUB}' to='localhost'>"
                       f"<error type='auth'><forbidden xmlns='{xml.STANZA_ERRORS}'/></error></iq>")
    await refused(answer)


async def test_answers_that_come_twice_and_late(manager, alice, clock):
    first = asking(alice, "get", ASK)
    r = await manager.next()
    await manager.send(r.wrapped(ASK) + r.wrapped(ASK))
    assert (await first).get("type") == "result"
    second = asking(alice, "get", ASK)
    r = await manager.next()
    await let_pass(clock, 31)
    await refused(second)
    await manager.send(r.wrapped(ASK))
    third = asking(alice, "get", ASK)
    await manager.send((await manager.next()).wrapped())
    assert (await third).get("type") == "result"
    assert len(alice.inbox.find("iq", has=f"{{{NS}}}x")) == 1


async def test_answer_before_the_time_is_over(manager, alice, clock):
    answer = asking(alice, "get", ASK)
    r = await manager.next()
    await let_pass(clock, 28)
    await manager.send(r.wrapped())
    assert (await answer).get("type") == "result"


async def test_nobody_there(stack, raw_client, alice):
    await refused(asking(alice, "get", ASK))
    m = await Manager.attach(raw_client, stack, PUB, SECRET, nest={})
    m.stream.wire.close()
    await until(lambda: stack.metrics()[f'switchyard_component_up{{domain="{PUB}"}}'] == 0, "away")
    await refused(asking(alice, "get", ASK))


async def test_asker_who_does_not_wait(stack, raw_client, manager, alice, bystander):
    """His session ends, another one takes its address: the answer is not for it."""
    await alice.send(f"<iq type='get' id='old'>{ASK}</iq>")
    r = await manager.next()
    await alice.drop()
    await until(lambda: len(stack.ctl("session", "list")) == 1, "alice has gone")
    again = await login(stack, raw_client, "alice", "a")
    await manager.send(r.wrapped(ASK))
    ident, text = request(f"<ping xmlns='{xml.PING}'/>", "localhost", PUB)
    await manager.send(text)
    await manager.wait("iq", id=ident)
    await again.sync()
    assert not again.inbox.find("iq", id="old")


# --- forged ---------------------------------------------------------------------------------------

FORGED = (f"<delegation xmlns='{V2}'><forwarded xmlns='urn:xmpp:forward:0'>"
          "<iq xmlns='jabber:client' type='%s' id='f' from='bob@localhost/b' to='%s'>"
          f"{ASK}</iq></forwarded></delegation>")


async def test_user_delegates_to_the_server(manager, alice):
    for to in (None, "localhost", "alice@localhost"):
        await refused(asking(alice, "set", FORGED % ("get", "alice@localhost"), to))
    await alice.send(f"<message to='localhost'>{FORGED % ('get', 'alice@localhost')}</message>")
    await alice.wait("message", error="service-unavailable")
    assert not manager.requests


async def test_user_delegates_to_the_component(manager, alice):
    """It arrives as what it is: a user's."""
    asking(alice, "set", FORGED % ("get", "bob@localhost"), PUB)
    r = await manager.next()
    assert r.outer.get("from") == alice.jid


async def test_others_answer(stack, raw_client, manager, alice):
    """The right id is worth nothing to who was not asked."""
    bob = await login(stack, raw_client, "bob")
    gate = await component.attach(raw_client, stack, GATE, SECRET)
    answer = asking(alice, "get", ASK)
    r = await manager.next()
    forged = r.wrapped(f"<x xmlns='{NS}'>forged</x>")
    await bob.send(forged.replace(f" from='{PUB}'", ""))
    await gate.send(forged.replace(f"from='{PUB}'", f"from='{GATE}'"))
    await manager.send(forged.replace(f"from='{PUB}'", f"from='x@{PUB}'"))
    await manager.send(forged.replace("to='localhost'", "to='alice@localhost'"))
    await bob.sync()
    ident, text = request(f"<ping xmlns='{xml.PING}'/>", "localhost", GATE)
    await gate.send(text)
    await gate.wait("iq", id=ident)
    await manager.send(r.wrapped(f"<x xmlns='{NS}'>true</x>"))
    assert (await answer)[0].text == "true"
    await alice.sync()
    assert len(alice.inbox.find("iq", has=f"{{{NS}}}x")) == 1


# --- limits ---------------------------------------------------------------------------------------

async def test_so_many_of_an_account(stack, raw_client, manager, alice):
    """128, from however many sessions."""
    other, third = [await login(stack, raw_client, "alice", n) for n in "bc"]
    for i in range(43):
        for one in (alice, other, third)[:2 if i == 42 else 3]:
            await one.send(f"<iq type='get' id='l{i}'>{ASK}</iq>")
    await until(lambda: len(manager.requests) == 128, "128 requests")
    answer = await alice.iq("get", ASK, to="localhost")
    await refused(answer, "resource-constraint")
    assert answer.find("{jabber:client}error").get("type") == "wait"
    bob = await login(stack, raw_client, "bob")
    of_bob = asking(bob, "get", ASK)
    await until(lambda: len(manager.requests) == 129, "bob's")
    await manager.send("".join([r.wrapped() for r in manager.requests]))
    assert (await of_bob).get("type") == "result"
    await other.wait("iq", id="l42", type="result")
    await alice.wait("iq", id="l42", type="result")
    again = asking(alice, "get", ASK)
    await until(lambda: len(manager.requests) == 130, "room again")
    await manager.send(manager.requests[-1].wrapped())
    assert (await again).get("type") == "result"


async def test_so_many_of_a_session(alice, manager):
    """Who asks for more than 64 things at once is not refused: it is read later."""
    await alice.send("".join(f"<iq type='get' id='l{i}'>{ASK}</iq>" for i in range(200)))
    await until(lambda: len(manager.requests) == 64, "64 requests")
    sent = 0
    while sent < 200:
        await until(lambda: len(manager.requests) > sent, "more requests")
        fresh = manager.requests[sent:]
        assert len(fresh) <= 64
        sent += len(fresh)
        await manager.send("".join(r.wrapped() for r in fresh))
    for i in range(200):
        assert (await alice.wait("iq", id=f"l{i}")).get("type") == "result"


async def test_so_many_of_a_component(stack, raw_client, manager, alice):
    """1,024 in all, and half of them from one component that asks, whatever its names are."""
    gate = await component.attach(raw_client, stack, GATE, SECRET)
    other = await component.attach(raw_client, stack, OTHER, SECRET)
    for c, domain, n in (gate, GATE, 512), (other, OTHER, 1024):
        for user in range(16):
            await c.send("".join(request(ASK, "localhost", f"u{user}@{domain}")[1]
                                 for _ in range(32)))
        await until(lambda n=n: len(manager.requests) == n, f"{n} requests")
        await c.send(request(ASK, "localhost", f"u16@{domain}")[1])
        await refused(await c.wait("iq", type="error", to=f"u16@{domain}"), "resource-constraint")
        assert len(manager.requests) == n
    await refused(asking(alice, "get", ASK), "resource-constraint")
    await manager.send(manager.requests[0].wrapped())
    await gate.wait("iq", type="result", to=f"u0@{GATE}")
    answer = asking(alice, "get", ASK)
    await until(lambda: len(manager.requests) == 1025, "alice's")
    await manager.send(manager.requests[-1].wrapped())
    assert (await answer).get("type") == "result"


# --- versions -------------------------------------------------------------------------------------

async def test_older_version(stack, raw_client, alice):
    m = await Manager.attach(raw_client, stack, PUB, SECRET, features=(V1,), nest={})
    answer = asking(alice, "get", ASK)
    r = await m.next()
    assert r.version == V1
    await m.send(r.wrapped())
    assert (await answer).get("type") == "result"


async def test_request_waits_until_the_version_is_known(stack, raw_client, alice):
    m = await Manager.attach(raw_client, stack, PUB, SECRET)
    answer = asking(alice, "get", ASK)
    await alice.sync()
    assert not m.requests
    await m.say_features([V1])
    r = await m.next()
    assert r.version == V1
    await m.send(r.wrapped())
    assert (await answer).get("type") == "result"


async def test_request_waits_five_seconds_at_most(stack, raw_client, alice, clock):
    m = await Manager.attach(raw_client, stack, PUB, SECRET)
    answer = asking(alice, "get", ASK)
    await alice.sync()
    await let_pass(clock, 6)
    r = await m.next()
    assert r.version == V2
    await m.send(r.wrapped())
    assert (await answer).get("type") == "result"


async def test_no_link_waits_for_the_manager(stack, raw_client, manager, alice):
    """A manager that hangs would else hold up the acknowledgements of whoever asks it anything: a
    room's occupant can have the room ask."""
    gate = await enabled(raw_client, stack, GATE, SECRET)
    await gate.raw.send(f"<iq type='get' id='q' from='{GATE}' to='alice@localhost'>{ASK}</iq>")
    r = await manager.next()
    await gate.message(alice.jid)
    assert await gate.handled() == 2
    await manager.send(r.wrapped(ASK))
    await gate.raw.wait("iq", id="q", type="result", from_="alice@localhost")
    assert await gate.handled() == 2


async def test_request_that_is_too_long(make_stack, raw_client):
    """Whatever the link is: the asker is told at once, not when there was no answer."""
    stack = make_stack(components=(), conf_d=f'component pub {{ secret = "{SECRET}" max_stanza = "4k" '
                                             f'delegate = {{"{NS}"}} }}\n')
    alice = await login(stack, raw_client, "alice")
    link = await enabled(raw_client, stack, PUB, SECRET)
    question = await link.raw.wait("iq", type="get")
    await link.raw.send(f"<iq type='error' id='{question.get('id')}' from='{PUB}' to='localhost'/>")
    assert await link.handled() == 1
    await refused(asking(alice, "get", f"<x xmlns='{NS}'>{'x' * 5000}</x>"), "not-acceptable")
