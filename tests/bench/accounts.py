# SPDX-License-Identifier: MIT
"""Many accounts for Switchyard, over the router's control socket (router/core/ctl.h)."""

import concurrent.futures
import json
import socket

CONNECTIONS = 8  # the router commits what they ask for together
TIMEOUT_S = 60


class Refused(Exception):
    """The router said no, and why."""


class Control:
    """One connection: a request, an answer, a line of JSON each."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rwb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._socket.close()

    def ask(self, cmd, **args):
        self._lines.write(json.dumps({"cmd": cmd, "args": args}).encode() + b"\n")
        self._lines.flush()
        line = self._lines.readline()
        if not line:
            raise Refused("the router closed its control socket")
        answer = json.loads(line)
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer["rows"]


def _make(path, jids, password):
    with Control(path) as control:
        for jid in jids:
            try:
                control.ask("account add", jid=jid, password=password)
            except Refused as e:
                if "already" not in str(e):  # of a run that was broken off
                    raise


def make(path, jids, password):
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = [pool.submit(_make, path, jids[i::CONNECTIONS], password)
                 for i in range(CONNECTIONS)]
        for part in parts:
            part.result()
