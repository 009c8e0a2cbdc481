"""A TCP proxy that does to connections what networks do: lose, delay, drip, cut, and go one way.

It runs on a thread of its own, so that it also works while the test itself waits.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

CHUNK_BYTES = 65_536
DRIP_SECONDS = 0.1
RESET = struct.pack("ii", 1, 0)  # close at once and tell the peer with an RST


class Way(StrEnum):
    """``UP`` leads from the client to the server."""

    UP = "up"
    DOWN = "down"


BOTH = frozenset(Way)


@dataclass(frozen=True, slots=True)
class Weather:
    """How bytes travel now. What is held travels on later, as TCP would send it again."""

    held: frozenset[Way] = frozenset()
    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: int | None = None
    refusing: bool = False
    answer: bytes | None = None


@dataclass(eq=False)
class Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    dead: bool = False  # the server is gone and the client was never told

    def reset(self) -> None:
        for writer in filter(None, (self.client, self.server)):
            _reset(writer)

    def close(self) -> None:
        """End it as a peer does that has said all: what is under way still arrives."""
        for writer in filter(None, (self.client, self.server)):
            writer.close()


@dataclass
class Traffic:
    """How many bytes have come through, and how many connections were ever taken."""

    passed: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))
    connections: int = 0


class Proxy:
    """Leads from ``port`` to the target. Every method may be called from any thread."""

    def __init__(self, target: tuple[str, int], port: int = 0, seed: int = 0) -> None:
        self.target, self.port, self.traffic = target, port, Traffic()
        self._random = random.Random(seed)
        self._weather = Weather()
        self._changed = asyncio.Event()
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._server = self._on_loop(asyncio.start_server(self._take, "127.0.0.1", self.port))
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._on_loop(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def open_connections(self) -> int:
        return len(self._connections)

    def clear(self) -> None:
        """Let everything through again. Clients of the dead are told now, as after a reboot."""
        self._set(Weather())

    def drop(self, *ways: Way) -> None:
        """Let nothing through, both ways or one: nobody is told, and connecting seems to work."""
        self._set(Weather(held=frozenset(ways) or BOTH))

    def delay(self, seconds: float, jitter_seconds: float = 0.0) -> None:
        self._set(Weather(delay_seconds=seconds, jitter_seconds=jitter_seconds))

    def drip(self, bytes_per_second: int) -> None:
        self._set(Weather(bytes_per_second=bytes_per_second))

    def refuse(self) -> None:
        """Cut what is open with an RST, and whatever comes."""
        self._set(Weather(refusing=True))
        self.reset()

    def answer(self, answer: bytes) -> None:
        """Cut what is open, and answer every request so, as a reverse proxy without its server."""
        self._set(Weather(answer=answer))
        self.reset()

    def reset(self) -> None:
        """Cut every open connection with an RST; new ones are welcome."""
        self._on_loop(self._reset())

    def abandon(self) -> None:
        """Half-open: the servers' sides end and the clients never hear of it."""
        self._set(Weather(held=BOTH))
        self._on_loop(self._abandon())

    def _set(self, weather: Weather) -> None:
        async def change() -> None:
            self._weather = weather
            self._changed.set()
            self._changed = asyncio.Event()

        self._on_loop(change())

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.traffic.connections += 1
        connection = Connection(writer)
        self._connections.add(connection)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if not self._weather.refusing and await self._lead(connection, reader):
                    connection.close()
                    return
            connection.reset()
        finally:
            self._connections.discard(connection)

    async def _lead(self, connection: Connection, reader: asyncio.StreamReader) -> bool:
        """Carry until one side ends; return whether it ended as it should."""
        await self._open(Way.UP)
        if self._weather.answer is not None:
            await reader.readuntil(b"\r\n\r\n")
            connection.client.write(self._weather.answer)
            return True
        inside, connection.server = await asyncio.open_connection(*self.target)
        pumps = [
            asyncio.create_task(self._pump(Way.UP, connection, reader, connection.server)),
            asyncio.create_task(self._pump(Way.DOWN, connection, inside, connection.client)),
        ]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if connection.dead:
                await self._open(Way.UP)
            return not connection.dead and all(pump.exception() is None for pump in done)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self,
        way: Way,
        connection: Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._travel(len(data))
            for piece in self._pieces(data):
                await self._open(way)
                if connection.dead:
                    return
                writer.write(piece)
                await writer.drain()
                self.traffic.passed[way] += len(piece)
                if len(piece) < len(data):
                    await asyncio.sleep(DRIP_SECONDS)
        await self._open(way)  # that the peer has closed is news that must travel, too

    async def _open(self, way: Way) -> None:
        while way in self._weather.held:
            await self._changed.wait()

    async def _travel(self, size: int) -> None:
        weather = self._weather
        seconds = weather.delay_seconds + self._random.uniform(0, weather.jitter_seconds)
        if weather.bytes_per_second is not None:
            seconds += min(size, weather.bytes_per_second * DRIP_SECONDS) / weather.bytes_per_second
        if seconds:
            await asyncio.sleep(seconds)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            rate = self._weather.bytes_per_second  # asked each time: the weather may clear
            size = len(data) if rate is None else max(1, int(rate * DRIP_SECONDS))
            yield data[:size]
            data = data[size:]

    async def _reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _abandon(self) -> None:
        for connection in self._connections:
            connection.dead = True
            if connection.server is not None:
                _reset(connection.server)

    async def _close(self) -> None:
        self._server.close()
        ending = list(self._connections)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in ending:
            connection.reset()
            for writer in filter(None, (connection.client, connection.server)):
                with suppress(OSError):
                    await writer.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    plug = writer.get_extra_info("socket")
    if plug is not None and plug.fileno() >= 0:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@contextmanager
def proxy(target: tuple[str, int], port: int = 0, seed: int = 0) -> Iterator[Proxy]:
    running = Proxy(target, port, seed)
    running.start()
    try:
        yield running
    finally:
        running.stop()
