# SPDX-License-Identifier: MIT
"""Tokens that a client logs in with instead of its password (XEP-0484), in one round trip.  How
they end: test_fast_ends.py."""

import base64
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree as ET

import pytest
from OpenSSL import SSL

from lib import fast, sasl2, xml
from lib.fast import ENDP, EXPR, LAPTOP, NONE, PHONE, agent, given, request, token_in
from lib.sasl2_fixtures import ALICE, BOB, fresh, shown, stack, token  # noqa: F401: fixtures
from lib.faults import let_pass
from lib.payloads import ENCRYPTED
from lib.sasl2 import authenticate, bind, failed_with, identity

SM, CARBONS, CSI = "urn:xmpp:sm:3", "urn:xmpp:carbons:2", "urn:xmpp:csi:0"
BODY, DAY = ENCRYPTED["OMEMO 2"], 86400


# --- one round trip -------------------------------------------------------------------------------

async def test_offered(fresh):
    """Within <inline/> alone, and without 0-RTT."""
    raw = await fresh()
    assert fast.offered(raw) == [EXPR, ENDP, NONE]
    element = raw.features.find(f".//{{{fast.FAST}}}fast")
    assert element.get("tls-0rtt") in (None, "false", "0")
    offered = [m.text for m in raw.features.iter(f"{{{sasl2.SASL2}}}mechanism")]
    assert not {EXPR, ENDP, NONE} & {*raw.mechanisms, *offered}


