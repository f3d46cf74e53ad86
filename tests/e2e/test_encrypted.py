# SPDX-License-Identifier: MIT
"""The end-to-end encryption policy between users: what passes, what is refused, what is said."""

import os
import signal

import pytest

from lib import xml
from lib.faults import login
from lib.payloads import CLEAR, ENCRYPTED, WITHOUT_CONTENT

REQUIRED = ("This server requires end-to-end encryption: OMEMO, OpenPGP or OTR. "
            "The message was not delivered.")
RECOMMENDED = "This server recommends end-to-end encryption: OMEMO, OpenPGP or OTR."
OMEMO = ENCRYPTED["OMEMO 0.3"]


def numbered(table):
    return {f"m{n}": item for n, item in enumerate(table.items())}


def say(client, to, payload, ident="m", type_="chat"):
    client.send_raw(f"<message to='{to}' type='{type_}' id='{ident}'>{payload}</message>")


async def refused(client, ident="m"):
    return await client.wait("message", id=ident, error="policy-violation")


def got(client):
    return client.inbox.find("message")


@pytest.fixture
async def pair(stack, client):
    return await client("alice"), await client("bob")


# --- required: the default ------------------------------------------------------------------------

@pytest.mark.parametrize("address", ["bare", "full"])
async def test_encrypted_arrives_as_it_was_sent(stack, client, raw_client, address):
    alice = await client("alice")
    bob = await login(stack, raw_client, "bob")
    await bob.send("<presence/>")
    await bob.sync()
    to = bob.jid if address == "full" else "bob@localhost"
    for ident, (_, payload) in numbered(ENCRYPTED).items():
        say(alice, to, payload, ident)
    await alice.sync()
    await bob.sync()
    assert not got(alice)
    for ident, (what, payload) in numbered(ENCRYPTED).items():
        message, = bob.inbox.find("message", id=ident)
        assert message.get("from") == alice.full and message.get("type") == "chat", what
        assert payload.encode() in bytes(bob.received), what


@pytest.mark.parametrize("address", ["bob@localhost", "bob@localhost/phone", "nobody@localhost"])
async def test_clear_is_refused(stack, client, address):
    alice, bob = await client("alice"), await client("bob", resource="phone")
    for ident, (_, payload) in numbered(CLEAR).items():
        say(alice, address, payload, ident)
    for ident, (what, _) in numbered(CLEAR).items():
        answer = await refused(alice, ident)
        error = answer.find("{jabber:client}error")
        assert answer.get("type") == "error" and answer.get("from") == address, what
        assert answer.get("to") == alice.full, what
        assert error.get("type") == "modify", what
        assert error.findtext(f"{{{xml.STANZA_ERRORS}}}text") == REQUIRED, what
    await bob.sync()
    assert not got(bob)
    assert stack.metrics()["switchyard_e2e_refused_total"] == len(CLEAR)


@pytest.mark.parametrize("type_", ["normal", "headline", "chat"])
async def test_every_type_but_error_is_judged(pair, type_):
    alice, bob = pair
    say(alice, bob.full, CLEAR["body"], type_=type_)
    await refused(alice)
    say(alice, bob.full, OMEMO, "m2", type_)
    await bob.wait("message", id="m2", type=type_)
    assert len(got(bob)) == 1


async def test_error_with_the_body_it_is_about_passes(pair):
    alice, bob = pair
    say(alice, bob.full, "<body>plain</body><error type='cancel'>"
        f"<gone xmlns='{xml.STANZA_ERRORS}'/></error>", type_="error")
    await bob.wait("message", error="gone")


async def test_no_content_passes(pair):
    alice, bob = pair
    for ident, (_, payload) in numbered(WITHOUT_CONTENT).items():
        say(alice, bob.bare, payload, ident)
    for ident in numbered(WITHOUT_CONTENT):
        await bob.wait("message", id=ident)
    await alice.sync()
    assert not got(alice)


async def test_to_oneself_is_judged_as_well(stack, client):
    laptop, phone = [await client("alice", resource=r) for r in ("laptop", "phone")]
    say(laptop, phone.full, CLEAR["body"])
    await refused(laptop)
    laptop.send_raw(f"<message id='own'>{CLEAR['body']}</message>")
    await refused(laptop, "own")
    laptop.send_raw(f"<message id='own2'>{OMEMO}</message>")
    await phone.wait("message", id="own2", from_=laptop.full)
    assert len(got(phone)) == 1


# --- optional and none ----------------------------------------------------------------------------

