# SPDX-License-Identifier: MIT
"""What stops the start, what a broken reload does, and certificates that come and go."""

import contextlib
import os
import re
import signal
import socket

import pytest

from lib import ns
from lib.faults import login
from lib.wait import until, until_sync

PLAINTEXT = "<message to='%s' id='%s' type='chat'><body>hello</body></message>"


@pytest.fixture
def unstarted(make_stack):
    """unstarted(**as make_stack): the router alone, not started."""
    def make(**how):
        return make_stack(start=False, components=(), **how)
    return make


def refused(stack, *words):
    """The start ends with status 1 and a line that has all of the words; returns that line."""
    stack.router.start()
    assert stack.router.wait_exit() == 1
    log = stack.router.log
    assert "ready: " not in log
    for line in log.splitlines():
        if all(w in line for w in words):
            return line
    raise AssertionError(f"no line with {words}\n{log}")


# --- ports and folders ----------------------------------------------------------------------------

@pytest.mark.parametrize("port", [5222, 5223, 5347, 5348])
def test_port_in_use(unstarted, port):
    stack = unstarted()
    with socket.create_server(("127.0.0.1", port)):
        refused(stack, "127.0.0.1", str(port), "already in use")


def test_port_in_use_on_the_second_address(unstarted):
    stack = unstarted()
    with socket.create_server(("::1", 5222), family=socket.AF_INET6):
        refused(stack, "::1", "5222", "already in use")


def test_second_router_on_the_same_sockets(make_stack, unstarted):
    """The first one goes on."""
    first = make_stack(components=())
    second = unstarted(env={"C2S_PORT": "0", "C2S_TLS_PORT": "0", "COMPONENT_PORT": "0",
                            "COMPONENT_TLS_PORT": "0",
                            "CTL_SOCKET": os.path.join(first.folder, "ctl.sock")})
    refused(second, "ctl.sock", "already in use")
    first.add_account("alice")


def test_second_router_on_the_same_health_socket(make_stack, unstarted):
    first = make_stack(components=())
    second = unstarted(env={"C2S_PORT": "0", "C2S_TLS_PORT": "0", "COMPONENT_PORT": "0",
                            "COMPONENT_TLS_PORT": "0",
                            "HEALTH_LISTEN": first.health_socket()})
    refused(second, "health", "already in use")
    assert first.is_ready()


def test_address_that_the_machine_lacks(unstarted):
    refused(unstarted(env={"LISTEN": "192.0.2.1"}), "192.0.2.1", "5222")


@contextlib.contextmanager
def read_only(path):
    """What even root may not write to."""
    os.makedirs(path, exist_ok=True)
    ns.mount_tmpfs(path, "1m", ns.MS_RDONLY)
    yield path
    ns.unmount(path)


def test_data_folder_on_a_read_only_disk(unstarted, folder):
    with read_only(os.path.join(folder, "ro")) as path:
        refused(unstarted(data_dir=path), path, "Read-only file system")


def test_data_folder_of_another_user(unstarted):
    """As in a container whose volume belongs to root."""
    stack = unstarted()
    as_nobody(stack)
    os.chmod(stack.data_dir, 0o755)
    refused(stack, stack.data_dir, "uid 65534", f"chown -R 65534:65534 {stack.data_dir}")


def as_nobody(stack):
    """Everything of the stack can be seen and written by whom the router now runs as."""
    for path in (os.path.dirname(os.path.dirname(stack.folder)), os.path.dirname(stack.folder)):
        os.chmod(path, 0o755)
    for where, _, names in os.walk(stack.folder):
        for name in names:
            os.chmod(os.path.join(where, name), 0o666)
        os.chmod(where, 0o777)
    stack.router.argv[:0] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def test_data_folder_that_is_missing(unstarted, folder):
    path = os.path.join(folder, "nowhere")
    refused(unstarted(data_dir=path), path, "No such file or directory")


def test_database_that_is_none(unstarted):
    stack = unstarted()
    with open(os.path.join(stack.data_dir, "router.sqlite"), "wb") as f:
        f.write(b"this is no database, but it is long enough to be looked at closely " * 100)
    refused(stack, "router.sqlite", "not a database")


def test_database_that_is_a_folder(unstarted):
    stack = unstarted()
    os.mkdir(os.path.join(stack.data_dir, "router.sqlite"))
    refused(stack, "router.sqlite", "not a regular file")


# --- certificates at the start --------------------------------------------------------------------

