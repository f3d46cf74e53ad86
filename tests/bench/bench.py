#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""./switchyard bench: one run, one table.  README.md says what it does and how to read it."""

import argparse
import datetime
import json
import os
import platform
import re
import resource
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import perf  # noqa: E402
import rows  # noqa: E402
import servers  # noqa: E402
from table import Table  # noqa: E402

DOCUMENT = os.path.join(servers.TREE, "docs", "performance.md")
BUSY = 0.5  # a load average above this is said: contention only ever adds


def arguments():
    p = argparse.ArgumentParser(prog="./switchyard bench")
    words = lambda s: s.split(",")  # noqa: E731
    p.add_argument("--servers", type=words, default=list(servers.ALL), metavar="LIST",
                   help=f"which of {','.join(servers.ALL)}")
    p.add_argument("--rows", type=words, metavar="LIST", help="which of "
                   + ",".join(job.name for job in rows.jobs(0)))
    p.add_argument("--runs", type=int, default=3, metavar="N", help="medians are of so many (3)")
    p.add_argument("--idle", type=int, default=10000, metavar="N",
                   help="idle sessions (10000)")
    p.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    p.add_argument("--details", action="store_true", help="rates and latencies, too")
    p.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    p.add_argument("--write", action="store_true", help="and put it into docs/performance.md")
    p.add_argument("--perf", nargs="?", const="chat", metavar="ROW",
                   help="where our time goes in a row (chat), by perf")
    p.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                   help="a setting of ours")
    args = p.parse_args()
    known = [job.name for job in rows.jobs(0)]
    for given, list_ in ((args.servers, servers.ALL), (args.rows or [], known),
                         ([args.perf] if args.perf else [], known)):
        for word in given:
            if word not in list_:
                p.error(f"{word}: there are {', '.join(list_)}")
    if args.runs < 1 or args.idle < 1 or any("=" not in s for s in args.set):
        p.error("--runs and --idle are 1 or more, --set needs NAME=VALUE")
    if args.write and (args.quick or args.rows or args.set or args.servers != list(servers.ALL)):
        p.error("--write is for a whole run")
    return args


# --- the machine ----------------------------------------------------------------------------------

def first_match(path, pattern):
    with open(path, encoding="utf-8") as f:
        found = re.search(pattern, f.read(), re.M)
    return found[1].strip() if found else "?"


