# SPDX-License-Identifier: MIT
"""Logging in with XEP-0388, and what follows in the same round trip: a resource (XEP-0386) with
carbons, stream management and client state, or a session that is resumed (XEP-0198)."""

import base64

import pytest

from lib import xml
from lib.faults import encrypted
from lib.payloads import ENCRYPTED
from lib.sasl2 import (BIND2, SASL2, authenticate, begin, bind, encode, failed_with,
                       features_behind, identity, outcome, verdict)
from lib.sasl2_fixtures import ALICE, fresh, stack  # noqa: F401: fixtures
from lib.scram import ScramClient

SM, CARBONS, CSI = "urn:xmpp:sm:3", "urn:xmpp:carbons:2", "urn:xmpp:csi:0"
AGENT = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Tests</software></user-agent>"
BODY = ENCRYPTED["OMEMO 2"]


# --- logging in -----------------------------------------------------------------------------------

async def test_features(fresh):
    raw = await fresh()
    authentication = raw.features.find(f"{{{SASL2}}}authentication")
    offered = [m.text for m in authentication.findall(f"{{{SASL2}}}mechanism")]
    assert offered == raw.mechanisms and "SCRAM-SHA-256-PLUS" in offered
    inline = authentication.find(f"{{{SASL2}}}inline")
    assert inline.find(f"{{{SM}}}sm") is not None
    assert {f.get("var") for f in inline.iter(f"{{{BIND2}}}feature")} == {CARBONS, CSI, SM}


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "PLAIN"])
async def test_login_and_an_old_bind(fresh, stack, mechanism):
    """Without <bind/> a resource is bound as ever, and no stream is restarted."""
    raw = await fresh()
    success = await authenticate(raw, "alice", stack.accounts[ALICE], mechanism=mechanism)
    assert success.tag == f"{{{SASL2}}}success" and identity(success) == ALICE
    features = await features_behind(raw)
    assert features.find(f"{{{xml.BIND}}}bind") is not None
    assert await raw.bind("old") == f"{ALICE}/old"
    await raw.sync()


@pytest.mark.parametrize("user, password, mechanism, condition", [
    ("alice", "wrong", "SCRAM-SHA-256", "not-authorized"),
    ("nobody", "wrong", "SCRAM-SHA-256", "not-authorized"),
    ("alice", "wrong", "PLAIN", "not-authorized"),
])
async def test_failure(fresh, stack, user, password, mechanism, condition):
    raw = await fresh()
    answer = await authenticate(raw, user, password, bind(), mechanism)
    assert failed_with(answer) == condition
    raw.inbox.clear()
    again = await authenticate(raw, "alice", stack.accounts[ALICE], bind())
    assert identity(again).startswith(f"{ALICE}/Tests/")


@pytest.mark.parametrize("xml_text, condition", [
    ("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='X'/>", "invalid-mechanism"),
    ("<authenticate xmlns='urn:xmpp:sasl:2'/>", "invalid-mechanism"),
    ("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>*</initial-response>"
     "</authenticate>", "incorrect-encoding"),
])
async def test_malformed(fresh, xml_text, condition):
    raw = await fresh()
    await raw.send(xml_text)
    assert failed_with(await outcome(raw)) == condition


@pytest.mark.parametrize("sender, authzid, right", [
    (ALICE.upper(), ALICE, True),
    ("bob@localhost", ALICE, False),
    ("bob@localhost", "", True),
    (None, ALICE, True),
])
async def test_from_of_the_stream(raw_client, stack, sender, authzid, right):
    """Who is named as the one to act for has to be who the stream is from."""
    raw = await raw_client()
    await raw.open_stream()
    await raw.start_tls()
    await raw.open_stream(sender=sender)
    await begin(raw, "PLAIN", f"{authzid}\0alice\0{stack.accounts[ALICE]}".encode())
    answer = await verdict(raw)
    if right:
        assert identity(answer) == ALICE
    else:
        assert failed_with(answer) == "invalid-authzid"


