# SPDX-License-Identifier: MIT
"""What a client may send must not end a component's link: on its way it grows, by addresses, by
references and by namespaces that are written out, and it still has to fit."""

import pytest

from lib.faults import closed_with, login

ECHO_NS = "urn:switchyard:echo:0"


@pytest.fixture
def stack(make_stack):
    return make_stack(components=("echo",), env={"LIMIT_SESSION_RATE": "0", "E2E_POLICY_CHAT": "none"})


def attributes(n, prefix=""):
    return "".join(f" {prefix}a{i}='1'" for i in range(n))


def nested(levels):
    return "<x xmlns='urn:example:deep'>" + "<x>" * (levels - 1) + "</x>" * levels


# What is read within the limits of a client, and is longer, wider or deeper on the link.
GROWING = {
    "attributes": (attributes(61), ""),
    "long-tag": (f" a='{'x' * 32000}'", ""),
    "quotes-in-tag": (f""" a='{'"' * 32000}'""", ""),
    "prefixed-attributes": (" xmlns:p='urn:p'", f"<y{attributes(60, 'p:')}/>"),
    "deep": ("", nested(63)),
    "children": ("", "<y xmlns='urn:y'/>" * 4095),
}
TOO_LONG = {
    "references": (" xmlns:p='urn:p'", f"<p:y><![CDATA[{'&' * (250 << 10)}]]></p:y>"),
    "quotes": (" xmlns:p='urn:p'", f"""<p:y a='{'"' * 30000}'/>""" * 8),
}


async def sent(c, bystander, attrs, content):
    """The first answer to such a message, after all others have gone their way."""
    await c.send(f"<message to='bot@echo.localhost' type='chat' id='m'{attrs}><body>x</body>"
                 f"{content}</message>")
    await c.sync()
    await bystander.iq("get", f"<echo xmlns='{ECHO_NS}'/>", to="echo.localhost")
    return await c.wait("message", id="m")


def link(stack):
    row = stack.ctl("component", "list")[0]
    return row["state"], row["since"]


@pytest.mark.parametrize("attrs, content", GROWING.values(), ids=GROWING)
async def test_it_comes_back(stack, raw_client, bystander, attrs, content):
    c = await login(stack, raw_client, "alice")
    before = link(stack)
    assert (await sent(c, bystander, attrs, content)).get("type") == "chat"
    assert link(stack) == before


@pytest.mark.parametrize("attrs, content", TOO_LONG.values(), ids=TOO_LONG)
async def test_it_is_refused(stack, raw_client, bystander, attrs, content):
    c = await login(stack, raw_client, "alice")
    before = link(stack)
    await sent(c, bystander, attrs, content)
    assert c.inbox.find("message", id="m", error="not-acceptable")
    assert link(stack) == before


async def test_namespaces_are_no_way_to_grow(stack, raw_client, bystander):
    """32 MB, were they written out for each element."""
    c = await login(stack, raw_client, "alice")
    before = link(stack)
    await c.send(f"<message to='bot@echo.localhost' xmlns:p='urn:{'p' * 900}'>"
                 + f"<y>{'<p:z/>' * 4000}</y>" * 9 + "</message>")
    await closed_with(c, "policy-violation")
    await bystander.iq("get", f"<echo xmlns='{ECHO_NS}'/>", to="echo.localhost")
    assert link(stack) == before
