# SPDX-License-Identifier: MIT
"""XML that is broken, forbidden or too large: the right stream error, and nobody else notices."""

import pytest

from lib import xml
from lib.client import befriend
from lib.faults import encrypted, login, unavailable_from
from lib.raw import STREAM_TAG

BEFORE_LOGIN, AFTER_LOGIN = 64 << 10, 256 << 10
SASL_QUESTION = f"<auth xmlns='{xml.SASL}' mechanism='X'>%s</auth>"
NOTE = f"<message to='%s'><note xmlns='urn:example:note'>%s</note></message>"


@pytest.fixture
def stack(make_stack):
    """The router alone: what is tested ends there."""
    return make_stack(components=())


async def refused(c, condition):
    """The stream error is this one, the stream is closed after it and so is the connection."""
    assert await c.stream_error() == condition
    await c.wait_closed()
    assert c.received.rstrip().endswith(b"</stream:stream>")


def nested(levels):
    """One element of that many levels."""
    return "<x xmlns='urn:example:deep'>" + "<x>" * (levels - 1) + "</x>" * levels


def attributes(n):
    return "".join(f" a{i}='1'" for i in range(n))


# --- below the stream's root ----------------------------------------------------------------------

BROKEN = {
    "tags-crossed": (b"<a><b></a></b>", "not-well-formed"),
    "end-tag-of-nothing": (b"</a>", "not-well-formed"),
    "attribute-twice": (b"<a b='1' b='2'/>", "not-well-formed"),
    "attribute-unquoted": (b"<a b=1/>", "not-well-formed"),
    "bare-ampersand": (b"<a>b & c</a>", "not-well-formed"),
    "lower-than-in-attribute": (b"<a b='<'/>", "not-well-formed"),
    "character-0": (b"<a>\x00</a>", "not-well-formed"),
    "reference-to-character-0": (b"<a>&#0;</a>", "not-well-formed"),
    "control-character": (b"<a>\x0b</a>", "not-well-formed"),
    "text-between-stanzas": (b"hello", "not-well-formed"),
    "second-xml-declaration": (b"<?xml version='1.0'?>", "not-well-formed"),
    "utf8-stray-bytes": (b"<a>\xff\xfe</a>", "not-well-formed"),
    "utf8-overlong": (b"<a>\xc0\xaf</a>", "not-well-formed"),
    "utf8-surrogate": (b"<a>\xed\xa0\x80</a>", "not-well-formed"),
    "utf8-cut": (b"<a>\xe2\x82</a>", "not-well-formed"),
    "utf8-in-name": (b"<a\xff/>", "not-well-formed"),
    "comment": (b"<!-- hello -->", "restricted-xml"),
    "comment-inside": (b"<a><!-- hello --></a>", "restricted-xml"),
    "processing-instruction": (b"<?php echo 1 ?>", "restricted-xml"),
    "entity": (b"<a>&lol;</a>", "restricted-xml"),
    "entity-in-attribute": (b"<a b='&lol;'/>", "restricted-xml"),
    "prefix-undeclared": (b"<x:a/>", "bad-namespace-prefix"),
    "attribute-prefix-undeclared": (b"<a x:b='1'/>", "bad-namespace-prefix"),
    "prefix-xml-redeclared": (b"<a xmlns:xml='urn:x'/>", "bad-namespace-prefix"),
    "prefix-xmlns-declared": (b"<a xmlns:xmlns='urn:x'/>", "bad-namespace-prefix"),
    "too-many-attributes": (f"<a{attributes(65)}/>".encode(), "policy-violation"),
    "too-many-declarations": (
        f"<a {' '.join(f'xmlns:p{i}={chr(39)}urn:{i}{chr(39)}' for i in range(65))}/>".encode(),
        "policy-violation"),
    "too-deep": (nested(65).encode(), "policy-violation"),
    "too-many-children": (b"<a>" + b"<b/>" * 4097 + b"</a>", "policy-violation"),
    "endless-tag": (b"<a b='" + b"x" * 40000, "policy-violation"),
    "endless-reference": (b"<a>&#" + b"0" * 40000, "policy-violation"),
    "too-long": (b"<a>" + b"x" * BEFORE_LOGIN, "policy-violation"),
}


@pytest.mark.parametrize("data, condition", BROKEN.values(), ids=BROKEN)
async def test_broken_before_login(bystander, raw_client, data, condition):
    c = await raw_client()
    await c.open_stream()
    await c.send(data)
    await refused(c, condition)


@pytest.mark.parametrize("name", ["tags-crossed", "utf8-stray-bytes", "entity", "prefix-undeclared",
                                  "comment-inside", "too-deep"])
async def test_broken_after_login(stack, bystander, raw_client, name):
    data, condition = BROKEN[name]
    c = await login(stack, raw_client, "alice")
    await c.send(data)
    await refused(c, condition)