def pair(stack, name="localhost"):
    folder = os.path.join(stack.certs_dir, name)
    return os.path.join(folder, "fullchain.pem"), os.path.join(folder, "privkey.pem")


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


def test_no_certificate(unstarted):
    stack = unstarted(certs=False)
    refused(stack, "localhost", stack.certs_dir, "no certificate")


def test_certificate_in_the_second_of_two_folders(unstarted, folder):
    first = os.path.join(folder, "first")
    os.mkdir(first)
    stack = unstarted()
    stack.router.env["CERTS_DIR"] = f"{first},{stack.certs_dir}"
    stack.router.start()
    until_sync(lambda: "ready: " in stack.router.log, stack.router.tail)


def test_private_key_of_another_user(unstarted):
    """As certbot leaves it: whoever is to mend it reads which file, and as whom this runs."""
    stack = unstarted()
    key = pair(stack)[1]
    as_nobody(stack)
    os.chmod(key, 0o600)
    refused(stack, key, "Permission denied", "owner uid 0", "uid 65534", "chown 65534:65534 " + key)


def test_no_certificate_folder(unstarted):
    stack = unstarted(certs=False, env={"CERTS_DIR": "/nowhere/certs"})
    refused(stack, "localhost", "/nowhere/certs")


def test_no_certificate_for_the_second_domain(unstarted, authority):
    stack = unstarted(domain="localhost,other.test", certs=False)
    authority.issue(os.path.join(stack.certs_dir, "localhost"), "localhost")
    refused(stack, "no certificate for other.test", stack.certs_dir)


def test_certificate_for_another_name(unstarted, authority):
    stack = unstarted(certs=False)
    authority.issue(os.path.join(stack.certs_dir, "localhost"), "example.org", "*.localhost")
    refused(stack, "no certificate for localhost", "example.org")


def test_expired_certificate(unstarted, authority):
    stack = unstarted(certs=False)
    authority.issue(os.path.join(stack.certs_dir, "localhost"), "localhost", days=-1)
    refused(stack, "localhost", pair(stack)[0], "expired")


def test_certificate_of_tomorrow(unstarted, authority):
    stack = unstarted(certs=False)
    authority.issue(os.path.join(stack.certs_dir, "localhost"), "localhost", age=-1)
    refused(stack, "localhost", pair(stack)[0], "not valid before")


def test_key_of_another_certificate(unstarted, authority):
    stack = unstarted()
    other = authority.issue(os.path.join(stack.folder, "other"), "localhost")
    os.replace(other[1], pair(stack)[1])
    refused(stack, "localhost", pair(stack)[1])


