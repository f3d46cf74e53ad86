# SPDX-License-Identifier: MIT
"""An IRC server (ngircd), a gateway to it (biboumi) and somebody who is there already."""

import asyncio
import os
import shutil
import socket

from .process import Process
from .wait import DEADLINE, until

PORT = 6667  # where biboumi looks once the TLS ports are closed

NGIRCD = """\
[Global]
    Name = irc.test.example
    Info = for tests
    Listen = 127.0.0.1
    Ports = {port}
    MotdPhrase = hello
    ServerUID = 65534
    ServerGID = 65534
[Limits]
    MaxConnectionsIP = 0
[Options]
    Ident = no
    DNS = no
    PAM = no
    SyslogFacility = local1
"""

BIBOUMI = """\
hostname={domain}
password={secret}
xmpp_server_ip=127.0.0.1
port={port}
db_name={folder}/biboumi.sqlite
log_level=0
"""


def missing():
    """Why these tests cannot run, or None."""
    absent = [p for p in ("biboumi", "ngircd") if not shutil.which(p, path=PATH)]
    return f"{' and '.join(absent)} not installed" if absent else None


PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def _conf(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def _only_root():
    """Are we in a user namespace that has no other users?"""
    with open("/proc/self/gid_map", encoding="ascii") as f:
        return sum(int(line.split()[2]) for line in f) == 1


def ngircd(folder):
    conf = _conf(folder, "ngircd.conf", NGIRCD.format(port=PORT))
    # It will not serve as root.
    other = ["unshare", "--user", "--map-user=65534", "--map-group=65534"] * _only_root()
    return Process("ngircd", [*other, shutil.which("ngircd", path=PATH), "-n", "-f", conf], {},
                   os.path.join(folder, "ngircd.log"))


def biboumi(folder, domain, secret, port):
    """To be started when the router listens: it ends if its first connection is refused."""
    conf = _conf(folder, "biboumi.cfg",
                 BIBOUMI.format(domain=domain, secret=secret, port=port, folder=folder))
    return Process("biboumi", [shutil.which("biboumi", path=PATH), conf], {},
                   os.path.join(folder, "biboumi.log"))


def listens(port=PORT):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class IrcUser:
    """Somebody on IRC, line by line."""

    def __init__(self, nick):
        self.nick, self.lines = nick, []
        self._task = self._writer = None

    async def join(self, channel):
        reader, self._writer = await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", PORT), DEADLINE)
        self._task = asyncio.ensure_future(self._read(reader))
        self.send(f"NICK {self.nick}")
        self.send(f"USER {self.nick} 0 * :{self.nick}")
        await self.wait(" 001 ")
        self.send(f"JOIN {channel}")
        await self.wait(" 366 ")
        return self

    async def _read(self, reader):
        while line := await reader.readline():
            text = line.decode(errors="replace").strip()
            if text.startswith("PING"):
                self.send("PONG" + text[4:])
            self.lines.append(text)

    def send(self, line):
        self._writer.write(f"{line}\r\n".encode())

    async def wait(self, part):
        found = await until(lambda: [line for line in self.lines if part in line],
                            lambda: f"{self.nick}: {part!r}\n" + "\n".join(self.lines[-20:]))
        return found[0]

    async def close(self):
        if self._writer:
            self._writer.close()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
