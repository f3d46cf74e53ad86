# SPDX-License-Identifier: MIT
"""What messages carry: the shapes that real clients send, as text."""

import base64
import hashlib

CHAT_STATES = "http://jabber.org/protocol/chatstates"
AXOLOTL = "eu.siacs.conversations.axolotl"


def cipher(seed, size=48):
    """Some base64 that looks as ciphertext does."""
    data = hashlib.shake_256(seed.encode()).digest(size)
    return base64.b64encode(data).decode()


# Conversations, dino, profanity and gajim send the first.
ENCRYPTED = {
    "OMEMO 0.3": (
        f"<encrypted xmlns='{AXOLOTL}'><header sid='1231286'>"
        f"<key rid='778421' prekey='true'>{cipher('k1')}</key>"
        f"<key rid='778422'>{cipher('k2')}</key>"
        f"<iv>{cipher('iv', 12)}</iv></header><payload>{cipher('payload')}</payload></encrypted>"
        f"<encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='{AXOLOTL}'/>"
        "<body>I sent you an OMEMO encrypted message but your client doesn't support it.</body>"
        "<store xmlns='urn:xmpp:hints'/>"),
    "OMEMO 0.3, keys alone": (
        f"<encrypted xmlns='{AXOLOTL}'><header sid='1231286'>"
        f"<key rid='778421'>{cipher('k3')}</key><iv>{cipher('iv', 12)}</iv></header></encrypted>"),
    "OMEMO 1": (
        "<encrypted xmlns='urn:xmpp:omemo:1'><header sid='27183'><keys jid='bob@localhost'>"
        f"<key rid='31415'>{cipher('k4')}</key></keys></header>"
        f"<payload>{cipher('payload', 80)}</payload></encrypted>"),
    "OMEMO 2": (
        "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='27183'><keys jid='bob@localhost'>"
        f"<key rid='31415' kex='true'>{cipher('k5')}</key></keys></header>"
        f"<payload>{cipher('payload', 80)}</payload></encrypted>"
        "<encryption xmlns='urn:xmpp:eme:0' name='OMEMO' namespace='urn:xmpp:omemo:2'/>"),
    "OMEMO 2, keys alone": (
        "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='27183'><keys jid='bob@localhost'>"
        f"<key rid='31415'>{cipher('k6')}</key></keys></header></encrypted>"),
    "OpenPGP": (
        f"<openpgp xmlns='urn:xmpp:openpgp:0'>{cipher('openpgp', 120)}</openpgp>"
        "<body>This message is encrypted (XEP-0373)</body>"),
    "OpenPGP of XEP-0027": (
        "<body>This message is encrypted.</body>"
        f"<x xmlns='jabber:x:encrypted'>\n{cipher('pgp', 96)}\n=nuYP\n</x>"),
    "OTR": f"<body>?OTR:AAMDJ+MVmSfjFZcA{cipher('otr', 60)}.</body>",
    "OTR fragment": (
        f"<body>?OTR|5a73a599|27e31597,00001,00003,?OTR:AAMD{cipher('otr', 30)},</body>"),
    "OTR fragment, version 2": f"<body>?OTR,1,3,?OTR:AAEDAAAAAQAAAAEAAADA{cipher('o', 9)},</body>",
    "OTR query": "<body>?OTRv23?\nalice@localhost has asked for an OTR conversation.</body>",
}

SIMS = (
    "<reference xmlns='urn:xmpp:reference:0' type='data' uri='cid:1@localhost'>"
    "<media-sharing xmlns='urn:xmpp:sims:1'><file xmlns='urn:xmpp:jingle:apps:file-transfer:5'>"
    "<name>a.jpg</name></file><sources><reference xmlns='urn:xmpp:reference:0' type='data' "
    "uri='https://example.org/a.jpg'/></sources></media-sharing></reference>")
CLEAR = {
    "body": "<body>plain</body>",
    "body with an announcement": (
        "<body>plain</body><encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:omemo:2'/>"),
    "body beside OMEMO without content": (
        f"<body>plain</body><encrypted xmlns='{AXOLOTL}'><header sid='1'/></encrypted>"),
    "body that only mentions OTR": "<body>do you have ?OTR: at hand</body>",
    "words in place of OpenPGP": (
        "<body>plain</body><openpgp xmlns='urn:xmpp:openpgp:0'>in the clear, really</openpgp>"),
    "XHTML": (
        "<html xmlns='http://jabber.org/protocol/xhtml-im'>"
        "<body xmlns='http://www.w3.org/1999/xhtml'><p>plain</p></body></html>"),
    "out-of-band URL": "<x xmlns='jabber:x:oob'><url>https://example.org/a.jpg</url></x>",
    "URL beside OTR": "<body>?OTR:AAMD.</body><x xmlns='jabber:x:oob'><url>https://a.org</url></x>",
    "stateless file sharing": (
        "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>"
        "<name>a.jpg</name></file><sources><url-data xmlns='http://jabber.org/protocol/url-data' "
        "target='https://example.org/a.jpg'/></sources></file-sharing>"),
    "media sharing": SIMS,
}

WITHOUT_CONTENT = {
    "chat state": f"<composing xmlns='{CHAT_STATES}'/>",
    "receipt": "<received xmlns='urn:xmpp:receipts' id='m1'/>",
    "marker": "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>",
    "subject": "<subject>What we talk about</subject>",
    "invitation": (
        "<x xmlns='jabber:x:conference' jid='room@conference.localhost'/><body>Come!</body>"),
}
