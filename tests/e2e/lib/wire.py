# SPDX-License-Identifier: MIT
"""A TCP connection on which TLS can be started at any byte (memory BIOs of pyOpenSSL, which also
gives tls-exporter, as Python 3.11's ssl does not)."""

import asyncio
import socket
import struct

from cryptography import x509
from OpenSSL import SSL

from .wait import DEADLINE

EXPORTER = b"EXPORTER-Channel-Binding"  # RFC 9266


class Wire:
    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self.tls = None  # SSL.Connection once TLS runs

    @classmethod
    async def open(cls, host, port):
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), DEADLINE)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    @property
    def port(self):
        """Our own."""
        return self._writer.get_extra_info("sockname")[1]

    # --- TLS ------------------------------------------------------------------------------------
    async def start_tls(self, name, ca_file, alpn=None, versions=None, ciphers=None):
        """Checks the certificate against ca_file and the name.  versions: (lowest, highest)."""
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if ciphers:
            context.set_cipher_list(ciphers.encode())
        context.load_verify_locations(ca_file)
        context.set_verify(SSL.VERIFY_PEER, lambda conn, cert, errno, depth, ok: bool(ok))
        if versions:
            context.set_min_proto_version(versions[0])
            context.set_max_proto_version(versions[1])
        if alpn:
            context.set_alpn_protos([p.encode() for p in alpn])
        self.tls = SSL.Connection(context, None)
        self.tls.set_tlsext_host_name(name.encode())
        self.tls.set_connect_state()
        await asyncio.wait_for(self._handshake(), DEADLINE)
        assert covers(self.tls.get_peer_certificate(), name), f"certificate is not for {name}"

    async def _handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                break
            except SSL.WantReadError:
                self._push()
                if not await self._pull():
                    raise ConnectionResetError("closed during the TLS handshake") from None
            except SSL.Error:
                self._push()  # the alert
                raise
        self._push()

    def exporter(self):
        return self.tls.export_keying_material(EXPORTER, 32, b"")

    def end_point(self):
        """tls-server-end-point (RFC 5929 4), for certificates signed with SHA-256."""
        certificate = self.tls.get_peer_certificate().to_cryptography()
        assert certificate.signature_hash_algorithm.name == "sha256"
        return certificate.fingerprint(certificate.signature_hash_algorithm)

    def _push(self):
        while True:
            try:
                self._writer.write(self.tls.bio_read(65536))
            except SSL.WantReadError:
                return

    async def _pull(self):
        data = await self._reader.read(65536)
        if data:
            self.tls.bio_write(data)
        return data

    # --- bytes ----------------------------------------------------------------------------------
    async def write(self, data):
        if self.tls:
            for at in range(0, len(data), 16384):
                self.tls.sendall(data[at:at + 16384])
                self._push()
        else:
            self._writer.write(data)
        await self._writer.drain()

    async def read(self):
        """Some bytes; b"" at the end.  A reset raises ConnectionError."""
        if not self.tls:
            return await self._reader.read(65536)
        while True:
            try:
                return self.tls.recv(65536)
            except SSL.WantReadError:
                self._push()
                if not await self._pull():
                    return b""
            except SSL.ZeroReturnError:
                return b""
            except SSL.SysCallError as e:
                raise ConnectionResetError(str(e)) from e

    # --- the end --------------------------------------------------------------------------------
    def close(self):
        self._writer.close()

    def reset(self):
        """RST, as after a crash or a cut line."""
        sock = self._writer.get_extra_info("socket")
        if sock.fileno() >= 0:  # else it has gone already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def covers(certificate, name):
    """Exact names and wildcards among the subject's alternative names."""
    san = certificate.to_cryptography().extensions.get_extension_for_class(
        x509.SubjectAlternativeName)
    names = san.value.get_values_for_type(x509.DNSName)
    return name in names or "*." + name.partition(".")[2] in names
