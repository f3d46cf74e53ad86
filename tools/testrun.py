#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""./switchyard test: builds, runs everything that was asked for, counts.

The last line is `N passed, N failed, N skipped`; the status is 0 only with 0 failed.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from testing import build, compose, cross, e2e, fuzz, lint, tools, unit  # noqa: E402
from testing.results import Results  # noqa: E402

FUZZ_S, FUZZ_LONG_S = 5, 60
VALGRIND = ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--child-silent-after-fork=yes")


def run_unit(results):
    tools.run(results)
    for b in (build.ASAN, build.CLANG):
        if build.make(results, b):
            unit.run(results, b)


def run_e2e(results, pattern=None, long=False):
    if build.make(results, build.ASAN):
        e2e.run(results, pattern, long)


def run_default(results):
    run_unit(results)
    fuzz.run(results, FUZZ_S)
    lint.run(results)
    compose.run_files(results)
    run_e2e(results)


def run_long(results):
    """What does not fit into the usual twenty minutes."""
    for b in (build.GCC, build.CLANG_ASAN):
        if build.make(results, b):
            unit.run(results, b)
    if build.make(results, build.GCC):
        unit.run(results, build.GCC, VALGRIND, slower=20)
    cross.run(results)
    fuzz.run(results, FUZZ_LONG_S)
    run_e2e(results, long=True)


def arguments():
    p = argparse.ArgumentParser(prog="./switchyard test")
    p.add_argument("what", nargs="?", default="default",
                   choices=["default", "unit", "fuzz", "e2e", "lint", "cross", "long", "compose"])
    p.add_argument("-k", metavar="PATTERN",
                   help="only the end-to-end tests, or those of compose, that match")
    return p.parse_args()


def main():
    args = arguments()
    results = Results()
    {
        "default": run_default,
        "unit": run_unit,
        "fuzz": lambda r: fuzz.run(r, FUZZ_S),
        "e2e": lambda r: run_e2e(r, args.k),
        "lint": lint.run,
        "cross": cross.run,
        "long": run_long,
        "compose": lambda r: compose.run(r, args.k),
    }[args.what](results)
    sys.exit(0 if results.report() else 1)


if __name__ == "__main__":
    main()