async def test_profiles_are_not_mixed(fresh, stack):
    raw = await fresh()
    scram = ScramClient("SCRAM-SHA-256", "alice", stack.accounts[ALICE], None, "n")
    await raw.send(f"<authenticate xmlns='{SASL2}' mechanism='SCRAM-SHA-256'>"
                   f"<initial-response>{encode(scram.first())}</initial-response></authenticate>")
    challenge = base64.b64decode((await outcome(raw)).text)
    await raw.send(f"<response xmlns='{xml.SASL}'>{encode(scram.final(challenge))}</response>")
    await raw.wait_closed()
    assert not raw.inbox.find(f"{{{SASL2}}}success") and not raw.inbox.find(f"{{{xml.SASL}}}success")


async def test_nothing_comes_in_between(fresh, stack):
    raw = await fresh()
    scram = ScramClient("SCRAM-SHA-256", "alice", stack.accounts[ALICE], None, "n")
    await begin(raw, "SCRAM-SHA-256", scram.first())
    await outcome(raw)
    await raw.send("<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>")
    assert await raw.stream_error() == "not-authorized"
    assert not raw.inbox.find("iq")


async def test_abort(fresh, stack):
    raw = await fresh()
    scram = ScramClient("SCRAM-SHA-256", "alice", stack.accounts[ALICE], None, "n")
    await raw.send(f"<authenticate xmlns='{SASL2}' mechanism='SCRAM-SHA-256'>"
                   f"<initial-response>{encode(scram.first())}</initial-response></authenticate>")
    await outcome(raw)
    await raw.send(f"<abort xmlns='{SASL2}'/>")
    assert failed_with(await outcome(raw)) == "aborted"


async def test_no_initial_response(fresh, stack):
    raw = await fresh()
    await raw.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'>{bind()}</authenticate>")
    assert (await outcome(raw)).tag == f"{{{SASL2}}}challenge"
    await raw.send(f"<response xmlns='{SASL2}'>"
                   + encode(f"\0alice\0{stack.accounts[ALICE]}".encode()) + "</response>")
    success = await raw.wait(f"{{{SASL2}}}success")
    assert identity(success).startswith(f"{ALICE}/Tests/")


async def test_before_tls_it_is_refused(raw_client, stack):
    raw = await raw_client()
    await raw.open_stream()
    assert raw.features.find(f"{{{SASL2}}}authentication") is None
    await raw.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>"
                   f"{encode(b'x')}</initial-response></authenticate>")
    assert await raw.stream_error() == "not-authorized"


async def test_a_second_login_ends_the_stream(fresh, stack):
    raw = await fresh()
    await authenticate(raw, "alice", stack.accounts[ALICE], bind())
    await raw.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'/>")
    assert await raw.stream_error() == "unsupported-stanza-type"


# --- a resource -----------------------------------------------------------------------------------

async def test_one_round_trip(fresh, stack):
    """Bound, with carbons and stream management; features follow, without <bind/>."""
    raw = await fresh()
    success = await authenticate(
        raw, "alice", stack.accounts[ALICE],
        AGENT + bind(f"<enable xmlns='{CARBONS}'/><enable xmlns='{SM}' resume='true'/>"))
    raw.jid = identity(success)
    bound = success.find(f"{{{BIND2}}}bound")
    enabled = bound.find(f"{{{SM}}}enabled")
    assert enabled.get("resume") == "true" and enabled.get("id")
    features = await features_behind(raw)
    assert features.find(f"{{{xml.BIND}}}bind") is None
    await raw.sync()
    await raw.send(f"<r xmlns='{SM}'/>")
    assert (await raw.wait(f"{{{SM}}}a")).get("h") == "1"


