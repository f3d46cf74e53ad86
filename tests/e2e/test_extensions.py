# SPDX-License-Identifier: MIT
"""What clients say to each other in elements that are none of the server's business arrives: at once
and byte by byte; in copies for the other clients of both and after a sleep with each character and
attribute, however it is written."""

import re
from xml.etree.ElementTree import canonicalize

import pytest

from lib import xml
from lib.faults import login
from lib.lasting import CARBONS, SM
from lib.payloads import ENCRYPTED, SIMS
from lib.wait import until

JINGLE = "urn:xmpp:jingle-message:0"
HINTS = "urn:xmpp:hints"
REPLY = ("<reply xmlns='urn:xmpp:reply:0' to='alice@localhost/phone' id='m0'/>"
         "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='11'/>"
         "</fallback>")
CALL = (f"<propose xmlns='{JINGLE}' id='call1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' "
        "media='audio'/><description media='video' xmlns='urn:xmpp:jingle:apps:rtp:1'/></propose>")
FORWARDED = ("<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
             "stamp='2026-01-01T00:00:00Z'/><message xmlns='jabber:client' from='eve@example.org/x' "
             "to='alice@localhost' type='chat'><body>said elsewhere</body></message></forwarded>")
NESTED = ("<p:a xmlns:p='urn:example:p' xmlns:q='urn:example:q' q:one='1' two=\"2 &quot;&lt;\" "
          "xml:lang='fr'><p:b xml:lang='de' q:three='&#9;'/><c xmlns='urn:example:c'><d>"
          "<e xmlns=''/>t\u00e9xt \U0001f600 &amp;&#x41;</d></c><p:a><p:a/></p:a></p:a>")

PAYLOADS = {
    "receipt asked for": "<body>hi</body><request xmlns='urn:xmpp:receipts'/>",
    "receipt": "<received xmlns='urn:xmpp:receipts' id='m0'/>",
    "markable": "<body>hi</body><markable xmlns='urn:xmpp:chat-markers:0'/>",
    "displayed": "<displayed xmlns='urn:xmpp:chat-markers:0' id='m0'/>",
    "acknowledged": "<thread>t1</thread><acknowledged xmlns='urn:xmpp:chat-markers:0' id='m0'/>",
    "correction": "<body>hallo</body><replace id='m0' xmlns='urn:xmpp:message-correct:0'/>",
    "reaction": ("<reactions id='m0' xmlns='urn:xmpp:reactions:0'><reaction>\U0001f44b</reaction>"
                 "<reaction>\u2764\ufe0f</reaction></reactions><store xmlns='urn:xmpp:hints'/>"),
    "reactions taken back": "<reactions id='m0' xmlns='urn:xmpp:reactions:0'/>",
    "reply": f"<body>&gt; hello\n\nhello!</body>{REPLY}",
    "chat state": "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
    "chat state and body": "<body>x</body><active xmlns='http://jabber.org/protocol/chatstates'/>",
    "URL": ("<body>https://example.org/a.jpg</body><x xmlns='jabber:x:oob'>"
            "<url>https://example.org/a.jpg</url><desc>A &amp; b</desc></x>"),
    "reference": ("<body>hello romeo</body><reference xmlns='urn:xmpp:reference:0' begin='6' end='11' "
                  "type='mention' uri='xmpp:romeo@localhost'/>"),
    "media": f"<body>a.jpg</body>{SIMS}",
    "encryption": ENCRYPTED["OMEMO 0.3"],
    "encryption, newer": ENCRYPTED["OMEMO 2"],
    "OpenPGP": ENCRYPTED["OpenPGP"],
    "OTR": ENCRYPTED["OTR"],
    "hints": "".join(f"<{h} xmlns='{HINTS}'/>" for h in ("no-permanent-store", "store"))
             + "<body>x</body>",
    "call": CALL + f"<store xmlns='{HINTS}'/>",
    "call accepted": f"<accept xmlns='{JINGLE}' id='call1'/>",
    "call ringing": f"<ringing xmlns='{JINGLE}' id='call1'/>",
    "call over": (f"<finish xmlns='{JINGLE}' id='call1'><reason xmlns='urn:xmpp:jingle:1'><success/>"
                  "<text>Bye</text></reason></finish>"),
    "session over messages": ("<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s1'>"
                              "<ringing xmlns='urn:xmpp:jingle:apps:rtp:info:1'/></jingle>"),
    "origin id": "<body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='5f3dbc5e-1e3c'/>",
    "id of another's": ("<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='room@example.org' "
                        "id='77'/>"),
    "retraction": ("<retract id='m0' xmlns='urn:xmpp:message-retract:1'/><fallback "
                   "xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/><body>/me x</body>"),
    "invitation": "<x xmlns='jabber:x:conference' jid='room@conference.localhost' reason='come'/>",
    "two languages": "<body>hello</body><body xml:lang='de'>hallo</body><subject>S</subject>",
    "forwarded": f"<body>see</body>{FORWARDED}",
    "prefixes": NESTED,
    "long": f"<x xmlns='urn:example:long'>{'a&amp;b ' * 2000}</x>",
    "white space": "\n  <body> a\n\tb </body>\n  <x xmlns='urn:example:w'>  <y/>  </x>\n",
    "comments that are none": "<x xmlns='urn:example:w'>&lt;!-- no --&gt; ]]&gt;</x>",
}
IDS = {f"p{n}": what for n, what in enumerate(PAYLOADS)}
ROOM = "room@example.org"
FORWARD = "{urn:xmpp:forward:0}forwarded"
ADDED_TAGS = ("{urn:xmpp:delay}delay", "{urn:xmpp:sid:0}stanza-id")
ADDED = rb"(<(delay|stanza-id) [^>]*/>|<delay [^>]*>[^<]*</delay>)*"


