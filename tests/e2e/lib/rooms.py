# SPDX-License-Identifier: MIT
"""Rooms (XEP-0045), as any client uses them: short words for long stanzas."""

import asyncio
from xml.sax.saxutils import escape, quoteattr

from .wait import STEP

MUC = "http://jabber.org/protocol/muc"
USER, ADMIN, OWNER = f"{MUC}#user", f"{MUC}#admin", f"{MUC}#owner"
DATA = "jabber:x:data"
X, ITEM, STATUS = f"{{{USER}}}x", f"{{{USER}}}item", f"{{{USER}}}status"
CLIENT = "{jabber:client}"
OCCUPANT_ID = "{urn:xmpp:occupant-id:0}occupant-id"


def codes(element):
    """The status codes of a presence or message, sorted."""
    return sorted(int(s.get("code")) for s in element.iter(STATUS))


def item(presence):
    """The attributes of its <item/>."""
    return dict(presence.find(f"{X}/{ITEM}").attrib)


def occupant_id(element):
    """The one that it has."""
    found, = (e.get("id") for e in element if e.tag == OCCUPANT_ID)
    assert len(found) == 40
    return found


def is_refused_entry(error):
    """As a client sees it: the error has the <x/> of the request."""
    return error.find(f"{{{MUC}}}x") is not None


def presence_xml(address, inner="", kind=None):
    kind = f" type='{kind}'" if kind else ""
    return f"<presence to={quoteattr(address)}{kind}>{inner}</presence>"


async def join(client, room, nick, password=None, history="", wait=True, extra=""):
    """Enters; returns the presence of itself (or the error)."""
    secret = f"<password>{escape(password)}</password>" if password is not None else ""
    client.inbox.clear()
    client.send_raw(presence_xml(
        f"{room}/{nick}", f"{extra}<x xmlns='{MUC}'>{secret}{history}</x>"))
    if not wait:
        return None
    answer = await client.wait(lambda p: p.tag.endswith("}presence") and (
        p.get("type") == "error" or 110 in codes(p)))
    if answer.get("type") == "error":
        assert is_refused_entry(answer)
    else:  # the subject comes last
        await client.wait(lambda m: m.find(f"{CLIENT}subject") is not None)
    return answer


async def enter_raw(client, room, nick):
    """A RawClient enters."""
    await client.send(presence_xml(f"{room}/{nick}", f"<x xmlns='{MUC}'/>"))
    return await client.wait(lambda p: p.tag.endswith("}presence") and 110 in codes(p),
                             from_=f"{room}/{nick}")


async def join_once_it_may(client, room, nick):
    """After clock.advance(): the program looks at its clock within moments."""
    for _ in range(200):
        answer = await join(client, room, nick)
        if answer.get("type") != "error":
            break
        await asyncio.sleep(STEP)
    return answer


async def leave(client, room, nick):
    client.inbox.clear()
    client.send_raw(presence_xml(f"{room}/{nick}", kind="unavailable"))
    return await client.wait("presence", type="unavailable", from_=f"{room}/{nick}")


def submit(fields):
    """A submitted configuration: {name without its prefix: value, or a list}."""
    out = f"<x xmlns='{DATA}' type='submit'>"
    if fields is not None:
        out += f"<field var='FORM_TYPE'><value>{MUC}#roomconfig</value></field>"
    for name, values in (fields or {}).items():
        name = name if "#" in name else f"muc#roomconfig_{name}"
        values = values if isinstance(values, (list, tuple)) else [values]
        values = [{True: "1", False: "0"}.get(v, v) if isinstance(v, bool) else v for v in values]
        inner = "".join(f"<value>{escape(str(v))}</value>" for v in values)
        out += f"<field var={quoteattr(name)}>{inner}</field>"
    return f"<query xmlns='{OWNER}'>{out}</x></query>"


async def configure(client, room, fields=None):
    """Submits it (None: an instant room); returns the answer."""
    return await client.request("set", submit(fields), to=room)


async def create(client, room, nick, **fields):
    """A new room, open to others."""
    me = await join(client, room, nick)
    assert 201 in codes(me), "the room was there already"
    answer = await configure(client, room, fields or None)
    assert answer.get("type") == "result"
    return me


def items_xml(items):
    """<item/>s of muc#admin out of dicts; `reason` is a child."""
    out = ""
    for each in items:
        each = dict(each)
        reason = each.pop("reason", None)
        attrs = "".join(f" {k}={quoteattr(v)}" for k, v in each.items())
        out += f"<item{attrs}>" + (f"<reason>{escape(reason)}</reason>" if reason else "") + "</item>"
    return f"<query xmlns='{ADMIN}'>{out}</query>"


async def change(client, room, *items):
    """muc#admin set; returns the answer."""
    return await client.request("set", items_xml(items), to=room)


async def listed(client, room, **want):
    """muc#admin get: the items' attributes, or the error's condition as a string."""
    from .inbox import error_condition
    answer = await client.request("get", items_xml([want]), to=room)
    if answer.get("type") == "error":
        return error_condition(answer)
    return [dict(i.attrib) for i in answer.iter(f"{{{ADMIN}}}item")]


def say(client, room, inner, ident=None, kind="groupchat"):
    ident = f" id='{ident}'" if ident else ""
    client.send_raw(f"<message to={quoteattr(room)} type='{kind}'{ident}>{inner}</message>")


async def form_of(client, room):
    """The values of the owner's form, sorted."""
    answer = await client.request("get", f"<query xmlns='{OWNER}'/>", to=room)
    return {f.get("var"): sorted(v.text or "" for v in f.findall(f"{{{DATA}}}value"))
            for f in answer.iter(f"{{{DATA}}}field")}


async def features(client, room):
    """(features, {field of muc#roominfo: value}) of a room."""
    answer = await client.request(
        "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=room)
    assert answer.get("type") == "result"
    found = {f.get("var") for f in answer.iter("{http://jabber.org/protocol/disco#info}feature")}
    form = {f.get("var"): f.findtext(f"{{{DATA}}}value") for f in answer.iter(f"{{{DATA}}}field")}
    return found, form
