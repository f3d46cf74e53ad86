# SPDX-License-Identifier: MIT
"""SIGHUP: what can change while the router runs, and for whom."""

import pytest

from lib import component, xml
from lib.faults import closed_with, encrypted, failure, let_pass, login
from lib.inbox import error_condition

CHAT = "<message to='%s' id='%s' type='chat'><body>hello</body></message>"
NOTE = "<message to='%s' id='%s'><x xmlns='urn:x'>%s</x></message>"


async def reload(stack, text, outcome="settings reloaded"):
    return await stack.router.reload(text, outcome)


@pytest.fixture
def stack(make_stack):
    """The router alone, with settings in a file."""
    return make_stack(components=(), conf_d="limit_resources = 10\n",
                      env={"LIMIT_SESSION_RATE": "0"})


# --- limits ---------------------------------------------------------------------------------------

async def test_stanza_size_of_the_next_stream(stack, raw_client):
    """What a stream was told stays its limit (XEP-0478)."""
    old = await login(stack, raw_client, "alice")
    await reload(stack, "limit_stanza = 2k\nlimit_stanza_before_login = 1500\n")
    await old.send(NOTE % (old.jid, "a", "x" * 4000))
    await old.wait("message", id="a")
    new = await login(stack, raw_client, "alice")
    assert [e.text for e in new.features.iter("{urn:xmpp:stream-limits:0}max-bytes")] == ["2048"]
    await new.send(NOTE % (new.jid, "b", "x" * 4000))
    await closed_with(new, "policy-violation")


async def test_size_of_a_presence(stack, raw_client):
    """Of a session that is there."""
    c = await login(stack, raw_client, "alice")
    for limit, answer in (("2k", "policy-violation"), ("8k", None)):
        await reload(stack, f"limit_presence = {limit}\n")
        await c.send(f"<presence id='{limit}'><status>{'x' * 4000}</status></presence>")
        assert error_condition(await c.wait("presence", id=limit)) == answer


async def test_depth_attributes_children(stack, raw_client):
    await reload(stack, "limit_depth = 8\nlimit_attributes = 8\nlimit_children = 20\n")
    for payload, fits in (("<a>" * 5 + "</a>" * 5, True), ("<a>" * 8 + "</a>" * 8, False),
                          (f"<a{''.join(f' b{i}={chr(39)}{chr(39)}' for i in range(8))}/>", True),
                          (f"<a{''.join(f' b{i}={chr(39)}{chr(39)}' for i in range(9))}/>", False),
                          ("<a/>" * 19, True), ("<a/>" * 21, False)):
        c = await login(stack, raw_client, "alice")
        await c.send(NOTE % (c.jid, "n", payload))
        if fits:
            await c.wait("message", id="n")
        else:
            await closed_with(c, "policy-violation")


async def test_resources(stack, raw_client):
    first = await login(stack, raw_client, "alice", "a")
    await reload(stack, "limit_resources = 1\n")
    c = await encrypted(raw_client)
    await c.sasl("alice", stack.accounts["alice@localhost"])
    bind = f"<bind xmlns='{xml.BIND}'><resource>b</resource></bind>"
    answer = await c.iq("set", bind)
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}resource-constraint") is not None
    await first.sync()
    await reload(stack, "limit_resources = 2\n")
    await c.bind("b")


async def test_roster_items(stack, raw_client):
    c = await login(stack, raw_client, "alice")
    add = f"<query xmlns='{xml.ROSTER}'><item jid='%s@localhost'/></query>"
    await reload(stack, "limit_roster_items = 1\n")
    assert (await c.iq("set", add % "a")).get("type") == "result"
    answer = await c.iq("set", add % "b")
    assert answer.find(f".//{{{xml.STANZA_ERRORS}}}resource-constraint") is not None
    await reload(stack, "limit_roster_items = 2\n")
    assert (await c.iq("set", add % "b")).get("type") == "result"


