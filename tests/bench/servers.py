# SPDX-License-Identifier: MIT
"""The servers that are measured: starting and ending them, their accounts, their processes.

What a server keeps lies below the bench's folder (servers' accounts are made once), and all listen
on 127.0.0.1 only, each on ports of its own."""

import contextlib
import glob
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import accounts

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_S, STOP_S = 30, 20
COMPONENT = "bench.localhost"
THROUGH = 1000  # messages that a peer archives itself before its archive is filled with the like
FILL_S = 3600


class Broken(Exception):
    """A server or the generator did not do what it should; str() says it."""


def run(argv, **kw):
    """Its output; Broken, with its last words, if it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **kw)
    if done.returncode != 0:
        words = (done.stdout + done.stderr).strip().splitlines()[-8:]
        raise Broken(f"{' '.join(argv[:3])}: status {done.returncode}\n  " + "\n  ".join(words))
    return done.stdout


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait(what, condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Broken(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Server:
    name = title = ""
    fast = False   # it gets the bigger numbers
    floor = False
    port = component_port = 0
    muc, pubsub = "conference.localhost", "pubsub.localhost"

    def __init__(self, folder, build):
        self.build = build
        self.folder = os.path.join(folder, self.name)
        self.cache = os.path.join(self.folder, "salted")
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.password = self._kept("password", lambda: secrets.token_hex(12))
        self.secret = self._kept("secret", lambda: secrets.token_hex(16))
        self._process = None
        self.archive = False  # it keeps messages (XEP-0313)

    # --- what a kind of server says of itself ---------------------------------------------------
    def missing(self):
        """Why it cannot be measured here; None: it can."""
        return None

    def services(self):
        return {"muc", "pubsub", "archive"}

    def lacks(self, service):
        """Why a job that needs this service is left out; None: it is not."""
        return None if service in self.services() else ""

    def command(self):
        """For a shell: what starts the server in the foreground."""
        raise NotImplementedError

    def make_accounts(self, first, n, prefix="u"):
        """u<first> to u<n-1>."""
        self._load("register", "--first", str(first), "--sessions", str(n - first),
                   "--parallel", "4", prefix=prefix)

    # --- life -----------------------------------------------------------------------------------
    def start(self, archive=False):
        self.archive = archive
        self._free_ports()
        self._prepare()
        with open(os.path.join(self.folder, "output"), "ab") as log:
            self._process = subprocess.Popen(["sh", "-c", self.command()], cwd=self.folder,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True)
        wait(f"{self.name} listens (see {log.name})",
             lambda: listens(self.port) or self._process.poll() is not None, START_S)
        if self._process.poll() is not None:
            raise Broken(f"{self.name} has ended (see {log.name})")

    @property
    def running(self):
        return self._process is not None

    def pids(self):
        return [self._process.pid]

    def stop(self):
        if not self.running:
            return
        for number, seconds in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        self._process = None

    def start_command(self):
        """command(), once everything that it needs is there, and nothing runs."""
        self._prepare()
        command = self.command()
        self.stop()
        wait(f"{self.name} ends", lambda: not listens(self.port), STOP_S)
        return f"cd {shlex.quote(self.folder)}; exec >>output 2>&1; {command}"

    def need_accounts(self, n):
        """The server runs.  Accounts that are there already are not made again."""
        have = int(self._kept("accounts", lambda: "0"))
        if have >= n:
            return
        print(f"{self.name}: making {n - have} accounts", file=sys.stderr)
        self.make_accounts(have, n)
        self._keep("accounts", str(n))
        # The first logins derive each account's keys, which no client does twice.
        self._load("login", "--sessions", str(n), "--leave")

    def need_contacts(self, graph):
        """The server runs.  Accounts of their own for a Graph, whose prefix this returns; if making
        it is broken off, the next has other accounts."""
        return self._kept(f"contacts-{graph.sessions}-{graph.contacts}",
                          lambda: self._make_contacts(graph))

    def _make_contacts(self, graph):
        print(f"{self.name}: making {graph.accounts} accounts with contacts", file=sys.stderr)
        prefix = f"c{secrets.token_hex(4)}-"
        self.make_accounts(0, graph.accounts, prefix)
        self._load("befriend", *graph.args, prefix=prefix)
        return prefix

    def need_archive(self, n):
        """The server runs and archives.  The prefix of accounts with so many messages each, as
        need_contacts(); it has been started anew if it had to be made."""
        return self._kept(f"archive-{n}", lambda: self._make_archive(n))

    def _make_archive(self, n):
        print(f"{self.name}: archiving {n} messages", file=sys.stderr)
        prefix = f"a{secrets.token_hex(4)}-"
        self.make_accounts(0, 2, prefix)
        self._fill(prefix, n)
        return prefix

    def _fill(self, prefix, n):
        """From one to the other, so that both have them."""
        self._load("archive", "--pairs", "1", "--window", "60", "--warmup", "0", "--count", str(n),
                   prefix=prefix, timeout=FILL_S)

    # --- the generator --------------------------------------------------------------------------
    def load(self, *args, pids=True, timeout=900, prefix="u"):
        """A run of xmppload against this server: its lines, parsed."""
        cache = self.cache if prefix == "u" else f"{self.cache}-{prefix}"
        argv = [self.program("xmppload"), args[0], "--port", str(self.port), "--component-port",
                str(self.component_port), "--component", COMPONENT, "--muc", self.muc,
                "--pubsub", self.pubsub,
                "--secret", self.secret, "--password", self.password, "--cache", cache,
                "--prefix", prefix, *args[1:]]
        if pids:
            argv += ["--pids", ",".join(map(str, self.pids()))]
        if self.floor:
            argv.append("--floor")
        try:
            return [json.loads(line) for line in run(argv, timeout=timeout).splitlines()]
        except subprocess.TimeoutExpired:
            raise Broken(f"{' '.join(argv[:2])}: no end after {timeout} s") from None

    def _load(self, *args, prefix="u", **how):
        return self.load(*args, pids=False, prefix=prefix, **how)

    def program(self, name):
        return os.path.join(self.build, "tests", "bench", name)

    # --- its folder -----------------------------------------------------------------------------
    def _prepare(self):
        """Writes what it is configured by."""

    def _kept(self, name, make):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            self._keep(name, make())
        with open(path, encoding="ascii") as f:
            return f.read().strip()

    def _keep(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as f:
            f.write(text + "\n")

    def _certificate(self):
        """Certificate and key: self-signed, for names below localhost."""
        cert, key = (os.path.join(self.folder, f) for f in ("localhost.crt", "localhost.key"))
        if not os.path.exists(cert):
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-keyout", key, "-out", cert, "-days", "3650", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost,DNS:*.localhost"])
        return cert, key

    def _free_ports(self):
        for port in filter(None, (self.port, self.component_port)):
            if listens(port):
                raise Broken(f"{self.name}: somebody listens on port {port} already")


class Floor(Server):
    name, title, fast, floor, port = "floor", "floor", True, True, 31412

    def services(self):
        return {"muc", "pubsub"}  # tlsrelay copies as a room does, without joins

    def need_accounts(self, n):
        pass

    def command(self):
        return shlex.join(["exec", self.program("tlsrelay"), str(self.port), *self._certificate()])


class Switchyard(Server):
    """A stack of its own, started and ended by ./switchyard; all its processes count."""
    name, fast, port, component_port = "switchyard", True, 31422, 31447

    def __init__(self, folder, build, settings=()):
        super().__init__(folder, build)
        self.run_dir = self.folder
        self._started, self._instances = False, []  # the latter of ./switchyard status
        keep = ("PATH", "HOME", "TMPDIR", "LANG")
        self._env = {name: os.environ[name] for name in keep if name in os.environ}
        self._env |= {
            "BUILD_DIR": build, "NO_BUILD": "1", "RUN_DIR": self.run_dir,
            "DOMAIN": "localhost", "LISTEN": "127.0.0.1", "COMPONENT_LISTEN": "127.0.0.1",
            "C2S_PORT": str(self.port), "C2S_TLS_PORT": "0",
            "COMPONENT_PORT": str(self.component_port),
            # As for the peers: what costs is measured, not what is allowed.
            "LIMIT_SESSION_RATE": "0", "LIMIT_CONNECTIONS_PER_ADDRESS": "0",
            "MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0",
        }
        self._env |= dict(s.split("=", 1) for s in settings)
        version = run([os.path.join(build, "router", "switchyard-router"), "--version"])
        self.title = "Switchyard " + version.split()[-1]

    def services(self):
        return set(self._programs())

    def lacks(self, service):
        return None if service in self.services() else f"skipped: no {service} program"

    def _programs(self):
        with open(os.path.join(TREE, "tools", "programs.list"), encoding="utf-8") as f:
            rows = [line.split("#")[0].split() for line in f]
        return {row[0]: row for row in rows if row}

    def _switchyard(self, *args):
        return run([os.path.join(TREE, "switchyard"), *args], env=self._env, timeout=600)

    def _prepare(self):
        """The generator's component, and those of ours, without a limit on bytes a second."""
        ours = "".join(f"component {name} {{\n    rate = 0\n}}\n"
                       for name in ("echo", "pubsub", "archive") if name in self.services())
        os.makedirs(os.path.join(self.run_dir, "conf.d"), mode=0o700, exist_ok=True)
        with open(os.path.join(self.run_dir, "conf.d", "bench.conf"), "w", encoding="ascii") as f:
            f.write(f'component bench {{\n    domain = "{COMPONENT}"\n'
                    f'    secret_file = "{self.folder}/secret"\n    rate = 0\n}}\n'
                    f'{ours}')

    def start(self, archive=False):
        self.archive = archive
        self._env["ARCHIVE_DEFAULT"] = "always" if archive else "never"
        self._free_ports()
        self._prepare()
        self._started = True
        self._switchyard("run", "--detach")
        status = json.loads(self._switchyard("status", "--json"))
        self._instances = [row for row in status if row["pid"]]

    @property
    def running(self):
        return self._started

    def acknowledged_link(self, domain):
        """Waits until the component's link is there; Broken unless it has acknowledgements.  What
        it returns changes when another link takes its place."""
        row = {}

        def online():
            nonlocal row
            table = json.loads(self._switchyard("ctl", "component", "list", "--json"))
            row = next((r for r in table if r["domain"] == domain), {})
            return row.get("state") == "online"

        wait(f"{domain} is online", online, START_S)
        if row["acknowledged"] is not True:
            raise Broken(f"the link of {domain} has no acknowledgements: {json.dumps(row)}")
        return row["since"], row["peer"]

    def stop(self):
        if self.running:
            self._switchyard("stop")
        self._started, self._instances = False, []

    def pids(self):
        return [row["pid"] for row in self._instances]

    def command(self):
        """All programs at once with the environment that ./switchyard gives them; the router is
        the shell's own process in the end, and the others are of its group."""
        if not self.running:
            self.start()
        words = []
        for row in self._instances:
            with open(f"/proc/{row['pid']}/environ", encoding="utf-8") as f:
                env = f.read().split("\0")[:-1]
            binary = os.path.join(self.build, self._programs()[row["name"]][1])
            words.append((row["name"] == "router", shlex.join(["env", "-i", *env, binary])))
        return "".join(f"{command} & " for router, command in words if not router) + \
            next(f"exec {command}" for router, command in words if router)

    def make_accounts(self, first, n, prefix="u"):
        accounts.make(os.path.join(self.run_dir, "run", "ctl.sock"),
                      [f"{prefix}{i}@localhost" for i in range(first, n)], self.password)


