# SPDX-License-Identifier: MIT
"""A cross build for arm64, and its unit tests under emulation: a char without a sign, other
alignment and another order of memory than the machine's own, where no machine of that kind is."""

import os
import platform
import time

from . import build, unit
from .results import FAILED, SKIPPED, last_lines, stage

CROSS = os.path.join(build.TREE, "tools", "cross")
SYSROOT = os.path.join(build.TREE, "build-arm64-sysroot")
ARM64 = build.Build("build-arm64", "aarch64-linux-gnu-gcc", (
    "-Dbuildtype=release",
    "--cross-file=" + os.path.join(CROSS, "arm64.ini"),
    "--cross-file=" + os.path.join(SYSROOT, "sysroot.ini")))
# What arm64.ini has as exe_wrapper: the tests are run one executable at a time, not by Meson.
WRAPPER = ("qemu-aarch64-static", "-L", os.path.join(SYSROOT, "root"))
SLOWER = 5  # measured: a test takes two to ten times as long, and none comes near its limit
CANNOT = 75  # sysroot.sh: the packages cannot be had


def run(results):
    if platform.machine() == "aarch64":
        results.add("cross:arm64", SKIPPED, 0, "the machine itself is arm64")
        return
    stage("packages of arm64")
    began = time.monotonic()
    done = build.run_logged([os.path.join(CROSS, "sysroot.sh"), "arm64", SYSROOT])
    if done.returncode:
        outcome = SKIPPED if done.returncode == CANNOT else FAILED
        results.add("cross:arm64", outcome, time.monotonic() - began,
                    why(done.stdout) if outcome == SKIPPED else last_lines(done.stdout, 8))
    elif build.make(results, ARM64):
        unit.run(results, ARM64, WRAPPER, slower=SLOWER)


def why(output):
    """The script's own words, from the last line that begins with the project's name."""
    return " ".join(output.rpartition("switchyard: ")[2].split())
