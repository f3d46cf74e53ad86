# SPDX-License-Identifier: MIT
"""One stack of compose.yaml on this machine, with a name and ports of its own."""

import contextlib
import itertools
import json
import os
import re
import secrets
import signal
import socket
import time

from engine import COMPOSE, PREFIX, TAG, composes, docker, run

DOMAIN = "example.org"
READY_S = 60
_numbers = itertools.count(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Deployment:
    """first_domain, ca_file, accounts, port(), add_account(): as the end-to-end tests' Stack."""

    def __init__(self, folder, files=(), compose=None, **env):
        """files: beside compose.yaml.  env: None takes a variable away."""
        self.folder, self._compose = folder, compose or composes()[0]
        self.name = f"swtest{os.getpid()}-{next(_numbers)}"
        self.files = [os.path.join(COMPOSE, f) for f in ("compose.yaml", *files)]
        self._ports = {"C2S_PORT": free_port(), "C2S_TLS_PORT": free_port()}
        self.first_domain, self.accounts = DOMAIN, {}
        self.ca_file = os.path.join(folder, "ca.pem")
        self.env = {"DOMAIN": DOMAIN, "DEV": "1", "IMAGE_PREFIX": PREFIX, "TAG": TAG}
        for name in ("certs", "conf.d"):
            path = os.path.join(folder, name)
            os.makedirs(path, exist_ok=True)
            os.chmod(path, 0o755)
            self.env["CERTS_DIR" if name == "certs" else "CONF_DIR"] = path
        os.chmod(folder, 0o755)
        if "biboumi.yaml" in files:
            del self.env["CONF_DIR"]
        self.env |= self._ports | env
        self.env = {k: str(v) for k, v in self.env.items() if v is not None}

    # --- compose --------------------------------------------------------------------------------
    def compose(self, *argv, check=True, timeout=180, **env):
        """Runs it with nothing in its environment but what this stack is given."""
        base = {k: os.environ[k] for k in ("PATH", "HOME", "DOCKER_HOST") if k in os.environ}
        files = [word for f in self.files for word in ("-f", f)]
        return run([*self._compose, "-p", self.name, *files, *argv], check=check, timeout=timeout,
                   env=base | self.env | {k: str(v) for k, v in env.items()}, cwd=self.folder)

    def up(self, *argv, check=True, ready=True, **env):
        done = self.compose("up", "-d", "--no-build", *argv, check=check, **env)
        if check and ready:
            self.wait_healthy()
        return done

    def down(self):
        self.compose("down", "-v", "--remove-orphans", "-t", "10", check=False)

    # --- containers -----------------------------------------------------------------------------
    def ids(self, service=None, everything=True):
        labels = [f"label=com.docker.compose.project={self.name}"]
        if service:
            labels.append(f"label=com.docker.compose.service={service}")
        filters = [word for label in labels for word in ("--filter", label)]
        return docker("ps", "-q", "--no-trunc", *(["-a"] if everything else []), *filters).split()

    def inspect(self, service=None):
        ids = self.ids(service)
        return json.loads(docker("inspect", *ids)) if ids else []

    def one(self, service):
        found = self.inspect(service)
        assert len(found) == 1, f"{service}: {len(found)} containers"
        return found[0]

    def pid(self, service):
        return self.one(service)["State"]["Pid"]

    def log(self, service):
        return "".join(docker("logs", i) + "\n" for i in self.ids(service))

    def health(self):
        """{name: what is asked for} of all services that have a health check."""
        return {c["Name"].lstrip("/"): c["State"].get("Health", {}).get("Status")
                for c in self.inspect() if c["Config"].get("Healthcheck")}

    def wait_healthy(self, timeout=READY_S):
        self.wait(lambda: set(self.health().values()) == {"healthy"}, self.health, timeout)

    def wait(self, condition, what, timeout=READY_S):
        deadline = time.monotonic() + timeout
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what() if callable(what) else what}\n{self.tails()}")
            time.sleep(0.2)
        return found

    def wait_log(self, service, pattern, timeout=READY_S):
        return self.wait(lambda: re.search(pattern, self.log(service)),
                         f"{service}: {pattern}", timeout)

    def tails(self):
        return "\n".join(f"--- {c['Name']} {c['State']['Status']}\n"
                         + "\n".join(docker("logs", "--tail", "15", c["Id"]).splitlines())
                         for c in self.inspect())

    def kill(self, container):
        """As a crash: `docker kill` would count as a stop by hand, which no restart follows."""
        os.kill(container["State"]["Pid"], signal.SIGKILL)

    def exec(self, service, *argv, check=True):
        return run(["docker", "exec", self.ids(service, everything=False)[0], *argv], check=check)

    # --- what tests of clients ask for ----------------------------------------------------------
    def port(self, name):
        return self._ports[name]

    def ctl(self, *argv):
        return json.loads(self.exec("router", "switchyardctl", "--json", *argv).stdout)

    def add_account(self, user, password=None):
        jid = user if "@" in user else f"{user}@{self.first_domain}"
        self.accounts[jid] = password or secret()
        run(["docker", "exec", "-i", self.ids("router", everything=False)[0], "switchyardctl",
             "account", "add", jid, "--password-file", "/dev/stdin"], input=self.accounts[jid])
        return jid

    def fetch_ca(self):
        """init shows the development CA to whoever wants to trust it."""
        found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n",
                          self.log("init"), re.S)
        with open(self.ca_file, "w", encoding="ascii") as f:
            f.write(found[0])
        return self


@contextlib.contextmanager
def deployed(folder, *files, up=(), **how):
    stack = Deployment(folder, files, **how)
    try:
        stack.up(*up)
        yield stack.fetch_ca()
    finally:
        stack.down()


def secret():
    return secrets.token_hex(16)
