# SPDX-License-Identifier: MIT
"""OMEMO between real clients on a server that requires encryption: keys published and found, chosen
whom to trust, talk of two and in a room; and that the server has seen none of the words."""

import pytest

from lib import gajim, rooms
from lib.client import befriend
from lib.seen import assert_unseen, files_with, payloads
from lib.wait import until

omemo = pytest.importorskip("lib.omemo", reason="python3-oldmemo is not installed")

ALICE, BOB, CAROL = "alice@localhost", "bob@localhost", "carol@localhost"
ROOM = "room@conference.localhost"
SHED, LANTERN, ROPE = ("the ladder is behind the shed", "bring the lantern", "and a rope")
REFUSED = "This server requires end-to-end encryption"

NO_GAJIM = gajim.missing()


@pytest.fixture
def server(make_stack):
    return make_stack(components=("muc", "pubsub"), env={"E2E_POLICY_CHAT": "required",
                                                         "E2E_POLICY_MUC": "required"})


@pytest.fixture
async def driver(server):
    """await driver(jid, resource=, blind=): an OmemoClient, online, with its keys published."""
    made = []

    async def make(jid, resource=None, **how):
        if jid not in server.accounts:
            server.add_account(jid)
        made.append(omemo.OmemoClient(f"{jid}/{resource}" if resource else jid,
                                      server.accounts[jid], server.ca_file, **how))
        return await made[-1].login(("127.0.0.1", server.port("C2S_PORT")))

    yield make
    for c in made:
        await c.close()


@pytest.fixture
async def profanity(server, profanity):
    """await profanity(jid): logged in, with keys: .jid, .fingerprint"""
    async def make(jid):
        server.add_account(jid)
        p = await profanity(jid.partition("@")[0]).login(jid, server.accounts[jid])
        await p.omemo_trust_mode("manual")
        p.jid, p.fingerprint = jid, await p.omemo_generate()
        return p

    return make


async def witnesses_of(client, *jids):
    """Other resources of theirs, with the same priority: they get what is sent to these people."""
    return [await client(jid, resource="witness") for jid in jids]


async def assert_encrypted(server, witnesses, sent):
    """So many messages with words by each sender have come to the witnesses, and no word that they
    could read."""
    for witness in witnesses:
        await witness.sync()
    for sender, count in sent.items():
        assert sum(len(payloads(w, from_bare=sender)) for w in witnesses) == count
    assert_unseen(server, (SHED, LANTERN, ROPE), *witnesses)


# --- two people -----------------------------------------------------------------------------------

async def test_profanity_with_profanity(server, profanity, client):
    """Strangers to each other's keys, and not even contacts."""
    alice, bob = await profanity(ALICE), await profanity(BOB)
    witnesses = await witnesses_of(client, ALICE, BOB)

    alice.type(f"/msg {BOB} {ROPE}")
    await alice.wait(REFUSED)
    await alice.omemo_start(BOB)
    await alice.omemo_trust(BOB, bob.fingerprint)
    alice.type(SHED)
    bob.type(f"/msg {ALICE}")
    await bob.wait(rf"{ALICE}\S*: {SHED}")
    await bob.omemo_start(ALICE)
    await bob.omemo_trust(ALICE, alice.fingerprint)
    bob.type(LANTERN)
    await alice.wait(rf"{BOB}\S*: {LANTERN}")

    await assert_encrypted(server, witnesses, {ALICE: 1, BOB: 1})


@pytest.mark.parametrize("first", ["profanity", "slixmpp"])
async def test_profanity_with_slixmpp(server, profanity, driver, client, first):
    """Whoever writes first has to find the other's keys, and makes the session."""
    alice, bob = await profanity(ALICE), await driver(BOB)
    witnesses = await witnesses_of(client, ALICE, BOB)

    async def from_alice():
        await alice.omemo_start(BOB)
        await alice.omemo_trust(BOB, await bob.fingerprint())
        alice.type(SHED)
        assert (await bob.heard(SHED, ALICE)).device in (await bob.fingerprints(ALICE)).values()

    async def from_bob():
        await bob.trust(ALICE, alice.fingerprint)
        await bob.say(ALICE, LANTERN)
        alice.type(f"/msg {BOB}")
        await alice.wait(rf"{BOB}\S*: {LANTERN}")

    turns = [from_alice, from_bob]
    for turn in turns if first == "profanity" else reversed(turns):
        await turn()
    alice.type(ROPE)
    await bob.heard(ROPE, ALICE)
    await assert_encrypted(server, witnesses, {ALICE: 2, BOB: 1})


async def test_nobody_writes_to_keys_that_are_not_trusted(driver):
    alice, bob = await driver(ALICE), await driver(BOB)
    with pytest.raises(omemo.omemo.TrustDecisionFailed):
        await alice.say(BOB, SHED)
    await alice.trust(BOB, await bob.fingerprint())
    await alice.say(BOB, SHED)
    await bob.heard(SHED, ALICE)


