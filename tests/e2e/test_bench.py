# SPDX-License-Identifier: MIT
"""./switchyard bench, in small: every job against the floor, a stack of ours and the peers, so that
neither the generator nor the runner nor a configuration rots.  What it measures here means nothing."""

import json
import os
import re
import subprocess

import pytest

from lib.peers import missing
from lib.stack import BUILD, TREE

JOBS = {"login", "chat", "chat1000", "room", "rooms", "component", "echo", "iq", "idle", "start"}
NO_FLOOR = {"rooms", "component", "echo", "iq", "start"}
OURS = {"echo"}


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


def results(folder):
    with open(os.path.join(folder, "results.jsonl"), encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    for line in lines:
        assert line["ops"] > 0 and line["errors"] == line["lost"] == 0, line
    return lines


def jobs(lines, server):
    return {line["job"] for line in lines if line["server"] == server}


def test_each_job_runs(namespace, folder):
    status, table, words = bench(folder, "--quick", "--servers", "floor,switchyard")
    assert status == 0, words
    lines = results(folder)
    assert jobs(lines, "floor") == JOBS - NO_FLOOR
    assert jobs(lines, "switchyard") == JOBS
    for title in ("chat", "room of 10:", "room of 10, filling it", "room of 5, filling it",
                  "component:", "component with acknowledgements:", "ping", "login", "idle", "cold start"):
        assert re.search(rf"^{title}.* [\d,.]+", table, re.M), table


@pytest.mark.timeout(120)
@pytest.mark.parametrize("peer", ["prosody", "ejabberd"])
def test_each_peer_runs(namespace, folder, peer):
    """With the configuration and the commands that the comparison rests on."""
    if reason := missing(peer):
        pytest.skip(reason)
    status, _, words = bench(folder, "--quick", "--servers", peer)
    assert status == 0, words
    assert jobs(results(folder), peer) == JOBS - OURS
