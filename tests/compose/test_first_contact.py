# SPDX-License-Identifier: MIT
"""What is wrong on the first day: one clear line in the log of whom it concerns, a status that is not
0, and `docker compose ps` shows it."""

import os
import re

import pytest

import engine
from deployment import secret
from lib.certs import Authority

pytestmark = pytest.mark.engine


def fails(stack, service, *words, up=False):
    """`up` does not end well (or, of what nothing waits for, the service tries again); its log has a
    line with all the words; ps shows it."""
    done = stack.up(check=False)
    assert (done.returncode == 0) == up, done.stdout

    def line():
        return [text for text in stack.log(service).splitlines()
                if all(re.search(w, text) for w in words)]
    found = stack.wait(line, f"{service}: {words}")
    container = stack.one(service)
    assert container["State"]["Status"] in ("restarting", "exited") or container["RestartCount"] > 0
    # While it is tried again it is up, for an instant.
    stack.wait(lambda: re.search(rf"{service}.*(Restarting \([1-9]\)|Exit(ed)? \(?[1-9])",
                                 stack.compose("ps", "-a").stdout), f"ps shows {service}")
    return found[0]


def put_certificate(stack, *names, name="example.org", **how):
    authority = Authority(stack.folder)
    authority.issue(os.path.join(stack.env["CERTS_DIR"], name), *names, **how)
    for where, folders, files in os.walk(stack.env["CERTS_DIR"]):
        for each in folders:
            os.chmod(os.path.join(where, each), 0o755)
        for each in files:
            os.chmod(os.path.join(where, each), 0o644)


def volume(stack, name, *argv):
    """Runs something as root in a volume of the stack."""
    engine.docker("run", "--rm", "--network=none", "-v", f"{stack.name}_{name}:/volume",
                  engine.BASE, *argv)


def test_no_certificate(make):
    stack = make(DEV=None)
    fails(stack, "router", "no certificate for example.org in /etc/switchyard/certs")
    put_certificate(stack, "example.org")  # and that is all that was missing
    stack.up()


def test_certificate_for_another_name(make):
    stack = make(DEV=None)
    put_certificate(stack, "elsewhere.example")
    fails(stack, "router", "no certificate for example.org", "is for other names: elsewhere.example")


def test_private_key_that_cannot_be_read(make):
    """As certbot leaves it."""
    stack = make(DEV=None)
    put_certificate(stack, "example.org")
    key = os.path.join(stack.env["CERTS_DIR"], "example.org", "privkey.pem")
    os.chmod(key, 0o600)
    fails(stack, "router", "not started", "/etc/switchyard/certs/example.org/privkey.pem",
          "owner uid 0", "runs as uid 999", "chown 999:999 /etc/switchyard/certs/example.org/privkey")


@pytest.mark.parametrize("service", ["router", "muc", "pubsub", "archive"])
def test_data_of_another_uid(make, service):
    stack = make()
    engine.docker("volume", "create", f"{stack.name}_{service}-data")
    volume(stack, f"{service}-data", "sh", "-c", "touch /volume/x; chmod 755 /volume")
    fails(stack, service, "/var/lib/switchyard", "owner uid 0", "runs as uid 999",
          "chown -R 999:999 /var/lib/switchyard", up=service != "router")
    volume(stack, f"{service}-data", "chown", "-R", "999:999", "/volume")  # as it says
    stack.up()


def test_links_of_another_uid(make):
    """SWITCHYARD_UID was changed: init says what it cannot write to."""
    stack = make()
    stack.up()
    stack.env["SWITCHYARD_UID"] = "12345"
    fails(stack, "init", "/etc/switchyard/links", "owner uid 999", "runs as uid 12345",
          "chown -R 12345:999 /etc/switchyard/links$")
    volumes = [v for v in engine.docker("volume", "ls", "-q").split() if v.startswith(stack.name)]
    for each in volumes:  # as docs/containers.md has it
        volume(stack, each.partition("_")[2], "chown", "-R", "12345:12345", "/volume")
    stack.up()


def test_wrong_secret(make):
    stack = make()
    stack.up()
    volume(stack, "link-muc", "sh", "-c", f"echo {secret()} >/volume/secret")
    engine.docker("restart", stack.ids("muc")[0])
    line = stack.wait_log("muc", ".*not-authorized.*COMPONENT_SECRET.*")[0]
    assert "lvl=error" in line
    stack.wait(lambda: stack.one("muc")["RestartCount"] > 0, "muc tries again")
    assert re.search(r"muc.*Restarting \(1\)", stack.wait(
        lambda: re.search(r"muc.*Restarting.*", stack.compose("ps", "-a").stdout), "ps")[0])
    stack.up(ready=False)  # init puts it right
    stack.wait_healthy()


def test_bad_variable_of_the_router(make):
    fails(make(E2E_POLICY_CHAT="maybe"), "router", "E2E_POLICY_CHAT", "maybe",
          "none, optional, required")


def test_bad_variable_of_a_component(make):
    stack = make(MUC_MAX_NICK="long")
    fails(stack, "muc", "MUC_MAX_NICK", "long", up=True)


def test_no_domain(make):
    fails(make(DOMAIN=None), "init", "DOMAIN is not set")


@pytest.mark.parametrize("domain", ["*", "example.org/x", ","])
def test_bad_domain(make, domain):
    fails(make(DOMAIN=domain), "init", "DOMAIN", "no domain name")


def test_bad_switch(make):
    fails(make(DEV="perhaps"), "init", "DEV", "perhaps")


def test_settings_file_that_cannot_be_read(make):
    stack = make()
    path = os.path.join(stack.env["CONF_DIR"], "own.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write("log_level = debug\n")
    os.chmod(path, 0o600)
    fails(stack, "router", "/etc/switchyard/conf.d/own.conf", "owner uid 0", "runs as uid 999",
          "chown 999:999")
