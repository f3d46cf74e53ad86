# SPDX-License-Identifier: MIT
"""A TCP proxy that misbehaves on demand: cuts, stalls, splits.  It runs in a thread of its own, so
that it goes on while a test waits for something without giving way to its event loop."""

import asyncio
import socket
import struct
import threading

from .wait import until

UP, DOWN = "up", "down"  # from the client to the server; from the server to the client
BYTES, RECORDS = "bytes", "TLS records"
HANDSHAKE = 0x16  # the first byte of TLS, and none that XML has


class Cut:
    """Where one connection ends: behind so many bytes, or whole TLS records, of one way.  reset:
    without a word; else as after a close()."""

    def __init__(self, way, n, unit=BYTES, reset=True):
        self.way, self.n, self.unit, self.reset = way, n, unit, reset
        self.done = False

    def __repr__(self):
        return f"{self.n} {self.unit} {self.way}, {'reset' if self.reset else 'closed'}"


class Meter:
    """Counts what goes one way: bytes, those of before TLS, and TLS records."""

    def __init__(self):
        self.bytes = self.clear = self.records = 0
        self._tls = False
        self._head, self._left = b"", 0  # of the record that is not complete

    def take(self, data, cut=None):
        """Counts it; how much of it comes before the cut, None: all, and the cut is not here."""
        end = None
        if cut and cut.unit == BYTES and self.bytes + len(data) >= cut.n:
            end = cut.n - self.bytes
        self.bytes += len(data)
        at = 0
        if not self._tls:
            first = data.find(HANDSHAKE)
            self._tls, at = first >= 0, first if first >= 0 else len(data)
            self.clear += at
        while at < len(data):
            at = self._piece(data, at)
            if self._left == 0 and not self._head:
                self.records += 1
                if cut and cut.unit == RECORDS and cut.n == self.records:
                    end = at
        return end

    def _piece(self, data, at):
        """A header, or what follows it: where that ends."""
        if self._left == 0:
            piece = data[at:at + 5 - len(self._head)]
            self._head += piece
            if len(self._head) == 5:
                self._left = int.from_bytes(self._head[3:], "big")
            return at + len(piece)
        step = min(self._left, len(data) - at)
        self._left -= step
        if self._left == 0:
            self._head = b""
        return at + step


class CutProxy:
    """
    p = cut_proxy(5347)                  connect to p.port instead
    p.cut_after(1000, UP)                RST on both sides once 1000 more bytes have gone up
    p.stall(DOWN); p.resume()            hold what comes (both ways by default); let it go on
    p.slice(1, UP)                       one byte per write; slice(0) passes as it comes
    p.cut()                              RST for all connections, now
    p.refuse(); p.accept()               new connections are reset; are served again
    p.cut_one(port, Cut(UP, 3, RECORDS)) the connection that comes from this port
    p.meters[port][DOWN].records         what has gone through it
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
        self.meters = {}  # of each connection, by the port it comes from
        self._cuts = {}
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

    def cut_one(self, port, cut):
        """To be called before anything goes through the connection."""
        self._cuts[port] = cut

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
        port = writer.get_extra_info("peername")[1]
        self.meters[port] = {UP: Meter(), DOWN: Meter()}
        try:
            await asyncio.gather(self._pump(reader, up_writer, UP, pair, port),
                                 self._pump(up_reader, writer, DOWN, pair, port))
        except OSError:
            self._cut(pair)
        finally:
            self._open.discard(pair)
            for w in pair:
                w.close()

    async def _pump(self, reader, writer, way, pair, port):
        while data := await reader.read(65536):
            cut = self._cuts.get(port)
            end = self.meters[port][way].take(data, cut if cut and cut.way == way else None)
            if end is not None:
                data = data[:end]
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
            if end is not None:
                self._cut(pair, cut.reset)
                cut.done = True
                return
        await self._flowing[way].wait()
        if writer.can_write_eof():
            writer.write_eof()

    def _cut_all(self):
        for pair in list(self._open):
            self._cut(pair)

    @staticmethod
    def _cut(pair, reset=True):
        for writer in pair:
            if reset:
                _reset(writer)
            else:
                writer.close()


def _reset(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
