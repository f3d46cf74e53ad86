# SPDX-License-Identifier: MIT
"""Clients that publish and that want to be told: requests, events, entity capabilities."""

import asyncio
import base64
import hashlib
from xml.sax.saxutils import escape, quoteattr

from . import xml
from .wait import DEADLINE

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER = PUBSUB + "#owner"
EVENT = PUBSUB + "#event"
ERRORS = PUBSUB + "#errors"
CAPS = "http://jabber.org/protocol/caps"
NODE = "https://example.org/tests"


def caps_ver(features, name="tests"):
    """The hash of XEP-0115 5.1 for one identity and these features."""
    text = f"client/pc//{name}<" + "".join(f + "<" for f in sorted(features))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def form(form_type, fields, kind="submit"):
    """A submitted form; a value may be a list."""
    rows = [("FORM_TYPE", form_type), *fields.items()]
    return f"<x xmlns='jabber:x:data' type='{kind}'>" + "".join(
        f"<field var={quoteattr(var)}>" + "".join(
            f"<value>{escape(str(v))}</value>"
            for v in (value if isinstance(value, list) else [value])) + "</field>"
        for var, value in rows) + "</x>"


def options(**fields):
    """<publish-options/>: access_model="open", ..."""
    if not fields:
        return ""
    return (f"<publish-options>{form(PUBSUB + '#publish-options', _full(fields))}"
            f"</publish-options>")


def node_config(**fields):
    return form(PUBSUB + "#node_config", _full(fields))


def _full(fields):
    return {f"pubsub#{k}": v for k, v in fields.items()}


def payload(text="x", ns="urn:example:thing"):
    return f"<thing xmlns='{ns}'>{escape(text)}</thing>"


