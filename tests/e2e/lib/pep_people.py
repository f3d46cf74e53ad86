# SPDX-License-Identifier: MIT
"""Who is what to whom, for the tests of PEP: subscriptions to presence one way, roster groups,
affiliations; and waiting until the component has done all that it was given."""

from xml.sax.saxutils import escape, quoteattr

from . import pubsub, xml
from .pep import condition, ok
from .pubsub import AT as SERVICE  # noqa: F401: for tests
from .wait import until

BLOCKING = "urn:xmpp:blocking"


async def let_see(owner, watcher):
    """`watcher` sees the presence of `owner`, who has it as a contact with `from` at least."""
    await watcher.raw.send(f"<presence type='subscribe' to='{owner.bare}'/>")
    await owner.raw.wait("presence", type="subscribe", from_=watcher.bare)
    await owner.raw.send(f"<presence type='subscribed' to='{watcher.bare}'/>")
    await watcher.raw.wait("presence", type="subscribed", from_=owner.bare)
    await owner.raw.sync()
    await watcher.raw.sync()


async def put_in_group(owner, contact, *groups):
    """The roster item of `contact` has these groups from now on; a bare JID will do."""
    jid = contact if isinstance(contact, str) else contact.bare
    inner = "".join(f"<group>{escape(g)}</group>" for g in groups)
    ok(await owner.raw.iq("set", f"<query xmlns='{xml.ROSTER}'><item jid={quoteattr(jid)}>"
                                 f"{inner}</item></query>"))


async def remove_contact(owner, contact):
    jid = contact if isinstance(contact, str) else contact.bare
    ok(await owner.raw.iq("set", f"<query xmlns='{xml.ROSTER}'><item jid={quoteattr(jid)} "
                                 "subscription='remove'/></query>"))


async def block(who, whom, undo=False):
    name = "unblock" if undo else "block"
    ok(await who.raw.iq("set", f"<{name} xmlns='{BLOCKING}'><item jid={quoteattr(whom)}/>"
                               f"</{name}>"))


async def affiliate(owner, node, to=None, **affiliations):
    """affiliate(alice, node, carol="member"): users of localhost."""
    entries = [(f"{user}@localhost", kind) for user, kind in affiliations.items()]
    return ok(await pubsub.set_list(owner, "affiliation", node, entries, to))


async def subscribe(who, node, of, jid=None):
    return await pubsub.subscribe(who, node, jid, to=of)


async def unsubscribe(who, node, of, jid=None):
    return await pubsub.unsubscribe(who, node, jid, to=of)


async def subscribers(owner, node, to=None):
    """{jid: state}"""
    return await pubsub.list_of(owner, "subscription", node, to)


async def settled(who, asked=0):
    """The component has done all that follows from what `who` has sent, and that has come.  asked:
    so often it has asked for capabilities.  Thrice: a roster may have to be read in between."""
    await until(lambda: who.asked >= asked, lambda: f"{who.jid} asked for capabilities")
    for _ in range(3):
        await who.raw.iq("get", f"<ping xmlns='{xml.PING}'/>", to=SERVICE)


def ids(who, node=None, of=None):
    """The items of all events so far, in order."""
    return [i.get("id") for _, child in who.events(node, of) for i in child
            if i.tag.endswith("}item")]


def disco(kind, node=None):
    at = f" node={quoteattr(node)}" if node else ""
    return f"<query xmlns='http://jabber.org/protocol/disco#{kind}'{at}/>"


async def nodes_of(who, of):
    """Names, or the condition of the error."""
    answer = await who.raw.iq("get", disco("items"), to=of)
    if answer.get("type") == "error":
        return condition(answer)
    return pubsub.disco_items(answer)
