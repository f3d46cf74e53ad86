# SPDX-License-Identifier: MIT
"""Components that are told what happens to accounts, and whose word is waited for before a name is
free again."""

import os
import sqlite3

import pytest

from lib import xml
from lib.component import attach, handshake
from lib.faults import encrypted, login
from lib.link import enabled
from lib.stack import CtlError
from lib.wait import until

from test_component_faults import GATE, SECRET, section
from test_reload import reload

LINK, SM, TAP = "urn:switchyard:link:1", "urn:xmpp:sm:3", "urn:switchyard:tap:1"
GRANTED = section().replace("}", "  tap = {\"accounts\"}\n}")
HEADER = (f"<?xml version='1.0'?><stream:stream xmlns='{xml.COMPONENT}' to='{GATE}' "
          f"xmlns:stream='{xml.STREAM}' xmlns:sy='{LINK}' sy:features='1'>")


# --- names that are being removed -----------------------------------------------------------------

@pytest.fixture
def tapped(make_stack):
    """A component that never comes is to be told."""
    return make_stack(components=(), conf_d=GRANTED, env={
        "ALLOW_REGISTRATION": "true", "REGISTRATION_INVITE_ONLY": "false"})


def remove(stack, user):
    stack.add_account(user)
    stack.ctl("account", "delete", user)


async def test_name_is_taken_until_the_component_knows(tapped):
    remove(tapped, "alice")
    with pytest.raises(CtlError, match="is being removed"):
        tapped.add_account("alice")
    with pytest.raises(CtlError, match="there is no account"):
        tapped.ctl("account", "delete", "alice")
    tapped.add_account("bob")
    tapped.router.kill9()
    tapped.router.start()
    tapped.ready()
    with pytest.raises(CtlError, match="is being removed"):
        tapped.add_account("alice")
    await reload(tapped, section())
    await until(lambda: tapped.add_if_free("alice"))


async def test_in_band(tapped, raw_client):
    remove(tapped, "alice")
    c = await encrypted(raw_client, stack=tapped)
    answer = await c.iq("set", "<query xmlns='jabber:iq:register'><username>alice</username>"
                               "<password>something long</password></query>")
    error = answer.find("{*}error")
    assert error.find(f"{{{xml.STANZA_ERRORS}}}conflict") is not None, xml.show(answer)
    assert "is being removed" in error.findtext(f"{{{xml.STANZA_ERRORS}}}text")


async def test_the_account_that_is_made_at_start(tapped):
    remove(tapped, "alice")
    tapped.router.env |= {"LOCAL": "alice", "PASSWORD": "something long"}
    tapped.router.restart()
    await tapped.router.wait_log("the account that LOCAL names is being removed")
    tapped.ready()
    assert tapped.ctl("account", "list") == []


def test_tap_that_is_not_known(make_stack):
    stack = make_stack(start=False, components=(), conf_d=GRANTED.replace("accounts", "everything"))
    stack.router.start()
    assert stack.router.wait_exit() == 1
    assert 'component gate: tap: "everything" is not known' in stack.router.log.replace("\\", "")


def test_host_that_is_not_served(make_stack):
    stack = make_stack(start=False, components=(),
                       conf_d=section().replace("}", "  hosts = {\"elsewhere.test\"}\n}"))
    stack.router.start()
    assert stack.router.wait_exit() == 1
    assert "elsewhere.test" in stack.router.log


# --- over the link --------------------------------------------------------------------------------

async def acknowledging(raw_client, stack):
    """A component of bytes that has XEP-0198 on its link, once the router offers that."""
    c = await raw_client(port=stack.port("COMPONENT_PORT"), domain=GATE, namespace=xml.COMPONENT,
                         stack=stack)
    await c.send(HEADER)
    await until(lambda: c.header is not None or c.closed, "the router's header")
    await handshake(c, SECRET)
    await c.wait("handshake")
    if not any("features" in name for name in c.header):
        pytest.skip("the router does not acknowledge on component links")
    features = await c.wait(f"{{{xml.STREAM}}}features")
    assert features.find(f"{{{TAP}}}tap") is not None, xml.show(features)
    await c.send(f"<enable xmlns='{SM}' resume='true'/>")
    await c.wait(f"{{{SM}}}enabled")
    return c


