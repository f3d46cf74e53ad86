# SPDX-License-Identifier: MIT
"""Components over TLS and Unix sockets: what is shown, what is verified, and what never leaves
otherwise."""

import os
import re

import pytest

from OpenSSL import SSL

from lib import xml
from lib.certs import Authority
from lib.component import handshake
from lib.faults import let_pass, login
from lib.impostor import Impostor
from lib.wait import until

from test_component_faults import GATE, SECRET, public_address, section
from test_start_faults import refused, unstarted  # noqa: F401

ECHO = "echo.localhost"
TLS = {"ROUTER_TLS": "true", "ROUTER_PORT": None}  # the port follows


async def echoes(stack, raw_client, ident="a"):
    alice = await login(stack, raw_client, "alice")
    await alice.send(f"<iq type='get' id='{ident}' to='{ECHO}'><ping xmlns='{xml.PING}'/></iq>")
    assert (await alice.wait(lambda e: e.get("id") == ident)).get("type") == "result"


async def connect(raw_client, stack, name="localhost", domain=GATE, **how):
    """A component's raw connection with TLS; the router's header has come."""
    c = await raw_client(port=stack.port("COMPONENT_TLS_PORT"), domain=domain,
                         namespace=xml.COMPONENT, **how)
    await c.direct_tls(alpn=None, name=name)
    await c.send_header()
    await until(lambda: c.header is not None or c.closed, "the router's header")
    return c


def serial(c):
    return c.wire.tls.get_peer_certificate().get_serial_number()


# --- echo -----------------------------------------------------------------------------------------

async def test_echo_over_tls(make_stack, raw_client):
    stack = make_stack(env=TLS)
    assert re.search("TLSv1.3, with a certificate for localhost", stack.components["echo"].log)
    assert re.search("connected to 127.0.0.1 port 5348", stack.components["echo"].log)
    assert re.search(r"mod=link peer=127.0.0.1 msg=.?TLSv1.3", stack.router.log)
    await echoes(stack, raw_client)


async def test_names_and_authority_that_were_set(make_stack, raw_client, authority, folder):
    """A CA of the links' own, and the name of a host that nobody is served at."""
    links = Authority(folder, "links' own CA")
    certs = os.path.join(folder, "links")
    links.issue(os.path.join(certs, "router"), "localhost", "router.internal")
    stack = make_stack(env=TLS | {"COMPONENT_CERTS_DIR": certs, "ROUTER_CA_FILE": links.file,
                                  "ROUTER_CERT_NAME": "router.internal"})
    await echoes(stack, raw_client)


async def test_domains_of_its_own_beside_the_servers(make_stack, raw_client):
    """ROUTER_DOMAINS beats DOMAIN, which the programs share."""
    stack = make_stack(domain="localhost,example.org", env={"ROUTER_DOMAINS": "localhost"})
    await echoes(stack, raw_client)


async def test_unix_socket(make_stack, raw_client, folder):
    path = os.path.join(folder, "c.sock")
    stack = make_stack(env={"COMPONENT_SOCKET": path, "ROUTER_HOST": path, "COMPONENT_PORT": "0",
                            "COMPONENT_TLS_PORT": "0"})
    assert os.stat(path).st_mode & 0o777 == 0o660
    await echoes(stack, raw_client)
    echo = stack.components["echo"]
    stack.router.term()
    assert not os.path.exists(path)
    await echo.wait_log(f"no link to {path}: ")
    assert f"connected to {path}, acknowledged" in echo.log and " port " not in echo.log
    echo.term()


async def test_cut_and_back(make_stack, raw_client, cut_proxy, clock):
    stack = make_stack(env=TLS, components=())
    proxy = cut_proxy(5348)
    stack.env["ROUTER_PORT"] = proxy.port
    stack.components["echo"] = echo = stack._process("echo")
    echo.start()
    stack.ready()
    await echoes(stack, raw_client)
    mark = echo.mark()
    proxy.cut()
    await echo.wait_log("no link to", mark)
    clock.advance(2)
    await echo.wait_log("connected to", mark)
    await echoes(stack, raw_client, "b")


async def test_slow_and_in_pieces(make_stack, raw_client, cut_proxy):
    stack = make_stack(env=TLS, components=())
    proxy = cut_proxy(5348)
    proxy.slice(7)
    stack.env["ROUTER_PORT"] = proxy.port
    stack.components["echo"] = stack._process("echo")
    stack.components["echo"].start()
    stack.ready()
    await echoes(stack, raw_client)


# --- what is refused ------------------------------------------------------------------------------

@pytest.fixture
def echo(make_stack):
    """echo(port, **env): our component, started, with TLS, and not waited for."""
    def make(port, **env):
        stack = make_stack(start=False, env=TLS | {"ROUTER_PORT": port} | env)
        stack.components["echo"].start()
        return stack, stack.components["echo"]
    return make


