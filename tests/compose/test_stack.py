# SPDX-License-Identifier: MIT
"""The stack as compose.yaml has it: clients come through its published ports, and its containers may
do no more than they have to."""

import json
import os
import re
import signal
import time

import pytest

import engine
from lib import xml
from lib.payloads import ENCRYPTED

pytestmark = pytest.mark.engine

MUC = "http://jabber.org/protocol/muc"
PSS_MAX_KIB = 64 * 1024
IMAGE_MAX = 16_000_000  # bytes on top of the base
SERVICES = ("router", "muc", "pubsub", "archive")


async def chat(stack, client):
    """Login, a room, and what is said there and kept."""
    alice, bob = await client(stack, "alice"), await client(stack, "bob", direct_tls=True)
    room = f"tea@conference.{stack.first_domain}"
    for who, nick in ((alice, "a"), (bob, "b")):
        who.send_raw(f"<presence to='{room}/{nick}'><x xmlns='{MUC}'/></presence>")
        await who.wait("presence", from_=f"{room}/{nick}", type=None)
        if who is alice:
            answer = await alice.request(
                "set", "<query xmlns='http://jabber.org/protocol/muc#owner'>"
                       "<x xmlns='jabber:x:data' type='submit'/></query>", to=room)
            assert answer.get("type") == "result", xml.show(answer)
    bob.send_raw(f"<message type='groupchat' to='{room}' id='one'>{ENCRYPTED['OMEMO 0.3']}"
                 "</message>")
    await alice.wait("message", from_=f"{room}/b", id="one")
    alice.send_raw(f"<message type='chat' to='{bob.bare}' id='two'>{ENCRYPTED['OMEMO 0.3']}"
                   "</message>")
    await bob.wait("message", from_=alice.full, id="two")
    kept = await bob.request("set", "<query xmlns='urn:xmpp:mam:2' queryid='q'/>")
    assert kept.get("type") == "result", xml.show(kept)
    await bob.wait("message", has="{urn:xmpp:mam:2}result")
    stored = await alice.request(
        "set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:test'>"
               "<item id='x'><t xmlns='urn:test'/></item></publish></pubsub>")
    assert stored.get("type") == "result", xml.show(stored)


async def test_people_talk(stack, client):
    await chat(stack, client)


def test_what_containers_may(stack):
    containers = stack.inspect()
    assert {c["Config"]["Labels"]["com.docker.compose.service"] for c in containers} == {
        "init", *SERVICES}
    for c in containers:
        host = c["HostConfig"]
        assert host["ReadonlyRootfs"], c["Name"]
        assert host["CapDrop"] == ["ALL"] and not host["CapAdd"], c["Name"]
        assert "no-new-privileges:true" in host["SecurityOpt"], c["Name"]
        assert host["Memory"] > 0 and host["PidsLimit"] > 0, c["Name"]
        assert c["Config"]["User"] == "999:999", c["Name"]
        if c["State"]["Running"]:
            status = open(f"/proc/{c['State']['Pid']}/status", encoding="ascii").read()
            assert re.search(r"^Uid:\s+999\s+999\s+999\s+999$", status, re.M), c["Name"]
            assert re.search(r"^CapEff:\s+0+$", status, re.M), c["Name"]
            assert re.search(r"^CapBnd:\s+0+$", status, re.M), c["Name"]


def test_what_is_published(stack):
    published = {p: bound for c in stack.inspect()
                 for p, bound in c["NetworkSettings"]["Ports"].items() if bound}
    assert set(published) == {"5222/tcp", "5223/tcp"}
    networks = {c["Config"]["Labels"]["com.docker.compose.service"]:
                set(c["NetworkSettings"]["Networks"]) for c in stack.inspect()}
    inner = f"{stack.name}_components"
    assert all(networks[s] == {inner} for s in ("muc", "pubsub", "archive"))
    assert json.loads(engine.docker("network", "inspect", inner))[0]["Internal"]


def test_secrets_are_each_components_own(stack):
    """A component sees its secret and no other's; only the router has all of them."""
    seen = {}
    for name in ("muc", "pubsub", "archive"):
        assert stack.exec(name, "ls", "/etc/switchyard/link").stdout.split() == ["ca.pem", "secret"]
        seen[name] = stack.exec(name, "cat", "/etc/switchyard/link/secret").stdout.strip()
        at_router = stack.exec("router", "cat", f"/etc/switchyard/links/secrets/{name}").stdout
        assert at_router.strip() == seen[name] and len(seen[name]) == 64
    assert len(set(seen.values())) == 3
    log = "".join(stack.log(s) for s in ("init", *SERVICES))
    assert not any(s in log for s in seen.values())
    keys = stack.exec("router", "find", "/etc/switchyard/links", "-name", "*.key").stdout.split()
    assert keys == ["/etc/switchyard/links/dev/ca/ca.key"]  # none of the links' CA


