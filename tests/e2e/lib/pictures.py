# SPDX-License-Identifier: MIT
"""Pictures that are ones, of any size in bytes, and what avatars are made of."""

import base64
import hashlib
import struct
import zlib

DATA = "urn:xmpp:avatar:data"
META = "urn:xmpp:avatar:metadata"


def _chunk(name, data):
    return (struct.pack(">I", len(data)) + name + data
            + struct.pack(">I", zlib.crc32(name + data) & 0xFFFFFFFF))


def png(seed=0, side=32, size=None):
    """A grey square; with `size`, of that many bytes by a comment in it."""
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    tail = (_chunk(b"IDAT", zlib.compress((b"\0" + bytes([seed % 256]) * side) * side))
            + _chunk(b"IEND", b""))
    if size is None:
        return head + tail
    return head + _chunk(b"tEXt", b"Comment\0".ljust(size - len(head + tail) - 12, b"x")) + tail


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def b64(data):
    return base64.b64encode(data).decode()


def photo(data, kind="image/png"):
    """<PHOTO/> of a vcard-temp."""
    return f"<PHOTO><TYPE>{kind}</TYPE><BINVAL>{b64(data)}</BINVAL></PHOTO>"


def info(data, **more):
    """<info/> of the metadata."""
    named = "".join(f" {k}='{v}'" for k, v in more.items())
    return f"<info id='{sha1(data)}' type='image/png' bytes='{len(data)}'{named}/>"


async def publish_avatar(pep, data, **options):
    """As clients do it (XEP-0084 3): the data, then what tells of it.  The last answer."""
    answer = await pep.publish(DATA, f"<data xmlns='{DATA}'>{b64(data)}</data>", id=sha1(data),
                               **options)
    assert answer.get("type") == "result"
    return await pep.publish(META, f"<metadata xmlns='{META}'>{info(data, width=32, height=32)}"
                             "</metadata>", id=sha1(data), **options)


UPDATE = "vcard-temp:x:update"


def shown_hash(presence):
    """What a presence says of the avatar (XEP-0153): None: nothing; "": there is none."""
    x = presence.find(f"{{{UPDATE}}}x/{{{UPDATE}}}photo")
    return None if x is None else (x.text or "")


async def wait_hash(raw, of, expected):
    """Until the newest presence of that bare JID shows this hash."""
    def newest():
        found = raw.inbox.find("presence", from_bare=of, type=None)
        return found[-1] if found else None

    def shows(_):
        return newest() is not None and shown_hash(newest()) == expected
    await raw.wait(shows)
