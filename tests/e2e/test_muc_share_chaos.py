# SPDX-License-Identifier: MIT
"""Two hundred rooms on one domain, served by three processes, which are killed, started, taken away
and cut off while a hundred messages a second are said: nothing is lost, nothing comes twice, nobody
is out, and only those rooms move that have to."""

import asyncio
import random
import re

import pytest

from lib.chaos import Trouble
from lib.crowded import Occupant, Town
from lib.instances import Instances
from lib.sharing import winner
from lib.wait import until

SEED = 20261128
ROOMS, PEOPLE, EACH, RATE = 200, 20, 3, 100
DOMAIN = "conference.localhost"
CONF = "component muc {\n  connections = share\n  link_grace = 1\n}\n"
ENV = {"COMPONENT_SHARE": "true", "MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0",
       "LIMIT_SESSION_RATE": "0", "LIMIT_CONNECTIONS_PER_ADDRESS": "0"}
MOVED = re.compile(r"ts=\S+ .*msg=\"(\S+) is (this|another) process's now\"")
COMES = re.compile(r'ts=(\S+) .*msg="epoch (\d+) is to come')
TAKEN = re.compile(r'ts=(\S+) .*msg="epoch (\d+) is settled')
LATE = 2.0  # seconds, of a message while something happens


class Service(Instances):
    """Whose each room is, as its processes tell."""

    def __init__(self, stack, cut_proxy, rooms):
        super().__init__(stack, "muc", cut_proxy, DOMAIN)
        self._rooms, self._marks, self.moves = rooms, {}, 0
        self.ids = {}

    def mark(self):
        self._marks = {one: one.process.mark() for one in self.every}

    def _log(self, one):
        return one.process.log[self._marks.get(one, 0):]

    @staticmethod
    def _has_read(one):
        """It has its rooms, and has said which."""
        return re.search(r'msg="\d+ rooms"', one.process.log.rpartition("is settled")[2])

    def _moved(self, one, what):
        """Rooms that have come to `this` process, or gone to `another`, since the mark."""
        return [room for room, where in MOVED.findall(self._log(one)) if where == what]

    async def judge(self, restarted=None):
        """All agree again: those rooms have moved whose winner is another, and those alone."""
        before, after = self.ids, await self.settled()
        await until(lambda: all(self._has_read(one) for one in after), "rooms that are read")
        self.ids = after
        for one, ident in after.items():
            want = {r for r in self._rooms if winner(after.values(), r) == ident}
            had = {r for r in want if before.get(one) == ident
                   and winner(before.values(), r) == ident and one is not restarted}
            come = self._moved(one, "this")
            assert sorted(come) == sorted(want - had), f"{one}: {len(come)} of {len(want - had)}"
            gone = set(self._moved(one, "another"))
            lost = {r for r in self._rooms if one in before and one is not restarted
                    and winner(before.values(), r) == before[one]} - want
            assert gone == lost, f"{one}: {len(gone)} given away, not {len(lost)}"
            self.moves += len(come)
        self._judge_overlap()
        self.mark()

    def _judge_overlap(self):
        """Nobody takes a room before all others know of it, from when on they leave alone what is not
        theirs."""
        told = {}
        for one in self.running:
            for when, epoch in COMES.findall(self._log(one)):
                told.setdefault(epoch, []).append(when)
        for one in self.running:
            for when, epoch in TAKEN.findall(self._log(one)):
                assert max(told.get(epoch, [when])) <= when, f"{one} took epoch {epoch} at {when}"


class Troubles:
    def __init__(self, service, dice):
        self.service, self.dice = service, dice

    def _any(self):
        return self.dice.choice(self.service.running)

    async def restart(self):
        """Killed, and there again at once: it goes on with its session."""
        one = self._any()
        await self.service.restart(one)
        await asyncio.to_thread(self.service.stack.ready, one.process.name)
        await self.service.judge(restarted=one)

    async def add(self):
        one = self.service.add()
        await asyncio.to_thread(self.service.stack.ready, one.process.name)
        await self.service.judge()

    async def remove(self):
        await self.service.remove(self._any())
        await self.service.judge()

    async def kill(self):
        await self.service.kill(self._any())
        await self.service.judge()

    async def cut(self):
        one = self._any()
        one.proxy.cut()
        await self.service.judge()

    async def replace(self):
        """As an upgrade does it: one goes, another comes."""
        await self.remove()
        await self.add()

    @property
    def every(self):
        return {name: getattr(self, name)
                for name in ("restart", "add", "remove", "kill", "cut", "replace")}


async def town(stack, raw_client, rooms):
    people = []
    for n in range(PEOPLE):
        jid = stack.add_account(f"u{n}")
        raw = await (await raw_client()).login(f"u{n}", stack.accounts[jid])
        people.append(Occupant(raw, f"U{n}"))
    town = Town(people, rooms, EACH)
    await town.move_in()
    return town


async def trial(stack, cut_proxy, raw_client, kinds, seconds):
    dice = random.Random(SEED)
    rooms = [f"room{n}@{DOMAIN}" for n in range(ROOMS)]
    service = Service(stack, cut_proxy, rooms)
    for _ in range(3):
        service.add()
    service.ids = await service.settled()
    people = await town(stack, raw_client, rooms)
    service.mark()
    trouble = Trouble(dice, kinds, seconds * RATE)
    making = asyncio.ensure_future(trouble.make(Troubles(service, dice).every))
    said = await people.talk(dice, RATE, trouble, lambda: making.done())
    await making
    assert not (faults := await people.faults()), f"{len(faults)}:\n" + "\n".join(faults[:20])
    late = sorted((x for p in people.people for x in p.late), reverse=True)
    print(f"{said} messages, {dict(trouble.made)}, {service.moves} moves, latest {late[:3]}")
    assert late[0][0] < LATE, late[:10]


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=CONF, env=ENV)


async def test_chaos(stack, cut_proxy, raw_client):
    kinds = {"restart": 2, "add": 2, "remove": 1, "kill": 1, "cut": 1}
    await trial(stack, cut_proxy, raw_client, kinds, seconds=15)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_chaos_for_long(stack, cut_proxy, raw_client):
    kinds = {"restart": 12, "add": 10, "remove": 5, "kill": 5, "cut": 10, "replace": 8}
    await trial(stack, cut_proxy, raw_client, kinds, seconds=180)
