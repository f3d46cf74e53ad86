# SPDX-License-Identifier: MIT
"""What components are told of presence (XEP-0356 7), and what they add to it."""

import asyncio

import pytest

from lib import link, privileged
from lib.component import attach
from lib.im import presences, settled as all_settled
from lib.inbox import error_condition
from lib.privileged import ask, section, settled
from lib.wait import until

GATE, ROOMS = "gate.localhost", "rooms.localhost"
ALICE, BOB = "alice@localhost", "bob@localhost"
SECRET = "s3cret"
AVATAR = "vcard-temp:x:update"
CAPS = "<c xmlns='http://jabber.org/protocol/caps' node='n' hash='sha-1' ver='{}'/>"


def section_of_rooms():
    return section("rooms")


@pytest.fixture
def stack_with(make_stack):
    """stack_with("presence=roster", ...): its component `gate` has these, `rooms` nothing."""
    def make(*privileges, **how):
        stack = make_stack(components=(),
                           conf_d=section("gate", *privileges) + section_of_rooms(), **how)
        for user in ("alice", "bob"):
            stack.add_account(user)
        return stack
    return make


def told(component, jid):
    """The types of the presences from this address that came to the component's domain."""
    return [p.get("type") for p in component.inbox.find("presence", from_=jid, to=GATE)]


async def extra(component, account, content):
    return await ask(component, "set", f"<extra xmlns='{privileged.EXTRA}'>{content}</extra>",
                     account)


def avatar(text):
    return f"<x xmlns='{AVATAR}'><photo>{text}</photo></x>"


def photos(presence):
    return [p.text for p in presence.iter(f"{{{AVATAR}}}photo")]


# --- accounts -------------------------------------------------------------------------------------

async def test_accounts_come_change_and_go(stack_with, raw_client, client):
    stack = stack_with("presence=managed_entity")
    gate = await attach(raw_client, stack, GATE, SECRET)
    alice = await client("alice", presence=False)
    alice.send_raw(f"<presence to='{BOB}'/>")  # directed: no business of the component's
    await alice.sync()
    await settled(gate)
    assert told(gate, alice.full) == []
    for n, stanza in enumerate((f"<presence>{CAPS.format(1)}</presence>",
                                f"<presence><show>away</show>{CAPS.format(1)}</presence>",
                                f"<presence><show>away</show>{CAPS.format(2)}</presence>")):
        alice.send_raw(stanza)
        await alice.sync()
        await settled(gate)
        assert told(gate, alice.full) == [None] * (1, 1, 2)[n]
    await alice.drop()
    await gate.wait("presence", from_=alice.full, to=GATE, type="unavailable")
    assert told(gate, alice.full) == [None, None, "unavailable"]


async def test_without_the_grant_nothing_is_told(stack_with, raw_client, client):
    stack = stack_with("roster=both", "message=outgoing")
    gate = await attach(raw_client, stack, GATE, SECRET)
    await client("alice")
    await settled(gate)
    assert not gate.inbox.find("presence")


async def crowd(stack, raw_client, users):
    """Ten sessions of each of so many accounts, none of them available."""
    async def login(user, resource):
        c = await raw_client()
        return await c.login(user, stack.accounts[f"{user}@localhost"], resource=resource)

    clients = []
    for n in range(users):
        stack.add_account(f"user{n}")
        clients += await asyncio.gather(*(login(f"user{n}", f"r{i}") for i in range(10)))
    return clients


async def become_available(clients):
    for c in clients:
        await c.send("<presence/>")
    for c in clients:
        await c.sync()


async def test_late_component_is_told_of_all(stack_with, raw_client, client):
    stack = stack_with("presence=managed_entity")
    clients = await crowd(stack, raw_client, 15)
    await become_available(clients[:-1])
    gate = await attach(raw_client, stack, GATE, SECRET)
    await become_available(clients[-1:])
    for c in clients:
        await gate.wait("presence", from_=c.jid, to=GATE)
    await settled(gate)
    assert sorted(p.get("from") for p in gate.inbox.find("presence")) == \
        sorted(c.jid for c in clients)


