# SPDX-License-Identifier: MIT
"""Publishing while pubsub's process is killed, ended and cut off at random: what was acknowledged is
there once and in order, every subscriber saw each change once, and nobody saw more than a delay."""

import asyncio
import random
import re
from xml.sax.saxutils import quoteattr

import pytest

from lib import xml
from lib.pep import EVENT, PUBSUB, befriend, node_config, ok, payload
from lib.proxy import UP
from lib.pubsub import rows
from lib.wait import until

SERVICE = "pubsub.localhost"
MOOD, TUNE = "urn:example:mood", "urn:example:tune"
KEPT = 30  # items that a node of the storm keeps
SEED = 20261127
EVERY = 0.05  # seconds between the changes of each of the five that write: 100 a second
MINE = re.compile(r"^w\d+$")  # ids of what is asked here
ENV = {"PUBSUB_RATE": "0", "LIMIT_SESSION_RATE": "0"}


# --- a storm --------------------------------------------------------------------------------------

class Writer:
    """Changes one node all the time and knows what has to come of it."""

    def __init__(self, pep, node, at, dice, number, shared=False):
        """shared: others write to the node as well; new items only."""
        self.pep, self.node, self.at, self.dice, self.number = pep, node, at, dice, number
        self.shared = shared
        self.told, self.there, self.sent = [], {}, 0

    @property
    def to(self):
        return None if self.at == self.pep.bare else self.at

    async def create(self):
        config = node_config(max_items=KEPT, notify_retract=1, access_model="open",
                             publish_model="open")
        return ok(await self.pep.ask("set", f"<create node={quoteattr(self.node)}/><configure>"
                                     f"{config}</configure>", self.to))

    def _publish(self, ident, text):
        self.there.pop(ident, None)  # what is put in place of another is the newest
        self.there[ident] = text
        while len(self.there) > KEPT:
            self.there.pop(next(iter(self.there)))
        self.told.append((ident, text))
        return (f"<publish node={quoteattr(self.node)}><item id='{ident}'>{payload(text)}</item>"
                "</publish>")

    def _retract(self, ident):
        del self.there[ident]
        self.told.append((ident, None))
        return f"<retract node={quoteattr(self.node)} notify='1'><item id='{ident}'/></retract>"

    def _change(self):
        text = f"{self.number}.{self.sent}"
        kind = 1 if self.shared or not self.there else self.dice.random()
        if kind < 0.15:
            return self._retract(self.dice.choice(list(self.there)))
        if kind < 0.5:
            return self._publish(self.dice.choice(list(self.there)), text)
        return self._publish(f"i{text}", text)

    async def write(self, is_over):
        """Without waiting for answers."""
        address = f" to={quoteattr(self.at)}" if self.to else ""
        while not is_over():
            change = self._change()
            await self.pep.raw.send(f"<iq type='set' id='w{self.sent}'{address}><pubsub "
                                    f"xmlns='{PUBSUB}'>{change}</pubsub></iq>")
            self.sent += 1
            await asyncio.sleep(EVERY)
            await until(lambda: self.sent - len(self.answers()) < 120, "answers", timeout=60)
        await until(lambda: len(self.answers()) >= self.sent, self.pep.raw.inbox.text, timeout=60)

    def answers(self):
        return [i for i in self.pep.raw.inbox.find("iq") if MINE.match(i.get("id") or "")]

    def saw_no_error(self):
        answers = self.answers()
        assert not [xml.show(a) for a in answers if a.get("type") != "result"][:3]
        assert [a.get("id") for a in answers] == [f"w{n}" for n in range(self.sent)]


