# SPDX-License-Identifier: MIT
"""Two components side by side, ours on libcomp and one written with slixmpp: they answer, and they
come back by themselves."""

import os

import pytest

from lib import slixmpp_bot, xml
from lib.link import row
from lib.payloads import CLEAR, ENCRYPTED
from lib.process import Process
from lib.wait import until, until_sync

ECHO, BOT = "echo.localhost", "bot.localhost"
ECHO_NS = "urn:switchyard:echo:0"
AXOLOTL = "{eu.siacs.conversations.axolotl}"

both = pytest.mark.parametrize("domain", [ECHO, BOT])


def linked(stack, domain):
    return any(c["domain"] == domain and c["state"] == "online"
               for c in stack.ctl("component", "list"))


@pytest.fixture
def duo(make_stack, folder):
    """The stack with echo, and the bot linked to it too; the bot's process is stack.bot."""
    stack = make_stack(conf_d='component bot { secret = "s3cret" }\n')
    argv = ["/usr/bin/python3", "-P", os.path.abspath(slixmpp_bot.__file__), BOT, "s3cret",
            "127.0.0.1", str(stack.port("COMPONENT_PORT"))]
    stack.bot = Process("bot", argv, {}, os.path.join(folder, "bot.log"))
    stack.bot.start()
    until_sync(lambda: linked(stack, ECHO) and linked(stack, BOT), stack.bot.tail)
    yield stack
    if stack.bot.alive:
        stack.bot.kill9()


def process_of(stack, domain):
    return stack.bot if domain == BOT else stack.components["echo"]


async def disco(client, jid, what=xml.DISCO_INFO):
    return await client.request("get", f"<query xmlns='{what}'/>", to=jid)


# --- answers --------------------------------------------------------------------------------------

async def test_both_are_found_and_say_what_they_are(duo, client):
    alice = await client("alice")
    items = await disco(alice, "localhost", xml.DISCO_ITEMS)
    assert {i.get("jid") for i in items.iter(f"{{{xml.DISCO_ITEMS}}}item")} == \
        {ECHO, BOT, "conference.localhost"}
    for domain, name, feature in ((ECHO, "Echo", ECHO_NS),
                                  (BOT, "Slixmpp bot", slixmpp_bot.HELLO)):
        info = await disco(alice, domain)
        assert info.get("from") == domain
        names = [i.get("name") for i in info.iter(f"{{{xml.DISCO_INFO}}}identity")]
        assert name in names
        assert feature in [f.get("var") for f in info.iter(f"{{{xml.DISCO_INFO}}}feature")]


@both
async def test_encrypted_message_comes_back(duo, client, domain):
    alice = await client("alice")
    for to in (domain, f"someone@{domain}", f"someone@{domain}/somewhere"):
        alice.inbox.clear()
        alice.send_raw(f"<message to='{to}' type='chat' id='e1'>{ENCRYPTED['OMEMO 0.3']}</message>")
        back = await alice.wait("message", from_=to, id="e1", type="chat")
        assert back.find(f"{AXOLOTL}encrypted/{AXOLOTL}header").get("sid") == "1231286"
        assert back.findtext(f"{AXOLOTL}encrypted/{AXOLOTL}payload") in ENCRYPTED["OMEMO 0.3"]


@both
async def test_message_in_the_clear_is_refused(duo, client, domain):
    alice = await client("alice")
    alice.send_raw(f"<message to='{domain}' type='chat' id='m1'>{CLEAR['body']}</message>")
    await alice.wait("message", id="m1", error="policy-violation", from_=domain)
    await disco(alice, domain)
    assert len(alice.inbox.find("message")) == 1


