# SPDX-License-Identifier: MIT
"""Disco of what has been delegated (XEP-0355 7): nesting, nodes and items of accounts."""

import asyncio

import pytest

from lib import xml
from lib.delegation import (INFO_NODES, ITEMS_NODES, V1, V2, Manager, asking, info_of)
from lib.faults import let_pass, login
from lib.inbox import error_condition
from lib.wait import until, until_answer
from test_reload import reload

PUBSUB, PUB, SECRET = "http://jabber.org/protocol/pubsub", "pub.localhost", "0123456789abcdef0123"
FORM = ("<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
        "<value>urn:test:form</value></field><field var='a'><value>b</value></field></x>")
SERVER = {f"{PUBSUB}#publish", f"{PUBSUB}#publish-options", PUBSUB}
ACCOUNT = {f"{PUBSUB}#access-presence", f"{PUBSUB}#auto-create", PUBSUB}


def features(names):
    return "".join(f"<feature var='{n}'/>" for n in sorted(names))


def nest(version=V2):
    return {f"{version}::{PUBSUB}": features(SERVER) + features({xml.PING}) + FORM,
            f"{version}:bare:{PUBSUB}": "<identity category='pubsub' type='pep'/>"
                                        + features(ACCOUNT)}


def conf(*more, grace=30):
    rows = ", ".join(f'"{ns}"' for ns in (PUBSUB, *more))
    return (f'component pub {{ secret = "{SECRET}" link_grace = {grace} delegate = {{{rows}}} }}\n')


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=conf())


@pytest.fixture
async def alice(stack, raw_client):
    return await login(stack, raw_client, "alice", "a")


async def disco(client, to, what=xml.DISCO_INFO, node=None):
    node = f" node='{node}'" if node else ""
    return await client.iq("get", f"<query xmlns='{what}'{node}/>", to=to)


async def said(client, to):
    answer = await disco(client, to)
    assert answer.get("type") == "result", xml.show(answer)
    names = [f.get("var") for f in answer.iter(f"{{{xml.DISCO_INFO}}}feature")]
    assert len(names) == len(set(names)), f"twice: {names}"
    return info_of(answer[0])


async def shows(client, to, names):
    """Waits until disco#info has them all."""
    async def all_of_them():
        found = await said(client, to)
        return found if names <= found[1] else None
    return await until_answer(all_of_them, lambda: f"{to}: {names}\n{client.inbox.text()}")


# --- nesting --------------------------------------------------------------------------------------

async def test_server_announces_support(stack, alice):
    assert {V1, V2} <= (await said(alice, "localhost"))[1]


@pytest.mark.parametrize("version", [V2, V1])
async def test_becomes_part_of_what_the_server_says(stack, raw_client, alice, version):
    before = await said(alice, "localhost"), await said(alice, "alice@localhost")
    await Manager.attach(raw_client, stack, PUB, SECRET, (version,), nest(version))
    server = await shows(alice, "localhost", SERVER)
    assert server == (before[0][0], before[0][1] | SERVER)
    for to in ("alice@localhost", None):
        account = await shows(alice, to, ACCOUNT)
        assert account == (before[1][0] | {("pubsub", "pep")}, before[1][1] | ACCOUNT)
    answer = await disco(alice, "localhost")
    forms = [f.findtext("{jabber:x:data}field/{jabber:x:data}value")
             for f in answer.iter("{jabber:x:data}x")]
    assert sorted(forms) == ["http://jabber.org/network/serverinfo", "urn:test:form"]


async def test_stays_over_a_kill_and_goes_with_the_grace(stack, raw_client, alice, clock):
    m = await Manager.attach(raw_client, stack, PUB, SECRET, nest=nest())
    server = await shows(alice, "localhost", SERVER)
    account = await shows(alice, "alice@localhost", ACCOUNT)
    await m.stream.drop(reset=True)
    up = f'switchyard_component_up{{domain="{PUB}"}}'
    await until(lambda: stack.metrics()[up] == 0, "away")
    await let_pass(clock, 25)
    assert (await said(alice, "localhost"), await said(alice, "alice@localhost")) == (server,
                                                                                      account)
    # And what it says of itself, which was asked for in the same question.
    assert V2 in (await said(alice, PUB))[1]
    m = await Manager.attach(raw_client, stack, PUB, SECRET)  # is back, says nothing yet
    assert await said(alice, "localhost") == server
    await m.say_features([V2])
    await m.say_nested(nest())
    await let_pass(clock, 25)  # longer than the grace since the kill
    assert await said(alice, "localhost") == server
    await m.stream.drop()
    await until(lambda: stack.metrics()[up] == 0, "away")
    await let_pass(clock, 31)
    assert PUBSUB not in (await said(alice, "localhost"))[1]
    identities, names = await said(alice, "alice@localhost")
    assert PUBSUB not in names and ("pubsub", "pep") not in identities