async def test_resource_is_the_same_for_the_same_client(fresh, stack):
    """And it says nothing of the client's id; the older session ends."""
    first, second, other = await fresh(), await fresh(), await fresh()
    jids = [identity(await authenticate(raw, "alice", stack.accounts[ALICE], agent + bind()))
            for raw, agent in ((first, AGENT), (second, AGENT), (other, ""))]
    assert jids[0] == jids[1] != jids[2]
    assert "d4565fa7" not in jids[0] and jids[0].startswith(f"{ALICE}/Tests/")
    assert await first.stream_error() == "conflict"
    await second.sync()


async def test_the_same_client_with_another_tag(fresh, stack):
    """A client that was renamed is the same client: its older session ends."""
    first, second, other = await fresh(), await fresh(), await fresh()
    for raw, agent, tag in ((other, "", "Old"), (first, AGENT, "Old"), (second, AGENT, "New")):
        success = await authenticate(raw, "alice", stack.accounts[ALICE], agent + bind(tag=tag))
        assert identity(success).startswith(f"{ALICE}/{tag}/")
    assert await first.stream_error() == "conflict"
    await second.sync()
    await other.sync()


@pytest.mark.parametrize("tag", ["", "\u200b\ue000", "x" * 129])
async def test_tags_that_are_none(fresh, stack, tag):
    raw = await fresh()
    success = await authenticate(raw, "alice", stack.accounts[ALICE], bind(tag=tag))
    assert len(identity(success).split("/")) == 2
    await raw.sync()


async def test_carbons_and_inactive_from_the_start(fresh, stack):
    one, two, bob = await fresh(), await fresh(), await fresh()
    for raw, inner in ((one, f"<enable xmlns='{CARBONS}'/><inactive xmlns='{CSI}'/>"), (two, "")):
        success = await authenticate(raw, "alice", stack.accounts[ALICE], bind(inner))
        raw.jid = identity(success)
        await raw.send("<presence/>")
        await raw.sync()
    bob.jid = identity(await authenticate(bob, "bob", stack.accounts["bob@localhost"], bind()))
    await bob.send(f"<message to='{two.jid}' type='chat' id='m1'>{BODY}</message>")
    await one.wait("message", has=f"{{{CARBONS}}}received")
    await bob.send(f"<presence to='{one.jid}'/>")
    await bob.sync()
    await one.sync()
    assert not one.inbox.find("presence", from_=bob.jid)
    await one.send(f"<active xmlns='{CSI}'/>")
    await one.wait("presence", from_=bob.jid)


async def test_disabled_while_the_answer_is_held(fresh, stack, clock):
    """Who is guessed is answered late, and the account may be disabled meanwhile."""
    for tries in (4, 1):
        raw = await fresh()
        for _ in range(tries):
            assert failed_with(await authenticate(raw, "alice", "wrong", mechanism="PLAIN"))
        await raw.drop()
    raw = await fresh()
    mark = stack.router.mark()
    first = encode(f"\0alice\0{stack.accounts[ALICE]}".encode())
    await raw.send(f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>{first}"
                   f"</initial-response>{bind()}</authenticate>")
    await stack.router.wait_log("answered late", mark)
    stack.ctl("account", "disable", ALICE)
    clock.advance(3)
    assert await raw.stream_error() == "not-authorized"
    assert not raw.inbox.find(f"{{{SASL2}}}success") and not stack.ctl("session", "list")


async def test_too_many_resources(make_stack, raw_client):
    stack = make_stack(components=(), env={"LIMIT_RESOURCES": "1"})
    stack.add_account("alice")

    async def one():
        raw = await encrypted(raw_client, stack=stack)
        return raw, await authenticate(raw, "alice", stack.accounts[ALICE], bind())

    await one()
    raw, success = await one()
    assert success.find(f"{{{BIND2}}}bound") is None and identity(success) == ALICE
    features = await features_behind(raw)
    assert features.find(f"{{{xml.BIND}}}bind") is not None


