# SPDX-License-Identifier: MIT
"""A stack of real programs for one test: folders, certificates, secrets, router, components."""

import contextlib
import json
import os
import secrets
import subprocess

from . import health
from .process import Process
from .wait import DEADLINE, until_sync

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(TREE, os.environ.get("SWITCHYARD_BUILD", "build-asan"))
# Components of the tests' own, in tests/components: a stack has those that it names.
OWN = {name: f"tests/components/switchyard-{name}"
       for name in ("counter", "delegated", "privileged")}
# Those of our components that the router waits for (account events, messages to keep): only where
# they run.
AWAITED = {"pubsub", "archive"}
PORTS = {"C2S_PORT": 5222, "C2S_TLS_PORT": 5223, "COMPONENT_PORT": 5347,
         "COMPONENT_TLS_PORT": 5348}


def programs():
    """{name: (executable, label of its domain)} from the table that ./switchyard uses."""
    table = {}
    with open(os.path.join(TREE, "tools", "programs.list"), encoding="utf-8") as f:
        for row in (line.split("#")[0].split() for line in f):
            if row:
                table[row[0]] = os.path.join(BUILD, row[1]), row[2]
    return table | {name: (os.path.join(BUILD, path), name) for name, path in OWN.items()}


class CtlError(Exception):
    """switchyardctl said no; str() is what it said."""