async def test_strangers_do_not_see_it(stack, raw_client, alice):
    """What disco says of an account is for those who see its presence, nested or not."""
    await Manager.attach(raw_client, stack, PUB, SECRET, nest=nest())
    bob = await login(stack, raw_client, "bob")
    await shows(alice, "alice@localhost", ACCOUNT)
    assert error_condition(await disco(bob, "alice@localhost")) == "service-unavailable"


async def test_own_features_of_a_delegated_namespace_go(make_stack, raw_client):
    """The router would say what does not hold any more (XEP-0355 7.2.1)."""
    stack = make_stack(components=(), conf_d=conf("jabber:iq:version[x]", "jabber:iq:last"))
    alice = await login(stack, raw_client, "alice")
    names = (await said(alice, "localhost"))[1]
    assert "jabber:iq:version" not in names and "jabber:iq:last" not in names
    assert "jabber:iq:last" not in (await said(alice, "alice@localhost"))[1]
    answer = await alice.iq("get", "<query xmlns='jabber:iq:version'/>", to="localhost")
    assert answer.get("type") == "result"  # the filter does not fit
    answer = await alice.iq("get", "<query xmlns='jabber:iq:last'/>", to="localhost")
    assert error_condition(answer) == "service-unavailable"


async def test_reload_gives_and_takes(stack, raw_client, alice):
    m = await Manager.attach(raw_client, stack, PUB, SECRET, nest=nest())
    await shows(alice, "localhost", SERVER)
    m.inbox.clear()
    await reload(stack, f'component pub {{ secret = "{SECRET}" delegate = {{"urn:test:y"}} }}\n')
    await m.wait("message", has=f"{{{V2}}}delegated")
    assert not SERVER & (await said(alice, "localhost"))[1]
    answer = await alice.iq("get", f"<pubsub xmlns='{PUBSUB}'/>")
    assert error_condition(answer) == "service-unavailable"
    await m.say_features([V2])
    await m.say_nested({f"{V2}::urn:test:y": features({"urn:test:y"})})
    await shows(alice, "localhost", {"urn:test:y"})
    answer = asking(alice, "get", "<y xmlns='urn:test:y'/>")
    await m.send((await m.next()).wrapped())
    assert (await answer).get("type") == "result"
    await reload(stack, "log_level = debug\n")  # the whole section
    assert "urn:test:y" not in (await said(alice, "localhost"))[1]
    answer = await alice.iq("get", "<y xmlns='urn:test:y'/>")
    assert error_condition(answer) == "service-unavailable"


async def test_reload_takes_a_domain_away(make_stack, raw_client):
    """Which says itself that it delegates nothing any more, in both versions."""
    stack = make_stack(domain="a.test,b.test", components=(),
                       conf_d=conf().replace("delegate", 'domain = "pub.a.test" delegate'))
    m = await Manager.attach(raw_client, stack, "pub.a.test", SECRET, nest=nest())
    await m.wait("message", from_="b.test", has=f"{{{V1}}}delegated")
    m.inbox.clear()
    await reload(stack, conf().replace(
        "delegate", 'domain = "pub.a.test" hosts = {"a.test"} delegate'))
    last = await m.wait("message", from_="b.test", has=f"{{{V1}}}delegation")
    assert not len(last[0])
    assert not len((await m.wait("message", from_="b.test", has=f"{{{V2}}}delegation"))[0])
    await m.wait("message", from_="a.test", has=f"{{{V2}}}delegated")


async def test_reload_while_somebody_waits(stack, raw_client, alice):
    m = await Manager.attach(raw_client, stack, PUB, SECRET, nest=nest())
    answer = asking(alice, "get", f"<pubsub xmlns='{PUBSUB}'/>")
    await m.next()
    await reload(stack, "log_level = debug\n")
    assert error_condition(await answer) == "service-unavailable"


async def test_refused_reload_changes_nothing(stack, raw_client, alice):
    m = await Manager.attach(raw_client, stack, PUB, SECRET, nest=nest())
    await reload(stack, conf(xml.ROSTER), "settings not reloaded")
    answer = asking(alice, "get", f"<pubsub xmlns='{PUBSUB}'/>")
    await m.send((await m.next()).wrapped())
    assert (await answer).get("type") == "result"


# --- nodes and items of accounts ------------------------------------------------------------------

@pytest.fixture
def rest(make_stack):
    return make_stack(components=(), conf_d=conf(INFO_NODES, ITEMS_NODES))