async def test_connections_per_address(stack, raw_client):
    first = await raw_client()
    await first.open_stream()
    await reload(stack, "limit_connections_per_address = 1\n")
    second = await raw_client()
    await second.wait_closed()
    await reload(stack, "limit_connections_per_address = 2\n")
    await (await raw_client()).open_stream()


async def test_time_to_log_in(stack, raw_client, bystander, clock):
    await reload(stack, "limit_login_time = 5\n")
    c = await raw_client()
    await c.open_stream()
    await bystander.sync()
    clock.advance(6)
    await closed_with(c, "connection-timeout")


async def test_failed_logins(stack, raw_client):
    """The first failure of a minute is one too many now."""
    stack.add_account("alice")
    await reload(stack, "limit_failed_logins = 1\n")
    c = await encrypted(raw_client)
    for answered in ("", "late"):
        mark = stack.router.mark()
        await c.auth("PLAIN", b"\0alice\0wrong")
        await stack.router.wait_log("login failed: not-authorized", mark)
        if not answered:
            assert await failure(c) == "not-authorized"
    await stack.router.wait_log("answered late", mark)


async def test_output_of_sessions_that_are_there(stack, raw_client):
    """Less may wait for who does not read, also if it was there before."""
    alice = await login(stack, raw_client, "alice")
    bob = await login(stack, raw_client, "bob")
    alice.stop_reading()
    await reload(stack, "limit_output_bytes = 64k\n")
    for i in range(200):
        await bob.send(NOTE % (alice.jid, f"m{i}", "x" * 60000))
    await bob.wait("message", error="service-unavailable")


async def test_number_of_stanzas_that_wait(stack, raw_client):
    """Also for a session that is there, and back again."""
    alice = await login(stack, raw_client, "alice")
    bob = await login(stack, raw_client, "bob")
    alice.stop_reading()
    await reload(stack, "limit_output_stanzas = 20\n")
    for i in range(200):
        await bob.send(NOTE % (alice.jid, f"m{i}", "x" * 60000))
    await bob.wait("message", error="service-unavailable")
    await stack.router.wait_log("resource-constraint")
    await reload(stack, "limit_output_stanzas = 0\n")
    alice = await login(stack, raw_client, "alice")
    alice.stop_reading()
    bob.inbox.clear()
    for i in range(6000):
        await bob.send(NOTE % (alice.jid, "n", ""))
    await bob.sync()
    assert not bob.inbox.find("message")


async def test_incoming_bytes(make_stack, raw_client, clock):
    """Of a session that is there: 16 KiB/s behind a burst of 64 KiB; then all at once."""
    stack = make_stack(components=(), conf_d="limit_session_rate = 0\n")
    alice, bob = [await login(stack, raw_client, user) for user in ("alice", "bob")]

    async def flood(ident):
        await bob.send("".join(NOTE % (alice.jid, f"{ident}{i}", "x" * 1024) for i in range(256)))

    def received(ident):
        return sum(m.get("id").startswith(ident) for m in alice.inbox.find("message"))

    await reload(stack, "limit_session_rate = 16k\nlimit_session_burst = 64k\n")
    await flood("a")
    await alice.wait("message", id="a32")
    await alice.sync()
    assert received("a") < 200  # the burst, and what one read may bring beyond it
    for _ in range(30):
        clock.advance(1)
        await alice.sync()
    await alice.wait("message", id="a255")
    await reload(stack, "limit_session_rate = 16k\nlimit_session_burst = 1M\n")
    await let_pass(clock, 120)
    await flood("b")
    await alice.wait("message", id="b255")
    await reload(stack, "limit_session_rate = 0\n")
    for ident in "cdefgh":
        await flood(ident)
    await alice.wait("message", id="h255")


# --- registration ---------------------------------------------------------------------------------

REGISTER = ("<query xmlns='jabber:iq:register'><username>%s</username><password>x</password>"
            "</query>")
