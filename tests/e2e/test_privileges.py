# SPDX-License-Identifier: MIT
"""What components may do in accounts' names (XEP-0356): rosters, messages, iqs; and what happens
to those who may not."""

import pytest

from lib import link, privileged, xml
from lib.component import attach
from lib.inbox import error_condition
from lib.payloads import CLEAR, ENCRYPTED
from lib.privileged import (PRIVILEGE_1, PRIVILEGE_2, ask, ask_as, section, settled, unwrapped,
                            wrap_message)

GATE, OTHER = "gate.localhost", "other.localhost"
ALICE, BOB = "alice@localhost", "bob@localhost"
SECRET = "s3cret"
PEP = "urn:example:pep"
OMEMO = ENCRYPTED["OMEMO 0.3"]
ROSTER = f"<query xmlns='{xml.ROSTER}'/>"


def roster_set(item):
    return f"<query xmlns='{xml.ROSTER}'>{item}</query>"


@pytest.fixture
def grants(make_stack, raw_client):
    """await grants("roster=get"): the stack's component, with these and no more."""
    async def make(*privileges, more="", domain="localhost", **settings):
        stack = make_stack(components=(), domain=domain,
                           conf_d=section("gate", *privileges, **settings) + more)
        component = await attach(raw_client, stack, GATE, SECRET)
        component.stack = stack
        stack.add_account("alice")
        stack.add_account("bob")
        return component
    return make


def perms(message, ns):
    return {p.get("access"): p.get("type") for p in message.iter(f"{{{ns}}}perm")}


# --- advertisement --------------------------------------------------------------------------------

async def test_what_is_granted_is_told_in_both_versions(grants):
    gate = await grants("roster=both", "message=outgoing", "presence=roster", f"iq:{PEP}=set",
                        "presence-extra=urn:x")
    second = await gate.wait("message", has=f"{{{PRIVILEGE_2}}}privilege")
    first = await gate.wait("message", has=f"{{{PRIVILEGE_1}}}privilege")
    usual = {"roster": "both", "message": "outgoing", "presence": "roster"}
    assert perms(second, PRIVILEGE_2) == usual | {"iq": None}
    assert perms(first, PRIVILEGE_1) == usual
    assert second.get("from") == first.get("from") == "localhost"
    assert [(n.get("ns"), n.get("type")) for n in second.iter(f"{{{PRIVILEGE_2}}}namespace")] == \
        [(PEP, "set")]
    assert second.find(f"{{{privileged.EXTRA}}}presence-extra").get("ns") == "urn:x"


async def test_nothing_is_granted_by_default(grants):
    gate = await grants()
    await settled(gate)
    assert not gate.inbox.find("message")
    for kind in ("get", "set"):
        answer = await ask(gate, kind, ROSTER, ALICE)
        assert error_condition(answer) == "forbidden"
        answer = await ask_as(gate, kind, f"<q xmlns='{PEP}'/>", ALICE, to=BOB)
        assert error_condition(answer) == "forbidden"
    answer = await ask(gate, "set", f"<extra xmlns='{privileged.EXTRA}'/>", ALICE)
    assert error_condition(answer) == "forbidden"
    for version in (1, 2):
        await gate.send(wrap_message(ALICE, BOB, OMEMO, version, outer=f"w{version}"))
        await gate.wait("message", id=f"w{version}", error="forbidden", from_="localhost")


async def test_reload_gives_and_takes(grants):
    gate = await grants("roster=get")
    await settled(gate)
    gate.inbox.clear()
    stack = gate.stack
    with open(f"{stack.conf_dir}/10-test.conf", "w", encoding="utf-8") as f:
        f.write(section("gate", "message=outgoing"))
    stack.ctl("reload")
    told = await gate.wait("message", has=f"{{{PRIVILEGE_2}}}privilege")
    assert perms(told, PRIVILEGE_2) == {"roster": "none", "message": "outgoing", "presence": "none"}
    assert error_condition(await ask(gate, "get", ROSTER, ALICE)) == "forbidden"
    with open(f"{stack.conf_dir}/10-test.conf", "w", encoding="utf-8") as f:
        f.write(section("gate", "message=incoming"))
    with pytest.raises(Exception, match="outgoing"):
        stack.ctl("reload")


