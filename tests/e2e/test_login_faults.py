# SPDX-License-Identifier: MIT
"""What can go wrong, or be tried, between the TCP connection and the end of SASL."""

import contextlib

import pytest
from OpenSSL import SSL

from lib import xml
from lib.faults import b64, closed_with, encrypted, failure, sasl
from lib.raw import SaslFailure
from lib.scram import ScramClient

SCRAMS = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"]
STANZAS = ["<message to='bystander@localhost'/>", "<presence/>",
           "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
           f"<iq type='set' id='1'><bind xmlns='{xml.BIND}'/></iq>"]


@pytest.fixture
def stack(make_stack):
    """The router alone, with an account to try the password of."""
    made = make_stack(components=())
    made.add_account("alice", "alice's password")
    return made


# --- too early ------------------------------------------------------------------------------------

@pytest.mark.parametrize("stanza", STANZAS, ids=["message", "presence", "iq", "bind"])
async def test_stanza_in_the_clear(bystander, raw_client, stanza):
    c = await raw_client()
    await c.open_stream()
    await c.send(stanza)
    await closed_with(c, "not-authorized")


@pytest.mark.parametrize("stanza", STANZAS, ids=["message", "presence", "iq", "bind"])
async def test_stanza_before_sasl(bystander, raw_client, stanza):
    c = await encrypted(raw_client)
    await c.send(stanza)
    await closed_with(c, "not-authorized")
    await bystander.sync()
    assert not bystander.inbox.find("message")


@pytest.mark.parametrize("stanza", STANZAS[:3], ids=["message", "presence", "iq"])
async def test_stanza_before_bind(bystander, raw_client, stanza):
    c = await encrypted(raw_client)
    await c.sasl("alice", "alice's password")
    await c.send(stanza)
    await closed_with(c, "not-authorized")


async def test_stanza_in_one_write_with_the_sasl_response(bystander, raw_client):
    """RFC 6120 6.4.6: the new stream comes after <success/>, and not before it."""
    c = await encrypted(raw_client)
    await c.send(sasl("auth", b64(b"\0alice\0alice's password"), "PLAIN") + STANZAS[0])
    await c.wait_closed()
    await bystander.sync()
    assert not bystander.inbox.find("message")


@pytest.mark.parametrize("extra", [b"<presence/>", b"<auth xmlns='urn:ietf:params", b"<",
                                   b"\x16\x03\x01"],
                         ids=["element", "half-a-tag", "one-byte", "hello"])
async def test_bytes_behind_starttls(bystander, raw_client, extra):
    """What comes in the clear must not be taken for something that came through TLS."""
    c = await raw_client()
    await c.open_stream()
    await c.send(f"<starttls xmlns='{xml.TLS}'/>".encode() + extra)
    await closed_with(c, "policy-violation")


async def test_starttls_twice(bystander, raw_client):
    c = await encrypted(raw_client)
    await c.send(f"<starttls xmlns='{xml.TLS}'/>")
    await closed_with(c, "not-authorized")


# --- TLS ------------------------------------------------------------------------------------------

async def test_no_sasl_in_the_clear(bystander, raw_client):
    """Neither offered nor accepted, whatever the client thinks of it."""
    c = await raw_client()
    await c.open_stream()
    assert c.mechanisms == []
    await c.auth("PLAIN", b"\0alice\0alice's password")
    assert await failure(c) == "encryption-required"
    await c.start_tls()
    await c.open_stream()
    await c.sasl("alice", "alice's password")


@pytest.mark.parametrize("port", ["C2S_PORT", "C2S_TLS_PORT"])
async def test_tls_1_1_refused(stack, bystander, raw_client, port):
    c = await raw_client(port=stack.port(port))
    if port == "C2S_PORT":
        await c.open_stream()
    start = c.start_tls if port == "C2S_PORT" else c.direct_tls
    with pytest.raises(SSL.Error, match="alert protocol version"):
        await start(versions=(SSL.TLS1_VERSION, SSL.TLS1_1_VERSION),
                    ciphers="DEFAULT@SECLEVEL=0")


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
async def test_tls_1_2_and_1_3_accepted(stack, raw_client, version):
    c = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await c.direct_tls(versions=(version, version))
    await c.login("alice", "alice's password")
    await c.sync()


async def test_direct_tls_for_another_protocol(stack, bystander, raw_client):
    """XEP-0368: a connection meant for a web server is not ours (RFC 7301 3.2)."""
    c = await raw_client(port=stack.port("C2S_TLS_PORT"))
    with pytest.raises(SSL.Error, match="alert no application protocol"):
        await c.direct_tls(alpn=("http/1.1", "h2"))


