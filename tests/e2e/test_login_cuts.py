# SPDX-License-Identifier: MIT
"""A connection that breaks in whatever phase of a login: behind each byte before TLS, and behind each
TLS record from there on, in both directions.  The router goes on, keeps nothing that nobody comes
back for, holds it against nobody, and the client comes back with nothing lost or doubled."""

import asyncio

import pytest

from lib.lasting import GONE, Lasting, idents, message, show
from lib.payloads import ENCRYPTED
from lib.proxy import BYTES, DOWN, RECORDS, UP, Cut
from lib.wait import until

BODY = ENCRYPTED["OMEMO 2"]
AT_ONCE = 16
WAYS = (UP, DOWN)


@pytest.fixture
def stack(make_stack):
    stack = make_stack(components=(), env={"LIMIT_CONNECTIONS_PER_ADDRESS": "0",
                                           "LIMIT_RESOURCES": "0", "LIMIT_SESSION_RATE": "0"})
    stack.add_account("alice")
    return stack


@pytest.fixture
def proxy(stack, cut_proxy):
    return cut_proxy(stack.port("C2S_PORT"))


class Cutting:
    """Logins of one kind through the proxy, and what has to be so afterwards.

    inline: XEP-0388 with XEP-0386; resume: there is a session, which has missed a message."""

    def __init__(self, stack, proxy, raw_client, bystander, inline=False, resume=False):
        self.stack, self.proxy, self.bystander = stack, proxy, bystander
        self._raw_client = raw_client
        self.inline, self.resume = inline, resume
        self._n = 0

    # --- one client -----------------------------------------------------------------------------
    def client(self, cut=None):
        self._n += 1
        c = Lasting(self._raw_client, "alice", self.stack.accounts["alice@localhost"],
                    f"r{self._n}", self.inline)
        c.cut, c.said, c.port = cut, set(), None
        return c

    def through(self, c):
        """A connect() for it: by the proxy, and cut there."""
        async def connect():
            raw = await self._raw_client(port=self.proxy.port)
            c.port = raw.wire.port
            if c.cut:
                self.proxy.cut_one(c.port, c.cut)
            return raw
        return connect

    async def prepare(self, c):
        """A session without a connection, with a message that its client has not seen."""
        if not self.resume:
            return
        await c.come()
        await self.talk(c, 0, 2)
        await c.leave()
        await until(lambda: self.sessions(c) == [None], "the end is noticed")
        await self.bystander.send(message(c.jid, "missed", BODY))
        await self.bystander.sync()

    async def talk(self, c, first, last):
        """To itself: each message goes up and comes down."""
        for n in range(first, last):
            if n not in c.said:
                c.said.add(n)
                await c.say(message(c.jid, f"m{n}", BODY))
        await c.ask()
        await until(lambda: c.raw.closed or (not c.waiting and f"m{last - 1}" in idents(c)),
                    lambda: show(c))

    async def attempt(self, c):
        """Until it is through or its connection has gone."""
        try:
            await c.come(self.through(c))
            await self.talk(c, 2, 5)
        except GONE:
            if not c.cut or not c.cut.done:
                raise
        await c.leave()

    def sessions(self, c):
        """The peers (None: it sleeps) of the sessions that this client has."""
        return [r["peer"] for r in self.stack.ctl("session", "list")
                if r["jid"].split("/")[1] == c.resource]

    async def recover(self, c):
        knows = c.id is not None
        await c.come()
        assert c.resumed == knows, (c, c.cut)
        await self.talk(c, 2, 5)
        assert c.here, (c, c.cut)
        wanted = [f"m{n}" for n in range(5)] if self.resume else ["m2", "m3", "m4"]
        found = idents(c)
        if self.resume:
            assert found.count("missed") == 1, (c, c.cut, found)
            assert found.index("missed") == 2, (c, c.cut, found)
            found.remove("missed")
        assert found == wanted, (c, c.cut)

    # --- many -----------------------------------------------------------------------------------
    async def lengths(self):
        """{way: how many records a login has that nobody cuts}, and the same in bytes."""
        c = self.client()
        await self.prepare(c)
        await self.attempt(c)
        await until(lambda: self.proxy.connections == 0, "the connection has gone")
        meters = self.proxy.meters[c.port]
        await self.recover(c)
        await c.end()
        return ({way: meters[way].records for way in WAYS},
                {way: meters[way].bytes for way in WAYS})

    async def batch(self, cuts):
        """All of these at once."""
        clients = [self.client(cut) for cut in cuts]
        await asyncio.gather(*(self.prepare(c) for c in clients))
        await asyncio.gather(*(self.attempt(c) for c in clients))
        await quiet(self.stack, 1)
        await self.bystander.sync()
        rows = self.stack.ctl("session", "list")
        for c in clients:
            self.judge(c, [r["peer"] for r in rows if r["jid"].split("/")[1] == c.resource])
        await asyncio.gather(*(self.recover(c) for c in clients))
        rows = self.stack.ctl("session", "list")
        assert len(rows) == len(clients) + 1, rows
        await asyncio.gather(*(c.end() for c in clients))
        await quiet(self.stack, 1)
        assert len(self.stack.ctl("session", "list")) == 1
        return sum(c.cut.done for c in clients)

    @staticmethod
    def judge(c, peers):
        """What a cut leaves: the session that the client knows of; or at most one that it asked for."""
        if c.id:
            assert peers == [None], (c, c.cut, peers)
        elif c.asked:
            assert peers in ([], [None]), (c, c.cut, peers)
        else:
            assert peers == [], (c, c.cut, peers)

    async def all(self, cuts):
        done = 0
        for at in range(0, len(cuts), AT_ONCE):
            done += await self.batch(cuts[at:at + AT_ONCE])
        return done


