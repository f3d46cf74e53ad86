# SPDX-License-Identifier: MIT
"""Several processes of one component share its domain and its database: whatever becomes of each of
them, what every address is sent is handled once, in order, and answered once."""

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter, defaultdict

import pytest

from lib.process import Process
from lib.wait import until

NS = "urn:switchyard:test:counter"
NAMES = ("counter", "second", "third")
GRACE = 1


class Shared:
    """A stack whose counter there are three of; who has gone is not waited for longer than GRACE."""

    def __init__(self, make_stack):
        self.stack = make_stack(components=("counter",), start=False,
                                env={"COUNTER_COMPONENT_SHARE": "true", "LIMIT_SESSION_RATE": "0"})
        self._section()
        first = self.stack.components["counter"]
        for name in NAMES[1:]:
            env = first.env | {"HEALTH_LISTEN": self.stack.health_socket(name)}
            self.stack.components[name] = Process(name, first.argv, env,
                                                  f"{first.log_file}.{name}")
        self.domain = self.stack.component_domain("counter")

    def _section(self):
        path = f"{self.stack.conf_dir}/90-counter.conf"
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.rstrip()[:-1] + f"  connections = share\n  link_grace = '{GRACE}'\n}}\n")

    def start(self):
        self.stack.start()
        return self

    def __getitem__(self, name):
        return self.stack.components[name]

    def members(self):
        """Ids of the sessions that the database knows."""
        path = f"file:{self.stack.data_dir}/counter.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True)) as db:
            return [m for (m,) in db.execute("SELECT member FROM comp_link") if m]

    def keys(self, n):
        return [f"k{i}@{self.domain}" for i in range(n)]


@pytest.fixture
def shared(make_stack):
    return Shared(make_stack).start()


def message(key, seq):
    return (f"<message to='{key}' type='chat' id='{key}-{seq}'>"
            f"<n xmlns='{NS}' seq='{seq}'/></message>")


def answers(client):
    """{key: [(seq, count)]} and {key: its last member}."""
    numbers, members = defaultdict(list), {}
    for m in client.inbox.find("message"):
        for n in m.findall(f"{{{NS}}}n"):
            key = m.get("from")
            numbers[key].append((int(n.get("seq")), int(n.get("count"))))
            members[key] = n.get("member")
    return numbers, members


async def all_answered(client, keys, upto):
    """Each address has answered each number once, in order, and counted right."""
    want = {key: [(n, n) for n in range(1, upto + 1)] for key in keys}

    def wrong():
        got = answers(client)[0]
        return {k: got[k][-5:] for k in keys if got[k] != want[k]}

    await until(lambda: sum(map(len, answers(client)[0].values())) >= upto * len(keys),
                wrong, timeout=60)
    await client.sync()
    assert not wrong()


def send(client, keys, seq):
    for key in keys:
        client.send_raw(message(key, seq))


async def owners(client, keys, seq):
    send(client, keys, seq)
    await all_answered(client, keys, seq)
    return answers(client)[1]


# --- who has what ---------------------------------------------------------------------------------

async def test_addresses_are_spread(shared, client):
    alice, keys = await client("alice"), shared.keys(60)
    have = Counter((await owners(alice, keys, 1)).values())
    assert len(have) == 3
    assert min(have.values()) >= 6


async def test_one_leaves_and_one_comes(shared, client):
    """Only what was of who left moves, and goes on where it was."""
    alice, keys = await client("alice"), shared.keys(30)
    before = await owners(alice, keys, 1)
    shared["second"].term()
    without = await owners(alice, keys, 2)
    left = set(before.values()) - set(without.values())
    assert len(left) == 1
    assert all(without[k] == before[k] for k in keys if before[k] not in left)
    shared["second"].start()
    shared.stack.ready("second")
    after = await owners(alice, keys, 3)
    assert all(after[k] == without[k] for k in keys if after[k] in without.values())
    assert len(set(after.values())) == 3