def commit():
    try:
        done = subprocess.run(["git", "-C", servers.TREE, "describe", "--always", "--dirty"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:  # nor is a tarball a commit
        return ""
    return f", commit {done.stdout.strip()}" if done.returncode == 0 else ""


def machine():
    cpu = first_match("/proc/cpuinfo", r"^model name\s*:(.*)$")
    memory = int(first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)")) / 2**20
    system = first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)')
    openssl = " ".join(servers.run(["openssl", "version"]).split()[:2])
    return (f"{os.cpu_count()} × {cpu}, {memory:.0f} GiB; {system}, Linux {platform.release().split('-')[0]}, "
            f"{openssl}")


def load_average():
    return os.getloadavg()[0]


# --- the run --------------------------------------------------------------------------------------

class Run:
    def __init__(self, args):
        self.args = args
        make = rows.quick_jobs if args.quick else rows.jobs
        self.jobs = [job for job in make(args.idle) if not args.rows or job.name in args.rows]
        if args.quick:
            args.runs = 1
        self.folder = os.environ.get("BENCH_DIR") or os.path.join(servers.TREE, ".run-bench")
        build = os.environ.get("BUILD_DIR") or os.path.join(servers.TREE, "build")
        if not os.path.exists(os.path.join(build, "tests", "bench", "xmppload")):
            sys.exit(f"bench: {build} has no xmppload; ./switchyard bench builds it")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.servers = [cls(self.folder, build, args.set) if cls is servers.Switchyard
                        else cls(self.folder, build)
                        for name, cls in servers.ALL.items() if name in args.servers]
        self.readings, self.skipped = {}, {}
        self.failures = 0
        self.broken = False  # one of ours, or of the floor: the table would say nothing
        self.whole = True  # all servers were there
        self.profile = ""

    def measure(self):
        with open(os.path.join(self.folder, "results.jsonl"), "w", encoding="utf-8") as log:
            for server in self.servers:
                why = server.missing()
                if why:
                    print(f"bench: {why}", file=sys.stderr)
                    self.whole = False
                elif self._guarded(server, "accounts", lambda: self._make_accounts(server)):
                    for job in self.jobs:
                        self._measure(server, job, log)
                server.stop()

    def _guarded(self, server, what, do):
        """What do() returns; None, said and counted, if something broke."""
        print(f"{server.name}: {what}", file=sys.stderr)
        try:
            return do()
        except (servers.Broken, OSError) as e:
            print(f"bench: {server.name}, {what}: {e}", file=sys.stderr)
            self.failures += 1
            self.broken = self.broken or server.name in ("floor", "switchyard")
            server.stop()
            return None

    def _make_accounts(self, server):
        server.start()
        server.need_accounts(max(job.accounts for job in self.jobs))
        return True

    def _measure(self, server, job, log):
        if server.floor and not job.floor:
            return
        why = server.lacks(job.needs) if job.needs else None
        if why is not None:
            self.skipped[server.name, job.name] = why
            return
        do = self._cold_starts if job is rows.START else self._load
        lines = self._guarded(server, job.name, lambda: do(server, job))
        self.readings[server.name, job.name] = lines
        for line in lines or []:
            log.write(json.dumps({"server": server.name, "job": job.name} | line) + "\n")
        log.flush()

    def _cold_starts(self, server, job):
        command = server.start_command()
        lines = []
        for _ in range(self.args.runs):
            lines += server.load(*job.args, "--exec", command, pids=False)
            servers.wait(f"{server.name} ends", lambda: not servers.listens(server.port), 20)
        return lines

    def _load(self, server, job):
        """Each job has a server that was started for it."""
        argv, times = job.command(server, self.args.runs)
        prefix, lines = self._prefix(server, job), []
        for i in range(times):
            if (not server.running or server.archive != job.archive
                    or (i == 0 and not self.args.quick)):
                server.stop()
                server.start(job.archive)
            lines += self._run_once(server, job, argv, prefix)
        return lines

    @staticmethod
    def _prefix(server, job):
        """Of the job's accounts, which are there afterwards."""
        if not job.graph and not job.archived:
            return "u"
        if not server.running or server.archive != job.archive:
            server.stop()
            server.start(job.archive)
        return server.need_archive(job.archived) if job.archived else server.need_contacts(job.graph)

    @staticmethod
    def _run_once(server, job, argv, prefix):
        """What is measured over acknowledged links has to have had one all the time."""
        link = job.acknowledged and server.acknowledged_link(job.acknowledged)
        lines = server.load(*argv, prefix=prefix)
        if job.acknowledged and server.acknowledged_link(job.acknowledged) != link:
            raise servers.Broken(f"{job.acknowledged} has lost its link meanwhile")
        return lines

    def look_closer(self):
        """The row again, with perf watching; what that costs is in no reading."""
        server = next((s for s in self.servers if isinstance(s, servers.Switchyard)), None)
        job = next((j for j in self.jobs if j.name == self.args.perf and j is not rows.START), None)
        if not server or not job or not perf.there():
            print("bench: --perf needs perf, our own server, and a row with load", file=sys.stderr)
            return

        def profile():
            server.start(job.archive)
            prefix = self._prefix(server, job)
            with perf.Recording(server.pids(), self.folder) as recording:
                server.load(*job.command(server, 1)[0], prefix=prefix)
            server.stop()
            return recording.report()

        self.profile = self._guarded(server, f"{job.name}, with perf", profile) or ""

    def stop(self):
        for server in self.servers:
            server.stop()


def write_document(text):
    with open(DOCUMENT, encoding="utf-8") as f:
        old = f.read()
    new, n = re.subn(r"(<!-- bench: begin[^\n]*\n).*?(<!-- bench: end -->)",
                     lambda m: m[1] + text + "\n" + m[2], old, flags=re.S)
    if n != 1:
        sys.exit(f"bench: {DOCUMENT} has no place for the table")
    with open(DOCUMENT, "w", encoding="utf-8") as f:
        f.write(new)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    run, before = Run(args), load_average()
    if before > BUSY:
        print(f"bench: load average {before:.1f}: others are at work here", file=sys.stderr)
    try:
        run.measure()
        if args.perf:
            run.look_closer()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        run.stop()
    table = Table(run.servers, rows.rows(run.jobs), run.readings, run.skipped, args.details)
    about = (f"{datetime.date.today().isoformat()}{commit()}. {machine()}. Median (least) of "
             f"{args.runs}; load average before: {before:.1f}.")
    if args.quick:
        about += " Small numbers: nothing to compare by."
    markdown = f"{about}\n\n{table.markdown()}"
    print(markdown if args.markdown else f"{about}\n\n{table.text()}")
    if run.profile:
        print(f"\n{run.profile}")
    if args.write and run.whole and not run.broken:  # what a peer could not do, the table says
        write_document(markdown)
    elif args.write:
        print("bench: not written: the run was not whole", file=sys.stderr)
    sys.exit(1 if run.failures else 0)


if __name__ == "__main__":
    main()