async def test_direct_tls_without_alpn(stack, raw_client):
    c = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await c.direct_tls(alpn=None)
    await c.login("alice", "alice's password")


async def test_direct_tls_with_another_offer_besides(stack, raw_client):
    c = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await c.direct_tls(alpn=("xmpp-server", "xmpp-client"))
    await c.login("alice", "alice's password")


# --- SASL -----------------------------------------------------------------------------------------

GARBAGE = {
    "bad-base64": (sasl("auth", "!!!!"), "incorrect-encoding"),
    "base64-cut": (sasl("auth", "biwsb"), "incorrect-encoding"),
    "base64-with-tail": (sasl("auth", "biws====biws"), "incorrect-encoding"),
    "no-scram": (sasl("auth", b64(b"hello")), "malformed-request"),
    "scram-of-nuls": (sasl("auth", b64(b"\0" * 40)), "malformed-request"),
    "scram-without-nonce": (sasl("auth", b64(b"n,,n=alice")), "malformed-request"),
    "scram-empty-nonce": (sasl("auth", b64(b"n,,n=alice,r=")), "malformed-request"),
    "scram-mandatory-extension": (sasl("auth", b64(b"n,,m=x,n=alice,r=abcdefgh")),
                                  "malformed-request"),
    "scram-bad-escape": (sasl("auth", b64(b"n,,n=al=ice,r=abcdefgh")), "malformed-request"),
    "scram-for-another": (sasl("auth", b64(b"n,a=bob,n=alice,r=abcdefgh")), "invalid-authzid"),
    "huge": (sasl("auth", "A" * 60000), "malformed-request"),
    "mechanism-unknown": (sasl("auth", mechanism="DIGEST-MD5"), "invalid-mechanism"),
    "mechanism-external": (sasl("auth", "=", "EXTERNAL"), "invalid-mechanism"),
    "mechanism-empty": (sasl("auth", mechanism=""), "invalid-mechanism"),
    "mechanism-in-small-letters": (sasl("auth", mechanism="plain"), "invalid-mechanism"),
    "no-mechanism": (f"<auth xmlns='{xml.SASL}'/>", "invalid-mechanism"),
    "abort-of-nothing": (sasl("abort"), "aborted"),
    "response-without-auth": (sasl("response", b64(b"c=biws")), "malformed-request"),
    "plain-one-part": (sasl("auth", b64(b"alice"), "PLAIN"), "malformed-request"),
    "plain-four-parts": (sasl("auth", b64(b"\0alice\0a\0b"), "PLAIN"), "malformed-request"),
    "plain-no-user": (sasl("auth", b64(b"\0\0password"), "PLAIN"), "malformed-request"),
    "plain-for-another": (sasl("auth", b64(b"bob@localhost\0alice\0alice's password"), "PLAIN"),
                          "invalid-authzid"),
    "plain-not-utf8": (sasl("auth", b64(b"\0\xff\xfe\0x"), "PLAIN"), "not-authorized"),
    "plain-with-a-domain": (sasl("auth", b64(b"\0alice@localhost\0alice's password"), "PLAIN"),
                            "not-authorized"),
}


@pytest.mark.parametrize("element, condition", GARBAGE.values(), ids=GARBAGE)
async def test_sasl_garbage(raw_client, stack, element, condition):
    """Refused with the right reason, and the connection may still log in."""
    c = await encrypted(raw_client)
    await c.send(element)
    assert await failure(c) == condition
    await c.sasl("alice", "alice's password")
    await c.bind()


async def test_abort_of_an_exchange(raw_client, stack):
    c = await encrypted(raw_client)
    scram = ScramClient("SCRAM-SHA-256", "alice", "alice's password")
    await c.auth("SCRAM-SHA-256", scram.first())
    challenge = await c.sasl_answer()
    await c.send(sasl("abort"))
    assert await failure(c) == "aborted"
    await c.send(sasl("response", b64(scram.final(challenge))))
    assert await failure(c) == "malformed-request"
    await c.sasl("alice", "alice's password")


async def test_auth_within_an_exchange(raw_client, stack):
    c = await encrypted(raw_client)
    await c.auth("SCRAM-SHA-256", ScramClient("SCRAM-SHA-256", "alice", "x").first())
    await c.sasl_answer()
    await c.auth("PLAIN", b"\0alice\0alice's password")
    assert await failure(c) == "malformed-request"


