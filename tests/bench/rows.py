# SPDX-License-Identifier: MIT
"""What is measured: jobs are runs of xmppload, rows are what is read from them.

`count` is what a server does in about a second or more of CPU time, as /proc counts in ticks of
10 ms: the first number for the floor and for us, the second for peers, which take longer."""

from dataclasses import dataclass, replace

ECHO = "echo.localhost"
# What a login with contacts may cost above a plain one: CPU µs for each item that it is notified of,
# for each presence that it or a contact gets; and the nodes of a contact (CAPS_NODES in caps.h).
NOTIFICATION_US, PRESENCE_US, NODES = 15, 12, 3


@dataclass(frozen=True)
class Graph:
    """Accounts that have contacts (graph.h)."""
    sessions: int  # those that log in
    contacts: int  # of each of them

    @property
    def args(self):
        return ("--sessions", str(self.sessions), "--contacts", str(self.contacts))

    @property
    def accounts(self):
        return self.sessions + -(-self.sessions // self.contacts) * self.contacts


@dataclass(frozen=True)
class Job:
    name: str
    args: tuple            # of xmppload
    accounts: int = 0      # it logs in as u0 ... of so many
    graph: Graph | None = None  # or as accounts that have contacts
    floor: bool = True     # tlsrelay can do it, too
    count: tuple = ()      # --count for the fast and for the slow
    repeats: bool = False  # xmppload itself measures as often as asked for (--repeat)
    once: bool = False     # one run says it
    needs: str = ""        # a service that the server has to have
    acknowledged: str = ""  # the domain of a component whose link has to have acknowledgements
    archive: bool = False  # the server keeps all messages (XEP-0313)
    archived: int = 0      # so many are in the archives of the accounts that it logs in as

    def command(self, server, runs):
        """The arguments, and how often to run them."""
        args = list(self.args)
        if self.count:
            args += ["--count", str(self.count[0 if server.fast else 1])]
        if self.repeats:
            return [*args, "--repeat", str(runs)], 1
        return args, 1 if self.once else runs


@dataclass(frozen=True)
class Row:
    title: str
    job: str
    op: str
    field: str
    scale: float = 1
    details: bool = True  # rate and latency say something, too
    above: str = ""       # a job whose median is taken off first
    digits: int = 1


def login(sessions):
    return Job("login", ("login", "--sessions", str(sessions)), sessions)


def idle(sessions, settle_ms, hold_ms):
    return Job("idle", ("idle", "--sessions", str(sessions), "--settle", str(settle_ms),
                        "--hold", str(hold_ms)), sessions, once=True)


def hibernate(sessions, settle_ms, hold_ms):
    return Job("hibernate", ("hibernate", "--sessions", str(sessions), "--settle", str(settle_ms),
                             "--hold", str(hold_ms)), sessions + 1, floor=False, once=True)


def chat(name, pairs, window, count):
    return Job(name, ("chat", "--pairs", str(pairs), "--window", str(window)), 2 * pairs,
               count=count, repeats=True)


def archive(pairs, window, count):
    return Job("archive", ("archive", "--pairs", str(pairs), "--window", str(window)), 2 * pairs,
               floor=False, count=count, repeats=True, needs="archive", archive=True)


def page(name, messages, count):
    """A page of fifty from the end of such an archive."""
    return Job(name, ("page", "--sessions", "1", "--page", "50", "--warmup", "5"), floor=False,
               count=count, repeats=True, needs="archive", archive=True, archived=messages)


def room(occupants, count, name="room"):
    return Job(name, ("muc", "--occupants", str(occupants)), occupants, count=count, needs="muc")


def small_rooms(rooms, occupants, count):
    """So many rooms that filling them takes a server as long as a large one."""
    return Job("rooms", ("muc", "--occupants", str(occupants), "--rooms", str(rooms)),
               rooms * occupants, floor=False, count=count, needs="muc")


def round_trips(name, sessions, count):
    return Job(name, (name, "--sessions", str(sessions), "--window", "5"), sessions, floor=False,
               count=count, repeats=True)


def acknowledged(sessions, count):
    """As round_trips() of `component`, over our own echo."""
    return replace(round_trips("echo", sessions, count), needs="echo", acknowledged=ECHO,
                   args=("echo", "--sessions", str(sessions), "--window", "5",
                         "--component", ECHO))


def pep_login(sessions, contacts, count):
    graph = Graph(sessions, contacts)
    return Job("pep-login", ("pep-login", *graph.args), graph=graph, floor=False, count=count,
               repeats=True, needs="pubsub")


def publish(subscribers, count):
    return Job("publish", ("publish", "--sessions", str(subscribers), "--warmup", "2"),
               subscribers + 1, count=count, repeats=True, needs="pubsub")


START = Job("start", ("coldstart",), floor=False)


def jobs(idle_sessions):
    return [
        login(500),
        chat("chat", 100, 10, (100_000, 12_000)),
        chat("chat1000", 1000, 1, (100_000, 12_000)),
        archive(100, 10, (100_000, 2_000)),
        page("page", 1_000, (1_000, 200)),
        page("page1m", 1_000_000, (1_000, 50)),
        room(200, (500, 80)),
        small_rooms(20, 50, (500, 80)),
        room(1000, (100, 20), "room1000"),
        round_trips("component", 100, (40_000, 8_000)),
        acknowledged(100, (40_000, 8_000)),
        round_trips("iq", 100, (40_000, 8_000)),
        pep_login(100, 50, (500, 100)),
        publish(1000, (100, 15)),
        idle(idle_sessions, 10_000, 10_000),
        hibernate(idle_sessions, 10_000, 10_000),
        START,
    ]


def quick_jobs(idle_sessions):
    """The same in small: nothing to compare by, only to see that it works."""
    small = [
        login(10),
        chat("chat", 5, 4, (400, 400)),
        chat("chat1000", 10, 1, (400, 400)),
        archive(5, 4, (400, 400)),
        page("page", 60, (20, 20)),
        page("page1m", 200, (20, 20)),
        room(10, (40, 40)),
        small_rooms(2, 5, (40, 40)),
        room(20, (20, 20), "room1000"),
        round_trips("component", 5, (400, 400)),
        acknowledged(5, (400, 400)),
        round_trips("iq", 5, (400, 400)),
        pep_login(5, 3, (10, 10)),
        publish(10, (40, 40)),
    ]
    return [replace(job, args=(*job.args, "--settle", "50")) for job in small] + [
        idle(min(idle_sessions, 20), 200, 0), hibernate(min(idle_sessions, 20), 200, 0), START]


def rows(jobs_of_run):
    """The table, with the numbers that the jobs really have."""
    args = {job.name: dict(zip(job.args[1::2], job.args[2::2])) for job in jobs_of_run}

    def of(job, option):
        return f"{int(args.get(job, {}).get(option, 0)):,}"

    table = []
    for job in ("chat", "chat1000"):
        title = f"chat, {of(job, '--pairs')} pairs, window {of(job, '--window')}: CPU µs a message"
        table.append(Row(title, job, "message", "cpu_us"))
    archived = {job.name: f"{job.archived:,}" for job in jobs_of_run}
    title = (f"chat with archiving, {of('archive', '--pairs')} pairs, window "
             f"{of('archive', '--window')}")
    table += [
        Row(f"{title}: CPU µs a message", "archive", "message", "cpu_us"),
        Row("- messages a second", "archive", "message", "rate", details=False),
    ]
    table += [Row(f"the last {of(job, '--page')} of {archived.get(job)} archived messages: ms", job,
                  "page", "p50_ms", digits=2) for job in ("page", "page1m")]
    contacts = int(args.get("pep-login", {}).get("--contacts", 1))
    items = contacts * NODES
    budget = NOTIFICATION_US * items + PRESENCE_US * 2 * contacts
    occupants, fewer = of("room", "--occupants"), of("rooms", "--occupants")
    most = of("room1000", "--occupants")
    table += [
        Row(f"room of {occupants}: CPU µs a copy", "room", "copy", "cpu_us"),
        Row(f"{of('rooms', '--rooms')} rooms of {fewer}: CPU µs a copy", "rooms", "copy", "cpu_us"),
        Row(f"room of {most}: CPU µs a copy", "room1000", "copy", "cpu_us"),
        Row(f"room of {occupants}, filling it: CPU µs a join", "room", "join", "cpu_us"),
        Row(f"room of {fewer}, filling it: CPU µs a join", "rooms", "join", "cpu_us"),
        Row(f"room of {most}, filling it: CPU µs a join", "room1000", "join", "cpu_us"),
        Row("component: CPU µs a round trip", "component", "roundtrip", "cpu_us"),
        Row("component with acknowledgements: CPU µs a round trip", "echo", "roundtrip", "cpu_us"),
        Row("ping: CPU µs a round trip", "iq", "roundtrip", "cpu_us"),
        Row("login, SCRAM-SHA-1, TLS 1.3: CPU µs (floor: the handshake)", "login", "", "cpu_us"),
        Row(f"login, {contacts} contacts and {items} items to be told of: CPU µs", "pep-login", "",
            "cpu_us"),
        Row(f"- above a plain login, of {NOTIFICATION_US} µs an item and {PRESENCE_US} µs a "
            "presence", "pep-login", "", "cpu_us", 1 / budget, details=False, above="login",
            digits=2),
        Row(f"publish to {of('publish', '--sessions')}: CPU µs a notification", "publish", "",
            "cpu_us"),
        Row(f"idle, {of('idle', '--sessions')} sessions: KiB a session", "idle", "session",
            "pss_held", 1 / 1024, details=False),
        Row(f"asleep, {of('hibernate', '--sessions')} sessions (XEP-0198): KiB a session", "hibernate",
            "session", "pss_held", 1 / 1024, details=False),
        Row("cold start: ms", "start", "start", "up_ms", details=False),
    ]
    return [row for row in table if row.job in args]
