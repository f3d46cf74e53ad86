# SPDX-License-Identifier: MIT
"""A TCP proxy that misbehaves on demand: cuts, stalls, splits.  It runs in a thread of its own, so
that it goes on while a test waits for something without giving way to its event loop."""

import asyncio
import socket
import struct
import threading

from .wait import until

UP, DOWN = "up", "down"  # from the client to the server; from the server to the client


class CutProxy:
    """
    p = cut_proxy(5347)                  connect to p.port instead
    p.cut_after(1000, UP)                RST on both sides once 1000 more bytes have gone up
    p.stall(DOWN); p.resume()            hold what comes (both ways by default); let it go on
    p.slice(1, UP)                       one byte per write; slice(0) passes as it comes
    p.cut()                              RST for all connections, now
    p.refuse(); p.accept()               new connections are reset; are served again
    await p.disturb(random.Random(1))    one of these, but for the last two
    """

    def __init__(self, port, host="127.0.0.1"):
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._open = set()
        self._reset_rules()
        self._refusing = False
        self.accepted = 0  # connections so far
        self.passed = {UP: 0, DOWN: 0}  # bytes so far
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]

    def _reset_rules(self):
        self._budget = {UP: None, DOWN: None}
        self._size = {UP: 0, DOWN: 0}
        self._flowing = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        for event in self._flowing.values():
            event.set()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _do(self, fn, *args):
        async def call():
            return fn(*args)
        return self._run(call())

    # --- what tests ask for -----------------------------------------------------------------------
    async def disturb(self, dice):
        """One trouble of any kind; returns when something has got through since."""
        way, what, before = dice.choice((UP, DOWN)), dice.randrange(4), self.passed[UP]
        if what == 0:
            self.cut()
        elif what == 1:
            self.cut_after(dice.randrange(1, 20000), way)
        elif what == 2:
            self.stall(way)
            await asyncio.sleep(dice.uniform(0, 0.5))
            self.resume()
        else:
            self.slice(dice.randrange(200, 2000), way)
        await until(lambda: self.passed[UP] > before + 25000, "new traffic")

    def cut_after(self, n, way=UP):
        self._do(self._budget.__setitem__, way, n)

    def cut(self):
        self._do(self._cut_all)

    def stall(self, *ways):
        for way in ways or (UP, DOWN):
            self._do(self._flowing[way].clear)

    def resume(self, *ways):
        for way in ways or (UP, DOWN):
            self._do(self._flowing[way].set)

    def slice(self, size, *ways):
        for way in ways or (UP, DOWN):
            self._do(self._size.__setitem__, way, size)

    def refuse(self):
        self._refusing = True

    def accept(self):
        self._refusing = False

    @property
    def connections(self):
        return len(self._open)

    def close(self):
        self._do(self._server.close)
        self.cut()
        self._run(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _finish(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- in the thread ----------------------------------------------------------------------------
    async def _serve(self, reader, writer):
        self.accepted += 1
        if self._refusing:
            _reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        pair = (writer, up_writer)
        for w in pair:
            w.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(pair)
        try:
            await asyncio.gather(self._pump(reader, up_writer, UP, pair),
                                 self._pump(up_reader, writer, DOWN, pair))
        except OSError:
            self._cut(pair)
        finally:
            self._open.discard(pair)
            for w in pair:
                w.close()

    async def _pump(self, reader, writer, way, pair):
        while data := await reader.read(65536):
            while data:
                await self._flowing[way].wait()
                piece = data[:self._size[way] or len(data)]
                if self._budget[way] is not None:
                    piece = piece[:self._budget[way]]
                    self._budget[way] -= len(piece)
                data = data[len(piece):]
                writer.write(piece)
                await writer.drain()
                self.passed[way] += len(piece)
                if self._budget[way] == 0:
                    self._budget[way] = None
                    self._cut(pair)
                    return
                await asyncio.sleep(0)
        await self._flowing[way].wait()
        if writer.can_write_eof():
            writer.write_eof()

    def _cut_all(self):
        for pair in list(self._open):
            self._cut(pair)

    @staticmethod
    def _cut(pair):
        for writer in pair:
            _reset(writer)


def _reset(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