async def test_optional_delivers_and_tells_once_per_peer(make_stack, client):
    make_stack(env={"E2E_POLICY_CHAT": "optional"})
    alice, bob, carol = await client("alice"), await client("bob"), await client("carol")
    say(alice, bob.bare, OMEMO, "m0")
    await bob.wait("message", id="m0")
    await alice.sync()
    assert not got(alice)
    for peer in (bob, carol):
        for ident in ("m1", "m2"):
            say(alice, peer.bare, CLEAR["body"], ident)
        say(alice, peer.full, CLEAR["body"], "m3")
        for ident in ("m1", "m2", "m3"):
            await peer.wait("message", id=ident, body="plain")
    await alice.sync()
    assert [(m.get("type"), m.get("from"), m.findtext("{jabber:client}body")) for m in got(alice)] \
        == [("headline", "localhost", RECOMMENDED)] * 2
    assert len(got(bob)) == 4 and len(got(carol)) == 3


async def test_none_lets_everything_pass(make_stack, client):
    make_stack(env={"E2E_POLICY_CHAT": "none"})
    alice, bob = await client("alice"), await client("bob")
    for ident, (_, payload) in numbered(CLEAR | ENCRYPTED).items():
        say(alice, bob.bare, payload, ident)
    for ident in numbered(CLEAR | ENCRYPTED):
        await bob.wait("message", id=ident)
    await alice.sync()
    assert not got(alice)


async def test_wording_is_the_operator_s(make_stack, client):
    make_stack(env={"E2E_POLICY_MESSAGE_REQUIRED_CHAT": "Bitte <verschlüsseln> & nochmal"})
    alice = await client("alice")
    say(alice, "bob@localhost", CLEAR["body"])
    assert (await refused(alice)).findtext(f".//{{{xml.STANZA_ERRORS}}}text") \
        == "Bitte <verschlüsseln> & nochmal"


# --- exempt ---------------------------------------------------------------------------------------

async def test_whitelisted_at_either_end(make_stack, client):
    make_stack(env={"E2E_POLICY_WHITELIST": "Monitor@localhost,elsewhere.example"})
    monitor, bob, carol = [await client(n) for n in ("monitor", "bob", "carol")]
    say(monitor, bob.bare, CLEAR["body"], "m1")
    await bob.wait("message", id="m1", body="plain")
    say(bob, monitor.full, CLEAR["body"], "m2")
    await monitor.wait("message", id="m2", body="plain")
    say(bob, carol.bare, CLEAR["body"], "m3")
    await refused(bob, "m3")


async def test_whitelisted_domain(make_stack, client):
    make_stack(domain="localhost,example.org", env={"E2E_POLICY_WHITELIST": "example.org"})
    alice, bob = await client("alice"), await client("bob@example.org")
    carol = await client("carol")
    say(alice, bob.bare, CLEAR["body"], "m1")
    await bob.wait("message", id="m1", body="plain")
    say(bob, alice.full, CLEAR["body"], "m2")
    await alice.wait("message", id="m2", body="plain")
    say(alice, carol.bare, CLEAR["body"], "m3")
    await refused(alice, "m3")


# --- while it runs --------------------------------------------------------------------------------

def write_policy(stack, **settings):
    """In place of what make_stack wrote."""
    with open(os.path.join(stack.conf_dir, "10-test.conf"), "w", encoding="utf-8") as f:
        f.writelines(f'{key} = "{value}"\n' for key, value in settings.items())


async def reload(stack):
    mark = stack.router.mark()
    stack.router.signal(signal.SIGHUP)
    await stack.router.wait_log(r"reload", since=mark)


async def test_sighup_changes_the_policy(make_stack, client):
    stack = make_stack(conf_d='e2e_policy_chat = "required"\n')
    alice, bob = await client("alice"), await client("bob")
    say(alice, bob.bare, CLEAR["body"], "m1")
    await refused(alice, "m1")

    write_policy(stack, e2e_policy_chat="none")
    await reload(stack)
    say(alice, bob.bare, CLEAR["body"], "m2")
    await bob.wait("message", id="m2")

    write_policy(stack, e2e_policy_chat="required", e2e_policy_message_required_chat="Encrypt.")
    await reload(stack)
    say(alice, bob.bare, CLEAR["body"], "m3")
    assert (await refused(alice, "m3")).findtext(f".//{{{xml.STANZA_ERRORS}}}text") == "Encrypt."


async def test_broken_reload_keeps_the_policy(make_stack, client):
    stack = make_stack(conf_d='e2e_policy_chat = "none"\n')
    alice, bob = await client("alice"), await client("bob")
    write_policy(stack, e2e_policy_chat="sometimes")
    mark = stack.router.mark()
    stack.router.signal(signal.SIGHUP)
    await stack.router.wait_log("(?i)e2e_policy_chat.*sometimes", since=mark)
    say(alice, bob.bare, CLEAR["body"])
    await bob.wait("message", body="plain")
