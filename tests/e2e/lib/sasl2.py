# SPDX-License-Identifier: MIT
"""The client's side of XEP-0388 with a password, and of what goes along with it."""

import base64

from . import xml
from .scram import ScramClient

SASL2, BIND2 = "urn:xmpp:sasl:2", "urn:xmpp:bind:0"


def encode(data):
    return base64.b64encode(data).decode()


async def outcome(raw):
    answer = await raw.wait(lambda e: e.tag.startswith(f"{{{SASL2}}}"))
    raw.inbox.clear()
    return answer


async def verdict(raw):
    """<success/> or <failure/>; what comes behind it stays in the inbox."""
    return await raw.wait(lambda e: e.tag in (f"{{{SASL2}}}success", f"{{{SASL2}}}failure"))


async def begin(raw, mechanism, first, inline=""):
    raw.inbox.clear()
    await raw.send(f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>"
                   f"<initial-response>{encode(first)}</initial-response>{inline}</authenticate>")


def additional_data(success):
    return base64.b64decode(success.findtext(f"{{{SASL2}}}additional-data"))


async def authenticate(raw, user, password, inline="", mechanism="SCRAM-SHA-256"):
    """<success/> or <failure/>; what comes behind it stays in the inbox."""
    if mechanism == "PLAIN":
        await begin(raw, mechanism, f"\0{user}\0{password}".encode(), inline)
        return await verdict(raw)
    binding = ("tls-exporter", raw.wire.exporter()) if mechanism.endswith("-PLUS") else None
    scram = ScramClient(mechanism, user, password, binding, "n")
    await begin(raw, mechanism, scram.first(), inline)
    answer = await outcome(raw)
    if answer.tag.endswith("}failure"):
        return answer
    challenge = base64.b64decode(answer.text)
    await raw.send(f"<response xmlns='{SASL2}'>{encode(scram.final(challenge))}</response>")
    answer = await verdict(raw)
    if answer.tag.endswith("}success"):
        scram.verify(additional_data(answer))
    return answer


def identity(success):
    return success.findtext(f"{{{SASL2}}}authorization-identifier")


def bind(inner="", tag="Tests"):
    return f"<bind xmlns='{BIND2}'>{f'<tag>{tag}</tag>' if tag else ''}{inner}</bind>"


def failed_with(answer):
    assert answer.tag == f"{{{SASL2}}}failure"
    return next(c.tag.rpartition("}")[2] for c in answer if c.tag.startswith(f"{{{xml.SASL}}}"))


async def features_behind(raw):
    return await raw.wait(f"{{{xml.STREAM}}}features")
