# SPDX-License-Identifier: MIT
"""Fuzz targets: each replays its corpus, then looks for news for some seconds."""

import concurrent.futures
import os
import shutil
import subprocess
import time

from .build import FUZZ, TREE, introspect, make, run_logged
from .results import FAILED, PASSED, stage
from .unit import SANITIZER_ENV

SOURCES = os.path.join(TREE, "tests", "fuzz")


def run(results, seconds):
    targets = None
    if make(results, FUZZ, ["build.ninja"]):
        targets = {t["name"]: t["filename"][0] for t in introspect(FUZZ, "--targets")
                   if t["name"].startswith("fuzz_")}
    if not targets or not make(results, FUZZ, [os.path.relpath(p, FUZZ.dir)
                                               for p in targets.values()]):
        return
    stage(f"{len(targets)} fuzz targets, {seconds} s each")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for _ in pool.map(lambda t: _run_one(results, *t, seconds), sorted(targets.items())):
            pass


def _run_one(results, target, binary, seconds):
    """What it finds goes to the build directory; a crash is copied into the corpus by hand."""
    name = target.removeprefix("fuzz_")
    corpus = os.path.join(SOURCES, "corpus", name)
    if not os.path.isdir(corpus):
        results.add(f"fuzz:{name}", FAILED, 0, f"it has no corpus: {corpus}")
        return
    found = os.path.join(FUZZ.dir, "found", name)
    new = os.path.join(found, "new")
    shutil.rmtree(new, ignore_errors=True)  # the corpus in the tree decides, not earlier luck
    os.makedirs(new)
    argv = [binary, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024",
            "-print_final_stats=1", f"-artifact_prefix={found}/"]
    dictionary = os.path.join(SOURCES, f"{name}.dict")
    if os.path.exists(dictionary):
        argv.append(f"-dict={dictionary}")
    began = time.monotonic()
    try:
        done = run_logged([*argv, new, corpus],
                          env=dict(os.environ, **SANITIZER_ENV), timeout=seconds + 120)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as e:
        output, status = f"no end after {e.timeout} s\n{e.stdout or ''}", -1
    results.add(f"fuzz:{name}", PASSED if status == 0 else FAILED, time.monotonic() - began, output)
