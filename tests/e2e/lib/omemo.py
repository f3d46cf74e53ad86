# SPDX-License-Identifier: MIT
"""A client with OMEMO (XEP-0384 0.3, eu.siacs.conversations.axolotl): slixmpp and Debian's
python3-omemo and python3-oldmemo, all that it knows in memory.

    c = await OmemoClient("alice@localhost", "secret", ca_file).login(("127.0.0.1", 5222))
    await c.trust("bob@localhost", fingerprint)   # blind=True: whoever comes is trusted
    await c.say("bob@localhost", "hello"); await c.heard("hello", "bob@localhost")
"""

import asyncio
import logging
import xml.etree.ElementTree as ET
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

import oldmemo
import oldmemo.etree
import omemo
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from .client import Client
from .inbox import error_condition
from .wait import DEADLINE, until

AXOLOTL = oldmemo.oldmemo.NAMESPACE
DEVICES, BUNDLES = f"{AXOLOTL}.devicelist", f"{AXOLOTL}.bundles"
PUBSUB = "http://jabber.org/protocol/pubsub"
EVENT, OPTIONS = f"{PUBSUB}#event", f"{PUBSUB}#publish-options"
MUC_USER = "http://jabber.org/protocol/muc#user"
FALLBACK = "This message is encrypted with OMEMO."
UNDECIDED, TRUSTED, DISTRUSTED = "undecided", "trusted", "distrusted"
log = logging.getLogger(__name__)


class Heard(NamedTuple):
    """`text` is None for what only carries keys; `why` says why it could not be read."""

    sender: str  # bare JID
    via: str     # the `from` of the stanza
    device: int
    text: str
    why: object = None


class _Memory(omemo.Storage):
    def __init__(self):
        super().__init__(disable_cache=True)
        self._values = {}

    async def _load(self, key):
        return omemo.Just(self._values[key]) if key in self._values else omemo.Nothing()

    async def _store(self, key, value):
        self._values[key] = value

    async def _delete(self, key):
        self._values.pop(key, None)


class _Manager(omemo.SessionManager):
    """python-omemo's side that needs a network and a person; the client is both."""

    client = None  # of the subclass that each client makes for itself

    async def _upload_bundle(self, bundle):
        await self.client.publish(f"{BUNDLES}:{bundle.device_id}",
                                  oldmemo.etree.serialize_bundle(bundle))

    async def _upload_device_list(self, namespace, device_list):
        await self.client.publish(DEVICES, oldmemo.etree.serialize_device_list(device_list))

    async def _download_bundle(self, namespace, bare_jid, device_id):
        element = await self.client.fetch(bare_jid, f"{BUNDLES}:{device_id}",
                                          f"{{{AXOLOTL}}}bundle", omemo.BundleDownloadFailed)
        if element is None:
            raise omemo.BundleNotFound(f"{bare_jid} {device_id}")
        return oldmemo.etree.parse_bundle(element, bare_jid, device_id)

    async def _download_device_list(self, namespace, bare_jid):
        element = await self.client.fetch(bare_jid, DEVICES, f"{{{AXOLOTL}}}list",
                                          omemo.DeviceListDownloadFailed)
        return _devices(element)

    async def _delete_bundle(self, namespace, device_id):
        raise omemo.BundleDeletionFailed("no test does that")

    async def _evaluate_custom_trust_level(self, device):
        return {UNDECIDED: omemo.TrustLevel.UNDECIDED, TRUSTED: omemo.TrustLevel.TRUSTED,
                DISTRUSTED: omemo.TrustLevel.DISTRUSTED}[device.trust_level_name]

    async def _make_trust_decision(self, undecided, identifier):
        if not self.client.blind:
            raise omemo.TrustDecisionFailed(", ".join(
                sorted(f"{d.bare_jid} {d.device_id}" for d in undecided)))
        for device in undecided:
            await self.set_trust(device.bare_jid, device.identity_key, TRUSTED)

    async def _send_message(self, message, bare_jid):
        self.client.send_encrypted(bare_jid, "chat", oldmemo.etree.serialize_message(message), "")


