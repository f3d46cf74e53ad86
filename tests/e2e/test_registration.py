# SPDX-License-Identifier: MIT
"""In-band registration (XEP-0077), invitations (XEP-0445), and ending one's own account."""

import re
import subprocess

import pytest

from lib.client import LoginFailed, befriend
from lib.faults import closed_with, encrypted, let_pass
from lib.raw import SaslFailure
from lib.stack import CtlError
from test_ctl import ctl

NS = "jabber:iq:register"
FEATURES = {"{http://jabber.org/features/iq-register}register",
            "{urn:xmpp:ibr-token:0}register", "{urn:xmpp:invite}register"}
OPEN = {"ALLOW_REGISTRATION": "true", "REGISTRATION_INVITE_ONLY": "false"}
INVITED = {"ALLOW_REGISTRATION": "true"}
DAY = 86400


def query(**fields):
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    return f"<query xmlns='{NS}'>{inside}</query>"


async def register(c, user, password="s3cret"):
    return await c.iq("set", query(username=user, password=password), to="localhost")


async def preauth(c, token):
    return await c.iq("set", f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>", to="localhost")


def condition(answer):
    """None: it is no error."""
    error = answer.find("{jabber:client}error")
    return None if error is None else error[0].tag.rpartition("}")[2]


def invite(stack, *args):
    """The token, and the whole answer."""
    made = stack.ctl("invite", "create", *args)
    return re.fullmatch(r"xmpp:[^?]+\?register;preauth=([a-z0-9]{32})", made["uri"])[1], made


# --- open to everybody ----------------------------------------------------------------------------

async def test_account_is_made_and_used_on_the_same_connection(make_stack, raw_client):
    stack = make_stack(components=(), env=OPEN)
    c = await encrypted(raw_client)
    assert FEATURES <= {e.tag for e in c.features}
    form = await c.iq("get", query(), to="localhost")
    assert [e.tag.rpartition("}")[2] for e in form[0]] == ["instructions", "username", "password"]
    assert condition(await register(c, "Alice")) is None
    assert condition(await register(c, "second")) == "not-acceptable"
    await c.sasl("alice", "s3cret")
    await c.bind()
    assert stack.ctl("account", "list") == [{"jid": "alice@localhost", "disabled": False}]
    assert stack.metrics()["switchyard_registrations_total"] == 1
    assert "s3cret" not in stack.router.log


async def test_nothing_in_the_clear(make_stack, raw_client):
    make_stack(components=(), env=OPEN)
    c = await raw_client()
    await c.open_stream()
    assert not FEATURES & {e.tag for e in c.features}
    await c.send(f"<iq type='set' id='r'>{query(username='alice', password='s3cret')}</iq>")
    await closed_with(c, "not-authorized")


@pytest.mark.parametrize("user, password, expected", [
    ("", "x", "not-acceptable"), ("a", "", "not-acceptable"), ("a b", "x", "not-acceptable"),
    ("a@localhost", "x", "not-acceptable"), ("x" * 1024, "x", "not-acceptable"),
    ("a", "x" * 1024, "not-acceptable"), ("TAKEN", "x", "conflict"), ("boss", "x", "conflict"),
])
async def test_what_cannot_be_registered(make_stack, raw_client, user, password, expected):
    stack = make_stack(components=(), env=OPEN | {"ADMINS": "boss@localhost"})
    stack.add_account("taken")
    c = await encrypted(raw_client)
    assert condition(await register(c, user, password)) == expected
    assert condition(await register(c, "good")) is None
    assert len(stack.ctl("account", "list")) == 2


async def test_it_is_off_by_default(stack, bystander, raw_client):
    c = await encrypted(raw_client)
    assert not FEATURES & {e.tag for e in c.features}
    for answer in (await c.iq("get", query()), await register(c, "alice"),
                   await preauth(c, invite(stack)[0])):
        assert condition(answer) == "service-unavailable"
    assert [a["jid"] for a in stack.ctl("account", "list")] == ["bystander@localhost"]


async def test_a_reload_opens_and_closes_it(make_stack, raw_client):
    stack = make_stack(components=(), conf_d="allow_registration = false\n")
    c = await encrypted(raw_client)
    assert condition(await register(c, "alice")) == "service-unavailable"
    with open(f"{stack.conf_dir}/20.conf", "w", encoding="ascii") as f:
        f.write("allow_registration = true\nregistration_invite_only = false\n")
    stack.ctl("reload")
    assert condition(await register(c, "alice")) is None


# --- floods ---------------------------------------------------------------------------------------

async def test_five_an_hour_from_one_address(make_stack, raw_client, clock):
    stack = make_stack(components=(), env=OPEN)
    for i in range(5):
        assert condition(await register(await encrypted(raw_client), f"u{i}")) is None
    late = await encrypted(raw_client)
    assert condition(await register(late, "u5")) == "resource-constraint"
    elsewhere = await encrypted(raw_client, host="::1")
    assert condition(await register(elsewhere, "v6")) is None
    await let_pass(clock, 12 * 60 + 1)
    c = await encrypted(raw_client)
    assert condition(await register(c, "u5")) is None
    assert condition(await register(await encrypted(raw_client), "u6")) == "resource-constraint"
    assert len(stack.ctl("account", "list")) == 7


@pytest.mark.parametrize("limit, made", [("1", 1), ("3", 3), ("0", 8)])
async def test_the_limit_is_a_setting(make_stack, raw_client, limit, made):
    stack = make_stack(components=(), env=OPEN | {"LIMIT_REGISTRATIONS": limit})
    for i in range(8):
        answer = await register(await encrypted(raw_client), f"u{i}")
        assert condition(answer) == (None if i < made else "resource-constraint")
    assert len(stack.ctl("account", "list")) == made


async def test_names_cannot_be_probed_without_end(make_stack, raw_client):
    stack = make_stack(components=(), env=OPEN)
    stack.add_account("taken")
    c = await encrypted(raw_client)
    answers = [condition(await register(c, "taken")) for _ in range(7)]
    assert answers == ["conflict"] * 5 + ["resource-constraint"] * 2


async def test_tokens_cannot_be_tried_without_end(make_stack, raw_client):
    make_stack(components=(), env=INVITED)
    c = await encrypted(raw_client)
    for i in range(20):
        assert condition(await preauth(c, f"{i:032}")) == "item-not-found"
    await c.send("<iq type='set' id='t'><preauth xmlns='urn:xmpp:pars:0' token='x'/></iq>")
    await closed_with(c, "policy-violation")


async def test_a_burst_of_requests_in_one_write(make_stack, raw_client):
    """Behind the one that is on its way, none is taken up."""
    stack = make_stack(components=(), env=OPEN | {"LIMIT_REGISTRATIONS": "0"})
    c = await encrypted(raw_client)
    await c.send("".join(f"<iq type='set' id='b{i}'>{query(username=f'u{i}', password='x')}</iq>"
                         for i in range(15)))
    answers = [await c.wait("iq", id=f"b{i}") for i in range(15)]
    assert [condition(a) for a in answers] == [None] + ["not-acceptable"] * 14
    assert len(stack.ctl("account", "list")) == 1


# --- invitations ----------------------------------------------------------------------------------

async def test_only_with_an_invitation(make_stack, raw_client):
    stack = make_stack(components=(), env=INVITED)
    c = await encrypted(raw_client)
    assert condition(await c.iq("get", query())) == "not-allowed"
    assert condition(await register(c, "alice")) == "not-allowed"
    token, made = invite(stack)
    assert made["usable"] and made["uses"] == 1
    assert condition(await preauth(c, token)) is None
    assert condition(await c.iq("get", query())) is None
    assert condition(await register(c, "alice")) is None
    await c.sasl("alice", "s3cret")
    assert token not in stack.router.log and made["id"] in stack.router.log


def form(**fields):
    inside = "".join(f"<field var='{name}'><value>{text}</value></field>"
                     for name, text in ({"FORM_TYPE": NS} | fields).items())
    return f"<query xmlns='{NS}'><x xmlns='jabber:x:data' type='submit'>{inside}</x></query>"


@pytest.mark.parametrize("to", [None, "localhost"])
@pytest.mark.parametrize("answer", [query, form])
async def test_as_clients_do_it(make_stack, raw_client, to, answer):
    """Conversations and its kin show the token without an address and fill in the fields; Monal sends
    a form, whether it was shown one or not."""
    stack = make_stack(components=(), env=INVITED)
    token, _ = invite(stack)
    c = await encrypted(raw_client)
    show = f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>"
    assert condition(await c.iq("set", show, to=to)) is None
    asked = await c.iq("get", query(), to=to)
    assert {f"{{{NS}}}username", f"{{{NS}}}password"} <= {e.tag for e in asked[0]}
    assert condition(await c.iq("set", answer(username="alice", password="s3cret"), to=to)) is None
    assert "s3cret" not in stack.router.log
    await c.sasl("alice", "s3cret")
    await c.bind()
    change = await c.iq("set", answer(username="alice", password="n3w"), to=to)
    assert condition(change) is None
    await (await raw_client()).login("alice", "n3w")
    late = await encrypted(raw_client)
    assert condition(await late.iq("set", show, to=to)) == "item-not-found"


@pytest.mark.parametrize("token", ["", "x", "0" * 32, "A" * 32, "x" * 5000, "&lt;&#xe9;&quot;"])
async def test_wrong_tokens(make_stack, raw_client, token):
    stack = make_stack(components=(), env=INVITED)
    invite(stack)
    c = await encrypted(raw_client)
    assert condition(await preauth(c, token)) == "item-not-found"
    assert condition(await register(c, "alice")) == "not-allowed"


async def test_reused_token(make_stack, raw_client):
    stack = make_stack(components=(), env=INVITED)
    token, _ = invite(stack)
    first, second = await encrypted(raw_client), await encrypted(raw_client)
    for c in (first, second):
        assert condition(await preauth(c, token)) is None
    assert condition(await register(first, "alice")) is None
    assert condition(await register(second, "bob")) == "item-not-found"
    assert condition(await preauth(await encrypted(raw_client), token)) == "item-not-found"
    assert stack.ctl("invite", "list") == []
    assert len(stack.ctl("account", "list")) == 1


async def test_expired_token(make_stack, raw_client, clock):
    stack = make_stack(components=(), env=INVITED)
    week, _ = invite(stack)
    hour, _ = invite(stack, "--expires", "3600")
    in_time = await encrypted(raw_client)
    assert condition(await preauth(in_time, hour)) is None
    await let_pass(clock, 29)  # the time to log in is 30 s
    assert condition(await register(in_time, "punctual")) is None
    hour, _ = invite(stack, "--expires", "3600")
    await let_pass(clock, 3600)
    assert condition(await preauth(await encrypted(raw_client), hour)) == "item-not-found"
    assert len(stack.ctl("invite", "list")) == 1
    await let_pass(clock, 7 * DAY - 3600 - 29 - 20)
    assert condition(await preauth(await encrypted(raw_client), week)) is None
    await let_pass(clock, 20)
    assert condition(await preauth(await encrypted(raw_client), week)) == "item-not-found"


async def test_expired_after_it_was_shown(make_stack, raw_client, clock):
    """XEP-0445 4: whoever showed it in time may go on."""
    stack = make_stack(components=(), env=INVITED)
    token, _ = invite(stack, "--expires", "10")
    c = await encrypted(raw_client)
    assert condition(await preauth(c, token)) is None
    await let_pass(clock, 15)
    assert condition(await preauth(await encrypted(raw_client), token)) == "item-not-found"
    invite(stack)  # making one clears old ones away
    assert condition(await register(c, "alice")) is None


async def test_reusable_and_revoked(make_stack, raw_client):
    stack = make_stack(components=(), env=INVITED)
    token, made = invite(stack, "--reusable", "3")
    for user in ("alice", "bob"):
        c = await encrypted(raw_client)
        assert condition(await preauth(c, token)) is None
        assert condition(await register(c, user)) is None
    assert [i["uses"] for i in stack.ctl("invite", "list")] == [1]
    assert stack.ctl("invite", "revoke", made["id"]) == {"id": made["id"]}
    assert condition(await preauth(await encrypted(raw_client), token)) == "item-not-found"
    with pytest.raises(CtlError, match="there is no invitation of this id"):
        stack.ctl("invite", "revoke", made["id"])


async def test_an_invitation_for_a_name(make_stack, raw_client):
    stack = make_stack(components=(), env=OPEN)
    token, made = invite(stack, "--account", "Juliet")
    assert made["account"] == "juliet@localhost"
    assert made["uri"].startswith("xmpp:juliet@localhost?register;")
    c, other = await encrypted(raw_client), await encrypted(raw_client)
    assert condition(await register(other, "juliet")) == "conflict"
    assert condition(await preauth(c, token)) is None
    form = await c.iq("get", query())
    assert form.findtext(f".//{{{NS}}}username") == "juliet"
    assert condition(await register(c, "romeo")) == "not-acceptable"
    assert condition(await register(c, "juliet")) is None
    with pytest.raises(CtlError, match="there is an account of this name already"):
        stack.ctl("invite", "create", "--account", "juliet")


async def test_invitations_outlive_the_router(make_stack, raw_client):
    stack = make_stack(components=(), env=INVITED)
    token, _ = invite(stack)
    stack.router.kill9()
    stack.router.restart()
    stack.ready()
    c = await encrypted(raw_client)
    assert condition(await preauth(c, token)) is None
    assert condition(await register(c, "alice")) is None


async def test_a_full_disk_keeps_the_token(make_stack, raw_client, small_disk):
    """Account and use of the token are one: without the one, not the other."""
    disk = small_disk("1m")
    stack = make_stack(components=(), env=INVITED, data_dir=disk)
    token, _ = invite(stack)
    c = await encrypted(raw_client)
    assert condition(await preauth(c, token)) is None
    filler = f"{disk}/filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=1k"], check=False,
                   stderr=subprocess.DEVNULL)
    assert condition(await register(c, "alice")) == "resource-constraint"
    subprocess.run(["rm", filler], check=True)
    assert condition(await register(c, "alice")) is None
    await c.sasl("alice", "s3cret")