def events(c):
    found = [m.find(f"{{{TAP}}}account") for m in c.inbox.find("message")]
    return [(int(e.get("n")), e.get("event"), e.get("jid")) for e in found if e is not None]


async def acknowledge(c, n):
    """All that came up to the event of this number, of whatever kind."""
    h = 0
    for stanza in c.inbox.find(lambda e: e.tag.rpartition("}")[2] in ("iq", "message", "presence")):
        h += 1
        if stanza.find(f"{{{TAP}}}account[@n='{n}']") is not None:
            break
    await c.send(f"<a xmlns='{SM}' h='{h}'/>")


async def test_told_and_acknowledged(tapped, raw_client):
    c = await acknowledging(raw_client, tapped)
    remove(tapped, "alice")
    await until(lambda: len(events(c)) == 2, lambda: c.inbox.text())
    assert events(c) == [(1, "created", "alice@localhost"), (2, "deleted", "alice@localhost")]
    message = c.inbox.find("message")[0]
    assert (message.get("from"), message.get("to")) == ("localhost", GATE)
    with pytest.raises(CtlError, match="is being removed"):
        tapped.add_account("alice")
    await acknowledge(c, 2)
    await until(lambda: tapped.add_if_free("alice"))


async def test_told_again_what_was_not_acknowledged(tapped, raw_client, clock):
    """Over a kill of the router: the database knows what is owed."""
    c = await acknowledging(raw_client, tapped)
    remove(tapped, "alice")
    await until(lambda: len(events(c)) == 2)
    await acknowledge(c, 1)
    await until(lambda: settled(tapped, 1), "the acknowledgement is committed")
    tapped.router.kill9()
    tapped.router.start()
    tapped.ready()
    c = await acknowledging(raw_client, tapped)
    await until(lambda: events(c))
    assert events(c) == [(2, "deleted", "alice@localhost")]


def settled(stack, n):
    """No claim of a number up to n is left."""
    with sqlite3.connect(os.path.join(stack.data_dir, "router.sqlite")) as db:
        return db.execute("SELECT count(*) FROM event_for WHERE n <= ?", (n,)).fetchone()[0] == 0


async def test_forged_by_a_user(tapped, raw_client):
    """What looks like an event is none when somebody else sends it: `from` says so."""
    c = await acknowledging(raw_client, tapped)
    mallory = await login(tapped, raw_client, "mallory")
    await mallory.send(f"<message to='{GATE}'><account xmlns='{TAP}' n='9' "
                       "event='deleted' jid='alice@localhost'/></message>")
    forged = await c.wait("message", from_=mallory.jid)
    assert forged.get("from") == mallory.jid


async def test_plain_link_that_takes_over_gets_none(tapped, raw_client):
    """To be written is not to be acknowledged: they wait for a link that says so."""
    link = await enabled(raw_client, tapped, GATE, SECRET)
    tapped.add_account("carol")
    await link.raw.wait("message", has=f"{{{TAP}}}account")
    await link.cut()
    plain = await attach(raw_client, tapped, GATE, SECRET)
    await plain.send(f"<iq type='get' id='p' from='{GATE}' to='localhost'><ping xmlns='{xml.PING}'/></iq>")
    await plain.wait("iq", id="p", type="result")
    assert not plain.inbox.find("message", has=f"{{{TAP}}}account")
    await plain.drop(reset=True)
    link = await enabled(raw_client, tapped, GATE, SECRET)
    await link.raw.wait("message", has=f"{{{TAP}}}account")