class Storm:
    """writers, and (who, writer) of all that listen."""

    def __init__(self):
        self.writers, self.shared, self.listeners, self.before = [], [], [], {}

    @classmethod
    async def gather(cls, person, dice):
        s = cls()
        alice = await person("alice", wants=(MOOD,))
        again = await person("alice", wants=(MOOD, TUNE), resource="b")
        bob = await person("bob", wants=(TUNE, MOOD))
        carol = await person("carol")
        eve = await person("eve", come=False)  # sends no presence: has subscribed
        await befriend(alice, bob)
        news, mood, tune = (Writer(carol, "news", SERVICE, dice, 1),
                            Writer(alice, MOOD, alice.bare, dice, 2),
                            Writer(bob, TUNE, bob.bare, dice, 3))
        talk = [Writer(who, "talk", SERVICE, dice, n, shared=True)
                for who, n in ((eve, 4), (again, 5))]
        s.writers, s.shared = [news, mood, tune], talk
        for writer in news, mood, tune, talk[0]:
            await writer.create()
        for who in alice, bob, eve:
            for writer in news, talk[0]:
                await s.subscribe(who, writer)
        await s.subscribe(eve, mood)
        # By +notify: her own mood at both of alice's clients, and at bob's; bob's tune.
        s.listeners += [(alice, mood), (again, mood), (bob, mood), (bob, tune), (again, tune)]
        for who in {id(who): who for who, _ in s.listeners}.values():
            await who.raw.sync()
            s.before[who] = len(who.events())
        return s

    async def subscribe(self, who, writer):
        ok(await who.ask("set", f"<subscribe node={quoteattr(writer.node)} jid='{who.jid}'/>",
                         writer.to if who is writer.pep else writer.at))
        self.listeners.append((who, writer))

    async def blow(self, trouble):
        """Writes until the trouble is over."""
        making = asyncio.ensure_future(trouble)
        await asyncio.gather(making, *(w.write(making.done) for w in self.writers + self.shared))

    def heard(self, who, writer):
        """[(item id, its text or None: retracted)] of the events of its node, in their order."""
        found = []
        for message, items in who.events()[self.before[who]:]:
            if (message.get("from"), items.get("node")) != (writer.at, writer.node):
                continue
            assert items.tag == f"{{{EVENT}}}items" and message.get("type") == "headline"
            assert message.find("{urn:xmpp:delay}delay") is None, xml.show(message)
            found += [(i.get("id"), i[0].text if len(i) else None) for i in items]
        return found

    async def check(self, stack):
        for w in self.writers + self.shared:
            w.saw_no_error()
        for who in self.before:
            await who.raw.sync()
        self._events()
        await self._items(stack)

    def _events(self):
        for who, w in self.listeners:
            if w not in self.shared:
                got = self.heard(who, w)
                assert got == w.told, (who.jid, w.node, len(got), len(w.told))
        talks = [self.heard(who, w) for who, w in self.listeners if w in self.shared]
        assert all(t == talks[0] for t in talks[1:])
        for w in self.shared:
            assert [e for e in talks[0] if e[1].startswith(f"{w.number}.")] == w.told
        assert len(talks[0]) == sum(w.sent for w in self.shared)
        self.talk = talks[0]

    async def _items(self, stack):
        wanted = [(w, list(w.there.items())) for w in self.writers]
        wanted.append((self.shared[0], self.talk[-KEPT:]))
        for w, there in wanted:
            assert [(i, e.text) for i, e in await w.pep.items(w.node, of=w.at)] == there, w.node
            assert rows(stack, "SELECT i.id FROM node n JOIN item i ON i.node = n.id WHERE"
                        f" n.name = '{w.node}' ORDER BY i.seq") == [(i,) for i, _ in there]


@pytest.fixture
def dice():
    return random.Random(SEED)


@pytest.fixture
def link(make_stack, cut_proxy):
    """(stack, the proxy that the component's link goes through)"""
    proxy = cut_proxy(5347)
    stack = make_stack(components=("pubsub",), start=False,
                       env={**ENV, "PUBSUB_ROUTER_PORT": str(proxy.port)})
    return stack.start(), proxy


@pytest.fixture
def pep_stack(link):
    """For `person`."""
    return link[0]


@pytest.mark.parametrize("end", ["kill9", "term"])
async def test_storm_while_the_process_ends_at_random(pep_stack, person, dice, end):
    storm = await Storm.gather(person, dice)
    pubsub = pep_stack.components["pubsub"]

    async def trouble():
        for _ in range(8):
            await asyncio.sleep(dice.uniform(0.1, 0.8))
            await asyncio.to_thread(getattr(pubsub, end))
            pubsub.start()
        await asyncio.to_thread(pep_stack.ready)

    await storm.blow(trouble())
    assert sum(w.sent for w in storm.writers + storm.shared) > 100
    await storm.check(pep_stack)
    await asyncio.to_thread(pubsub.restart)  # and as it was read anew
    pep_stack.ready()
    await storm.check(pep_stack)


async def test_storm_while_the_link_is_cut_and_stalled(link, person, dice):
    stack, proxy = link
    storm = await Storm.gather(person, dice)

    async def trouble():
        for _ in range(12):
            await proxy.disturb(dice)

    await storm.blow(trouble())
    await storm.check(stack)


# --- what it waits for when it is killed ----------------------------------------------------------

def again(pubsub):
    pubsub.kill9()
    pubsub.start()


