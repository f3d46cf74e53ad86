# SPDX-License-Identifier: MIT
"""A component as people write them with slixmpp: python3 -P slixmpp_bot.py DOMAIN SECRET HOST PORT.
It sends messages back, greets whoever asks, accepts every contact and stays connected."""

import asyncio
import copy
import sys
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

HELLO = "urn:example:hello"


class Bot(slixmpp.ComponentXMPP):
    def __init__(self, domain, secret, host, port):
        super().__init__(domain, secret, host, port)
        for plugin in ("xep_0030", "xep_0092", "xep_0199"):
            self.register_plugin(plugin)
        self["xep_0030"].add_identity(category="automation", itype="bot", name="Slixmpp bot",
                                      jid=self.boundjid)
        self["xep_0030"].add_feature(HELLO, jid=self.boundjid)
        self["xep_0092"].software_name = "slixmpp bot"
        self.add_event_handler("session_start", lambda _: print("online", flush=True))
        self.add_event_handler("disconnected", self.on_disconnected)
        self.add_event_handler("message", self.on_message)
        self.add_event_handler("presence_subscribe", self.on_subscribe)
        self.add_event_handler("presence_probe", self.on_probe)
        self.register_handler(Callback(
            "hello", MatchXPath(f"{{{self.default_ns}}}iq/{{{HELLO}}}hello"), self.on_hello))

    def on_disconnected(self, _why):
        print("offline", flush=True)
        self.connect()

    def on_message(self, message):
        if message["type"] not in ("chat", "normal"):
            return
        answer = self.make_message(mto=message["from"], mfrom=message["to"], mtype=message["type"])
        answer["id"] = message["id"]
        for child in message.xml:
            answer.xml.append(copy.deepcopy(child))
        answer.send()

    def on_hello(self, iq):
        answer = iq.reply()
        hello = ET.SubElement(answer.xml, f"{{{HELLO}}}hello")
        hello.text = f"hello {iq['from'].user}"
        answer.send()

    def on_subscribe(self, presence):
        self.send_presence(pto=presence["from"], pfrom=presence["to"], ptype="subscribed")
        self.on_probe(presence)

    def on_probe(self, presence):
        self.send_presence(pto=presence["from"], pfrom=presence["to"], pstatus="at your service")


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    bot = Bot(*sys.argv[1:4], int(sys.argv[4]))
    bot.connect()
    bot.process()
