# SPDX-License-Identifier: MIT
"""Several processes of one component on one domain, each with a way of its own to the router."""

import asyncio
import itertools
import re
from dataclasses import dataclass

from .wait import until


SETTLED = re.compile(r'msg="epoch (\d+) is settled: (\S+) of (\d+) members"')


@dataclass(frozen=True)
class Settled:
    epoch: int
    id: str
    n: int


class Instance:
    def __init__(self, process, proxy):
        self.process, self.proxy = process, proxy

    @property
    def settled(self):
        """What it was told last, None before that."""
        found = SETTLED.findall(self.process.log)
        return Settled(int(found[-1][0]), found[-1][1], int(found[-1][2])) if found else None

    def __repr__(self):
        return self.process.name


class Instances:
    """those that run, in the order in which they were started; every: that ever did"""

    def __init__(self, stack, component, cut_proxy, domain):
        self.stack, self.component, self.domain = stack, component, domain
        self._cut_proxy, self._numbers = cut_proxy, itertools.count(1)
        self.running, self.every = [], []

    # --- coming and going -----------------------------------------------------------------------
    def add(self):
        name = f"{self.component}-{next(self._numbers)}"
        proxy = self._cut_proxy(self.stack.port("COMPONENT_PORT"))
        one = Instance(self.stack.add_instance(self.component, name), proxy)
        one.process.env["ROUTER_PORT"] = str(proxy.port)
        one.process.start()
        self.running.append(one)
        self.every.append(one)
        return one

    async def remove(self, one):
        self.running.remove(one)
        await asyncio.to_thread(one.process.term)

    async def kill(self, one):
        """For good."""
        self.running.remove(one)
        await asyncio.to_thread(one.process.kill9)

    async def restart(self, one):
        await asyncio.to_thread(one.process.kill9)
        one.process.start()

    # --- what they know -------------------------------------------------------------------------
    async def settled(self, timeout=15):
        """All that run share the domain, and agree on it: {instance: its id}."""
        def agree():
            known = {one: one.settled for one in self.running}
            if len({(k.epoch, k.n) if k else None for k in known.values()}) == 1:
                if next(iter(known.values())) and next(iter(known.values())).n == len(known):
                    return {one: k.id for one, k in known.items()}
            return None
        return await until(agree, lambda: f"{ {one: one.settled for one in self.running} }", timeout)