CERTIFICATES = {
    "another-name": (dict(names=("other.test", "*.other.test")),
                     "expected one for localhost, this is for other.test"),
    "expired": (dict(names=("localhost",), days=-1), "expected one for localhost, this expired on"),
    "of-tomorrow": (dict(names=("localhost",), age=-1), "this is not valid before"),
}


async def wants_nothing(stack, echo, impostor, words, clock):
    """It has said why, is not ready, comes again, and the impostor has learnt nothing."""
    await echo.wait_log(f"no link to 127.0.0.1 port {impostor.port}: .*{words}.*next try in")
    await until(lambda: re.search(words, stack.why_not("echo")), lambda: stack.why_not("echo"))
    tries = impostor.connections
    await let_pass(clock, 5)
    await until(lambda: impostor.connections > tries, "another try")
    assert not impostor.received
    assert stack.component_secret("echo") not in echo.log


@pytest.mark.parametrize("how, words", CERTIFICATES.values(), ids=CERTIFICATES)
async def test_certificate_is_refused(echo, authority, folder, clock, how, words):
    names = how["names"]
    pair = authority.issue(os.path.join(folder, "wrong"), *names,
                           **{k: v for k, v in how.items() if k != "names"})
    async with Impostor(pair) as impostor:
        await wants_nothing(*echo(impostor.port), impostor, words, clock)


async def test_unknown_authority_is_refused(echo, folder, clock):
    pair = Authority(folder, "Somebody's CA").issue(os.path.join(folder, "x"), "localhost")
    async with Impostor(pair) as impostor:
        await wants_nothing(*echo(impostor.port), impostor,
                            r"this cannot be trusted: .*\(issued by Somebody's CA\)", clock)


async def test_the_systems_authorities_do_not_count_beside_ones_own(echo, authority, folder, clock):
    other = Authority(folder, "Another CA")
    pair = authority.issue(os.path.join(folder, "x"), "localhost")
    async with Impostor(pair) as impostor:
        await wants_nothing(*echo(impostor.port, ROUTER_CA_FILE=other.file), impostor,
                            "this cannot be trusted", clock)


async def test_server_without_tls(echo, clock):
    """No handshake in the clear instead."""
    async with Impostor(answer=b"<?xml version='1.0'?><stream:stream id='x'>") as impostor:
        stack, program = echo(impostor.port)
        await program.wait_log("does not speak TLS: check ROUTER_PORT.*next try in")
        assert b"stream" not in impostor.received
        assert not stack.is_ready("echo")


async def test_server_that_says_nothing(echo, clock):
    async with Impostor() as impostor:
        _, program = echo(impostor.port)
        await until(lambda: impostor.received, "the beginning of a TLS handshake")
        clock.advance(21)
        await program.wait_log("no link to .*next try in")
        assert b"stream" not in impostor.received


def test_authority_file_that_is_not_there(echo):
    _, program = echo(5348, ROUTER_CA_FILE="/nowhere/ca.pem")
    assert program.wait_exit() == 1
    assert "router_ca_file: /nowhere/ca.pem: " in program.log


def test_unix_socket_has_no_tls(make_stack, folder):
    path = os.path.join(folder, "c.sock")
    stack = make_stack(start=False, components=("echo",), env=TLS | {"ROUTER_HOST": path})
    program = stack.components["echo"]
    program.start()
    assert program.wait_exit() == 1
    assert f"router_tls: {path}, as router_host has it, is a Unix socket" in program.log
    assert "no link to" not in program.log


async def test_certificate_is_replaced_by_the_right_one(make_stack, raw_client, authority, clock):
    """The component comes as soon as the router shows what it waits for."""
    stack = make_stack(start=False, env=TLS | {"ROUTER_CERT_NAME": "other.test"})
    stack.router.start()
    echo = stack.components["echo"]
    echo.start()
    await echo.wait_log("expected one for other.test, this is for localhost")
    assert "wrong handshake" not in stack.router.log
    authority.issue(os.path.join(stack.certs_dir, "localhost"), "localhost", "other.test", age=0)
    mark = stack.router.mark()
    clock.advance(31)
    await stack.router.wait_log("certificate for localhost is valid until", mark)
    clock.advance(31)
    await echo.wait_log("connected to")
    stack.ready()
    await echoes(stack, raw_client)


# --- the router's side ----------------------------------------------------------------------------

@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=section())


async def test_component_of_bytes(stack, raw_client, bystander):
    c = await connect(raw_client, stack)
    await handshake(c, SECRET)
    await c.wait("handshake")
    await c.send(f"<message from='x@{GATE}' to='bystander@localhost'><x xmlns='urn:x'/></message>")
    await bystander.wait("message", from_=f"x@{GATE}")