def test_links_are_encrypted(stack):
    for name in ("muc", "pubsub", "archive"):
        assert "TLSv1.3, with a certificate for example.org" in stack.log(name)
    refused = engine.run(["docker", "exec", stack.ids("muc")[0], "bash", "-c",
                          "exec 3<>/dev/tcp/router/5347"], check=False)
    assert refused.returncode != 0, "the port in the clear is open"


def test_what_the_health_check_says(stack):
    for name in SERVICES:
        said = stack.exec(name, f"/usr/local/bin/switchyard-{name}", "--health").stdout.splitlines()
        assert "database: ok" in said
        assert ("certificate: ok" if name == "router" else "link: ok") in said


def test_memory_of_the_stack(stack):
    """Without sessions, page cache shared with others counted in part."""
    pss = {}
    for name in SERVICES:
        with open(f"/proc/{stack.pid(name)}/smaps_rollup", encoding="ascii") as f:
            pss[name] = int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M)[1])
    print(f"PSS in KiB: {pss}, {sum(pss.values())} in all")
    assert sum(pss.values()) < PSS_MAX_KIB, pss


def size(image):
    return int(engine.docker("image", "inspect", "-f", "{{.Size}}", image))


@pytest.mark.timeout(900)
def test_the_other_builder(images):
    engine.build("muc", "classic", kit=False)
    assert abs(size(engine.image("muc", "classic")) - size(engine.image("muc"))) < 100_000


def test_images(images):
    for name in engine.PROGRAMS:
        config = json.loads(engine.docker("image", "inspect", engine.image(name)))[0]["Config"]
        assert size(engine.image(name)) - size(engine.BASE) < IMAGE_MAX, name
        assert config["User"] == "999:999", name
        labels = config["Labels"]
        for key in ("title", "description", "licenses", "version", "revision"):
            assert labels[f"org.opencontainers.image.{key}"], f"{name}: {key}"
        if name != "init":
            assert config["Healthcheck"]["Test"] == [
                "CMD", f"/usr/local/bin/switchyard-{name}", "--health"]
            assert config["Entrypoint"] == [f"/usr/local/bin/switchyard-{name}"]
        own = engine.docker("run", "--rm", "--network=none", "--entrypoint", "ls",
                            engine.image(name), "/usr/local/bin").split()
        assert own == {"init": ["switchyard-init"],
                       "router": ["switchyard-router", "switchyardctl"]}.get(
                           name, [f"switchyard-{name}"])
        left = engine.docker("run", "--rm", "--network=none", "--entrypoint", "sh",
                             engine.image(name), "-c",
                             "command -v gcc meson; ls /var/lib/apt/lists /tmp;"
                             "dpkg-query -W -f '${db:Status-Status} ${Package}\n'")
        assert not re.search(r"gcc$|meson$|^packages|_dists_|^installed \S+-dev$", left, re.M), left


@pytest.mark.parametrize("compose", range(2), ids=["v2", "1.29"])
async def test_any_uid_and_both_composes(make, client, compose):
    """Everything as a uid that no image knows."""
    if compose >= len(engine.composes()):
        pytest.skip("only one Compose here")
    stack = make(compose=engine.composes()[compose], SWITCHYARD_UID=12345, SWITCHYARD_GID=12345)
    stack.up()
    stack.fetch_ca()
    await chat(stack, client)
    for c in stack.inspect():
        assert c["Config"]["User"] == "12345:12345"
        if c["State"]["Running"]:
            status = open(f"/proc/{c['State']['Pid']}/status", encoding="ascii").read()
            assert re.search(r"^Uid:\s+12345\s", status, re.M), c["Name"]


def test_terminated_in_time(make):
    """Within the 5 s that a program may take, with status 0, and its last word."""
    stack = make()
    stack.up()
    for name in ("archive", "pubsub", "muc", "router"):
        began = time.monotonic()
        os.kill(stack.pid(name), signal.SIGTERM)
        stack.wait_log(name, r'msg="?stopped', timeout=6)
        assert time.monotonic() - began < 6
    stack.compose("stop")
    assert all(c["State"]["ExitCode"] == 0 for c in stack.inspect()), stack.tails()


def test_everything_stays(make):
    """`up` again makes nothing anew: secrets, certificates, accounts."""
    stack = make()
    stack.up()
    stack.add_account("alice")
    before = stack.exec("muc", "cat", "/etc/switchyard/link/secret").stdout
    stack.compose("down")
    stack.up()
    assert stack.exec("muc", "cat", "/etc/switchyard/link/secret").stdout == before
    assert "made a" not in stack.log("init") and "making" not in stack.log("init")
    assert [a["jid"] for a in stack.ctl("account", "list")] == ["alice@example.org"]


def test_another_domain(make):
    """The links' certificate follows the first domain."""
    stack = make()
    stack.up()
    stack.up(DOMAIN="example.net,example.org")
    assert "for the links to components, for example.net" in stack.log("init")
    for name in ("muc", "pubsub", "archive"):
        assert "with a certificate for example.net" in stack.log(name)