async def test_reload_takes_a_host_away(grants):
    both = "localhost,example.org"
    gate = await grants("roster=get", domain=both)
    await settled(gate)
    assert {m.get("from") for m in gate.inbox.find("message")} == set(both.split(","))
    gate.inbox.clear()
    with open(f"{gate.stack.conf_dir}/10-test.conf", "w", encoding="utf-8") as f:
        f.write(section("gate", "roster=get", hosts='{"localhost"}'))
    gate.stack.ctl("reload")
    taken = await gate.wait("message", from_="example.org", has=f"{{{PRIVILEGE_2}}}privilege")
    assert perms(taken, PRIVILEGE_2)["roster"] == "none"
    kept = await gate.wait("message", from_="localhost", has=f"{{{PRIVILEGE_2}}}privilege")
    assert perms(kept, PRIVILEGE_2)["roster"] == "get"


async def test_reload_while_it_is_away(make_stack, raw_client):
    """Where the session goes on, all that it was told before goes on, too, unless it hears."""
    stack = make_stack(components=(), conf_d=section("gate", "roster=get"))
    first = await link.enabled(raw_client, stack, GATE, SECRET)
    await first.raw.wait("message", has=f"{{{PRIVILEGE_1}}}privilege")
    await first.cut()
    await link.in_state(stack, GATE, "grace")
    with open(f"{stack.conf_dir}/10-test.conf", "w", encoding="utf-8") as f:
        f.write(section("gate"))
    stack.ctl("reload")
    second = await link.connect(raw_client, stack, GATE, SECRET)
    await second.resume(first.id, 3)
    told = await second.raw.wait("message", has=f"{{{PRIVILEGE_2}}}privilege")
    assert perms(told, PRIVILEGE_2) == {"roster": "none", "message": "none", "presence": "none"}


@pytest.mark.parametrize("grant", ["roster=all", "presence=roster", "iq:urn:xmpp:privilege:2=set",
                                   "presence-extra=jabber:client", "everything"])
def test_bad_grant_stops_the_start(make_stack, grant):
    stack = make_stack(components=(), conf_d=section("gate", grant), start=False)
    stack.router.start()
    assert stack.router.wait_exit() != 0
    assert "component gate: privilege" in stack.router.log


# --- rosters --------------------------------------------------------------------------------------

async def test_roster_is_read_changed_and_pushed(grants, client):
    gate = await grants("roster=both")
    alice = await client("alice")
    answer = await ask(gate, "set", roster_set("<item jid='carol@localhost' name='C'>"
                                               "<group>G</group></item>"), ALICE)
    assert answer.get("type") == "result" and answer.get("from") == ALICE
    await alice.wait("iq", type="set", has=f"{{{xml.ROSTER}}}item")
    push = await gate.wait("iq", type="set", from_=ALICE)
    assert push.find(f".//{{{xml.ROSTER}}}item").get("name") == "C"
    items = await ask(gate, "get", ROSTER, ALICE)
    assert [i.get("jid") for i in items.iter(f"{{{xml.ROSTER}}}item")] == ["carol@localhost"]
    gate.inbox.clear()
    await alice.request("set", roster_set("<item jid='carol@localhost' subscription='remove'/>"))
    push = await gate.wait("iq", type="set", from_=ALICE)
    assert push.find(f".//{{{xml.ROSTER}}}item").get("subscription") == "remove"
    # Its answers to pushes disturb nobody.
    await gate.send(f"<iq type='result' id='{push.get('id')}' from='{GATE}' to='{ALICE}'/>")
    await settled(gate)
    assert error_condition(await ask(gate, "get", ROSTER, "nobody@localhost")) == "item-not-found"


async def test_contact_of_a_gateway_is_subscribed_both_ways(grants, client):
    gate = await grants("roster=set")
    alice = await client("alice")
    contact = f"friend@{GATE}"
    await ask(gate, "set", roster_set(f"<item jid='{contact}' subscription='both'/>"), ALICE)
    await gate.wait("presence", from_=alice.full, to=contact, type=None)
    await gate.send(f"<presence from='{contact}' to='{ALICE}'/>")
    await alice.wait("presence", from_=contact, type=None)


async def test_half_a_grant(grants):
    gate = await grants("roster=get", "roster-push=false")
    assert error_condition(await ask(gate, "set", roster_set("<item jid='x@y'/>"), ALICE)) == \
        "forbidden"
    assert (await ask(gate, "get", ROSTER, ALICE)).get("type") == "result"


