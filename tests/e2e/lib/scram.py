# SPDX-License-Identifier: MIT
"""SCRAM's client side (RFC 5802), written apart from the server's so that one checks the other."""

import base64
import hashlib
import hmac
import secrets

HASHES = {"SCRAM-SHA-1": hashlib.sha1, "SCRAM-SHA-256": hashlib.sha256}


class ScramClient:
    """binding: (name, data) for a -PLUS mechanism; `announce` without: "y" (we could, the server
    does not offer it) or "n"."""

    def __init__(self, mechanism, user, password, binding=None, announce="n"):
        self._hash = HASHES[mechanism.removesuffix("-PLUS")]
        self._password = password.encode()
        self._gs2 = f"p={binding[0]},," if binding else f"{announce},,"
        self._binding = self._gs2.encode() + (binding[1] if binding else b"")
        self._nonce = secrets.token_urlsafe(18)
        self._bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self._nonce}"
        self._signature = None

    def first(self):
        return (self._gs2 + self._bare).encode()

    def final(self, challenge):
        fields = dict(f.split("=", 1) for f in challenge.decode().split(","))
        assert fields["r"].startswith(self._nonce), "the server changed our nonce"
        salt, rounds = base64.b64decode(fields["s"]), int(fields["i"])
        salted = hashlib.pbkdf2_hmac(self._hash().name, self._password, salt, rounds)
        client_key = self._mac(salted, b"Client Key")
        bare = f"c={base64.b64encode(self._binding).decode()},r={fields['r']}"
        signed = f"{self._bare},{challenge.decode()},{bare}".encode()
        proof = bytes(a ^ b for a, b in zip(
            client_key, self._mac(self._hash(client_key).digest(), signed)))
        self._signature = self._mac(self._mac(salted, b"Server Key"), signed)
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def verify(self, success):
        """The server knows the key as well."""
        assert success.decode() == f"v={base64.b64encode(self._signature).decode()}"

    def _mac(self, key, data):
        return hmac.new(key, data, self._hash).digest()
