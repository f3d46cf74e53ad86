# SPDX-License-Identifier: MIT
"""A component that speaks the older version of XEP-0355, urn:xmpp:delegation:1, as people write it
with slixmpp: python3 -P slixmpp_delegated.py DOMAIN SECRET HOST PORT.
It answers urn:test:delegated and says who asked; it prints what the server delegates to it."""

import asyncio
import sys
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

DELEGATION, FORWARD = "urn:xmpp:delegation:1", "urn:xmpp:forward:0"
DELEGATED = "urn:test:delegated"


class Delegated(slixmpp.ComponentXMPP):
    def __init__(self, domain, secret, host, port):
        super().__init__(domain, secret, host, port)
        for plugin in ("xep_0030", "xep_0199"):
            self.register_plugin(plugin)
        disco = self["xep_0030"]
        disco.add_feature(DELEGATION, jid=self.boundjid)
        disco.add_feature(DELEGATED, node=f"{DELEGATION}::{DELEGATED}", jid=self.boundjid)
        disco.add_feature(DELEGATED, node=f"{DELEGATION}:bare:{DELEGATED}", jid=self.boundjid)
        for name, handler in (("message", self.on_told), ("iq", self.on_request)):
            self.register_handler(Callback(
                f"delegation {name}",
                MatchXPath(f"{{{self.default_ns}}}{name}/{{{DELEGATION}}}delegation"), handler))

    def on_told(self, message):
        for row in message.xml.iter(f"{{{DELEGATION}}}delegated"):
            print("delegated", row.get("namespace"), flush=True)

    def on_request(self, iq):
        if iq["type"] != "set" or iq["from"] != self.boundjid.domain.partition(".")[2]:
            return
        inner = iq.xml.find(f"{{{DELEGATION}}}delegation/{{{FORWARD}}}forwarded/"
                            "{jabber:client}iq")
        answer = iq.reply(clear=True)
        wrapping = ET.SubElement(answer.xml, f"{{{DELEGATION}}}delegation")
        result = ET.SubElement(ET.SubElement(wrapping, f"{{{FORWARD}}}forwarded"),
                               "{jabber:client}iq", type="result", id=inner.get("id"),
                               to=inner.get("from"))
        if inner.get("to"):
            result.set("from", inner.get("to"))
        ET.SubElement(result, f"{{{DELEGATED}}}who", {
            "from": inner.get("from"), "to": inner.get("to", ""), "version": "1"})
        answer.send()


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    component = Delegated(*sys.argv[1:4], int(sys.argv[4]))
    component.connect()
    component.process()
