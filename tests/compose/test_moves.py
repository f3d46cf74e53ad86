# SPDX-License-Identifier: MIT
"""Containers that come, go and come back elsewhere."""

import asyncio
import random
import time

import pytest

from engine import docker, image
from lib.chaos import Trouble, plan
from lib.chaos_town import PEOPLE, Town
from lib.proxy import CutProxy

pytestmark = pytest.mark.engine

SOON = 10  # seconds until all is healthy again
MESSAGES = 1000
SEED = 20261128


def address(stack, service):
    networks = stack.one(service)["NetworkSettings"]["Networks"]
    return networks[f"{stack.name}_components"]["IPAddress"]


def occupy(stack):
    """A container that takes the first free address."""
    name = f"{stack.name}-squatter"
    docker("run", "-d", "--rm", "--name", name, "--network", f"{stack.name}_components",
           "--entrypoint", "sleep", image("muc"), "60")
    return name


def peer(stack, title):
    return next(c for c in stack.ctl("component", "list") if c["title"] == title)


def test_component_with_a_new_address(stack):
    """Somebody else has its old one meanwhile."""
    before = address(stack, "muc")
    stack.compose("rm", "-sf", "muc")
    squatter = occupy(stack)
    try:
        began = time.monotonic()
        stack.compose("up", "-d", "--no-build", "--no-deps", "muc")
        stack.wait(lambda: peer(stack, "muc")["state"] == "online", lambda: peer(stack, "muc"), SOON)
        stack.wait_healthy(SOON)
        assert time.monotonic() - began < SOON
        assert address(stack, "muc") != before
    finally:
        docker("rm", "-fv", squatter)


def test_router_with_a_new_address(stack):
    """Components look its name up anew, and find it at once."""
    before = address(stack, "router")
    stack.compose("rm", "-sf", "router")
    squatter = occupy(stack)
    try:
        stack.compose("up", "-d", "--no-build", "--no-deps", "router")
        assert address(stack, "router") != before
        stack.wait_healthy(SOON)
        for title in ("muc", "pubsub", "archive"):
            stack.wait(lambda: peer(stack, title)["state"] == "online", title, SOON)
    finally:
        docker("rm", "-fv", squatter)


def test_ready_although_another_is_away(stack):
    """Restarting components because the router is away would help nobody."""
    stack.compose("stop", "router")
    time.sleep(12)  # two health checks
    for name in ("muc", "pubsub", "archive"):
        assert stack.one(name)["State"]["Health"]["Status"] == "healthy"
        said = stack.exec(name, f"/usr/local/bin/switchyard-{name}", "--health").stdout
        assert "link: " in said and "link: ok" not in said
    stack.compose("start", "router")
    stack.wait_healthy()


def test_component_before_the_router(make):
    stack = make()
    stack.compose("up", "-d", "--no-build", "init")
    stack.wait(lambda: stack.one("init")["State"]["Status"] == "exited", "init")
    stack.compose("up", "-d", "--no-build", "--no-deps", "muc")
    stack.wait_log("muc", "no link to router.*next try")
    stack.compose("up", "-d", "--no-build", "--no-deps", "router")
    stack.wait(lambda: peer(stack, "muc")["state"] == "online", "muc online")
    stack.wait_healthy()
    assert stack.one("muc")["RestartCount"] == 0


def test_crash_heals(stack):
    for name in ("muc", "router", "archive", "pubsub"):
        before = stack.one(name)
        stack.kill(before)
        stack.wait(lambda: stack.one(name)["RestartCount"] > before["RestartCount"], name, SOON)
        stack.wait_healthy(SOON)


class Recreated(Town):
    """People who talk while containers are replaced by new ones, one after the other."""

    def replacing(self, service):
        async def replace():
            before = self.stack.one(service)["Id"]
            await asyncio.to_thread(self.stack.compose, "up", "-d", "--no-build", "--no-deps",
                                    "--force-recreate", service)
            began = time.monotonic()
            await asyncio.to_thread(self.stack.wait_healthy, SOON)
            assert self.stack.one(service)["Id"] != before
            print(f"{service}: healthy again after {time.monotonic() - began:.1f} s")
        return replace

    @property
    def troubles(self):
        return {"cut one": self.cut_one} | {s: self.replacing(s) for s in self.stack.components}


async def test_all_recreated_under_talk(make, raw_client):
    """Clients go on with their sessions, or log in again and repeat what was not acknowledged: what
    was is in both archives once, and its recipient has seen it."""
    stack = make(E2E_POLICY_CHAT="none", LIMIT_SESSION_RATE=0, LIMIT_CONNECTIONS_PER_ADDRESS=0)
    stack.components = ("archive", "pubsub", "router")
    stack.up()
    stack.fetch_ca()
    dice = random.Random(SEED)
    proxy = CutProxy(stack.port("C2S_PORT"), "127.0.0.1")
    try:
        town = Recreated(stack, proxy, raw_client, dice)
        talks = plan(dice, PEOPLE, MESSAGES)
        kinds = {"cut one": 10} | dict.fromkeys(stack.components, 1)
        await town.talk(talks, Trouble(dice, kinds, MESSAGES))
        await town.judge(talks, again=True)
    finally:
        proxy.close()