class OmemoClient(Client):
    """`omemo` is python-omemo's session manager; `device` our number of a device."""

    def __init__(self, jid, password, ca_file, blind=False, **how):
        super().__init__(jid, password, ca_file, plugins=("xep_0115",), **how)
        self.blind = blind
        self.omemo = self.device = None
        self.all_heard = []
        self.lists = {}       # bare JID: the devices of the last list that was pushed
        self._occupants = {}  # room/nick: bare JID
        self._work, self._tasks = asyncio.Queue(), []
        for what, handler in ((f"message/{{{EVENT}}}event", self._on_event),
                              (f"message/{{{AXOLOTL}}}encrypted", self._on_encrypted),
                              (f"presence/{{{MUC_USER}}}x", self._on_occupant)):
            self.register_handler(Callback(what, MatchXPath(f"{{jabber:client}}{what}"),
                                           lambda stanza, h=handler: h(stanza.xml)))

    # --- life -----------------------------------------------------------------------------------
    async def login(self, address, direct_tls=False, presence=True):
        """Online, wanting device lists, and with keys of its own published."""
        await super().login(address, direct_tls, presence=False)
        self["xep_0030"].add_feature(f"{DEVICES}+notify")
        await self["xep_0115"].update_caps(broadcast=False)
        if presence:
            await self.roster_items()
            self.send_presence()
            await self.sync()
        await self._make_device()
        return self

    async def _make_device(self):
        storage, before = _Memory(), asyncio.all_tasks()
        manager = type("Manager", (_Manager,), {"client": self})
        self.omemo = await manager.create([oldmemo.Oldmemo(storage)], storage, self.bare, None,
                                          UNDECIDED)
        # The one that renews the signed key once a week.
        self._tasks = [t for t in asyncio.all_tasks() - before
                       if "signed_pre_key_rotation" in t.get_coro().__qualname__]
        own, _ = await self.omemo.get_own_device_information()
        self.device = own.device_id
        await self.omemo.after_history_sync()
        self._tasks.append(asyncio.ensure_future(self._work_on()))

    async def close(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().close()

    # --- PEP ------------------------------------------------------------------------------------
    async def publish(self, node, payload):
        """As the current item of a node that everybody may read."""
        options = "".join(f"<field var={quoteattr(var)}{kind}><value>{value}</value></field>"
                          for var, value, kind in (
                              ("FORM_TYPE", OPTIONS, " type='hidden'"),
                              ("pubsub#persist_items", "true", ""),
                              ("pubsub#access_model", "open", "")))
        answer = await self.request(
            "set", f"<pubsub xmlns='{PUBSUB}'><publish node={quoteattr(node)}><item id='current'>"
            f"{ET.tostring(payload, encoding='unicode')}</item></publish><publish-options>"
            f"<x xmlns='jabber:x:data' type='submit'>{options}</x></publish-options></pubsub>")
        if answer.get("type") != "result":
            failed = (omemo.DeviceListUploadFailed if node == DEVICES else omemo.BundleUploadFailed)
            raise failed(f"{node}: {error_condition(answer)}")

    async def fetch(self, jid, node, tag, failed):
        """The payload of somebody's node, None if there is none; `failed` is raised."""
        answer = await self.request(
            "get", f"<pubsub xmlns='{PUBSUB}'><items node={quoteattr(node)}/></pubsub>", to=jid)
        if answer.get("type") == "error" and error_condition(answer) != "item-not-found":
            raise failed(f"{jid} {node}: {error_condition(answer)}")
        return answer.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}items/{{{PUBSUB}}}item/{tag}")

    # --- whom to trust --------------------------------------------------------------------------
    async def fingerprint(self):
        own, _ = await self.omemo.get_own_device_information()
        return _print_of(own)

    async def fingerprints(self, jid):
        """{fingerprint: number of the device} of somebody, or of ourselves, as published."""
        await self.omemo.refresh_device_list(AXOLOTL, jid)
        return {_print_of(d): d.device_id for d in await self.omemo.get_device_information(jid)}

    async def trust(self, jid, fingerprint):
        """A device that they must have."""
        await self.omemo.refresh_device_list(AXOLOTL, jid)
        devices = {_print_of(d): d for d in await self.omemo.get_device_information(jid)}
        assert fingerprint in devices, f"{jid} has {list(devices)}, not {fingerprint}"
        await self.omemo.set_trust(jid, devices[fingerprint].identity_key, TRUSTED)

    async def wait_list(self, jid, *devices):
        """That the server pushed a list with exactly these devices."""
        await until(lambda: self.lists.get(jid) == set(devices),
                    lambda: f"{self.bare}: devices {devices} of {jid}, not {self.lists.get(jid)}")

    # --- words ----------------------------------------------------------------------------------
    async def say(self, to, text, room_of=()):
        """Encrypted for all devices of `to`, or, in a room, of these people; and our own."""
        readers = frozenset(room_of or [to]) - {self.bare}
        for jid in readers:
            if not await self.omemo.get_device_information(jid):
                await self.omemo.refresh_device_list(AXOLOTL, jid)
        messages, errors = await self.omemo.encrypt(readers, {AXOLOTL: text.encode()})
        assert not errors, errors
        (message,) = messages
        self.send_encrypted(to, "groupchat" if room_of else "chat",
                            oldmemo.etree.serialize_message(message),
                            f"<body>{FALLBACK}</body>")

    def send_encrypted(self, to, kind, encrypted, body):
        self.send_raw(
            f"<message to={quoteattr(to)} type='{kind}' id='{self.new_id()}'>"
            f"{ET.tostring(encrypted, encoding='unicode')}{body}<encryption xmlns='urn:xmpp:eme:0' "
            f"name='OMEMO' namespace='{AXOLOTL}'/><store xmlns='urn:xmpp:hints'/></message>")

    async def heard(self, text, sender=None, via=None, timeout=DEADLINE):
        """The first message with these words."""
        found = await until(
            lambda: [h for h in self.all_heard if h.text == text and sender in (None, h.sender)
                     and via in (None, h.via)],
            lambda: f"{self.bare}: {text!r} of {sender or via}\n{self.all_heard}\n"
            f"{self.inbox.text()}", timeout)
        return found[0]

    # --- what comes -----------------------------------------------------------------------------
    def _on_occupant(self, presence):
        item = presence.find(f"{{{MUC_USER}}}x/{{{MUC_USER}}}item")
        if item is not None and item.get("jid"):
            self._occupants[presence.get("from")] = item.get("jid").partition("/")[0]

    def _on_event(self, message):
        items = message.find(f"{{{EVENT}}}event/{{{EVENT}}}items")
        if items is not None and items.get("node") == DEVICES:
            jid = (message.get("from") or self.bare).partition("/")[0]
            element = items.find(f"{{{EVENT}}}item/{{{AXOLOTL}}}list")
            self._work.put_nowait(lambda: self._note_list(jid, _devices(element)))

    async def _note_list(self, jid, devices):
        await self.omemo.update_device_list(AXOLOTL, jid, devices)
        self.lists[jid] = set(devices)

    def _on_encrypted(self, message):
        via = message.get("from")
        sender = self._occupants.get(via) or via.partition("/")[0]
        if message.get("type") != "error":
            self._work.put_nowait(lambda: self._read(via, sender, message.find(
                f"{{{AXOLOTL}}}encrypted")))

    async def _read(self, via, sender, encrypted):
        device = int(encrypted.find(f"{{{AXOLOTL}}}header").get("sid"))
        if sender == self.bare and device == self.device:
            return  # the room sends our own back
        try:
            message = await oldmemo.etree.parse_message(encrypted, sender, self.bare, self.omemo)
            text, _, _ = await self.omemo.decrypt(message)
        except omemo.OMEMOException as e:
            self.all_heard.append(Heard(sender, via, device, None, e))
        else:
            self.all_heard.append(Heard(sender, via, device, text.decode() if text else None))

    async def _work_on(self):
        """One after the other: a message may need the list that came before it."""
        while True:
            work = await self._work.get()
            try:
                await work()
            except Exception:  # shown by pytest beside what the test then waits for in vain
                log.exception("%s", self.bare)


def _devices(element):
    if element is None or len(element) == 0:
        return {}
    return oldmemo.etree.parse_device_list(element)


def _print_of(device):
    return "".join(omemo.SessionManager.format_identity_key(device.identity_key))
