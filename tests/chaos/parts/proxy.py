"""A TCP proxy whose wire can be cut, held, slowed down or made mute, by chance that a seed gives."""

import asyncio
import threading

CHUNK_BYTES = 16 * 1024
# A slow wire hands on pieces of so many bytes, each after a pause of at most so many seconds.
PIECE_BYTES, PAUSE_S = 700, 0.02


class Wire:
    """Listens on a free loopback port and hands everything to `target` (host, port) and back."""

    def __init__(self, target, chance):
        self.target, self.chance = target, chance
        self.ends, self.is_slow, self.is_mute = set(), False, False
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        server = self._run(self._open())
        self.port = server.sockets[0].getsockname()[1]

    async def _open(self):
        self.flows = asyncio.Event()
        self.flows.set()
        return await asyncio.start_server(self._join, "127.0.0.1", 0)

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _join(self, near_in, near_out):
        try:
            far_in, far_out = await asyncio.open_connection(*self.target)
        except OSError:
            near_out.transport.abort()
            return
        ends = {near_out, far_out}
        self.ends |= ends
        await asyncio.gather(self._pump(near_in, far_out, False), self._pump(far_in, near_out, True))
        self.ends -= ends

    async def _pump(self, source, sink, is_answer):
        try:
            while chunk := await source.read(CHUNK_BYTES):
                await self.flows.wait()
                if is_answer and self.is_mute:
                    break
                if self.is_slow:
                    await self._slowly(sink, chunk)
                else:
                    sink.write(chunk)
                await sink.drain()
        except OSError:
            pass
        finally:
            # What was cut in the middle ends both ways at once, as a reset does.
            if is_answer and self.is_mute:
                sink.transport.abort()
            else:
                sink.close()

    async def _slowly(self, sink, chunk):
        for at in range(0, len(chunk), PIECE_BYTES):
            sink.write(chunk[at:at + PIECE_BYTES])
            await asyncio.sleep(self.chance.uniform(0, PAUSE_S))

    async def _abort(self):
        for end in list(self.ends):
            end.transport.abort()

    async def _flow(self, flows):
        self.flows.set() if flows else self.flows.clear()

    def cut(self):
        """All connections that are open break; new ones are taken."""
        self._run(self._abort())

    def hold(self):
        """Nothing passes any more, and nobody is told."""
        self._run(self._flow(False))

    def slow(self):
        self.is_slow = True

    def mute(self):
        """What is asked arrives; the connection breaks instead of an answer."""
        self.is_mute = True

    def heal(self):
        self.is_slow = self.is_mute = False
        self._run(self._flow(True))
