# SPDX-License-Identifier: MIT
"""gajim on a screen that nobody sees, with a session bus of its own, over which it is told what to
write (gajim-remote) and says what came."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess

from .process import Process
from .wait import DEADLINE, until, until_sync

PROGRAMS = ("Xvfb", "dbus-daemon", "dbus-monitor", "gajim", "gajim-remote")
OMEMO_PLUGIN = "/usr/share/gajim/plugins/omemo"
# gajim does not start as root, which the workers are; the bus wants its users to be the same.
ANYBODY = ["unshare", "--user", "--map-user=1000", "--map-group=1000",
           "setpriv", "--pdeathsig", "KILL", "--"]
STARTS = 4 * DEADLINE  # much Python, and some seconds before it listens to the bus

# Settings are written as gajim itself writes them; it has to stand still meanwhile.
PREPARE = """
import json, sys
from gajim.common import app, configpaths
want = json.load(sys.stdin)
configpaths.set_config_root(want["folder"])
configpaths.init()
configpaths.create_paths()
from gajim.common.settings import Settings
app.settings = s = Settings()
s.init()
for name, value in want["app"].items():
    s.set_app_setting(name, value)
s.add_account(want["account"])
for name, value in want["settings"].items():
    s.set_account_setting(want["account"], name, value)
for jid in want["encrypted"]:
    s.set_contact_setting(want["account"], jid, "encryption", "OMEMO")
s.set_plugin_setting("omemo", "active", True)
s.save()
"""


def missing():
    """Why it cannot be started here; None: it can."""
    absent = [p for p in PROGRAMS if not shutil.which(p)]
    absent += [] if os.path.exists(OMEMO_PLUGIN) else ["gajim-omemo"]
    if absent:
        return f"{', '.join(absent)} is not installed"
    done = subprocess.run([*ANYBODY, "true"], stderr=subprocess.PIPE, text=True)
    return done.stderr.strip() or None


class Gajim:
    """
    g = Gajim(folder, "alice@localhost", "secret", ["bob@localhost"]).start()
    await g.wait_online(); g.say("bob@localhost", "hello"); await g.heard("bob@localhost", "hi")
    """

    def __init__(self, folder, jid, password, encrypted):
        """folder: a new one for it is made in there; encrypted: with whom it uses OMEMO."""
        self.jid, self._password, self._encrypted = jid, password, encrypted
        self._account, self._host = jid.split("@")
        self._folder = os.path.join(folder, "gajim")
        self._config = os.path.join(self._folder, "config")
        os.makedirs(self._config, 0o700)
        bus = f"unix:path={self._folder}/bus"
        self._env = {"HOME": self._folder, "XDG_RUNTIME_DIR": self._folder,
                     "DBUS_SESSION_BUS_ADDRESS": bus, "GSETTINGS_BACKEND": "memory",
                     "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11"}
        self.screen = self._process("Xvfb", ["Xvfb", "-displayfd", "1", "-screen", "0",
                                             "1024x768x24", "-nolisten", "tcp"])
        self.bus = self._process("dbus-daemon", ["dbus-daemon", "--session", "--nofork",
                                                 "--nosyslog", f"--address={bus}"])
        self.monitor = self._process("dbus-monitor", [
            "dbus-monitor", "--address", bus, "interface='org.gajim.dbus.RemoteInterface'"])
        self.program = self._process("gajim", ["gajim", "--config-path", self._config,
                                               "--loglevel", "gajim=INFO"])

    def _process(self, name, argv):
        return Process(name, [*ANYBODY, *argv], dict(self._env),
                       os.path.join(self._folder, f"{name}.log"))

    # --- life -----------------------------------------------------------------------------------
    @property
    def processes(self):
        return [self.program, self.monitor, self.bus, self.screen]

    def start(self):
        self._prepare()
        for process in (self.screen, self.bus):
            process.start()
        display = until_sync(lambda: re.search(r"^(\d+)$", self.screen.log, re.M),
                             self.screen.tail)[1]
        until_sync(lambda: os.path.exists(os.path.join(self._folder, "bus")), self.bus.tail)
        self.monitor.start()
        until_sync(lambda: "NameAcquired" in self.monitor.log, self.monitor.tail)
        self._env["DISPLAY"] = self.program.env["DISPLAY"] = f":{display}"
        self.program.start()
        return self

    def close(self):
        """How they end is no matter of the tests."""
        for process in self.processes:
            process.settle()

    def _prepare(self):
        settings = {"active": True, "name": self._account, "hostname": self._host,
                    "password": self._password, "use_custom_host": True,
                    "custom_host": "127.0.0.1", "custom_port": 5222, "custom_type": "START TLS"}
        want = {"folder": self._config, "account": self._account, "settings": settings,
                "encrypted": self._encrypted,
                "app": {"use_keyring": False, "remote_control": True, "check_for_update": False}}
        done = self._run(["/usr/bin/python3", "-P", "-c", PREPARE], json.dumps(want))
        assert done.returncode == 0, done.stderr

    def _run(self, argv, text=""):
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **self._env}
        return subprocess.run([*ANYBODY, *argv], env=env, input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=STARTS, text=True)

    # --- what it is told, and what it says ------------------------------------------------------
    async def wait_online(self):
        await until(lambda: self._remote("get_status", self._account) == "online",
                    lambda: f"gajim online\n{self.program.tail()}", STARTS)

    async def wait_session(self, jid):
        """It has keys of somebody's to encrypt for."""
        await self.program.wait_log(rf"Session created for: {re.escape(jid)}", timeout=STARTS)

    def say(self, to, text):
        assert self._remote("send_chat_message", to, text, self._account) == "True"

    async def heard(self, sender, text, timeout=DEADLINE):
        """The words have come, for the person at the screen."""
        await until(lambda: any(f'"{sender}/' in s and f'"{text}"' in s
                                for s in self._signals("NewMessage")),
                    lambda: f"gajim: {text!r} of {sender}\n{self.monitor.log}\n"
                    f"{self.program.tail()}", timeout)

    def _signals(self, member):
        """As dbus-monitor shows them: a line, and indented ones with what it carries."""
        signals = re.split(r"^(?=\S)", self.monitor.log, flags=re.M)
        return [s for s in signals if re.match(rf"signal .*member={member}\n", s)]

    def _remote(self, *args):
        """What gajim-remote prints; None if there is nobody to talk to."""
        done = self._run(["gajim-remote", *args])
        return done.stdout.strip() if done.returncode == 0 else None

    def history(self):
        """[(words, how they were encrypted)] as it keeps them."""
        path = os.path.join(self._config, "logs.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT message, additional_data FROM logs WHERE message IS NOT NULL "
                              "ORDER BY log_line_id").fetchall()
        return [(words, json.loads(more or "{}").get("encrypted", {}).get("name"))
                for words, more in rows]
