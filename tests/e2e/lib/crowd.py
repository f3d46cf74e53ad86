# SPDX-License-Identifier: MIT
"""Many users at once for little: all are addresses of one component, which answers nothing by
itself."""

from . import component
from .rooms import MUC

DOMAIN, SECRET = "crowd.localhost", "sesame"
CONF = f'component crowd {{\n  secret = "{SECRET}"\n  link_queue = "256M"\n}}\n'  # for make_stack(conf_d=)
STANZA = "{jabber:component:accept}"


class Crowd:
    def __init__(self, link):
        self.link, self.inbox = link, link.inbox

    @classmethod
    async def gather(cls, raw_client, stack):
        return cls(await component.attach(raw_client, stack, DOMAIN, SECRET))

    @staticmethod
    def jid(name):
        return f"{name}@{DOMAIN}/c"

    async def send(self, name, kind, to, inner="", **attrs):
        """A message, presence or iq of this user."""
        attrs = "".join(f" {k}='{v}'" for k, v in attrs.items() if v is not None)
        await self.link.send(f"<{kind} from='{self.jid(name)}' to='{to}'{attrs}>{inner}</{kind}>")

    async def enter(self, name, room, nick=None, extra=""):
        """Sends the presence; what comes back is there to be waited for."""
        await self.send(name, "presence", f"{room}/{nick or name}",
                        f"{extra}<x xmlns='{MUC}'/>")

    async def wait(self, name, kind, **want):
        """What came for this user; "*": for anybody."""
        if name != "*":
            want["to"] = self.jid(name) if "bare" not in want else f"{name}@{DOMAIN}"
        want.pop("bare", None)
        return await self.link.wait(f"{STANZA}{kind}", **want)

    async def inside(self, name, room, nick=None):
        """Waits for its own presence."""
        return await self.wait(name, "presence", from_=f"{room}/{nick or name}")