async def test_broken_in_one_write_with_good_ones(stack, bystander, raw_client):
    """What came before the fault counts."""
    c = await login(stack, raw_client, "alice")
    await c.send(NOTE % (bystander.jid, "one") + NOTE % (bystander.jid, "two") + "<a></b>")
    await refused(c, "not-well-formed")
    await bystander.wait("message", has="{urn:example:note}note")
    await bystander.sync()
    notes = [m.findtext("{urn:example:note}note") for m in bystander.inbox.find("message")]
    assert notes == ["one", "two"]


async def test_session_ends_with_the_stream(stack, client, raw_client):
    """Contacts see the end, and what is sent there comes back."""
    alice, bob = await client("alice"), await client("bob")
    await befriend(alice, bob)
    phone = await login(stack, raw_client, "alice", "phone")
    await phone.send("<presence/>")
    await bob.wait("presence", from_=phone.jid, type=None)
    await phone.send("<a></b>")
    await refused(phone, "not-well-formed")
    await bob.wait(unavailable_from(phone.jid))
    bob.send_raw((NOTE % (phone.jid, "late")).replace("<message", "<message id='late'"))
    await bob.wait("message", id="late", error="service-unavailable")


# --- limits, from both sides ----------------------------------------------------------------------

def sized(form, size):
    """`form` filled up to exactly `size` bytes."""
    return form % ("A" * (size - len(form % "")))


async def test_largest_before_login(stack, raw_client):
    c = await raw_client()
    await c.open_stream()
    await c.send(sized(SASL_QUESTION, BEFORE_LOGIN))
    assert (await c.wait("failure")).find(f"{{{xml.SASL}}}encryption-required") is not None


async def test_one_byte_too_large_before_login(bystander, raw_client):
    c = await raw_client()
    await c.open_stream()
    await c.send(sized(SASL_QUESTION, BEFORE_LOGIN + 1))
    await refused(c, "policy-violation")


async def test_largest_stanza(stack, bystander, raw_client):
    c = await login(stack, raw_client, "alice")
    form = (NOTE % (bystander.jid, "X")).replace("X", "%s")
    await c.send(sized(form, AFTER_LOGIN))
    got = await bystander.wait("message", from_=c.jid)
    assert len(got.findtext("{urn:example:note}note")) == AFTER_LOGIN - len(form % "")


async def test_one_byte_too_large_after_login(stack, bystander, raw_client):
    c = await login(stack, raw_client, "alice")
    form = (NOTE % (bystander.jid, "X")).replace("X", "%s")
    await c.send(sized(form, AFTER_LOGIN + 1))
    await refused(c, "policy-violation")
    await bystander.sync()
    assert not bystander.inbox.find("message")


@pytest.mark.parametrize("payload", [nested(63), f"<x xmlns='urn:x'{attributes(63)}/>",
                                     "<x xmlns='urn:x'>" + "<y/>" * 4096 + "</x>"],
                         ids=["depth", "attributes", "children"])
async def test_at_the_limit_is_delivered(stack, bystander, raw_client, payload):
    c = await login(stack, raw_client, "alice")
    await c.send(f"<message to='{bystander.jid}'>{payload}</message>")
    await bystander.wait("message", from_=c.jid)


async def test_limits_are_settings(make_stack, raw_client):
    stack = make_stack(components=(), env={"LIMIT_STANZA_BEFORE_LOGIN": "1k"})
    c = await raw_client(stack=stack)
    await c.open_stream()
    await c.send(sized(SASL_QUESTION, 1025))
    await refused(c, "policy-violation")


# --- the stream's header --------------------------------------------------------------------------