async def test_other_hosts_are_out_of_reach(grants):
    gate = await grants("roster=both", "message=outgoing", f"iq:{PEP}=both",
                        "presence-extra=urn:x", domain="localhost,example.org",
                        hosts='{"localhost"}')
    carol = gate.stack.add_account("carol@example.org")
    await settled(gate)
    assert {m.get("from") for m in gate.inbox.find("message")} == {"localhost"}
    assert error_condition(await ask(gate, "get", ROSTER, carol)) == "forbidden"
    answer = await ask_as(gate, "get", f"<q xmlns='{PEP}'/>", carol, to=BOB)
    assert error_condition(answer) == "forbidden"
    answer = await ask(gate, "set", f"<extra xmlns='{privileged.EXTRA}'/>", carol)
    assert error_condition(answer) == "forbidden"
    for host, outer in (("example.org", "w1"), ("localhost", "w2")):
        await gate.send(wrap_message(carol, BOB, OMEMO, host=host, outer=outer))
        await gate.wait("message", id=outer, error="forbidden", from_=host)


# --- messages -------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", [1, 2])
async def test_message_as_the_accounts_own(grants, client, version):
    gate = await grants("message=outgoing")
    bob = await client("bob")
    await gate.send(wrap_message(ALICE, BOB, OMEMO, version))
    got = await bob.wait("message", id="m1", from_=ALICE, to=BOB)
    assert got.find("{eu.siacs.conversations.axolotl}encrypted") is not None
    await settled(gate)
    assert not gate.inbox.find("message", type="error")


async def test_policy_judges_it_as_the_accounts_own(grants, client):
    gate = await grants("message=outgoing")
    bob = await client("bob")
    await gate.send(wrap_message(ALICE, BOB, CLEAR["body"]))
    refused = await gate.wait("message", id="w1", error="policy-violation", from_="localhost")
    assert refused.get("to") == GATE
    await bob.sync()
    assert not bob.inbox.find("message")


@pytest.mark.parametrize("e2e", ["trusted", "exempt"])
async def test_trusted_component_is_not_judged(grants, client, e2e):
    gate = await grants("message=outgoing", e2e=e2e)
    bob = await client("bob")
    await gate.send(wrap_message(ALICE, BOB, CLEAR["body"]))
    await bob.wait("message", id="m1", from_=ALICE)


async def test_blocking_counts(grants, client):
    gate = await grants("message=outgoing")
    alice, bob = await client("alice"), await client("bob")
    for client_, jid in ((alice, "carol@localhost"), (bob, ALICE)):
        await client_.request("set", f"<block xmlns='urn:xmpp:blocking'><item jid='{jid}'/></block>")
    await gate.send(wrap_message(ALICE, "carol@localhost", OMEMO, outer="w1"))
    refused = await gate.wait("message", id="w1", error="not-acceptable")
    assert refused.find(".//{urn:xmpp:blocking:errors}blocked") is not None
    await gate.send(wrap_message(ALICE, BOB, OMEMO, outer="w2"))
    await gate.wait("message", id="w2", error="service-unavailable")
    await bob.sync()
    assert not bob.inbox.find("message")


async def test_nobody_there(grants):
    """The component hears of what cannot be delivered; the account has sent nothing."""
    gate = await grants("message=outgoing")
    for outer, to, error in (("w1", BOB, "service-unavailable"),
                             ("w2", "x@nowhere.example", "remote-server-not-found"),
                             ("w3", "echo.localhost", "service-unavailable")):
        await gate.send(wrap_message(ALICE, to, OMEMO, outer=outer))
        await gate.wait("message", id=outer, error=error, from_="localhost")


@pytest.mark.parametrize("sender", [f"{ALICE}/r", "nobody@localhost", f"x@{GATE}", GATE,
                                    f"x@{OTHER}", "alice@elsewhere.example", "localhost/r"])
async def test_message_in_a_name_that_is_not_its_own(grants, client, sender):
    gate = await grants("message=outgoing", more=section("other"))
    bob = await client("bob")
    await gate.send(wrap_message(sender, BOB, OMEMO))
    await gate.wait("message", id="w1", error="forbidden")
    await bob.sync()
    assert not bob.inbox.find("message")


# --- iqs ------------------------------------------------------------------------------------------

