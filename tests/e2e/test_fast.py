# SPDX-License-Identifier: MIT
"""Tokens that a client logs in with instead of its password (XEP-0484), in one round trip."""

import pytest

from lib import fast, sasl2, xml
from lib.fast import ENDP, EXPR, LAPTOP, NONE, PHONE, get_token, show, token_in
from lib.faults import encrypted
from lib.sasl2 import bind, failed_with, identity

SM, CARBONS, CSI = "urn:xmpp:sm:3", "urn:xmpp:carbons:2", "urn:xmpp:csi:0"
ALICE, BOB = "alice@localhost", "bob@localhost"


@pytest.fixture
def stack(make_stack):
    stack = make_stack(components=())
    stack.add_account("alice")
    stack.add_account("bob")
    return stack


@pytest.fixture
def fresh(stack, raw_client):
    """await fresh(): connected, with TLS and the features of before a login."""
    async def make(**how):
        return await encrypted(raw_client, **how)
    return make


@pytest.fixture
def token(stack, fresh):
    """await token(): one of Alice's phone, unless it is said otherwise."""
    async def get(user="alice", **how):
        return await get_token(await fresh(), user, stack.accounts[f"{user}@localhost"], **how)
    return get


async def test_offered(fresh):
    raw = await fresh()
    assert fast.offered(raw) == [EXPR, ENDP, NONE]
    element = raw.features.find(f".//{{{fast.FAST}}}fast")
    assert element.get("tls-0rtt") in (None, "false", "0")
    assert not {EXPR, ENDP, NONE} & set(raw.mechanisms)


@pytest.mark.parametrize("mechanism", [NONE, EXPR, ENDP])
@pytest.mark.parametrize("login", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
async def test_one_round_trip(stack, fresh, mechanism, login):
    raw = await fresh()
    text = await get_token(raw, "alice", stack.accounts[ALICE], mechanism, login=login)
    for _ in range(2):
        raw = await fresh()
        success = await show(raw, "alice", text, mechanism, inline=bind(
            f"<enable xmlns='{CARBONS}'/><inactive xmlns='{CSI}'/>"
            f"<enable xmlns='{SM}' resume='true'/>"))
        assert identity(success).startswith(f"{ALICE}/Tests/")
        assert success.find(f".//{{{SM}}}enabled") is not None
        assert fast.given(success) is None
        await sasl2.features_behind(raw)
        await raw.sync()
