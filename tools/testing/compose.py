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


FOLDER = os.path.join("tests", "compose")
# End-to-end tests of accounts and rooms, one after the other against one stack: the tests of these
# leave nothing behind that the next one would see.
SHARED = ("binding", "carbons", "csi", "delivery", "muc_admin", "muc_basic", "muc_private",
          "pep_basic", "presence", "private_xml", "roster")


def run_files(results):
    _run(results, "compose files", ["-m", "not engine", FOLDER])


def run(results, pattern=None):
    select = ["-k", pattern] if pattern else []
    _run(results, "compose", [*select, FOLDER], bool(pattern))
    _run(results, "end-to-end tests against the stack in containers",
         [*select, "--noconftest", "-p", "end_to_end", "-m", "not long",
          *(os.path.join("tests", "e2e", f"test_{name}.py") for name in SHARED)], bool(pattern))


def _run(results, title, select, may_be_none=False):
    stage(title)
    path = [os.path.join(TREE, "tests", each) for each in ("compose", "e2e")]
    with tempfile.TemporaryDirectory(prefix="sw-compose-") as tmp:
        report = os.path.join(tmp, "report.xml")
        done = subprocess.run(
            ["/usr/bin/python3", "-m", "pytest", "-q", f"--junitxml={report}", "--rootdir=" + TREE,
             "-c", os.path.join(TREE, FOLDER, "pytest.ini"),
             f"--basetemp={os.path.join(tmp, 'pytest')}", *select],
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=":".join(path)), cwd=TREE)
        cases = list(ET.parse(report).iter("testcase")) if os.path.exists(report) else []
    for case in cases:
        e2e.add(results, case, kind="compose")
    if done.returncode not in (0, 1) and not (done.returncode == 5 and may_be_none):
        results.add("compose", FAILED, 0,
                    f"pytest ended with {done.returncode} after {len(cases)} tests")
