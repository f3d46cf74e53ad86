# SPDX-License-Identifier: MIT
"""What stands on the component port and is not the router: it shows a certificate, or speaks no TLS
at all, and keeps what it was told in confidence."""

import asyncio
import contextlib
import ssl


class Impostor:
    """async with Impostor((certificate, key)) as i: i.port, i.connections, i.received"""

    def __init__(self, pair=None, answer=b""):
        self._context = None
        if pair:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*pair)
        self._answer = answer
        self.connections = 0  # that were tried
        self.received = b""  # inside TLS or, without a pair, as it came

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(OSError, ssl.SSLError):
            if self._context:
                await writer.start_tls(self._context)
            while data := await reader.read(4096):
                self.received += data
                writer.write(self._answer)
        writer.close()