async def test_a_second_device_is_pushed_to_contacts_and_to_the_first(server, driver, client):
    alice, bob = await driver(ALICE, blind=True), await driver(BOB, blind=True)
    witnesses = await witnesses_of(client, ALICE, BOB)
    await befriend(alice, bob)
    # What each of them wants is known from the presence that was shared.
    await alice.wait_list(BOB, bob.device)
    await alice.say(BOB, SHED)
    await bob.heard(SHED, ALICE)

    phone = await driver(BOB, resource="phone", blind=True)
    for c in (alice, bob, phone):
        await c.wait_list(BOB, bob.device, phone.device)
    await alice.say(BOB, LANTERN)
    for c in (bob, phone):
        await c.heard(LANTERN, ALICE)
    await phone.say(ALICE, ROPE)
    assert (await alice.heard(ROPE, BOB)).device == phone.device
    await assert_encrypted(server, witnesses, {ALICE: 2, BOB: 1})


async def test_keys_and_who_wants_them_outlive_pubsub(server, driver):
    """Killed while both are online, it still has the keys, and pushes a list to those who did not
    come again."""
    alice, bob = await driver(ALICE, blind=True), await driver(BOB, blind=True)
    await befriend(alice, bob)
    await alice.wait_list(BOB, bob.device)
    server.components["pubsub"].kill9()
    server.components["pubsub"].start()
    server.ready("pubsub")

    carol = await driver(CAROL)
    await carol.trust(BOB, await bob.fingerprint())
    await carol.say(BOB, SHED)
    await bob.heard(SHED, CAROL)
    phone = await driver(BOB, resource="phone", blind=True)
    for c in (alice, bob):
        await c.wait_list(BOB, bob.device, phone.device)
    await alice.say(BOB, LANTERN)
    for c in (bob, phone):
        await c.heard(LANTERN, ALICE)


async def test_the_words_of_one_with_keys_are_refused_in_the_clear(driver):
    alice, bob = await driver(ALICE, blind=True), await driver(BOB, blind=True)
    alice.send_raw(f"<message to='{BOB}' type='chat' id='m1'><body>{SHED}</body></message>")
    await alice.wait("message", id="m1", error="policy-violation")
    await alice.say(BOB, LANTERN)
    await bob.heard(LANTERN, ALICE)
    assert not bob.inbox.find("message", body=SHED)


# --- a room ---------------------------------------------------------------------------------------

async def open_room(owner, *members):
    """Members only, and everybody's address known to everybody: what OMEMO needs of a room."""
    await rooms.create(owner, ROOM, "owner", membersonly=True, whois="anyone")
    rows = [{"jid": member, "affiliation": "member"} for member in members]
    answer = await rooms.change(owner, ROOM, *rows)
    assert answer.get("type") == "result"


async def enter(p, nick):
    p.type(f"/join {ROOM} nick {nick}")
    await p.wait(f"You have joined the room as {nick}, role: participant, affiliation: member")
    await p.wait_traffic("RECV", '<feature var="muc_membersonly"/>')
    p.type("/omemo start")
    await p.wait(r"\[OMEMO\]")


async def test_in_a_room(server, profanity, driver, client):
    """profanity twice and slixmpp, each reading what the other two write."""
    alice, bob, carol = await profanity(ALICE), await profanity(BOB), await driver(CAROL)
    await open_room(carol, ALICE, BOB)
    witness, = await witnesses_of(client, CAROL)
    await rooms.join(witness, ROOM, "witness")
    await enter(alice, "alice")
    await enter(bob, "bob")
    await alice.omemo_trust(BOB, bob.fingerprint)
    await bob.omemo_trust(ALICE, alice.fingerprint)
    for p in (alice, bob):
        await p.omemo_trust(CAROL, await carol.fingerprint())
        await carol.trust(p.jid, p.fingerprint)

    alice.type(SHED)
    await bob.wait(f"alice: {SHED}")
    await carol.heard(SHED, ALICE, via=f"{ROOM}/alice")
    bob.type(LANTERN)
    await alice.wait(f"bob: {LANTERN}")
    await carol.heard(LANTERN, BOB, via=f"{ROOM}/bob")
    await carol.say(ROOM, ROPE, room_of=[ALICE, BOB])
    for p in (alice, bob):
        await p.wait(f"owner: {ROPE}")

    rooms.say(carol, ROOM, f"<body>{SHED}</body>", ident="clear")
    await carol.wait("message", id="clear", error="policy-violation")
    await assert_encrypted(server, [witness], {ROOM: 3})
    kept = payloads(witness, from_bare=ROOM)
    # The search finds what is there: the room keeps its history.
    await until(lambda: all(files_with(k, server.data_dir) for k in kept), "the room's history")


# --- gajim ----------------------------------------------------------------------------------------

@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.skipif(NO_GAJIM is not None, reason=str(NO_GAJIM))
async def test_gajim_with_slixmpp(server, driver, client, folder):
    """It learns of bob's keys by what PEP pushes to a contact, and trusts the first it sees."""
    bob = await driver(BOB, blind=True)
    before = await client(ALICE)
    await befriend(before, bob)
    await before.close()
    witnesses = await witnesses_of(client, ALICE, BOB)
    g = gajim.Gajim(folder, ALICE, server.accounts[ALICE], [BOB])
    try:
        await g.start().wait_online()
        await g.wait_session(BOB)
        g.say(BOB, SHED)
        assert (await bob.heard(SHED, ALICE)).device in (await bob.fingerprints(ALICE)).values()
        await bob.say(ALICE, LANTERN)
        await g.heard(BOB, LANTERN)
        await until(lambda: g.history() == [(SHED, "OMEMO"), (LANTERN, "OMEMO")],
                    lambda: f"both in gajim's history: {g.history()}")
    finally:
        g.close()
    await assert_encrypted(server, witnesses, {ALICE: 1, BOB: 1})
