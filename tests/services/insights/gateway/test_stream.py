"""The live stream over a real socket, read by an independent client."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from httpx_sse import ServerSentEvent, aconnect_sse
from prometheus_client import CollectorRegistry

from services.insights.gateway.stream import EventStream, StreamGauges
from services.insights.release.hub import Latest
from shared.http.problems import HttpRefusal
from tests.services.insights.snapshots import a_snapshot
from tests.support.gateway import gateway

PATIENCE_SECONDS = 0.3


@dataclass(slots=True)
class Served:
    latest: Latest
    stream: EventStream
    registry: CollectorRegistry
    port: int

    def value(self, name: str) -> float:
        return self.registry.get_sample_value(name) or 0.0


async def resolve(name: str) -> str:
    if name == "unheard-of":
        raise HttpRefusal(404, "unknown_service", "There is no such service.")
    return name.removeprefix("local-")


@asynccontextmanager
async def served(clients_max: int = 10, heartbeat_seconds: float = 15.0) -> AsyncIterator[Served]:
    latest, registry = Latest("a"), CollectorRegistry()
    stream = EventStream(
        latest,
        resolve,
        StreamGauges(registry),
        clients_max=clients_max,
        heartbeat_seconds=heartbeat_seconds,
        patience_seconds=PATIENCE_SECONDS,
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(stream, lifespan="off", log_config=None, timeout_graceful_shutdown=5)
        )
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield Served(latest, stream, registry, listening.getsockname()[1])
        finally:
            await stream.close()
            server.should_exit = True
            await running


@asynccontextmanager
async def events(
    at: Served, query: str = "", last_event_id: str | bytes | None = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    url = f"http://127.0.0.1:{at.port}/{query}"
    async with (
        httpx.AsyncClient(timeout=10) as client,
        aconnect_sse(client, "GET", url, headers=headers) as source,
    ):
        yield source.aiter_sse()


async def until(at: Served, name: str, value: float) -> None:
    async with asyncio.timeout(10):
        while at.value(name) != value:  # noqa: ASYNC110  # another task moves it
            await asyncio.sleep(0.01)


async def test_a_client_gets_the_whole_first_and_then_changes() -> None:
    async with served() as at:
        at.latest.offer(a_snapshot(position=1))
        async with events(at) as stream:
            first = await anext(stream)
            at.latest.offer(a_snapshot(position=2))
            second = await anext(stream)

    assert [(one.event, one.id, one.retry) for one in (first, second)] == [
        ("snapshot", "a-1", 1000),
        ("change", "a-2", None),
    ]
    assert first.json()["windows"]["90d"]["metrics"] == {}


async def test_a_client_that_comes_back_is_not_told_what_it_has() -> None:
    async with served() as at:
        at.latest.offer(a_snapshot("s-1"))
        at.latest.offer(a_snapshot("s-2"))
        async with events(at, last_event_id="a-1") as stream:
            only = await anext(stream)

    assert (only.event, only.id) == ("snapshot", "a-2")


async def test_services_are_named_by_the_agencys_own_id_and_a_glance_has_no_metrics() -> None:
    async with served() as at:
        at.latest.offer(a_snapshot("s-1"))
        at.latest.offer(a_snapshot("s-2"))
        async with events(at, "?service=local-s-2&view=glance") as stream:
            only = await anext(stream)

    assert only.json()["service"]["service_id"] == "s-2"
    assert only.json()["windows"]["90d"] == {"verdict": {"class": "co_production"}}


async def test_a_quiet_stream_says_that_it_lives_in_events_which_a_page_can_see() -> None:
    async with served(heartbeat_seconds=0.01) as at:
        at.latest.offer(a_snapshot())
        async with events(at) as stream:
            told = [await anext(stream) for _ in range(3)]

    assert [(one.event, one.id) for one in told] == [
        ("snapshot", "a-1"),
        *[("heartbeat", "a-1")] * 2,  # a heartbeat has no id of its own: the last one stands
    ]


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "1.0", "", "2", "x", "\u00b2"])
async def test_an_id_that_was_never_given_counts_as_none(number: str) -> None:
    async with served() as at:
        at.latest.offer(a_snapshot())
        async with events(at, last_event_id=f"a-{number}".encode("latin-1")) as stream:
            first = await anext(stream)

    assert (first.event, first.id) == ("snapshot", "a-1")


async def test_who_asks_for_the_head_alone_is_answered_at_once() -> None:
    async with served() as at, httpx.AsyncClient(timeout=5) as client:
        answer = await client.head(f"http://127.0.0.1:{at.port}/")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


async def test_each_answer_has_headers_of_its_own() -> None:
    async with gateway() as at, httpx.AsyncClient(timeout=5) as client:
        answers = [await client.head(f"{at.url}v1/stream") for _ in range(2)]

    one, other = (answer.headers.get_list("coprod-correlation-id") for answer in answers)
    assert len(one) == len(other) == 1
    assert one != other


async def test_what_waits_for_a_client_goes_out_together_and_in_order() -> None:
    async with served() as at:
        for number in range(100):
            at.latest.offer(a_snapshot(f"s-{number}", provides="x" * 10_000))
        async with events(at) as stream:
            told = [(await anext(stream)).json()["service"]["service_id"] for _ in range(100)]

    assert told == [f"s-{number}" for number in range(100)]
    assert at.value("coprod_sse_events_total") == 100


async def test_a_client_that_never_reads_is_let_go_and_slows_nobody() -> None:
    async with served() as at:
        with socket.create_connection(("127.0.0.1", at.port)) as stuck:
            stuck.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(at, "coprod_sse_clients", 1)
            async with events(at) as stream:
                positions = []
                for position in range(1, 100):
                    at.latest.offer(a_snapshot(position=position, provides="x" * 100_000))
                    positions.append((await anext(stream)).json()["version"][2])
                await until(at, "coprod_sse_dropped_total", 1)

    assert positions == list(range(1, 100))


async def test_who_hangs_up_is_noticed() -> None:
    async with served() as at:
        async with events(at):
            await until(at, "coprod_sse_clients", 1)
        await until(at, "coprod_sse_clients", 0)

    assert at.value("coprod_sse_dropped_total") == 0


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("?service=unheard-of", 404, "unknown_service"),
        ("?view=sideways", 422, "invalid_request"),
        ("?servcie=s-1", 422, "invalid_request"),
        ("?" + "service=s-1&" * 201, 422, "too_many_services"),
    ],
)
async def test_a_stream_that_cannot_be_is_refused(query: str, status: int, reason: str) -> None:
    async with served() as at, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{at.port}/{query}")

    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


async def test_no_more_clients_than_allowed() -> None:
    async with served(clients_max=1) as at, events(at), httpx.AsyncClient() as client:
        await until(at, "coprod_sse_clients", 1)
        answer = await client.get(f"http://127.0.0.1:{at.port}/")

    assert (answer.status_code, answer.json()["reason"]) == (503, "stream_full")
