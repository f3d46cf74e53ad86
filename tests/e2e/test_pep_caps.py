# SPDX-License-Identifier: MIT
"""Entity capabilities (XEP-0115) as pubsub reads them: asked for once, believed only when proven,
bounded."""

import asyncio
import base64
import hashlib
import os
import sqlite3
from xml.sax.saxutils import quoteattr

import pytest

from lib import xml
from lib.pep import CAPS, NODE, Pep, befriend, caps_ver, ok, payload
from lib.pep_people import ids, settled
from lib.wait import until

MOOD, TUNE = "urn:example:mood", "urn:example:tune"
ALICE, BOB = "alice@localhost", "bob@localhost"


async def publish(who, node=MOOD, id="1", **how):
    ok(await who.publish(node, payload(id), id=id, **how))


class Silent(Pep):
    """Whoever asks for its capabilities waits in vain, unless the test answers."""

    async def _answer(self):
        pass

    def questions(self):
        return self.raw.inbox.find("iq", type="get", has=f"{{{xml.DISCO_INFO}}}query")

    async def question(self, n=1):
        await until(lambda: len(self.questions()) >= n,
                    lambda: f"{self.jid} is asked {n} times\n{self.raw.inbox.text()}")
        return self.questions()[n - 1]

    async def answer(self, iq, inner=None, kind="result"):
        await self.raw.send(f"<iq type='{kind}' id={quoteattr(iq.get('id'))} "
                            f"to={quoteattr(iq.get('from'))}>"
                            f"{self.info(iq) if inner is None else inner}</iq>")


class Liar(Pep):
    """Says the hash of `claims`, and answers with something else."""

    def __init__(self, raw, wants=(), claims=()):
        super().__init__(raw, wants, caps_ver([xml.DISCO_INFO, *(f"{w}+notify" for w in claims)]))


@pytest.fixture
def special(person):
    """await special(Silent, "bob", wants=...): as person, of another kind; not come: without
    capabilities."""
    async def make(kind, user, come=True, **how):
        one = await person(user, come=come, kind=kind, **how)
        if not come:
            await one.raw.send("<presence/>")
            await one.raw.sync()
        return one
    return make


async def announce(who, **attrs):
    named = "".join(f" {k}={quoteattr(v)}" for k, v in attrs.items())
    await who.raw.send(f"<presence><c xmlns='{CAPS}'{named}/></presence>")


# --- asked once -----------------------------------------------------------------------------------

async def test_asked_once_for_a_hash(person):
    """Whoever has it: another account, the next login."""
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await settled(bob, asked=1)
    await befriend(alice, bob)
    carol = await person("carol", wants=(MOOD,))
    await befriend(alice, carol)
    again = await person("bob", wants=(MOOD,), resource="b")
    await settled(again)
    await publish(alice)
    for who in (bob, carol, again):
        await who.raw.sync()
        assert ids(who) == ["1"]
    await bob.raw.close()
    await again.raw.close()
    third = await person("bob", wants=(MOOD,))
    await third.event(MOOD)
    assert [w.asked for w in (bob, carol, again, third)] == [1, 0, 0, 0]


async def test_asked_once_by_many_at_the_same_time(person):
    alice = await person("alice")
    await publish(alice, access_model="open")
    crowd = [await person("bob", wants=(MOOD,), resource=f"r{n}", come=False) for n in range(8)]
    await crowd[0].raw.send("<presence/>")
    await befriend(alice, crowd[0])
    await asyncio.gather(*(c.come() for c in crowd))
    for c in crowd:
        await c.event(MOOD)
    assert sum(c.asked for c in crowd) == 1


async def test_question_has_the_form_that_it_must(person):
    """XEP-0115 6.2: to the full JID, with node#ver."""
    bob = await person("bob", wants=(MOOD,))
    await settled(bob, asked=1)
    iq = bob.raw.inbox.find("iq", type="get", has=f"{{{xml.DISCO_INFO}}}query")[0]
    assert iq.find("{*}query").get("node") == f"{NODE}#{bob.ver}"
    assert iq.get("to") == bob.jid