async def test_iq_to_another_users_session(grants, raw_client):
    gate = await grants(f"iq:{PEP}=both")
    bob = await raw_client()
    await bob.login("bob", gate.stack.accounts[BOB], resource="r", presence=True)
    await gate.send(f"<iq type='set' id='o' from='{GATE}/x' to='{ALICE}'>"
                    f"<privileged_iq xmlns='{PRIVILEGE_2}'><iq xmlns='jabber:client' type='set' "
                    f"id='inner' to='{bob.jid}'><q xmlns='{PEP}'/></iq></privileged_iq></iq>")
    asked = await bob.wait("iq", type="set", from_=ALICE)
    assert asked.get("id") != "inner"
    # Neither by an id that was guessed, nor by somebody else.
    await bob.send(f"<iq type='result' id='inner' to='{ALICE}'/>")
    await gate.send(f"<iq type='result' id='{asked.get('id')}' from='{GATE}' to='{ALICE}'/>")
    await settled(gate)
    assert not gate.inbox.find("iq", id="o")
    await bob.send(f"<iq type='result' id='{asked.get('id')}' to='{ALICE}'><a xmlns='{PEP}'/></iq>")
    answer = await gate.wait("iq", id="o", type="result", from_=ALICE, to=f"{GATE}/x")
    inner = unwrapped(answer)
    assert (inner.get("id"), inner.get("from"), inner.get("to")) == ("inner", bob.jid, ALICE)
    assert inner.find(f"{{{PEP}}}a") is not None


async def test_iqs_that_the_router_answers(grants, client):
    disco, blocking = xml.DISCO_INFO, "urn:xmpp:blocking"
    gate = await grants(f"iq:{xml.ROSTER}=both", f"iq:{disco}=get", f"iq:{blocking}=both",
                        f"iq:{PEP}=get", f"iq:{xml.PING}=get", "iq:jabber:iq:register=both")
    alice = await client("alice")
    await ask_as(gate, "set", roster_set("<item jid='x@y'/>"), ALICE)
    await alice.wait("iq", type="set", has=f"{{{xml.ROSTER}}}item")
    answer = unwrapped(await ask_as(gate, "get", ROSTER, ALICE, to=ALICE))
    assert answer.find(f".//{{{xml.ROSTER}}}item").get("jid") == "x@y"
    for to in (None, ALICE, "localhost"):
        answer = unwrapped(await ask_as(gate, "get", f"<query xmlns='{disco}'/>", ALICE, to=to))
        assert answer.get("type") == "result"
    await ask_as(gate, "set", f"<block xmlns='{blocking}'><item jid='{BOB}'/></block>", ALICE)
    answer = unwrapped(await ask_as(gate, "get", f"<blocklist xmlns='{blocking}'/>", ALICE))
    assert answer.find(f".//{{{blocking}}}item").get("jid") == BOB
    # Errors are answers: whoever is not there, what does not exist, what is never done for others.
    for payload, to in ((f"<q xmlns='{PEP}'/>", BOB), (f"<q xmlns='{PEP}'/>", None),
                        (f"<q xmlns='{PEP}'/>", "x@nowhere.example"),
                        ("<query xmlns='jabber:iq:register'/>", None)):
        answer = await ask_as(gate, "get", payload, ALICE, to=to)
        assert answer.get("type") == "result"
        assert unwrapped(answer).get("type") == "error"


async def test_iq_that_is_never_answered(grants, raw_client, clock):
    gate = await grants(f"iq:{PEP}=both")
    bob = await raw_client()
    await bob.login("bob", gate.stack.accounts[BOB], resource="r", presence=True)
    await gate.send(f"<iq type='get' id='o' from='{GATE}' to='{ALICE}'>"
                    f"<privileged_iq xmlns='{PRIVILEGE_2}'><iq xmlns='jabber:client' type='get' "
                    f"id='inner' to='{bob.jid}'><q xmlns='{PEP}'/></iq></privileged_iq></iq>")
    asked = await bob.wait("iq", type="get", from_=ALICE)
    clock.advance(31)
    await gate.wait("iq", id="o", error="remote-server-timeout", from_=ALICE)
    await bob.send(f"<iq type='result' id='{asked.get('id')}' to='{ALICE}'/>")  # too late
    await settled(gate)
    assert len(gate.inbox.find("iq", id="o")) == 1