async def test_wrong_secret(stack, raw_client, bystander):
    c = await connect(raw_client, stack)
    await handshake(c, "another secret")
    assert await c.stream_error() == "not-authorized"
    await c.wait_closed()


async def test_clear_text_on_the_tls_port(stack, raw_client, bystander):
    c = await raw_client(port=stack.port("COMPONENT_TLS_PORT"), domain=GATE,
                         namespace=xml.COMPONENT)
    await c.send_header()
    await c.wait_closed()
    assert b"stream" not in c.received
    await stack.router.wait_log("component connection ended: TLS: ")


async def test_tls_on_the_clear_port(stack, raw_client, bystander):
    c = await raw_client(port=stack.port("COMPONENT_PORT"), domain=GATE, namespace=xml.COMPONENT)
    with pytest.raises((SSL.Error, ConnectionError)):
        await c.direct_tls(alpn=None, name="localhost")


async def test_silence_on_the_tls_port(stack, raw_client, bystander, clock):
    c = await raw_client(port=stack.port("COMPONENT_TLS_PORT"))
    await bystander.sync()
    await let_pass(clock, 11)
    await c.wait_closed()


async def test_public_address_may_come_with_tls(make_stack, raw_client, namespace):
    with public_address("203.0.113.7"):
        stack = make_stack(components=(), conf_d=section(), env={"COMPONENT_LISTEN": "0.0.0.0"})
        c = await connect(raw_client, stack, host="203.0.113.7")
        await handshake(c, SECRET)
        await c.wait("handshake")
        clear = await raw_client(host="203.0.113.7", port=stack.port("COMPONENT_PORT"))
        await clear.wait_closed()


async def test_port_that_is_off(make_stack, raw_client):
    make_stack(components=(), env={"COMPONENT_TLS_PORT": "0"})
    with pytest.raises(ConnectionRefusedError):
        await raw_client(port=5348)


# --- its certificates -----------------------------------------------------------------------------

async def test_certificate_by_name(make_stack, raw_client, authority):
    """A component's domain has one of its own or the parent's, a stranger's name the first's."""
    stack = make_stack(start=False, components=(), conf_d=section())
    authority.issue(os.path.join(stack.certs_dir, "gate"), GATE)
    stack.start()
    own = await connect(raw_client, stack, name=GATE)
    parents = await connect(raw_client, stack, name="localhost")
    echos = await connect(raw_client, stack, name=ECHO)
    assert serial(own) != serial(parents) == serial(echos)
    with pytest.raises(AssertionError, match="certificate is not for"):
        await connect(raw_client, stack, name="nobody.test")
    assert "no certificate covers" not in stack.router.log


async def test_renewed_certificate(stack, raw_client, authority, clock):
    old = await connect(raw_client, stack)
    await handshake(old, SECRET)
    await old.wait("handshake")
    authority.issue(os.path.join(stack.certs_dir, "localhost"), *stack.served_names(), age=0)
    mark = stack.router.mark()
    clock.advance(10)
    await stack.router.wait_log("certificate for localhost is valid until", mark)
    new = await connect(raw_client, stack)
    assert serial(new) != serial(old)
    assert not old.closed


async def test_folder_of_its_own(make_stack, raw_client, authority, folder):
    certs = os.path.join(folder, "links")
    authority.issue(os.path.join(certs, "x"), "localhost")
    stack = make_stack(components=(), conf_d=section(), env={"COMPONENT_CERTS_DIR": certs})
    link = await connect(raw_client, stack)
    c2s = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await c2s.direct_tls()
    assert serial(link) != serial(c2s)
    days = stack.metrics()
    assert days['switchyard_certificate_days{port="client",domain="localhost"}'] in (29, 30)
    assert days['switchyard_certificate_days{port="component",domain="localhost"}'] in (29, 30)


def test_folder_of_its_own_is_empty(unstarted, folder):  # noqa: F811
    certs = os.path.join(folder, "links")
    os.mkdir(certs)
    stack = unstarted(env={"COMPONENT_CERTS_DIR": certs})
    refused(stack, "localhost", certs, "no certificate")


def test_folder_of_its_own_does_not_count_without_the_port(make_stack, folder):
    make_stack(components=(), env={"COMPONENT_CERTS_DIR": "/nowhere", "COMPONENT_TLS_PORT": "0"})


async def test_expired_one_is_said_and_clients_are_served(make_stack, raw_client, authority, folder,
                                                          clock):
    certs = os.path.join(folder, "links")
    authority.issue(os.path.join(certs, "x"), "localhost", days=1)
    stack = make_stack(components=(), env={"COMPONENT_CERTS_DIR": certs})
    await let_pass(clock, 2 * 86400)
    await until(lambda: "component certificate: expired" in stack.why_not(), stack.why_not)
    assert stack.is_ready()
