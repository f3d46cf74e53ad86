# SPDX-License-Identifier: MIT
"""Tests of the tools themselves: Python's unittest over tests/tools, counted by method."""

import os
import sys
import time
import unittest

from .build import TREE
from .results import FAILED, PASSED, SKIPPED, stage

TESTS = os.path.join(TREE, "tests", "tools")


def run(results):
    stage("tests of the tools")
    sys.path.insert(0, TESTS)
    try:
        suite = unittest.defaultTestLoader.discover(TESTS, top_level_dir=TESTS)
        suite.run(_Result(results))
    finally:
        sys.path.remove(TESTS)


class _Result(unittest.TestResult):
    def __init__(self, results):
        super().__init__()
        self._results, self._began = results, 0.0

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def _add(self, test, outcome, detail=""):
        self._results.add("tools:" + test.id(), outcome, time.monotonic() - self._began, detail)

    def addSuccess(self, test):
        self._add(test, PASSED)

    def addSkip(self, test, reason):
        self._add(test, SKIPPED, reason)

    def addFailure(self, test, err):
        self._add(test, FAILED, self._exc_info_to_string(err, test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._add(subtest, FAILED, self._exc_info_to_string(err, test))