GOOD = STREAM_TAG.format(to="'localhost'", ns=xml.CLIENT)
HEADERS = {
    "stream-namespace": (GOOD.replace(xml.STREAM, "urn:x"), "invalid-namespace"),
    "no-stream-namespace": (GOOD.replace("<stream:stream", "<stream"), "invalid-namespace"),
    "default-namespace": (GOOD.replace(xml.CLIENT, "jabber:server"), "invalid-namespace"),
    "component-namespace": (GOOD.replace(xml.CLIENT, xml.COMPONENT), "invalid-namespace"),
    "no-default-namespace": (GOOD.replace(f"xmlns='{xml.CLIENT}'", ""), "invalid-namespace"),
    "root-name": (GOOD.replace("<stream:stream", "<stream:flow"), "bad-format"),
    "prefix-undeclared": (GOOD.replace("xmlns:stream", "xmlns:steam"), "bad-namespace-prefix"),
    "host-unknown": (GOOD.replace("localhost", "example.org"), "host-unknown"),
    "host-of-a-component": (GOOD.replace("localhost", "echo.localhost"), "host-unknown"),
    "host-malformed": (GOOD.replace("localhost", "a..b/@"), "host-unknown"),
    "no-host": (GOOD.replace("to='localhost'", ""), "host-unknown"),
    "version-0.9": (GOOD.replace("version='1.0' xmlns", "version='0.9' xmlns"),
                    "unsupported-version"),
    "no-version": (GOOD.replace("version='1.0' xmlns", "xmlns"), "unsupported-version"),
    "version-of-letters": (GOOD.replace("version='1.0' xmlns", "version='one' xmlns"),
                           "unsupported-version"),
    "encoding": (GOOD.replace("'1.0'?>", "'1.0' encoding='ISO-8859-1'?>", 1),
                 "unsupported-encoding"),
    "encoding-unheard-of": (GOOD.replace("'1.0'?>", "'1.0' encoding='x-y'?>", 1),
                            "unsupported-encoding"),
    "dtd": (GOOD.replace("?>", "?><!DOCTYPE stream>", 1), "restricted-xml"),
    "dtd-external": (GOOD.replace("?>", "?><!DOCTYPE s SYSTEM 'file:///etc/passwd'>", 1),
                     "restricted-xml"),
    "entities": (GOOD.replace("?>", "?><!DOCTYPE s [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>", 1),
                 "restricted-xml"),
    "comment": (GOOD.replace("?>", "?><!-- -->", 1), "restricted-xml"),
    "too-many-attributes": (GOOD.replace(" to=", attributes(65) + " to="), "policy-violation"),
    "http": ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "not-well-formed"),
    "text": ("hello\r\n", "not-well-formed"),
    "zeros": ("\0" * 100, "not-well-formed"),
}


@pytest.mark.parametrize("header, condition", HEADERS.values(), ids=HEADERS)
async def test_header(bystander, raw_client, header, condition):
    c = await raw_client()
    await c.send(header)
    await refused(c, condition)


async def test_header_in_utf16(bystander, raw_client):
    c = await raw_client()
    await c.send(GOOD.encode("utf-16"))
    assert await c.stream_error() in ("not-well-formed", "unsupported-encoding")
    await c.wait_closed()


async def test_error_comes_with_a_header_of_ours(raw_client, stack):
    """RFC 6120 4.9.1.2: also to who is refused for its header."""
    c = await raw_client()
    await c.send(HEADERS["host-unknown"][0])
    await refused(c, "host-unknown")
    assert c.header["id"] and c.received.startswith(b"<?xml")


async def test_other_domain_after_login(make_stack, raw_client):
    """Who logged in at one domain gets no stream at another."""
    stack = make_stack(domain="localhost,other.test", components=())
    c = await encrypted(raw_client, stack=stack)
    stack.add_account("alice")
    await c.auth("PLAIN", f"\0alice\0{stack.accounts['alice@localhost']}".encode())
    await c.wait("success")
    await c.send_header(to="other.test")
    await refused(c, "not-authorized")


# --- bytes ----------------------------------------------------------------------------------------

async def test_tls_where_xml_is_due(bystander, raw_client):
    c = await raw_client()
    await c.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)))
    await refused(c, "not-well-formed")


async def test_xml_where_tls_is_due(stack, bystander, raw_client):
    c = await raw_client(port=stack.port("C2S_TLS_PORT"))
    await c.send(GOOD)
    await c.wait_closed()
    assert b"<" not in c.received


async def test_garbage_after_proceed(bystander, raw_client):
    c = await raw_client()
    await c.open_stream()
    await c.send(f"<starttls xmlns='{xml.TLS}'/>")
    await c.wait("proceed")
    await c.send(b"<presence/>" * 10)
    await c.wait_closed()


async def test_login_and_chat_byte_by_byte(stack, bystander, raw_client, cut_proxy):
    """TLS, SASL and stanzas cut wherever they can be."""
    proxy = cut_proxy(stack.port("C2S_PORT"))
    proxy.slice(1)
    c = await login(stack, raw_client, "alice", port=proxy.port)
    await c.send_slowly(NOTE % (bystander.jid, "h\u00e9llo \U0001f600 &lt;&#x41;"))
    got = await bystander.wait("message", from_=c.jid)
    assert got.findtext("{urn:example:note}note") == "h\u00e9llo \U0001f600 <A"
    await bystander.send(NOTE % (c.jid, "back"))
    await c.wait("message", from_=bystander.jid)


async def test_clear_login_byte_by_byte(stack, raw_client):
    """One byte a write, in records of their own once TLS runs."""
    stack.add_account("alice")
    c = await raw_client()
    c.send = c.send_slowly
    await c.login("alice", stack.accounts["alice@localhost"])
    await c.sync()


async def test_white_space_between_stanzas_is_nothing(stack, bystander, raw_client):
    """Keepalives (RFC 6120 4.6.1), more of them than a stanza may have bytes."""
    c = await login(stack, raw_client, "alice")
    for _ in range(5):
        await c.send(" \r\n\t" * 16384)
    await c.sync()
