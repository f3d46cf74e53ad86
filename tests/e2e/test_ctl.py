# SPDX-License-Identifier: MIT
"""switchyardctl: what it does to a running router, where passwords come from, how it ends."""

import json
import os
import pty
import re
import select
import socket
import stat
import subprocess

import pytest

from lib.client import LoginFailed
from lib.faults import login
from lib.stack import BUILD, CtlError
from lib.wait import DEADLINE, until

CTL = os.path.join(BUILD, "router", "switchyardctl")


def environment(stack):
    return {"PATH": "/usr/bin:/bin", "CTL_SOCKET": os.path.join(stack.folder, "ctl.sock")}


def ctl(stack, *args, stdin=None, **env):
    """A run as people do it: status, standard output, standard error."""
    done = subprocess.run([CTL, *args], env=environment(stack) | env, input=stdin or "", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE)
    return done.returncode, done.stdout, done.stderr


def on_terminal(stack, args, *typed):
    """A run on a terminal of its own, where each line is typed at a prompt: status, all shown."""
    master, slave = pty.openpty()
    with subprocess.Popen([CTL, *args], env=environment(stack), stdin=slave, stdout=slave,
                          stderr=slave, start_new_session=True) as run:
        os.close(slave)
        shown, typed = b"", list(typed)
        while True:
            assert select.select([master], [], [], DEADLINE)[0], shown
            try:
                shown += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
            if typed and shown.endswith(b": "):
                os.write(master, typed.pop(0).encode() + b"\n")
        os.close(master)
        return run.wait(DEADLINE), shown.decode()


# --- accounts -------------------------------------------------------------------------------------

async def test_an_account_from_its_making_to_its_end(stack, client):
    jid = stack.add_account("alice", "first password")
    alice = await client(jid, "first password")
    with pytest.raises(CtlError, match="there is an account of this name already"):
        stack.add_account("ALICE")
    assert stack.ctl("account", "list") == [{"jid": jid, "disabled": False}]

    assert ctl(stack, "passwd", "alice", stdin="second password\n")[0] == 0
    with pytest.raises(LoginFailed, match="not-authorized"):
        await client(jid, "first password")
    await client(jid, "second password")

    assert ctl(stack, "account", "delete", jid) == (0, f"deleted {jid}\n", "")
    await alice.wait_closed()
    with pytest.raises(LoginFailed, match="not-authorized"):
        await client(jid, "second password")
    assert stack.ctl("account", "list") == []
    for command in (["account", "delete", jid], ["passwd", jid, "--generate"]):
        with pytest.raises(CtlError, match="there is no account of this name"):
            stack.ctl(*command)
    assert "first password" not in stack.router.log
    assert "second password" not in stack.router.log


async def test_a_generated_password_is_shown_once(stack, client):
    status, shown, _ = ctl(stack, "account", "add", "bob", "--generate")
    assert status == 0
    password = re.fullmatch(r"added bob@localhost\npassword: (\S{20})\n", shown)[1]
    await client("bob@localhost", password)
    answer = stack.ctl("passwd", "bob", "--generate")
    assert answer["jid"] == "bob@localhost" and answer["password"] != password
    await client("bob@localhost", answer["password"])
    assert password not in stack.router.log


async def test_a_password_typed_twice_is_not_shown(stack, client):
    add = ["account", "add", "carol"]
    status, shown = on_terminal(stack, add, "pass word", "pass w0rd")
    assert status == 2 and "two different passwords" in shown
    status, shown = on_terminal(stack, add, "pass word", "pass word")
    assert status == 0 and "added carol@localhost" in shown
    assert "pass word" not in shown
    await client("carol@localhost", "pass word")


def test_passwords_that_cannot_be(stack):
    empty = os.path.join(stack.folder, "empty")
    with open(empty, "w", encoding="ascii") as f:
        f.write("\n")
    for status, error, args, stdin in (
            (2, "the password is empty", ["--password-file", empty], None),
            (2, "No such file", ["--password-file", "/nonexistent"], None),
            (2, "exclude each other", ["--password-file", empty, "--generate"], None),
            (2, "the password is empty", [], ""),
            (2, "longer than 1023 bytes", [], "x" * 1024),
            (1, "this password cannot be used", [], "bell \a")):
        got, shown, said = ctl(stack, "account", "add", "dave", *args, stdin=stdin)
        assert (got, shown) == (status, "") and error in said, said
    assert stack.ctl("account", "list") == []


def test_addresses(make_stack):
    stack = make_stack(domain="example.org,example.net")
    assert stack.ctl("account", "add", "Alice", "--generate")["jid"] == "alice@example.org"
    assert stack.ctl("account", "add", "alice@EXAMPLE.NET", "--generate")["jid"] == "alice@example.net"
    for jid, error in (("alice@example.com", "example.com is not served here"),
                       ("a b", "is not the address of an account"),
                       ("example.org/x", "is not the address of an account"),
                       ("alice@example.org/x", "has a resource")):
        with pytest.raises(CtlError, match=error):
            stack.ctl("account", "add", jid, "--generate")
    for name in "dcb":
        stack.add_account(name)
    names = [a["jid"] for a in stack.ctl("account", "list")]
    assert names == sorted(names) and len(names) == 5
    assert [a["jid"] for a in stack.ctl("account", "list", "--after", names[1], "--limit", "2")] \
        == names[2:4]


def test_what_was_confirmed_is_there_after_kill_9(stack):
    jids = [stack.add_account(f"user{i}") for i in range(8)]
    stack.ctl("account", "delete", jids.pop())
    stack.router.kill9()
    stack.router.start()
    stack.ready("router")
    assert [a["jid"] for a in stack.ctl("account", "list")] == jids


