# SPDX-License-Identifier: MIT
"""What a server has seen and kept: the words of an encrypted talk must be nowhere in it."""

import os
import re

from .xml import show

AXOLOTL = "{eu.siacs.conversations.axolotl}"


def files_with(words, folder):
    """Files below the folder that hold these words."""
    found = []
    for at, _, names in os.walk(folder):
        for path in filter(os.path.isfile, (os.path.join(at, n) for n in names)):
            with open(path, "rb") as f:
                if words.encode() in f.read():
                    found.append(path)
    return found


def assert_unseen(server, words, *witnesses):
    """Neither in what the programs said (they log at level debug), nor in what they keep, nor in
    what came to these clients, which got what the others got and have no keys."""
    for text in words:
        for process in server.processes:
            assert text not in process.log, f"{text!r} is in the log of {process.name}"
        found = files_with(text, server.data_dir)
        assert not found, f"{text!r} is in {found}"
        for witness in witnesses:
            for stanza in witness.inbox:
                assert text not in "".join(stanza.itertext()), f"{text!r} is in {show(stanza)}"


def payloads(client, **want):
    """The ciphertexts of the OMEMO messages with words that came to a client, in order."""
    found = (m.findtext(f"{AXOLOTL}encrypted/{AXOLOTL}payload")
             for m in client.inbox.find("message", **want))
    return [re.sub(r"\s", "", text) for text in found if text]
