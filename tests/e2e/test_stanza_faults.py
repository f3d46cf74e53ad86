# SPDX-License-Identifier: MIT
"""Stanzas that are wrong, or that lead nowhere: the right answer, once, to the sender only."""

import pytest

from lib import xml
from lib.faults import login

PAYLOAD = "<x xmlns='urn:example:x'/>"


@pytest.fixture
def stack(make_stack):
    """The router alone; all tests here are about its own answers."""
    return make_stack(components=())


@pytest.fixture
async def alice(stack, raw_client):
    return await login(stack, raw_client, "alice", "phone", host="127.0.0.1")


def error_of(stanza):
    """(type, legacy code, condition) of its error."""
    error = next(c for c in stanza if c.tag.endswith("}error"))
    return error.get("type"), error.get("code"), next(
        c.tag.rpartition("}")[2] for c in error if c.tag.startswith(f"{{{xml.STANZA_ERRORS}}}"))


async def answer(c, stanza, ident):
    await c.send(stanza)
    return await c.wait(lambda e: e.get("type") in ("error", "result"), id=ident)


# --- addresses ------------------------------------------------------------------------------------

FORGED = ["bystander@localhost", "bystander@localhost/x", "localhost", "alice@localhost/other",
          "alice@example.org", "", "@", "a@b@c/d e"]


@pytest.mark.parametrize("kind, sender", [
    *(("message", sender) for sender in FORGED),
    ("iq", "bystander@localhost"), ("presence", "bystander@localhost")])
async def test_forged_sender(bystander, alice, kind, sender):
    type_ = " type='get'" if kind == "iq" else ""
    await alice.send(f"<{kind} from='{sender}' to='{bystander.jid}' id='f'{type_}>"
                     f"{PAYLOAD}</{kind}>")
    assert await alice.stream_error() == "invalid-from"
    await alice.wait_closed()
    await bystander.sync()
    assert not bystander.inbox.find(kind, id="f")


@pytest.mark.parametrize("sender", ["alice@localhost", "alice@localhost/phone",
                                    "ALICE@LocalHost/phone"])
async def test_own_sender_is_stamped_in_full(bystander, alice, sender):
    await alice.send(f"<message from='{sender}' to='{bystander.jid}' id='m'>{PAYLOAD}</message>")
    assert (await bystander.wait("message", id="m")).get("from") == "alice@localhost/phone"


MALFORMED = ["@localhost", "a@", "a@/b", "/b", "a@b@c", "localhost/", "a b@localhost",
             "a\"b@localhost", "a&amp;b@localhost", "x" * 1024 + "@localhost", "a@" + "x" * 1024,
             "localhost/" + "x" * 1024, "a@local host", "a@-.localhost..", ""]


@pytest.mark.parametrize("to", MALFORMED, ids=[m[:12] or "empty" for m in MALFORMED])
async def test_malformed_address(alice, to):
    got = await answer(alice, f"<message id='m' to='{to}'>{PAYLOAD}</message>", "m")
    assert error_of(got) == ("modify", "400", "jid-malformed")
    await alice.sync()


async def test_malformed_address_of_an_iq(alice):
    got = await answer(alice, f"<iq type='get' id='q' to='a@b@c'>{PAYLOAD}</iq>", "q")
    assert error_of(got)[2] == "jid-malformed" and got.tag.endswith("}iq")


# --- shape ----------------------------------------------------------------------------------------

SHAPES = {
    "iq-two-children": f"<iq type='get' id='q' to='localhost'>{PAYLOAD}{PAYLOAD}</iq>",
    "iq-no-child": "<iq type='get' id='q' to='localhost'/>",
    "iq-no-type": f"<iq id='q' to='localhost'>{PAYLOAD}</iq>",
    "iq-type-unknown": f"<iq type='ask' id='q' to='localhost'>{PAYLOAD}</iq>",
    "presence-type-unknown": "<presence type='away' id='q' to='bystander@localhost'/>",
}


@pytest.mark.parametrize("stanza", SHAPES.values(), ids=SHAPES)
async def test_bad_shape(alice, stanza):
    assert error_of(await answer(alice, stanza, "q")) == ("modify", "400", "bad-request")
    await alice.sync()


