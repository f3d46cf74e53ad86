# SPDX-License-Identifier: MIT
"""Where people of lib/chaos.py live, and the troubles that come over them there."""

import asyncio

from .chaos import Person, Verdict, archive_of
from .proxy import DOWN, UP
from .wait import until

PEOPLE = 20


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
            if name != "router" and self.dice.random() < 0.7:  # what waits for it is said again
                self.proxy.cut()
                await until(lambda: not any(p.here for p in self.people), self.state)
                await until(lambda: sum(p.here for p in self.people) > PEOPLE / 2, self.state)
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