async def test_requests_that_wait_for_a_roster(link, person):
    """Each is given out again and answered once; its event comes once."""
    stack, proxy = link
    pubsub = stack.components["pubsub"]
    alice = await person("alice", wants=(MOOD,))
    await until(lambda: rows(stack, "SELECT 1 FROM session WHERE seen = caps"), "it was sent all")
    again(pubsub)  # knows no roster any more
    stack.ready()
    for _ in range(2):
        proxy.stall(UP)  # what it asks reaches nobody
        for n in range(3):
            await alice.raw.send(f"<iq type='set' id='w{n}'><pubsub xmlns='{PUBSUB}'><publish "
                                 f"node='{MOOD}'><item id='i{n}'>{payload(str(n))}</item></publish>"
                                 f"</pubsub></iq>")
        await until(lambda: len(rows(stack, "SELECT n FROM comp_deferred")) == 3, pubsub.tail)
        pubsub.kill9()
        proxy.cut()
        proxy.resume()
        assert not alice.raw.inbox.find("iq", id="w0")
        pubsub.start()
        for n in range(3):
            assert (await alice.raw.wait("iq", id=f"w{n}")).get("type") == "result"
        await alice.raw.sync()
        assert [i.get("id") for i in alice.raw.inbox.find("iq")
                if MINE.match(i.get("id"))] == ["w0", "w1", "w2"]
        assert [e[0].get("id") for _, e in alice.events(MOOD)] == ["i0", "i1", "i2"]
        assert rows(stack, "SELECT n FROM comp_deferred") == []
        for element in alice.raw.inbox.find("iq") + alice.raw.inbox.find("message"):
            alice.raw.inbox.remove(element)
        again(pubsub)
        stack.ready()


async def test_capabilities_that_were_asked_for(pep_stack, person):
    """They are asked for again, and the last item comes once."""
    alice = await person("alice")
    ok(await alice.publish(MOOD, payload("happy"), id="1"))
    shy = await person("alice", wants=(MOOD,), resource="b", come=False)
    shy.stop()  # answers when the test wants it
    await shy.come()
    pubsub = pep_stack.components["pubsub"]
    for n in range(1, 4):
        questions = await until(lambda: [q for q in shy.raw.inbox.find("iq", type="get")
                                         if q.find(f"{{{xml.DISCO_INFO}}}query") is not None][n - 1:],
                                shy.raw.inbox.text)
        assert not shy.events()
        again(pubsub)
    pubsub.kill9()
    for q in questions:  # the process that asked is gone: worth nothing, and harms nobody
        await shy.raw.send(f"<iq type='result' id='{q.get('id')}' to='{q.get('from')}'>"
                           f"{shy.info(q)}</iq>")
    pubsub.start()
    shy._answering = asyncio.ensure_future(shy._answer())
    _, items = await shy.event(MOOD)
    assert items[0].get("id") == "1"
    again(pubsub)
    ok(await alice.publish(MOOD, payload("sad"), id="2"))
    await shy.raw.wait(lambda e: len(shy.events()) == 2)
    assert [items[0].get("id") for _, items in shy.events()] == ["1", "2"]


async def test_last_items_while_the_process_is_killed(pep_stack, person, dice):
    """Sessions that come while it is killed at random: each gets what it wants, once."""
    alice, bob = await person("alice"), await person("bob")
    await befriend(alice, bob)
    for who, node in ((alice, MOOD), (alice, TUNE), (bob, MOOD)):
        ok(await who.publish(node, payload(who.bare), id="1"))
    pubsub = pep_stack.components["pubsub"]
    stop = asyncio.Event()

    async def trouble():
        while not stop.is_set():
            await asyncio.sleep(dice.uniform(0, 0.5))
            await asyncio.to_thread(again, pubsub)
        await asyncio.to_thread(pep_stack.ready)

    making = asyncio.ensure_future(trouble())
    came = [await person("alice", wants=(MOOD, TUNE, f"urn:example:{n}"), resource=f"r{n}")
            for n in range(8)]
    stop.set()
    await making
    for one in came:
        await until(lambda: len(one.events()) >= 3, one.raw.inbox.text, timeout=40)
    again(pubsub)
    ok(await alice.publish("other", payload("x")))  # all that was before has come
    for one in came:
        await one.raw.sync()
        assert sorted((m.get("from"), items.get("node")) for m, items in one.events()) == [
            ("alice@localhost", MOOD), ("alice@localhost", TUNE), ("bob@localhost", MOOD)]
