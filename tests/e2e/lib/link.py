# SPDX-License-Identifier: MIT
"""A component of bytes that knows features and acknowledgements (XEP-0198), by hand."""

import uuid
from xml.sax.saxutils import quoteattr

from . import xml
from .component import handshake
from .wait import until

SM = "urn:xmpp:sm:3"
NS = "urn:switchyard:link:1"
FEATURES = f"xmlns:sy='{NS}' sy:features='1'"
KINDS = ("message", "presence", "iq")


def is_stanza(element):
    return element.tag.rpartition("}")[2] in KINDS


class Link:
    """
    link = await connect(raw_client, stack, domain, secret)    up to the features
    await link.enable()                                        link.id
    await link.resume(previd, h)                               <resumed/> or <failed/>
    """

    def __init__(self, raw, domain):
        self.raw, self.domain = raw, domain
        self.id = None
        self._before = 0  # stanzas that belong to no count

    # --- the session ----------------------------------------------------------------------------
    async def enable(self, resume=True):
        await self.raw.send(f"<enable xmlns='{SM}'{' resume=' + quoteattr('true') if resume else ''}/>")
        enabled = await self.raw.wait(f"{{{SM}}}enabled")
        self.id = enabled.get("id")
        return enabled

    async def resume(self, previd, h):
        before = len(self.raw.inbox.find(f"{{{SM}}}failed"))
        await self.raw.send(f"<resume xmlns='{SM}' previd={quoteattr(previd)} h='{h}'/>")

        def answer():
            done = self.raw.inbox.find(f"{{{SM}}}resumed")
            return done or self.raw.inbox.find(f"{{{SM}}}failed")[before:]
        found = (await until(lambda: answer() or self.raw.closed, "an answer to <resume/>"))
        return None if found is True else found[0]

    async def ack(self, h):
        await self.raw.send(f"<a xmlns='{SM}' h='{h}'/>")

    async def handled(self):
        """What the router says to <r/>."""
        before = len(self.acks())
        await self.raw.send(f"<r xmlns='{SM}'/>")
        await until(lambda: len(self.acks()) > before or self.raw.closed, "an answer to <r/>")
        return int(self.acks()[before].get("h"))

    def acks(self):
        return self.raw.inbox.find(f"{{{SM}}}a")

    def asked(self):
        return len(self.raw.inbox.find(f"{{{SM}}}r"))

    # --- stanzas --------------------------------------------------------------------------------
    def stanzas(self):
        return self.raw.inbox.find(is_stanza)

    def ids(self, kind="message"):
        return [e.get("id") for e in self.raw.inbox.find(kind)]

    async def message(self, to, ident=None, payload="<x xmlns='urn:x'/>"):
        ident = ident or uuid.uuid4().hex
        await self.raw.send(f"<message from='{self.domain}' to='{to}' id='{ident}'>{payload}</message>")
        return ident

    async def answer_info(self, feature="urn:x"):
        """The router's own question, at the beginning of each session."""
        iq = await self.raw.wait("iq", type="get", has=f"{{{xml.DISCO_INFO}}}query")
        await self.raw.send(
            f"<iq type='result' id='{iq.get('id')}' from='{self.domain}' to='{iq.get('from')}'>"
            f"<query xmlns='{xml.DISCO_INFO}'><identity category='gateway' type='x'/>"
            f"<feature var='{feature}'/></query></iq>")

    async def cut(self):
        """The connection ends without a word."""
        await self.raw.drop(reset=True)


async def connect(raw_client, stack, domain, secret, attributes=FEATURES, **how):
    """A Link whose handshake has been accepted; with features they have come."""
    raw = await raw_client(port=stack.port("COMPONENT_PORT"), domain=domain,
                           namespace=xml.COMPONENT, **how)
    await raw.send(f"<?xml version='1.0'?><stream:stream to={quoteattr(domain)} {attributes} "
                   f"xmlns='{xml.COMPONENT}' xmlns:stream='{xml.STREAM}'>")
    await until(lambda: raw.header is not None or raw.closed, f"{domain}: the router's header")
    await handshake(raw, secret)
    await raw.wait("handshake")
    if "features" in attributes:
        raw.features = await raw.wait(f"{{{xml.STREAM}}}features")
    return Link(raw, domain)


async def enabled(raw_client, stack, domain, secret, **how):
    link = await connect(raw_client, stack, domain, secret, **how)
    await link.enable()
    return link


def row(stack, domain):
    """What switchyardctl says of it."""
    return next(c for c in stack.ctl("component", "list") if c["domain"] == domain)


async def in_state(stack, domain, state):
    await until(lambda: row(stack, domain)["state"] == state, f"{domain} is {state}")
