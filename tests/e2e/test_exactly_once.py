# SPDX-License-Identifier: MIT
"""Thousands of numbered stanzas through a component that is killed, and whose link is cut, stalled and
reset, at random: none missing, none twice, in order, and one answer each."""

import asyncio
import random

import pytest

from lib.faults import login
from lib.proxy import DOWN, UP
from lib.wait import until
from lib.xml import show

NS = "urn:switchyard:test:counter"
SENDERS, BURSTS, BURST = 4, 50, 100


@pytest.fixture
def dice(request):
    """Its seed is in the name of a test that fails."""
    seed = random.randrange(1 << 32)
    request.node.user_properties.append(("seed", seed))
    print("seed", seed)
    return random.Random(seed)


@pytest.fixture
def link(make_stack, cut_proxy):
    """(stack, the proxy that the component's link goes through)"""
    proxy = cut_proxy(5347)
    stack = make_stack(components=("counter",), start=False,
                       env={"LIMIT_SESSION_RATE": "0", "COUNTER_ROUTER_PORT": str(proxy.port)})
    stack.start()
    return stack, proxy


class Progress:
    """Senders and trouble go hand in hand, so that neither ends before the other: a burst has its
    time when its share of the trouble has begun."""

    def __init__(self, troubles):
        self.troubles, self.begun = troubles, 0

    async def wait(self, burst):
        await until(lambda: self.begun * BURSTS >= burst * self.troubles, "trouble", timeout=120)


async def send_all(c, domain, progress):
    """All numbers of one sender; its answers in the order in which they came."""
    answers = []
    await c.sync()
    c.inbox.clear()
    for burst in range(BURSTS):
        await progress.wait(burst)
        first = burst * BURST + 1
        await c.send("".join(f"<message to='{domain}' type='chat' id='n{seq}'>"
                             f"<n xmlns='{NS}' seq='{seq}'/></message>"
                             for seq in range(first, first + BURST)))
        await until(lambda: len(c.inbox) >= BURST, c.inbox.text, timeout=60)
        answers += list(c.inbox)
        c.inbox.clear()
        c.received.clear()
    return answers


async def run(stack, raw_client, trouble, troubles):
    """Sends while trouble(n) is made so many times; then nothing may be missing or be there twice."""
    senders = [await login(stack, raw_client, f"s{n}") for n in range(SENDERS)]
    progress = Progress(troubles)

    async def make_trouble():
        for _ in range(troubles):
            progress.begun += 1
            await trouble()

    *answers, _ = await asyncio.gather(
        *(send_all(c, stack.component_domain("counter"), progress) for c in senders),
        make_trouble())
    total = BURSTS * BURST
    for got in answers:
        assert not [show(m) for m in got if m.get("type") != "chat"][:5]
        found = [m.find(f"{{{NS}}}n") for m in got]
        assert [(int(n.get("seq")), int(n.get("count"))) for n in found] == [
            (seq, seq) for seq in range(1, total + 1)]
    await senders[0].sync()  # and nothing comes late
    assert all(len(c.inbox.find("message")) == 0 for c in senders)
    query = await senders[0].iq("get", f"<query xmlns='{NS}'/>", to=stack.component_domain("counter"))
    sums = dict(query.find(f"{{{NS}}}query").attrib)
    assert sums == {"senders": str(SENDERS), "count": str(SENDERS * total), "duplicates": "0",
                    "gaps": "0"}


async def test_killed_fifty_times_and_cut_off(link, raw_client, dice):
    stack, proxy = link
    counter = stack.components["counter"]
    kills = 0

    async def trouble():
        nonlocal kills
        await asyncio.sleep(dice.uniform(0, 0.4))
        if dice.random() < 0.5:
            proxy.cut_after(dice.randrange(1, 20000), dice.choice((UP, DOWN)))
        if dice.random() < 0.2:
            proxy.cut()
            await asyncio.sleep(dice.uniform(0, 0.1))
        counter.kill9()
        kills += 1
        counter.start()

    await run(stack, raw_client, trouble, 50)
    assert kills == 50


async def test_link_cut_stalled_and_reset(link, raw_client, dice):
    """The process lives; its connection does not.  Whoever has waited 5 s for a component is refused,
    so something has to get through between two troubles."""
    stack, proxy = link

    await run(stack, raw_client, lambda: proxy.disturb(dice), 50)


async def test_router_that_ends_and_comes_back(link, raw_client):
    """The one case in which a stanza may come twice: the router knows nothing of the session.  What
    the component has answered reaches nobody, for its clients are gone, too."""
    stack, _ = link
    counter = stack.components["counter"]
    alice = await login(stack, raw_client, "alice")
    domain = stack.component_domain("counter")
    for seq in (1, 2, 3):
        await alice.send(f"<message to='{domain}' type='chat' id='n{seq}'>"
                         f"<n xmlns='{NS}' seq='{seq}'/></message>")
    await until(lambda: len(alice.inbox.find("message")) == 3, alice.inbox.text)
    stack.router.kill9()
    mark = counter.mark()
    stack.router.start()
    stack.ready("router")
    await counter.wait_log("could not be resumed", since=mark, timeout=40)
    alice = await login(stack, raw_client, "alice", resource="again")
    await alice.send(f"<message to='{domain}' type='chat' id='n1'><n xmlns='{NS}' seq='1'/></message>")
    assert (await alice.wait("message", id="n1")).find(f"{{{NS}}}n").get("count") == "1"
