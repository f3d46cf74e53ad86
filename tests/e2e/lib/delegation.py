# SPDX-License-Identifier: MIT
"""A component of bytes that a server delegates to (XEP-0355): requests are taken out of what the
server forwards, and answered as the test wants it."""

import asyncio
import itertools
import os
from xml.sax.saxutils import quoteattr

from . import component, xml
from .process import Process
from .stack import programs
from .wait import until

V1, V2 = "urn:xmpp:delegation:1", "urn:xmpp:delegation:2"
FORWARD = "urn:xmpp:forward:0"
INFO_NODES = "urn:xmpp:delegation:2:bare:disco#info:*"
ITEMS_NODES = "urn:xmpp:delegation:2:bare:disco#items:*"


class Request:
    """One forwarded iq: `outer` and `inner` are elements."""

    def __init__(self, outer, version):
        self.outer, self.version = outer, version
        self.inner = outer.find(f"{{{version}}}delegation/{{{FORWARD}}}forwarded/"
                                f"{{{xml.CLIENT}}}iq")

    @property
    def payload(self):
        return self.inner[0]

    def wrapped(self, payload="", **change):
        """The answer; change: id=, type=, to=, from_= of what is inside (None: without it)."""
        inner = {"id": self.inner.get("id"), "type": "result", "to": self.inner.get("from"),
                 "from": self.inner.get("to")}
        inner |= {key.rstrip("_"): value for key, value in change.items()}
        text = "".join(f" {k}={quoteattr(v)}" for k, v in inner.items() if v is not None)
        return (f"<iq type='result' id='{self.outer.get('id')}' from='{self.outer.get('to')}' "
                f"to='{self.outer.get('from')}'><delegation xmlns='{self.version}'>"
                f"<forwarded xmlns='{FORWARD}'><iq xmlns='jabber:client'{text}>{payload}</iq>"
                "</forwarded></delegation></iq>")


class Manager:
    """await Manager.attach(...): connected, and asked for all that the server wants to know."""

    def __init__(self, stream):
        self.stream, self.wait, self.inbox, self.send = (stream, stream.wait, stream.inbox,
                                                         stream.send)
        self._taken = 0

    @classmethod
    async def attach(cls, raw_client, stack, domain, secret, features=(V2,), nest=None):
        """nest: {node: content of its <query/>}; other nodes are not found.  None: nothing is
        answered, not even what it supports."""
        m = cls(await component.attach(raw_client, stack, domain, secret))
        if nest is not None:
            await m.say_features(features)
            await m.say_nested(nest, V2 if V2 in features else V1)
        return m

    async def say_features(self, features):
        """It is asked once what it is, and so which version it speaks."""
        def questions():
            return self.inbox.find(lambda e: is_info(e) and e[0].get("node") is None)
        await until(questions, self.inbox.text)
        question, = questions()
        await self.answer_info(question, "".join(f"<feature var='{f}'/>" for f in features))

    async def say_nested(self, nest, version=V2):
        """Answers what is asked of each namespace that has been delegated."""
        told = await self.wait("message", has=f"{{{version}}}delegated")
        names = [row.get("namespace") for row in told.iter(f"{{{version}}}delegated")]
        for name in dict.fromkeys(n for n in names if not n.startswith("urn:xmpp:delegation:")):
            for node in (f"{version}::{name}", f"{version}:bare:{name}"):
                question = await self.wait(lambda e: is_info(e) and e[0].get("node") == node)
                await self.answer_info(question, nest.get(node))

    async def answer_info(self, question, content):
        """content None: there is no such node."""
        node = question[0].get("node")
        node = f" node={quoteattr(node)}" if node else ""
        kind, body = "result", f"<query xmlns='{xml.DISCO_INFO}'{node}>{content}</query>"
        if content is None:
            kind, body = "error", ("<error type='cancel'>"
                                   f"<item-not-found xmlns='{xml.STANZA_ERRORS}'/></error>")
        await self.send(f"<iq type='{kind}' id='{question.get('id')}' from='{question.get('to')}' "
                        f"to='{question.get('from')}'>{body}</iq>")

    @property
    def requests(self):
        """All that have come."""
        return [Request(e, v) for e in self.inbox for v in (V2, V1)
                if e.tag.endswith("}iq") and e.find(f"{{{v}}}delegation/{{{FORWARD}}}forwarded")
                is not None]

    async def next(self):
        """The requests, one after the other."""
        await self.wait(lambda _: len(self.requests) > self._taken)
        self._taken += 1
        return self.requests[self._taken - 1]


def is_info(e):
    return (e.tag.endswith("}iq") and e.get("type") == "get" and len(e) == 1
            and e[0].tag == f"{{{xml.DISCO_INFO}}}query")


def asking(client, kind, payload, to=None):
    """client.iq() in the background: to be awaited for the answer."""
    return asyncio.ensure_future(client.iq(kind, payload, to=to))


def info_of(query):
    """({(category, type)}, {features}) of a disco#info."""
    def all_of(name):
        return query.iter(f"{{{xml.DISCO_INFO}}}{name}")
    return ({(i.get("category"), i.get("type")) for i in all_of("identity")},
            {f.get("var") for f in all_of("feature")})


numbers = itertools.count(1)


def request(payload, to, from_):
    """An iq get as a component sends it, with an id of its own: (id, text)."""
    ident = f"c{next(numbers)}"
    return ident, f"<iq type='get' id='{ident}' from='{from_}' to='{to}'>{payload}</iq>"


# --- programs -------------------------------------------------------------------------------------

DELEGATED = "urn:test:delegated"  # what tests/components/delegated.c answers


def program(folder, domain, secret, port=5347, env=()):
    """tests/components/delegated.c as a Process, not started."""
    path = os.path.join(folder, "delegated")
    os.makedirs(path, exist_ok=True)
    return Process("delegated", [programs()["delegated"][0]], {
        "COMPONENT_DOMAIN": domain, "COMPONENT_SECRET": secret, "ROUTER_HOST": "127.0.0.1",
        "ROUTER_PORT": str(port), "DATA_DIR": path, "CONF_DIR": path, "LOG_LEVEL": "debug",
        "HEALTH_LISTEN": os.path.join(path, "health"), **dict(env)},
        os.path.join(path, "log"))
