# SPDX-License-Identifier: MIT
"""Tests of the images and of the stack in containers; ./switchyard test compose runs them.  Those of
the files alone need no engine and run always."""

import itertools
import os
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import engine  # noqa: E402
from deployment import Deployment  # noqa: E402
from lib.client import Client  # noqa: E402
from lib.raw import RawClient  # noqa: E402
from lib.wire import Wire  # noqa: E402


def pytest_collection_modifyitems(items):
    reason = engine.missing() if any(i.get_closest_marker("engine") for i in items) else None
    for item in items:
        if reason and item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def images():
    engine.build_all()


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="swc", ignore_cleanup_errors=True) as path:
        yield path


@pytest.fixture
def make(images, folder):
    """make(*files, env...): a Deployment, not started; gone after the test."""
    stacks = []

    def new(*files, **how):
        path = os.path.join(folder, str(len(stacks)))
        os.mkdir(path)
        stacks.append(Deployment(path, files, **how))
        return stacks[-1]

    yield new
    for stack in stacks:
        stack.down()


@pytest.fixture(scope="module")
def stack(images):
    """One for all tests of a module, ready."""
    with tempfile.TemporaryDirectory(prefix="swc", ignore_cleanup_errors=True) as path:
        one = Deployment(path)
        try:
            one.up()
            yield one.fetch_ca()
        finally:
            one.down()


@pytest.fixture
async def client():
    """await client(stack, "alice"): a slixmpp Client, logged in; the account is made if need be."""
    clients = []

    async def make(stack, user, direct_tls=False, **how):
        jid = f"{user}@{stack.first_domain}"
        if jid not in stack.accounts:
            stack.add_account(jid)
        clients.append(Client(jid, stack.accounts[jid], stack.ca_file, **how))
        port = stack.port("C2S_TLS_PORT" if direct_tls else "C2S_PORT")
        return await clients[-1].login(("127.0.0.1", port), direct_tls)

    yield make
    for c in clients:
        await c.close()


@pytest.fixture
async def raw_client():
    """await raw_client(stack): a RawClient, connected to the published port; nothing sent."""
    clients, numbers = [], itertools.count(1)

    async def make(stack, port=None):
        wire = await Wire.open("127.0.0.1", port or stack.port("C2S_PORT"))
        clients.append(RawClient(wire, stack.first_domain, stack.ca_file, f"raw{next(numbers)}"))
        return clients[-1]

    yield make
    for c in clients:
        await c.drop()
