# SPDX-License-Identifier: MIT
"""Many people in many rooms that several processes serve, and what has to be so whatever happens to
these: each room's people see each message once, in one order, and nobody is seen to leave."""

import asyncio
import time
from collections import Counter, defaultdict

from . import xml
from .inbox import Inbox, error_condition
from .payloads import ENCRYPTED
from .rooms import MUC, OWNER, codes, presence_xml
from .wait import until

DATA = "jabber:x:data"


# --- people ---------------------------------------------------------------------------------------

class Ear(Inbox):
    """What is said in rooms goes to `hear`, the rest is kept."""

    def __init__(self, owner, hear):
        super().__init__(owner)
        self._hear = hear

    def put(self, element):
        if not self._hear(element):
            super().put(element)


class Occupant:
    """heard: {room: [(nick, id)]}; late: [(seconds that it took, id)] of his own messages."""

    def __init__(self, raw, nick):
        self.raw, self.nick = raw, nick
        self.rooms = []
        self.heard, self.late = defaultdict(list), []
        self.errors, self.gone = [], []
        self._said = {}
        raw.inbox = Ear(nick, self._take)

    def __repr__(self):
        return self.nick

    def _take(self, element):
        room, _, nick = (element.get("from") or "").partition("/")
        if element.tag.endswith("}message") and element.get("type") == "groupchat" and nick:
            ident = element.get("id")
            self.heard[room].append((nick, ident))
            if began := self._said.pop((room, ident), None) if nick == self.nick else None:
                self.late.append((time.monotonic() - began, ident))
            return True
        if element.get("type") == "error" and not element.tag.endswith("}iq"):
            self.errors.append(xml.show(element))
        if element.get("type") == "unavailable":
            self.gone.append(xml.show(element))
        return False

    # --- what he does ---------------------------------------------------------------------------
    async def enter(self, room):
        """Makes it, if nobody has."""
        await self.raw.send(presence_xml(f"{room}/{self.nick}", f"<x xmlns='{MUC}'/>"))
        me = await self.raw.wait("presence", from_=f"{room}/{self.nick}", timeout=60)
        assert me.get("type") is None, xml.show(me)
        if 201 in codes(me):
            answer = await self.raw.iq(
                "set", f"<query xmlns='{OWNER}'><x xmlns='{DATA}' type='submit'/></query>", to=room)
            assert answer.get("type") == "result", xml.show(answer)
        self.rooms.append(room)
        self.raw.inbox.clear()

    async def say(self, room, ident):
        self._said[room, ident] = time.monotonic()
        await self.raw.send(f"<message type='groupchat' to='{room}' id='{ident}'>"
                            f"{ENCRYPTED['OMEMO 0.3']}</message>")

    @property
    def waits(self):
        """For his own words."""
        return list(self._said)

    async def is_in(self, room):
        """XEP-0410."""
        answer = await self.raw.iq("get", f"<ping xmlns='{xml.PING}'/>", to=f"{room}/{self.nick}",
                                   timeout=30)
        return answer.get("type") == "result" or error_condition(answer)


class Town:
    """people: Occupants; homes: {room: [Occupant]}"""

    def __init__(self, people, rooms, each):
        self.people = people
        self.homes = {room: [people[(n + k * 7) % len(people)] for k in range(each)]
                      for n, room in enumerate(rooms)}
        self.said = defaultdict(list)  # {room: [(nick, id)]} by each in his order

    async def move_in(self):
        rooms = list(self.homes.items())
        for at in range(0, len(rooms), len(self.people) // 2):
            await asyncio.gather(*(self._settle(room, people)
                                   for room, people in rooms[at:at + len(self.people) // 2]))

    async def _settle(self, room, people):
        for person in people:
            async with self._lock(person):
                await person.enter(room)

    def _lock(self, person):
        if not hasattr(person, "lock"):
            person.lock = asyncio.Lock()
        return person.lock

    async def talk(self, dice, rate, trouble, over):
        """`rate` messages a second, evenly, by anybody anywhere, until over() says so."""
        rooms, number, began = list(self.homes), 0, time.monotonic()
        while not over():
            room = dice.choice(rooms)
            person, ident = dice.choice(self.homes[room]), f"m{number}"
            self.said[room].append((person.nick, ident))
            await person.say(room, ident)
            await trouble.told()
            number += 1
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await until(lambda: not any(p.waits for p in self.people),
                    lambda: f"{[(p, p.waits[:3]) for p in self.people if p.waits]}", timeout=60)
        return number

    # --- verdict --------------------------------------------------------------------------------
    async def faults(self):
        found = []
        for room, people in self.homes.items():
            orders = [person.heard[room] for person in people]
            await until(lambda: all(len(o) >= len(self.said[room]) for o in orders)
                        or any(len(o) > len(self.said[room]) for o in orders),
                        lambda: f"{room}: {orders} of {self.said[room]}", timeout=15)
            if Counter(orders[0]) != Counter(self.said[room]):
                found.append(f"{room}: heard {orders[0]}, said {self.said[room]}")
            found += [f"{room}: {p} heard {o}, {people[0]} {orders[0]}"
                      for p, o in zip(people, orders) if o != orders[0]]
            for person in people:
                mine = [i for n, i in orders[0] if n == person.nick]
                if mine != [i for n, i in self.said[room] if n == person.nick]:
                    found.append(f"{room}: {person}'s words in another order: {mine}")
        for person in self.people:
            found += [f"{person} was told {e}" for e in person.errors + person.gone]
            found += [f"{person} is not in {room}: {what}" for room in person.rooms
                      if (what := await person.is_in(room)) is not True]
        return found