async def test_a_quick_restart_moves_nothing(shared, client):
    alice, keys = await client("alice"), shared.keys(30)
    before = await owners(alice, keys, 1)
    shared["third"].kill9()
    shared["third"].start()
    shared.stack.ready("third")
    assert await owners(alice, keys, 2) == before


async def test_one_is_killed_for_good(shared, client):
    alice, keys = await client("alice"), shared.keys(30)
    await owners(alice, keys, 1)
    shared["third"].kill9()
    after = await owners(alice, keys, 2)
    assert len(set(after.values())) == 2


async def test_all_are_restarted(shared, client):
    alice, keys = await client("alice"), shared.keys(10)
    await owners(alice, keys, 1)
    for name in NAMES:
        shared[name].term()
    for name in NAMES:
        shared[name].start()
    shared.stack.ready(*NAMES)
    await owners(alice, keys, 2)


async def test_the_router_is_restarted(shared, client):
    """It knows of no session any more, and they begin anew."""
    alice, keys = await client("alice"), shared.keys(30)
    await owners(alice, keys, 1)
    shared.stack.router.kill9()
    shared.stack.router.start()
    shared.stack.ready()
    for name in NAMES:
        await shared[name].wait_log("a new session begins")
    bob = await client("bob")
    send(bob, keys, 1)
    await all_answered(bob, keys, 1)
    assert len(set(answers(bob)[1].values())) == 3


# --- what hangs -----------------------------------------------------------------------------------

async def test_one_hangs_and_wakes(shared, client):
    """What it had goes to the others; it does no harm when it wakes, and is one of them again."""
    alice, keys = await client("alice"), shared.keys(30)
    await owners(alice, keys, 1)
    shared["counter"].hang()
    send(alice, keys, 2)
    await asyncio.sleep(0.5)
    send(alice, keys, 3)
    # It is given up when a change comes that it does not answer.
    shared["second"].term()
    await all_answered(alice, keys, 3)
    assert len(set((await owners(alice, keys, 4)).values())) == 1
    mark = shared["counter"].mark()
    shared["counter"].unhang()
    await shared["counter"].wait_log("a new session begins", mark)
    shared["second"].start()
    shared.stack.ready("second", "counter")
    await until(lambda: len(shared.members()) == 3, shared.members)
    assert len(set((await owners(alice, keys, 5)).values())) == 3


# --- what was deferred ----------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["term", "kill9"])
async def test_deferred_requests_go_along(shared, client, how):
    """Its new owner answers, once."""
    alice, keys = await client("alice"), shared.keys(6)
    await owners(alice, keys, 1)
    for i, key in enumerate(keys):
        alice.send_raw(f"<iq type='set' id='h{i}' to='{key}'><hold xmlns='{NS}'/></iq>")
    await alice.sync()
    await asyncio.sleep(0.3)
    for name in ("counter", "third"):
        getattr(shared[name], how)()
    after = await owners(alice, keys, 2)
    assert len(set(after.values())) == 1

    def results():
        return Counter(iq.get("id") for iq in alice.inbox.find("iq")
                       if iq.get("id", "").startswith("h"))
    await until(lambda: len(results()) == len(keys), results)
    await alice.sync()
    assert set(results().values()) == {1}


# --- chaos ----------------------------------------------------------------------------------------

async def trouble(dice, shared):
    """One of them comes to harm, or comes back."""
    name = dice.choice(NAMES)
    if not shared[name].alive:
        shared[name].start()
    elif sum(shared[n].alive for n in NAMES) > 1 or dice.random() < 0.2:
        getattr(shared[name], dice.choice(("kill9", "kill9", "term")))()
        if dice.random() < 0.5:
            shared[name].start()
    await asyncio.sleep(dice.random() * 2)


async def test_chaos(shared, client):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice, alice, keys, seq = random.Random(seed), await client("alice"), shared.keys(20), 0
    for _ in range(12):
        for _ in range(10):
            seq += 1
            send(alice, keys, seq)
        await trouble(dice, shared)
    for name in NAMES:
        if not shared[name].alive:
            shared[name].start()
    await all_answered(alice, keys, seq)
