# SPDX-License-Identifier: MIT
"""Fixtures of the tests of the pubsub component: conftest.py makes them known."""

import pytest
import pytest_asyncio

from . import xml
from .pep import Pep


@pytest.fixture
def pep_stack(request, make_stack):
    """Router and pubsub for localhost; with_stack(...) says what is different."""
    how = dict(getattr(request, "param", {}))
    if disk := how.pop("disk", None):
        how["data_dir"] = request.getfixturevalue("small_disk")(disk)
    return make_stack(components=("pubsub",), **how)


def with_stack(**how):
    """A mark: make_stack's arguments, and disk="8m" for a small one."""
    return pytest.mark.parametrize("pep_stack", [how], indirect=True, ids=[""])


@pytest.fixture
def pep_mechanism():
    """That a `person` logs in with: modules have their own where the server lacks it."""
    return "SCRAM-SHA-256"


@pytest_asyncio.fixture
async def person(pep_stack, raw_client, pep_mechanism):
    """await person("alice", wants=(...)): an account, and a session of it that has come; kind=: a
    subclass of Pep."""
    people = []

    async def make(user, wants=(), resource="a", come=True, kind=Pep, **how):
        jid = f"{user}@localhost"
        if jid not in pep_stack.accounts:
            pep_stack.add_account(jid)
        raw = await raw_client(stack=pep_stack)
        await raw.login(user, pep_stack.accounts[jid], resource, pep_mechanism)
        await raw.iq("get", f"<query xmlns='{xml.ROSTER}'/>")
        one = kind(raw, wants, **how)
        people.append(one)
        if come:
            await one.come()
            await raw.sync()
        return one

    yield make
    for one in people:
        one.stop()
