# SPDX-License-Identifier: MIT
"""Clients as they are log in: the mechanisms and TLS versions that each of them has, what they ask
for right after, and how an operator sees them."""

import asyncio

import pytest
from OpenSSL import SSL

from lib import xml
from lib.client import Client, befriend
from lib.im import resource, settled
from lib.raw import SaslFailure
from lib.wait import until

TLS12 = (SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION)
BINDINGS = "urn:xmpp:sasl-cb:0"


@pytest.fixture
def alice(stack):
    """Her password."""
    stack.add_account("alice")
    return stack.accounts["alice@localhost"]


async def greeted(raw_client, port=None, **tls):
    """Before SASL, over TLS; **tls as for Wire.start_tls."""
    c = await raw_client(port=port)
    if port == 5223:
        await c.direct_tls(**tls)
    else:
        await c.open_stream()
        await c.start_tls(**tls)
    await c.open_stream()
    return c


async def works(c):
    """The session is one that can be used."""
    assert (await c.iq("get", f"<query xmlns='{xml.ROSTER}'/>")).get("type") == "result"
    await c.sync()


# --- mechanisms -----------------------------------------------------------------------------------

@pytest.mark.parametrize("mechanism", [
    "SCRAM-SHA-1",  # dino 0.4
    "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize("port", [5222, 5223])
async def test_mechanism(stack, raw_client, alice, mechanism, port):
    c = await greeted(raw_client, port)
    assert mechanism in c.mechanisms
    await c.sasl("alice", alice, mechanism)
    assert await c.bind("phone") == "alice@localhost/phone"
    await works(c)


async def test_what_is_offered(stack, raw_client):
    """The strongest first; which binding, XEP-0440 says."""
    c = await greeted(raw_client)
    assert c.mechanisms == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                            "SCRAM-SHA-1", "PLAIN"]
    assert [b.get("type") for b in c.features.iter(f"{{{BINDINGS}}}channel-binding")] \
        == ["tls-exporter", "tls-server-end-point"]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"])
async def test_password_with_more_than_ascii(stack, raw_client, mechanism):
    """SASLprep: the no-break space of one keyboard is the space of another."""
    stack.add_account("bob", "Grüße, =2C und\u00a0𝄞")
    c = await raw_client()
    await c.login("bob", "Grüße, =2C und 𝄞", mechanism=mechanism)
    await works(c)


async def test_slixmpp_takes_the_strongest_mechanism_that_it_can(stack, client):
    alice = await client("alice")
    assert alice["feature_mechanisms"].mech.name == "SCRAM-SHA-256"


async def test_slixmpp_as_it_is(stack, client, alice, monkeypatch):
    """Unchanged, 1.8 binds to tls-unique, which TLS 1.3 does not have, and ends with PLAIN: it logs
    in all the same, and more than once a minute."""
    monkeypatch.setattr(Client, "_without_binding", lambda self: None)
    monkeypatch.setattr(Client, "_on_refused", lambda self, failure: None)
    for _ in range(3):
        c = await asyncio.wait_for(client("alice"), 5)
        assert c["feature_mechanisms"].mech.name == "PLAIN"
        await c.close()


# --- TLS ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("port", [5222, 5223])
async def test_client_of_tls_1_2(stack, raw_client, alice, port):
    c = await greeted(raw_client, port, versions=TLS12)
    assert c.wire.tls.get_protocol_version_name() == "TLSv1.2"
    mechanism = next(m for m in c.mechanisms if m != "PLAIN")
    await c.sasl("alice", alice, mechanism)
    await c.bind()
    await works(c)


async def test_tls_1_3_is_preferred(stack, raw_client):
    c = await greeted(raw_client)
    assert c.wire.tls.get_protocol_version_name() == "TLSv1.3"


async def test_direct_tls_agrees_on_the_protocol(stack, raw_client):
    c = await greeted(raw_client, 5223)
    assert c.wire.tls.get_alpn_proto_negotiated() == b"xmpp-client"


async def test_slixmpp_over_direct_tls(stack, client):
    alice, bob = await client("alice", direct_tls=True), await client("bob")
    await befriend(alice, bob)


async def test_domain_by_sni_and_by_stream(make_stack, raw_client):
    """The certificate follows the name that the client asks for, on one port."""
    stack = make_stack(domain="localhost,example.org", components=())
    stack.authority.issue(f"{stack.certs_dir}/example.org", "example.org")
    for domain in ("localhost", "example.org"):
        stack.add_account(f"alice@{domain}")
        c = await raw_client(domain=domain)
        await c.login("alice", stack.accounts[f"alice@{domain}"])
        assert c.jid.startswith(f"alice@{domain}/") and c.header["from"] == domain


# --- right after ----------------------------------------------------------------------------------

async def test_resource_is_made_if_none_is_asked_for(stack, raw_client, alice):
    jids = set()
    for _ in range(3):
        c = await raw_client()
        await c.login("alice", alice)
        jids.add(c.jid)
    assert len(jids) == 3
    assert all(j.startswith("alice@localhost/") and len(j) > len("alice@localhost/") + 8
               for j in jids)


async def test_legacy_session(stack, raw_client, alice):
    """RFC 3921: optional since, and old clients send it anyway."""
    c = await raw_client()
    await c.login("alice", alice)
    session = "urn:ietf:params:xml:ns:xmpp-session"
    assert c.features.find(f"{{{session}}}session/{{{session}}}optional") is not None
    for to in (None, "alice@localhost"):
        answer = await c.iq("set", f"<session xmlns='{session}'/>", to=to)
        assert answer.get("type") == "result"


async def test_ping(stack, client):
    """The server, the own account with and without its address, oneself."""
    alice = await client("alice")
    for to in ("localhost", "alice@localhost", None, alice.full):
        answer = await alice.request("get", f"<ping xmlns='{xml.PING}'/>", to=to)
        assert answer.get("type") == "result", to


async def test_disco_of_the_server(stack, client):
    alice = await client("alice")
    info = await alice.request("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to="localhost")
    identity = info.find(f".//{{{xml.DISCO_INFO}}}identity")
    assert (identity.get("category"), identity.get("type")) == ("server", "im")
    features = [f.get("var") for f in info.iter(f"{{{xml.DISCO_INFO}}}feature")]
    assert {xml.DISCO_INFO, xml.DISCO_ITEMS, xml.PING} <= set(features)
    assert len(features) == len(set(features))
    items = await alice.request("get", f"<query xmlns='{xml.DISCO_ITEMS}'/>", to="localhost")
    names = sorted(i.get("jid") for i in items.iter(f"{{{xml.DISCO_ITEMS}}}item"))
    assert names == ["conference.localhost", "echo.localhost"]


async def test_disco_of_accounts(stack, client):
    """The own one, that of a contact; a stranger's is as if it did not exist (XEP-0030 8)."""
    alice, bob = await client("alice"), await client("bob")
    stack.add_account("stranger")
    await befriend(alice, bob)
    query = f"<query xmlns='{xml.DISCO_INFO}'/>"
    for to in (None, "alice@localhost", "bob@localhost"):
        info = await alice.request("get", query, to=to)
        identity = info.find(f".//{{{xml.DISCO_INFO}}}identity")
        assert (identity.get("category"), identity.get("type")) == ("account", "registered"), to
    strangers = [await alice.request("get", query, to=f"{name}@localhost")
                 for name in ("stranger", "nobody")]
    assert [{c.tag for c in s.iter()} for s in strangers][0] \
        == [{c.tag for c in s.iter()} for s in strangers][1]
    assert all(s.get("type") == "error" for s in strangers)


async def test_errors_have_the_code_that_old_clients_look_at(stack, client):
    """XEP-0086: profanity publishes no OMEMO devices without."""
    alice = await client("alice")
    for query, code in ((f"<query xmlns='{xml.DISCO_INFO}' node='urn:no:such'/>", "404"),
                        ("<query xmlns='urn:no:such'/>", "503")):
        answer = await alice.request("get", query, to="localhost")
        assert answer.find("{jabber:client}error").get("code") == code


# --- as an operator sees them ---------------------------------------------------------------------

async def test_session_list_and_kick(stack, client):
    phone = await resource(client, "alice", "phone", 5)
    silent = await resource(client, "alice", "silent", None)
    bob = await resource(client, "bob", "home")
    rows = {row["jid"]: row for row in stack.ctl("session", "list")}
    assert set(rows) == {phone.full, silent.full, bob.full}
    assert rows[phone.full]["priority"] == 5
    assert rows[phone.full].keys() == rows[silent.full].keys()
    stack.ctl("session", "kick", "alice@localhost")
    for c in (phone, silent):
        await c.wait_closed()
    await until(lambda: [r["jid"] for r in stack.ctl("session", "list")] == [bob.full],
                "bob's session alone")
    await settled(bob)


async def test_changed_password(stack, raw_client, alice):
    """It counts from the next login on."""
    stack.change_password("alice@localhost", "a new one")
    c = await greeted(raw_client)
    with pytest.raises(SaslFailure, match="not-authorized"):
        await c.sasl("alice", alice)
    await c.sasl("alice", "a new one")