async def test_unknown_sasl_element(bystander, raw_client):
    c = await encrypted(raw_client)
    await c.send(f"<hello xmlns='{xml.SASL}'/>")
    await closed_with(c, "policy-violation")


async def test_flood_of_elements_during_sasl(bystander, raw_client):
    c = await encrypted(raw_client)
    with contextlib.suppress(OSError, SSL.Error):
        await c.send(sasl("abort") * 1000)
    await c.wait_closed()
    assert c.received.count(b"<failure") <= 5


@pytest.mark.parametrize("mechanism", SCRAMS)
async def test_replayed_proof(raw_client, stack, mechanism):
    """A proof is worth nothing in another exchange: the server's nonce is new."""
    c = await encrypted(raw_client)
    binding = ("tls-exporter", c.wire.exporter()) if mechanism.endswith("PLUS") else None
    scram = ScramClient(mechanism, "alice", "alice's password", binding)
    await c.auth(mechanism, scram.first())
    proof = scram.final(await c.sasl_answer())
    await c.send(sasl("abort"))
    assert await failure(c) == "aborted"
    await c.auth(mechanism, scram.first())
    await c.sasl_answer()
    await c.send(sasl("response", b64(proof)))
    assert await failure(c) in ("not-authorized", "malformed-request")


async def test_binding_taken_off_the_list(raw_client, stack):
    """RFC 5802 6: a client that saw no -PLUS says so, and the server knows better."""
    c = await encrypted(raw_client)
    assert "SCRAM-SHA-256-PLUS" in c.mechanisms
    with pytest.raises(SaslFailure, match="not-authorized"):
        await c.sasl("alice", "alice's password", announce="y")


async def test_binding_to_another_connection(raw_client, stack):
    """As with somebody in the middle: each side has its own exporter."""
    c = await encrypted(raw_client)
    scram = ScramClient("SCRAM-SHA-256-PLUS", "alice", "alice's password",
                        ("tls-exporter", b"\1" * 32))
    await c.auth("SCRAM-SHA-256-PLUS", scram.first())
    await c.send(sasl("response", b64(scram.final(await c.sasl_answer()))))
    assert await failure(c) == "not-authorized"


async def test_binding_of_a_kind_that_is_not_offered(raw_client, stack):
    c = await encrypted(raw_client)
    scram = ScramClient("SCRAM-SHA-256-PLUS", "alice", "x", ("tls-unique", b"\1" * 12))
    await c.auth("SCRAM-SHA-256-PLUS", scram.first())
    assert await failure(c) in ("not-authorized", "malformed-request")


# --- unknown users --------------------------------------------------------------------------------

async def transcript(raw_client, mechanism, user):
    """What a wrong password gets, byte by byte; random parts by their length only."""
    c = await encrypted(raw_client)
    shape = None
    if mechanism == "PLAIN":
        c.received.clear()
        await c.auth(mechanism, f"\0{user}\0wrong".encode())
    else:
        binding = ("tls-exporter", c.wire.exporter()) if mechanism.endswith("PLUS") else None
        scram = ScramClient(mechanism, user, "wrong", binding)
        await c.auth(mechanism, scram.first())
        challenge = await c.sasl_answer()
        fields = [f.partition("=") for f in challenge.decode().split(",")]
        shape = [(k, v if k == "i" else len(v)) for k, _, v in fields]
        c.received.clear()
        await c.send(sasl("response", b64(scram.final(challenge))))
    assert await failure(c) == "not-authorized"
    await c.drop()
    return shape, bytes(c.received)


@pytest.mark.parametrize("mechanism", ["PLAIN", *SCRAMS])
async def test_unknown_user_answers_as_a_wrong_password(raw_client, stack, mechanism):
    known = await transcript(raw_client, mechanism, "alice")
    unknown = await transcript(raw_client, mechanism, "nobody")
    assert known == unknown


async def test_unknown_user_keeps_its_salt(raw_client, stack):
    """A salt that changed would tell that there is no account; it outlives a restart, too."""
    async def salt(user):
        c = await encrypted(raw_client)
        await c.auth("SCRAM-SHA-256", ScramClient("SCRAM-SHA-256", user, "x").first())
        challenge = await c.sasl_answer()
        await c.drop()
        return challenge.split(b",")[1]

    first = {user: await salt(user) for user in ("alice", "nobody", "nobody2")}
    stack.router.restart()
    stack.ready()
    assert first == {user: await salt(user) for user in first}
    assert len(set(first.values())) == 3