@pytest.fixture
def stack(request, make_stack):
    return make_stack(components=getattr(request, "param", ()),
                      env={"E2E_POLICY_CHAT": "none", "LIMIT_SESSION_RATE": "0"})


def with_or_without_archive(test):
    return pytest.mark.parametrize("stack", [(), ("archive",)], indirect=True,
                                   ids=["router", "archive"])(test)


with_archive = pytest.mark.parametrize("stack", [("archive",)], indirect=True, ids=[""])


async def session(stack, raw_client, user, resource, carbons=True):
    c = await login(stack, raw_client, user, resource)
    await c.iq("get", f"<query xmlns='{xml.ROSTER}'/>")
    if carbons:
        await c.iq("set", f"<enable xmlns='{CARBONS}'/>")
    await c.send("<presence/>")
    await c.sync()
    return c


async def say_all(c, to):
    for ident, what in IDS.items():
        await c.send(f"<message to='{to}' type='chat' id='{ident}'>{PAYLOADS[what]}</message>")
    await c.sync()


def arrived(c):
    """What has come as it was sent, byte by byte, in order."""
    found = []
    received = bytes(c.received)
    for start in re.finditer(rb'<message [^>]*\bid="(p\d+)"[^>]*>', received):
        payload = PAYLOADS[IDS[start[1].decode()]].encode()
        rest = received[start.end():start.end() + len(payload) + 400]
        assert rest.startswith(payload), (IDS[start[1].decode()], rest[:300])
        assert re.match(ADDED + rb"</message>", rest[len(payload):]), rest[len(payload):]
        found.append(start[1].decode())
    return found


def same(text):
    """However its prefixes and quotes are written."""
    return canonicalize(text, rewrite_prefixes=True)


def kept(message):
    """Whether it says what was sent, but for what the server puts behind it; its id."""
    while len(message) and message[-1].tag in ADDED_TAGS and message[-1].get("by") != ROOM:
        message.remove(message[-1])
    ident = message.get("id")
    sent = f"<message xmlns='{xml.CLIENT}'>{PAYLOADS[IDS[ident]]}</message>"
    for name in list(message.attrib):
        message.attrib.pop(name)
    assert same(xml.show(message)) == same(sent), IDS[ident]
    return ident


def meant(c):
    """What has come with all that was in it, in order."""
    return [kept(m) for m in c.inbox.find("message") if m.get("id") in IDS]


def copied(c, way):
    """The same of copies, each from the user's own address."""
    found = []
    for m in c.inbox.find("message"):
        copy = m.find(f"{{{CARBONS}}}{way}/{FORWARD}/{{{xml.CLIENT}}}message")
        if copy is not None:
            assert m.get("from") == c.jid.split("/")[0] and copy.get("type") == "chat"
            found.append(kept(copy))
    return found


ALL = list(IDS)


@with_or_without_archive
async def test_at_once_and_in_copies(stack, raw_client):
    alice, tablet = [await session(stack, raw_client, "alice", n) for n in ("phone", "tablet")]
    bob, desk = [await session(stack, raw_client, "bob", n) for n in ("phone", "desk")]
    await say_all(alice, bob.jid)
    for c in (bob, desk, tablet):
        await c.sync()
    assert arrived(bob) == ALL
    assert copied(tablet, "sent") == copied(desk, "received") == ALL
    assert not alice.inbox.find("message")


async def test_to_a_bare_address(stack, raw_client):
    alice = await session(stack, raw_client, "alice", "phone")
    bobs = [await session(stack, raw_client, "bob", n) for n in ("phone", "desk")]
    await say_all(alice, "bob@localhost")
    for c in bobs:
        await c.sync()
        assert arrived(c) == ALL


