"""Wires registry: its database, its commands, the relay to the log, and HTTP before it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from services.registry import reading
from services.registry.aggregates import AGGREGATES
from services.registry.command_service import RegistryCommands
from services.registry.queries import RegistryQueries
from shared.commands.service import routers
from shared.contracts.topics import REGISTRY_AGENCIES, REGISTRY_PARTICIPANTS, REGISTRY_SERVICES
from shared.eventstore.store import Pool, PostgresEventStore
from shared.http import health, positions
from shared.http.application import application, document
from shared.log.connect import open_log
from shared.log.readiness import Reach, reaching
from shared.outbox.relay import Relay, RelayMetrics
from shared.runtime.clock import SystemClock
from shared.runtime.settings import ServiceSettings
from shared.runtime.telemetry import metrics_registry
from shared.startup import Opening, deployment_of, open_pool

TOPICS = (REGISTRY_AGENCIES, REGISTRY_SERVICES, REGISTRY_PARTICIPANTS)


@dataclass(frozen=True, slots=True)
class Registry:
    pool: Pool
    deployment: str
    commands: RegistryCommands
    queries: RegistryQueries
    relay: Relay
    relaying: asyncio.Task[None]
    reach: Reach

    async def watch(self) -> None:
        await asyncio.shield(self.relaying)

    def failing(self) -> Sequence[str]:
        failure = self.relay.failure()
        relay = [] if failure is None else [f"its relay: {failure}"]
        return [*relay, *self.reach.problem()]

    async def positions(self) -> positions.Positions:
        return await positions.positions(self.pool, self.deployment)


@asynccontextmanager
async def open_registry(settings: ServiceSettings, meters: RelayMetrics) -> AsyncIterator[Registry]:
    log = open_log(settings)
    async with open_pool(settings.database_url) as pool:
        deployment = await deployment_of(pool, "registry")
        wake = asyncio.Event()
        owner = f"{socket.gethostname()}/{os.getpid()}"
        relay = Relay(pool, log, deployment=deployment, owner=owner, wake=wake, metrics=meters)
        store = PostgresEventStore(pool, clock=SystemClock(), on_commit=wake.set)
        await log.start()
        relaying = asyncio.create_task(relay.run())
        try:
            commands, queries = RegistryCommands(pool, store), RegistryQueries(pool)
            async with reaching(log, TOPICS) as reach:
                yield Registry(pool, deployment, commands, queries, relay, relaying, reach)
        finally:
            relay.stop()
            await asyncio.gather(relaying, return_exceptions=True)
            await log.stop()


def registry_app(settings: ServiceSettings) -> FastAPI:
    """Return the application; its parts open when it starts to serve."""
    metrics = metrics_registry()
    relayed = RelayMetrics(metrics)
    opening = Opening(lambda: open_registry(settings, relayed))
    meters = positions.PositionMeters(metrics)

    async def read() -> positions.Positions:
        return await opening.parts.positions()

    async def measure() -> None:
        meters.show(await read())

    app = application(
        "registry", metrics, AGGREGATES.refusals, opening.lifespan, settings.host_names
    )
    app.include_router(health.router(opening.waiting, metrics, measure))
    app.include_router(positions.router(read))
    for routes in (
        *routers(lambda: opening.parts.commands, AGGREGATES),
        *reading.routers(lambda: opening.parts.queries),
    ):
        app.include_router(routes)
    document(app, list(AGGREGATES.kinds.values()))
    return app