BROKEN_FILES = {
    "certificate-empty": (0, b""),
    "certificate-of-noise": (0, bytes(range(256))),
    "certificate-cut": (0, None),
    "key-empty": (1, b""),
    "key-of-noise": (1, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    "key-cut": (1, None),
}


@pytest.mark.parametrize("which, data", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_broken_file(unstarted, which, data):
    stack = unstarted()
    path = pair(stack)[which]
    if data is None:
        with open(path, "rb") as f:
            data = f.read()[:-40]
    put(path, data)
    refused(stack, "localhost", path)


@pytest.mark.parametrize("which", [0, 1], ids=["certificate", "key"])
def test_file_that_cannot_be_read(unstarted, which):
    """A folder in its place, or a link that leads nowhere, as root may read everything else."""
    stack = unstarted()
    path = pair(stack)[which]
    os.unlink(path)
    os.symlink("/nowhere/archive/1.pem", path)
    refused(stack, "localhost", os.path.dirname(path))


# --- settings -------------------------------------------------------------------------------------

BAD_SETTINGS = {
    "unknown": ("colour = \"blue\"\n", "10-test.conf:1", "colour"),
    "unknown-in-section": ("component x {\n  secret = \"s\"\n  colour = 1\n}\n", "10-test.conf:3",
                           "colour"),
    "unknown-section": ("chatroom x {\n}\n", "10-test.conf:1", "chatroom"),
    "number": ("c2s_port = 70000\n", "10-test.conf:1", "c2s_port", "70000", "65535"),
    "choice": ("\ne2e_policy_chat = \"maybe\"\n", "10-test.conf:2", "e2e_policy_chat", "maybe",
               "required"),
    "size": ("limit_stanza = \"much\"\n", "10-test.conf:1", "limit_stanza", "much"),
    "syntax": ("component x {\n", "10-test.conf"),
    "no-secret": ("component x {\n}\n", "component.x.secret"),
    "domain-twice": ("component x {\n  domain = \"localhost\"\n  secret = \"s\"\n}\n", "localhost",
                     "taken"),
}


@pytest.mark.parametrize("text, words", [(t, w) for t, *w in BAD_SETTINGS.values()],
                         ids=BAD_SETTINGS)
def test_bad_setting_in_a_file(unstarted, text, words):
    refused(unstarted(conf_d=text), *words)


BAD_VARIABLES = {
    "DOMAIN": (None, "required"),
    "LIMIT_LOGIN_TIME": ("soon", "LIMIT_LOGIN_TIME", "soon"),
    "C2S_PORT": ("-1", "C2S_PORT", "-1"),
    "LOG_LEVEL": ("loud", "LOG_LEVEL", "loud", "debug"),
    "C2S_REQUIRE_ENCRYPTION": ("false", "C2S_REQUIRE_ENCRYPTION"),
    "COMPONENT_SECRET_ECHO_FILE": ("/nowhere/secret", "/nowhere/secret"),
    "E2E_POLICY_WHITELIST": ("a@b@c", "E2E_POLICY_WHITELIST", "a@b@c"),
    "DOMAIN_MUC": ("a.localhost,b.localhost", "component muc", "a.localhost,b.localhost",
                   "a section, and a process, of its own"),
}


@pytest.mark.parametrize("name", BAD_VARIABLES)
def test_bad_variable(unstarted, name):
    value, *words = BAD_VARIABLES[name]
    refused(unstarted(env={name: value}), *words)


def test_a_component_has_one_domain(make_stack):
    stack = make_stack(start=False, components=("muc",),
                       env={"COMPONENT_DOMAIN": None, "DOMAIN_MUC": "a.localhost,b.localhost"})
    muc = stack.components["muc"]
    muc.start()
    assert muc.wait_exit() == 1
    assert "DOMAIN_MUC" in muc.log and "one domain name (others need a process" in muc.log


def test_all_that_is_wrong_is_listed_at_once(unstarted):
    stack = unstarted(env={"LIMIT_LOGIN_TIME": "soon", "C2S_PORT": "x"},
                      conf_d="colour = 1\nlimit_depth = -1\n")
    for words in (("LIMIT_LOGIN_TIME",), ("C2S_PORT",), ("colour",), ("limit_depth",)):
        refused(stack, *words)
        os.truncate(stack.router.log_file, 0)


def test_secrets_are_not_shown(unstarted):
    stack = unstarted(env={"COMPONENT_SECRET_ECHO_FILE": None, "COMPONENT_SECRET_ECHO": "sesame",
                           "PASSWORD": "sesame", "PASSWORD_FILE": "/nowhere", "C2S_PORT": "x"})
    refused(stack, "C2S_PORT")
    assert "sesame" not in stack.router.log


# --- reload ---------------------------------------------------------------------------------------

def conf(stack, text):
    put(os.path.join(stack.conf_dir, "10-test.conf"), text.encode())


async def reload(stack, outcome):
    mark = stack.router.mark()
    stack.router.signal(signal.SIGHUP)
    await stack.router.wait_log(outcome, mark)
    return stack.router.log[mark:]


async def test_broken_reload_keeps_everything(make_stack, raw_client):
    """Also what stands before the fault in the file, and what would have been right."""
    stack = make_stack(components=(), conf_d="e2e_policy_chat = \"none\"\nlog_level = \"debug\"\n",
                       env={"LOG_LEVEL": None})
    alice, bob = await login(stack, raw_client, "alice"), await login(stack, raw_client, "bob")
    conf(stack, "e2e_policy_chat = \"required\"\nlog_level = \"info\"\nlimit_stanza = \"1k\"\n"
                "colour = 1\n")
    said = await reload(stack, "the old ones stay")
    assert "colour" in said and "10-test.conf:4" in said
    await alice.send(PLAINTEXT % (bob.jid, "a"))
    await bob.wait("message", id="a")
    late = await login(stack, raw_client, "carol")
    await late.send(f"<message to='{bob.jid}' id='l'><x xmlns='urn:x'>{'x' * 2000}</x></message>")
    await bob.wait("message", id="l")
    conf(stack, "e2e_policy_chat = \"required\"\nlog_level = \"debug\"\n")
    await reload(stack, "settings reloaded")
    await alice.send(PLAINTEXT % (bob.jid, "b"))
    await alice.wait("message", id="b", error="policy-violation")


async def test_reload_says_what_needs_a_restart(make_stack, raw_client):
    stack = make_stack(components=(), conf_d="c2s_tls_port = 5223\n")
    conf(stack, "c2s_tls_port = 6223\n")
    assert "c2s_tls_port" in await reload(stack, "settings reloaded")
    c = await raw_client(port=5223)
    await c.direct_tls()


async def test_reload_takes_components_in_and_out(make_stack, raw_client):
    section = "component gate {\n  secret = \"s\"\n}\n"
    stack = make_stack(components=(), conf_d=section)
    alice = await login(stack, raw_client, "alice")
    conf(stack, "")
    await reload(stack, "settings reloaded")
    await alice.send("<message to='gate.localhost' id='a'><x xmlns='urn:x'/></message>")
    await alice.wait("message", id="a", error="remote-server-not-found")
    conf(stack, section)
    await reload(stack, "settings reloaded")
    await alice.send("<message to='gate.localhost' id='b'><x xmlns='urn:x'/></message>")
    await alice.wait("message", id="b", error="service-unavailable")


# --- certificates that change while the router runs -----------------------------------------------

async def served(stack, raw_client):
    """The serial number of the certificate that a new connection gets."""
    c = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await c.direct_tls()
    number = c.wire.tls.get_peer_certificate().get_serial_number()
    await c.close()
    return number


async def test_new_certificate_is_served_within_ten_seconds(make_stack, raw_client, authority,
                                                             clock):
    stack = make_stack(components=())
    alice = await login(stack, raw_client, "alice")
    old = await served(stack, raw_client)
    authority.issue(os.path.join(stack.certs_dir, "localhost"), "localhost", age=0)
    assert await served(stack, raw_client) == old
    mark = stack.router.mark()
    clock.advance(10)
    await stack.router.wait_log("certificate for localhost is valid until", mark)
    await alice.sync()
    assert await served(stack, raw_client) != old
    await alice.sync()


BROKEN_REPLACEMENTS = ["certificate-of-noise", "key-of-noise", "key-cut"]


@pytest.mark.parametrize("name", BROKEN_REPLACEMENTS)
async def test_broken_replacement_keeps_the_old(make_stack, raw_client, clock, name):
    """And says which file it is, and why."""
    stack = make_stack(components=())
    old = await served(stack, raw_client)
    which, data = BROKEN_FILES[name]
    path = pair(stack)[which]
    with open(path, "rb") as f:
        whole = f.read()
    put(path, whole[:-40] if data is None else data)
    mark = stack.router.mark()
    clock.advance(10)
    await stack.router.wait_log(re.escape(path), mark)
    assert await served(stack, raw_client) == old


async def test_key_replaced_before_its_certificate(make_stack, raw_client, authority, clock):
    """Half of a pair for a while: the old pair stays until the other half is there."""
    stack = make_stack(components=())
    old = await served(stack, raw_client)
    new = authority.issue(os.path.join(stack.folder, "new"), "localhost", age=0)
    os.replace(new[1], pair(stack)[1])
    mark = stack.router.mark()
    clock.advance(10)
    await stack.router.wait_log("privkey.pem", mark)
    assert await served(stack, raw_client) == old
    os.replace(new[0], pair(stack)[0])
    clock.advance(10)
    await stack.router.wait_log("certificate for localhost is valid", mark)
    assert await served(stack, raw_client) != old


async def test_certificate_that_vanishes_stays_in_use(make_stack, raw_client, clock):
    stack = make_stack(components=())
    old = await served(stack, raw_client)
    mark = stack.router.mark()
    for path in pair(stack):
        os.unlink(path)
    clock.advance(10)
    await stack.router.wait_log("stays in use|cannot", mark)
    assert await served(stack, raw_client) == old


async def test_certificate_that_expires_is_said(make_stack, raw_client, clock):
    stack = make_stack(components=())
    await until(stack.is_ready)
    mark = stack.router.mark()
    clock.advance(31 * 86400)
    await stack.router.wait_log("no valid certificate for localhost is left", mark)
    await until(lambda: not stack.is_ready(), "not ready any more")


# --- what is said of good settings ----------------------------------------------------------------

def test_start_with_settings_files_is_quiet(make_stack):
    """Every line is the log's: no library complains past it."""
    stack = make_stack(conf_d="limit_stanza = 64k\n", start=False)
    put(os.path.join(stack.conf_dir, "echo", "10.conf"), b"component_max_stanza = 64k\n")
    stack.start()
    for process in stack.processes:
        process.term()
        assert not [line for line in process.log.splitlines() if not line.startswith("ts=")]
