# SPDX-License-Identifier: MIT
"""Bookmarks in their three forms: PEP (XEP-0402), private XML and the older node (XEP-0048), each
a view of the same (XEP-0402 6.2, XEP-0411)."""

from lib.listeners import person  # noqa: F401: a fixture
from lib.pep import OWNER, PUBSUB, befriend, condition, ok
from lib.vcards import get_private, private, set_private

OLD = "storage:bookmarks"
NEW = "urn:xmpp:bookmarks:1"
O, N = f"{{{OLD}}}", f"{{{NEW}}}"
# What Gajim, Dino and Conversations ask for.
OPTIONS = {"persist_items": "true", "max_items": "max", "access_model": "whitelist",
           "send_last_published_item": "never"}
ROOMS = "rooms.example.org"


def conference(name=None, autojoin=None, nick=None, password=None, more="", jid=None, ns=NEW):
    def attr(key, value):
        return f" {key}='{value}'" if value is not None else ""
    return (f"<conference xmlns='{ns}'{attr('jid', jid)}{attr('name', name)}"
            f"{attr('autojoin', autojoin)}>" + (f"<nick>{nick}</nick>" if nick else "")
            + (f"<password>{password}</password>" if password else "") + more + "</conference>")


def old(jid, *args, **how):
    return conference(*args, jid=jid, ns=OLD, **how)


def storage(*inner):
    return f"<storage xmlns='{OLD}'>{''.join(inner)}</storage>"


def url(address, name):
    return f"<url xmlns='{OLD}' url='{address}' name='{name}'/>"


async def add(pep, jid, *args, **how):
    ok(await pep.publish(NEW, conference(*args, **how), id=jid, **OPTIONS))


async def private_rooms(pep):
    return rooms(private(await get_private(pep, f"<storage xmlns='{OLD}'/>")))


async def pep_rooms(pep):
    (ident, element), = await pep.items(OLD)
    assert ident == "current"
    return rooms(element)


async def set_rooms(pep, *inner):
    ok(await set_private(pep, storage(*inner)))


def rooms(element):
    """{jid: (name, autojoin, nick, password)} of a <storage/>."""
    assert element.tag == f"{O}storage"
    return {c.get("jid"): said(c, O) for c in element.findall(f"{O}conference")}


def said(c, ns):
    return (c.get("name"), c.get("autojoin") in ("1", "true"), c.findtext(f"{ns}nick"),
            c.findtext(f"{ns}password"))


async def new_rooms(pep):
    found = await pep.items(NEW)
    return {} if found == "item-not-found" else {i: said(e, N) for i, e in found}


# --- PEP to the older forms -----------------------------------------------------------------------
async def test_added_changed_removed_in_pep(person):
    alice = await person("alice")
    a, b = f"a@{ROOMS}", f"b@{ROOMS}"
    await add(alice, a, "A", "true", "al", "secret")
    await add(alice, b)
    expected = {a: ("A", True, "al", "secret"), b: (None, False, None, None)}
    assert await private_rooms(alice) == await pep_rooms(alice) == expected
    await add(alice, a, "A &amp; co", "false", "al")
    expected[a] = ("A & co", False, "al", None)
    assert await private_rooms(alice) == await pep_rooms(alice) == expected
    ok(await alice.retract(NEW, b))
    del expected[b]
    assert await private_rooms(alice) == await pep_rooms(alice) == expected


async def test_nothing_there_yet(person):
    """As clients ask at login: for some an error is that there are none."""
    alice = await person("alice")
    assert await alice.items(NEW) == "item-not-found"
    assert await alice.items(OLD) == "item-not-found"
    assert await private_rooms(alice) == {}


# --- the older forms to PEP -----------------------------------------------------------------------
async def test_added_changed_removed_in_private_xml(person):
    alice = await person("alice")
    await added_changed_removed(alice, lambda *inner: set_rooms(alice, *inner))


async def test_added_changed_removed_in_the_older_node(person):
    alice = await person("alice")

    async def put(*inner):
        ok(await alice.publish(OLD, storage(*inner), id="current", persist_items="true",
                               access_model="whitelist"))
    await added_changed_removed(alice, put)


