# SPDX-License-Identifier: MIT
"""A client of bytes: it logs in like any other and then, or at any point before, sends whatever it
is told to.  What comes back is parsed and put into `inbox`."""

import asyncio
import base64
import itertools
from xml.sax.saxutils import escape, quoteattr

from . import xml
from .inbox import Inbox
from .scram import ScramClient
from .wait import DEADLINE, until
from .wire import Wire

STREAM_TAG = ("<?xml version='1.0'?><stream:stream to={to} version='1.0' xmlns='{ns}' "
              "xmlns:stream='http://etherx.jabber.org/streams'>")


ANSWERS = ("result", "error")


class SaslFailure(Exception):
    """str() is the condition; `element` is <failure/>."""

    def __init__(self, element):
        super().__init__(next((c.tag.rpartition("}")[2] for c in element), ""))
        self.element = element


class RawClient:
    """
    c = await raw_client()                connected to 5222, nothing sent yet
    await c.login("alice", "secret")      stream, STARTTLS, SASL, bind: c.jid
    await c.send("<message ...")          text or bytes, as they are
    m = await c.inbox.wait("message", body="hi")
    """

    _ids = itertools.count(1)

    def __init__(self, wire, domain, ca_file, name="raw", namespace=xml.CLIENT):
        self.wire, self.domain, self.ca_file = wire, domain, ca_file
        self.namespace, self.name = namespace, name
        self.inbox = Inbox(name)
        self.features = None  # the last <stream:features/>
        self.jid = None
        self.received = bytearray()  # all that came on this stream, as it came
        self.error = None  # why reading ended, if it was no clean end
        self.closed = False  # nothing more will come
        self._new_reader()
        self._task = None
        self._resume()

    # --- reading --------------------------------------------------------------------------------
    def _new_reader(self):
        self._xml = xml.StreamReader()

    def _resume(self):
        self._task = asyncio.ensure_future(self._read())

    async def _pause(self):
        """Nobody else may read while TLS shakes hands."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self):
        try:
            while data := await self.wire.read():
                self.received += data
                for element in self._xml.feed(data):
                    self.inbox.put(element)
        except Exception as e:  # resets, TLS alerts, bad XML: the test decides what they mean
            self.error = e
        self.closed = True

    @property
    def header(self):
        """The attributes of the server's stream tag."""
        return self._xml.header

    @property
    def ended(self):
        """The server has closed its stream, or the connection."""
        return self._xml.ended or self.closed

    def stop_reading(self):
        """From now on a client that does not read."""
        self._task.cancel()

    def go_on_reading(self):
        """Undoes stop_reading()."""
        self._resume()

    # --- writing --------------------------------------------------------------------------------
    async def send(self, data):
        await self.wire.write(data.encode() if isinstance(data, str) else data)

    async def send_slowly(self, data, size=1):
        """In writes of `size` bytes each."""
        data = data.encode() if isinstance(data, str) else data
        for at in range(0, len(data), size):
            await self.wire.write(data[at:at + size])
            await asyncio.sleep(0)

    # --- the stream -----------------------------------------------------------------------------
    async def send_header(self, to=None, sender=None):
        """Begins a new stream and says no more."""
        self._new_reader()
        self.received.clear()
        self.inbox.clear()
        said = f" from={quoteattr(sender)}" if sender else ""
        await self.send(STREAM_TAG.format(to=quoteattr(to or self.domain) + said, ns=self.namespace))

    async def open_stream(self, to=None, sender=None):
        """A new stream, up to the server's features, which it returns."""
        await self.send_header(to, sender)
        self.features = await self.wait(f"{{{xml.STREAM}}}features")
        return self.features

    async def wait(self, *args, timeout=DEADLINE, **want):
        """inbox.wait, but a closed connection ends it at once."""
        def found():
            hits = self.inbox.find(*args, **want)
            return hits or (["end"] if self.closed else None)
        hits = await until(found, lambda: f"{self.name}: {args} {want}\n{self.inbox.text()}",
                           timeout)
        assert hits != ["end"], (f"{self.name}: closed ({self.error!r}) before {args} {want}\n"
                                 + self.inbox.text())
        return hits[0]

    async def wait_closed(self, timeout=DEADLINE):
        await until(lambda: self.closed, f"{self.name}: closed by the server", timeout)

    async def stream_error(self, timeout=DEADLINE):
        """The condition of the stream error that the server sends."""
        error = await self.wait(f"{{{xml.STREAM}}}error", timeout=timeout)
        return next(c.tag.rpartition("}")[2] for c in error
                    if c.tag.startswith(f"{{{xml.STREAM_ERRORS}}}"))

    # --- logging in -----------------------------------------------------------------------------
    async def start_tls(self, extra=b"", **how):
        """STARTTLS; `extra` is sent in the same write as <starttls/>.  name=, alpn=, versions=."""
        await self.send(f"<starttls xmlns='{xml.TLS}'/>".encode() + extra)
        await self.wait(f"{{{xml.TLS}}}proceed")
        await self._secure(how.pop("name", self.domain), **how)

    async def direct_tls(self, alpn=("xmpp-client",), **how):
        """For port 5223: TLS before anything else."""
        await self._secure(how.pop("name", self.domain), alpn=alpn, **how)

    async def _secure(self, name, **how):
        await self._pause()
        await self.wire.start_tls(name, self.ca_file, **how)
        self._new_reader()
        self._resume()

    @property
    def mechanisms(self):
        return [m.text for m in self.features.iter(f"{{{xml.SASL}}}mechanism")]

    async def sasl(self, user, password, mechanism="SCRAM-SHA-256", announce="n"):
        """Authenticates and opens the stream anew; SaslFailure if refused."""
        if mechanism == "PLAIN":
            await self.auth(mechanism, f"\0{user}\0{password}".encode())
            await self.sasl_answer()
        else:
            binding = None
            if mechanism.endswith("-PLUS"):
                binding = ("tls-exporter", self.wire.exporter())
            scram = ScramClient(mechanism, user, password, binding, announce)
            await self.auth(mechanism, scram.first())
            challenge = await self.sasl_answer()
            await self.send(f"<response xmlns='{xml.SASL}'>"
                            f"{base64.b64encode(scram.final(challenge)).decode()}</response>")
            scram.verify(await self.sasl_answer())
        await self.open_stream()

    async def auth(self, mechanism, initial):
        await self.send(f"<auth xmlns='{xml.SASL}' mechanism='{mechanism}'>"
                        f"{base64.b64encode(initial).decode() or '='}</auth>")

    async def sasl_answer(self):
        answer = await self.wait(lambda e: e.tag.startswith(f"{{{xml.SASL}}}"))
        self.inbox.clear()
        if answer.tag.endswith("}failure"):
            raise SaslFailure(answer)
        return base64.b64decode(answer.text or "")

    async def bind(self, resource=None):
        asked = f"<resource>{escape(resource)}</resource>" if resource is not None else ""
        answer = await self.iq("set", f"<bind xmlns='{xml.BIND}'>{asked}</bind>")
        assert answer.get("type") == "result", xml.show(answer)
        self.jid = answer.findtext(f".//{{{xml.BIND}}}jid")
        self.name = self.jid
        return self.jid

    async def login(self, user, password, resource=None, mechanism="SCRAM-SHA-256", presence=False):
        """From a fresh connection (or one with TLS already) to a bound session."""
        await self.open_stream()
        if not self.wire.tls:
            await self.start_tls()
            await self.open_stream()
        await self.sasl(user, password, mechanism)
        await self.bind(resource)
        if presence:
            await self.send("<presence/>")
            await self.sync()
        return self

    # --- stanzas --------------------------------------------------------------------------------
    async def iq(self, kind, payload, to=None, timeout=DEADLINE):
        """Sends an iq of this type and returns the answer, result or error."""
        ident = f"iq{next(self._ids)}"
        address = f" to={quoteattr(to)}" if to else ""
        await self.send(f"<iq type='{kind}' id='{ident}'{address}>{payload}</iq>")
        return await self.wait(lambda e: e.tag.endswith("}iq") and e.get("type") in ANSWERS,
                               id=ident, timeout=timeout)

    async def sync(self):
        """All that the server had for us before this call has come when it returns."""
        await self.iq("get", f"<ping xmlns='{xml.PING}'/>", to=self.domain)

    async def close(self):
        """Ends the stream in good manners."""
        if not self.closed:
            try:
                await self.send("</stream:stream>")
                await until(lambda: self.ended, f"{self.name}: stream closed", 2)
            except (AssertionError, OSError):
                pass
        await self.drop()

    async def drop(self, reset=False):
        """Closes the connection without a word."""
        await self._pause()
        self.wire.reset() if reset else self.wire.close()
        self.closed = True
