# SPDX-License-Identifier: MIT
"""A program under test: started, watched, ended; its log read; its end accounted for."""

import contextlib
import os
import re
import signal
import subprocess

from .wait import DEADLINE, until, until_sync

SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
}
SANITIZER_REPORT = re.compile(
    r"(AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|ThreadSanitizer)\b"
    r"|runtime error: |Assertion `")


class Process:
    """`env` may be changed between stop and start: a restarted program gets what it then holds."""

    def __init__(self, name, argv, env, log_file):
        self.name, self.argv, self.env, self.log_file = name, argv, env, log_file
        self._proc = None
        self._expected = True  # its end, if it has ended, was asked for or looked at
        self._hangs = False

    # --- life -----------------------------------------------------------------------------------
    def start(self):
        assert not self.alive, f"{self.name} runs already"
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": "/nonexistent",
               "LANG": "C.UTF-8", **SANITIZER_ENV, **self.env}
        # setpriv: a test run that is killed leaves no program behind.
        argv = ["setpriv", "--pdeathsig", "KILL", "--", *self.argv]
        with open(self.log_file, "ab") as log:
            self._proc = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, start_new_session=True)
        self._expected = self._hangs = False

    @property
    def pid(self):
        return self._proc.pid

    @property
    def alive(self):
        return self._proc is not None and self._proc.poll() is None

    @property
    def awake(self):
        return self.alive and not self._hangs

    def signal(self, number):
        self._proc.send_signal(number)

    def wait_exit(self, timeout=DEADLINE):
        """The status it ends with (-9: killed); whoever asks answers for it."""
        try:
            status = self._proc.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout} s\n{self.tail()}") from None
        self._expected = True
        return status

    def term(self, timeout=DEADLINE):
        """SIGTERM, and the clean end that has to follow."""
        self.signal(signal.SIGTERM)
        status = self.wait_exit(timeout)
        assert status == 0, f"{self.name} ended with {status} on SIGTERM\n{self.tail()}"

    def kill9(self):
        self.signal(signal.SIGKILL)
        self.wait_exit()

    def hang(self):
        self._hangs = True
        self.signal(signal.SIGSTOP)

    def unhang(self):
        self._hangs = False
        self.signal(signal.SIGCONT)

    def restart(self):
        if self.alive:
            self.term()
        self.start()

    # --- its words ------------------------------------------------------------------------------
    @property
    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    async def reload(self, text, outcome="settings reloaded"):
        """A file of its conf.d is this text now; what it said of it."""
        with open(os.path.join(self.env["CONF_DIR"], "10-test.conf"), "w", encoding="utf-8") as f:
            f.write(text)
        mark = self.mark()
        self.signal(signal.SIGHUP)
        await self.wait_log(outcome, mark)
        return self.log[mark:]

    def mark(self):
        """A place in the log, for wait_log's `since`."""
        return len(self.log)

    def tail(self, lines=40):
        last = "\n".join(self.log.splitlines()[-lines:])
        return f"--- {self.name}: last {lines} lines of its log\n{last}"

    async def wait_log(self, pattern, since=0, timeout=DEADLINE):
        """The match of a regular expression in the log, once it is there."""
        return await until(lambda: re.search(pattern, self.log[since:]),
                           lambda: f"/{pattern}/ in the log\n{self.tail()}", timeout)

    # --- the account ----------------------------------------------------------------------------
    def settle(self):
        """At the end of a test: ends it if need be; returns what is to be complained of."""
        faults = []
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                until_sync(lambda: not self.alive, "its end")
            except AssertionError:
                faults.append(f"{self.name} did not end on SIGTERM")
                self.signal(signal.SIGKILL)
                self._proc.wait()
            else:
                if self._proc.returncode != 0:
                    faults.append(f"{self.name} ended with {self._proc.returncode} on SIGTERM")
        elif not self._expected:
            faults.append(f"{self.name} ended with {self._proc.returncode} unasked")
        self._end_children()
        if report := SANITIZER_REPORT.search(self.log):
            begin = max(0, report.start() - 200)
            faults.append(f"{self.name} said:\n{self.log[begin:begin + 4000]}")
        return faults

    def _end_children(self):
        """What a peer's start script has left behind would keep its ports from the next test."""
        if self._proc is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._proc.pid, signal.SIGKILL)