class Stack:
    """
    domain      comma list, as DOMAIN
    env         variables for every program (None: without it); NAME_X goes to one program, as
                for operators
    conf_d      text of one file in the router's conf.d, or {file name: text}
    components  which of our own to start with the router; each has its secret in any case, but
                one of OWN or AWAITED only if it stands here
    data_dir    instead of a new empty folder
    certs       False: an empty CERTS_DIR, for the test to fill
    """

    def __init__(self, folder, authority, clock, domain="localhost", env=None, conf_d=None,
                 components=("echo",), data_dir=None, certs=True):
        self.folder, self.domain, self.clock = folder, domain, clock
        self.authority, self.ca_file = authority, authority.file
        self.env = dict(env or {})
        self.accounts = {}  # bare JID: password
        self.certs_dir, self.conf_dir = self._folder("certs"), self._folder("conf.d")
        self.data_dir = data_dir or self._folder("data")
        self._write_conf(conf_d or {})
        self._secrets = {n: self._secret(n) for n, (_, label) in programs().items()
                         if label != "-" and (n in components or n not in OWN.keys() | AWAITED)}
        for name in (n for n in components if n in OWN):
            self._write_conf({f"90-{name}.conf": self._section(name)})
        if certs:
            authority.issue(os.path.join(self.certs_dir, self.first_domain), *self.served_names())
        self.router = self._process("router")
        self.components = {name: self._process(name) for name in components}
        clock.programs += self.processes

    # --- names and places -----------------------------------------------------------------------
    @property
    def domains(self):
        return self.domain.split(",")

    @property
    def first_domain(self):
        return self.domains[0]

    def component_domain(self, name):
        return self.env.get(f"DOMAIN_{name.upper()}", f"{programs()[name][1]}.{self.first_domain}")

    def component_secret(self, name):
        with open(self._secrets[name], encoding="ascii") as f:
            return f.read().strip()

    def served_names(self):
        own = [self.component_domain(n) for n in self._secrets]
        return list(dict.fromkeys([*self.domains, *(f"*.{d}" for d in self.domains), *own]))

    def port(self, name):
        """The port behind C2S_PORT, C2S_TLS_PORT, COMPONENT_PORT or COMPONENT_TLS_PORT."""
        return int(self.env.get(name, PORTS[name]))

    def health_socket(self, name="router"):
        return os.path.join(self.folder, f"{name}.health")

    @property
    def processes(self):
        return [*self.components.values(), self.router]

    # --- life -----------------------------------------------------------------------------------
    def start(self):
        """Everything, and waits until it is ready."""
        self.router.start()
        for process in self.components.values():
            process.start()
        return self.ready()

    def add_instance(self, component, name):
        """Another process of one of our components, on the same data; not started.  It is
        components[name] from now on."""
        self.components[name] = process = self._process(component, name)
        self.clock.programs.append(process)
        return process

    def ready(self, *names, timeout=DEADLINE):
        """Waits until these programs (default: all that should run) say that they are ready."""
        for name in names or ["router", *self.components]:
            process = self.router if name == "router" else self.components[name]
            until_sync(lambda: self.is_ready(name) or not process.alive,
                       lambda: f"{name} ready: {self.why_not(name)}\n{process.tail()}", timeout)
            assert process.alive, f"{name} has ended\n{process.tail()}"
        return self

    def is_ready(self, name="router"):
        return health.ask(self.health_socket(name), "/readyz")[0] == 200

    def why_not(self, name="router"):
        return health.ask(self.health_socket(name), "/readyz")[1]

    def metrics(self, name="router"):
        return health.metrics(self.health_socket(name))

    def settle(self):
        """Ends what still runs; AssertionError with all that was wrong with how it ran and ended."""
        faults = [fault for process in self.processes for fault in process.settle()]
        assert not faults, "\n".join(faults)

    # --- administration -------------------------------------------------------------------------
    def ctl(self, *args, timeout=DEADLINE):
        """switchyardctl --json ARGS; its answer, parsed."""
        argv = [os.path.join(BUILD, "router", "switchyardctl"), "--json", *args]
        env = {"PATH": "/usr/bin:/bin", "CTL_SOCKET": os.path.join(self.folder, "ctl.sock")}
        done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True, timeout=timeout)
        if done.returncode != 0:
            raise CtlError(done.stderr.strip() or done.stdout.strip())
        return json.loads(done.stdout) if done.stdout.strip() else None

    def add_account(self, jid, password=None):
        """A local part stands for it at the first domain.  Returns the bare JID."""
        jid = jid if "@" in jid else f"{jid}@{self.first_domain}"
        self.accounts[jid] = password or f"{jid.split('@')[0]}-{secrets.token_hex(4)}"
        with self._private_file(self.accounts[jid]) as file:
            self.ctl("account", "add", jid, "--password-file", file)
        return jid

    def add_if_free(self, jid):
        """As add_account; None while one of this name is being removed."""
        try:
            return self.add_account(jid)
        except CtlError as e:
            assert "is being removed" in str(e)
            return None

    def delete_account(self, jid):
        self.ctl("account", "delete", jid)
        self.accounts.pop(jid)

    def change_password(self, jid, password):
        self.accounts[jid] = password
        with self._private_file(password) as file:
            self.ctl("account", "passwd", jid, "--password-file", file)

    # --- making it ------------------------------------------------------------------------------
    def _folder(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path, 0o700)
        return path

    def _write_conf(self, conf_d):
        for name, text in ({"10-test.conf": conf_d} if isinstance(conf_d, str) else conf_d).items():
            with open(os.path.join(self.conf_dir, name), "w", encoding="utf-8") as f:
                f.write(text)

    def _section(self, name):
        return (f'component {name} {{\n  domain = "{self.component_domain(name)}"\n'
                f'  secret_file = "{self._secrets[name]}"\n  e2e = exempt\n}}\n')

    def _secret(self, name):
        path = os.path.join(self.folder, f"{name}.secret")
        with open(path, "w", encoding="ascii", opener=_private) as f:
            f.write(secrets.token_hex(32) + "\n")
        return path

    @contextlib.contextmanager
    def _private_file(self, text):
        path = os.path.join(self.folder, "password")
        with open(path, "w", encoding="utf-8", opener=_private) as f:
            f.write(text)
        yield path
        os.unlink(path)

    def _process(self, component, name=None):
        """name: of one of several of a component."""
        name, executable = name or component, programs()[component][0]
        env = {
            "DOMAIN": self.domain,
            "CERTS_DIR": self.certs_dir, "CONF_DIR": self.conf_dir, "DATA_DIR": self.data_dir,
            "CTL_SOCKET": os.path.join(self.folder, "ctl.sock"),
            "HEALTH_LISTEN": self.health_socket(name),
            "LISTEN": "127.0.0.1,::1", "COMPONENT_LISTEN": "127.0.0.1,::1",
            "LOG_LEVEL": "debug", "SWITCHYARD_CLOCK_FILE": self.clock.file,
        }
        if component == "router":
            for each, file in self._secrets.items():
                if each in OWN:
                    continue
                env[f"DOMAIN_{each.upper()}"] = self.component_domain(each)
                env[f"COMPONENT_SECRET_{each.upper()}_FILE"] = file
        else:
            # Its own, as ./switchyard run does it: settings of the router's are unknown to it.
            env |= {"CONF_DIR": self._folder(os.path.join("conf.d", name))}
            env |= {"ROUTER_HOST": "127.0.0.1", "ROUTER_PORT": str(self.port("COMPONENT_PORT")),
                    "COMPONENT_DOMAIN": self.component_domain(component),
                    "COMPONENT_SECRET_FILE": self._secrets[component]}
        env |= {k: str(v) for k, v in self.env.items() if v is not None}
        for absent in (k for k, v in self.env.items() if v is None):
            env.pop(absent, None)
        return Process(name, [executable], env, os.path.join(self.folder, f"{name}.log"))


def _private(path, flags):
    return os.open(path, flags, 0o600)
