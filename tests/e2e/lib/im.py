# SPDX-License-Identifier: MIT
"""What tests of rosters, presence and delivery have in common."""

from . import xml


async def resource(client, user, name, priority=0):
    """A session that is available with this priority, or, with None, has sent no presence."""
    c = await client(user, resource=name, presence=False)
    await c.roster_items()
    if priority is not None:
        c.send_presence(ppriority=priority)
    await c.sync()
    return c


async def settled(*clients):
    """What any of them has sent has come to the others."""
    for _ in range(2):
        for c in clients:
            await c.sync()


def messages(client):
    """The ids of what it got, in order."""
    return [m.get("id") for m in client.inbox.find("message")]


def presences(client, from_):
    """The types that came from this address, in order; None: available."""
    return [p.get("type") for p in client.inbox.find("presence", from_=from_)]


def pushes(client, jid):
    """What the roster pushes said of a contact, in order: subscription, or with a "+" if asked."""
    found = []
    for iq in client.inbox.find("iq", type="set"):
        for item in iq.iter(f"{{{xml.ROSTER}}}item"):
            if item.get("jid") == jid:
                asked = "+" if item.get("ask") == "subscribe" else ""
                found.append(item.get("subscription") + asked)
    return found
