# SPDX-License-Identifier: MIT
"""End-to-end tests: pytest over tests/e2e with the sanitizers' binaries, read back from JUnit XML."""

import importlib.util
import os
import subprocess
import tempfile
import xml.etree.ElementTree as ET

from .build import ASAN, TREE
from .results import FAILED, PASSED, SKIPPED, may_try_again, stage

WORKERS = 4
# Without root, namespaces need a user namespace to own them; where that is forbidden as well, the
# fixtures skip their tests and say why.
OWN_USERS = ["unshare", "--user", "--map-root-user"]


AGAIN_MAX = 12  # more failures than this are no accident


def run(results, pattern=None, long=False, build=ASAN):
    stage("end-to-end tests")
    select = ["-m", "long" if long else "not long", os.path.join("tests", "e2e")]
    if pattern:
        select += ["-k", pattern]
    if importlib.util.find_spec("xdist"):
        select += ["-n", str(WORKERS)]
    status, cases = _pytest(select, build)
    if cases is None:
        results.add("e2e", FAILED, 0, f"pytest ended with {status} and left no report")
        return
    failed = [c for c in cases if _fault(c) is not None]
    again = {}
    if 0 < len(failed) <= AGAIN_MAX and all(may_try_again(_whole_text(c)) for c in failed):
        stage("end-to-end tests that failed, once more and one at a time")
        _, second = _pytest(sorted({_node(c) for c in failed}), build)
        again = {_node(c): c for c in second or () if _fault(c) is None}
    for case in cases:
        add(results, case, again.get(_node(case)))
    if os.environ.get("CI") and cases and all(c.find("skipped") is not None for c in cases):
        results.add("e2e", FAILED, 0, "no end-to-end test ran, for the reason that they give")
    # 5: nothing was selected, which only a pattern or the mark `long` may ask for.
    if status not in (0, 1) and not (status == 5 and (pattern or long)):
        results.add("e2e", FAILED, 0, f"pytest ended with {status} after {len(cases)} tests")


def _pytest(select, build):
    """(exit status, the test cases of its report; None if it left none)"""
    with tempfile.TemporaryDirectory(prefix="sw-e2e-") as tmp:
        report = os.path.join(tmp, "report.xml")
        argv = ["/usr/bin/python3", "-m", "pytest", "-q", f"--junitxml={report}",
                "--rootdir=" + TREE, "-c", os.path.join(TREE, "tests", "e2e", "pytest.ini"),
                f"--basetemp={os.path.join(tmp, 'pytest')}", *select]
        if os.geteuid() != 0 and subprocess.run([*OWN_USERS, "true"]).returncode == 0:
            argv = [*OWN_USERS, *argv]
        env = dict(os.environ, SWITCHYARD_BUILD=build.dir, PYTHONDONTWRITEBYTECODE="1")
        status = subprocess.run(argv, env=env, cwd=TREE).returncode
        if not os.path.exists(report):
            return status, None
        return status, list(ET.parse(report).iter("testcase"))


def _node(case):
    return case.get("classname", "").replace(".", "/") + ".py::" + case.get("name", "")


def _fault(case):
    fault = case.find("failure")
    return case.find("error") if fault is None else fault


def _whole_text(case):
    return ET.tostring(case, encoding="unicode")


def add(results, case, second=None, kind="e2e"):
    name = f"{kind}:" + case.get("classname", "").rpartition(".")[2] + ":" + case.get("name", "")
    fault, skipped = _fault(case), case.find("skipped")
    seconds = float(case.get("time") or 0)
    if fault is not None and second is not None:
        results.add_second(name, seconds, fault.get("message") or "")
    elif fault is not None:
        results.add(name, FAILED, seconds, fault.get("message") or "")
    elif skipped is not None:
        results.add(name, SKIPPED, seconds, skipped.get("message") or "")
    else:
        results.add(name, PASSED, seconds)
