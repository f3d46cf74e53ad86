# SPDX-License-Identifier: MIT
"""People who talk to each other while everything around them breaks, and what has to be so in the end.

A plan says who says what to whom, and is the same for the same seed; each Person says his share,
repeats what the server has not acknowledged, and notes what he sees.  Verdict compares the plan with
what all have seen and with what their archives hold."""

import asyncio
import contextlib
import re
import time
from collections import Counter, defaultdict

from . import xml
from .inbox import error_condition
from .lasting import GONE, Lasting, message
from .wait import until

MAM, RSM, SID = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm", "urn:xmpp:sid:0"
FORWARDED = f"{{{MAM}}}result/{{urn:xmpp:forward:0}}forwarded"
IDENT = re.compile(r"<message [^>]*id='(m\d+)'")
WINDOW = 12  # messages of one that may wait for their acknowledgement
PAGE = 100


def plan(dice, people, n):
    """[(number, from, to)]: people are numbers."""
    every = []
    for number in range(n):
        sender = dice.randrange(people)
        to = dice.choice([p for p in range(people) if p != sender])
        every.append((number, sender, to))
    return every


def body(ident):
    return f"<body>{ident}</body>"


class Person(Lasting):
    """seen: (id, stanza-id) of what came, in order; repeated: how often an id was said again because
    a session had been lost before it was acknowledged.

    A message may be refused, and then it is acknowledged as well, before or after that: it is said
    again under the same id.  What is said of one id is refused, and handled, in its order."""

    def __init__(self, connect, user, password, domain):
        super().__init__(connect, user, password, "phone", inline=hash_of(user) % 2 == 0)
        self.bare = f"{user}@{domain}"
        self.seen, self.repeated = [], Counter()
        self._said, self._handled, self.refused = Counter(), Counter(), Counter()
        self.comings = Counter()  # resumed: how often
        self._story = defaultdict(list)
        self._over = False

    def _note(self, ident, what):
        self._story[ident].append(f"{time.time() % 1000:.3f} {what}")

    def story(self, ident):
        """What became of a message of his."""
        return "; ".join(self._story[ident])

    # --- what comes -----------------------------------------------------------------------------
    def on_message(self, element):
        ident = element.get("id")
        if element.get("type") == "error":
            self.refused[ident] += 1
            self._note(ident, f"refused, {error_condition(element)}")
            self._later(self._try_again(element.get("from"), ident))
            return
        assert element.findtext(f"{{{xml.CLIENT}}}body") == ident, xml.show(element)
        self.seen.append((ident, stanza_id(element, self.bare)))

    async def _try_again(self, to, ident):
        """The error asks to wait."""
        await asyncio.sleep(0.3)
        await self._tell(to, ident)

    async def _tell(self, to, ident):
        self._note(ident, "said")
        self._said[ident] += 1
        await self.say(message(to, ident, body(ident)))

    def on_handled(self, stanza):
        if found := IDENT.match(stanza):
            self._note(found[1], "handled")
            self._handled[found[1]] += 1

    def on_session(self):
        """What was refused already has been said again since."""
        old = list(self.waiting)
        self.waiting.clear()
        for stanza in old:
            found = IDENT.match(stanza)
            if found and self._handled[found[1]] < self.refused[found[1]]:
                self._handled[found[1]] += 1
                continue
            self.waiting.append(stanza)
            if found and self.sessions > 1:
                self._note(found[1], "said again in another session")
                self.repeated[found[1]] += 1

    def acknowledged(self, ident):
        """And not refused."""
        said = self._said[ident]
        return said > 0 and self._handled[ident] == said and self.refused[ident] == said - 1

    @property
    def settled(self):
        return not self.waiting and all(map(self.acknowledged, self._said))

    # --- life -----------------------------------------------------------------------------------
    async def live(self):
        """Comes, and comes back, until it is told to go."""
        while not self._over:
            with contextlib.suppress(*GONE):
                await self._once()
            await self.leave()
            await asyncio.sleep(0.02)

    async def _once(self):
        resumed = await self.come()
        self.comings[resumed] += 1
        if not resumed:
            await self.say("<presence/>")
        while self.here and not self._over:
            if self.waiting:
                await self.ask()
            await asyncio.sleep(0.1)

    async def go(self):
        self._over = True

    async def talk(self, share, told):
        """share: [(number, address)]; told: a coroutine function, for each that is said."""
        for number, to in share:
            ident = f"m{number}"
            with contextlib.suppress(*GONE):
                await self._tell(to, ident)
            await told()
            await until(lambda: len(self.waiting) < WINDOW, lambda: f"{self}: {self.state()}",
                        timeout=120)

    def state(self):
        return (f"{len(self.waiting)} wait, {len(self._said)} said, {len(self.seen)} seen, came "
                f"{dict(self.comings)}, {'here' if self.here else 'away'}")


def hash_of(text):
    return sum(text.encode())


def stanza_id(element, by):
    found = [s.get("id") for s in element.findall(f"{{{SID}}}stanza-id") if s.get("by") == by]
    assert len(found) <= 1, xml.show(element)
    return found[0] if found else None


