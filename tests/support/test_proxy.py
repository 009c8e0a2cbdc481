"""The proxy does what the fault scenarios believe it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeAlias

import pytest

from tests.support.polling import eventually
from tests.support.proxy import Proxy, Way, proxy

QUICK_SECONDS = 5.0
A_WHILE_SECONDS = 0.4


Connect: TypeAlias = Callable[[], Awaitable["Line"]]


class Echo:
    """A server that says everything twice, and counts the bytes it heard."""

    def __init__(self) -> None:
        self.heard = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.heard += len(data)
                writer.write(data * 2)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, int]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    yield echo, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def through(echo: tuple[Echo, int]) -> Iterator[Proxy]:
    with proxy(("127.0.0.1", echo[1])) as running:
        yield running


class Line:
    """A client's connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self, size: int, within_seconds: float = QUICK_SECONDS) -> bytes:
        async with asyncio.timeout(within_seconds):
            return await self.reader.readexactly(size)

    async def silent(self) -> bool:
        """Tell whether nothing comes for a while, not even the end."""
        try:
            await self.hear(1, A_WHILE_SECONDS)
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def connect(through: Proxy) -> AsyncIterator[Connect]:
    lines: list[Line] = []

    async def connect() -> Line:
        lines.append(Line(*await asyncio.open_connection("127.0.0.1", through.port)))
        return lines[-1]

    yield connect
    for line in lines:
        line.writer.close()


async def test_everything_comes_through_and_its_end_too(through: Proxy, connect: Connect) -> None:
    line, whole = await connect(), b"x" * 3_000_000

    line.say(whole)

    assert await line.hear(len(whole) * 2) == whole * 2
    # it counts what it has handed on, a moment after the other side may have it
    whole_way = {Way.UP: len(whole), Way.DOWN: 2 * len(whole)}
    await eventually(lambda: through.traffic.passed == whole_way)
    line.writer.close()
    await eventually(lambda: through.open_connections() == 0)


async def test_what_was_dropped_arrives_once_the_way_is_clear(
    through: Proxy, connect: Connect, echo: tuple[Echo, int]
) -> None:
    line = await connect()
    line.say(b"a")
    await line.hear(2)

    through.drop()
    line.say(b"b")
    assert await line.silent()
    assert echo[0].heard == 1
    through.clear()

    assert await line.hear(2) == b"bb"


@pytest.mark.parametrize(("way", "heard"), [(Way.UP, 1), (Way.DOWN, 2)])
async def test_one_way_can_be_dropped_alone(
    through: Proxy, connect: Connect, echo: tuple[Echo, int], way: Way, heard: int
) -> None:
    line = await connect()
    line.say(b"a")
    await line.hear(2)

    through.drop(way)
    line.say(b"b")

    assert await line.silent()
    assert echo[0].heard == heard


async def test_connecting_into_the_void_seems_to_work(
    through: Proxy, connect: Connect, echo: tuple[Echo, int]
) -> None:
    through.drop()
    line = await connect()
    line.say(b"a")

    assert await line.silent()
    assert echo[0].heard == 0


async def test_a_delay_is_felt_and_a_drip_is_slow(through: Proxy, connect: Connect) -> None:
    line, started = await connect(), time.monotonic()
    through.delay(0.2)
    line.say(b"a")
    await line.hear(2)
    delayed = time.monotonic() - started

    through.drip(10_000)
    started = time.monotonic()
    line.say(b"b" * 5_000)
    await line.hear(10_000)

    assert delayed >= 0.4  # there and back
    assert 0.8 < time.monotonic() - started < QUICK_SECONDS


async def test_a_reset_cuts_what_is_open_and_nothing_else(through: Proxy, connect: Connect) -> None:
    line = await connect()
    line.say(b"a")
    await line.hear(2)

    through.reset()

    with pytest.raises(ConnectionResetError):
        await line.hear(1)
    again = await connect()
    again.say(b"b")
    assert await again.hear(2) == b"bb"


async def test_refusing_cuts_whoever_comes(through: Proxy, connect: Connect) -> None:
    through.refuse()
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await (await connect()).hear(1)

    through.clear()
    line = await connect()
    line.say(b"a")
    assert await line.hear(2) == b"aa"


async def test_the_client_of_an_abandoned_connection_learns_of_it_only_later(
    through: Proxy, connect: Connect, echo: tuple[Echo, int]
) -> None:
    line = await connect()
    line.say(b"a")
    await line.hear(2)

    through.abandon()
    line.say(b"b")
    assert await line.silent()
    through.clear()

    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await line.hear(1)
    assert echo[0].heard == 1
