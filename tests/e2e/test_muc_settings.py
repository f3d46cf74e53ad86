# SPDX-License-Identifier: MIT
"""Rooms: what the operator sets, who is local, and settings that change while rooms are in use."""

import pytest

from lib.inbox import error_condition
from lib.payloads import ENCRYPTED
from lib.rooms import (MUC, change, codes, configure, create, features, form_of, item, join, say)

SERVICE = "conference.localhost"
ROOM = f"room@{SERVICE}"
OMEMO = ENCRYPTED["OMEMO 0.3"]
OTHER = "other.localhost"


async def may_create(client, who, room="new"):
    c = await client(who)
    answer = await join(c, f"{room}-{who.partition('@')[0]}@{SERVICE}", "Me")
    if answer.get("type") == "error":
        assert error_condition(answer) == "not-allowed"
        return False
    assert 201 in codes(answer)
    return True


# --- who may create rooms -------------------------------------------------------------------------

@pytest.mark.ours("the other server serves one domain")
@pytest.mark.parametrize("env, expected", [
    ({}, [True, True]),
    ({"MUC_LOCAL_DOMAINS": "localhost"}, [True, False]),
    ({"MUC_LOCAL_DOMAINS": "Other.Localhost"}, [False, True]),
    ({"MUC_LOCAL_DOMAINS": "elsewhere.example"}, [False, False]),
    ({"MUC_LOCAL_DOMAINS": "elsewhere.example", "MUC_CREATE": "anyone"}, [True, True]),
    ({"MUC_CREATE": "admins", "ADMINS": f"bob@{OTHER}"}, [False, True]),
    ({"MUC_LOCAL_DOMAINS": "elsewhere.example", "ADMINS": "alice@localhost"}, [True, False]),
])
async def test_who_may_create(make_stack, client, env, expected):
    make_stack(domain=f"localhost,{OTHER}", components=("muc",), env=env)
    assert [await may_create(client, who) for who in ("alice@localhost", f"bob@{OTHER}")] == expected


async def test_users_of_the_server_are_local_by_default(make_rooms, client):
    make_rooms()
    assert await may_create(client, "alice@localhost")


@pytest.mark.parametrize("env, who", [
    ({"PROSODY_ADMINS": "root@localhost"}, "root"),
    ({"ADMINS": "root@localhost", "PROSODY_ADMINS": None}, "root"),
    ({"ADMINS": "nobody@localhost", "MUC_ADMINS": "Root@LOCALHOST"}, "root"),
    ({"ADMINS": "root@localhost", "MUC_ADMINS": "other@localhost"}, None)])
async def test_admins_are_the_servers_unless_rooms_have_their_own(make_stack, client, env, who):
    make_stack(components=("muc",), env={"MUC_CREATE": "admins", **env})
    assert [name for name in ("root", "nora") if await may_create(client, name)] == (
        [who] if who else [])


# --- what a new room is like ----------------------------------------------------------------------

@pytest.mark.parametrize("name, value, feature, otherwise", [
    ("PERSISTENT", "true", "muc_persistent", "muc_temporary"),
    ("MEMBERS_ONLY", "true", "muc_membersonly", "muc_open"),
    ("PUBLIC", "false", "muc_hidden", "muc_public"),
    ("MODERATED", "true", "muc_moderated", "muc_unmoderated"),
    ("NONANONYMOUS", "true", "muc_nonanonymous", "muc_semianonymous")])
async def test_defaults_of_a_new_room(make_rooms, client, name, value, feature, otherwise):
    make_rooms(env={f"MUC_DEFAULT_{name}": value})
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    found, _ = await features(alice, ROOM)
    assert feature in found and otherwise not in found


@pytest.mark.parametrize("name, value, field, expected", [
    ("CHANGE_SUBJECT", "true", "changesubject", ["1"]),
    ("ALLOW_INVITES", "true", "allowinvites", ["1"]),
    ("ALLOW_PM", "moderators", "allowpm", ["moderators"]),
    ("MAX_USERS", "50", "maxusers", ["50"]), ("MAX_USERS", "5000", "maxusers", ["1000"]),
    ("LANG", "fr", "lang", ["fr"]),
    ("PRESENCE_BROADCAST", "moderator,participant", "presencebroadcast",
     ["moderator", "participant"]),
    ("MEMBER_LIST", "visitor", "getmemberlist", ["visitor"])])
