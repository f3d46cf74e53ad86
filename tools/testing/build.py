# SPDX-License-Identifier: MIT
"""The build directories that tests use, and what Meson knows of them."""

import json
import os
import subprocess
import time
from dataclasses import dataclass

from .results import FAILED, last_lines, stage

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SANITIZE = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbuildtype=debug"]


@dataclass(frozen=True)
class Build:
    name: str  # the directory, below the tree
    cc: str
    args: tuple

    @property
    def dir(self):
        return os.path.join(TREE, self.name)


# Sanitizers find what optimising hides, a second compiler what the first lets pass.
ASAN = Build("build-asan", "gcc", (*SANITIZE, "-Dtest_hooks=true"))
CLANG = Build("build-clang", "clang", ("-Dbuildtype=release",))
FUZZ = Build("build-fuzz", "clang", (*SANITIZE, "-Doptimization=1", "-Dfuzz=true", "-Dtests=false",
                                     "-Dc_args=-fsanitize=fuzzer-no-link "
                                     "-fno-sanitize-recover=all"))
GCC = Build("build-gcc", "gcc", ("-Dbuildtype=release",))
CLANG_ASAN = Build("build-clang-asan", "clang", (*SANITIZE, "-Dtest_hooks=true"))


def run_logged(argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **kw)


def make(results, build, targets=()):
    """Sets the directory up if need be and builds; False, with a failure on record, if it cannot."""
    stage(f"build {build.name}")
    began = time.monotonic()
    if not os.path.exists(os.path.join(build.dir, "build.ninja")):
        env = dict(os.environ, CC=build.cc)
        done = run_logged(["meson", "setup", build.dir, TREE, "--werror", *build.args], env=env)
        if done.returncode != 0:
            results.add(f"build:{build.name}", FAILED, time.monotonic() - began,
                        last_lines(done.stdout, 8))
            return False
    done = run_logged(["ninja", "-k", "20", "-C", build.dir, *targets])
    if done.returncode != 0:
        results.add(f"build:{build.name}", FAILED, time.monotonic() - began,
                    complaints(done.stdout))
        return False
    print(f"   {time.monotonic() - began:.1f} s", flush=True)
    return True


def complaints(output):
    """Ninja's output without what went well and without the command lines."""
    first = output.find("FAILED: ")
    return "\n".join(line for line in output[max(first, 0):].splitlines()
                     if not line.startswith(("[", "clang ", "gcc ", "cc ")))


def introspect(build, what):
    done = subprocess.run(["meson", "introspect", what, build.dir], check=True,
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)