@pytest.mark.parametrize("login", ["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "PLAIN"])
@pytest.mark.parametrize("mechanism", [NONE, EXPR, ENDP])
async def test_one_round_trip(fresh, token, mechanism, login):
    """Bound, with carbons, stream management and client state; and once more."""
    text = await token(mechanism=mechanism, login=login)
    for _ in range(2):
        raw = await fresh()
        success = await fast.show(raw, "alice", text, mechanism, inline=bind(
            f"<enable xmlns='{CARBONS}'/><inactive xmlns='{CSI}'/>"
            f"<enable xmlns='{SM}' resume='true'/>"))
        assert identity(success).startswith(f"{ALICE}/Tests/")
        assert success.find(f"{{{sasl2.BIND2}}}bound/{{{SM}}}enabled") is not None
        assert given(success) is None
        features = await sasl2.features_behind(raw)
        assert features.find(f"{{{xml.BIND}}}bind") is None
        await raw.sync()


async def test_token_is_strong_and_says_when_it_ends(fresh, stack):
    raw = await fresh()
    success = await authenticate(raw, "alice", stack.accounts[ALICE], agent() + request())
    element = given(success)
    assert len(base64.b64decode(element.get("token"), validate=True)) == 32
    expiry = datetime.strptime(element.get("expiry"), "%Y-%m-%dT%H:%M:%SZ")
    left = expiry.replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)
    assert abs(left - timedelta(days=21)) < timedelta(minutes=5)


async def test_tls_1_2(raw_client, stack):
    """The exporter has what it needs there as well (extended master secret)."""
    async def connect():
        raw = await raw_client()
        await raw.open_stream()
        await raw.start_tls(versions=(SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION))
        await raw.open_stream()
        return raw
    raw = await connect()
    for mechanism in fast.offered(raw):
        raw = await connect()
        text = await fast.get_token(raw, "alice", stack.accounts[ALICE], mechanism)
        assert identity(await fast.show(await connect(), "alice", text, mechanism)) == ALICE


async def test_resumed_in_one_round_trip(fresh, token, stack):
    """With a token that is used for the first time: what was missed follows its commit."""
    text = await token()
    raw, bob = await fresh(), await fresh()
    success = await fast.show(raw, "alice", text, inline=bind(f"<enable xmlns='{SM}' resume='1'/>"))
    jid, ident = identity(success), success.find(f".//{{{SM}}}enabled").get("id")
    await authenticate(bob, "bob", stack.accounts[BOB], bind())
    await raw.drop(reset=True)
    for n in range(3):
        await bob.send(f"<message to='{jid}' type='chat' id='m{n}'>{BODY}</message>")
    await bob.sync()
    again = await fresh()
    success = await fast.show(again, "alice", text, attributes="count='1'",
                              inline=f"<resume xmlns='{SM}' previd='{ident}' h='0'/>" + bind())
    assert success.find(f"{{{SM}}}resumed").get("previd") == ident and identity(success) == jid
    await again.wait("message", id="m2")
    kinds = [e.tag.rpartition("}")[2] for e in again.inbox]
    assert kinds.index("success") < kinds.index("message") and "features" not in kinds


async def test_sent_with_the_stream_header(fresh, token, raw_client):
    """All that a client says behind TLS, in one write."""
    text = await token()
    raw = await raw_client()
    await raw.open_stream()
    await raw.start_tls()
    first = sasl2.encode(b"alice\0" + fast.hashed(text, b"Initiator", b""))
    await raw.send("<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                   "xmlns:stream='http://etherx.jabber.org/streams'>"
                   f"<authenticate xmlns='{sasl2.SASL2}' mechanism='{NONE}'>"
                   f"<initial-response>{first}</initial-response>{agent()}{bind()}"
                   f"<fast xmlns='{fast.FAST}'/></authenticate>")
    assert identity(await sasl2.verdict(raw)).startswith(f"{ALICE}/Tests/")
    await raw.sync()


# --- who may use it, and how ----------------------------------------------------------------------

WRONG = {
    "another token": {"text": "A" * 43 + "="},
    "another account": {"user": "bob"},
    "no account": {"user": "nobody"},
    "another client": {"ident": LAPTOP},
    "another mechanism": {"mechanism": ENDP},
    "a case": {"ident": PHONE.upper()},
}


@pytest.mark.parametrize("what", WRONG)
async def test_wrong(token, shown, what):
    text = await token()
    await token(user="bob")
    await token(ident=LAPTOP)
    how = {"text": text} | WRONG[what]
    assert failed_with(await shown(**how)) == "not-authorized"
    assert identity(await shown(text)) == ALICE


async def test_binding_of_another_connection(fresh, token, monkeypatch):
    text = await token(mechanism=EXPR)
    one, two = await fresh(), await fresh()
    monkeypatch.setattr(one.wire, "exporter", two.wire.exporter)
    assert failed_with(await fast.show(one, "alice", text, EXPR)) == "not-authorized"


async def test_refusals_look_the_same(token, fresh):
    """Whether there is such an account, client or token at all."""
    text = await token()
    seen = set()
    for user, shown, ident in (("nobody", text, PHONE), ("alice", text, LAPTOP),
                               ("alice", "x", PHONE), ("bob", text, PHONE)):
        raw = await fresh()
        seen.add(ET.tostring(await fast.show(raw, user, shown, ident=ident)))
        await raw.drop()
    assert len(seen) == 1


@pytest.mark.parametrize("attributes, inner, condition", [
    ("mechanism='HT-SHA-256-UNIQ'", "", "invalid-mechanism"),
    ("mechanism='HT-SHA-512-NONE'", "", "invalid-mechanism"),
    (f"mechanism='{NONE}'", "no fast", "invalid-mechanism"),
    (f"mechanism='{NONE}'", "no agent", "malformed-request"),
    (f"mechanism='{NONE}'", "*", "incorrect-encoding"),
    (f"mechanism='{NONE}'", "=", "malformed-request"),
    (f"mechanism='{NONE}'", sasl2.encode(b"alice"), "malformed-request"),
    (f"mechanism='{NONE}'", sasl2.encode(b"alice\0short"), "malformed-request"),
    (f"mechanism='{NONE}'", sasl2.encode(b"\0" + bytes(32)), "malformed-request"),
    (f"mechanism='{NONE}'", sasl2.encode(b"alice\0" + bytes(33)), "malformed-request"),
    (f"mechanism='{NONE}'", sasl2.encode(b"\xff\xfe\0" + bytes(32)), "not-authorized"),
    (f"mechanism='{NONE}'", sasl2.encode(b"a" * 2000 + b"\0" + bytes(32)), "not-authorized"),
    (f"mechanism='{NONE}'", "count", "malformed-request"),
])
async def test_malformed(fresh, token, attributes, inner, condition):
    text = await token()
    proof = sasl2.encode(b"alice\0" + fast.hashed(text, b"Initiator", b""))
    named = {"no fast", "no agent", "count"}
    count = "count='-1'" if inner == "count" else ""
    raw = await fresh()
    await raw.send(
        f"<authenticate xmlns='{sasl2.SASL2}' {attributes}><initial-response>"
        + (proof if not inner or inner in named else inner) + "</initial-response>"
        + ("" if inner == "no agent" else agent())
        + ("" if inner == "no fast" else f"<fast xmlns='{fast.FAST}' {count}/>")
        + "</authenticate>")
    assert failed_with(await sasl2.outcome(raw)) == condition
    assert identity(await fast.show(raw, "alice", text)) == ALICE


async def test_not_outside_of_sasl2(fresh, token):
    text = await token()
    raw = await fresh()
    await raw.auth(NONE, b"alice\0" + fast.hashed(text, b"Initiator", b""))
    answer = await raw.wait(f"{{{xml.SASL}}}failure")
    assert answer[0].tag == f"{{{xml.SASL}}}invalid-mechanism"


async def test_password_after_a_wrong_token(fresh, stack):
    """On the same stream, with a new token."""
    raw = await fresh()
    assert failed_with(await fast.show(raw, "alice", "wrong", inline=bind())) == "not-authorized"
    text = await fast.get_token(raw, "alice", stack.accounts[ALICE], inline=bind())
    assert identity(await fast.show(await fresh(), "alice", text)) == ALICE


async def test_wrong_tokens_count_as_wrong_passwords(stack, fresh, token, clock):
    """Of an address and of an account; then also the right one is answered late."""
    text = await token()
    for tries in (4, 1):
        raw = await fresh()
        for _ in range(tries):
            assert failed_with(await fast.show(raw, "alice", "wrong")) == "not-authorized"
        await raw.drop()
    raw = await fresh(host="::1")
    mark = stack.router.mark()
    await sasl2.begin(raw, NONE, b"alice\0" + fast.hashed(text, b"Initiator", b""),
                      agent() + f"<fast xmlns='{fast.FAST}'/>")
    await stack.router.wait_log("login: HT-SHA-256-NONE, answered late", mark)
    assert not raw.inbox.find(f"{{{sasl2.SASL2}}}success")
    clock.advance(3)
    assert identity(await sasl2.verdict(raw)) == ALICE


# --- asking for one -------------------------------------------------------------------------------

@pytest.mark.parametrize("inline", [
    request(),
    agent("") + request(),
    "<user-agent xmlns='urn:xmpp:sasl:2' id=''/>" + request(),
    agent() + request("HT-SHA-256-UNIQ"),
    agent() + request("SCRAM-SHA-256"),
    agent() + f"<request-token xmlns='{fast.FAST}'/>",
    agent() + "<request-token xmlns='urn:x' mechanism='HT-SHA-256-NONE'/>",
])
async def test_no_token_but_a_login(fresh, stack, inline):
    raw = await fresh()
    success = await authenticate(raw, "alice", stack.accounts[ALICE], inline + bind())
    assert given(success) is None and identity(success).startswith(ALICE)
    await raw.sync()


async def test_no_token_for_a_wrong_password(fresh, stack):
    raw = await fresh()
    answer = await authenticate(raw, "alice", "wrong", agent() + request())
    assert failed_with(answer) == "not-authorized" and answer.find(f"{{{fast.FAST}}}token") is None
    assert "token" not in ET.tostring(answer, encoding="unicode")


async def test_each_client_has_its_own(token, shown):
    phone, laptop = await token(), await token(ident=LAPTOP, mechanism=EXPR)
    for _ in range(2):
        assert identity(await shown(phone)) == ALICE
        assert identity(await shown(laptop, ident=LAPTOP, mechanism=EXPR)) == ALICE


# --- the next one ---------------------------------------------------------------------------------

async def test_rotation(token, shown, clock):
    """The old one is good until the new one was used, however often that is given anew."""
    old = await token()
    assert token_in(await shown(old)) is None
    await let_pass(clock, DAY + 60)
    lost = token_in(await shown(old))
    new = token_in(await shown(old))
    assert lost and new and len({old, lost, new}) == 3
    assert failed_with(await shown(lost)) == "not-authorized"
    assert identity(await shown(old)) == ALICE


async def test_rotation_comes_to_its_end(token, shown, clock):
    old = await token()
    await let_pass(clock, DAY + 60)
    new = token_in(await shown(old))
    for _ in range(2):
        success = await shown(new)
        assert identity(success) == ALICE and given(success) is None
    assert failed_with(await shown(old)) == "not-authorized"


async def test_used_for_ever(token, shown, clock):
    """A client that comes back every three weeks never needs its password again."""
    text = await token(mechanism=EXPR)
    for _ in range(4):
        await let_pass(clock, 20 * DAY)
        text = token_in(await shown(text, mechanism=EXPR))
        assert text


async def test_another_mechanism_is_asked_for(token, shown):
    """With a token; both are good until the new one was used."""
    old = await token()
    new = token_in(await shown(old, inline=request(EXPR)))
    assert failed_with(await shown(new)) == "not-authorized"
    assert identity(await shown(old)) == ALICE
    assert identity(await shown(new, mechanism=EXPR)) == ALICE
    assert failed_with(await shown(old)) == "not-authorized"


async def test_password_once_more(token, shown):
    """A client that has lost its token: the lost one is good until the other was used."""
    old = await token()
    assert identity(await shown(old)) == ALICE
    new = await token()
    assert identity(await shown(old)) == ALICE
    assert identity(await shown(new)) == ALICE
    assert failed_with(await shown(old)) == "not-authorized"


# --- counts ---------------------------------------------------------------------------------------

async def test_a_count_comes_once(token, shown):
    """Whatever the connection; and without one there is nothing to compare."""
    text = await token()
    assert identity(await shown(text, attributes="count='1'")) == ALICE
    assert failed_with(await shown(text, attributes="count='1'")) == "not-authorized"
    assert identity(await shown(text, attributes="count='7'")) == ALICE
    for n in (0, 6, 7):
        assert failed_with(await shown(text, attributes=f"count='{n}'")) == "not-authorized"
    assert identity(await shown(text)) == ALICE
    assert failed_with(await shown(text, attributes="count='7'")) == "not-authorized"
    assert identity(await shown(text, attributes="count='4294967295'")) == ALICE


async def test_the_next_token_counts_anew(token, shown, clock):
    text = await token()
    await let_pass(clock, DAY + 60)
    new = token_in(await shown(text, attributes="count='9'"))
    assert identity(await shown(new, attributes="count='1'")) == ALICE
