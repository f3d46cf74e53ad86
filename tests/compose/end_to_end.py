# SPDX-License-Identifier: MIT
"""A pytest plugin: tests of tests/e2e against the stack in containers, through its published ports.

    pytest --noconftest -p end_to_end tests/e2e/test_delivery.py

In the place of that folder's conftest.py.  All tests share one stack, out of the box, whose accounts
are taken away between them; a test that wants a stack of its own (settings, faults, its clock, other
programs) is skipped."""

import importlib.util
import os
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(os.path.dirname(HERE), "e2e")
sys.path[:0] = [HERE, E2E]

import engine  # noqa: E402
from deployment import Deployment  # noqa: E402
from lib.pep_fixtures import pep_mechanism, pep_stack, person  # noqa: E402,F401: fixtures
from lib.archive_fixtures import archive_stack, talker  # noqa: E402,F401: fixtures
from lib.managed import managed  # noqa: E402,F401: a fixture

_spec = importlib.util.spec_from_file_location("e2e_conftest", os.path.join(E2E, "conftest.py"))
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)
client, raw_client, bystander = _e2e.client, _e2e.raw_client, _e2e.bystander
cut_proxy, STACKS = _e2e.cut_proxy, _e2e.STACKS

HAS = {"muc", "pubsub", "archive"}
# Where an archive changes what is seen, which these compare to the letter.
OTHERWISE = {"test_both_sides_see_both_directions", "test_the_copy_is_the_message",
             "test_nobody_took_it", "test_negative_priority_gets_nothing_for_the_bare_jid",
             "test_session_without_presence_gets_what_is_for_its_full_jid",
             "test_other_types_for_a_resource_that_is_gone_are_refused",
             "test_chat_for_somebody_offline_is_refused"}


class Shared(Deployment):
    def forget_rooms(self):
        """They outlive the accounts of whoever made them."""
        self.compose("stop", "muc")
        engine.docker("run", "--rm", "--network=none", "-v", f"{self.name}_muc-data:/volume",
                      engine.BASE, "find", "/volume", "-mindepth", "1", "-delete")
        self.compose("start", "muc")
        self.wait(lambda: any(c["title"] == "muc" and c["state"] == "online"
                              for c in self.ctl("component", "list")), "muc")

    def __getattr__(self, name):
        pytest.skip(f"wants a stack of its own, for its {name}")


def pytest_collection_modifyitems(items):
    reason = engine.missing()
    for item in items:
        why = reason or item.originalname in OTHERWISE and "an archive is there"
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_generate_tests(metafunc):
    if "rooms_server" in metafunc.fixturenames:
        metafunc.parametrize("rooms_server", ["switchyard"])


@pytest.fixture(scope="session")
def deployment():
    engine.build_all()
    with tempfile.TemporaryDirectory(prefix="swc", ignore_cleanup_errors=True) as path:
        one = Shared(path, DOMAIN="localhost", LIMIT_CONNECTIONS_PER_ADDRESS="0")
        one.first_domain = "localhost"
        try:
            one.up()
            yield one.fetch_ca()
        finally:
            one.down()


@pytest.fixture
def make_stack(request, deployment):
    stacks = request.node.stash.setdefault(STACKS, [])

    def make(components=(), **how):
        other = {k: v for k, v in how.items() if v}
        if other or not set(components) <= HAS or stacks:
            pytest.skip("wants a stack of its own")
        stacks.append(deployment)
        return deployment

    yield make
    stacks.clear()
    for jid in deployment.accounts:
        deployment.exec("router", "switchyardctl", "account", "delete", jid, check=False)
    deployment.accounts.clear()


@pytest.fixture
def stack(make_stack):
    return make_stack()


@pytest.fixture
def make_rooms(make_stack, rooms_server):
    def make(env=None, data_dir=None):
        stack = make_stack(components=("muc",), env=env, data_dir=data_dir)
        stack.forget_rooms()
        return stack
    return make


def not_here(name):
    @pytest.fixture(name=name)
    def fixture():
        pytest.skip("wants a stack of its own")
    return fixture


namespace = pytest.fixture(lambda: None, name="namespace")
authority, folder, clock, small_disk, profanity = map(
    not_here, ("authority", "folder", "clock", "small_disk", "profanity"))
