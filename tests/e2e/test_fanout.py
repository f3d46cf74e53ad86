# SPDX-License-Identifier: MIT
"""One stanza of a component's to many addresses, through the real router: who gets it, what comes
back, and who may not send one."""

import xml.etree.ElementTree as ET

import pytest

from lib import xml
from lib.component import attach

NS = "urn:switchyard:fanout:1"
GATE, OTHER = "gate.localhost", "other.localhost"
NICK = f"room@{GATE}/nick"
SECRET = "0123456789abcdef0123456789abcdef"
SAID = (f"<message xmlns='jabber:client' from='{NICK}' type='groupchat' id='m'>"
        "<body>hi &amp; ho</body></message>")


def section(name, **settings):
    rows = {"secret": SECRET, "e2e": "trusted", **settings}
    return f"component {name} {{\n" + "".join(f'  {k} = "{v}"\n' for k, v in rows.items()) + "}\n"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=section("gate") + section("other"))


@pytest.fixture
async def gate(stack, raw_client):
    return await attach(raw_client, stack, GATE, SECRET)


async def fan(gate, *to, stanza=SAID, ident="x", address="localhost"):
    await gate.send(f"<message from='{GATE}' to='{address}' id='{ident}'><fanout xmlns='{NS}'>{stanza}"
                    + "".join(f"<to jid='{jid}'/>" for jid in to) + "</fanout></message>")


async def settled(gate, *clients):
    """All that either has sent before has arrived."""
    await gate.send(f"<iq from='{GATE}' to='localhost' type='get' id='settled'>"
                    f"<ping xmlns='{xml.PING}'/></iq>")
    await gate.wait("iq", id="settled")
    for c in clients:
        await c.sync()


def bounces(gate):
    return [(s.get("id"), s.get("from"), s.get("to")) for s in gate.inbox.find("message", type="error")]


async def test_sessions_and_all_others(stack, raw_client, client, gate):
    """Each address as if it had been sent a stanza of its own."""
    phone = await client("alice", resource="phone")
    tablet = await client("alice", resource="tablet")
    other = await attach(raw_client, stack, OTHER, SECRET)
    await fan(gate, phone.full, "alice@localhost/gone", "alice@localhost", f"x@{OTHER}/y",
              "nobody@localhost/x", "a@elsewhere.example/b", tablet.full, phone.full)
    await settled(gate, phone, tablet)
    await other.wait("message", id="m", from_=NICK, to=f"x@{OTHER}/y", body="hi & ho")
    for c, times in (phone, 2), (tablet, 1):
        got = c.inbox.find("message", id="m")
        assert [(m.get("from"), m.get("to"), m.get("type")) for m in got] == [
            (NICK, c.full, "groupchat")] * times
        assert c.inbox.find("message", body="hi & ho") == got
    # In their order, from whom did not get it, to the inner stanza's sender.
    assert bounces(gate) == [("m", jid, NICK) for jid in (
        "alice@localhost/gone", "alice@localhost", "nobody@localhost/x", "a@elsewhere.example/b")]
    conditions = [s for s in gate.inbox.find("message", error="service-unavailable")]
    assert len(conditions) == 3 and gate.inbox.find("message", error="remote-server-not-found")


async def test_the_same_as_single_stanzas(stack, client, gate):
    """For all kinds of recipients, types and kinds: one by one, and at once."""
    alice = await client("alice", resource="phone")
    await client("silent", resource="r", presence=False)
    to = [alice.full, alice.bare, "alice@localhost/gone", "nobody@localhost", "nobody@localhost/x",
          "silent@localhost", "silent@localhost/r", "localhost", "localhost/x", f"x@{OTHER}",
          GATE, "elsewhere.example"]
    kinds = [("message", t) for t in ("chat", "normal", "headline", "groupchat")]
    kinds += [("presence", t) for t in ("", "unavailable", "probe", "unsubscribed")]
    for kind, type_ in kinds:
        attrs = f"from='{NICK}' id='m'" + (f" type='{type_}'" if type_ else "")
        body = "<body>b</body>" if kind == "message" else "<status>s</status>"
        seen = []
        for many in (False, True):
            for c in (alice, gate):
                c.inbox.clear()
            if many:
                await fan(gate, *to, stanza=f"<{kind} xmlns='jabber:client' {attrs}>{body}</{kind}>")
            else:
                for jid in to:
                    await gate.send(f"<{kind} {attrs} to='{jid}'>{body}</{kind}>")
            await settled(gate, alice)
            seen.append([sorted(ET.canonicalize(xml.show(s)) for s in c.inbox.find(kind))
                         for c in (alice, gate)])
        assert seen[0] == seen[1], (kind, type_)
        assert any(seen[0]), (kind, type_)


async def test_who_blocks_is_not_there(client, gate):
    alice, bob = await client("alice", resource="phone"), await client("bob", resource="desk")
    await alice.request("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{GATE}'/></block>")
    await fan(gate, alice.full, bob.full)
    await settled(gate, alice, bob)
    assert bob.inbox.find("message", id="m") and not alice.inbox.find("message")
    assert bounces(gate) == [("m", alice.full, NICK)]