async def added_changed_removed(alice, put):
    a, b = f"a@{ROOMS}", f"b@{ROOMS}"
    await put(old(a, "A", "1", "al", "secret"), old(b, "B", "false"))
    expected = {a: ("A", True, "al", "secret"), b: ("B", False, None, None)}
    assert await new_rooms(alice) == await private_rooms(alice) == expected
    await put(old(a, "A2", "true", "al"), old(b, "B", "false"))
    expected[a] = ("A2", True, "al", None)
    assert await new_rooms(alice) == await private_rooms(alice) == expected
    await put(old(b, "B", "false"))
    del expected[a]
    assert await new_rooms(alice) == await private_rooms(alice) == expected
    await put()
    assert await new_rooms(alice) == await private_rooms(alice) == {}


async def test_the_node_is_private(person):
    """Nobody else reads it, and what clients then ask of it holds (XEP-0402 3.3)."""
    alice, bob = await person("alice"), await person("bob", wants=(NEW, OLD))
    await befriend(alice, bob)
    await set_rooms(alice, old(f"a@{ROOMS}", "A"))
    assert await bob.items(NEW, of="alice@localhost") == "not-allowed/closed-node"
    assert await bob.items(OLD, of="alice@localhost") == "not-allowed/closed-node"
    assert condition(await bob.publish(OLD, storage(), to="alice@localhost")) == "forbidden"
    await bob.raw.sync()
    assert not bob.events()
    await add(alice, f"b@{ROOMS}", "B")
    assert set(await private_rooms(alice)) == {f"a@{ROOMS}", f"b@{ROOMS}"}


async def test_node_made_for_all_to_read(person):
    """XEP-0411 5: what is written in private does not become public, or get lost."""
    alice, bob = await person("alice"), await person("bob", wants=(NEW,))
    await befriend(alice, bob)
    ok(await alice.publish(NEW, conference("A"), id=f"a@{ROOMS}", access_model="open"))
    await bob.event(NEW, of="alice@localhost")
    await set_rooms(alice, old(f"a@{ROOMS}", "A"), old(f"b@{ROOMS}", "B"), old(f"c@{ROOMS}", "C"))
    assert set(await new_rooms(alice)) == {f"{x}@{ROOMS}" for x in "abc"}
    assert await bob.items(NEW, of="alice@localhost") == "not-allowed/closed-node"
    await bob.raw.sync()
    assert len(bob.events(NEW)) == 1


async def test_extensions_are_kept(person):
    """XEP-0402 3.4; clients of the older forms know nothing of them."""
    alice = await person("alice")
    extensions = "<extensions><state xmlns='urn:example:s' minimized='true'/></extensions>"
    await add(alice, f"a@{ROOMS}", "A", "true", "al", more=extensions)
    await set_rooms(alice, old(f"a@{ROOMS}", "New", "false", "al"))
    (_, kept), = await alice.items(NEW)
    assert said(kept, N) == ("New", False, "al", None)
    assert kept.find(f"{N}extensions/{{urn:example:s}}state").get("minimized") == "true"


async def test_what_the_older_forms_cannot_say_is_kept(person):
    """Their clients never saw it, and so cannot have removed it."""
    alice = await person("alice")
    long_name = "n" * 4000
    await add(alice, f"a@{ROOMS}", "A")
    await add(alice, f"long@{ROOMS}", long_name)
    await add(alice, "no address@", "B")
    assert set(await private_rooms(alice)) == {f"a@{ROOMS}"}
    await set_rooms(alice, old(f"c@{ROOMS}", "C"))
    assert set(await new_rooms(alice)) == {f"long@{ROOMS}", "no address@", f"c@{ROOMS}"}


