# SPDX-License-Identifier: MIT
"""End-to-end tests: pytest over tests/e2e with the sanitizers' binaries, read back from JUnit XML."""

import importlib.util
import os
import subprocess
import tempfile
import xml.etree.ElementTree as ET

from .build import ASAN, TREE
from .results import FAILED, PASSED, SKIPPED, stage

WORKERS = 4
# Without root, namespaces need a user namespace to own them; where that is forbidden as well, the
# fixtures skip their tests and say why.
OWN_USERS = ["unshare", "--user", "--map-root-user"]


def run(results, pattern=None, long=False, build=ASAN):
    stage("end-to-end tests")
    with tempfile.TemporaryDirectory(prefix="sw-e2e-") as tmp:
        report = os.path.join(tmp, "report.xml")
        argv = ["/usr/bin/python3", "-m", "pytest", "-q", f"--junitxml={report}",
                f"--basetemp={os.path.join(tmp, 'pytest')}",
                "-m", "long" if long else "not long", os.path.join(TREE, "tests", "e2e")]
        if importlib.util.find_spec("xdist"):
            argv += ["-n", str(WORKERS)]
        if pattern:
            argv += ["-k", pattern]
        if os.geteuid() != 0 and subprocess.run([*OWN_USERS, "true"]).returncode == 0:
            argv = [*OWN_USERS, *argv]
        env = dict(os.environ, SWITCHYARD_BUILD=build.dir, PYTHONDONTWRITEBYTECODE="1")
        status = subprocess.run(argv, env=env, cwd=TREE).returncode
        if not os.path.exists(report):
            results.add("e2e", FAILED, 0, f"pytest ended with {status} and left no report")
            return
        ran = sum(_add(results, case) for case in ET.parse(report).iter("testcase"))
    # 5: nothing was selected, which only a pattern or the mark `long` may ask for.
    if status not in (0, 1) and not (status == 5 and (pattern or long)):
        results.add("e2e", FAILED, 0, f"pytest ended with {status} after {ran} tests")


def _add(results, case):
    name = "e2e:" + case.get("classname", "").rpartition(".")[2] + ":" + case.get("name", "")
    fault = case.find("failure")
    if fault is None:
        fault = case.find("error")
    skipped = case.find("skipped")
    if fault is not None:
        outcome, detail = FAILED, fault.get("message") or ""
    elif skipped is not None:
        outcome, detail = SKIPPED, skipped.get("message") or ""
    else:
        outcome, detail = PASSED, ""
    results.add(name, outcome, float(case.get("time") or 0), detail)
    return 1
