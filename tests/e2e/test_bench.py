# SPDX-License-Identifier: MIT
"""./switchyard bench, in small: every job against the floor and a stack of ours, so that neither the
generator nor the runner rots.  What it measures here means nothing."""

import json
import os
import re
import subprocess

from lib.stack import BUILD, TREE

JOBS = {"login", "chat", "chat1000", "room", "component", "iq", "idle", "start"}
NO_FLOOR = {"component", "iq", "start"}


def bench(folder, *args):
    env = {**os.environ, "BENCH_DIR": folder, "BUILD_DIR": BUILD}
    with subprocess.Popen(["/usr/bin/python3", os.path.join(TREE, "tests", "bench", "bench.py"),
                           *args], env=env, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        try:
            out, err = run.communicate(timeout=75)
        except subprocess.TimeoutExpired:
            run.terminate()  # it ends what it has started
            raise
        return run.returncode, out, err


def test_each_job_runs(namespace, folder):
    status, table, words = bench(folder, "--quick", "--servers", "floor,switchyard")
    assert status == 0, words
    with open(os.path.join(folder, "results.jsonl"), encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    assert {line["job"] for line in lines if line["server"] == "floor"} == JOBS - NO_FLOOR
    assert {line["job"] for line in lines if line["server"] == "switchyard"} == JOBS
    for line in lines:
        assert line["ops"] > 0 and line["errors"] == line["lost"] == 0, line
    for title in ("chat", "room", "component", "ping", "login", "idle", "cold start"):
        assert re.search(rf"^{title}.* [\d,.]+ ", table, re.M), table