class Peer(Server):
    package = template = config = ""

    def __init__(self, folder, build):
        super().__init__(folder, build)
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.title = f"{self.title} {done.stdout.split('-')[0]}".strip()

    def _prepare(self):
        cert, key = self._certificate()
        os.makedirs(os.path.join(self.folder, "data"), exist_ok=True)
        with open(os.path.join(TREE, "tests", "bench", "peers", self.template),
                  encoding="utf-8") as f:
            text = f.read()
        text = re.sub(r"@archive\{\n?(.*?)\}@\n?", r"\1" if self.archive else "", text, flags=re.S)
        for name, value in (("folder", self.folder), ("port", self.port), ("secret", self.secret),
                            ("component_port", self.component_port), ("component", COMPONENT),
                            ("muc", self.muc), ("pubsub", self.pubsub), ("cert", cert),
                            ("key", key)):
            text = text.replace(f"@{name}@", str(value))
        self.config = os.path.join(self.folder, self.template)
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(text)


    # --- its archive, in SQLite -----------------------------------------------------------------
    @property
    def database(self):
        return os.path.join(self.folder, "data", "archive.sqlite")

    def _fill(self, prefix, n):
        """Some through the server; the others are made from the last of these, which takes a peer
        much longer."""
        first = min(n, THROUGH)
        super()._fill(prefix, first)
        if first == n:
            return
        self.stop()
        wait(f"{self.name} ends", lambda: not listens(self.port), STOP_S)
        with contextlib.closing(sqlite3.connect(self.database)) as db, db:
            for account in range(2):
                self._multiply(db, f"{prefix}{account}", n - first)
        self.start(archive=True)

    def _multiply(self, db, user, n):
        """So many messages more for this account."""
        raise NotImplementedError


