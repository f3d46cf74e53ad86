# SPDX-License-Identifier: MIT
"""Unit tests: each executable that Meson knows as a test, counted by cmocka case."""

import concurrent.futures
import glob
import os
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

from .build import introspect, run_logged
from .results import FAILED, PASSED, SKIPPED, may_try_again, stage

SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
}


def run(results, build, wrapper=(), slower=1):
    stage(f"unit tests, {build.name}" + (f", {wrapper[0]}" if wrapper else ""))
    label = build.name.removeprefix("build-") + (f"-{wrapper[0]}" if wrapper else "")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for _ in pool.map(lambda t: _run_one(results, label, t, list(wrapper), slower),
                          introspect(build, "--tests")):
            pass


def _run_one(results, label, test, wrapper, slower):
    name = f"unit:{label}:{test['name']}"
    began = time.monotonic()
    status, output, cases = _execute(test, wrapper, slower)
    first = None
    if status > 0 and may_try_again(output) and any(c[1] == FAILED for c in cases):
        # A machine under load can break what counts on time: once more before it counts.
        first = {c[0]: c[3] for c in cases if c[1] == FAILED}
        status, output, cases = _execute(test, wrapper, slower)
    for case, outcome, seconds, detail in cases:
        if first and case in first and outcome == PASSED:
            results.add_second(f"{name}:{case}", seconds, first[case])
        else:
            results.add(f"{name}:{case}", outcome, seconds, detail)
    if status != 0 and not any(c[1] == FAILED for c in cases):
        # A crash, a sanitizer's report, a failing set-up: no case is to blame by name.
        results.add(name, FAILED, time.monotonic() - began, f"ended with {status}\n{output}")
    elif not cases:
        results.add(name, FAILED, time.monotonic() - began, f"ran no test case\n{output}")


def _execute(test, wrapper, slower):
    """(exit status, what it printed, its cases)"""
    with tempfile.TemporaryDirectory(prefix="sw-unit-") as tmp:
        env = dict(os.environ, **SANITIZER_ENV, **test["env"], CMOCKA_MESSAGE_OUTPUT="XML",
                   CMOCKA_XML_FILE=os.path.join(tmp, "%g.xml"), TMPDIR=tmp)
        try:
            done = run_logged([*wrapper, *test["cmd"]], env=env, cwd=test["workdir"] or tmp,
                              timeout=test["timeout"] * slower)
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as e:
            output, status = f"no end after {e.timeout} s\n{e.stdout or ''}", -1
        return status, output, [
            c for f in sorted(glob.glob(os.path.join(tmp, "*.xml"))) for c in _cases(f)]


def _cases(path):
    for case in ET.parse(path).iter("testcase"):
        fault = case.find("failure")
        if fault is None:
            fault = case.find("error")
        if fault is not None:
            outcome = FAILED
        elif case.find("skipped") is not None:
            outcome = SKIPPED
        else:
            outcome = PASSED
        yield (case.get("name"), outcome, float(case.get("time") or 0),
               (fault.text or "") if fault is not None else "")