async def test_link_that_is_cut_while_it_is_told(stack_with, raw_client):
    """What it had is not told again, the rest is, but for who has gone meanwhile."""
    stack = stack_with("presence=managed_entity")
    clients = await crowd(stack, raw_client, 7)
    await become_available(clients)
    first = await link.enabled(raw_client, stack, GATE, SECRET)
    await until(lambda: len(first.raw.inbox.find("presence")) == 64, first.raw.inbox.text)
    had = first.stanzas()[:30]
    await first.cut()
    await link.in_state(stack, GATE, "grace")
    told = {p.get("from") for p in first.raw.inbox.find("presence")}
    gone = next(c for c in clients if c.jid not in told)
    await gone.drop()
    await until(lambda: len(stack.ctl("session", "list")) == len(clients) - 1)
    second = await link.connect(raw_client, stack, GATE, SECRET)
    await second.resume(first.id, len(had))

    def heard():
        return [e.get("from") for e in had + second.stanzas() if e.tag.endswith("}presence")]

    await until(lambda: len(heard()) == 64, second.raw.inbox.text)
    await second.ack(len(had) + len(second.stanzas()))
    await until(lambda: len(heard()) >= len(clients) - 1, second.raw.inbox.text)
    await settled(second.raw)
    assert sorted(heard()) == sorted(c.jid for c in clients if c is not gone)


# --- contacts -------------------------------------------------------------------------------------

async def befriend_contact(gate_or_rooms, client, contact):
    client.send_presence(pto=contact, ptype="subscribe")
    await gate_or_rooms.wait("presence", type="subscribe", from_=client.bare, to=contact)
    await gate_or_rooms.send(f"<presence type='subscribed' from='{contact}' to='{client.bare}'/>")
    await client.wait("presence", type="subscribed", from_=contact)


async def contact_of_two(stack_with, raw_client, client):
    """gate, which is shown presence; rooms, its user who is a contact of both alice and bob, and they."""
    stack = stack_with("roster=get", "presence=roster")
    gate = await attach(raw_client, stack, GATE, SECRET)
    rooms = await attach(raw_client, stack, ROOMS, SECRET)
    contact = f"friend@{ROOMS}"
    alice, bob = await client("alice"), await client("bob")
    for c in (alice, bob):
        await befriend_contact(rooms, c, contact)
    return gate, rooms, contact, alice, bob


async def test_contact_of_two_crosses_once(stack_with, raw_client, client):
    gate, rooms, contact, alice, bob = await contact_of_two(stack_with, raw_client, client)
    for kind in ("", " type='unavailable'"):
        for c in (alice, bob):
            await rooms.send(f"<presence{kind} from='{contact}/r' to='{c.bare}'/>")
    await settled(rooms, ROOMS)
    await settled(gate)
    assert told(gate, f"{contact}/r") == [None, "unavailable"]
    # Somebody who is in no roster.
    await rooms.send(f"<presence from='stranger@{ROOMS}/r' to='{ALICE}'/>")
    await settled(rooms, ROOMS)
    await settled(gate)
    assert told(gate, f"stranger@{ROOMS}/r") == []


async def test_contact_who_tells_many(stack_with, raw_client, client):
    """One stanza to the sessions of two (docs/component-protocol.md 6) is shown as single ones are."""
    gate, rooms, contact, alice, bob = await contact_of_two(stack_with, raw_client, client)
    for who in (contact, f"stranger@{ROOMS}"):
        await rooms.send(f"<message from='{ROOMS}' to='localhost'><fanout xmlns='urn:switchyard:fanout:1'>"
                         f"<presence xmlns='jabber:client' from='{who}/r'/>"
                         f"<to jid='{alice.full}'/><to jid='{bob.full}'/></fanout></message>")
        await bob.wait("presence", from_=f"{who}/r")
    await settled(rooms, ROOMS)
    await settled(gate)
    assert told(gate, f"{contact}/r") == [None]
    assert told(gate, f"stranger@{ROOMS}/r") == []


async def test_local_contacts_cross_once(stack_with, raw_client, client):
    stack = stack_with("roster=get", "presence=roster")
    gate = await attach(raw_client, stack, GATE, SECRET)
    alice, bob = await client("alice"), await client("bob")
    alice.send_presence(pto=BOB, ptype="subscribe")
    await bob.wait("presence", type="subscribe")
    bob.send_presence(pto=ALICE, ptype="subscribed")
    bob.send_presence(pto=ALICE, ptype="subscribe")
    await alice.wait("presence", type="subscribe")
    alice.send_presence(pto=BOB, ptype="subscribed")
    await all_settled(alice, bob)
    gate.inbox.clear()
    alice.send_raw(f"<presence>{CAPS.format(9)}</presence>")
    await alice.sync()
    await settled(gate)
    assert told(gate, alice.full) == [None]


