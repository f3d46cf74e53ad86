# SPDX-License-Identifier: MIT
"""./switchyard bench, in small: every job against the floor, a stack of ours and the peers, so that
neither the generator nor the runner nor a configuration rots.  What it measures here means nothing."""

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lib.peers import missing
from lib.stack import BUILD, TREE

sys.path.insert(0, os.path.join(TREE, "tests", "bench"))
from rows import Row  # noqa: E402
from table import Table  # noqa: E402

JOBS = {"login", "chat", "chat1000", "archive", "page", "page1m", "room", "rooms", "room1000",
        "component", "echo", "iq", "pep-login", "publish", "idle", "hibernate", "start"}
ARCHIVE = {"archive", "page", "page1m"}
NO_FLOOR = {"rooms", "component", "echo", "iq", "pep-login", "hibernate", "start"} | ARCHIVE
OURS = {"echo"}
PUBSUB = {"pep-login", "publish"}
with open(os.path.join(TREE, "tools", "programs.list"), encoding="utf-8") as f:
    PROGRAMS = set(re.findall(r"^(\w+)\s", f.read(), re.M))
MISSING = ((set() if "pubsub" in PROGRAMS else PUBSUB)
           | (set() if "archive" in PROGRAMS else ARCHIVE))


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
        if line["job"] == "pep-login":  # each session was told of everything, once
            assert line["presences"] == line["ops"] * line["contacts"], line
            assert line["notifications"] == line["presences"] * line["nodes"] > 0, line
    return lines


def jobs(lines, server):
    return {line["job"] for line in lines if line["server"] == server}


def test_each_job_runs(namespace, folder):
    status, table, words = bench(folder, "--quick", "--servers", "floor,switchyard")
    assert status == 0, words
    lines = results(folder)
    assert jobs(lines, "floor") == JOBS - NO_FLOOR
    assert jobs(lines, "switchyard") == JOBS - MISSING
    for title in ("chat", "room of 10:", "room of 10, filling it", "room of 5, filling it",
                  "component:", "component with acknowledgements:", "ping", "login", "idle", "asleep",
                  "cold start"):
        assert re.search(rf"^{title}.* [\d,.]+", table, re.M), table
    for title, program in (("login, 3 contacts", "pubsub"), ("- above a plain login", "pubsub"),
                           ("publish to 10:", "pubsub"), ("chat with archiving", "archive"),
                           ("- messages a second", "archive"), ("the last 50 of 60", "archive"),
                           ("the last 50 of 200", "archive")):
        cell = r"-?[\d,.]+" if program in PROGRAMS else f"skipped: no {program} program"
        assert re.search(rf"^{title}.*  {cell}", table, re.M), table


def test_table_says_what_is_above_and_what_is_left_out():
    ours, other = (SimpleNamespace(name=name, title=name) for name in ("switchyard", "prosody"))
    rows = [Row("above", "pep-login", "", "cpu_us", 1 / 3450, above="login", digits=2),
            Row("publish", "publish", "", "cpu_us")]
    readings = {("switchyard", "login"): [{"op": "", "cpu_us": n} for n in (400, 500, 900)],
                ("switchyard", "pep-login"): [{"op": "", "cpu_us": n} for n in (3950, 2225, 7400)],
                ("switchyard", "publish"): None,
                ("prosody", "login"): None,
                ("prosody", "pep-login"): [{"op": "", "cpu_us": 3950}]}
    table = Table([ours, other], rows, readings, {("prosody", "publish"): "skipped: none"})
    assert table.lines == [["above", "1.00 (0.50)", "failed"],
                           ["publish", "failed", "skipped: none"]]
    del readings["prosody", "login"]
    assert Table([other], rows[:1], readings, {}).lines == [["above", "-"]]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("peer", ["prosody", "ejabberd"])
def test_each_peer_runs(namespace, folder, peer):
    """With the configuration and the commands that the comparison rests on."""
    if reason := missing(peer):
        pytest.skip(reason)
    status, _, words = bench(folder, "--quick", "--servers", peer)
    assert status == 0, words
    assert jobs(results(folder), peer) == JOBS - OURS
