# SPDX-License-Identifier: MIT
"""The clock of programs built with test hooks: a file that holds how far ahead it is, and one beside
it for each program, with what it knows."""

import os

from .wait import until


class Clock:
    def __init__(self, path):
        self.file = path
        self.programs = []  # lib.process.Process: those that look at it
        self._ms = 0
        self._write()

    def advance(self, seconds):
        """Timers that become due run within moments; the programs look every 20 ms."""
        self._ms += round(seconds * 1000)
        self._write()

    async def noticed(self):
        """All programs that run know what time it is."""
        await until(lambda: not self._late(), lambda: f"{self._late()} look at the clock")

    def _late(self):
        return [p.name for p in self.programs if p.awake and self._known(p.pid) < self._ms]

    def _known(self, pid):
        try:
            with open(f"{self.file}.{pid}", encoding="ascii") as f:
                return int(f.read() or 0)
        except FileNotFoundError:
            return 0

    @property
    def ahead(self):
        return self._ms / 1000

    def _write(self):
        with open(self.file + ".new", "w", encoding="ascii") as f:
            f.write(f"{self._ms}\n")
        os.rename(self.file + ".new", self.file)
