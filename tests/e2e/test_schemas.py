# SPDX-License-Identifier: MIT
"""The examples of docs/component-protocol.md are what docs/schemas/ says, for each namespace of the
project's own; and the schemas refuse what is not."""

import os
import re

import pytest
from lxml import etree

from lib.stack import TREE

SCHEMAS = os.path.join(TREE, "docs", "schemas")
NAMES = sorted(f.removesuffix(".xsd") for f in os.listdir(SCHEMAS))
OURS = "urn:switchyard:"
STREAM = ("<stream:stream xmlns='jabber:component:accept' "
          "xmlns:stream='http://etherx.jabber.org/streams'>{}</stream:stream>")
HEADER = re.compile(r"<stream:stream\b[^>]*(?<!/)>")

# An attribute is no document: each header is looked at as an element that may have it.
ATTRIBUTES = """<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>
  <xs:import namespace='{ns}' schemaLocation='{file}'/>
  <xs:element name='header'>
    <xs:complexType><xs:anyAttribute namespace='{ns}' processContents='strict'/></xs:complexType>
  </xs:element>
</xs:schema>"""


def schema(name):
    file = os.path.join(SCHEMAS, name + ".xsd")
    if name != "link":
        return etree.XMLSchema(etree.parse(file))
    text = ATTRIBUTES.format(ns=f"{OURS}link:1", file=file)
    return etree.XMLSchema(etree.fromstring(text, base_url=SCHEMAS))


def header(attributes):
    """An element with those of a header's attributes that are in our namespace."""
    element = etree.Element("header")
    element.attrib.update({k: v for k, v in attributes.items() if k.startswith(f"{{{OURS}")})
    return element


def examples():
    """(namespace, element) of all that is ours in the document's XML, without those inside others."""
    with open(os.path.join(TREE, "docs", "component-protocol.md"), encoding="utf-8") as f:
        text = f.read()
    found = []
    for block in re.findall(r"^```xml\n(.*?)^```", text, re.M | re.S):
        block = re.sub(r"^[CR]: ", "   ", block, flags=re.M)
        block = re.sub(r"<\?xml.*?\?>|</stream:stream>", "", block)
        for tag in HEADER.findall(block):
            head = header(etree.fromstring(tag + "</stream:stream>").attrib)
            found += [(etree.QName(k).namespace, head) for k in head.attrib]
        root = etree.fromstring(STREAM.format(HEADER.sub("", block)))
        found += inside(root)
    for span in re.findall(r"`(<[^`]*>)`", text):
        if OURS in span:
            found += inside(etree.fromstring(STREAM.format(span)))
    return found


def inside(parent):
    for child in parent:
        if isinstance(child.tag, str) and child.tag.startswith(f"{{{OURS}"):
            yield etree.QName(child).namespace, child
        else:
            yield from inside(child)


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_valid(name):
    mine = [e for ns, e in examples() if ns == f"{OURS}{name}:1"]
    assert mine, f"no example of {name}"
    for element in mine:
        # As a document of its own, which has a copy's namespaces.
        schema(name).assertValid(etree.fromstring(etree.tostring(element, with_tail=False)))


def test_every_namespace_has_a_schema():
    assert {ns for ns, _ in examples()} == {f"{OURS}{name}:1" for name in NAMES}
    for name in NAMES:
        root = etree.parse(os.path.join(SCHEMAS, name + ".xsd")).getroot()
        assert root.get("targetNamespace") == f"{OURS}{name}:1"


TO = "<to jid='a'/>"
SAID = "<message xmlns='jabber:client' from='a@b'/>"
ACCOUNT = "<account n='1' event='deleted' jid='a@b' stamp='2026-01-31T12:00:00Z'/>"


@pytest.mark.parametrize("name, text", [
    ("fanout", "<fanout/>"),
    ("fanout", f"<fanout>{SAID}<to jid='a'/></fanout>"),
    ("fanout", f"<fanout>{SAID}{TO * 1000}</fanout>"),
    ("tap", "<tap/>"),
    ("tap", ACCOUNT),
    ("presence-extra", "<extra/>"),
    ("presence-extra", "<presence-extra ns='vcard-temp:x:update'/>"),
    ("presence-extra", "<extra><x xmlns='vcard-temp:x:update'><photo/></x></extra>"),
    ("share", "<share/>"),
    ("share", "<members epoch='1'><member id='a'/><gone id='b' h='0'/></members>"),
    ("share", "<members epoch='1'/>"),
    ("share", "<members epoch='1'><adopted id='b'/><adopted id='c' h='4294967295'/></members>"),
], ids=lambda value: value[:40])
def test_valid(name, text):
    schema(name).assertValid(element(name, text))


@pytest.mark.parametrize("name, text", [
    ("fanout", f"<fanout>{SAID}</fanout>"),
    ("fanout", "<fanout><to jid='a'/></fanout>"),
    ("fanout", f"<fanout><to jid='a'/>{SAID}</fanout>"),
    ("fanout", f"<fanout>{SAID}{SAID}<to jid='a'/></fanout>"),
    ("fanout", f"<fanout>{SAID}<to/></fanout>"),
    ("fanout", f"<fanout>{SAID}<to jid=''/></fanout>"),
    ("fanout", f"<fanout>{SAID}<to jid='a' x='y'/></fanout>"),
    ("fanout", f"<fanout>{SAID}{TO * 1001}</fanout>"),
    ("fanout", "<fanout><message from='a@b'/><to jid='a'/></fanout>"),
    ("tap", "<tap>x</tap>"),
    ("tap", ACCOUNT.replace("deleted", "gone")),
    ("tap", ACCOUNT.replace("'1'", "'0'")),
    ("tap", ACCOUNT.replace("a@b", "b")),
    ("tap", ACCOUNT.replace("a@b", "a@b/r")),
    ("tap", ACCOUNT.replace(" stamp='2026-01-31T12:00:00Z'", "")),
    ("tap", ACCOUNT.replace("12:00:00Z", "noon")),
    ("presence-extra", "<presence-extra/>"),
    ("presence-extra", "<presence-extra ns=''/>"),
    ("presence-extra", "<extra>x</extra>"),
    ("presence-extra", "<extra><x/></extra>"),
    ("presence-extra", "<extra><x xmlns='a'/><y xmlns='a'/></extra>"),
    ("presence-extra", "<extra a='b'/>"),
    ("share", "<members><member id='a'/></members>"),
    ("share", "<members epoch='0'/>"),
    ("share", "<members epoch='1'><gone id='b' h='0'/></members>"),
    ("share", "<members epoch='1'><member id='a'/><gone id='b'/></members>"),
    ("share", "<members epoch='1'><member id='a'/><adopted id='b'/></members>"),
    ("share", "<members epoch='1'><adopted id='b' h='-1'/></members>"),
    ("share", "<settled/>"),
], ids=lambda value: value[:40])
def test_invalid(name, text):
    assert not schema(name).validate(element(name, text))


def element(name, text):
    return etree.fromstring(f"<r xmlns='{OURS}{name}:1'>{text}</r>")[0]


@pytest.mark.parametrize("attributes, valid", [
    ({"features": "1"}, True), ({"features": "true"}, False), ({"feature": "1"}, False)])
def test_link(attributes, valid):
    head = header({f"{{{OURS}link:1}}{k}": v for k, v in attributes.items()})
    assert schema("link").validate(head) == valid
