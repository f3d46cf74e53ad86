# SPDX-License-Identifier: MIT
"""Namespaces, and reading a stream's XML as it comes."""

import xml.etree.ElementTree as ET

from lxml import etree

CLIENT = "jabber:client"
COMPONENT = "jabber:component:accept"
STREAM = "http://etherx.jabber.org/streams"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
ROSTER = "jabber:iq:roster"
PING = "urn:xmpp:ping"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"


def show(element):
    return ET.tostring(element, encoding="unicode") if isinstance(element, ET.Element) else element


class StreamReader:
    """Bytes in, whole children of the stream out; `header` and `ended` are the stream itself.

    On lxml, because expat holds back a token that came in pieces until more bytes follow."""

    def __init__(self):
        self._parser = etree.XMLPullParser(("start", "end"), resolve_entities=False, huge_tree=True)
        self._depth = 0
        self._root = None
        self.header = None  # attributes of <stream:stream>
        self.ended = False

    def feed(self, data):
        """Yields each child once it is complete; XMLSyntaxError if the peer's XML is broken."""
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            if event == "start":
                if self._depth == 0:
                    self._root, self.header = element, dict(element.attrib)
                self._depth += 1
                continue
            self._depth -= 1
            if self._depth == 0:
                self.ended = True
            elif self._depth == 1:
                yield ET.fromstring(etree.tostring(element, with_tail=False))
                while element.getprevious() is not None:
                    del self._root[0]