# --- sessions -------------------------------------------------------------------------------------

async def test_sessions_are_listed_and_ended(stack, raw_client):
    phone = await login(stack, raw_client, "alice", "phone")
    desk = await login(stack, raw_client, "alice", "desk")
    await desk.send("<presence/>")
    await desk.sync()
    bob = await login(stack, raw_client, "bob", "x")
    rows = {row["jid"]: row for row in stack.ctl("session", "list")}
    assert list(rows) == [phone.jid, desk.jid, bob.jid]
    assert rows[phone.jid]["available"] is False and rows[desk.jid]["available"] is True
    assert rows[desk.jid]["peer"] == "127.0.0.1" and rows[desk.jid]["tls"].startswith("TLSv1.")
    assert len(stack.ctl("session", "list", "--limit", "2")) == 2

    assert stack.ctl("session", "kick", phone.jid, "the phone was lost")["ended"] == 1
    assert await phone.stream_error() == "policy-violation"
    assert b"the phone was lost" in phone.received
    await desk.sync()
    await until(lambda: len(stack.ctl("session", "list")) == 2)
    assert stack.ctl("session", "kick", "alice")["ended"] == 1
    assert await desk.stream_error() == "policy-violation"
    await bob.sync()
    await until(lambda: len(stack.ctl("session", "list")) == 1)
    with pytest.raises(CtlError, match="there is no session of alice@localhost"):
        stack.ctl("session", "kick", "alice")


# --- the router -----------------------------------------------------------------------------------

def echo_row(stack):
    return next(c for c in stack.ctl("component", "list") if c["domain"] == "echo.localhost")


async def test_components_and_status(stack, client):
    await client("alice")
    await until(lambda: echo_row(stack)["state"] == "online")
    echo = echo_row(stack)
    assert echo["domain"] == "echo.localhost" and echo["state"] == "online"
    assert echo["peer"] in ("127.0.0.1", "::1") and echo["queued"] == 0
    status = stack.ctl("status")
    assert (status["sessions"], status["connections"]) == (1, 1)
    assert (status["components_online"], status["components_configured"]) == (1, 2)
    assert status["database_healthy"] is True and status["uptime"] >= 0
    assert status["certificates"] == [{"domain": "localhost", "days_left": 30}]

    stack.components["echo"].term()
    await until(lambda: echo_row(stack)["state"] == "grace")
    echo = echo_row(stack)
    assert echo["peer"] is None and echo["last_error"]
    assert stack.ctl("status")["components_online"] == 0


async def test_tables_for_people(stack, client):
    alice = await client("alice", resource="phone")
    assert ctl(stack, "account", "list")[1] == "JID              DISABLED\n" \
                                               "alice@localhost  no\n"
    head, row = ctl(stack, "session", "list")[1].splitlines()
    assert head.split()[:3] == ["JID", "ID", "PEER"] and row.split()[0] == alice.full
    assert head.index("PEER") == row.index("127.0.0.1")
    assert "echo.localhost" in ctl(stack, "component", "list")[1]
    assert re.search(r"^database +healthy$", ctl(stack, "status")[1], re.M)


def test_reload_says_what_came_of_it(make_stack):
    stack = make_stack(conf_d='log_level = "info"\n', env={"LOG_LEVEL": None}, components=())
    file = os.path.join(stack.conf_dir, "10-test.conf")

    def write(text):
        with open(file, "w", encoding="ascii") as f:
            f.write(text)

    write('log_level = "debug"\nc2s_port = 5999\n')
    [note] = stack.ctl("reload")["notes"]
    assert "c2s_port" in note
    write('log_level = "loud"\nno_such_thing = 1\n')
    status, shown, said = ctl(stack, "reload")
    assert (status, shown) == (1, "")
    assert "the old ones stay" in said and "log_level" in said and "no_such_thing" in said
    assert "\n" in said.strip()
    write("")
    assert ctl(stack, "reload")[:2] == (0, "settings reloaded\n")


# --- the socket -----------------------------------------------------------------------------------

def test_only_its_owner_may_open_the_socket(stack):
    mode = os.stat(environment(stack)["CTL_SOCKET"]).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_lines_on_the_socket(stack):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(DEADLINE)
        s.connect(environment(stack)["CTL_SOCKET"])
        lines = s.makefile("r", encoding="utf-8")
        s.sendall(b'{"cmd":"status"}\n{"cmd":"stop"}\nnonsense\n')
        assert json.loads(lines.readline())["ok"] is True
        assert json.loads(lines.readline())["error"] == 'there is no command "stop"'
        assert "not JSON" in json.loads(lines.readline())["error"]
        s.sendall(b"x" * 70000)
        assert json.loads(lines.readline())["error"] == "the request is too long"
        assert lines.readline() == ""


def test_how_it_ends(stack):
    for status, args in ((0, ["--help"]), (0, ["--version"]), (2, []), (2, ["fly"]),
                         (2, ["account"]), (2, ["account", "add"]), (2, ["status", "now"]),
                         (2, ["status", "--generate"]), (2, ["account", "list", "--limit", "0"]),
                         (2, ["--no-such-option", "status"]), (0, ["status"]),
                         (1, ["session", "kick", "nobody"]),
                         (3, ["status", "--socket", "/nonexistent/socket"])):
        got, shown, said = ctl(stack, *args)
        assert got == status, (args, said)
        assert bool(said) == (status != 0) and bool(shown) == (status == 0), args
    assert ctl(stack, "status", CTL_SOCKET="/nonexistent")[0] == 3
    path = environment(stack)["CTL_SOCKET"]
    stack.router.term()
    status, _, said = ctl(stack, "status")
    assert status == 3 and path in said
    assert not os.path.exists(path)
