# SPDX-License-Identifier: MIT
"""vCards (XEP-0054) and private XML (XEP-0049), over a `Pep`."""

import base64

NS = "vcard-temp"
VCARD4 = "urn:ietf:params:xml:ns:vcard-4.0"
VCARD4_NODE = "urn:xmpp:vcard4"
PRIVATE = "jabber:iq:private"
V = f"{{{NS}}}"


async def set_vcard(pep, inner, to=None):
    return await pep.raw.iq("set", f"<vCard xmlns='{NS}'>{inner}</vCard>", to=to)


async def ask_vcard(pep, of=None):
    return await pep.raw.iq("get", f"<vCard xmlns='{NS}'/>", to=of)


async def vcard(pep, of=None):
    """The element."""
    answer = await ask_vcard(pep, of)
    assert answer.get("type") == "result"
    return answer.find(f"{V}vCard")


def picture(card):
    """The bytes of its photo, None if there is none."""
    binval = card.find(f"{V}PHOTO/{V}BINVAL")
    return None if binval is None else base64.b64decode(binval.text)


async def set_private(pep, inner, to=None):
    return await pep.raw.iq("set", f"<query xmlns='{PRIVATE}'>{inner}</query>", to=to)


async def get_private(pep, inner, to=None):
    return await pep.raw.iq("get", f"<query xmlns='{PRIVATE}'>{inner}</query>", to=to)


def private(answer):
    """The one element in it."""
    assert answer.get("type") == "result"
    query = answer.find(f"{{{PRIVATE}}}query")
    assert len(query) == 1
    return query[0]