OPEN = "allow_registration = true\nregistration_invite_only = false\n"


async def registers(raw_client, name):
    """The condition of the error; None: the account is made."""
    c = await encrypted(raw_client)
    return error_condition(await c.iq("set", REGISTER % name))


async def test_registrations_an_hour(make_stack, raw_client, clock):
    """Of an address that has had some already, too."""
    stack = make_stack(components=(), conf_d=OPEN + "limit_registrations = 3\n")
    assert await registers(raw_client, "a") is None
    await reload(stack, OPEN + "limit_registrations = 1\n")
    assert await registers(raw_client, "b") is None
    assert await registers(raw_client, "c") == "resource-constraint"
    await reload(stack, OPEN + "limit_registrations = 0\n")
    for name in "cdefgh":
        assert await registers(raw_client, name) is None


async def test_administrators(make_stack, raw_client):
    """Nobody can register under their names."""
    stack = make_stack(components=(), conf_d=OPEN + 'admins = { "boss@localhost" }\n')
    assert await registers(raw_client, "boss") == "conflict"
    await reload(stack, OPEN + 'admins = { "chief@localhost" }\n')
    assert await registers(raw_client, "chief") == "conflict"
    assert await registers(raw_client, "boss") is None


# --- policy ---------------------------------------------------------------------------------------

async def test_policy_and_its_exceptions(stack, raw_client):
    alice, bob = [await login(stack, raw_client, user) for user in ("alice", "bob")]
    await alice.send(CHAT % (bob.jid, "a"))
    await alice.wait("message", id="a", error="policy-violation")
    await reload(stack, 'e2e_policy_whitelist = { "bob@localhost" }\n')
    await alice.send(CHAT % (bob.jid, "b"))
    await bob.wait("message", id="b")
    await reload(stack, 'e2e_policy_message_required_chat = "Speak in ciphers"\n')
    await alice.send(CHAT % (bob.jid, "c"))
    refusal = await alice.wait("message", id="c", error="policy-violation")
    assert "Speak in ciphers" in xml.show(refusal)
    await reload(stack, 'e2e_policy_chat = "none"\n')
    await alice.send(CHAT % (bob.jid, "d"))
    await bob.wait("message", id="d")


# --- components -----------------------------------------------------------------------------------

def gate(secret="sesame", **more):
    rows = "".join(f"  {k} = {v}\n" for k, v in more.items())
    return f"component gate {{\n  secret = \"{secret}\"\n{rows}}}\n"


async def test_component_added(stack, raw_client):
    await reload(stack, gate())
    c = await component.attach(raw_client, stack, "gate.localhost", "sesame")
    alice = await login(stack, raw_client, "alice")
    await alice.send(NOTE % ("gate.localhost", "a", ""))
    await c.wait("{jabber:component:accept}message", id="a")


async def test_component_removed(stack, raw_client):
    await reload(stack, gate())
    c = await component.attach(raw_client, stack, "gate.localhost", "sesame")
    await reload(stack, "")
    await closed_with(c, "host-gone")
    late = await component.connect(raw_client, stack, "gate.localhost")
    await closed_with(late, "host-unknown")


async def test_component_unchanged_stays_connected(stack, raw_client):
    await reload(stack, gate())
    c = await component.attach(raw_client, stack, "gate.localhost", "sesame")
    await reload(stack, gate() + "limit_resources = 3\n")
    alice = await login(stack, raw_client, "alice")
    await alice.send(NOTE % ("gate.localhost", "a", ""))
    await c.wait("{jabber:component:accept}message", id="a")


async def test_secret_changed_ends_the_link(stack, raw_client):
    """Who knows the old one only is no component any more."""
    await reload(stack, gate("sesame"))
    c = await component.attach(raw_client, stack, "gate.localhost", "sesame")
    await reload(stack, gate("open"))
    await closed_with(c, "not-authorized")
    old = await component.connect(raw_client, stack, "gate.localhost")
    await component.handshake(old, "sesame")
    await closed_with(old, "not-authorized")
    await component.attach(raw_client, stack, "gate.localhost", "open")
    assert "sesame" not in stack.router.log


