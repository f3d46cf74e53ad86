# SPDX-License-Identifier: MIT
"""`person` for tests that count events: whoever wants any is known to want them when it returns.
Import it into the test's module, where it takes the place of the common one."""

import itertools

import pytest

from .pep import condition
from .wait import until


@pytest.fixture
def person(person):
    numbers = itertools.count(1)

    async def make(user, wants=(), **how):
        if not wants:
            return await person(user, **how)
        # Nobody else has these capabilities, so they are asked for; and what is sent after the
        # answer is read after it.
        one = await person(user, wants=(*wants, f"urn:example:one-of-a-kind:{next(numbers)}"), **how)
        await until(lambda: one.asked, f"{one.jid}: asked for its capabilities")
        assert condition(await one.items_answer("urn:example:no-node")) == "item-not-found"
        return one
    return make
