"""Wires insights: its database and log, the running service, and HTTP before them."""

import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.insights.facts.dictionary import Codebook
from services.insights.gateway.api import definitions_router, figures_router, operation_router
from services.insights.gateway.schemas import FoldedBody
from services.insights.projection.fold import Surroundings
from services.insights.service import Insights, Meters
from shared.consumer import api as quarantine
from shared.http import health, positions
from shared.http.application import application, document
from shared.http.file_limits import fitting_connections
from shared.http.problems import HttpRefusal
from shared.log.connect import open_log
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.settings import ServiceSettings
from shared.runtime.telemetry import metrics_registry
from shared.startup import Opening, deployment_of, open_pool

DASHBOARD = Path(__file__).parent / "gateway" / "dashboard" / "static"


class DashboardFiles(StaticFiles):
    """Files that a browser may keep, and asks about each time: an upgrade is seen at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


@asynccontextmanager
async def open_insights(
    settings: ServiceSettings, meters: Meters, clock: Clock
) -> AsyncIterator[Insights]:
    log = open_log(settings)
    async with open_pool(settings.database_url) as pool:
        around = Surroundings(
            pool=pool,
            log=log,
            codebook=Codebook(pool),
            clock=clock,
            deployment=await deployment_of(pool, "insights"),
            owner=f"{socket.gethostname()}/{os.getpid()}",
            metrics=meters.consumer,
            broken_run_max=settings.broken_run_max,
        )
        await log.start()
        try:
            insights = Insights(
                around, meters, instance=secrets.token_hex(6), clients_max=_stream_clients(settings)
            )
            try:
                await insights.start()
                yield insights
            finally:
                await insights.close()
        finally:
            await log.stop()


def _stream_clients(settings: ServiceSettings) -> int:
    """Return how many streams leave room for those who only ask; half, where files are few."""
    beside = settings.connections_max
    fitting = fitting_connections(beside + settings.stream_clients_max)
    return max(1, fitting - beside, fitting // 2)


class LateStream:
    """The stream of a service that may not be open yet."""

    def __init__(self, insights: Callable[[], Insights]) -> None:
        self._insights = insights

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._insights().stream(scope, receive, send)

    async def close(self) -> None:
        """Let the clients go: a stream never ends by itself, and would hold up the end."""
        with suppress(HttpRefusal):
            await self._insights().stream.close()


def insights_app(
    settings: ServiceSettings, clock: Clock | None = None
) -> tuple[FastAPI, Callable[[], Awaitable[None]]]:
    """Return the application, and what lets its streams go; its parts open when it serves."""
    registry = metrics_registry()
    time = clock or SystemClock()
    meters, own = Meters(registry), positions.PositionMeters(registry)
    opening = Opening(lambda: open_insights(settings, meters, time))

    async def measure() -> None:
        own.show(await opening.parts.announced())

    async def folded() -> FoldedBody:
        return await opening.parts.folded()

    def today() -> date:
        return time.now().date()

    app = application("insights", registry, {}, opening.lifespan, settings.host_names)
    app.include_router(health.router(opening.waiting, registry, measure))
    app.include_router(figures_router(lambda: opening.parts.answers, today))
    app.include_router(definitions_router())
    app.include_router(operation_router(folded, lambda: opening.parts.rebuild))
    app.include_router(
        quarantine.router(lambda: opening.parts.pool, lambda: [opening.parts.fold.consumer])
    )
    stream = LateStream(lambda: opening.parts)
    app.router.routes.append(Route("/v1/stream", endpoint=stream, methods=["GET"]))
    document(app)
    app.mount("/", DashboardFiles(directory=DASHBOARD, html=True), name="dashboard")
    return app, stream.close