async def test_defaults_in_the_form_of_a_new_room(make_rooms, client, name, value, field, expected):
    make_rooms(env={f"MUC_DEFAULT_{name}": value})
    alice = await client("alice")
    await join(alice, ROOM, "Alice")
    form = await form_of(alice, ROOM)
    assert form[f"muc#roomconfig_{field}"] == expected
    assert (await configure(alice, ROOM)).get("type") == "result"  # which takes them as they are


@pytest.mark.parametrize("name, value", [("PRESENCE_BROADCAST", "king"), ("LANG", "x" * 36),
                                         ("ALLOW_PM", "all"), ("REGISTRATION", "maybe")])
def test_defaults_that_make_no_sense(make_stack, name, value):
    stack = make_stack(components=("muc",), env={f"MUC_DEFAULT_{name}": value}, start=False)
    muc = stack.components["muc"]
    muc.start()
    assert muc.wait_exit() != 0
    assert f"MUC_DEFAULT_{name}" in muc.log


@pytest.mark.parametrize("kept, most, expected", [("3", "100", 3), ("0", "100", 0), ("9", "5", 5)])
async def test_default_of_history(make_rooms, client, kept, most, expected):
    make_rooms(env={"MUC_DEFAULT_HISTORY": kept, "MUC_MAX_HISTORY": most})
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    for number in range(12):
        say(alice, ROOM, OMEMO, f"h{number}")
    await alice.wait("message", id="h11")
    await join(bob, ROOM, "Bob")
    shown = [m.get("id") for m in bob.inbox.find("message") if m.get("id")]
    assert shown == [f"h{n}" for n in range(12 - expected, 12)]


# --- SIGHUP ---------------------------------------------------------------------------------------

async def reload(stack, text, outcome="settings reloaded"):
    await stack.components["muc"].reload(text, outcome)


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("muc",))


async def test_limits_that_change(stack, client):
    alice = await client("alice")
    await create(alice, ROOM, "Alice")
    await reload(stack, "muc_max_subject = 4\nmuc_occupant_rate = 1\nmuc_occupant_burst = 5\n")
    say(alice, ROOM, "<subject>12345</subject>", "s1")
    assert error_condition(await alice.wait("message", id="s1")) == "not-acceptable"
    for number in range(20):
        say(alice, ROOM, OMEMO, f"f{number}")
    assert error_condition(await alice.wait("message", id="f19")) == "resource-constraint"
    await reload(stack, "muc_occupant_rate = 0\n")
    for number in range(20, 300):
        say(alice, ROOM, OMEMO, f"f{number}")
    assert (await alice.wait("message", id="f299")).get("type") == "groupchat"
    assert len([m for m in alice.inbox.find("message", type="groupchat")
                if m.get("id") in {f"f{n}" for n in range(20, 300)}]) == 280


async def test_admins_that_change(stack, client):
    alice, root = await client("alice"), await client("root")
    await create(alice, ROOM, "Alice")
    await join(root, ROOM, "Root")
    assert error_condition(await configure(root, ROOM, {"roomname": "mine"})) == "forbidden"
    await reload(stack, 'admins = { "root@localhost" }\n')
    seen = await alice.wait(lambda p: p.get("from") == f"{ROOM}/Root"
                            and item(p)["affiliation"] == "owner")
    assert item(seen)["role"] == "moderator"
    assert (await configure(root, ROOM, {"roomname": "mine"})).get("type") == "result"
    alice.inbox.clear()
    await reload(stack, "admins = {}\n")
    seen = await alice.wait("presence", from_=f"{ROOM}/Root")
    assert item(seen) == {"affiliation": "none", "role": "participant", "jid": root.full}
    assert error_condition(await configure(root, ROOM, {"roomname": "again"})) == "forbidden"
    assert error_condition(await change(root, ROOM, {"nick": "Alice", "role": "none"})) == \
        "forbidden"


