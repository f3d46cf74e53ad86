# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests; README.md shows how they are used."""

import itertools
import os
import tempfile

import pytest

from lib import ns
from lib.archive_fixtures import archive_stack, talker  # noqa: F401: fixtures
from lib.certs import Authority
from lib.client import Client
from lib.clock import Clock
from lib.managed import managed  # noqa: F401: a fixture
from lib.peers import missing
from lib.pep_fixtures import pep_mechanism, pep_stack, person  # noqa: F401: fixtures
from lib.profanity_fixtures import profanity  # noqa: F401: a fixture
from lib.proxy import CutProxy
from lib.raw import RawClient
from lib.rooms_peer import RoomsPeer
from lib.stack import BUILD, Stack
from lib.wire import Wire

NAMESPACE = ns.Namespace()
STACKS = pytest.StashKey()


# --- the worker -----------------------------------------------------------------------------------

def runs_tests(config):
    """Not xdist's controller, which only hands them out."""
    return hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None)


def pytest_configure(config):
    if runs_tests(config):
        NAMESPACE.enter()


def pytest_unconfigure(config):
    if runs_tests(config):
        NAMESPACE.leave()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the last words of the programs that the test ran."""
    report = (yield).get_result()
    if report.failed:
        for stack in item.stash.get(STACKS, []):
            for process in stack.processes:
                report.sections.append((f"log of {process.name}", process.tail(60)))


@pytest.fixture(scope="session")
def namespace():
    if NAMESPACE.reason:
        pytest.skip(NAMESPACE.reason)
    return NAMESPACE


@pytest.fixture(scope="session")
def authority(namespace):
    """The test CA, the only one that this worker's programs and clients trust."""
    ca = Authority(namespace.folder)
    namespace.trust(ca.file)
    return ca


# --- stacks ---------------------------------------------------------------------------------------

@pytest.fixture
def folder(namespace):
    """A short path: Unix sockets must fit."""
    with tempfile.TemporaryDirectory(prefix="t", dir=namespace.folder,
                                     ignore_cleanup_errors=True) as path:
        yield path


@pytest.fixture
def clock(folder):
    """The clock of the programs of this test's stacks: clock.advance(seconds)."""
    return Clock(os.path.join(folder, "clock"))


@pytest.fixture
def make_stack(request, namespace, authority, folder, clock):
    """make_stack(domain=, env=, conf_d=, components=, data_dir=, certs=, start=True): a Stack."""
    stacks = request.node.stash.setdefault(STACKS, [])

    def make(start=True, **how):
        assert os.path.isdir(BUILD), f"{BUILD} is missing: ./switchyard test e2e builds it"
        path = os.path.join(folder, str(len(stacks)))
        os.mkdir(path)
        stack = Stack(path, authority, clock, **how)
        stacks.append(stack)
        namespace.name(*(n for n in stack.served_names() if not n.startswith("*")))
        return stack.start() if start else stack

    yield make
    faults = []
    for stack in reversed(stacks):
        try:
            stack.settle()
        except AssertionError as e:
            faults.append(str(e))
    assert not faults, "\n".join(faults)


@pytest.fixture
def stack(make_stack):
    """Router and built-in components for localhost, ready."""
    return make_stack()


# --- rooms, behind our router and behind another server -------------------------------------------

def pytest_generate_tests(metafunc):
    if "rooms_server" in metafunc.fixturenames:
        ours = metafunc.definition.get_closest_marker("ours")
        others = getattr(metafunc.module, "OTHER_SERVERS", ["prosody"])
        metafunc.parametrize("rooms_server", ["switchyard"] if ours else ["switchyard", *others],
                             indirect=True)


@pytest.fixture
def rooms_server(request):
    if request.param != "switchyard" and (reason := missing(request.param)):
        pytest.skip(reason)
    return request.param


@pytest.fixture
def make_rooms(request, rooms_server, make_stack, authority, folder, clock):
    """make_rooms(env=, data_dir=): muc behind this test's server, ready.  @pytest.mark.ours(reason)
    keeps a test to our router."""
    def make(env=None, data_dir=None):
        if rooms_server == "switchyard":
            return make_stack(components=("muc",), env=env, data_dir=data_dir)
        path = os.path.join(folder, rooms_server)
        os.mkdir(path)
        peer = RoomsPeer(rooms_server, path, authority, clock, env, data_dir)
        request.node.stash[STACKS].append(peer)  # `client` finds it there, make_stack ends it
        return peer.start()

    return make


@pytest.fixture
def small_disk(folder):
    """small_disk("2m"): a folder on a file system of that size, for data_dir."""
    mounted = []

    def make(size):
        path = os.path.join(folder, f"disk{len(mounted)}")
        os.mkdir(path)
        ns.mount_tmpfs(path, size)
        mounted.append(path)
        return path

    yield make
    for path in mounted:
        ns.unmount(path)


@pytest.fixture
def cut_proxy(namespace):
    """cut_proxy(port): a CutProxy in front of it."""
    proxies = []

    def make(port, host="127.0.0.1"):
        proxies.append(CutProxy(port, host))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()


# --- clients --------------------------------------------------------------------------------------

@pytest.fixture
async def client(request, make_stack):
    """await client("alice"): a slixmpp Client, logged in at the test's last stack.  The account is
    made if the stack has none of that name.  password=, resource=, port=, direct_tls=, presence=,
    plugins=, mechanism=, stack=."""
    clients = []

    async def make(user, password=None, resource=None, stack=None, port=None, direct_tls=False,
                   presence=True, **how):
        stack = stack or request.node.stash[STACKS][-1]
        jid = user if "@" in user else f"{user}@{stack.first_domain}"
        if password is None:
            if jid not in stack.accounts:
                stack.add_account(jid)
            password = stack.accounts[jid]
        c = Client(f"{jid}/{resource}" if resource else jid, password, stack.ca_file, **how)
        clients.append(c)
        port = port or stack.port("C2S_TLS_PORT" if direct_tls else "C2S_PORT")
        return await c.login(("127.0.0.1", port), direct_tls, presence)

    yield make
    for c in clients:
        await c.close()


@pytest.fixture
async def raw_client(request, make_stack):
    """await raw_client(): a RawClient connected to 5222 of the test's last stack, nothing sent.
    port=, host=, domain=, namespace=, stack=."""
    clients, numbers = [], itertools.count(1)

    async def make(stack=None, port=None, host="127.0.0.1", domain=None, **how):
        stack = stack or request.node.stash[STACKS][-1]
        wire = await Wire.open(host, port or stack.port("C2S_PORT"))
        clients.append(RawClient(wire, domain or stack.first_domain, stack.ca_file,
                                 f"raw{next(numbers)}", **how))
        return clients[-1]

    yield make
    for c in clients:
        await c.drop()


@pytest.fixture
async def bystander(stack, raw_client):
    """A RawClient that was there before and is still served after whatever the test does."""
    jid = stack.add_account("bystander")
    c = await (await raw_client()).login("bystander", stack.accounts[jid], presence=True)
    yield c
    await c.sync()