class Pep:
    """
    alice = Pep(raw_client_that_has_logged_in, wants=("urn:example:mood",))
    await alice.come()                             presence with capabilities, answered when asked
    await alice.publish("node", "<x .../>", id="1", access_model="open")
    await alice.items("node", of="bob@localhost")  [(id, payload element or None)]
    await alice.event("node", of=...)              the next event of the node: an element of the event
    """

    def __init__(self, raw, wants=(), lie=None):
        self.raw = raw
        self.features = [xml.DISCO_INFO, *(f"{w}+notify" for w in wants)]
        self.ver = lie or caps_ver(self.features)
        self.asked = 0  # for its capabilities
        self._seen = 0
        self._answering = asyncio.ensure_future(self._answer())

    @property
    def jid(self):
        return self.raw.jid

    @property
    def bare(self):
        return self.raw.jid.split("/")[0]

    # --- capabilities ---------------------------------------------------------------------------
    async def come(self, extra=""):
        await self.raw.send(f"<presence><c xmlns='{CAPS}' hash='sha-1' node='{NODE}' "
                            f"ver='{self.ver}'/>{extra}</presence>")

    async def want(self, *wants):
        """Presence anew, with other capabilities."""
        self.features = [xml.DISCO_INFO, *(f"{w}+notify" for w in wants)]
        self.ver = caps_ver(self.features)
        await self.come()

    async def _answer(self):
        done = set()
        while not self.raw.closed:
            for iq in self.raw.inbox.find("iq", type="get"):
                if id(iq) in done or iq.find(f"{{{xml.DISCO_INFO}}}query") is None:
                    continue
                done.add(id(iq))
                self.asked += 1
                await self.raw.send(
                    f"<iq type='result' id={quoteattr(iq.get('id'))} "
                    f"to={quoteattr(iq.get('from'))}>{self.info(iq)}</iq>")
            await asyncio.sleep(0.01)

    def info(self, iq):
        node = iq.find(f"{{{xml.DISCO_INFO}}}query").get("node")
        return (f"<query xmlns='{xml.DISCO_INFO}' node={quoteattr(node or '')}>"
                f"<identity category='client' type='pc' name='tests'/>"
                + "".join(f"<feature var={quoteattr(f)}/>" for f in self.features) + "</query>")

    def stop(self):
        self._answering.cancel()

    # --- requests -------------------------------------------------------------------------------
    async def ask(self, kind, inner, to=None, ns=PUBSUB):
        return await self.raw.iq(kind, f"<pubsub xmlns='{ns}'>{inner}</pubsub>", to=to)

    async def publish(self, node, inner=None, id=None, to=None, **opts):
        """The answer; `inner` None: a payload of the tests'."""
        ident = f" id={quoteattr(id)}" if id is not None else ""
        return await self.ask(
            "set", f"<publish node={quoteattr(node)}><item{ident}>"
            f"{payload() if inner is None else inner}</item></publish>{options(**opts)}", to)

    async def retract(self, node, id, to=None, notify=True):
        return await self.ask(
            "set", f"<retract node={quoteattr(node)} notify='{str(notify).lower()}'>"
            f"<item id={quoteattr(id)}/></retract>", to)

    async def items(self, node, of=None, more="", **attrs):
        """[(id, payload)], or the condition of the error."""
        answer = await self.items_answer(node, of, more, **attrs)
        if answer.get("type") == "error":
            return condition(answer)
        return [(i.get("id"), i[0] if len(i) else None)
                for i in answer.iter(f"{{{PUBSUB}}}item")]

    async def items_answer(self, node, of=None, more="", inner="", **attrs):
        named = "".join(f" {k}={quoteattr(str(v))}" for k, v in attrs.items())
        return await self.ask("get", f"<items node={quoteattr(node)}{named}>{inner}</items>{more}", of)

    async def configure(self, node, to=None, **fields):
        return await self.ask("set", f"<configure node={quoteattr(node)}>{node_config(**fields)}"
                              "</configure>", to, OWNER)

    # --- events ---------------------------------------------------------------------------------
    def events(self, node=None, of=None):
        """What came so far: (from, the child of <event/>)."""
        found = []
        for m in self.raw.inbox.find("message"):
            event = m.find(f"{{{EVENT}}}event")
            for child in event if event is not None else ():
                if (node in (None, child.get("node"))) and of in (None, m.get("from")):
                    found.append((m, child))
        return found

    async def event(self, node, of=None, timeout=DEADLINE):
        """The first event of the node that has not been returned yet: (message, child)."""
        def fresh():
            return [e for e in self.events(node, of) if not e[0].get("seen-by-test")]
        await self.raw.wait(lambda m: m.tag.endswith("}message") and any(m is e[0] for e in fresh()),
                            timeout=timeout)
        hit = fresh()[0]
        hit[0].set("seen-by-test", "1")
        return hit


def condition(answer):
    """"item-not-found" or, with one of XEP-0060's own, "conflict/precondition-not-met"."""
    error = answer.find(f"{{{xml.CLIENT}}}error")
    names = [c.tag.rpartition("}")[2] for c in error
             if c.tag.startswith((f"{{{xml.STANZA_ERRORS}}}", f"{{{ERRORS}}}"))
             and not c.tag.endswith("}text")]
    return "/".join(names)


def ok(answer):
    assert answer.get("type") == "result", xml.show(answer)
    return answer


async def befriend(a, b):
    """Both see the other's presence."""
    await a.raw.send(f"<presence type='subscribe' to='{b.bare}'/>")
    await b.raw.wait("presence", type="subscribe", from_=a.bare)
    await b.raw.send(f"<presence type='subscribed' to='{a.bare}'/>"
                     f"<presence type='subscribe' to='{a.bare}'/>")
    await a.raw.wait("presence", type="subscribe", from_=b.bare)
    await a.raw.send(f"<presence type='subscribed' to='{b.bare}'/>")
    await b.raw.wait("presence", type="subscribed", from_=a.bare)
    await a.raw.sync()
    await b.raw.sync()