async def test_iq_without_id(alice):
    await alice.send(f"<iq type='get' to='localhost'>{PAYLOAD}</iq>")
    assert error_of(await alice.wait("iq", type="error"))[2] == "bad-request"


async def test_message_of_unknown_type_is_a_normal_one(bystander, alice):
    """RFC 6121 5.2.2."""
    await alice.send(f"<message type='shout' to='{bystander.jid}' id='m'>{PAYLOAD}</message>")
    await bystander.wait("message", id="m")


@pytest.mark.parametrize("element", ["<hello/>", "<message xmlns='urn:x'/>", "<Message/>",
                                     "<iq xmlns='jabber:server'/>",
                                     f"<auth xmlns='{xml.SASL}' mechanism='PLAIN'/>",
                                     f"<starttls xmlns='{xml.TLS}'/>"])
async def test_no_stanza(bystander, alice, element):
    await alice.send(element)
    assert await alice.stream_error() == "unsupported-stanza-type"
    await alice.wait_closed()


# --- nobody there ---------------------------------------------------------------------------------

async def bounced(c, to, kind="message"):
    """What comes back, without what the sender gave himself."""
    type_ = " type='get'" if kind == "iq" else ""
    got = await answer(c, f"<{kind} id='b' to='{to}'{type_}>{PAYLOAD}</{kind}>", "b")
    c.inbox.clear()
    return xml.show(got).replace(to, "PEER")


@pytest.mark.parametrize("kind", ["message", "iq"])
@pytest.mark.parametrize("resource", ["", "/phone"])
async def test_offline_and_unknown_user_answer_alike(stack, alice, kind, resource):
    """Who sends does not learn whether there is an account."""
    stack.add_account("offline")
    offline = await bounced(alice, f"offline@localhost{resource}", kind)
    assert "service-unavailable" in offline and "code=\"503\"" in offline
    assert offline == await bounced(alice, f"nobody@localhost{resource}", kind)


async def test_bounce_comes_from_where_it_was_sent(alice):
    got = await answer(alice, f"<message id='m' to='nobody@localhost/x'>{PAYLOAD}</message>", "m")
    assert (got.get("from"), got.get("to")) == ("nobody@localhost/x", "alice@localhost/phone")


@pytest.mark.parametrize("kind", ["message", "iq"])
async def test_foreign_domain(alice, kind):
    type_ = " type='set'" if kind == "iq" else ""
    got = await answer(alice, f"<{kind} id='m' to='bob@example.org'{type_}>{PAYLOAD}</{kind}>", "m")
    assert error_of(got) == ("cancel", "404", "remote-server-not-found")


async def test_unknown_request_to_the_server(alice):
    got = await answer(alice, f"<iq type='get' id='q' to='localhost'>{PAYLOAD}</iq>", "q")
    assert error_of(got) == ("cancel", "503", "service-unavailable")


async def test_unknown_request_to_the_own_account(alice):
    got = await answer(alice, f"<iq type='set' id='q'>{PAYLOAD}</iq>", "q")
    assert error_of(got) == ("cancel", "503", "service-unavailable")


# --- what must not be answered --------------------------------------------------------------------

ERROR = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
NOWHERE = ["nobody@localhost", "nobody@localhost/x", "localhost", "bob@example.org", "a@b@c"]
UNANSWERED = {
    "message-error": (f"<message type='error' id='u' to='TO'>{ERROR}</message>", NOWHERE),
    "iq-error": (f"<iq type='error' id='u' to='TO'>{ERROR}</iq>", NOWHERE),
    "iq-result": ("<iq type='result' id='u' to='TO'/>", NOWHERE),
    "presence-error": (f"<presence type='error' id='u' to='TO'>{ERROR}</presence>", NOWHERE),
    "headline": (f"<message type='headline' id='u' to='TO'>{PAYLOAD}</message>", NOWHERE[:3]),
    "unavailable": ("<presence type='unavailable' id='u' to='TO'/>", NOWHERE[:4]),
}


@pytest.mark.parametrize("stanza, places", UNANSWERED.values(), ids=UNANSWERED)
async def test_not_answered(alice, stanza, places):
    """Wherever they lead: errors would go back and forth for ever (RFC 6120 8.3.1)."""
    for to in places:
        await alice.send(stanza.replace("TO", to))
    await alice.sync()
    assert not alice.inbox.find(id="u")