async def test_iqs_are_answered(duo, client):
    alice = await client("alice")
    hello = await alice.request("get", f"<hello xmlns='{slixmpp_bot.HELLO}'/>", to=BOT)
    assert hello.findtext(f"{{{slixmpp_bot.HELLO}}}hello") == "hello alice"
    # The component asks back before it answers.
    pong = await alice.request("get", f"<ping-back xmlns='{ECHO_NS}'/>", to=ECHO)
    assert pong.get("type") == "result"
    assert alice.inbox.find("iq", type="get", from_=ECHO, has=f"{{{xml.PING}}}ping")
    for domain, name in ((ECHO, "switchyard-echo"), (BOT, "slixmpp bot")):
        version = await alice.request("get", "<query xmlns='jabber:iq:version'/>", to=domain)
        assert version.findtext(".//{jabber:iq:version}name") == name
        answer = await alice.request("get", f"<ping xmlns='{xml.PING}'/>", to=domain)
        assert answer.get("type") == "result"


@both
async def test_unknown_request_gets_an_error(duo, client, domain):
    alice = await client("alice")
    answer = await alice.request("get", "<query xmlns='urn:no:such'/>", to=domain)
    assert answer.get("type") == "error" and answer.get("from") == domain


@both
async def test_contact_of_a_component(duo, client, domain):
    """Subscription, presence, a probe at the next login, and its end."""
    alice, contact = await client("alice", resource="one"), f"someone@{domain}"
    alice.send_presence(pto=contact, ptype="subscribe")
    await alice.wait("presence", type="subscribed", from_=contact)
    await alice.wait("presence", type=None, from_=contact)
    assert (await alice.roster_items())[contact]["subscription"] == "to"
    again = await client("alice", resource="two")
    await again.wait("presence", type=None, from_=contact)
    alice.send_presence(pto=contact, ptype="unsubscribe")
    await until(lambda: alice.inbox.find("iq", type="set", has=f"{{{xml.ROSTER}}}item"), "a push")
    await alice.sync()
    assert (await alice.roster_items())[contact]["subscription"] == "none"


# --- coming and going -----------------------------------------------------------------------------

@both
async def test_killed_component_that_comes_back(duo, client, domain):
    """For a moment nobody notices: what it can do is known, and a message waits."""
    alice, process = await client("alice"), process_of(duo, domain)
    await until(lambda: row(duo, domain)["in"] > 0, "it has said what it can do")
    known = await disco(alice, domain)
    process.kill9()
    await until(lambda: not linked(duo, domain), "the link is gone")
    answer = await disco(alice, domain)
    assert answer.get("type") == "result" and answer.get("from") == domain
    assert len(list(answer.iter())) == len(list(known.iter()))
    alice.send_raw(f"<message to='{domain}' type='chat' id='m1'>{ENCRYPTED['OTR']}</message>")
    await alice.sync()
    assert not alice.inbox.find("message", type="error")
    process.start()
    await until(lambda: linked(duo, domain), process.tail)
    assert (await disco(alice, domain)).get("type") == "result"
    assert not alice.inbox.find("message", type="error")


@both
async def test_killed_component_that_does_not_come_back(duo, client, clock, domain):
    alice, process = await client("alice"), process_of(duo, domain)
    process.kill9()
    await until(lambda: not linked(duo, domain), "the link is gone")
    alice.send_raw(f"<message to='{domain}' type='chat' id='m1'>{ENCRYPTED['OTR']}</message>")
    await alice.sync()
    clock.advance(31)
    await alice.wait("message", id="m1", error="service-unavailable", from_=domain)
    answer = await disco(alice, domain)
    error = answer.find("{jabber:client}error")
    assert error.find(f"{{{xml.STANZA_ERRORS}}}service-unavailable") is not None
    assert error.get("code") == "503" and answer.get("from") == domain


async def test_router_restart_brings_both_back(duo, client):
    duo.router.restart()
    duo.ready("router")
    await until(lambda: linked(duo, ECHO) and linked(duo, BOT), "both links")
    alice = await client("alice")
    for domain in (ECHO, BOT):
        assert (await disco(alice, domain)).get("type") == "result"


async def test_killed_router_is_found_again(duo, client):
    duo.router.kill9()
    duo.router.start()
    duo.ready("router")
    await until(lambda: linked(duo, ECHO) and linked(duo, BOT), "both links")
    alice = await client("alice")
    for domain in (ECHO, BOT):
        assert (await disco(alice, domain)).get("type") == "result"