async def test_known_over_a_kill_of_the_component(person, pep_stack):
    alice, bob = await person("alice"), await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await settled(bob, asked=1)
    await publish(alice)
    pep_stack.components["pubsub"].kill9()
    pep_stack.components["pubsub"].start()
    pep_stack.ready("pubsub")
    await publish(alice, id="2")
    await bob.raw.sync()
    assert ids(bob) == ["1", "2"]
    again = await person("bob", wants=(MOOD,), resource="b")
    await again.event(MOOD)
    assert (bob.asked, again.asked) == (1, 0)


async def test_question_that_was_under_way_at_a_kill(person, pep_stack, special):
    """Who was being asked is asked again."""
    alice = await person("alice")
    await publish(alice, access_model="open")
    bob = await special(Silent, "bob", wants=(MOOD,))
    await bob.question()
    pep_stack.components["pubsub"].kill9()
    pep_stack.components["pubsub"].start()
    pep_stack.ready("pubsub")
    await bob.answer(await bob.question(2))
    await befriend(alice, bob)
    await bob.event(MOOD)


async def test_presence_and_killed_at_once(person, pep_stack):
    """The presence is not lost with the process."""
    alice = await person("alice")
    await publish(alice)
    bob = await person("bob", wants=(MOOD,), come=False)
    await bob.raw.send("<presence/>")
    await befriend(alice, bob)
    pep_stack.components["pubsub"].kill9()
    await bob.come()
    pep_stack.components["pubsub"].start()
    pep_stack.ready("pubsub")
    await bob.event(MOOD)


# --- lies -----------------------------------------------------------------------------------------

async def test_liar_comes_first(person, special):
    """It gets nothing, now and later; the honest one does."""
    alice = await person("alice")
    liar = await special(Liar, "mallory", wants=(TUNE,), claims=(MOOD,))
    await settled(liar, asked=1)
    await befriend(alice, liar)
    honest = await person("bob", wants=(MOOD,))
    await settled(honest, asked=1)
    await befriend(alice, honest)
    for node in (MOOD, TUNE):
        await publish(alice, node)
    for who, want in ((honest, ["1"]), (liar, [])):
        await who.raw.sync()
        assert ids(who) == want, who.jid


async def test_liar_comes_second(person, special):
    """What is proven stays; nobody asks the liar."""
    alice, honest = await person("alice"), await person("bob", wants=(MOOD,))
    await settled(honest, asked=1)
    await befriend(alice, honest)
    liar = await special(Liar, "mallory", wants=(TUNE,), claims=(MOOD,))
    await befriend(alice, liar)
    for node in (MOOD, TUNE):
        await publish(alice, node)
    await honest.raw.sync()
    await liar.raw.sync()
    assert (ids(honest, MOOD), ids(honest, TUNE)) == (["1"], [])
    assert ids(liar, TUNE) == [] and liar.asked == 0


async def test_many_liars_at_once_and_one_who_is_not(person, special):
    alice = await person("alice")
    await publish(alice, access_model="open")
    liars = [await special(Liar, "mallory", resource=f"r{n}", wants=(TUNE,), claims=(MOOD,))
             for n in range(6)]
    honest = await person("bob", wants=(MOOD,))
    await befriend(alice, honest)
    await honest.event(MOOD)
    assert all(liar.asked <= 1 for liar in liars)


async def test_peer_that_answers_in_the_place_of_another(person, special):
    """With the id of the question, which it must not know but might guess."""
    alice = await person("alice")
    await publish(alice, access_model="open")
    bob = await special(Silent, "bob", wants=(MOOD,))
    iq = await bob.question()
    for resource in ("b", None):
        mallory = await special(Silent, "bob" if resource else "mallory", resource="m",
                                wants=(TUNE,), come=False)
        await mallory.answer(iq)
        await settled(mallory)
    await bob.answer(iq)
    await befriend(alice, bob)
    await bob.event(MOOD)