async def test_late_component_has_contacts_probed(stack_with, raw_client, client):
    stack = stack_with("roster=get", "presence=roster")
    rooms = await attach(raw_client, stack, ROOMS, SECRET)
    contact = f"friend@{ROOMS}"
    alice, bob = await client("alice"), await client("bob")
    for c in (alice, bob):
        await befriend_contact(rooms, c, contact)
    rooms.inbox.clear()
    gate = await attach(raw_client, stack, GATE, SECRET)
    probe = await rooms.wait("presence", type="probe", to=contact)
    await rooms.send(f"<presence from='{contact}/r' to='{probe.get('from')}'/>")
    await gate.wait("presence", from_=f"{contact}/r", to=GATE)
    await settled(gate)
    assert len(rooms.inbox.find("presence", type="probe")) == 1
    assert told(gate, alice.full) == told(gate, bob.full) == [None]


# --- what is added --------------------------------------------------------------------------------

async def test_extra_is_added_replaced_and_removed(stack_with, raw_client, client):
    stack = stack_with(f"presence-extra={AVATAR}")
    gate = await attach(raw_client, stack, GATE, SECRET)
    rooms = await attach(raw_client, stack, ROOMS, SECRET)
    alice = await client("alice")
    await befriend_contact(rooms, alice, f"friend@{ROOMS}")
    await rooms.send(f"<presence type='subscribe' from='friend@{ROOMS}' to='{ALICE}'/>")
    await alice.wait("presence", type="subscribe")
    alice.send_presence(pto=f"friend@{ROOMS}", ptype="subscribed")
    await rooms.wait("presence", type=None, from_=alice.full)
    rooms.inbox.clear()

    async def seen():
        """The photos in the newest presence of alice's that came to rooms."""
        found = await rooms.wait("presence", type=None, from_=alice.full)
        await settled(rooms, ROOMS)
        assert len(rooms.inbox.find("presence", from_=alice.full)) == 1
        rooms.inbox.clear()
        return photos(found)

    assert (await extra(gate, ALICE, avatar("one"))).get("type") == "result"
    assert await seen() == ["one"]
    assert (await extra(gate, ALICE, avatar("two"))).get("type") == "result"
    assert await seen() == ["two"]
    assert (await extra(gate, ALICE, avatar("two"))).get("type") == "result"
    await settled(rooms, ROOMS)
    assert not rooms.inbox.find("presence")  # nothing has changed
    alice.send_raw(f"<presence>{avatar('mine')}{avatar('mine')}</presence>")
    assert await seen() == ["two"]
    alice.send_raw(f"<presence to='room@{ROOMS}/nick'/>")  # a room, joined
    assert await seen() == ["two"]
    # It survives the end of the session, and of the router.
    await alice.close()
    stack.router.restart()
    stack.ready("router")
    gate = await attach(raw_client, stack, GATE, SECRET)
    rooms = await attach(raw_client, stack, ROOMS, SECRET)
    alice = await client("alice")
    assert await seen() == ["two"]
    assert (await extra(gate, ALICE, "")).get("type") == "result"
    assert await seen() == []


async def test_extra_out_of_bounds(stack_with, raw_client, client):
    stack = stack_with(f"presence-extra={AVATAR}")
    gate = await attach(raw_client, stack, GATE, SECRET)
    alice = await client("alice")
    alice.inbox.clear()
    for account, content, error in (
            (ALICE, avatar("x" * 300), "not-acceptable"),
            (ALICE, "<x xmlns='urn:other'/>", "forbidden"),
            (ALICE, "<priority xmlns='jabber:client'>-1</priority>", "forbidden"),
            (ALICE, avatar("1") + avatar("2"), "bad-request"),
            ("nobody@localhost", avatar("1"), "item-not-found")):
        assert error_condition(await extra(gate, account, content)) == error
    await alice.sync()
    assert not presences(alice, alice.full)


async def test_extra_goes_with_the_account(stack_with, raw_client, client):
    stack = stack_with(f"presence-extra={AVATAR}")
    gate = await attach(raw_client, stack, GATE, SECRET)
    assert (await extra(gate, ALICE, avatar("old"))).get("type") == "result"
    stack.ctl("account", "delete", ALICE)
    del stack.accounts[ALICE]
    alice = await client("alice")
    mine = await alice.wait("presence", from_=alice.full)
    assert photos(mine) == []
