# SPDX-License-Identifier: MIT
"""Rooms that several processes serve."""

import asyncio

import pytest

from lib.inbox import error_condition
from lib.instances import Instances
from lib.payloads import ENCRYPTED
from lib.rooms import MUC, codes, configure, create, item, join, presence_xml, say
from lib.sharing import winner
from lib.wait import until

DOMAIN = "conference.localhost"
OMEMO = ENCRYPTED["OMEMO 0.3"]
CONF = "component muc {\n  connections = share\n  link_grace = 1\n}\n"
ENV = {"COMPONENT_SHARE": "true", "MUC_OCCUPANT_RATE": "0", "MUC_ROOM_RATE": "0"}


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=CONF, env=ENV)


@pytest.fixture
def service(stack, cut_proxy):
    return Instances(stack, "muc", cut_proxy, DOMAIN)


SELF_PING = "<ping xmlns='urn:xmpp:ping'/>"


async def started(service, n=2):
    for _ in range(n):
        service.add()
    return await service.settled()


def of(service, ids, one, prefix="r"):
    """A room whose process this one is."""
    numbered = (f"{prefix}{n}@{DOMAIN}" for n in range(1000))
    return next(room for room in numbered if winner(ids.values(), room) == ids[one])


async def pair(client, *rooms, **config):
    """Alice and Bob are in all of them."""
    alice, bob = await client("alice"), await client("bob")
    for room in rooms:
        await create(alice, room, "Alice", **config)
        await join(bob, room, "Bob")
    alice.inbox.clear()
    return alice, bob


async def heard(alice, bob, room, ident):
    say(alice, room, OMEMO, ident)
    for c in alice, bob:
        await c.wait("message", id=ident, from_=f"{room}/Alice")


async def all_in(rooms, *people):
    for c, nick in people:
        for room in rooms:
            assert (await c.request("get", SELF_PING, to=f"{room}/{nick}")).get("type") == "result"
        assert not c.inbox.find("presence", type="unavailable")
        assert not c.inbox.find("message", type="error")


async def test_one_goes_and_comes_again(service, client):
    await started(service)
    rooms = [f"r{n}@{DOMAIN}" for n in range(10)]
    alice, bob = await pair(client, *rooms)
    for kind in service.remove, service.kill:
        await kind(service.running[0])
        for n, room in enumerate(rooms):
            await heard(alice, bob, room, f"{kind.__name__}-{n}")
        service.add()
        await service.settled()
        for n, room in enumerate(rooms):
            await heard(alice, bob, room, f"{kind.__name__}-again-{n}")
    await all_in(rooms, (alice, "Alice"), (bob, "Bob"))


async def test_all_go_and_one_comes(service, client):
    await started(service, 3)
    rooms = [f"r{n}@{DOMAIN}" for n in range(12)]
    alice, bob = await pair(client, *rooms)
    for n, room in enumerate(rooms):
        say(alice, room, OMEMO, f"a{n}")
    for one in list(service.running):
        await service.kill(one)
    for n, room in enumerate(rooms):
        say(alice, room, OMEMO, f"b{n}")
    service.add()
    await service.settled()
    for n, room in enumerate(rooms):
        for ident in f"a{n}", f"b{n}":
            await bob.wait("message", id=ident, from_=f"{room}/Alice")
            assert len(bob.inbox.find("message", id=ident)) == 1
    await all_in(rooms, (alice, "Alice"), (bob, "Bob"))


async def test_one_that_hangs(stack, service, client):
    """It has 5 s to give its rooms away, which the log says; when it wakes it can do no harm, and
    takes part again."""
    ids = await started(service)
    hanging, other = service.running
    rooms = [of(service, ids, hanging), of(service, ids, other)]
    alice, bob = await pair(client, *rooms)
    hanging.process.hang()
    say(alice, rooms[0], OMEMO, "m1")
    await heard(alice, bob, rooms[1], "m2")
    began = asyncio.get_running_loop().time()
    service.running.remove(hanging)
    service.add()
    await service.settled()
    assert 4 < asyncio.get_running_loop().time() - began < 9
    await stack.router.wait_log(f"{ids[hanging]}.*(5 s|in time)")
    await bob.wait("message", id="m1", from_=f"{rooms[0]}/Alice")
    hanging.process.unhang()
    service.running.append(hanging)
    assert (await service.settled())[hanging] != ids[hanging]
    for n, room in enumerate(rooms):
        await heard(alice, bob, room, f"m{n + 3}")
    for ident in "m1", "m2":
        assert len(bob.inbox.find("message", id=ident)) == 1
    await all_in(rooms, (alice, "Alice"), (bob, "Bob"))


async def test_who_leaves_while_a_room_moves(service, client):
    """Is seen to go, and to nobody is anybody else."""
    ids = await started(service)
    one = service.running[0]
    room = of(service, ids, one)
    alice, bob = await pair(client, room)
    await service.kill(one)
    await bob.drop()
    gone = await alice.wait("presence", type="unavailable", from_=f"{room}/Bob")
    assert item(gone)["role"] == "none"
    assert (await alice.request("get", SELF_PING, to=f"{room}/Alice")).get("type") == "result"


