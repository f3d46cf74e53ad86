# SPDX-License-Identifier: MIT
"""What was run, how it ended, how long it took; the report and its closing line."""

import sys
import threading

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# What no second try may cover up.
DAMAGE = ("Sanitizer", "runtime error:", "Assertion `", "buffer overflow detected")


class Results:
    def __init__(self):
        self._lock = threading.Lock()
        self._all = []  # (name, outcome, seconds, detail)
        self._second = []  # names of what failed once and then passed

    def add(self, name, outcome, seconds=0.0, detail=""):
        with self._lock:
            self._all.append((name, outcome, seconds, detail))
            if outcome == FAILED:
                print(f"FAILED {name}\n{indent(last_lines(detail, 60))}", flush=True)
            elif outcome == SKIPPED:
                print(f"skipped {name}: {detail.strip().splitlines()[0] if detail.strip() else ''}",
                      flush=True)

    def add_second(self, name, seconds, detail):
        """It passed alone after it had failed among others: counted as passed, and named."""
        with self._lock:
            self._second.append(name)
            print(f"at the second try: {name}\n{indent(last_lines(detail, 20))}", flush=True)
        self.add(name, PASSED, seconds)

    def count(self, outcome):
        return sum(1 for r in self._all if r[1] == outcome)

    def report(self):
        """Prints the ten slowest, the failures by name and the closing line; True: all is well."""
        slow = sorted(self._all, key=lambda r: -r[2])[:10]
        print("\nThe ten slowest:")
        for name, _, seconds, _ in slow:
            print(f"  {seconds:7.1f} s  {name}")
        if self._second:
            print("\nPassed only at the second try (a defect of the test, or of more):")
            for name in self._second:
                print(f"  {name}")
        failed = [r[0] for r in self._all if r[1] == FAILED]
        if failed:
            print("\nFailed:")
            for name in failed:
                print(f"  {name}")
        print()
        print(f"{self.count(PASSED)} passed, {self.count(FAILED)} failed, "
              f"{self.count(SKIPPED)} skipped", flush=True)
        return not failed


def may_try_again(text):
    return not any(word in text for word in DAMAGE)


def indent(text):
    return "\n".join("    " + line for line in text.splitlines())


def last_lines(text, n):
    lines = text.splitlines()
    return "\n".join((["[...]"] if len(lines) > n else []) + lines[-n:])


def stage(title):
    print(f"== {title}", flush=True)
    sys.stdout.flush()
