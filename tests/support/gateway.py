"""Pages and the stream of insights, with made records behind them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any, cast

import orjson
import uvicorn
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from services.insights.app import DASHBOARD
from services.insights.gateway.api import definitions_router, figures_router, operation_router
from services.insights.gateway.queries import Answers
from services.insights.gateway.schemas import FoldedBody
from services.insights.gateway.stream import EventStream, StreamGauges
from services.insights.metrics.engine.timeline import Timeline
from services.insights.projection.directory import ServiceInfo
from services.insights.projection.receipt import Moment, Standing
from services.insights.release import rendering as release
from services.insights.release.hub import Latest
from services.insights.release.rendering import Subject
from services.insights.release.snapshot import Snapshot, of_record
from services.insights.verdict.lookback import Past
from shared.http.application import application
from shared.http.problems import HttpRefusal
from shared.log.port import TopicPartition
from tests.support.archetypes import DAY, youth_court

SOURCE = TopicPartition("exchange.activity.v1", 9)


def a_record(service_id: str = "s-1", **changes: Any) -> dict[str, Any]:
    """Return the record of a youth court as insights renders it; ``changes``: of its service."""
    record = _youth_court()
    return {**record, "service": {**record["service"], "service_id": service_id, **changes}}


@cache
def _youth_court() -> dict[str, Any]:
    story = youth_court()
    state, facts = story.state(), story.facts()
    past = Past(Timeline(facts, state.thresholds), DAY).found()
    moment = Moment(state, past, Standing("d", len(facts), {SOURCE: len(facts)}))
    info = ServiceInfo("s", 0, ("town",), "court", "Youth court", "justice", DAY - timedelta(400))
    record: dict[str, Any] = orjson.loads(release.snapshot(moment, Subject(info, {})).body)
    return record


def of_lens(metrics: dict[str, Any], lens: str) -> dict[str, Any]:
    """Return the figures of a snapshot's window as an answer in one lens shows them."""
    return {id_: one.get(lens) or one["none"] for id_, one in metrics.items()}


@dataclass(slots=True)
class Known:
    """Answers what pages ask for beside the stream, of the services that ``latest`` holds."""

    latest: Latest

    async def service(self, name: str) -> ServiceInfo:
        for snapshot in self.latest.all():
            if name in (snapshot.service_id, snapshot.local_id):
                named = str(snapshot.service["name"])
                return ServiceInfo(snapshot.service_id, 0, ("town",), name, named, None, DAY)
        raise HttpRefusal(404, "unknown_service", "There is no such service.", remedy="Look.")

    async def page(self, after: str, limit: int) -> list[dict[str, Any]]:
        found = (snapshot.service_id for snapshot in self.latest.all())
        ids = sorted(one for one in found if one > after)[:limit]
        return [self.item(await self.service(one)) for one in ids]

    def item(self, service: ServiceInfo) -> dict[str, Any]:
        return release.glance(service, self.latest.get(service.service_id))

    async def trends(
        self, service: ServiceInfo, window: str, lens: str | None, days: Sequence[date]
    ) -> bytes:
        snapshot = self.latest.get(service.service_id)
        assert snapshot is not None
        figures = of_lens(orjson.loads(snapshot.body)["windows"][window]["metrics"], lens or "")
        series = {name: [one.get("value")] * len(days) for name, one in figures.items()}
        return orjson.dumps({"days": [day.isoformat() for day in days], "series": series})


@dataclass(slots=True)
class Gateway:
    latest: Latest
    stream: EventStream
    port: int
    registry: CollectorRegistry
    folded: dict[str, int]
    _records: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def clients(self) -> float:
        return self.registry.get_sample_value("coprod_sse_clients") or 0.0

    def sent(self) -> float:
        return self.registry.get_sample_value("coprod_sse_events_total") or 0.0

    def show(self, record: dict[str, Any]) -> Snapshot:
        """Send the record to whoever follows, as newer than all before it of its service."""
        position, _ = self._records.get(record["service"]["service_id"], (0, record))
        self._records[record["service"]["service_id"]] = (position + 1, record)
        snapshot = of_record({**record, "version": [1, 1, position + 1, 739000, 0]})
        assert self.latest.offer(snapshot)
        return snapshot


@asynccontextmanager
async def gateway(
    port: int = 0, *, instance: str = "a", heartbeat_seconds: float = 15.0, clients_max: int = 100
) -> AsyncIterator[Gateway]:
    """Serve on the port, or on a free one, for the length of the block."""
    latest, registry = Latest(instance), CollectorRegistry()
    answers = cast("Answers", Known(latest))
    stream = EventStream(
        latest,
        _resolved(answers),
        StreamGauges(registry),
        clients_max=clients_max,
        heartbeat_seconds=heartbeat_seconds,
    )
    app = application("insights", registry, {}, lambda _: nullcontext())
    app.include_router(figures_router(lambda: answers, lambda: DAY))
    app.include_router(definitions_router())
    received: dict[str, int] = {}
    app.include_router(operation_router(_folded(received), _nobody_asks))
    app.router.routes.append(Route("/v1/stream", endpoint=stream))
    app.mount("/", StaticFiles(directory=DASHBOARD, html=True))
    with socket.create_server(("127.0.0.1", port)) as listening:
        config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield Gateway(latest, stream, listening.getsockname()[1], registry, received)
        finally:
            await stream.close()
            server.should_exit = True
            await running


def _resolved(answers: Answers) -> Callable[[str], Awaitable[str]]:
    async def resolve(name: str) -> str:
        return (await answers.service(name)).service_id

    return resolve


def _folded(received: dict[str, int]) -> Callable[[], Awaitable[FoldedBody]]:
    async def folded() -> FoldedBody:
        return FoldedBody(deployment="d", projection=1, folded=received, complete=True)

    return folded


def _nobody_asks() -> Any:
    raise AssertionError
