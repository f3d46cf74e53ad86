# SPDX-License-Identifier: MIT
"""What components with privileges say and hear (XEP-0356)."""

import itertools
import os
from xml.sax.saxutils import quoteattr

from .process import Process
from .stack import programs

PRIVILEGE_1, PRIVILEGE_2 = "urn:xmpp:privilege:1", "urn:xmpp:privilege:2"
EXTRA = "urn:switchyard:presence-extra:1"
FORWARD = "urn:xmpp:forward:0"
TEST = "urn:switchyard:test:privileged"
_ids = itertools.count(1)


def section(name, *grants, secret="s3cret", **settings):
    """A component's section with these privileges."""
    rows = "".join(f"  {k} = {v}\n" for k, v in settings.items())
    listed = ", ".join(f'"{g}"' for g in grants)
    return (f'component {name} {{\n  secret = "{secret}"\n  privilege = {{{listed}}}\n{rows}}}\n')


def wrap_message(sender, to, content, version=2, outer="w1", inner="m1", host="localhost",
                 domain="gate.localhost"):
    return (f"<message from='{domain}' to='{host}' id='{outer}'>"
            f"<privilege xmlns='urn:xmpp:privilege:{version}'><forwarded xmlns='{FORWARD}'>"
            f"<message xmlns='jabber:client' from='{sender}' to='{to}' type='chat' id='{inner}'>"
            f"{content}</message></forwarded></privilege></message>")


async def ask(component, kind, payload, to, domain="gate.localhost"):
    """An iq of a raw component; its answer."""
    ident = f"c{next(_ids)}"
    await component.send(f"<iq type='{kind}' id='{ident}' from='{domain}' to={quoteattr(to)}>"
                         f"{payload}</iq>")
    return await component.wait(
        lambda e: e.tag.endswith("}iq") and e.get("type") in ("result", "error"), id=ident)


async def ask_as(component, kind, payload, account, to=None, **how):
    """The same in an account's name, wrapped; the outer answer."""
    address = f" to={quoteattr(to)}" if to else ""
    return await ask(component, kind, f"<privileged_iq xmlns='{PRIVILEGE_2}'><iq xmlns='jabber:client'"
                     f" type='{kind}' id='inner'{address}>{payload}</iq></privileged_iq>",
                     account, **how)


def unwrapped(answer):
    """The inner iq of an answer to ask_as()."""
    return answer.find(f"{{{PRIVILEGE_2}}}privilege/{{{FORWARD}}}forwarded/{{jabber:client}}iq")


async def settled(component, domain="gate.localhost"):
    """All that the router had for the component has come: it pings itself."""
    await ask(component, "get", "<ping xmlns='urn:xmpp:ping'/>", "localhost", domain)


def program(folder, domain, secret, port, **env):
    """tests/components/privileged.c, not started."""
    env = {"COMPONENT_DOMAIN": domain, "COMPONENT_SECRET": secret, "ROUTER_HOST": "127.0.0.1",
           "ROUTER_PORT": str(port), "DATA_DIR": folder, "LOG_LEVEL": "debug",
           "HEALTH_LISTEN": os.path.join(folder, "privileged.health"), **env}
    return Process("privileged", [programs()["privileged"][0]], env,
                   os.path.join(folder, "privileged.log"))
