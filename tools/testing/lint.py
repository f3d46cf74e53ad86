# SPDX-License-Identifier: MIT
"""What can be said of the sources without running them.  Each check counts as one test."""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import time

from . import workflows
from .build import CLANG, TREE, make, run_logged
from .results import FAILED, PASSED, SKIPPED, stage

MAX_LINES = 600


def run(results):
    stage("format, includes, shell, manual pages, workflows")
    for check in (check_format, check_includes, check_transactions, check_spdx, check_size,
                  check_shell, check_man, check_workflows):
        _record(results, check)
    if make(results, CLANG, ["build.ninja", *programs()]):
        stage("reference of settings, clang-tidy")
        for check in (check_docs, check_tidy):
            _record(results, check)


def _record(results, check):
    """A check returns its complaints as text, or None if there is nothing to check."""
    name = "lint:" + check.__name__.removeprefix("check_")
    began = time.monotonic()
    complaints = check()
    outcome = SKIPPED if complaints is None else FAILED if complaints else PASSED
    results.add(name, outcome, time.monotonic() - began, complaints or "nothing to check")


def sources(*suffixes, under=("libcomp", "router", "components", "tests")):
    for top in under:
        for folder, subfolders, files in os.walk(os.path.join(TREE, top)):
            subfolders[:] = sorted(s for s in subfolders if not s.startswith(".")
                                   and s not in ("__pycache__", "corpus"))
            for file in sorted(files):
                if file.endswith(suffixes):
                    yield os.path.relpath(os.path.join(folder, file), TREE)


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def check_format():
    files = list(sources(".c", ".h"))
    if not files:
        return None
    done = run_logged(["clang-format", "--dry-run", "-Werror", *files], cwd=TREE)
    return "\n".join(dict.fromkeys(re.findall(r"^(\S+?:\d+):\d+: error:", done.stdout, re.M))
                     ) if done.returncode else ""


# Who may include what (style, "Layers and the include rule").  Include directories enforce most of
# it; this also catches relative paths, and says it in words.
ALLOWED = [
    (r"libcomp/base/", ("base/",)),
    (r"libcomp/xmpp/", ("base/", "xmpp/")),
    (r"libcomp/comp/", ("base/", "xmpp/", "comp/")),
    (r"router/", ("base/", "xmpp/")),
    (r"components/", ("base/", "xmpp/", "comp/")),
]
LAYERS = ("base/", "xmpp/", "comp/")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def check_includes():
    wrong = []
    for path in sources(".c", ".h", under=("libcomp", "router", "components")):
        allowed = next(a for prefix, a in ALLOWED if re.match(prefix, path))
        for kind, name in INCLUDE.findall(read(path)):
            if kind == '"' and (".." in name.split("/") or name.startswith("/")):
                wrong.append(f'{path}: "{name}" leaves its folder')
            elif name.startswith(LAYERS) and kind == "<" and not name.startswith(allowed):
                wrong.append(f"{path}: <{name}> is not of a layer below")
            elif name.startswith(("router/", "components/", "libcomp/")):
                wrong.append(f"{path}: {name}: not a public header")
    return "\n".join(wrong)


# A component writes through comp_tx() alone: what is written otherwise is not in one transaction with
# what its stanza sends and with its count.
OWN_WRITES = re.compile(r"\b(db_(?:open(?:_parts)?|submit|batch_new|batch_free|sync|close))\s*\(")


def check_transactions():
    return "\n".join(f"{path}:{n}: {name}() is libcomp's to call, a component has comp_tx()"
                     for path in sources(".c", ".h", under=("components", "tests/components"))
                     for n, line in enumerate(read(path).splitlines(), 1)
                     for name in OWN_WRITES.findall(line))


# Without a suffix, as they are commands.
SCRIPTS = ("switchyard", "tools/supervise", ".ci/run", "compose/init/init", "compose/init/packages",
           "compose/biboumi/run")


def check_spdx():
    files = [*sources(".c", ".h", ".py", "meson.build"), *sources(".sh", ".py", under=("tools",)),
             *sources(".yaml", "Dockerfile", under=("compose",)), *SCRIPTS]
    return "\n".join(f"{f}: no SPDX line" for f in files
                     if read(f) and "SPDX-License-Identifier: MIT" not in read(f)[:200])


def check_size():
    return "\n".join(f"{f}: {n} lines, at most {MAX_LINES}" for f in sources(".c", ".h", ".py")
                     if (n := read(f).count("\n")) > MAX_LINES)


def check_shell():
    done = run_logged(["shellcheck", "-x", *SCRIPTS,
                       *sources(".sh", under=("tools", "tests"))], cwd=TREE)
    return done.stdout if done.returncode else ""


def check_man():
    pages = list(sources(".1", ".5", ".7", ".8", under=("docs", "router", "components", "man")))
    if not pages:
        return None
    done = run_logged(["mandoc", "-Tlint", "-Wwarning", *pages], cwd=TREE)
    return done.stdout if done.returncode else ""


def check_workflows():
    return workflows.check()


def programs():
    """Executables below the build directory, of tools/programs.list."""
    rows = (line.partition("#")[0].split() for line in read("tools/programs.list").splitlines())
    return [row[1] for row in rows if row]


def check_docs():
    done = run_logged(["tools/check-docs.sh", CLANG.dir], cwd=TREE)
    return done.stdout if done.returncode else ""


# --- clang-tidy ---------------------------------------------------------------------------------
# A file that was clean is not looked at again until it, a header or the checks change.

def check_tidy():
    with open(os.path.join(CLANG.dir, "compile_commands.json"), encoding="utf-8") as f:
        commands = {os.path.relpath(os.path.join(c["directory"], c["file"]), TREE): c["command"]
                    for c in json.load(f)}
    clean = os.path.join(CLANG.dir, "tidy")
    os.makedirs(clean, exist_ok=True)
    version = run_logged(["clang-tidy", "--version"]).stdout
    common = version + read(".clang-tidy") + "".join(read(h) for h in sources(".h"))

    def tidy(path):
        key = hashlib.sha256((common + commands[path] + read(path)).encode()).hexdigest()
        stamp = os.path.join(clean, key)
        if os.path.exists(stamp):
            return []
        done = run_logged(["clang-tidy", "-p", CLANG.dir, "--quiet", path], cwd=TREE)
        if done.returncode:
            return re.findall(r"^\S+: (?:error|warning): .*", done.stdout, re.M) or [done.stdout]
        open(stamp, "w").close()
        return []

    if not commands or not shutil.which("clang-tidy"):
        return None
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        found = [re.sub(r"^\S*\.\./", "", line) for lines in pool.map(tidy, sorted(commands))
                 for line in lines]
    return "\n".join(dict.fromkeys(found))  # a header's fault shows in many files
