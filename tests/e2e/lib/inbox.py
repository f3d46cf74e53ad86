# SPDX-License-Identifier: MIT
"""What a client has received, as ElementTree elements, to be waited for and looked through."""

from .wait import DEADLINE, until
from .xml import show


class Inbox:
    def __init__(self, owner):
        self._owner = owner
        self._stanzas = []
        self._taken = 0  # next() has returned those before

    def put(self, element):
        self._stanzas.append(element)

    def __iter__(self):
        return iter(list(self._stanzas))

    def __len__(self):
        return len(self._stanzas)

    def remove(self, element):
        self._stanzas.remove(element)

    def clear(self):
        self._stanzas.clear()
        self._taken = 0

    def find(self, *args, **want):
        """All that match, see matches()."""
        return [s for s in self._stanzas if matches(s, *args, **want)]

    async def wait(self, *args, timeout=DEADLINE, **want):
        """The first one that matches, whether it is there already or still comes."""
        found = await until(lambda: self.find(*args, **want),
                            lambda: f"{self._owner}: {args} {want}\n{self.text()}", timeout)
        return found[0]

    async def next(self, timeout=DEADLINE):
        """One after the other, in the order in which they came."""
        await until(lambda: len(self._stanzas) > self._taken,
                    lambda: f"{self._owner}: another stanza\n{self.text()}", timeout)
        self._taken += 1
        return self._stanzas[self._taken - 1]

    def text(self):
        return "received:\n" + "\n".join("  " + show(s) for s in self._stanzas[-20:])


def matches(stanza, what=None, **want):
    """
    what   a local name ("message"), "{namespace}name", or a function of the element
    want   attributes (from_ and id and so on; from_bare compares without the resource; None:
           absent), body (of a message), has ("{namespace}name" of a child), error (its condition)
    """
    if callable(what):
        if not what(stanza):
            return False
    elif what and stanza.tag != what and stanza.tag.rpartition("}")[2] != what:
        return False
    return all(_one(stanza, key, value) for key, value in want.items())


def _one(stanza, key, value):
    if key == "body":
        return value == next((c.text or "" for c in stanza if c.tag.endswith("}body")), None)
    if key == "has":
        return stanza.find(f".//{value}") is not None
    if key == "error":
        return error_condition(stanza) == value
    if key == "from_bare":
        return (stanza.get("from") or "").partition("/")[0] == value
    return stanza.get(key.rstrip("_")) == value


def error_condition(stanza):
    """The defined condition of a stanza error, None if there is no error."""
    for error in stanza:
        if error.tag.rpartition("}")[2] == "error":
            for child in error:
                if (child.tag.startswith("{urn:ietf:params:xml:ns:xmpp-stanzas}")
                        and not child.tag.endswith("}text")):
                    return child.tag.rpartition("}")[2]
    return None
