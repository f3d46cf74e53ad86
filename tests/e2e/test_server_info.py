# SPDX-License-Identifier: MIT
"""What the server says of itself: uptime, version, time, whom to write to, and its limits."""

import datetime
import re
import signal

import pytest

from lib import xml
from lib.faults import let_pass, login

FORM = "jabber:x:data"
ROLES = ["abuse", "admin", "feedback", "sales", "security", "support"]
LIMITS = "{urn:xmpp:stream-limits:0}"


@pytest.fixture
def stack(make_stack):
    """The router alone."""
    return make_stack(components=())


async def ask(c, payload, to="localhost"):
    answer = await c.iq("get", payload, to=to)
    assert answer.get("type") == "result", xml.show(answer)
    return answer[0]


async def test_uptime(stack, raw_client, clock):
    c = await login(stack, raw_client, "alice")
    before = int((await ask(c, "<query xmlns='jabber:iq:last'/>")).get("seconds"))
    await let_pass(clock, 3600)
    query = await ask(c, "<query xmlns='jabber:iq:last'/>")
    assert 3600 <= int(query.get("seconds")) - before < 3660 and not query.text


async def test_version_without_the_system(stack, raw_client):
    c = await login(stack, raw_client, "alice")
    query = await ask(c, "<query xmlns='jabber:iq:version'/>")
    said = {e.tag.rpartition("}")[2]: e.text for e in query}
    assert set(said) == {"name", "version"}
    assert said["name"] == "Switchyard" and re.fullmatch(r"\d+\.\d+.*", said["version"])


async def test_time(stack, raw_client, clock):
    c = await login(stack, raw_client, "alice")
    time = await ask(c, "<time xmlns='urn:xmpp:time'/>")
    said = {e.tag.rpartition("}")[2]: e.text for e in time}
    assert re.fullmatch(r"[+-]\d\d:\d\d", said["tzo"])
    utc = datetime.datetime.strptime(said["utc"], "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc)
    assert abs((datetime.datetime.now(datetime.timezone.utc) - utc).total_seconds()) < 60


@pytest.mark.parametrize("payload", ["<query xmlns='jabber:iq:last'/>",
                                     "<query xmlns='jabber:iq:version'/>",
                                     "<time xmlns='urn:xmpp:time'/>"])
async def test_set_is_refused(stack, raw_client, payload):
    c = await login(stack, raw_client, "alice")
    answer = await c.iq("set", payload, to="localhost")
    assert answer.get("type") == "error"


async def info(c, to="localhost"):
    return await ask(c, f"<query xmlns='{xml.DISCO_INFO}'/>", to)


async def test_is_announced(stack, raw_client):
    c = await login(stack, raw_client, "alice")
    features = {f.get("var") for f in (await info(c)).iter(f"{{{xml.DISCO_INFO}}}feature")}
    assert {"jabber:iq:last", "jabber:iq:version", "urn:xmpp:time"} <= features
    own = {f.get("var") for f in
           (await info(c, "alice@localhost")).iter(f"{{{xml.DISCO_INFO}}}feature")}
    assert "jabber:iq:last" in own


async def contacts(c, to="localhost"):
    """{role: addresses} of the form, whose FORM_TYPE is checked."""
    form = (await info(c, to)).find(f"{{{FORM}}}x")
    assert form.get("type") == "result"
    fields = {f.get("var"): [v.text for v in f] for f in form}
    assert fields.pop("FORM_TYPE") == ["http://jabber.org/network/serverinfo"]
    return {var.removesuffix("-addresses"): values for var, values in fields.items()}


async def test_contacts_by_default(make_stack, raw_client):
    """Each domain has its own."""
    stack = make_stack(domain="localhost,other.test", components=())
    c = await login(stack, raw_client, "alice")
    for domain in ("localhost", "other.test"):
        assert await contacts(c, domain) == {r: [f"xmpp:{r}@{domain}"] for r in ROLES}


async def test_contacts_by_setting_and_reload(make_stack, raw_client):
    stack = make_stack(components=(), env={
        "SERVER_CONTACT_INFO_SUPPORT": "mailto:help@example.org, https://example.org/help?a=1&b"},
        conf_d='server_contact_info_abuse = { "mailto:abuse@example.org" }\n')
    c = await login(stack, raw_client, "alice")
    said = await contacts(c)
    assert said["support"] == ["mailto:help@example.org", "https://example.org/help?a=1&b"]
    assert said["abuse"] == ["mailto:abuse@example.org"]
    assert said["admin"] == ["xmpp:admin@localhost"]
    with open(f"{stack.conf_dir}/10-test.conf", "w", encoding="utf-8") as f:
        f.write('server_contact_info_abuse = { "xmpp:a@localhost", "xmpp:b@localhost" }\n')
    mark = stack.router.mark()
    stack.router.signal(signal.SIGHUP)
    await stack.router.wait_log("settings reloaded", mark)
    assert (await contacts(c))["abuse"] == ["xmpp:a@localhost", "xmpp:b@localhost"]


@pytest.mark.parametrize("value", ["admin@example.org", "xmpp:", ":x", "1x:y"])
def test_contact_that_is_no_address(make_stack, value):
    stack = make_stack(components=(), start=False, env={"SERVER_CONTACT_INFO_ADMIN": value})
    stack.router.start()
    assert stack.router.wait_exit() != 0
    assert "SERVER_CONTACT_INFO_ADMIN" in stack.router.log and "URI" in stack.router.log


def limit(c):
    limits = c.features.find(f"{LIMITS}limits")
    return None if limits is None else {e.tag.removeprefix(LIMITS): e.text for e in limits}


async def test_limits_before_and_after_login(make_stack, raw_client):
    """XEP-0478: what holds for this stream."""
    stack = make_stack(components=(), env={"LIMIT_STANZA_BEFORE_LOGIN": "10k"})
    stack.add_account("alice")
    c = await raw_client()
    for start_tls in (c.start_tls, None):
        await c.open_stream()
        assert limit(c) == {"max-bytes": "10240"}
        if start_tls:
            await start_tls()
    await c.sasl("alice", stack.accounts["alice@localhost"])
    assert limit(c) == {"max-bytes": str(256 << 10)}


async def test_no_limit_is_not_announced(make_stack, raw_client):
    make_stack(components=(), env={"LIMIT_STANZA_BEFORE_LOGIN": "0"})
    c = await raw_client()
    await c.open_stream()
    assert limit(c) is None