async def test_secret_in_a_file_changed(make_stack, raw_client):
    stack = make_stack(components=())
    secret = stack.component_secret("echo")
    c = await component.attach(raw_client, stack, "echo.localhost", secret)
    with open(f"{stack.folder}/echo.secret", "w", encoding="ascii") as f:
        f.write("another one, long enough\n")
    await reload(stack, "")
    await closed_with(c, "not-authorized")
    await component.attach(raw_client, stack, "echo.localhost", "another one, long enough")


async def test_stanza_size_of_a_link_that_is_there(stack, raw_client):
    await reload(stack, gate())
    c = await component.attach(raw_client, stack, "gate.localhost", "sesame")
    await reload(stack, gate(max_stanza="2k"))
    await c.send(f"<message from='gate.localhost' to='a@localhost'>{'x' * 3000}</message>")
    await closed_with(c, "policy-violation")


async def test_exception_of_a_component(stack, raw_client):
    """Its messages are checked as the section says now."""
    await reload(stack, gate())
    c = await component.attach(raw_client, stack, "gate.localhost", "sesame")
    alice = await login(stack, raw_client, "alice")
    message = f"<message from='gate.localhost' to='{alice.jid}' id='%s'><body>hi</body></message>"
    await c.send(message % "a")
    await c.wait("{jabber:component:accept}message", id="a", type="error")
    await reload(stack, gate(e2e='"exempt"'))
    await c.send(message % "b")
    await alice.wait("message", id="b")


async def test_a_domain_that_was_served_is_no_component_s(make_stack, raw_client):
    """Taken out of DOMAIN, which takes a restart, by the reload that gives it to a component: until
    the next start its users are there, and nobody speaks for them."""
    domains = 'domain = { "localhost", "example.org" }\n'
    stack = make_stack(components=(), domain="localhost,example.org", conf_d=domains,
                       env={"DOMAIN": None})
    stack.add_account("alice@example.org", "secret")
    words = await reload(stack, 'domain = { "localhost" }\n' + gate(domain='"example.org"'))
    assert "example.org is served until the next start" in words
    c = await component.connect(raw_client, stack, "example.org")
    await closed_with(c, "host-unknown")
    alice = await (await raw_client(domain="example.org")).login("alice", "secret")
    await alice.send(NOTE % (alice.jid, "n", ""))
    await alice.wait("message", id="n")
    await alice.close()
    stack.router.restart()
    stack.ready()
    await component.attach(raw_client, stack, "example.org", "sesame")


# --- a broken file --------------------------------------------------------------------------------

@pytest.mark.parametrize("broken", [
    "limit_depth = 8\ncomponent gate {\n", "limit_depth = 8\nlimit_stanza = many\n",
    "component gate {\n  max_stanza = 2k\n}\n", gate("") , gate(domain='"localhost"'),
    'server_contact_info_admin = { "nobody" }\n', 'admins = { "not a jid@" }\n'],
    ids=["cut", "value", "no-secret", "empty-secret", "domain-taken", "contact", "admins"])
async def test_broken_file_changes_nothing(stack, raw_client, broken):
    """Not even what stands before the fault; the component stays, and so do the sessions."""
    await reload(stack, gate())
    c = await component.attach(raw_client, stack, "gate.localhost", "sesame")
    alice = await login(stack, raw_client, "alice")
    await reload(stack, broken, "the old ones stay")
    late = await login(stack, raw_client, "alice")
    await late.send(NOTE % (alice.jid, "n", "<a>" * 20 + "</a>" * 20))
    await alice.wait("message", id="n")
    await alice.send(NOTE % ("gate.localhost", "a", "x" * 4000))
    await c.wait("{jabber:component:accept}message", id="a")
