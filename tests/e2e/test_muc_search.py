# SPDX-License-Identifier: MIT
"""Rooms: the search for them (XEP-0433), behind our router and behind Debian's Prosody."""

from xml.sax.saxutils import escape

import pytest

from lib.inbox import error_condition
from lib.rooms import DATA, configure, create, features, join

SERVICE = "conference.localhost"
NS = "urn:xmpp:channel-search:0"
S = f"{{{NS}:search}}"
RSM = "{http://jabber.org/protocol/rsm}"


@pytest.fixture
def stack(make_rooms):
    return make_rooms()


async def search(client, after=None, size=None, **fields):
    page = f"<max>{size}</max>" * (size is not None) + f"<after>{after}</after>" * bool(after)
    page = f"<set xmlns='{RSM[1:-1]}'>{page}</set>" if page else ""
    form = "".join(f"<field var='{k}'><value>{escape(v)}</value></field>" for k, v in fields.items())
    return await client.request(
        "get", f"<search xmlns='{NS}:search'>{page}<x xmlns='{DATA}' type='submit'>"
        f"<field var='FORM_TYPE'><value>{NS}:search-params</value></field>{form}</x></search>",
        to=SERVICE)


def found(answer):
    return [i.get("address").partition("@")[0] for i in answer.iter(f"{S}item")]


async def rooms(client):
    alice, bob = await client("alice"), await client("bob")
    for name, fields in {"cake": {"roomdesc": "served with Tea"}, "tea": {"roomname": "Grün & leaves"},
                         "hidden-tea": {"publicroom": False}, "teapot": {"membersonly": True}}.items():
        await create(alice, f"{name}@{SERVICE}", "Alice", **fields)
    await join(bob, f"tea@{SERVICE}", "Bob")
    return alice, bob


async def test_public_rooms_are_found(stack, client):
    alice, bob = await rooms(client)
    assert f"{NS}:search" in (await features(bob, SERVICE))[0]
    answer = await search(bob, q="tEa")
    assert found(answer) == ["tea", "cake", "teapot"]
    first = answer.find(f".//{S}item")
    assert first.findtext(f"{S}name") == "Grün & leaves" and first.findtext(f"{S}nusers") == "2"
    assert first.findtext(f"{S}is-open") == "true"
    closed = answer.findall(f".//{S}item")[2]
    assert closed.find(f"{S}nusers") is None and closed.find(f"{S}is-open") is None
    assert found(await search(bob, q="grün")) == ["tea"]
    assert found(await search(bob, q="coffee")) == []
    assert found(await search(alice, all="1", min_users="2")) == ["tea"]
    await configure(alice, f"cake@{SERVICE}", {"publicroom": False})
    assert found(await search(bob, q="tea")) == ["tea", "teapot"]


async def test_pages(stack, client):
    _, bob = await rooms(client)
    for key, expected in ("address", ["cake", "tea", "teapot"]), ("nusers", ["tea", "cake", "teapot"]):
        seen, last = [], None
        while True:
            answer = await search(bob, after=last, size=1, all="1", key=f"{{{NS}:order}}{key}")
            if not found(answer):
                break
            seen += found(answer)
            last = answer.findtext(f".//{RSM}last")
        assert seen == expected


async def test_what_is_refused(stack, client):
    bob = await client("bob")
    for fields, condition, why in (
            ({"q": "a b"}, "bad-request", "invalid-search-terms"),
            ({"q": "tea", "all": "1"}, "bad-request", "conflicting-fields"),
            ({}, "bad-request", "no-search-conditions"),
            ({"q": "tea", "key": "x"}, "feature-not-implemented", "invalid-sort-key")):
        answer = await search(bob, **fields)
        assert error_condition(answer) == condition
        assert answer.find(f".//{{{NS}:error}}{why}") is not None
    form = await bob.request("get", f"<search xmlns='{NS}:search'/>", to=SERVICE)
    assert {"q", "all", "key", "types"} <= {f.get("var") for f in form.iter(f"{{{DATA}}}field")}
