# SPDX-License-Identifier: MIT
"""Where processes spend their time, as Linux's perf sees it."""

import os
import shutil
import signal
import subprocess

FREQUENCY = "499"


def there():
    return shutil.which("perf") is not None


class Recording:
    """Watches processes while it is open."""

    def __init__(self, pids, folder):
        self._data = os.path.join(folder, "perf.data")
        self._argv = ["perf", "record", "-q", "-F", FREQUENCY, "-o", self._data, "-p",
                      ",".join(map(str, pids))]
        self._perf = None

    def __enter__(self):
        self._perf = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self._perf.send_signal(signal.SIGINT)
        self._words = self._perf.communicate()[1]

    def report(self):
        """The libraries, then the functions, that cost most; or why there is no report."""
        return "\n\n".join([self._report("comm,dso", 12), self._report("comm,dso,sym", 40)])

    def _report(self, sort, most):
        done = subprocess.run(["perf", "report", "-i", self._data, "--stdio", "--no-children",
                               "--percent-limit", "0.5", "-F", f"overhead,{sort}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        lines = [line.rstrip() for line in done.stdout.splitlines()
                 if line.strip() and not line.startswith("#")]
        return "\n".join(lines[:most]) or f"perf: {(self._words + done.stderr).strip()}"
