# SPDX-License-Identifier: MIT
"""Archives as clients read them (XEP-0313): what was said is found by both, in pages."""

import datetime

import pytest

from lib import xml
from lib.archive import CARBONS, MAM, Talker, count, fields, rsm, stanza_id
from lib.archive_fixtures import with_archive
from lib.inbox import error_condition
from lib.wait import until


async def said(alice, bob, *bodies):
    """Alice says this to bob, who has heard it."""
    for body in bodies:
        await alice.say(bob.bare, body, id=f"id-{body}")
    await bob.raw.wait("message", body=bodies[-1])


async def test_both_have_it(archive_stack, talker):
    alice, bob = await talker("alice"), await talker("bob")
    await said(alice, bob, "one", "two", "three")
    for who in alice, bob:
        page = await who.query()
        assert page.bodies == ["one", "two", "three"] and page.complete
        assert [m.get("from") for m in page.messages] == [alice.jid] * 3
        assert [m.get("to") for m in page.messages] == [bob.bare] * 3
        assert (page.rsm("first"), page.rsm("last")) == (page.ids[0], page.ids[-1])
        results = who.raw.inbox.find("message", has=f"{{{MAM}}}result")
        assert {(m.get("from"), m.get("to")) for m in results} == {(who.bare, who.jid)}
    heard = bob.raw.inbox.find("message", from_=alice.jid)
    assert [stanza_id(m, bob.bare) for m in heard] == (await bob.query()).ids


async def test_nothing_of_it_reaches_others(archive_stack, talker):
    """Not the other clients, by carbons or otherwise, and it is not archived again."""
    alice, bob = await talker("alice"), await talker("bob")
    other = await talker("alice", "b")
    await other.raw.iq("set", f"<enable xmlns='{CARBONS}'/>")
    await said(alice, bob, "one")
    await other.raw.wait("message", has=f"{{{CARBONS}}}sent")
    sent, = other.raw.inbox.find("message")
    for _ in range(3):
        page = await alice.query()
    assert page.bodies == ["one"]
    assert stanza_id(sent, alice.bare) == page.ids[0]
    await other.raw.sync()
    assert other.raw.inbox.find("message") == [sent]


async def test_pages(archive_stack, talker):
    alice, bob = await talker("alice"), await talker("bob")
    every = [str(n) for n in range(25)]
    await said(alice, bob, *every)
    first = await bob.query(rsm(max=10))
    assert first.bodies == every[:10] and not first.complete
    second = await bob.query(rsm(max=10, after=first.rsm("last")))
    assert second.bodies == every[10:20] and not second.complete
    third = await bob.query(rsm(max=10, after=second.rsm("last")))
    assert third.bodies == every[20:] and third.complete
    last = await bob.query(rsm(max=10, before=""))
    assert last.bodies == every[15:] and not last.complete
    before = await bob.query(rsm(max=20, before=last.rsm("first")))
    assert before.bodies == every[:15] and before.complete
    flipped = await bob.query(rsm(max=3, before="") + "<flip-page/>")
    assert flipped.bodies == every[:-4:-1]
    assert flipped.rsm("first") == flipped.ids[-1]
    some = fields(after_id=first.ids[3], before_id=first.ids[6])
    assert (await bob.query(some)).bodies == every[4:6]
    assert (await bob.query(fields(ids=[first.ids[7], first.ids[2]]))).bodies == ["2", "7"]
    assert await bob.bodies() == every


async def test_by_contact_and_time(archive_stack, talker, clock):
    alice, bob, carol = [await talker(u) for u in ("alice", "bob", "carol")]
    await said(alice, bob, "1")
    clock.advance(20)
    await alice.raw.sync()
    await said(carol, alice, "2")
    clock.advance(20)
    await alice.raw.sync()
    await said(alice, carol, "3")
    await alice.say(alice.bare, "4")
    await alice.raw.wait("message", body="4")
    assert await alice.bodies() == ["1", "2", "3", "4"]
    assert await alice.bodies(fields(with_="carol@localhost")) == ["2", "3"]
    assert await alice.bodies(fields(with_=carol.jid)) == ["2"]
    assert await alice.bodies(fields(with_=alice.bare)) == ["4"]
    page = await alice.query()
    at = [r.find(".//{urn:xmpp:delay}delay").get("stamp") for r in page.results]
    assert await alice.bodies(fields(start=at[1], end=at[2])) == ["2", "3"]
    assert await alice.bodies(fields(start=at[1], with_=bob.bare)) == []


