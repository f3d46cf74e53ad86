# SPDX-License-Identifier: MIT
"""Rooms that three containers serve, while one is killed, one is taken away, one is added and each is
replaced by one of a new image: nothing is lost, nothing comes twice, nobody is out of his room."""

import asyncio
import random
import time

import pytest

import engine
from lib.chaos import Trouble
from lib.crowded import Occupant, Town

pytestmark = pytest.mark.engine

SEED = 20261128
ROOMS, PEOPLE, EACH, RATE, SECONDS = 60, 15, 3, 100, 50
SOON = 10  # seconds until all is healthy again, and until a message comes at the latest
ENV = {"MUC_OCCUPANT_RATE": 0, "MUC_ROOM_RATE": 0, "LIMIT_SESSION_RATE": 0,
       "LIMIT_CONNECTIONS_PER_ADDRESS": 0, "MUC_INSTANCES": 3}


class Troubles:
    def __init__(self, stack, dice):
        self.stack, self.dice, self.slowest = stack, dice, 0.0

    async def _healthy(self, began):
        await asyncio.to_thread(self.stack.wait_healthy, SOON)
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def _scale(self, n):
        await asyncio.to_thread(self.stack.compose, "up", "-d", "--no-build", "--no-deps",
                                "--no-recreate", "--scale", f"muc={n}", "muc")
        assert len(self.stack.ids("muc", everything=False)) == n

    async def kill(self):
        one = self.dice.choice(self.stack.inspect("muc"))
        began = time.monotonic()
        self.stack.kill(one)
        await asyncio.to_thread(
            self.stack.wait, lambda: any(c["RestartCount"] > one["RestartCount"]
                                         for c in self.stack.inspect("muc") if c["Id"] == one["Id"]),
            "a restart", SOON)
        await self._healthy(began)

    async def remove(self):
        await self._scale(2)
        await self._healthy(time.monotonic())

    async def add(self):
        began = time.monotonic()
        await self._scale(3)
        await self._healthy(began)

    async def upgrade(self):
        """Each in turn: one goes, one of the new image comes."""
        self.stack.env["TAG"] = "next"
        for one in self.stack.ids("muc"):
            began = time.monotonic()
            await asyncio.to_thread(engine.docker, "stop", one)
            await asyncio.to_thread(engine.docker, "rm", one)
            await self._scale(3)
            await self._healthy(began)
        new = engine.docker("image", "inspect", "-f", "{{.Id}}", engine.image("muc", "next"))
        assert {c["Image"] for c in self.stack.inspect("muc")} == {new}

    async def others(self):
        """As the operator upgrades whatever is one of a kind."""
        for name in ("pubsub", "archive"):
            await asyncio.to_thread(self.stack.compose, "up", "-d", "--no-build", "--no-deps", name)
            await self._healthy(time.monotonic())


@pytest.mark.timeout(600)
async def test_three_instances_under_load(make, raw_client):
    for name in ("muc", "pubsub", "archive"):
        engine.build(name, "next", VERSION="0.1.1")
    stack = make("scale.yaml", **ENV)
    stack.up()
    stack.fetch_ca()
    assert len(stack.ids("muc", everything=False)) == 3
    dice, people = random.Random(SEED), []
    for n in range(PEOPLE):
        jid = stack.add_account(f"u{n}")
        raw = await (await raw_client(stack)).login(f"u{n}", stack.accounts[jid])
        people.append(Occupant(raw, f"U{n}"))
    town = Town(people, [f"room{n}@conference.example.org" for n in range(ROOMS)], EACH)
    await town.move_in()
    troubles = Troubles(stack, dice)
    kinds = dict.fromkeys(("kill", "remove", "add", "upgrade", "others"), 1)
    trouble = Trouble(None, kinds, SECONDS * RATE)
    making = asyncio.ensure_future(trouble.make({name: getattr(troubles, name) for name in kinds}))
    try:
        said = await town.talk(dice, RATE, trouble, making.done)
    finally:
        making.cancel()
    making.result()
    assert not (faults := await town.faults()), f"{len(faults)}:\n" + "\n".join(faults[:20])
    late = max(x for p in people for x in p.late)
    print(f"{said} messages, the latest after {late[0]:.1f} s, "
          f"healthy after {troubles.slowest:.1f} s at most")
    assert late[0] < SOON