async def test_wrong_then_right(person, special):
    """A client that mended itself: the same hash again, with the answer that belongs to it."""
    alice = await person("alice")
    await publish(alice, access_model="open")
    bob = await special(Silent, "bob", wants=(MOOD,))
    await befriend(alice, bob)
    await bob.answer(await bob.question(), f"<query xmlns='{xml.DISCO_INFO}'/>")
    await settled(bob)
    await bob.raw.send("<presence/>")
    await bob.come()
    await bob.answer(await bob.question(2))
    await bob.event(MOOD)


# --- no answer ------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["error", "empty", "nothing", "gone"])
async def test_next_one_is_asked(how, person, special, clock):
    """Of several with one hash the first does not help."""
    alice = await person("alice")
    await publish(alice, access_model="open")
    mute = await special(Silent, "mallory", wants=(MOOD,))
    iq = await mute.question()
    bob = await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await settled(bob)
    assert bob.asked == 0
    if how == "error":
        await mute.answer(iq, "<error type='cancel'><service-unavailable "
                              f"xmlns='{xml.STANZA_ERRORS}'/></error>", "error")
    elif how == "empty":
        await mute.answer(iq, "")
    elif how == "gone":
        await mute.raw.drop(reset=True)
    else:  # in steps: not every program sees them at the same time
        clock.advance(28)
        await settled(bob)
        clock.advance(3)
    await bob.event(MOOD)
    assert bob.asked == 1


async def test_late_answer_of_a_slow_client(person, special, clock):
    """Another one of its kind has proven it meanwhile: it is served, too."""
    alice = await person("alice")
    await publish(alice, access_model="open")
    slow = await special(Silent, "carol", wants=(MOOD,))
    await befriend(alice, slow)
    iq = await slow.question()
    clock.advance(31)
    bob = await person("bob", wants=(MOOD,))
    await befriend(alice, bob)
    await bob.event(MOOD)
    await slow.answer(iq)
    await slow.event(MOOD)


async def test_gone_for_good_before_it_answers(person, special):
    alice = await person("alice")
    bob = await special(Silent, "bob", wants=(MOOD,))
    await bob.question()
    await bob.raw.send("<presence type='unavailable'/>")
    await bob.raw.sync()
    await bob.answer(bob.questions()[0])
    await settled(bob)
    await publish(alice)
    await bob.raw.send("<presence/>")
    await befriend(alice, bob)
    await settled(bob)
    assert not bob.events() and len(bob.questions()) == 1
    again = await person("bob", wants=(MOOD,), resource="b")
    await again.event(MOOD)


# --- what is said ---------------------------------------------------------------------------------

async def test_legacy_capabilities_without_hash(person, special):
    """XEP-0115 before 1.4: nobody can prove it, so nobody is asked."""
    alice = await person("alice")
    bob = await special(Silent, "bob", wants=(MOOD,), come=False)
    await announce(bob, node=NODE, ver="0.9", ext="mood-notify")
    await befriend(alice, bob)
    await publish(alice)
    await settled(bob)
    assert not bob.questions() and not bob.events()


@pytest.mark.parametrize("attrs", [
    {"hash": "md5", "node": NODE, "ver": "x"}, {"hash": "sha-1", "node": NODE},
    {"hash": "sha-1", "ver": "x"}, {"hash": "", "node": NODE, "ver": "x"},
    {"hash": "sha-1", "node": NODE, "ver": ""}, {"hash": "sha-1", "node": NODE, "ver": "a b"},
    {"hash": "sha-1 x", "node": NODE, "ver": "x"},
    {"hash": "sha-1", "node": "n" * 3000, "ver": "x"},
    {"hash": "sha-1", "node": NODE, "ver": "v" * 3000}, {"hash": "SHA-1", "node": NODE, "ver": "x"},
    {}], ids=lambda a: "-".join(f"{k}{len(v)}" for k, v in a.items()) or "none")
