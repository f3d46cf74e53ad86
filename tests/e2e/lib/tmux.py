# SPDX-License-Identifier: MIT
"""A program in a terminal of its own: keys go in, the screen is read.  Each has a tmux server of its
own, a child of the test's, so that it ends with it."""

import os
import re
import subprocess

from .process import Process
from .wait import DEADLINE, until, until_sync

WIDTH, HEIGHT = 160, 50


class Terminal:
    """env: what the program sees beside PATH and the like; folder: a short path of its own."""

    def __init__(self, folder, name, argv, env):
        self.name = name
        self._argv, self._env = argv, {"TERM": "screen-256color", "LANG": "C.UTF-8", **env}
        self._socket = os.path.join(folder, "tmux")
        self._server = Process(f"tmux of {name}",
                               ["tmux", "-S", self._socket, "-f", "/dev/null", "-D"], {},
                               os.path.join(folder, "tmux.log"))

    # --- life -----------------------------------------------------------------------------------
    def start(self):
        self._server.start()
        until_sync(lambda: os.path.exists(self._socket), "tmux listens")
        settings = [word for key, value in self._env.items() for word in ("-e", f"{key}={value}")]
        self._tmux("new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), *settings, *self._argv)
        return self

    def close(self):
        """The program gets SIGHUP if it still runs."""
        if self._server.alive:
            self._server.kill9()

    def _tmux(self, *args):
        done = subprocess.run(["tmux", "-S", self._socket, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=DEADLINE,
                              text=True)
        assert done.returncode == 0, f"tmux {args[0]}: {done.stderr.strip()}"
        return done.stdout

    # --- keys and screen ------------------------------------------------------------------------
    def type(self, line):
        """These characters, and Enter."""
        self._tmux("send-keys", "-l", "--", line)
        self._tmux("send-keys", "Enter")

    def screen(self):
        return self._tmux("capture-pane", "-p")

    async def wait(self, pattern, timeout=DEADLINE):
        """The match of a regular expression on the screen, once it is there."""
        return await until(lambda: re.search(pattern, self.screen()),
                           lambda: f"/{pattern}/ on the screen of {self.name}\n{self.screen()}",
                           timeout)