async def test_what_is_left_of_disco(rest, raw_client):
    alice = await login(rest, raw_client, "alice")
    bob = await login(rest, raw_client, "bob")
    m = await Manager.attach(raw_client, rest, PUB, SECRET, nest=nest())
    for client, to, what, node in (
            (alice, "alice@localhost", xml.DISCO_ITEMS, None), (alice, None, xml.DISCO_ITEMS, "n"),
            (alice, "alice@localhost", xml.DISCO_INFO, "n"), (alice, None, xml.DISCO_INFO, "n"),
            (bob, "alice@localhost", xml.DISCO_ITEMS, None)):
        answer = asyncio.ensure_future(disco(client, to, what, node))
        r = await m.next()
        assert r.inner.get("to") == to and r.inner.get("from") == client.jid
        assert r.payload.tag == f"{{{what}}}query" and r.payload.get("node") == node
        await m.send(r.wrapped(f"<query xmlns='{what}'><said/></query>"))
        assert (await answer).find(f"{{{what}}}query/{{{what}}}said") is not None


async def test_what_stays_with_the_server(rest, raw_client):
    alice = await login(rest, raw_client, "alice")
    m = await Manager.attach(raw_client, rest, PUB, SECRET, nest=nest())
    assert (await disco(alice, "alice@localhost")).get("type") == "result"
    assert (await disco(alice, "localhost", xml.DISCO_ITEMS)).get("type") == "result"
    assert error_condition(await disco(alice, "localhost", node="n")) == "item-not-found"
    assert error_condition(await disco(alice, "nobody@localhost", xml.DISCO_ITEMS)) \
        == "service-unavailable"
    assert not m.requests


async def test_only_the_newer_version_names_them(rest, raw_client):
    m = await Manager.attach(raw_client, rest, PUB, SECRET)
    newer = await m.wait("message", has=f"{{{V2}}}delegation")
    older = await m.wait("message", has=f"{{{V1}}}delegation")
    assert len(newer[0]) == 3 and [r.get("namespace") for r in older[0]] == [PUBSUB]


# --- settings that stop the start -----------------------------------------------------------------

def gate(*rows, hosts=""):
    rows = ", ".join(f'"{r}"' for r in rows)
    return f'component gate {{ secret = "s" {hosts} delegate = {{{rows}}} }}\n'


@pytest.mark.parametrize("text, words", [
    (conf() + gate(PUBSUB), ("component pub", f'delegate: "{PUBSUB}" of localhost is component')),
    (conf(PUBSUB), ("component pub", "already")),
    (conf(xml.ROSTER), ('"jabber:iq:roster" is the router\'s own',)),
    (conf(xml.DISCO_INFO), (f'is delegated as "{INFO_NODES}"',)),
    (conf("urn:x["), ("behind the namespace stand the attributes",)),
    (conf(""), ("is not a namespace",)),
    (conf() + gate("urn:x", hosts='hosts = {"example.org"}'), ('hosts: "example.org" is not',)),
    (conf() + gate("urn:x", hosts='hosts = {"a b"}'), ('hosts: "a b" is not a domain name',))],
    ids=["twice", "twice in one", "kept", "disco", "filter", "empty", "host", "no host"])
def test_start_is_refused(make_stack, text, words):
    stack = make_stack(start=False, components=(), conf_d=text)
    stack.router.start()
    assert stack.router.wait_exit() == 1
    lines = [line for line in stack.router.log.splitlines() if all(w in line for w in words)]
    assert len(lines) == 1, stack.router.log


async def test_same_namespace_for_two_hosts(make_stack, raw_client):
    text = (conf().replace("delegate", 'hosts = {"a.test"} delegate')
            + gate(PUBSUB, hosts='hosts = {"b.test"}'))
    stack = make_stack(components=(), conf_d=text, domain="a.test,b.test",
                       env={"DOMAIN_PUB": PUB, "DOMAIN_GATE": "gate.localhost"})
    pub = await Manager.attach(raw_client, stack, PUB, SECRET, nest={})
    other = await Manager.attach(raw_client, stack, "gate.localhost", "s", nest={})
    stack.add_account("bob@b.test")
    alice = await login(stack, raw_client, "alice")
    for to, manager, host in (("a.test", pub, "a.test"), (None, pub, "a.test"),
                              ("b.test", other, "b.test"), ("bob@b.test", other, "b.test")):
        answer = asking(alice, "get", f"<pubsub xmlns='{PUBSUB}'/>", to)
        r = await manager.next()
        assert r.outer.get("from") == host
        await manager.send(r.wrapped())
        assert (await answer).get("type") == "result"
