# SPDX-License-Identifier: MIT
"""Fixtures of the tests of logging in with XEP-0388, and with tokens (XEP-0484): pytest finds them
where they are imported."""

import pytest

from . import fast
from .faults import encrypted

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
        return await encrypted(raw_client, stack=stack, **how)
    return make


@pytest.fixture
def token(stack, fresh):
    """await token(): for Alice's phone and -NONE, unless it is said otherwise."""
    async def get(user="alice", **how):
        text = await fast.get_token(await fresh(), user, stack.accounts[f"{user}@localhost"], **how)
        assert text
        return text
    return get


@pytest.fixture
def shown(fresh):
    """await shown(token): <success/> or <failure/> on a connection of its own."""
    async def show(text, user="alice", **how):
        return await fast.show(await fresh(), user, text, **how)
    return show