async def quiet(stack, connections):
    """Only so many connections are left."""
    await until(lambda: stack.metrics()["switchyard_c2s_connections"] == connections,
                lambda: f"{stack.metrics()['switchyard_c2s_connections']} connections")


def not_held_against(stack):
    """Whoever just loses his connection has not guessed a password."""
    log = stack.router.log
    assert "login failed" not in log and "answered late" not in log


# --- before TLS -----------------------------------------------------------------------------------

async def in_the_clear(raw_client, proxy, cut=None):
    c = await raw_client(port=proxy.port)
    port = c.wire.port
    if cut:
        proxy.cut_one(port, cut)
    try:
        await c.open_stream()
        await c.start_tls()
    except GONE:
        if not cut or not cut.done:
            raise
    await c.drop()
    return port


@pytest.mark.parametrize("way", WAYS)
async def test_behind_each_byte_before_tls(stack, bystander, raw_client, proxy, way):
    port = await in_the_clear(raw_client, proxy)
    length = proxy.meters[port][way].clear
    assert length > 150
    cuts = [Cut(way, n, BYTES, reset=bool(n % 2)) for n in range(length + 1)]
    for at in range(0, len(cuts), 50):
        await asyncio.gather(*(in_the_clear(raw_client, proxy, cut) for cut in cuts[at:at + 50]))
        await bystander.sync()
    assert all(cut.done for cut in cuts)
    await quiet(stack, 1)
    assert stack.is_ready() and len(stack.ctl("session", "list")) == 1
    c = await raw_client()
    await c.login("alice", stack.accounts["alice@localhost"])
    not_held_against(stack)


# --- from there on --------------------------------------------------------------------------------

KINDS = pytest.mark.parametrize("inline, resume", [(False, False), (True, False), (False, True),
                                                   (True, True)],
                                ids=["login", "inline", "resume", "resume-inline"])


@KINDS
async def test_behind_each_record(stack, bystander, raw_client, proxy, inline, resume):
    cutting = Cutting(stack, proxy, raw_client, bystander, inline, resume)
    records, _ = await cutting.lengths()
    cuts = [Cut(way, n, RECORDS, reset=bool((n + len(way)) % 2))
            for way in WAYS for n in range(1, records[way])]
    assert len(cuts) > 12
    done = await cutting.all(cuts)
    assert done >= len(cuts) - 4  # records at its end may come together in one of two runs
    not_held_against(stack)
    assert stack.is_ready()


@pytest.mark.long
@pytest.mark.timeout(900)
@KINDS
async def test_behind_bytes_everywhere(stack, bystander, raw_client, proxy, inline, resume):
    """Also within records."""
    cutting = Cutting(stack, proxy, raw_client, bystander, inline, resume)
    _, length = await cutting.lengths()
    cuts = [Cut(way, n, BYTES, reset=bool(n // 7 % 2)) for way in WAYS
            for n in range(1, length[way] - 100, 7)]
    done = await cutting.all(cuts)
    assert done >= 0.95 * len(cuts)
    not_held_against(stack)
    assert stack.is_ready()