async def test_iq_that_is_forbidden(grants):
    gate = await grants(f"iq:{PEP}=get")
    q = f"<q xmlns='{PEP}'/>"
    for kind, payload, account in (("set", q, ALICE), ("get", "<q xmlns='urn:other'/>", ALICE),
                                   ("get", q, "nobody@localhost"), ("get", q, "localhost"),
                                   ("get", q, f"{ALICE}/r")):
        answer = await ask_as(gate, kind, payload, account, to=BOB)
        assert error_condition(answer) == "forbidden"


# --- forgeries ------------------------------------------------------------------------------------

async def test_users_have_no_such_privileges(grants, client):
    gate = await grants("message=outgoing", "roster=both", f"iq:{PEP}=both", "presence-extra=urn:x")
    alice, bob = await client("alice"), await client("bob")
    await settled(gate)
    gate.inbox.clear()
    for n, host in enumerate(("localhost", GATE)):
        alice.send_raw(wrap_message(BOB, ALICE, OMEMO, outer=f"f{n}", host=host)
                       .replace(f" from='{GATE}'", "", 1))
    await alice.wait("message", id="f0", error="service-unavailable")
    for payload in (ROSTER, f"<extra xmlns='{privileged.EXTRA}'><x xmlns='urn:x'/></extra>",
                    f"<privileged_iq xmlns='{PRIVILEGE_2}'><iq xmlns='jabber:client' type='set' "
                    f"id='i' to='{ALICE}'><q xmlns='{PEP}'/></iq></privileged_iq>"):
        answer = await alice.request("set", payload, to=BOB)
        assert error_condition(answer) == "service-unavailable"
    await bob.sync()
    assert not bob.inbox.find("message")


async def test_components_have_none_of_anothers(grants, raw_client, client):
    gate = await grants("message=outgoing", "roster=both", more=section("other"))
    other = await attach(raw_client, gate.stack, OTHER, SECRET)
    bob = await client("bob")
    await other.send(wrap_message(ALICE, BOB, OMEMO, domain=OTHER))
    await other.wait("message", id="w1", error="forbidden")
    assert error_condition(await ask(other, "get", ROSTER, ALICE, domain=OTHER)) == "forbidden"
    await bob.sync()
    assert not bob.inbox.find("message")


# --- the server's own word ------------------------------------------------------------------------

EVENT = "<account xmlns='urn:switchyard:tap:1' n='1' event='deleted' jid='alice@localhost'/>"


async def test_components_hear_nothing_forged_from_the_server(grants, raw_client):
    """Whoever may write in the domain's name could tell another component that accounts are gone."""
    gate = await grants("message=outgoing", more=section("other"))
    other = await attach(raw_client, gate.stack, OTHER, SECRET)
    await gate.send(wrap_message("localhost", OTHER, EVENT, outer="w1"))
    await gate.wait("message", id="w1", error="forbidden")
    await gate.send(
        f"<message from='{GATE}' to='localhost' id='f'><fanout xmlns='urn:switchyard:fanout:1'>"
        f"<message xmlns='jabber:client' from='localhost' id='m2'>{EVENT}</message>"
        f"<to jid='{OTHER}'/><to jid='x@{OTHER}/y'/></fanout></message>")
    await gate.send(wrap_message(ALICE, OTHER, OMEMO, inner="m3"))  # an account's name is no harm
    await other.wait("message", id="m3", from_=ALICE)
    assert not [m for m in other.inbox.find("message") if m.get("id") in ("m1", "m2")]
    assert len([m for m in gate.inbox.find("message", id="m2", error="forbidden")]) == 2


async def test_no_privilege_reaches_an_internal_component(grants, raw_client):
    gate = await grants("message=outgoing", f"iq:{PEP}=get", more=section("other", internal="true"))
    other = await attach(raw_client, gate.stack, OTHER, SECRET)
    await gate.send(wrap_message(ALICE, OTHER, OMEMO))
    await gate.wait("message", id="w1", error="remote-server-not-found")
    answer = await ask_as(gate, "get", f"<q xmlns='{PEP}'/>", ALICE, to=OTHER)
    assert error_condition(unwrapped(answer)) == "remote-server-not-found"
    await settled(other, OTHER)
    assert not other.inbox.find("message", from_=ALICE) and not other.inbox.find("iq", from_=ALICE)