async def test_subject_history_and_lists_move(service, client):
    ids = await started(service)
    one = service.running[0]
    room = of(service, ids, one)
    alice, bob = await pair(client, room, moderatedroom=True)
    say(alice, room, "<subject>Tea</subject>", "s1")
    await heard(alice, bob, room, "m1")
    await service.remove(one)
    carol = await client("carol")
    await join(carol, room, "Carol")
    assert [m.get("id") for m in carol.inbox.find("message", type="groupchat")][:1] == ["m1"]
    assert [m.findtext("{jabber:client}subject") for m in carol.inbox.find("message")][-1] == "Tea"
    seen = {p.get("from").partition("/")[2]: item(p) for p in carol.inbox.find("presence")
            if p.find(f"{{{MUC}#user}}x") is not None}
    assert (seen["Alice"]["affiliation"], seen["Carol"]["role"]) == ("owner", "visitor")


async def test_what_is_listed_is_what_all_have(service, client):
    """By disco, by search, and in the count of rooms."""
    await started(service, 3)
    alice = await client("alice")
    rooms = [f"r{n:02}@{DOMAIN}" for n in range(20)]
    for room in rooms:
        await create(alice, room, "Alice")
    hidden = f"hidden@{DOMAIN}"
    await create(alice, hidden, "Alice", publicroom=False)
    answer = await alice.request("get", "<query xmlns='http://jabber.org/protocol/disco#items'>"
                                 "<set xmlns='http://jabber.org/protocol/rsm'><max>7</max><after>"
                                 f"{rooms[4]}</after></set></query>", to=DOMAIN)
    items = "{http://jabber.org/protocol/disco#items}item"
    assert [i.get("jid") for i in answer.iter(items)] == rooms[5:12]
    first = answer.find(".//{http://jabber.org/protocol/rsm}first")
    assert (first.text, first.get("index")) == (rooms[5], "5")
    assert answer.findtext(".//{http://jabber.org/protocol/rsm}count") == "20"
    search = "urn:xmpp:channel-search:0:search"
    answer = await alice.request(
        "get", f"<search xmlns='{search}'><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='FORM_TYPE'><value>{search}-params</value></field>"
        "<field var='q'><value>r07</value></field></x></search>", to=DOMAIN)
    found = list(answer.iter(f"{{{search}}}item"))
    assert [i.get("address") for i in found] == [rooms[7]]
    assert found[0].findtext(f"{{{search}}}nusers") == "1"


async def test_most_rooms_of_all_together(make_stack, cut_proxy, client):
    stack = make_stack(components=(), conf_d=CONF, env={**ENV, "MUC_MAX_ROOMS": "10"})
    service = Instances(stack, "muc", cut_proxy, DOMAIN)
    await started(service)
    alice = await client("alice")
    for n in range(10):
        await create(alice, f"r{n}@{DOMAIN}", "Alice")
    for n in range(10, 14):
        refused = await join(alice, f"r{n}@{DOMAIN}", "Alice")
        assert error_condition(refused) == "resource-constraint"


async def test_router_that_is_killed(stack, service, client):
    """Rooms stay, who was in them is gone, and each has one home again."""
    before = await started(service, 3)
    rooms = [f"r{n}@{DOMAIN}" for n in range(12)]
    alice, bob = await pair(client, *rooms, persistentroom=True)
    for n, room in enumerate(rooms):
        await heard(alice, bob, room, f"m{n}")
    stack.router.kill9()
    stack.router.start()
    await until(lambda: not any(one.settled.id == ident for one, ident in before.items()))
    await service.settled()
    alice = await client("alice")
    for n, room in enumerate(rooms):
        await join(alice, room, "Alice")
        said = [m.get("id") for m in alice.inbox.find("message", type="groupchat") if m.get("id")]
        assert f"m{n}" in said and len(said) == len(set(said))
        await until(lambda: not alice.inbox.find("presence", from_=f"{room}/Bob", type=None)
                    or alice.inbox.find("presence", from_=f"{room}/Bob", type="unavailable"))


async def test_domain_below_another_than_the_first(make_stack, cut_proxy, client):
    """A component that knows of the domain above its own alone."""
    stack = make_stack(components=(), conf_d=CONF, domain="other.localhost,localhost",
                       env={**ENV, "DOMAIN_MUC": DOMAIN, "ROUTER_DOMAINS": "localhost"})
    service = Instances(stack, "muc", cut_proxy, DOMAIN)
    await started(service)
    alice = await client("alice@localhost")
    await create(alice, f"room@{DOMAIN}", "Alice")


async def test_domain_that_is_not_shared(make_stack, cut_proxy, client):
    """The component says so, and does nothing."""
    stack = make_stack(components=(), conf_d="", env=ENV)
    one = Instances(stack, "muc", cut_proxy, DOMAIN).add()
    await one.process.wait_log("does not share")
    await until(lambda: "does not share" in stack.why_not(one.process.name))


async def test_member_that_does_not_know_of_sharing(make_stack, cut_proxy, client):
    """A process without the setting would take the database for its own: the others end nothing."""
    stack = make_stack(components=(), conf_d=CONF, env={"MUC_OCCUPANT_RATE": "0"})
    service = Instances(stack, "muc", cut_proxy, DOMAIN)
    service.add()
    await asyncio.to_thread(stack.ready, "muc-1")
    alice = await client("alice")
    room = f"room@{DOMAIN}"
    await create(alice, room, "Alice")
    bob = await client("bob")
    await join(bob, room, "Bob")
    await heard(alice, bob, room, "m1")