@pytest.mark.parametrize("broken", [
    'muc_max_subject = 4\nadmins = { "bob@localhost/with-resource" }\n',
    'admins = { "bob@localhost" }\nmuc_max_subject = many\n',
    'admins = { "bob@localhost" }\nmuc_max_occupants = 100001\n',
    'admins = { "bob@localhost" }\nmuc_local_domains = { "a b" }\n',
    'admins = { "bob@localhost" }\nmuc_max_subject = 4\nmuc_create = {\n'],
    ids=["admin", "value", "range", "domain", "cut"])
async def test_broken_file_changes_nothing(stack, client, broken):
    alice, root, bob = [await client(n) for n in ("alice", "root", "bob")]
    await reload(stack, 'admins = { "root@localhost" }\nmuc_max_subject = 3\n')
    await create(alice, ROOM, "Alice")
    await reload(stack, broken, "the old ones stay")
    assert (await configure(root, ROOM, {"roomname": "mine"})).get("type") == "result"
    assert error_condition(await configure(bob, ROOM, {"roomname": "mine"})) == "forbidden"
    say(alice, ROOM, "<subject>1234</subject>", "s1")
    assert error_condition(await alice.wait("message", id="s1")) == "not-acceptable"
    say(alice, ROOM, OMEMO, "m1")
    await alice.wait("message", id="m1", type="groupchat")


# --- the router's section -------------------------------------------------------------------------

@pytest.mark.parametrize("section", [None, "check"])
async def test_what_a_room_passes_on_is_not_judged_again(make_stack, client, section):
    """Alice may speak in the clear, Bob may not: what she says to him in private reaches him because
    the built-in section of muc trusts it; otherwise it comes back to her from the room."""
    conf = f'component muc {{\n  e2e = "{section}"\n}}\n' if section else ""
    make_stack(components=("muc",), conf_d=conf,
               env={"E2E_POLICY_WHITELIST": "alice@localhost"})
    alice, bob = await client("alice"), await client("bob")
    await create(alice, ROOM, "Alice")
    await join(bob, ROOM, "Bob")
    say(alice, f"{ROOM}/Bob", "<body>in the clear</body>", "c1", kind="chat")
    if section:
        back = await alice.wait("message", id="c1", from_=f"{ROOM}/Bob")
        assert error_condition(back) == "policy-violation"
    else:
        await bob.wait("message", id="c1", body="in the clear", from_=f"{ROOM}/Alice")
    for kind, to in ("groupchat", ROOM), ("chat", f"{ROOM}/Alice"):
        say(bob, to, "<body>me too</body>", f"b-{kind}", kind=kind)
        assert error_condition(await bob.wait("message", id=f"b-{kind}")) == "policy-violation"


# --- a library's client ---------------------------------------------------------------------------

async def test_slixmpp_s_own_plugin(make_rooms, client):
    """As a bot's author would: xep_0045 of slixmpp."""
    make_rooms()
    alice, bob = [await client(n, plugins=("xep_0045",)) for n in ("alice", "bob")]
    a, b = alice["xep_0045"], bob["xep_0045"]
    await a.join_muc_wait(ROOM, "Alice", maxstanzas=0)
    form = await a.get_room_config(ROOM)
    form["values"] = {**form["values"], "muc#roomconfig_roomname": "Bots",
                      "muc#roomconfig_membersonly": False}
    await a.set_room_config(ROOM, form)
    await b.join_muc_wait(ROOM, "Bob", maxstanzas=0)
    assert sorted(b.get_roster(ROOM)) == ["Alice", "Bob"]
    await a.set_affiliation(ROOM, "member", jid=bob.bare)
    assert bob.bare in [str(j) for j in await a.get_affiliation_list(ROOM, "member")]
    await a.set_role(ROOM, "Bob", "moderator")
    assert sorted(await a.get_roles_list(ROOM, "moderator")) == ["Alice", "Bob"]
    say(bob, ROOM, OMEMO, "m1")
    await alice.wait("message", id="m1", from_=f"{ROOM}/Bob")
    found, _ = await features(alice, ROOM)
    assert MUC in found
    b.leave_muc(ROOM, "Bob")
    await alice.wait("presence", type="unavailable", from_=f"{ROOM}/Bob")
    await a.destroy(ROOM)
    await leave_is_over(alice)


async def leave_is_over(c):
    gone = await c.wait("presence", type="unavailable", from_=f"{ROOM}/Alice")
    assert gone.find(f".//{{{MUC}#user}}destroy") is not None
