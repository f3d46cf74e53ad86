# SPDX-License-Identifier: MIT
"""Twenty people talk to each other while their connections are cut and the archive, pubsub and the
router are killed at random.  Afterwards each message that was acknowledged is in both archives once,
and its recipient has seen it once, or finds it in his archive; only a router that was killed may have
had somebody say it again."""

import asyncio
import random

import pytest

from lib.chaos import Person, Trouble, Verdict, archive_of, plan
from lib.proxy import DOWN, UP
from lib.wait import until

SEED = 20261128
PEOPLE = 20
ENV = {"E2E_POLICY_CHAT": "none", "LIMIT_SESSION_RATE": "0", "LIMIT_CONNECTIONS_PER_ADDRESS": "0"}


class Town:
    """The stack, the proxy in front of it, and who lives there."""

    def __init__(self, stack, proxy, raw_client, dice):
        self.stack, self.proxy, self.dice = stack, proxy, dice
        self._raw_client = raw_client
        self.people = [self._person(f"u{n}") for n in range(PEOPLE)]

    def _person(self, user):
        jid = self.stack.add_account(user)

        async def connect():
            return await self._raw_client(stack=self.stack, port=self.proxy.port)
        return Person(connect, user, self.stack.accounts[jid], self.stack.first_domain)

    # --- troubles -------------------------------------------------------------------------------
    async def cut_one(self):
        """Of somebody, wherever it is."""
        person = self.dice.choice(self.people)
        if person.raw:
            person.raw.wire.reset()

    async def cut_soon(self):
        self.proxy.cut_after(self.dice.randrange(1, 4000), self.dice.choice((UP, DOWN)))

    async def cut_all(self):
        self.proxy.cut()

    def killing(self, name):
        process = self.stack.router if name == "router" else self.stack.components[name]

        async def kill():
            await asyncio.to_thread(process.kill9)
            await asyncio.sleep(self.dice.uniform(0, 0.3))
            process.start()
            await asyncio.to_thread(self.stack.ready)
        return kill

    @property
    def troubles(self):
        names = [*self.stack.components, "router"]
        return ({"cut one": self.cut_one, "cut soon": self.cut_soon, "cut all": self.cut_all}
                | {f"kill {name}": self.killing(name) for name in names})

    # --- a day ----------------------------------------------------------------------------------
    async def talk(self, talks, trouble):
        lives = [asyncio.ensure_future(p.live()) for p in self.people]
        try:
            await until(lambda: all(p.here for p in self.people), self.state, timeout=60)
            shares = {at: [(n, self.people[to].bare) for n, sender, to in talks if sender == at]
                      for at in range(PEOPLE)}
            await asyncio.gather(trouble.make(self.troubles),
                                 *(self.people[at].talk(share, trouble.told)
                                   for at, share in shares.items()))
            await until(lambda: all(p.here and p.settled for p in self.people), self.state,
                        timeout=120)
            for person in self.people:  # what was still on its way has come
                await person.ask()
        finally:
            for person in self.people:
                await person.go()
            await asyncio.gather(*lives)

    def state(self):
        return "\n".join(f"{p}: {p.state()}" for p in self.people)

    async def archives(self):
        found = {}
        for person in self.people:
            raw = await self._raw_client(stack=self.stack)
            await raw.login(person.user, self.stack.accounts[person.bare], "reader")
            found[person] = await archive_of(raw)
            await raw.close()
        return found

    async def judge(self, talks, again=False):
        verdict = Verdict(talks, self.people, again)
        verdict.judge_senders()
        verdict.judge_live()
        if "archive" in self.stack.components:
            verdict.judge_archives(await self.archives())
        print({what: sum(p.comings[what] for p in self.people) for what in (True, False)},
              sum(len(p.seen) for p in self.people), "seen live,",
              sum(sum(p.refused.values()) for p in self.people), "refused")
        verdict.end()


@pytest.fixture
def dice():
    return random.Random(SEED)


@pytest.fixture
def town(make_stack, cut_proxy, raw_client, dice):
    """town(components): of people who come through a proxy."""
    def make(*components):
        stack = make_stack(components=components, env=ENV)
        return Town(stack, cut_proxy(stack.port("C2S_PORT")), raw_client, dice)
    return make


LENGTHS = [pytest.param(1500, id="1500"),
           pytest.param(50_000, id="50000", marks=[pytest.mark.long, pytest.mark.timeout(2400)])]


def kinds(n, **kills):
    """So many cuts, and kills of each, for 1,500 messages; with more of them not as many more."""
    more = max(1, n // 10_000)
    return ({"cut one": 40 * more, "cut soon": 15 * more, "cut all": 4 * more}
            | {f"kill {name}": times * more for name, times in kills.items()})


@pytest.mark.parametrize("n", LENGTHS)
async def test_cut_at_random(town, dice, n):
    """The router alone, which lives: each session goes on, and all is seen once, without an archive."""
    here = town()
    talks = plan(dice, PEOPLE, n)
    trouble = Trouble(dice, kinds(n), n)
    await here.talk(talks, trouble)
    await here.judge(talks)
    seen = sum(len(p.seen) for p in here.people)
    assert seen == n, f"{seen} of {n} messages were seen"


@pytest.mark.parametrize("n", LENGTHS)
async def test_components_are_killed(town, dice, n):
    here = town("archive", "pubsub")
    talks = plan(dice, PEOPLE, n)
    await here.talk(talks, Trouble(dice, kinds(n, archive=4, pubsub=2), n))
    await here.judge(talks)


@pytest.mark.parametrize("n", LENGTHS)
async def test_the_router_is_killed_too(town, dice, n):
    here = town("archive", "pubsub")
    talks = plan(dice, PEOPLE, n)
    await here.talk(talks, Trouble(dice, kinds(n, archive=2, pubsub=1, router=3), n))
    await here.judge(talks, again=True)