# --- resuming -------------------------------------------------------------------------------------

async def test_resumed_in_one_round_trip(fresh, stack):
    """What was missed follows <success/>: the stream goes on, without new features."""
    raw, bob = await fresh(), await fresh()
    success = await authenticate(
        raw, "alice", stack.accounts[ALICE], bind(f"<enable xmlns='{SM}' resume='true'/>"))
    jid, ident = identity(success), success.find(f".//{{{SM}}}enabled").get("id")
    await authenticate(bob, "bob", stack.accounts["bob@localhost"], bind())
    await raw.drop(reset=True)
    for n in range(5):
        await bob.send(f"<message to='{jid}' type='chat' id='m{n}'>{BODY}</message>")
    await bob.sync()
    again = await fresh()
    success = await authenticate(again, "alice", stack.accounts[ALICE],
                                 f"<resume xmlns='{SM}' previd='{ident}' h='0'/>" + bind())
    assert success.find(f"{{{SM}}}resumed").get("previd") == ident
    assert success.find(f"{{{BIND2}}}bound") is None and identity(success) == jid
    await again.wait("message", id="m4")
    kinds = [e.tag.rpartition("}")[2] for e in again.inbox]
    assert kinds.index("success") < kinds.index("message") and "features" not in kinds
    assert kinds.count("message") == 5
    long = "x" * 100000  # as after any login
    await again.send(f"<message to='bob@localhost/none' type='normal' id='long'><body>{long}</body>"
                     "</message>")
    await again.wait("message", id="long", type="error")


async def test_a_resource_if_it_cannot_be_resumed(fresh, stack):
    raw = await fresh()
    success = await authenticate(
        raw, "alice", stack.accounts[ALICE],
        f"<resume xmlns='{SM}' previd='{'a' * 32}' h='0'/>"
        + bind(f"<enable xmlns='{SM}' resume='true'/>"))
    failed = success.find(f"{{{SM}}}failed")
    assert failed[0].tag == f"{{{xml.STANZA_ERRORS}}}item-not-found"
    assert success.find(f"{{{BIND2}}}bound/{{{SM}}}enabled") is not None
    assert identity(success).startswith(f"{ALICE}/Tests/")
    await raw.sync()


async def test_more_acknowledged_than_was_sent(fresh, stack):
    """The stream ends, and nothing is bound instead."""
    raw = await fresh()
    success = await authenticate(
        raw, "alice", stack.accounts[ALICE], bind(f"<enable xmlns='{SM}' resume='true'/>"))
    ident = success.find(f".//{{{SM}}}enabled").get("id")
    again = await fresh()
    await begin(again, "PLAIN", f"\0alice\0{stack.accounts[ALICE]}".encode(),
                f"<resume xmlns='{SM}' previd='{ident}' h='99'/>" + bind())
    assert await again.stream_error() == "undefined-condition"
    assert not again.inbox.find(f"{{{SASL2}}}success")
    await raw.sync()
    assert len(stack.ctl("session", "list")) == 1


async def test_a_failed_login_does_nothing_of_it(fresh, stack):
    raw = await fresh()
    success = await authenticate(
        raw, "alice", stack.accounts[ALICE], bind(f"<enable xmlns='{SM}' resume='true'/>"))
    ident = success.find(f".//{{{SM}}}enabled").get("id")
    thief = await fresh()
    answer = await authenticate(thief, "alice", "wrong",
                                f"<resume xmlns='{SM}' previd='{ident}' h='0'/>" + bind())
    assert failed_with(answer) == "not-authorized"
    other = await fresh()
    success = await authenticate(other, "bob", stack.accounts["bob@localhost"],
                                 f"<resume xmlns='{SM}' previd='{ident}' h='0'/>")
    assert success.find(f"{{{SM}}}failed") is not None
    raw.jid = "x"
    await raw.sync()
    assert len(stack.ctl("session", "list")) == 1