COUNTER = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) "


class Prosody(Peer):
    name, title, package, template = "prosody", "Prosody", "prosody", "prosody.cfg.lua"
    port, component_port = 31522, 31547

    def lacks(self, service):
        if service == "archive" and not glob.glob("/usr/lib/*/lua/5.4/dbd/sqlite3.so"):
            return "skipped: no lua-dbi-sqlite3"
        return super().lacks(service)

    def _multiply(self, db, user, n):
        last, = db.execute("SELECT max(sort_id) FROM prosodyarchive WHERE user = ?", (user,)).fetchone()
        db.execute(COUNTER + "INSERT INTO prosodyarchive (host, user, store, key, \"when\", \"with\", "
                   "type, value) SELECT host, user, store, lower(hex(randomblob(16))), \"when\", "
                   "\"with\", type, value FROM c, prosodyarchive WHERE sort_id = ?", (n, last))

    def missing(self):
        return None if shutil.which("prosody") else "prosody is not installed"

    def command(self):
        return shlex.join(["exec", "prosody", "--config", self.config, "-F"])


class Ejabberd(Peer):
    """Without a node name: no epmd, and nothing shared with an ejabberd of the machine."""
    name, title, package, template = "ejabberd", "ejabberd", "ejabberd", "ejabberd.yml"
    port, component_port = 31622, 31647

    @staticmethod
    def _libraries():
        found = glob.glob("/usr/lib/*/ejabberd-*/ebin") if shutil.which("erl") else []
        return found[0].rsplit("/", 2)[0] if found else None

    def missing(self):
        return None if self._libraries() else "ejabberd is not installed"

    def lacks(self, service):
        if service == "archive" and not glob.glob("/usr/lib/erlang/lib/p1_sqlite3-*"):
            return "skipped: no erlang-p1-sqlite3"
        return super().lacks(service)

    def _prepare(self):
        super()._prepare()
        if self.archive and not os.path.exists(self.database):
            schema = glob.glob(os.path.join(self._libraries(), "ejabberd-*/priv/sql/lite.sql"))[0]
            with open(schema, encoding="utf-8") as f, \
                    contextlib.closing(sqlite3.connect(self.database)) as db:
                db.executescript(f.read())

    def _multiply(self, db, user, n):
        last, = db.execute("SELECT max(id) FROM archive WHERE username = ?", (user,)).fetchone()
        db.execute(COUNTER + "INSERT INTO archive (username, timestamp, peer, bare_peer, xml, txt, kind, "
                   "nick) SELECT username, timestamp + n, peer, bare_peer, xml, txt, kind, nick "
                   "FROM c, archive WHERE id = ?", (n, last))

    def command(self):
        env = {"HOME": self.folder, "ERL_LIBS": self._libraries(), "ERL_MAX_PORTS": "32000",
               "ERL_MAX_ETS_TABLES": "1400", "ERL_CRASH_DUMP": "/dev/null",
               "EJABBERD_CONFIG_PATH": self.config,
               "EJABBERD_LOG_PATH": os.path.join(self.folder, "server.log")}
        return shlex.join(["exec", "env", *(f"{k}={v}" for k, v in env.items()), "erl", "-noinput",
                           "+K", "true", "+P", "250000", "-mnesia", "dir",
                           f'"{self.folder}/data"', "-ejabberd", "log_rotate_size", "0",
                           "-s", "ejabberd"])


ALL = {cls.name: cls for cls in (Floor, Switchyard, Prosody, Ejabberd)}
