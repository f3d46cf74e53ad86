# SPDX-License-Identifier: MIT
"""A component's state over kills: what it was given counts once."""

import os

import pytest

from lib.disk import fill_disk
from lib.process import Process
from lib.wait import until

NS = "urn:switchyard:test:counter"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("counter",))


def send(client, stack, seq):
    client.send_raw(f"<message to='{stack.component_domain('counter')}' type='chat' id='n{seq}'>"
                    f"<n xmlns='{NS}' seq='{seq}'/></message>")


def answers(client):
    return [(n.get("seq"), n.get("count")) for m in client.inbox.find("message")
            for n in m.findall(f"{{{NS}}}n")]


async def test_the_count_goes_on_after_a_kill(stack, client):
    alice, counter = await client("alice"), stack.components["counter"]
    for seq in (1, 2, 3):
        send(alice, stack, seq)
    await until(lambda: len(answers(alice)) == 3, alice.inbox.text)
    counter.kill9()
    counter.start()
    stack.ready("counter")
    for seq in (4, 5):
        send(alice, stack, seq)
    await until(lambda: len(answers(alice)) == 5, alice.inbox.text)
    assert answers(alice) == [(str(n), str(n)) for n in range(1, 6)]


# --- what goes wrong with the database ------------------------------------------------------------

async def test_a_full_disk(make_stack, client, small_disk):
    """Nothing is answered that is not kept, nothing is counted twice, all goes on with room again."""
    disk = small_disk("4m")
    stack = make_stack(components=("counter",), env={"COUNTER_DATA_DIR": disk})
    alice, filler, seq = await client("alice"), fill_disk(disk), 0
    while stack.is_ready("counter"):
        assert seq < 5000
        seq += 1
        send(alice, stack, seq)
        await alice.sync()
    assert "database: No space left" in stack.why_not("counter")
    before = len(answers(alice))
    os.unlink(filler)
    await until(lambda: stack.is_ready("counter"), lambda: stack.why_not("counter"))
    await stack.components["counter"].wait_log("can be written again")
    seq += 1
    send(alice, stack, seq)
    await until(lambda: str(seq) in dict(answers(alice)), alice.inbox.text)
    got = answers(alice)
    assert len(got) > before
    assert [count for _, count in got] == [str(n) for n in range(1, len(got) + 1)]
    assert len(dict(got)) == len(got)


async def test_a_hung_process_that_was_replaced(stack, client, clock):
    """When it wakes it writes and answers nothing, and ends."""
    alice, first = await client("alice"), stack.components["counter"]
    send(alice, stack, 1)
    await until(lambda: len(answers(alice)) == 1, alice.inbox.text)
    first.hang()
    env = first.env | {"HEALTH_LISTEN": stack.health_socket("second")}
    stack.components["second"] = Process("second", first.argv, env, f"{first.log_file}.second")
    stack.components["second"].start()
    stack.ready("second")
    for seq in (2, 3):
        send(alice, stack, seq)
    await until(lambda: len(answers(alice)) == 3, alice.inbox.text)
    first.unhang()
    await first.wait_log("conflict")
    clock.advance(60)  # it waits before it would take the link back
    await until(lambda: not first.alive, first.tail)
    assert first.wait_exit() == 1
    assert "another process has opened" in first.tail()
    send(alice, stack, 4)
    await until(lambda: len(answers(alice)) == 4, alice.inbox.text)
    assert answers(alice) == [(str(n), str(n)) for n in range(1, 5)]