async def test_capabilities_that_say_nothing(attrs, person, special):
    alice, bob = await person("alice"), await special(Silent, "bob", wants=(MOOD,), come=False)
    await announce(bob, **attrs)
    await settled(bob)
    for iq in bob.questions():
        await bob.answer(iq)
    await befriend(alice, bob)
    await publish(alice)
    await settled(bob)
    assert not bob.events()
    bob.ver = caps_ver(bob.features)
    await bob.come()
    await bob.answer(await bob.question(len(bob.questions()) + 1))
    await bob.event(MOOD)


@pytest.mark.parametrize("name", ["sha-256", "sha-512"])
async def test_other_hashes(name, person, special):
    alice, bob = await person("alice"), await special(Silent, "bob", wants=(MOOD,), come=False)
    await befriend(alice, bob)
    await publish(alice)
    text = "client/pc//tests<" + "".join(f + "<" for f in sorted(bob.features))
    ver = base64.b64encode(hashlib.new(name.replace("-", ""), text.encode()).digest()).decode()
    await announce(bob, hash=name, node=NODE, ver=ver)
    await bob.answer(await bob.question())
    await bob.event(MOOD)


async def test_hash_of_another_algorithm(person, special):
    """The right digest under the wrong name proves nothing."""
    alice, bob = await person("alice"), await special(Silent, "bob", wants=(MOOD,), come=False)
    await befriend(alice, bob)
    await publish(alice)
    await announce(bob, hash="sha-256", node=NODE, ver=caps_ver(bob.features))
    await bob.answer(await bob.question())
    await settled(bob)
    assert not bob.events()


# --- much of it -----------------------------------------------------------------------------------

async def test_answer_of_64_kib(person, special):
    """A name as long as the answer; what else it wants still counts."""
    alice = await person("alice")
    await publish(alice, access_model="open")
    bob = await special(Silent, "bob", come=False)
    bob.features = [xml.DISCO_INFO, MOOD + "+notify",
                    *(f"urn:{n}:" + "x" * 660 for n in range(100))]
    bob.ver = caps_ver(bob.features)
    assert len("".join(bob.features)) > 64 * 1024
    await befriend(alice, bob)
    await bob.come()
    await bob.answer(await bob.question())
    await bob.event(MOOD)


async def test_answer_with_1000_features_and_one_with_a_thousand_wishes(person, special):
    """Beyond the bounds it is no answer; the component is as well as before."""
    alice = await person("alice")
    await publish(alice, access_model="open")
    bob = await special(Silent, "bob", come=False)
    await befriend(alice, bob)
    for n, features in enumerate((
            [MOOD + "+notify", *(f"urn:example:{n}" for n in range(1000))],
            [f"urn:example:{n}+notify" for n in range(1000)])):
        bob.features = features
        bob.ver = caps_ver(features)
        await bob.come()
        await bob.answer(await bob.question(n + 1))
        await settled(bob)
        assert not bob.events()
    carol = await person("carol", wants=(MOOD,))
    await befriend(alice, carol)
    await carol.event(MOOD)


async def test_many_hashes_of_one_session(person, pep_stack, special):
    """Each is asked for; none is kept that is not proven; nothing grows without bound."""
    alice, bob = await person("alice"), await special(Silent, "bob", come=False)
    await publish(alice, access_model="open")
    await befriend(alice, bob)
    for n in range(300):
        await announce(bob, hash="sha-1", node=NODE, ver=f"none-{n}")
    await settled(bob)
    assert 0 < len(bob.questions()) <= 300
    for iq in bob.questions():
        await bob.answer(iq)
    bob.features = [xml.DISCO_INFO, MOOD + "+notify"]
    bob.ver = caps_ver(bob.features)
    asked = len(bob.questions())
    await bob.come()
    await bob.answer(await bob.question(asked + 1))
    await bob.event(MOOD)
    await settled(bob)
    with sqlite3.connect(os.path.join(pep_stack.data_dir, "pubsub.db")) as db:
        keys = [k for (k,) in db.execute("SELECT key FROM caps")]
        sessions = dict(db.execute("SELECT jid, caps FROM session"))
    assert not [k for k in keys if "none-" in k]
    assert set(sessions) == {alice.jid, bob.jid}
    assert bob.ver in sessions[bob.jid]