async def test_pages_of_the_web_are_kept(person):
    alice = await person("alice")
    page = url("https://example.org/?a=1&amp;b=2", "X")
    await set_rooms(alice, page, old(f"a@{ROOMS}", "A"))
    await add(alice, f"b@{ROOMS}", "B")
    ok(await alice.retract(NEW, f"a@{ROOMS}"))
    got = private(await get_private(alice, f"<storage xmlns='{OLD}'/>"))
    assert [u.attrib for u in got.findall(f"{O}url")] == [
        {"url": "https://example.org/?a=1&b=2", "name": "X"}]
    (_, element), = await alice.items(OLD)
    assert len(element.findall(f"{O}url")) == 1 and set(rooms(element)) == {f"b@{ROOMS}"}
    await set_rooms(alice, old(f"b@{ROOMS}", "B"))
    got = private(await get_private(alice, f"<storage xmlns='{OLD}'/>"))
    assert not got.findall(f"{O}url")


async def test_page_with_a_name_that_grows(person):
    """By references: its tag is longer then than a client's may be."""
    alice = await person("alice")
    quotes = '"' * 20000
    await set_rooms(alice, f"<url xmlns='{OLD}' url='https://example.org/' name='{quotes}'/>",
                    old(f"a@{ROOMS}", name="A"))
    got = private(await get_private(alice, f"<storage xmlns='{OLD}'/>"))
    assert [u.get("name") for u in got.findall(f"{O}url")] == [quotes]


async def test_addresses_that_are_none_or_twice(person):
    alice = await person("alice")
    await set_rooms(alice, old("@", "A"), old(f"B@{ROOMS.upper()}", "B"), conference("no", ns=OLD),
                    old(f"b@{ROOMS}", "again"), old(f"c@{ROOMS}/nick", "C"))
    assert await new_rooms(alice) == {f"b@{ROOMS}": ("B", False, None, None),
                                      f"c@{ROOMS}": ("C", False, None, None)}


async def test_not_a_storage(person):
    alice = await person("alice")
    answer = await alice.publish(OLD, conference("A", ns=OLD), id="current")
    assert condition(answer) == "bad-request/invalid-payload"


# --- events ---------------------------------------------------------------------------------------
async def test_each_view_is_told_of_the_other(person):
    alice = await person("alice")
    modern = await person("alice", wants=(NEW,), resource="new")
    older = await person("alice", wants=(OLD,), resource="old")
    a, b = f"a@{ROOMS}", f"b@{ROOMS}"
    await add(alice, a, "A")
    _, items = await modern.event(NEW, of="alice@localhost")
    assert items[0].get("id") == a and said(items[0][0], N) == ("A", False, None, None)
    _, items = await older.event(OLD, of="alice@localhost")
    assert items[0].get("id") == "current" and set(rooms(items[0][0])) == {a}
    await set_rooms(alice, old(a, "A"), old(b, "B"))
    _, items = await modern.event(NEW)
    assert items[0].get("id") == b
    _, items = await older.event(OLD)
    assert set(rooms(items[0][0])) == {a, b}
    await set_rooms(alice, old(b, "B"))
    _, items = await modern.event(NEW)
    assert items[0].tag.endswith("}retract") and items[0].get("id") == a
    _, items = await older.event(OLD)
    assert set(rooms(items[0][0])) == {b}
    ok(await alice.retract(NEW, b))
    _, items = await older.event(OLD)
    assert rooms(items[0][0]) == {}
    await modern.raw.sync()
    assert not modern.events(OLD) and not older.events(NEW)


async def test_what_stays_as_it_was_is_no_news(person):
    """XEP-0402 6.2.2"""
    alice = await person("alice", wants=(NEW, OLD))
    await set_rooms(alice, old(f"a@{ROOMS}", "A", "1"), old(f"b@{ROOMS}", "B"))
    await alice.event(OLD)
    before = len(alice.events())
    await set_rooms(alice, old(f"b@{ROOMS}", "B", "0"), old(f"a@{ROOMS}", "A", "true"))
    await alice.raw.sync()
    assert len(alice.events()) == before == 3


async def test_other_page_of_the_web_is_news(person):
    alice = await person("alice", wants=(OLD,))
    for n in (1, 2):
        await set_rooms(alice, old(f"a@{ROOMS}", "A"), url(f"https://example.org/{n}", "X"))
        _, items = await alice.event(OLD)
        assert items[0][0].find(f"{O}url").get("url") == f"https://example.org/{n}"