def test_ctl_prints_the_address_alone(stack):
    status, out, err = ctl(stack, "invite", "create", "--expires", "60")
    assert status == 0 and re.fullmatch(r"xmpp:localhost\?register;preauth=[a-z0-9]{32}\n", out)
    assert "good for 1 until" in err and "ALLOW_REGISTRATION" in err
    token = out.strip().rpartition("=")[2]
    status, out, _ = ctl(stack, "invite", "list")
    assert status == 0 and len(out.splitlines()) == 2 and token not in out
    for args in (["--expires", "0"], ["--reusable", "x"], ["--account", "a", "--domain", "b"],
                 ["--generate"], ["word"]):
        assert ctl(stack, "invite", "create", *args)[0] == 2
    assert ctl(stack, "invite", "create", "--domain", "example.org")[0] == 1
    assert ctl(stack, "invite", "revoke")[0] == 2


# --- one's own account ----------------------------------------------------------------------------

@pytest.mark.parametrize("to", [None, "localhost", "alice@localhost"])
async def test_password_is_changed(stack, client, to):
    alice = await client("alice")
    stack.add_account("bob")
    answer = await alice.request("get", query(), to=to)
    assert answer.find(f".//{{{NS}}}registered") is not None
    assert answer.findtext(f".//{{{NS}}}username") == "alice"
    for bad in (query(username="bob", password="new"), query(username="alice", password=""),
                query(password="new")):
        assert condition(await alice.request("set", bad, to=to)) in ("not-allowed", "bad-request")
    answer = await alice.request("set", query(username="alice", password="n3w s3cret"), to=to)
    assert condition(answer) is None
    with pytest.raises(LoginFailed, match="not-authorized"):
        await client("alice@localhost", stack.accounts["alice@localhost"])
    await client("alice@localhost", "n3w s3cret")
    await client("bob@localhost", stack.accounts["bob@localhost"])
    await alice.sync()  # the session goes on
    assert "n3w s3cret" not in stack.router.log


