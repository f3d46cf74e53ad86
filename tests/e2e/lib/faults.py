# SPDX-License-Identifier: MIT
"""What tests of bad input have in common."""

import asyncio
import base64

import pytest

from . import xml
from .raw import SaslFailure


async def let_pass(clock, seconds):
    """Advances the clock and waits until the programs know, so that what begins after this begins
    at the new time, and what was due has begun.  (They look every 20 ms.)"""
    clock.advance(seconds)
    await clock.noticed()
    await asyncio.sleep(0.1)


async def login(stack, raw_client, user, resource=None, **how):
    """A bound RawClient; the account is made if the stack has none of that name."""
    jid = f"{user}@{stack.first_domain}"
    if jid not in stack.accounts:
        stack.add_account(jid)
    c = await raw_client(stack=stack, **how)
    return await c.login(user, stack.accounts[jid], resource)


async def encrypted(raw_client, **how):
    """A RawClient behind STARTTLS with its stream open: it may log in now."""
    c = await raw_client(**how)
    await c.open_stream()
    await c.start_tls()
    await c.open_stream()
    return c


def unavailable_from(jid):
    """For inbox.wait: the contact is gone."""
    return lambda e: (e.tag.endswith("}presence") and e.get("type") == "unavailable"
                      and e.get("from") == jid)


async def closed_with(c, condition):
    """The server ends the stream with this error."""
    assert await c.stream_error() == condition
    await c.wait_closed()


# --- SASL -----------------------------------------------------------------------------------------

def sasl(name, text="", mechanism="SCRAM-SHA-256"):
    attribute = f" mechanism='{mechanism}'" if name == "auth" else ""
    return f"<{name} xmlns='{xml.SASL}'{attribute}>{text}</{name}>"


def b64(data):
    return base64.b64encode(data).decode()


async def failure(c):
    """The condition of the <failure/> that comes."""
    with pytest.raises(SaslFailure) as refused:
        await c.sasl_answer()
    return str(refused.value)
