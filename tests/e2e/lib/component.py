# SPDX-License-Identifier: MIT
"""A component of bytes: a RawClient on the component port, and the handshake of XEP-0114."""

import hashlib

from . import xml
from .wait import until


async def connect(raw_client, stack, domain, **how):
    """A RawClient that has sent its header and has the router's."""
    c = await raw_client(port=stack.port("COMPONENT_PORT"), domain=domain,
                         namespace=xml.COMPONENT, **how)
    await c.send_header()
    await until(lambda: c.header is not None or c.closed, f"{domain}: the router's header")
    return c


async def handshake(c, secret, ident=None):
    """Says that we know the secret, for the id of this stream or another; the answer is
    <handshake/> or an error."""
    digest = hashlib.sha1(((ident or c.header["id"]) + secret).encode()).hexdigest()
    await c.send(f"<handshake>{digest}</handshake>")


async def attach(raw_client, stack, domain, secret, **how):
    """A connected component."""
    c = await connect(raw_client, stack, domain, **how)
    await handshake(c, secret)
    await c.wait("handshake")
    return c
