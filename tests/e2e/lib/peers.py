# SPDX-License-Identifier: MIT
"""Other servers, Debian's Prosody and ejabberd, with a component of ours behind them, echo unless
said otherwise: a component must not assume that the server on the other end is ours.

A Peer stands where a Stack does for the `client` fixture: await client("alice", stack=peer)."""

import glob
import os
import re
import secrets
import shutil
import socket

from . import health
from .process import Process
from .stack import programs
from .wait import DEADLINE, until, until_sync

C2S_PORT, COMPONENT_PORT = 5222, 5347
DOMAIN, ECHO = "localhost", "echo.localhost"

PROSODY = """
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
certificates = "{folder}/certs"
run_as_root = true
daemonize = false
log = {{ {{ levels = {{ min = "debug" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s} }}
component_ports = {{ {component} }}
component_interfaces = {{ "127.0.0.1" }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "register_ibr" }}
modules_disabled = {{ "s2s" }}
allow_registration = true
c2s_require_encryption = false
authentication = "internal_hashed"
ssl = {{ certificate = "{cert}", key = "{key}" }}
VirtualHost "{domain}"
{host_conf}
Component "{echo}"
	component_secret = "{secret}"
{component_conf}
"""

EJABBERD = """
hosts: ["{domain}"]
loglevel: info
certfiles: ["{cert}", "{key}"]
ca_file: "{ca}"
listen:
  - port: {c2s}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls: true
  - port: {component}
    ip: "127.0.0.1"
    module: ejabberd_service
    access: all
    hosts:
      "{echo}":
        password: "{secret}"
auth_method: internal
registration_timeout: infinity
modules:
  mod_disco: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_register:
    access: all
    ip_access: all
{host_conf}
"""


def missing(name):
    """Why this peer cannot be started here; None: it can."""
    found = shutil.which("prosody") if name == "prosody" else _ejabberd_libs()
    return None if found else f"{name} is not installed"


def _ejabberd_libs():
    found = glob.glob("/usr/lib/*/ejabberd-*/ebin") if shutil.which("erl") else []
    return found[0].rsplit("/", 2)[0] if found else None


class Peer:
    """`server` and `component` are Processes; `secret` is what the server expects of the latter."""

    first_domain = DOMAIN

    def __init__(self, name, folder, authority, program="echo", host_conf="", component_conf="",
                 component_domain=None):
        """host_conf: more lines for Prosody's VirtualHost, or of ejabberd's modules and behind
        them; component_conf: for Prosody's Component."""
        self.name, self.folder, self.ca_file = name, folder, authority.file
        self.program = program
        self.executable, label = programs()[program]
        self.component_domain = component_domain or f"{label}.{DOMAIN}"
        self.accounts = {}  # bare JID: password
        self.secret = secrets.token_hex(16)
        cert, key = authority.issue(os.path.join(folder, "certs", DOMAIN), DOMAIN)
        os.makedirs(os.path.join(folder, "data"), exist_ok=True)
        template = PROSODY if name == "prosody" else EJABBERD
        file = {"prosody": "prosody.cfg.lua", "ejabberd": "ejabberd.yml"}[name]
        self._config = os.path.join(folder, file)
        with open(self._config, "w", encoding="utf-8") as f:
            f.write(template.format(folder=folder, cert=cert, key=key, ca=self.ca_file,
                                    domain=DOMAIN, echo=self.component_domain,
                                    secret=self.secret, c2s=C2S_PORT, host_conf=host_conf,
                                    component_conf=component_conf,
                                    component=COMPONENT_PORT))
        self.server = self._server()
        self.component = self._component()

    def _server(self):
        log = os.path.join(self.folder, f"{self.name}.log")
        if self.name == "prosody":
            return Process(self.name, ["prosody", "--config", self._config], {}, log)
        # Without a node name: no epmd, and nothing shared with an ejabberd of the machine.
        env = {"ERL_LIBS": _ejabberd_libs(), "EJABBERD_CONFIG_PATH": self._config,
               "EJABBERD_LOG_PATH": os.path.join(self.folder, "ejabberd-own.log"),
               "ERL_CRASH_DUMP": "/dev/null", "HOME": self.folder}
        return Process(self.name, ["erl", "-noinput", "-mnesia", "dir", f'"{self.folder}/data"',
                                   "-s", "ejabberd"], env, log)

    def _component(self):
        secret_file = os.path.join(self.folder, "secret")
        with open(secret_file, "w", encoding="ascii") as f:
            f.write(self.secret + "\n")
        env = {"COMPONENT_DOMAIN": self.component_domain, "COMPONENT_SECRET_FILE": secret_file,
               "ROUTER_HOST": "127.0.0.1", "ROUTER_PORT": str(COMPONENT_PORT),
               "DATA_DIR": self.folder, "LOG_LEVEL": "debug",
               "HEALTH_LISTEN": os.path.join(self.folder, f"{self.program}.health")}
        return Process(self.program, [self.executable], env,
                       os.path.join(self.folder, f"{self.program}.log"))

    # --- life -----------------------------------------------------------------------------------
    @property
    def processes(self):
        return [self.component, self.server]

    def start(self):
        """The server first, so that the component's first try finds it."""
        self.start_server()
        self.component.start()
        until_sync(self.linked, lambda: f"{self.program}'s link\n{self.component.tail()}")
        return self

    def start_server(self):
        self.server.start()
        for port in (C2S_PORT, COMPONENT_PORT):
            until_sync(lambda: _listens(port) or not self.server.alive,
                       lambda: f"{self.name} on {port}\n{self.server.tail()}", 2 * DEADLINE)
        assert self.server.alive, f"{self.name} has ended\n{self.server.tail()}"

    def linked(self):
        status, text = health.ask(self.component.env["HEALTH_LISTEN"], "/readyz")
        return status == 200 and "link: ok\n" in text

    async def wait_linked(self, timeout=DEADLINE):
        await until(self.linked, lambda: f"{self.program}'s link\n{self.component.tail()}", timeout)

    def settle(self):
        faults = [fault for process in self.processes for fault in process.settle()]
        assert not faults, "\n".join(faults)

    # --- what the client fixture asks for -------------------------------------------------------
    def port(self, name):
        assert name == "C2S_PORT"
        return C2S_PORT

    def add_account(self, jid):
        """By in-band registration (XEP-0077), which both speak alike."""
        user, password = jid.split("@")[0], secrets.token_hex(8)
        with socket.create_connection(("127.0.0.1", C2S_PORT), DEADLINE) as s:
            s.sendall(f"<stream:stream xmlns='jabber:client' to='{DOMAIN}' version='1.0' "
                      "xmlns:stream='http://etherx.jabber.org/streams'>".encode())
            _read_until(s, "</stream:features>")
            s.sendall(f"<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>{user}"
                      f"</username><password>{password}</password></query></iq>".encode())
            answer = _read_until(s, r"<iq [^>]*>")
        assert re.search(r"type=['\"]result", answer), f"{self.name} registers {jid}: {answer}"
        self.accounts[jid] = password
        return jid


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def _read_until(sock, pattern):
    text = ""
    while not re.search(pattern, text):
        more = sock.recv(65536)
        assert more, f"closed after {text}"
        text += more.decode()
    return text
