# SPDX-License-Identifier: MIT
"""Components that leave the configuration, come back, or outlive nothing, while all that can be
under way with them is: no sanitizer may have a word on it, and everybody is answered."""

import pytest

from lib.faults import login
from lib.link import enabled, in_state
from lib.payloads import ENCRYPTED
from lib.privileged import PRIVILEGE_2, section, wrap_message
from lib.wait import until

GATE, OTHER = "gate.localhost", "other.localhost"
SECRET = "s3cret"
ALICE = "alice@localhost"
MINE, TWO = "urn:example:pep", "urn:example:two"
OMEMO = ENCRYPTED["OMEMO 0.3"]
SECTIONS = {
    "gate": section("gate", "roster=both", "message=outgoing", "presence=roster", f"iq:{MINE}=both",
                    e2e="exempt"),
    "other": section("other", "roster=get", "presence=roster", delegate=f'{{"{MINE}", "{TWO}"}}',
                     tap='{"accounts"}'),
}


def iq(ident, kind="get", payload=f"<q xmlns='{MINE}'/>", **addresses):
    at = "".join(f" {k.strip('_')}='{v}'" for k, v in addresses.items())
    return f"<iq type='{kind}' id='{ident}'{at}>{payload}</iq>"


def in_name(ident, to, kind):
    inner = (f"<iq xmlns='jabber:client' type='{kind}' id='inner' to='{to}'>"
             f"<q xmlns='{MINE}'/></iq>")
    return iq(ident, kind, f"<privileged_iq xmlns='{PRIVILEGE_2}'>{inner}</privileged_iq>",
              from_=GATE, to=ALICE)


def all_of_gate(bob):
    """Its own questions, others' in whose name it may speak, messages, to everybody and itself."""
    everybody = (f"x@{GATE}", f"x@{OTHER}", ALICE, bob, "localhost", GATE, OTHER, "bob@localhost")
    told = "".join(f"<to jid='{jid}'/>" for jid in (bob, OTHER, GATE, ALICE, f"q@{OTHER}/z"))
    return ("".join(in_name(f"{kind}{i}", to, kind) for kind in ("get", "set")
                    for i, to in enumerate(everybody))
            + "".join(iq(f"z{i}", from_=f"a@{GATE}", to=to)
                      for i, to in enumerate(("localhost", f"b@{OTHER}", f"b@{GATE}")))
            + wrap_message(ALICE, f"x@{GATE}", OMEMO, outer="w1")
            + wrap_message(ALICE, f"x@{OTHER}", OMEMO, outer="w2")
            + f"<message from='{GATE}' to='localhost' id='f'><fanout xmlns='urn:switchyard:fanout:1'>"
              f"<message xmlns='jabber:client' from='room@{GATE}/x' type='groupchat'><body>x</body>"
              f"</message>{told}</fanout></message>")


ALICES = ("<presence/>" + "".join(f"<presence to='r@{d}/n'/>" for d in (GATE, OTHER))
          + iq("d1", "set", to=ALICE) + iq("d2", payload=f"<q xmlns='{TWO}'/>")
          + iq("d3", "set", to=f"x@{GATE}") + iq("d4", "set", to=f"x@{OTHER}")
          + f"<message to='x@{GATE}' id='m'><x xmlns='urn:x'/></message>")


@pytest.mark.parametrize("lost", [False, True], ids=["online", "in_grace"])
@pytest.mark.parametrize("stay", ["", "gate", "other", "all"])
async def test_with_everything_under_way(make_stack, raw_client, stay, lost):
    stack = make_stack(components=(), conf_d="".join(SECTIONS.values()),
                       env={"LIMIT_SESSION_RATE": "0"})
    alice, bob = [await login(stack, raw_client, u) for u in ("alice", "bob")]
    links = [await enabled(raw_client, stack, d, SECRET) for d in (GATE, OTHER)]
    await alice.send(ALICES)
    await alice.sync()
    await links[0].raw.send(all_of_gate(bob.jid))
    for link in links:
        await link.handled()
    if lost:
        for link in links:
            await link.cut()
            await in_state(stack, link.domain, "grace")
        await alice.send(iq("e1", to=f"x@{GATE}") + iq("e2", to=f"x@{OTHER}") + iq("e3")
                         + "<presence type='unavailable'/>")
        await alice.sync()
    if stay == "all":
        return  # and the router ends with it
    with open(f"{stack.conf_dir}/10-test.conf", "w", encoding="utf-8") as f:
        f.write(SECTIONS.get(stay, ""))
    stack.ctl("reload")
    for gone, ident in (("gate", "d3"), ("other", "d4"), ("other", "d1"), ("other", "d2")):
        if gone != stay:
            await alice.wait("iq", id=ident, type="error")
    await bob.drop(reset=True)
    await alice.sync()
    with open(f"{stack.conf_dir}/10-test.conf", "w", encoding="utf-8") as f:
        f.write("".join(SECTIONS.values()))
    stack.ctl("reload")
    for link in links:
        if stay not in link.domain or not stay:
            again = await enabled(raw_client, stack, link.domain, SECRET)
            await alice.send(f"<message to='x@{link.domain}' id='again'><x xmlns='urn:x'/></message>")
            await until(lambda: "again" in again.ids(), link.domain)
