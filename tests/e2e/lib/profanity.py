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

OMEMO = "eu.siacs.conversations.axolotl"


def iq_id(stanza):
    """id="..." of a stanza."""
    return re.search(r'id="[^"]*"', stanza)[0]


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

    # --- OMEMO ----------------------------------------------------------------------------------
    async def omemo_generate(self):
        """Its keys, and that the server has them; returns the fingerprint."""
        self.type("/omemo gen")
        await self.wait("OMEMO crytographic materials generated")
        (published, *_) = await self.wait_traffic("SENT", f'<publish node="{OMEMO}.devicelist">')
        await self.wait_traffic("RECV", rf'<iq (?=[^>]*type="result")[^>]*{iq_id(published)}')
        self.type("/win 1")  # in a window of a contact's, it would be theirs
        self.type("/omemo fingerprint")
        return (await self.wait(r"Your OMEMO fingerprint: ([0-9a-f-]{71})"))[1].replace("-", "")

    async def omemo_trust_mode(self, mode):
        """manual, firstusage or blind"""
        self.type(f"/omemo trustmode {mode}")
        await self.wait("OMEMO fingerprints( manually| will be trusted automatically)")

    async def omemo_start(self, jid):
        """A window with somebody whose keys it fetches."""
        self.type(f"/omemo start {jid}")
        await self.wait(rf"{re.escape(jid)}.*\[OMEMO\]")

    async def omemo_trust(self, jid, fingerprint):
        """Of a device whose keys it has or is about to get."""
        grouped = "-".join(re.findall(".{8}", fingerprint))
        pattern = rf"{re.escape(jid)}'s OMEMO fingerprint: {grouped}"
        await self.wait_traffic("RECV", rf'<iq [^>]*from="{jid}".*<items node="{OMEMO}.bundles:')
        self.type(f"/omemo fingerprint {jid}")
        await self.wait(pattern)
        self.type(f"/omemo trust {jid} {grouped}")
        self.type(f"/omemo fingerprint {jid}")
        await self.wait(rf"{pattern} \(trusted\)")
        # It makes the session from the bundle, for which it has now asked again.
        for request in [x for way, x in self.traffic() if way == "SENT" and f' to="{jid}"' in x
                        and f'<items node="{OMEMO}.bundles:' in x]:
            await self.wait_traffic("RECV", rf'<iq (?=[^>]*type="result")[^>]*{iq_id(request)}')

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
