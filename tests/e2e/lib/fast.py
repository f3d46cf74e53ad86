# SPDX-License-Identifier: MIT
"""The client's side of XEP-0484: tokens, and SASL's HT mechanisms
(draft-schmaus-kitten-sasl-ht-09), written apart from the server's so that one checks the other."""

import hashlib
import hmac
from xml.sax.saxutils import quoteattr

from . import sasl2

FAST = "urn:xmpp:fast:0"
NONE, EXPR, ENDP = (f"HT-SHA-256-{cb}" for cb in ("NONE", "EXPR", "ENDP"))
PHONE, LAPTOP = "d4565fa7-4d72-4749-b3d3-740edbf87770", "6b1e0d0a-8f44-4c53-9b35-51a0e34e1b7f"


def agent(ident=PHONE):
    return f"<user-agent id={quoteattr(ident)}><software>Tests</software></user-agent>" if ident \
        else ""


def request(mechanism=NONE):
    return f"<request-token xmlns='{FAST}' mechanism='{mechanism}'/>"


def offered(raw):
    """The mechanisms in <inline/>; None: no <fast/>."""
    fast = raw.features.find(f"{{{sasl2.SASL2}}}authentication/{{{sasl2.SASL2}}}inline"
                             f"/{{{FAST}}}fast")
    return None if fast is None else [m.text for m in fast.findall(f"{{{FAST}}}mechanism")]


def given(success):
    """<token/> in <success/>; None: there is none."""
    assert success.tag.endswith("}success"), sasl2.failed_with(success)
    return success.find(f"{{{FAST}}}token")


def token_in(success):
    element = given(success)
    return None if element is None else element.get("token")


async def get_token(raw, user, password, mechanism=NONE, ident=PHONE, inline="",
                    login="SCRAM-SHA-256"):
    """Logs in with a password and asks for a token."""
    success = await sasl2.authenticate(raw, user, password,
                                       agent(ident) + request(mechanism) + inline, login)
    return token_in(success)


def binding(raw, mechanism):
    return {NONE: lambda: b"", EXPR: raw.wire.exporter, ENDP: raw.wire.end_point}[mechanism]()


def hashed(token, word, data):
    return hmac.new(token.encode(), word + data, hashlib.sha256).digest()


async def show(raw, user, token, mechanism=NONE, ident=PHONE, inline="", attributes="",
               fast=True):
    """One round trip: <success/>, whose proof is checked, or <failure/>."""
    data = binding(raw, mechanism)
    first = user.encode() + b"\0" + hashed(token, b"Initiator", data)
    element = f"<fast xmlns='{FAST}' {attributes}/>" if fast else ""
    await sasl2.begin(raw, mechanism, first, agent(ident) + element + inline)
    answer = await sasl2.verdict(raw)
    if answer.tag.endswith("}success"):
        assert sasl2.additional_data(answer) == hashed(token, b"Responder", data)
    return answer
