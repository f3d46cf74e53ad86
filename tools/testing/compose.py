# SPDX-License-Identifier: MIT
"""Images and the stack in containers: pytest over tests/compose.  Its tests of the files need no
engine and run always; the others skip, with the reason, where none answers."""

import os
import subprocess
import tempfile
import xml.etree.ElementTree as ET

from . import e2e
from .build import TREE
from .results import FAILED, stage


def run_files(results):
    _run(results, "compose files", ["-m", "not engine"])


def run(results, pattern=None):
    _run(results, "compose", ["-k", pattern] if pattern else [])


def _run(results, title, select):
    stage(title)
    folder = os.path.join("tests", "compose")
    with tempfile.TemporaryDirectory(prefix="sw-compose-") as tmp:
        report = os.path.join(tmp, "report.xml")
        done = subprocess.run(
            ["/usr/bin/python3", "-m", "pytest", "-q", f"--junitxml={report}", "--rootdir=" + TREE,
             "-c", os.path.join(TREE, folder, "pytest.ini"),
             f"--basetemp={os.path.join(tmp, 'pytest')}", *select, folder],
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), cwd=TREE)
        cases = list(ET.parse(report).iter("testcase")) if os.path.exists(report) else []
    for case in cases:
        e2e.add(results, case, kind="compose")
    if done.returncode not in (0, 1) or not cases:
        results.add("compose", FAILED, 0,
                    f"pytest ended with {done.returncode} after {len(cases)} tests")
