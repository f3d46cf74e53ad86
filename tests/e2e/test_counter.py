# SPDX-License-Identifier: MIT
"""A component's state over kills: what it was given counts once."""

import pytest

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
