# SPDX-License-Identifier: MIT
"""profanity in a terminal, with a home of its own."""

import os
import re
import subprocess

from .tmux import Terminal
from .wait import DEADLINE, until

# No question before the test's own, nothing that comes and goes on the screen.
SETTINGS = """\
[connection]
tls.certpath={certs}
[ui]
splash=false
wrap=false
tls.show=true
[chatstates]
enabled=false
"""

# A body may have several lines: up to the next one with a time.
TRAFFIC = re.compile(r"DBG: (SENT|RECV): (<.*?)(?=\n\d{4}-\d\d-\d\dT|\Z)", re.DOTALL)


class Profanity:
    """
    p = Profanity(folder, "alice", ca_file).start()   # ca_file None: it trusts nobody
    await p.login("alice@localhost", "secret")
    p.type("/msg bob@localhost hello"); await p.wait("hello")
    """

    def __init__(self, folder, name, ca_file):
        """folder: a new one for it is made in there."""
        self.name, self._ca_file = name, ca_file
        self._folder = os.path.join(folder, f"p{name}")
        os.mkdir(self._folder, 0o700)
        self._data = os.path.join(self._folder, ".local", "share", "profanity")
        # OpenSSL's default file would be the bundle, whatever certpath says.
        env = {"HOME": self._folder, "SSL_CERT_FILE": "/nonexistent"}
        self._terminal = Terminal(self._folder, f"profanity of {name}",
                                  ["profanity", "-l", "DEBUG"], env)
        self.type, self.wait, self.screen = (self._terminal.type, self._terminal.wait,
                                             self._terminal.screen)

    def start(self):
        certs = os.path.join(self._folder, "certs")
        os.mkdir(certs)
        if self._ca_file:
            os.symlink(self._ca_file, os.path.join(certs, "ca.pem"))
            subprocess.run(["openssl", "rehash", certs], check=True)
        config = os.path.join(self._folder, ".config", "profanity")
        os.makedirs(config)
        with open(os.path.join(config, "profrc"), "w", encoding="utf-8") as f:
            f.write(SETTINGS.format(certs=certs))
        self._terminal.start()
        return self

    def close(self):
        self._terminal.close()

    async def connect(self, jid, password):
        """TLS or nothing; profanity checks the certificate and asks when it does not like it."""
        await self.wait(r"Profanity")
        self.type(f"/connect {jid} tls force")
        await self.wait(r"Enter password")
        self.type(password)

    async def login(self, jid, password):
        await self.connect(jid, password)
        await self.wait(rf"{re.escape(jid)}\S* logged in successfully")
        return self

    # --- what went over the wire, by its own log ------------------------------------------------
    def traffic(self):
        """[("SENT" or "RECV", XML)] inside TLS, so far."""
        path = os.path.join(self._data, "logs", "profanity.log")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as f:
            return TRAFFIC.findall(f.read())

    async def wait_traffic(self, way, pattern, timeout=DEADLINE):
        return await until(
            lambda: [x for w, x in self.traffic() if w == way and re.search(pattern, x)],
            lambda: f"{self.name}: {way} /{pattern}/\n" + "\n".join(map(str, self.traffic()[-20:])),
            timeout)
