# SPDX-License-Identifier: MIT
"""The workflow files, which run nowhere but at their host: that each can be read, asks for no more
rights than it needs, takes actions at a fixed commit, and names what the tree has."""

import os
import re

try:
    import yaml
except ImportError:  # before the package has been installed
    yaml = None

from .build import TREE, run_logged

FOLDER = os.path.join(".github", "workflows")
TOP = {"name", "on", "permissions", "concurrency", "env", "jobs"}
JOB = {"needs", "if", "strategy", "runs-on", "timeout-minutes", "container", "permissions", "steps"}
STEP = {"name", "uses", "with", "run", "env", "if"}
RUNNERS = {"ubuntu-24.04", "ubuntu-24.04-arm"}
EVENTS = {"push", "pull_request", "workflow_call", "workflow_dispatch", "schedule"}
# Who may write what.  Everything else is read only.
WRITES = {("images.yml", "build"): {"packages"}, ("images.yml", "join"): {"packages"},
          ("images.yml", "release"): {"contents"}}
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
OWN_COMMAND = re.compile(r"(?<![\w./$-])((?:\./|\.ci/|tools/|compose/)[\w./-]*\w)((?: +[\w-]+)*)")


class Checker:
    def __init__(self, name, text, tree=TREE):
        self.name, self.text, self.tree = name, text, tree
        self.wrong = []

    def say(self, where, what):
        self.wrong.append(f"{FOLDER}/{self.name}: {where}{': ' if where else ''}{what}")

    def check(self):
        if "SPDX-License-Identifier: MIT" not in self.text[:200]:
            self.say("", "no SPDX line")
        try:
            flow = yaml.safe_load(self.text)
        except yaml.YAMLError as e:
            self.say("", f"no YAML: {' '.join(str(e).split())}")
            return self.wrong
        if not isinstance(flow, dict) or not isinstance(flow.get("jobs"), dict):
            self.say("", "no workflow: it has no jobs")
            return self.wrong
        # YAML 1.1 takes the word "on" for true.
        flow = {"on" if key is True else key: value for key, value in flow.items()}
        self.unknown("", flow, TOP)
        for event in set(events(flow)) - EVENTS:
            self.say("", f"it is run by {event}")
        self.permissions("", flow.get("permissions"), set())
        for name, job in flow["jobs"].items():
            self.job(name, job, flow)
        return self.wrong

    def unknown(self, where, mapping, known):
        for key in mapping.keys() - known:
            self.say(where, f"unknown key {key!r}")

    def permissions(self, where, given, may_write):
        if not isinstance(given, dict):
            self.say(where, "permissions are not listed")
            return
        for scope, level in given.items():
            if level not in ("read", "none") and not (level == "write" and scope in may_write):
                self.say(where, f"permission {scope}: {level}")

    def job(self, name, job, flow):
        needs = job.get("needs", [])
        for other in [needs] if isinstance(needs, str) else needs:
            if other not in flow["jobs"]:
                self.say(name, f"needs {other!r}, which is no job")
        if "permissions" in job:
            given = job["permissions"]
            self.permissions(name, given, WRITES.get((self.name, name), set()))
            if "write" in str(given) and "pull_request" in events(flow):
                self.say(name, "may write, for anybody's pull request")
        if "uses" in job:
            self.unknown(name, job, {"uses", "needs", "if"})
            self.uses(name, job["uses"])
            return
        self.unknown(name, job, JOB)
        if not isinstance(job.get("timeout-minutes"), int):
            self.say(name, "no timeout-minutes")
        self.matrix(name, job)
        for n, step in enumerate(job.get("steps") or [], 1):
            self.step(f"{name}: {step.get('name') or step.get('uses') or n}", step)
        if not job.get("steps"):
            self.say(name, "no steps")

    def matrix(self, name, job):
        matrix = dict((job.get("strategy") or {}).get("matrix") or {})
        values = {key: list(v) for key, v in matrix.items() if key != "include"}
        for row in matrix.get("include", []):
            for key, value in row.items():
                values.setdefault(key, []).append(value)
        for key in set(re.findall(r"\bmatrix\.([\w-]+)", str(job))) - values.keys():
            self.say(name, f"matrix.{key} is not in its matrix")
        on = str(job.get("runs-on"))
        of_matrix = re.fullmatch(r"\$\{\{ matrix\.([\w-]+) \}\}", on)
        for runner in values.get(of_matrix[1], []) if of_matrix else [on]:
            if runner not in RUNNERS:
                self.say(name, f"runs on {runner!r}")

    def step(self, where, step):
        self.unknown(where, step, STEP)
        if ("uses" in step) == ("run" in step):
            self.say(where, "either uses or run")
        elif "uses" in step:
            self.uses(where, step["uses"])
            if (step["uses"].startswith("actions/checkout@")
                    and (step.get("with") or {}).get("persist-credentials") is not False):
                self.say(where, "leaves its token in the checkout")
        else:
            self.script(where, str(step["run"]))

    def uses(self, where, what):
        if what.startswith("./"):
            if not os.path.isfile(os.path.join(self.tree, what)):
                self.say(where, f"{what} is not in the tree")
        elif not PINNED.fullmatch(what):
            self.say(where, f"{what} is not pinned to a commit")
        elif not re.search(re.escape(what) + r" # v\d+\.\d+\.\d+$", self.text, re.M):
            self.say(where, f"{what}: no comment says which version that is")

    def script(self, where, script):
        if "${{" in script:
            self.say(where, "an expression in a script is code that others write: use env")
            return
        shown = run_logged(["shellcheck", "-s", "bash", "-"], input="set -e\n" + script)
        if shown.returncode:
            self.say(where, shown.stdout.strip())
        for path, words in OWN_COMMAND.findall(script):
            full = os.path.join(self.tree, path)
            if not os.path.isfile(full):
                self.say(where, f"{path} is not in the tree")
            elif not os.access(full, os.X_OK):
                self.say(where, f"{path} is no program")
            else:
                self.words(where, os.path.normpath(path), words.split())

    def words(self, where, path, words):
        """That a command of ours knows the first word; `test` also the second."""
        text = read(self.tree, path)
        if words and not re.search(rf"^\s*(?:\d:)?{re.escape(words[0])}\)", text, re.M):
            self.say(where, f"{path} has no command {words[0]!r}")
        elif path == "switchyard" and words[:1] == ["test"] and words[1:]:
            if f'"{words[1]}"' not in read(self.tree, "tools/testrun.py"):
                self.say(where, f"./switchyard test has no {words[1]!r}")


def read(tree, path):
    with open(os.path.join(tree, path), encoding="utf-8") as f:
        return f.read()


def events(flow):
    on = flow.get("on", [])
    return [on] if isinstance(on, str) else list(on)


# What has to be published, whatever else the Dockerfile has.
TARGETS = {"router", "muc", "pubsub", "archive"}


def check_targets(tree=TREE):
    """The release's list of images is read from the Dockerfile."""
    done = run_logged([os.path.join(tree, "tools/release/images.sh"), "targets"])
    missing = TARGETS - set(done.stdout.split())
    if done.returncode or missing:
        return [f"compose/Dockerfile: no target {', '.join(sorted(missing))} "
                f"({done.stdout.strip() if done.returncode else 'with an ENTRYPOINT'})"]
    return []


def check(tree=TREE):
    """Complaints, one a line; None where there is nothing to check, or nothing to check it with."""
    folder = os.path.join(tree, FOLDER)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    if yaml is None or not names:
        return None
    return "\n".join([*(line for name in names
                        for line in Checker(name, read(folder, name), tree).check()),
                      *check_targets(tree)])