@with_or_without_archive
@pytest.mark.parametrize("waits", ["sleeps", "inactive"])
async def test_to_who_comes_back(stack, raw_client, waits):
    """Asleep, or awake and looked at by nobody (XEP-0352); with a copy for another client of his."""
    alice = await session(stack, raw_client, "alice", "phone")
    bob, desk = [await session(stack, raw_client, "bob", n) for n in ("phone", "desk")]
    for c in (bob, desk):
        await c.send(f"<enable xmlns='{SM}' resume='true'/>")
    ids = [(await c.wait(f"{{{SM}}}enabled")).get("id") for c in (bob, desk)]
    if waits == "inactive":
        for c in (bob, desk):
            await c.send("<inactive xmlns='urn:xmpp:csi:0'/>")
            await c.sync()
    else:
        for c in (bob, desk):
            await c.drop(reset=True)
        await until(lambda: [r["peer"] for r in stack.ctl("session", "list")
                             if r["jid"].startswith("bob@")] == [None, None], "both sleep")
    await say_all(alice, bob.jid)
    if waits == "inactive":
        for c in (bob, desk):
            await c.send("<active xmlns='urn:xmpp:csi:0'/>")
    else:
        bob, desk = [await again(stack, raw_client, previous) for previous in ids]
    for c in (bob, desk):
        c.jid = "bob@localhost"
        await c.sync()
    assert meant(bob) == ALL
    assert copied(desk, "received") == ALL


# What nobody keeps for who is not there: it says nothing, or the server cannot tell whether it does.
PASSING = {"chat state", "prefixes", "long", "comments that are none", "session over messages"}


@with_archive
async def test_to_who_was_not_there_and_in_archives(stack, raw_client):
    stack.add_account("bob")
    alice = await session(stack, raw_client, "alice", "phone")
    await say_all(alice, "bob@localhost")
    bob = await session(stack, raw_client, "bob", "phone")
    wanted = [i for i, what in IDS.items() if what not in PASSING]
    await bob.wait("message", id=wanted[-1])
    assert [i for i in meant(bob) if i in wanted] == wanted
    for c in (alice, bob):
        archived = [i for i in await from_archive(c) if i in wanted]
        assert archived == [i for i in wanted if IDS[i] != "hints"]


async def from_archive(c):
    """What its archive has with all that was in it."""
    c.inbox.clear()
    found, after = [], ""
    while True:
        fin = (await c.iq("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>"
                          f"<max>50</max>{after}</set></query>")).find("{urn:xmpp:mam:2}fin")
        found += [kept(m.find(f"{{urn:xmpp:mam:2}}result/{FORWARD}/{{{xml.CLIENT}}}message"))
                  for m in c.inbox.find("message")]
        c.inbox.clear()
        last = fin.findtext("{http://jabber.org/protocol/rsm}set/{http://jabber.org/protocol/rsm}last")
        if fin.get("complete") == "true" or not last:
            return found
        after = f"<after>{last}</after>"


async def again(stack, raw_client, previous):
    c = await raw_client(stack=stack)
    await c.open_stream()
    await c.start_tls()
    await c.open_stream()
    await c.sasl("bob", stack.accounts["bob@localhost"])
    await c.send(f"<resume xmlns='{SM}' previd='{previous}' h='0'/>")
    await c.wait(f"{{{SM}}}resumed")
    return c


# --- attributes and what stands on the message itself ---------------------------------------------

@pytest.mark.parametrize("lang, told", [(" xml:lang='de'", "de"), (" xml:lang=''", ""), ("", None)])
async def test_language(stack, raw_client, lang, told):
    alice, tablet = [await session(stack, raw_client, "alice", n) for n in ("phone", "tablet")]
    bob = await session(stack, raw_client, "bob", "phone")
    await alice.send(f"<message{lang} to='{bob.jid}' type='chat' id='m1'><body>x</body></message>")
    got = await bob.wait("message", id="m1")
    copy = (await tablet.wait("message", has=f"{{{CARBONS}}}sent")).find(f".//{{{xml.CLIENT}}}message")
    name = "{http://www.w3.org/XML/1998/namespace}lang"
    assert got.get(name) == copy.get(name) == told


@pytest.mark.parametrize("start, inner", [
    (" xmlns:p='urn:example:p' p:mark='1'", "<p:x p:y='z'><p:w/></p:x>"),
    (" xmlns='jabber:client' xmlns:p='urn:example:p'", "<body>x</body><x xmlns='urn:x' p:a='1'/>"),
    (" other='kept' xmlns:a0='urn:one' xmlns:a1='urn:two' a1:t='2' a0:o='1'", "<a0:x a1:y='&lt;'/>"),
])
async def test_prefixes_of_the_message(stack, raw_client, start, inner):
    """The tag is the server's to write: what it says stays the same."""
    alice, tablet = [await session(stack, raw_client, "alice", n) for n in ("phone", "tablet")]
    bob = await session(stack, raw_client, "bob", "phone")
    text = f"<message{start} to='{bob.jid}' type='chat' id='m1'>{inner}</message>"
    await alice.send(text)
    wanted = text if "xmlns=" in start else text.replace("<message", "<message xmlns='jabber:client'")
    wanted = wanted.replace("<message", f"<message from='{alice.jid}'")
    got = await bob.wait("message", id="m1")
    copy = (await tablet.wait("message", has=f"{{{CARBONS}}}sent")).find(f".//{{{xml.CLIENT}}}message")
    for one in (got, copy):
        assert same(xml.show(one)) == same(wanted)
