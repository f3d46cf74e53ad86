# SPDX-License-Identifier: MIT
"""Nodes at the domain of the pubsub component (XEP-0060), in the words of its sections."""

import contextlib
import os
import sqlite3
from xml.sax.saxutils import quoteattr

from . import xml
from .pep import EVENT, OWNER, PUBSUB, condition, node_config, ok
from .pep_fixtures import with_stack

AT = "pubsub.localhost"
RSM = "http://jabber.org/protocol/rsm"
XDATA = "jabber:x:data"
FAST = {"LIMIT_SESSION_RATE": 0, "PUBSUB_RATE": 0}  # for tests that send much


def settings(**env):
    """A mark for tests with a `pep_stack`."""
    return with_stack(env=env)


def named(node):
    return "" if node is None else f" node={quoteattr(node)}"


# --- nodes (8.1 to 8.5) -----------------------------------------------------------------------------

async def create(who, node=None, to=AT, **config):
    """The answer to <create/>, with <configure/> if there is any."""
    more = f"<configure>{node_config(**config)}</configure>" if config else ""
    return await who.ask("set", f"<create{named(node)}/>{more}", to)


async def make(who, node, to=AT, **config):
    ok(await create(who, node, to, **config))
    return node


async def owner_ask(who, kind, element, node, inner="", to=AT):
    return await who.ask(kind, f"<{element}{named(node)}>{inner}</{element}>", to, OWNER)


def fields(answer):
    """{variable: value or values} of the form in it, without the prefix "pubsub#"."""
    found = {}
    for field in answer.iter(f"{{{XDATA}}}field"):
        values = [v.text or "" for v in field.findall(f"{{{XDATA}}}value")]
        found[field.get("var").removeprefix("pubsub#")] = (
            values[0] if len(values) == 1 else values)
    return found


async def config_of(who, node, to=AT):
    return fields(ok(await owner_ask(who, "get", "configure", node, to=to)))


async def disco(who, ns, node=None, to=AT, more=""):
    return await who.raw.iq("get", f"<query xmlns='{ns}'{named(node)}>{more}</query>", to=to)


def disco_items(answer, attr="node"):
    return [i.get(attr) for i in answer.iter(f"{{{xml.DISCO_ITEMS}}}item")]


# --- subscriptions (6.1, 6.2, 8.8) ------------------------------------------------------------------

async def subscribe(who, node, jid=None, to=AT, more=""):
    return await who.ask("set", f"<subscribe{named(node)} jid={quoteattr(jid or who.bare)}/>{more}", to)


async def unsubscribe(who, node, jid=None, to=AT):
    return await who.ask("set", f"<unsubscribe{named(node)} jid={quoteattr(jid or who.bare)}/>", to)


def state(answer):
    """What an answer says of the subscription, or the condition of the error."""
    if answer.get("type") == "error":
        return condition(answer)
    return answer.find(f".//{{{PUBSUB}}}subscription").get("subscription")


async def subscriptions(who, node=None, to=AT):
    """One's own: {(node, jid): state}."""
    answer = ok(await who.ask("get", f"<subscriptions{named(node)}/>", to))
    return {(s.get("node"), s.get("jid")): s.get("subscription")
            for s in answer.iter(f"{{{PUBSUB}}}subscription")}


async def list_of(owner, what, node, to=AT):
    """The owner's list of "affiliation" or "subscription": {jid: value}."""
    return listed(ok(await owner_ask(owner, "get", what + "s", node, to=to)), what)


def listed(answer, what):
    return {e.get("jid"): e.get(what) for e in answer.iter(f"{{{OWNER}}}{what}")}


async def set_list(owner, what, node, entries, to=AT):
    """entries: (jid, value) pairs; None: the attribute is absent."""
    inner = "".join(
        f"<{what}" + "".join(f" {k}={quoteattr(v)}" for k, v in (("jid", jid), (what, value))
                             if v is not None) + "/>" for jid, value in entries)
    return await owner_ask(owner, "set", what + "s", node, inner, to)


async def affiliate(owner, node, who, affiliation, to=AT):
    bare = who if isinstance(who, str) else who.bare
    return ok(await set_list(owner, "affiliation", node, [(bare, affiliation)], to))


def told_states(who, node):
    """What messages have told of subscriptions to the node (12.18)."""
    return [child.get("subscription") for _, child in who.events(node)
            if child.tag == f"{{{EVENT}}}subscription"]


# --- items ------------------------------------------------------------------------------------------

def page(max=None, after=None, before=None, index=None):
    rows = {"max": max, "after": after, "before": before, "index": index}
    return (f"<set xmlns='{RSM}'>" + "".join(
        f"<{k}>{v}</{k}>" for k, v in rows.items() if v is not None) + "</set>")


def page_of(answer):
    """(first, its index, last, count) of an answer's <set/>; None: there is none."""
    found = answer.find(f".//{{{RSM}}}set")
    if found is None:
        return None
    first = found.find(f"{{{RSM}}}first")
    count = found.findtext(f"{{{RSM}}}count")
    return (first.text if first is not None else None,
            int(first.get("index")) if first is not None else None,
            found.findtext(f"{{{RSM}}}last"), int(count))


def ids(answer):
    return [i.get("id") for i in ok(answer).iter(f"{{{PUBSUB}}}item")]


def published_id(answer):
    return ok(answer).find(f".//{{{PUBSUB}}}item").get("id")


# --- the component's database -----------------------------------------------------------------------

def database(stack):
    return os.path.join(stack.data_dir, "pubsub.db")


def rows(stack, query):
    with contextlib.closing(sqlite3.connect(f"file:{database(stack)}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def sessions(stack):
    return {jid for jid, in rows(stack, "SELECT jid FROM session")}


def stored(stack):
    """How many items it has."""
    return rows(stack, "SELECT count(*) FROM item")[0][0]


def fill(stack, node, count, publisher="alice@localhost/a", size=0, name="{}"):
    """Items 1 to count, written into the database of a component that does not run."""
    content = f"<thing xmlns='urn:example:thing'>{'x' * size}</thing>"
    with contextlib.closing(sqlite3.connect(database(stack))) as db, db:
        number, = db.execute("SELECT id FROM node WHERE name = ?", (node,)).fetchone()
        last, = db.execute("SELECT coalesce(max(seq), 0) FROM item").fetchone()
        db.executemany(
            "INSERT INTO item (seq, node, id, at, len, publisher, payload) VALUES (?,?,?,?,?,?,?)",
            ((last + i, number, name.format(i), 1600000000000 + i, len(content), publisher, content)
             for i in range(1, count + 1)))