async def archive_of(raw):
    """[(stanza-id, id of the message)] of all that the account's archive has, page by page."""
    every, after = [], None
    while True:
        more = f"<after>{after}</after>" if after else ""
        answer = await raw.iq("set", f"<query xmlns='{MAM}'><set xmlns='{RSM}'><max>{PAGE}</max>{more}"
                              "</set></query>")
        fin = answer.find(f"{{{MAM}}}fin")
        assert fin is not None, xml.show(answer)
        for m in raw.inbox.find("message", has=f"{{{MAM}}}result"):
            inner = m.find(f"{FORWARDED}/{{{xml.CLIENT}}}message")
            every.append((m.find(f"{{{MAM}}}result").get("id"), inner.get("id")))
        raw.inbox.clear()
        after = fin.findtext(f"{{{RSM}}}set/{{{RSM}}}last")
        if fin.get("complete") == "true" or not after:
            return every


class Verdict:
    """faults: all that is wrong, in words; nothing is right as long as there is any."""

    def __init__(self, plan_, people, lost_sessions=False):
        self.plan, self.people, self.again = plan_, people, lost_sessions
        self.faults = []

    def fault(self, text):
        self.faults.append(text)

    def judge_senders(self):
        """All has been acknowledged in the end."""
        for number, sender, _ in self.plan:
            if not self.people[sender].acknowledged(f"m{number}"):
                self.fault(f"m{number} of {self.people[sender]} was never acknowledged: "
                           + self.people[sender].story(f"m{number}"))

    def judge_live(self):
        """Everybody sees what is for him, once, and nothing else."""
        for at, person in enumerate(self.people):
            mine = {f"m{n}" for n, _, to in self.plan if to == at}
            for ident in {i for i, _ in person.seen} - mine:
                self.fault(f"{person} saw {ident}, which is not for him")
            for ident in sorted(mine - {i for i, _ in person.seen}):
                if not self.again:  # each session went on: nothing is left for the archive to tell
                    self.fault(f"{person} was never told {ident}")
            for (ident, sid), n in Counter(person.seen).items():
                if n > 1 and not self.again:
                    self.fault(f"{person} saw {ident} {n} times as {sid}")
            self._judge_repeats(person, "saw", person.seen)

    def judge_archives(self, archives):
        """{person: archive_of()}"""
        for at, person in enumerate(self.people):
            archive = archives[person]
            ids = [sid for sid, _ in archive]
            if ids != sorted(ids) or len(set(ids)) != len(ids):
                self.fault(f"{person}: ids of the archive are not in order")
            mine = {f"m{n}" for n, sender, to in self.plan if at in (sender, to)}
            for ident in sorted(mine - {i for _, i in archive}):
                sender = self.people[self.plan[int(ident[1:])][1]]
                self.fault(f"{person}: {ident} is not in the archive: {sender.story(ident)}")
            for ident in {i for _, i in archive} - mine:
                self.fault(f"{person}: {ident} is in the archive of somebody else")
            self._judge_repeats(person, "archived", [(i, sid) for sid, i in archive])
            self._judge_catching_up(person, archive)

    def _judge_repeats(self, person, what, pairs):
        """Under another stanza-id it may come again if its sender has had to say it again."""
        sids = defaultdict(set)
        for ident, sid in pairs:
            sids[ident].add(sid)
        for ident, found in sids.items():
            sender = self.people[self.plan[int(ident[1:])][1]]
            most = 1 + (sender.repeated[ident] if self.again else 0)
            if len(found) > most:
                self.fault(f"{person} {what} {ident} as {sorted(map(str, found))}, "
                           f"which was said {most} times: {sender.story(ident)}")

    def _judge_catching_up(self, person, archive):
        """What was seen live is in the archive by the id that it was seen with; but for what a router
        that was killed had delivered and not told the archive of: that is said again."""
        known = {sid: ident for sid, ident in archive}
        for ident, sid in person.seen:
            sender = self.people[self.plan[int(ident[1:])][1]]
            if known.get(sid) != ident and not (self.again and sender.repeated[ident]):
                self.fault(f"{person} saw {ident} as {sid}, which his archive has as {known.get(sid)}")

    def end(self):
        assert not self.faults, f"{len(self.faults)} faults:\n" + "\n".join(self.faults[:40])


class Trouble:
    """Makes so many troubles, spread evenly over what is said: each begins when its share has been
    said, and while it lasts the next share is, and no more.  kinds: {what: how often}; dice: None
    makes them in that order."""

    def __init__(self, dice, kinds, n):
        self._todo = [what for what, times in kinds.items() for _ in range(times)]
        if dice:
            dice.shuffle(self._todo)
        self._every = n / (len(self._todo) + 1)
        self._said = self._begun = 0
        self.made = Counter()

    async def told(self):
        """Somebody has said something; he goes on when he may."""
        self._said += 1
        await until(lambda: self._said < (self._begun + 2) * self._every or self.over, "trouble",
                    timeout=120)

    @property
    def over(self):
        return self._begun == len(self._todo)

    async def make(self, do):
        """do: {what: coroutine function}"""
        for at, what in enumerate(self._todo, 1):
            await until(lambda: self._said >= at * self._every, "people who talk", timeout=120)
            self._begun += 1
            await do[what]()
            self.made[what] += 1
