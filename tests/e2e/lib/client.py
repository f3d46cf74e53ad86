# SPDX-License-Identifier: MIT
"""slixmpp, with everything that it receives also in `inbox`."""

import asyncio
import xml.etree.ElementTree as ET
from xml.sax.saxutils import quoteattr

import slixmpp

from . import xml
from .inbox import Inbox
from .wait import DEADLINE, until


class LoginFailed(Exception):
    """str() is the SASL condition, or why there is no connection."""


class Client(slixmpp.ClientXMPP):
    """Nothing is answered or subscribed of its own accord but what slixmpp's plugins do.
    The best mechanism on offer, or the one named, is the only one it tries: a wrong password is
    one failed login."""

    def __init__(self, jid, password, ca_file, plugins=(), mechanism=None):
        super().__init__(jid, password, sasl_mech=mechanism)
        self.inbox = Inbox(jid)
        self.ca_certs = ca_file
        self.whitespace_keepalive = False
        self.auto_authorize = None
        self.auto_subscribe = False
        self.closed = False
        self._refusal = "no mechanism"
        self._outcome = asyncio.get_running_loop().create_future()
        self._without_binding()
        self.add_filter("in", self._record)
        for plugin in ("xep_0030", "xep_0199", *plugins):
            self.register_plugin(plugin)
        for event, handler in (("session_start", lambda _: self._settle(None)),
                               ("failed_auth", self._on_refused),
                               ("failed_all_auth", lambda _: self._settle(self._refusal)),
                               ("connection_failed", lambda why: self._settle(str(why))),
                               ("disconnected", self._on_end)):
            self.add_event_handler(event, handler)

    def _without_binding(self):
        """slixmpp 1.8 takes tls-unique for granted, which TLS 1.3 does not have: as it is, it tries
        each SCRAM mechanism in vain and then sends PLAIN."""
        mechanisms = self["feature_mechanisms"]
        if not mechanisms.use_mech:
            mechanisms.use_mechs = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}
        credentials = mechanisms.sasl_callback
        mechanisms.sasl_callback = lambda required, optional: credentials(
            required, optional - {"channel_binding"}) | {"channel_binding": None}

    def _record(self, stanza):
        self.inbox.put(stanza.xml)
        return stanza

    def _settle(self, outcome):
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    def _on_refused(self, failure):
        """slixmpp would go on to the next mechanism."""
        self._refusal = failure["condition"]
        mechanisms = self["feature_mechanisms"]
        mechanisms.attempted_mechs.update(mechanisms.mech_list)

    def _on_end(self, why):
        self.closed = True
        self._settle(f"disconnected: {why}")

    # --- life -----------------------------------------------------------------------------------
    async def login(self, address, direct_tls=False, presence=True):
        """Returns when the session is bound and, with presence, has its roster and is known to be
        available: an interested resource (RFC 6121 2.2)."""
        if direct_tls:
            self.ssl_context.set_alpn_protocols(["xmpp-client"])
        self.connect(address, use_ssl=direct_tls, force_starttls=not direct_tls,
                     disable_starttls=direct_tls)
        failure = await asyncio.wait_for(self._outcome, DEADLINE)
        if failure is not None:
            self.cancel_connection_attempt()
            raise LoginFailed(failure)
        if presence:
            await self.roster_items()
            self.send_presence()
            await self.sync()
        return self

    @property
    def full(self):
        return self.boundjid.full

    @property
    def bare(self):
        return self.boundjid.bare

    async def close(self):
        if self.transport:
            await asyncio.wait({asyncio.ensure_future(self.disconnect(wait=1.0))}, timeout=5)
        if self.transport:
            self.abort()
        if self._run_out_filters:
            self._run_out_filters.cancel()

    async def drop(self):
        """The connection is gone without a word."""
        self.abort()
        await self.wait_closed()

    async def wait_closed(self, timeout=DEADLINE):
        await until(lambda: self.closed, f"{self.bare}: disconnected", timeout)

    # --- stanzas --------------------------------------------------------------------------------
    async def wait(self, *args, **want):
        """inbox.wait: the first stanza, as an element, that matches."""
        return await self.inbox.wait(*args, **want)

    async def request(self, kind, payload, to=None, timeout=DEADLINE):
        """Sends an iq with this payload (text) and returns the answer, result or error."""
        ident = self.new_id()
        address = f" to={quoteattr(str(to))}" if to else ""
        self.send_raw(f"<iq type='{kind}' id='{ident}'{address}>{payload}</iq>")
        return await self.inbox.wait(
            lambda e: e.tag.endswith("}iq") and e.get("type") in ("result", "error"),
            id=ident, timeout=timeout)

    async def sync(self):
        """All that the server had for us before this call has come when it returns: also how to
        show that something did *not* come."""
        await self.request("get", f"<ping xmlns='{xml.PING}'/>", to=self.boundjid.host)

    async def roster_items(self):
        """{bare JID: attributes of its item} as the server has it now."""
        answer = await self.request("get", f"<query xmlns='{xml.ROSTER}'/>")
        return {item.get("jid"): dict(item.attrib) for item in answer.iter(f"{{{xml.ROSTER}}}item")}

    def send_element(self, element):
        self.send_raw(ET.tostring(element, encoding="unicode"))


async def befriend(a, b):
    """Both subscribe to each other, and know it."""
    for one, other in ((a, b), (b, a)):
        one.send_presence(pto=other.bare, ptype="subscribe")
        await other.wait("presence", type="subscribe", from_bare=one.bare)
        other.send_presence(pto=one.bare, ptype="subscribed")
        await one.wait("presence", type="subscribed", from_bare=other.bare)
    for one, other in ((a, b), (b, a)):
        await one.wait("presence", from_=other.full, type=None)
