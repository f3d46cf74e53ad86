# SPDX-License-Identifier: MIT
"""A program's health port on its Unix socket: /healthz, /readyz, /metrics."""

import http.client
import re
import socket

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{[^}]*\})? (\S+)")


class _UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path, what):
    """(status, body); (0, reason) if nobody answers."""
    conn = _UnixHTTP(path)
    try:
        conn.request("GET", what)
        answer = conn.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as e:
        return 0, str(e)
    finally:
        conn.close()


def metrics(path):
    """{'name{label="x"}': value} of every sample."""
    status, body = ask(path, "/metrics")
    assert status == 200, f"/metrics: {status} {body}"
    samples = {}
    for line in body.splitlines():
        if match := SAMPLE.match(line):
            samples[match[1] + (match[2] or "")] = float(match[3])
    return samples
