"""Whatever a client leaves unfinished comes to an end, and costs nobody else anything."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from shared.http.protocol import HEAD_BYTES_MAX, GuardedProtocol
from shared.http.server import LoopFailures
from tests.shared.http.sample import Sample, sample_app
from tests.support.conformance import listening

HEAD = b"POST /v1/names HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CONNECTIONS = 20


class Hasty(GuardedProtocol):
    head_seconds = 0.5
    request_seconds = 1.5
    unread_seconds = 0.5


class Wire(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def rest(self, seconds: float = 5) -> bytes:
        """Return what comes until the other side closes, which it must within the time."""
        async with asyncio.timeout(seconds):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@pytest.fixture
async def url(sample: Sample) -> AsyncIterator[str]:
    app = sample_app(sample)
    async with listening(app, connections=CONNECTIONS, protocol=Hasty) as address:
        yield address


@asynccontextmanager
async def wire(url: str, sent: bytes = b"") -> AsyncIterator[Wire]:
    there = urlsplit(url)
    made = Wire(*await asyncio.open_connection(there.hostname, there.port))
    made.writer.write(sent)
    try:
        yield made
    finally:
        made.writer.transport.abort()


def told(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["reason"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", None),
        (b"\r\n", None),
        (b"POST /v1/names HTTP/1.1\r\nHost: loc", (408, "request_too_slow")),
        (HEAD + b'Content-Length: 20\r\n\r\n{"name"', (408, "request_too_slow")),
        (HEAD + b'Transfer-Encoding: chunked\r\n\r\n7\r\n{"name"', (408, "request_too_slow")),
    ],
    ids=["silent", "line-breaks", "half a head", "half a body", "half a chunked body"],
)
async def test_what_does_not_go_on_is_ended(
    url: str, sample: Sample, sent: bytes, expected: tuple[int, str] | None
) -> None:
    async with wire(url, sent) as odd:
        answer = await odd.rest()

    if expected is not None:
        assert told(answer) == expected
    assert sample.batches == []


@pytest.mark.parametrize("piece", [b"X", b"\r\n"], ids=["a header's name", "empty lines"])
async def test_a_trickle_is_no_progress(url: str, piece: bytes) -> None:
    async with wire(url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") as odd:
        await odd.reader.readuntil(b"alive")
        ended = asyncio.create_task(odd.rest())
        while not ended.done():
            odd.writer.write(piece)
            await asyncio.sleep(0.1)
        await ended


@pytest.mark.parametrize("pieces", [b"X-%d: y\r\n", b"x%d"], ids=["headers", "one header"])
async def test_a_head_without_an_end_is_refused_before_it_fills_the_memory(
    url: str, pieces: bytes
) -> None:
    sent = 0
    async with wire(url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: ") as odd:
        while not odd.writer.is_closing():
            some = b"".join(pieces % number for number in range(sent, sent + 100))
            sent += len(some)
            odd.writer.write(some)
            await asyncio.sleep(0)

    assert sent < 8 * 1_048_576  # most of it in the buffers of the two ends


async def test_a_head_that_comes_at_once_may_not_be_larger_either(url: str) -> None:
    large = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * HEAD_BYTES_MAX
    async with wire(url, large + b"\r\n\r\n") as odd:
        answer = await odd.rest()

    assert told(answer) == (431, "head_too_large")
    assert answer.count(b"HTTP/1.1 4") == 1


async def test_what_follows_a_body_is_no_header_and_has_an_end(url: str, sample: Sample) -> None:
    body = b'Transfer-Encoding: chunked\r\n\r\nd\r\n{"name": "a"}\r\n0\r\n'
    async with wire(url, HEAD + body + b"Idempotency-Key: k\r\n\r\n") as odd:
        await odd.reader.readuntil(b"}")
    async with wire(url, HEAD + body + b"A: " + b"x" * 400_000) as odd:
        await odd.rest(1)  # before its time is over

    (batch,) = sample.batches
    assert batch[0].context.idempotency is None


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: \0\r\n\r\n",
        b"CONNECT localhost HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n",
    ],
    ids=["tls", "bytes", "nul", "connect", "http/2", "two lengths", "two sizes", "no size"],
)
async def test_what_is_no_http_is_told_so_as_a_problem(url: str, sent: bytes) -> None:
    async with wire(url, sent) as odd:
        answer = await odd.rest()

    assert told(answer) == (400, "malformed_request")
    assert answer.count(b"HTTP/1.1 4") == 1


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
async def test_another_protocol_is_not_spoken_and_the_request_answered(
    url: str, protocol: bytes
) -> None:
    asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: "
    async with wire(url, asked + protocol + b"\r\n\r\n") as odd:
        await odd.reader.readuntil(b"alive")
        await odd.rest(10)


async def test_an_answer_takes_as_long_as_it_takes(url: str) -> None:
    async with wire(url, b"GET /v1/endless HTTP/1.1\r\nHost: localhost\r\n\r\n") as patient:
        async with asyncio.timeout(10):
            for _ in range(30):
                await patient.reader.readuntil(b"tick")


async def test_who_reads_nothing_of_an_answer_is_let_go(url: str) -> None:
    async with wire(url) as odd:
        odd.writer.transport.pause_reading()
        odd.writer.write(b"GET /v1/flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(3)
        odd.writer.transport.resume_reading()
        await odd.rest()


async def test_silent_connections_keep_nobody_out(url: str) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", urlsplit(url).port) for _ in range(60)]

    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        began = time.monotonic()
        answers = [await http.get("/healthz") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert time.monotonic() - began < 1
    for _, writer in silent:
        writer.transport.abort()


async def test_where_all_are_being_answered_the_next_is_told_to_come_back(url: str) -> None:
    asked = b"GET /v1/endless HTTP/1.1\r\nHost: localhost\r\n\r\n"
    wires = [await asyncio.open_connection("127.0.0.1", urlsplit(url).port) for _ in range(20)]
    for reader, writer in wires:
        writer.write(asked)
        await reader.readuntil(b"tick")

    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        answer = await http.get("/healthz")

    assert (answer.status_code, answer.json()["reason"]) == (503, "too_many_connections")
    for _, writer in wires:
        writer.transport.abort()


def test_that_files_ran_out_is_said_once_a_minute() -> None:
    seconds = iter((0.0, 0.0, 0.1, 59.0, 61.0, 61.0, 62.0))  # twice where something is said
    failures = LoopFailures(clock=lambda: next(seconds))
    refused = {"message": "socket.accept() out of system resources", "exception": OSError(24, "")}
    loop = asyncio.new_event_loop()

    with capture_logs() as said:
        for _ in range(5):
            failures(loop, refused)
    loop.close()

    assert [entry["times"] for entry in said] == [1, 3]
    assert "ulimit" in said[0]["remedy"]