async def test_older_client_gets_them_at_login(person):
    alice = await person("alice")
    await add(alice, f"a@{ROOMS}", "A")
    again = await person("alice", wants=(OLD, NEW), resource="again")
    _, items = await again.event(OLD)
    assert set(rooms(items[0][0])) == {f"a@{ROOMS}"}
    await again.raw.sync()
    assert not again.events(NEW)  # send_last_published_item: never


async def test_node_deleted(person):
    alice = await person("alice", wants=(OLD,))
    await add(alice, f"a@{ROOMS}", "A")
    await alice.event(OLD)
    ok(await alice.ask("set", f"<delete node='{NEW}'/>", ns=OWNER))
    _, items = await alice.event(OLD)
    assert rooms(items[0][0]) == {}
    assert await private_rooms(alice) == {}


# --- many -----------------------------------------------------------------------------------------
async def test_thousand_rooms(person):
    alice = await person("alice", wants=(NEW,))
    jids = [f"room-{i:04}@{ROOMS}" for i in range(1000)]
    await set_rooms(alice, *(old(j, f"Room {i}") for i, j in enumerate(jids)))
    assert list(await new_rooms(alice)) == jids
    assert list(await private_rooms(alice)) == jids
    await alice.raw.sync()
    assert len(alice.events(NEW)) == 1000
    await set_rooms(alice, *(old(j, f"Room {i}") for i, j in enumerate(jids) if i != 500))
    assert len(await new_rooms(alice)) == 999
    await alice.raw.sync()
    _, items = alice.events(NEW)[-1]
    assert items[0].tag.endswith("}retract") and items[0].get("id") == jids[500]


async def test_more_than_a_thousand(person):
    """None of those that the older forms do not show is removed by them."""
    alice = await person("alice")
    first = [old(f"r{i}@{ROOMS}", "R") for i in range(1000)]
    await set_rooms(alice, *first)
    for i in range(1000, 1003):
        await add(alice, f"r{i}@{ROOMS}", "R")
    assert len(await private_rooms(alice)) == 1000
    await set_rooms(alice, *first[1:])
    found = await alice.items_answer(NEW, more="<set xmlns='http://jabber.org/protocol/rsm'>"
                                     "<max>5</max><before/></set>")
    assert [i.get("id") for i in found.iter(f"{{{PUBSUB}}}item")] == [
        f"r{i}@{ROOMS}" for i in (998, 999, 1000, 1001, 1002)]


# --- as clients do it -----------------------------------------------------------------------------
async def test_reconfigured_by_a_client(person):
    """Gajim and Conversations: other options than the node's are refused, so they configure it and
    publish again."""
    alice = await person("alice")
    await set_rooms(alice, old(f"a@{ROOMS}", "A"))
    wanted = OPTIONS | {"notify_delete": "true", "notify_retract": "true"}
    answer = await alice.publish(NEW, conference("B"), id=f"b@{ROOMS}", **wanted)
    if answer.get("type") == "error":
        assert condition(answer) == "conflict/precondition-not-met"
        ok(await alice.configure(NEW, **wanted))
        ok(await alice.publish(NEW, conference("B"), id=f"b@{ROOMS}", **wanted))
    assert set(await private_rooms(alice)) == {f"a@{ROOMS}", f"b@{ROOMS}"}


async def test_converse_with_an_empty_nick(person):
    """It publishes all of them to the older node, with <nick/> even if there is none."""
    alice = await person("alice")
    ok(await alice.ask(
        "set", f"<publish node='{OLD}'><item id='current'><storage xmlns='{OLD}'>"
        f"<conference name='A' autojoin='true' jid='a@{ROOMS}'><nick/></conference></storage>"
        f"</item></publish><publish-options><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='FORM_TYPE' type='hidden'><value>{PUBSUB}#publish-options</value></field>"
        "<field var='pubsub#persist_items'><value>true</value></field>"
        "<field var='pubsub#access_model'><value>whitelist</value></field></x></publish-options>"))
    assert await new_rooms(alice) == {f"a@{ROOMS}": ("A", True, None, None)}
