"""A TCP proxy whose far end can be changed and whose wire can be cut: a floating address."""

import asyncio
import threading

CHUNK_BYTES = 64 * 1024


class Link:
    """Listens on a free loopback port and hands everything to `target` and back."""

    def __init__(self, target):
        self.target, self.is_cut, self.wires = target, False, set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        server = self._run(asyncio.start_server(self._join, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _join(self, near_in, near_out):
        if self.is_cut:
            near_out.transport.abort()
            return
        try:
            far_in, far_out = await asyncio.open_connection(*self.target)
        except OSError:
            near_out.transport.abort()
            return
        wire = {near_out, far_out}
        self.wires |= wire
        await asyncio.gather(self._pump(near_in, far_out), self._pump(far_in, near_out))
        self.wires -= wire

    async def _pump(self, source, sink):
        try:
            while chunk := await source.read(CHUNK_BYTES):
                sink.write(chunk)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    async def _break(self):
        for wire in list(self.wires):
            wire.transport.abort()

    def point_at(self, target):
        """New connections go there; those that are open break."""
        self.target, self.is_cut = target, False
        self._run(self._break())

    def cut(self):
        """Nothing passes until it is pointed at something again."""
        self.is_cut = True
        self._run(self._break())

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
