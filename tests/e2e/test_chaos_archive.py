# SPDX-License-Identifier: MIT
"""Twenty people talk to each other while their connections are cut and the archive, pubsub and the
router are killed at random.  Afterwards each message that was acknowledged is in both archives once,
and its recipient has seen it once, or finds it in his archive; only a router that was killed may have
had somebody say it again."""

import random

import pytest

from lib.chaos import Trouble, plan
from lib.chaos_town import PEOPLE, Town

SEED = 20261128
ENV = {"E2E_POLICY_CHAT": "none", "LIMIT_SESSION_RATE": "0", "LIMIT_CONNECTIONS_PER_ADDRESS": "0"}


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


@pytest.mark.parametrize("n", LENGTHS)
async def test_components_are_killed(town, dice, n):
    here = town("archive", "pubsub")
    talks = plan(dice, PEOPLE, n)
    await here.talk(talks, Trouble(dice, kinds(n, archive=4, pubsub=2), n))
    await here.judge(talks)
    assert here.stack.metrics()["switchyard_repeated_stanzas_total"] > 0  # it was put to the test


@pytest.mark.parametrize("n", LENGTHS)
async def test_the_router_is_killed_too(town, dice, n):
    here = town("archive", "pubsub")
    talks = plan(dice, PEOPLE, n)
    await here.talk(talks, Trouble(dice, kinds(n, archive=2, pubsub=1, router=3), n))
    await here.judge(talks, again=True)