async def test_what_cannot_be_asked(archive_stack, talker):
    alice, bob = await talker("alice"), await talker("bob")
    await said(alice, bob, "one")
    theirs = (await bob.query()).ids[0]
    for content, error in ((rsm(after=theirs), "item-not-found"),
                           (rsm(before="nothing"), "item-not-found"),
                           (fields(ids=[theirs]), "item-not-found"),
                           (fields(after_id=theirs), "item-not-found"),
                           (rsm(max="many"), "bad-request"),
                           (rsm(after=theirs, before=""), "bad-request"),
                           (fields(start="today"), "bad-request"),
                           (fields(search="x"), "feature-not-implemented")):
        assert (await alice.query(content)).error == error, content
    assert (await alice.query(to="bob@localhost")).error == "forbidden"
    assert (await alice.query(to="nobody@localhost")).error in ("service-unavailable",
                                                                "item-not-found")
    answer = await alice.raw.iq("get", f"<metadata xmlns='{MAM}'/>", to="bob@localhost")
    assert error_condition(answer) == "forbidden"
    # Nobody but the server reaches the component itself.
    answer = await alice.raw.iq("set", f"<query xmlns='{MAM}'/>", to="archive.localhost")
    assert error_condition(answer) == "remote-server-not-found"


async def test_disco_form_and_metadata(archive_stack, talker):
    alice, bob = await talker("alice"), await talker("bob")

    async def features(to):
        answer = await alice.raw.iq("get", f"<query xmlns='{xml.DISCO_INFO}'/>", to=to)
        return {f.get("var") for f in answer.iter(f"{{{xml.DISCO_INFO}}}feature")}

    assert {MAM, f"{MAM}#extended", "urn:xmpp:sid:0", "http://jabber.org/protocol/rsm",
            "urn:xmpp:message-retract:1#tombstone"} <= await features(alice.bare)
    assert {"msgoffline", MAM, "urn:xmpp:message-retract:1"} <= await features("localhost")
    answer = await alice.raw.iq("get", f"<query xmlns='{MAM}'/>")
    assert {f.get("var") for f in answer.iter("{jabber:x:data}field")} == {
        "FORM_TYPE", "with", "start", "end", "before-id", "after-id", "ids", "include-groupchat"}
    answer = await alice.raw.iq("get", f"<metadata xmlns='{MAM}'/>")
    assert len(answer.find(f"{{{MAM}}}metadata")) == 0
    await said(alice, bob, "one", "two", "three")
    ids = (await alice.query()).ids
    answer = await alice.raw.iq("get", f"<metadata xmlns='{MAM}'/>")
    assert [(e.tag.rpartition("}")[2], e.get("id")) for e in answer.find(f"{{{MAM}}}metadata")] == [
        ("start", ids[0]), ("end", ids[-1])]


async def test_both_ways_of_slixmpp(archive_stack, client):
    """Its plugin, backwards and forwards, with its own idea of pages."""
    alice = await client("alice", plugins=("xep_0313",))
    bob = await client("bob", plugins=("xep_0313",))
    every = [str(n) for n in range(23)]
    for body in every:
        alice.send_message(mto=bob.full, mbody=body)
    await bob.wait("message", body=every[-1])
    mam = bob["xep_0313"]
    got = [m["mam_result"]["forwarded"]["stanza"]["body"]
           async for m in mam.iterate(with_jid=alice.bare, rsm={"max": 10})]
    assert got == every
    got = [m["mam_result"]["forwarded"]["stanza"]["body"]
           async for m in mam.iterate(reverse=True, rsm={"max": 10}, total=15)]
    assert sorted(got, key=int) == every[-15:]
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    answer = await alice["xep_0313"].retrieve(start=start, with_jid=bob.bare)
    assert len(answer["mam"]["results"]) == 23


@pytest.mark.parametrize("how", ["no-store", "no-permanent-store", "state"])
async def test_what_is_not_kept(archive_stack, talker, how):
    alice, bob = await talker("alice"), await talker("bob")
    if how == "state":
        await alice.raw.send(f"<message to='{bob.bare}' type='chat'><composing "
                             "xmlns='http://jabber.org/protocol/chatstates'/></message>")
    else:
        await alice.say(bob.bare, "not this", more=f"<{how} xmlns='urn:xmpp:hints'/>")
    await said(alice, bob, "this")
    for who in alice, bob:
        assert await who.bodies() == ["this"]


async def test_soon_after(archive_stack, talker):
    """Who asks behind what he says finds it."""
    alice, bob = await talker("alice"), await talker("bob")
    for n in range(20):
        await alice.say(bob.bare, str(n))
        page = await alice.query(rsm(before="", max=1))
        assert page.bodies == [str(n)]
    await until(lambda: len(bob.heard()) == 20)
    assert (await bob.query()).bodies == [str(n) for n in range(20)]


@with_archive(domain="localhost,example.net")
async def test_two_domains(archive_stack, raw_client):
    """Whoever of the two domains tells of it, both have it."""
    people = []
    for jid in "alice@localhost", "bob@example.net":
        archive_stack.add_account(jid)
        user, _, domain = jid.partition("@")
        raw = await raw_client(stack=archive_stack, domain=domain)
        await raw.login(user, archive_stack.accounts[jid], "a")
        people.append(await Talker(raw).come())
    alice, bob = people
    await said(alice, bob, "1")
    await said(bob, alice, "2")
    for who in alice, bob:
        assert await who.bodies() == ["1", "2"]
    assert count(archive_stack, "body") == 2
