# SPDX-License-Identifier: MIT
"""What a component has sent and the router still works on: it does not count as handled before that is
over, and over a resumption it is neither lost nor done twice."""

import pytest

from lib.disk import no_commits
from lib.faults import login
from lib.link import connect, enabled
from lib.privileged import section
from lib.wait import until

GATE, SECRET, ALICE = "gate.localhost", "s3cret", "alice@localhost"
SET = (f"<iq type='set' id='set' from='{GATE}' to='{ALICE}'><query xmlns='jabber:iq:roster'>"
       f"<item jid='carol@localhost' name='C'/></query></iq>")
BEHIND = f"<message id='behind' from='{GATE}' to='{ALICE}/a'><x xmlns='urn:x'/></message>"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=(), conf_d=section("gate", "roster=both", e2e="exempt"))


@pytest.fixture
async def alice(stack, raw_client):
    return await login(stack, raw_client, "alice", "a")


async def test_counts_when_it_is_over(stack, raw_client, alice):
    """And the component hears of it without having asked again."""
    link = await enabled(raw_client, stack, GATE, SECRET)
    with no_commits(stack):
        await link.raw.send(SET + BEHIND)
        await alice.wait("message", id="behind")
        assert await link.handled() == 0
    await link.raw.wait("iq", type="result", id="set")
    await until(lambda: [a.get("h") for a in link.acks()] == ["0", "2"])


async def test_is_not_done_twice_after_a_resumption(stack, raw_client, alice):
    link = await enabled(raw_client, stack, GATE, SECRET)
    with no_commits(stack):
        await link.raw.send(SET + BEHIND)
        await alice.wait("message", id="behind")
        await link.cut()
        new = await connect(raw_client, stack, GATE, SECRET)
        assert (await new.resume(link.id, 0)).get("h") == "0"
        await new.raw.send(SET + BEHIND)
        assert await new.handled() == 0
    await new.raw.wait("iq", type="result", id="set")
    await until(lambda: new.acks()[-1].get("h") == "2")
    await new.message(f"{ALICE}/a", "next")
    await alice.wait("message", id="next")
    assert await new.handled() == 3
    assert [len(alice.inbox.find("message", id=i)) for i in ("behind", "next")] == [1, 1]
    assert len(new.raw.inbox.find("iq", type="result", id="set")) == 1
