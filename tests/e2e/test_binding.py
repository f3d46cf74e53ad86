# SPDX-License-Identifier: MIT
"""Channel bindings beside tls-exporter (RFC 5929), and the hash of what was announced (XEP-0474)."""

import base64
import hashlib

import pytest
from OpenSSL import SSL

from lib import xml
from lib.faults import b64, encrypted, failure, sasl
from lib.scram import ScramClient

BINDING = "{urn:xmpp:sasl-cb:0}channel-binding"
PLUS = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]


@pytest.fixture
def stack(make_stack):
    """The router alone, with an account."""
    made = make_stack(components=())
    made.add_account("alice", "alice's password")
    return made


async def exchange(c, mechanism, binding):
    """Logs in up to the answer to the client's proof; the challenge's attributes."""
    scram = ScramClient(mechanism, "alice", "alice's password", binding)
    await c.auth(mechanism, scram.first())
    challenge = await c.sasl_answer()
    await c.send(sasl("response", b64(scram.final(challenge))))
    return scram, dict(f.split("=", 1) for f in challenge.decode().split(","))


@pytest.mark.parametrize("mechanism", PLUS)
async def test_certificate(raw_client, stack, mechanism):
    c = await encrypted(raw_client)
    scram, _ = await exchange(c, mechanism, ("tls-server-end-point", c.wire.end_point()))
    scram.verify(await c.sasl_answer())
    await c.open_stream()
    await c.bind()


@pytest.mark.parametrize("mechanism", PLUS)
async def test_other_certificate(raw_client, stack, bystander, mechanism):
    """Somebody in the middle shows one of his own."""
    c = await encrypted(raw_client)
    await exchange(c, mechanism, ("tls-server-end-point", b"\1" * 32))
    assert await failure(c) == "not-authorized"


async def test_data_of_the_other_kind(raw_client, stack):
    c = await encrypted(raw_client)
    await exchange(c, PLUS[1], ("tls-server-end-point", c.wire.exporter()))
    assert await failure(c) == "not-authorized"


async def test_tls_1_2(raw_client, stack):
    c = await raw_client()
    await c.open_stream()
    await c.start_tls(versions=(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION))
    await c.open_stream()
    scram, _ = await exchange(c, PLUS[1], ("tls-server-end-point", c.wire.end_point()))
    scram.verify(await c.sasl_answer())


async def test_certificate_by_sni(make_stack, raw_client):
    """The one that was shown, not the first."""
    stack = make_stack(domain="localhost,other.test", components=())
    stack.add_account("alice@other.test", "alice's password")
    c = await raw_client(stack=stack, port=stack.port("C2S_TLS_PORT"), domain="other.test")
    await c.direct_tls()
    await c.open_stream()
    scram, _ = await exchange(c, PLUS[1], ("tls-server-end-point", c.wire.end_point()))
    scram.verify(await c.sasl_answer())


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", *PLUS])
async def test_hash_of_what_was_announced(raw_client, stack, mechanism):
    """As the client computes it from the features."""
    c = await encrypted(raw_client)
    bindings = [b.get("type") for b in c.features.iter(BINDING)]
    text = "\x1e".join(sorted(c.mechanisms)) + "\x1f" + "\x1e".join(sorted(bindings))
    name = "sha1" if "SHA-1" in mechanism else "sha256"
    plus = mechanism.endswith("-PLUS")
    scram, said = await exchange(
        c, mechanism, ("tls-exporter", c.wire.exporter()) if plus else None)
    assert said["h"] == base64.b64encode(hashlib.new(name, text.encode()).digest()).decode()
    scram.verify(await c.sasl_answer())


async def test_challenge_that_was_tampered_with(raw_client, stack):
    """Who changes the hash on its way spoils the proof."""
    c = await encrypted(raw_client)
    scram = ScramClient("SCRAM-SHA-256", "alice", "alice's password")
    await c.auth("SCRAM-SHA-256", scram.first())
    challenge = (await c.sasl_answer()).decode()
    head, _, _ = challenge.partition(",h=")
    forged = f"{head},h={base64.b64encode(bytes(32)).decode()}"
    await c.send(f"<response xmlns='{xml.SASL}'>{b64(scram.final(forged.encode()))}</response>")
    assert await failure(c) == "not-authorized"