async def test_slixmpp_changes_and_ends_it(stack, client):
    """(It cannot register: this version holds back iqs until it is logged in.)"""
    alice = await client("alice", plugins=("xep_0004", "xep_0066", "xep_0077"))
    await alice["xep_0077"].change_password("n3w s3cret")
    again = await client("alice@localhost", "n3w s3cret",
                         plugins=("xep_0004", "xep_0066", "xep_0077"))
    await again["xep_0077"].cancel_registration()
    for c in (alice, again):
        await c.wait_closed()
    assert stack.ctl("account", "list") == []


async def test_passwords_change_only_so_often(stack, client, clock):
    alice = await client("alice")
    change = query(username="alice", password="n3w")
    answers = [condition(await alice.request("set", change)) for _ in range(7)]
    assert answers == [None] * 5 + ["resource-constraint"] * 2
    await let_pass(clock, 61)
    assert condition(await alice.request("set", change)) is None


async def test_account_is_ended(stack, client, raw_client):
    alice, bob = await client("alice"), await client("bob")
    other = await (await raw_client()).login("alice", stack.accounts[alice.bare])
    await befriend(alice, bob)
    c = await (await raw_client()).login("alice", stack.accounts[alice.bare])
    assert condition(await c.iq("set", query(remove="") + "<x/>")) == "bad-request"
    assert condition(await c.iq("set", query(remove="", username="alice"))) == "bad-request"
    answer = await c.iq("set", query(remove=""))
    assert answer.get("type") == "result"
    for session in (c, other):
        await closed_with(session, "not-authorized")
    await alice.wait_closed()
    await bob.wait("presence", type="unsubscribed", from_=alice.bare)
    with pytest.raises(LoginFailed):
        await client(alice.bare, stack.accounts[alice.bare])
    assert [a["jid"] for a in stack.ctl("account", "list")] == ["bob@localhost"]


async def test_nobody_ends_or_changes_another(stack, client):
    alice, bob = await client("alice"), await client("bob")
    for payload in (query(remove=""), query(username="bob", password="x")):
        answer = await alice.request("set", payload, to=bob.bare)
        assert condition(answer) == "service-unavailable"
    await bob.sync()
    await client("bob", resource="again")


async def test_a_component_changes_nobody(stack, client):
    """What comes through echo has a sender that is no account."""
    alice = await client("alice")
    echo = stack.component_domain("echo")
    answer = await alice.request("set", query(remove=""), to=f"x@{echo}")
    assert answer.get("type") == "error"
    await alice.sync()


async def test_wrong_password_after_registration(make_stack, raw_client):
    make_stack(components=(), env=OPEN)
    c = await encrypted(raw_client)
    assert condition(await register(c, "alice")) is None
    c.inbox.clear()
    with pytest.raises(SaslFailure, match="not-authorized"):
        await c.sasl("alice", "other")
