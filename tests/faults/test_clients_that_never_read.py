"""Clients of the live stream that take nothing: they cost little, and nobody else's time."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import psutil
import pytest

from tests.faults.load import Load, load
from tests.faults.outcome import Fault, Run
from tests.faults.world import World, world
from tests.support.polling import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.system,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

SEED = 20260321
CLIENTS = 60
RECEIVE_BYTES = 4096
LETTING_GO_SECONDS_MAX = 60.0
MEMORY_BYTES_MAX = 64 * 1024**2  # for all of them, beside what the process needs anyway
SHOWN_SECONDS_MAX = 10.0


@pytest.mark.fast_faults
async def test_those_who_never_read_are_let_go_and_the_others_notice_nothing(
    tmp_path: Path, on_embedded: dict[str, Any], trial: Run
) -> None:
    fault = Fault(f"{CLIENTS} stream clients that never read", "F21", SEED)
    async with (
        world(tmp_path, **on_embedded) as w,
        load(w, seed=SEED) as running,
        trial(w, running, fault) as under_way,
    ):
        await under_way.warmed()
        insights = psutil.Process(w.process("insights").pid)
        before = insights.memory_info().rss
        most = before
        with _deaf(w.urls["insights"], CLIENTS):
            await eventually(lambda: _clients(w, CLIENTS))
            async with _reading(w) as shown:
                deadline = time.monotonic() + LETTING_GO_SECONDS_MAX
                while await w.metric("coprod_sse_dropped_total") < CLIENTS:
                    assert time.monotonic() < deadline, "somebody still waits for them"
                    await _next_is_shown(w, running, shown)
                    most = max(most, insights.memory_info().rss)

        assert most - before < MEMORY_BYTES_MAX
        await eventually(lambda: _clients(w, 0))


async def _clients(w: World, count: int) -> bool:
    return await w.metric("coprod_sse_clients") == count


async def _next_is_shown(w: World, running: Load, shown: dict[str, int]) -> None:
    """Wait until the client that reads has been shown what is acknowledged now."""
    await running.reaches(1)
    latest = {}
    for position in running.journal.positions:
        partition, _, number = position.rpartition(":")
        if partition.startswith("exchange."):
            latest[partition] = max(latest.get(partition, 0), int(number))
    await eventually(
        lambda: all(shown.get(at, 0) >= number for at, number in latest.items()),
        SHOWN_SECONDS_MAX,
    )


@asynccontextmanager
async def _reading(w: World) -> AsyncIterator[dict[str, int]]:
    """Follow the stream as a dashboard does; partition -> the position shown last."""
    shown: dict[str, int] = {}

    async def read() -> None:
        async with (
            httpx.AsyncClient(timeout=30, trust_env=False) as http,
            http.stream("GET", f"{w.urls['insights']}/v1/stream") as answer,
        ):
            async for line in answer.aiter_lines():
                if line.startswith('data: {"service"'):  # and no heartbeat
                    record = orjson.loads(line.removeprefix("data: "))
                    for at, position in record["receipt"]["positions"].items():
                        shown[at] = max(shown.get(at, 0), position)

    reading = asyncio.create_task(read())
    try:
        yield shown
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@contextmanager
def _deaf(url: str, count: int) -> Iterator[None]:
    """Open so many streams that nobody will ever read from."""
    address = urlsplit(url)
    with ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            client.connect((address.hostname, address.port))
            client.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        yield