async def test_the_policy_sees_each_copy(make_stack, raw_client, client):
    """A component that is checked: who has joined hears the room, who has not does not."""
    stack = make_stack(components=(), conf_d=section("gate", e2e="check"))
    gate = await attach(raw_client, stack, GATE, SECRET)
    alice, bob = await client("alice", resource="phone"), await client("bob", resource="desk")
    alice.send_raw(f"<presence to='{NICK}'/>")
    await gate.wait("presence", from_=alice.full)
    await fan(gate, alice.full, bob.full)
    await settled(gate, alice, bob)
    assert alice.inbox.find("message", id="m") and not bob.inbox.find("message")
    assert gate.inbox.find("message", from_=bob.full, to=NICK, error="policy-violation")


@pytest.mark.parametrize("stanza, to, condition", [
    (SAID, [], "bad-request"),
    ("", ["alice@localhost"], "bad-request"),
    (SAID, ["alice@localhost"] * 1001, "not-acceptable"),
    (SAID, ["alice@localhost", "@"], "jid-malformed"),
    (SAID.replace(NICK, "bob@localhost"), ["alice@localhost"], "forbidden"),
    (SAID.replace(NICK, f"x@{OTHER}"), ["alice@localhost"], "forbidden"),
    (SAID.replace("groupchat", "error"), ["alice@localhost"], "bad-request"),
    (SAID.replace("hi", "x" * 20000), ["alice@localhost"] * 900, "not-acceptable"),
], ids=["nobody", "nothing", "1001", "malformed", "user", "component", "error", "17-MiB"])
async def test_refused_as_a_whole(client, gate, stanza, to, condition):
    alice = await client("alice", resource="phone")
    await fan(gate, alice.full, *to, stanza=stanza) if to else await fan(gate, stanza=stanza)
    await settled(gate, alice)
    answer, = gate.inbox.find("message")
    assert (answer.get("id"), answer.get("from"), answer.get("to")) == ("x", "localhost", GATE)
    assert gate.inbox.find("message", error=condition)
    assert not alice.inbox.find("message")


async def test_in_an_accounts_name(make_stack, raw_client, client):
    """With the privilege to write messages (XEP-0356), those of an account that exists."""
    stack = make_stack(components=(), conf_d=section("gate", privilege="message=outgoing"))
    gate = await attach(raw_client, stack, GATE, SECRET)
    alice = await client("alice", resource="phone")
    stack.add_account("bob")
    said = SAID.replace("groupchat", "headline")
    await fan(gate, alice.full, stanza=said.replace(NICK, "bob@localhost"))
    got = await alice.wait("message", id="m", from_="bob@localhost", to=alice.full)
    assert got.get("type") == "headline"
    refused = [said.replace(NICK, jid) for jid in ("nobody@localhost", "bob@localhost/r", "a@b.example")]
    refused.append("<presence xmlns='jabber:client' from='bob@localhost'/>")
    for i, stanza in enumerate(refused):
        await fan(gate, alice.full, stanza=stanza, ident=f"x{i}")
        await gate.wait("message", id=f"x{i}", error="forbidden", from_="localhost")
    await alice.sync()
    assert len(alice.inbox.find("message", type="headline")) == 1 and not alice.inbox.find(
        "presence", from_="bob@localhost")


async def test_a_thousand_fit_whatever_clients_may_send(make_stack, raw_client, client):
    stack = make_stack(components=(), env={"LIMIT_CHILDREN": "16"}, conf_d=section("gate"))
    gate = await attach(raw_client, stack, GATE, SECRET)
    alice = await client("alice", resource="phone")
    await fan(gate, *[alice.full] * 1000)
    await settled(gate, alice)
    assert len(alice.inbox.find("message", id="m")) == 1000 and not bounces(gate)


async def test_only_components_have_it(stack, raw_client, client, gate):
    """From a user, or on its way to anybody but the router, it is a payload like any other."""
    alice, bob = await client("alice", resource="phone"), await client("bob", resource="desk")
    payload = (f"<fanout xmlns='{NS}'><message xmlns='jabber:client' from='{alice.full}' id='m'/>"
               f"<to jid='{bob.full}'/></fanout>")
    alice.send_raw(f"<message to='localhost' id='f'>{payload}</message>")
    await alice.wait("message", id="f", error="service-unavailable")
    await fan(gate, bob.full, address=alice.full, ident="g")
    await settled(gate, alice, bob)
    assert alice.inbox.find("message", id="g", has=f"{{{NS}}}fanout")
    assert not bob.inbox.find("message") and not gate.inbox.find("message")


async def test_no_fan_out_in_a_fan_out(client, gate):
    alice = await client("alice", resource="phone")
    await fan(gate, "localhost", stanza=f"<message xmlns='jabber:client' from='{GATE}' id='m'>"
              f"<fanout xmlns='{NS}'>{SAID}<to jid='{alice.full}'/></fanout></message>")
    await settled(gate, alice)
    assert gate.inbox.find("message", id="m", error="service-unavailable")
    assert not alice.inbox.find("message")


async def test_copies_are_paid_for(make_stack, raw_client, client, clock):
    """By the link's rate: what comes next waits until a hundred copies would have been let through."""
    stack = make_stack(components=(), conf_d=section("gate", rate="1000", rate_burst="100000"))
    gate = await attach(raw_client, stack, GATE, SECRET)
    alice = await client("alice", resource="phone")
    await fan(gate, *[alice.full] * 100, stanza=SAID.replace("hi", "x" * 5000))
    await gate.send(f"<message from='{GATE}' to='{alice.full}' id='late'/>")
    await alice.wait(lambda e: len(alice.inbox.find("message", id="m")) == 100)
    await alice.sync()
    assert not alice.inbox.find("message", id="late")
    clock.advance(500)
    await alice.wait("message", id="late")
