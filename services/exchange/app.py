"""Wires exchange: its database, its copy of registry, the commands, the relay and HTTP."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry

from services.exchange.aggregates import AGGREGATES
from services.exchange.command_service import ExchangeCommands
from services.exchange.contribution import preview
from services.exchange.contribution.automatic import AutomaticConfirmation
from services.exchange.contribution.queries import ContributionQueries
from services.exchange.contribution.routes import reading
from services.exchange.directory.lookup import DirectoryLookup
from services.exchange.identity import load_identity
from services.exchange.inbox.replica import CONSUMER, TOPICS, DirectoryFold
from shared.commands.service import routers
from shared.consumer import Consumer, ConsumerMetrics
from shared.consumer import api as quarantine
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.eventstore.store import Pool, PostgresEventStore
from shared.http import health, positions
from shared.http.application import application, document
from shared.log.connect import open_log
from shared.log.readiness import Reach, reaching
from shared.outbox.relay import Relay, RelayMetrics
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.settings import ServiceSettings
from shared.runtime.telemetry import metrics_registry
from shared.startup import Opening, deployment_of, open_pool

WATCH_SECONDS = 0.5


class ConsumerFailed(Exception):
    """The replica can't go on in this process; a new one starts from the stored positions."""


class Meters:
    """What this service measures, once a process, however often its parts are opened."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.positions = positions.PositionMeters(registry)
        self.consumer = ConsumerMetrics(registry)
        self.relay = RelayMetrics(registry)


@dataclass(frozen=True, slots=True)
class Exchange:
    pool: Pool
    deployment: str
    commands: ExchangeCommands
    contributions: ContributionQueries
    relay: Relay
    consumer: Consumer
    tasks: Sequence[asyncio.Task[None]]
    reach: Reach

    async def watch(self) -> None:
        """Return or raise as soon as a part has ended that should run for ever."""
        while True:
            done, _ = await asyncio.wait(
                self.tasks, timeout=WATCH_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
                return
            if (failure := self.consumer.failure()) is not None:
                raise ConsumerFailed(failure)

    def failing(self) -> Sequence[str]:
        failure = self.relay.failure()
        relay = [] if failure is None else [f"its relay: {failure}"]
        return [*relay, *self.consumer.troubles(), *self.reach.problem()]

    async def positions(self) -> positions.Positions:
        replica = {
            (*at,): held for at, held in (await DirectoryLookup(self.pool).positions()).items()
        }
        return await positions.positions(self.pool, self.deployment, replica)


@asynccontextmanager
async def open_exchange(
    settings: ServiceSettings, meters: Meters, clock: Clock
) -> AsyncIterator[Exchange]:
    log = open_log(settings)
    owner = f"{socket.gethostname()}/{os.getpid()}"
    async with open_pool(settings.database_url) as pool, AsyncExitStack() as closing:
        deployment = await deployment_of(pool, "exchange")
        wake = asyncio.Event()
        store = PostgresEventStore(pool, clock=clock, on_commit=wake.set)
        relay = Relay(
            pool, log, deployment=deployment, owner=owner, wake=wake, metrics=meters.relay
        )
        consumer = Consumer(
            pool,
            log,
            name=CONSUMER,
            topics=TOPICS,
            handler=DirectoryFold(),
            deployment=deployment,
            owner=owner,
            metrics=meters.consumer,
            broken_run_max=settings.broken_run_max,
            retelling=TOPICS,
        )
        commands = ExchangeCommands(pool, store, await load_identity(pool))
        automatic = AutomaticConfirmation(pool, store, clock)
        closing.push_async_callback(log.stop)
        await log.start()
        closing.push_async_callback(consumer.stop)
        await consumer.start()
        tasks = [asyncio.create_task(relay.run()), asyncio.create_task(automatic.run())]
        closing.push_async_callback(_ended, relay, tasks)
        contributions = ContributionQueries(pool, store)
        async with reaching(log, (*TOPICS, EXCHANGE_ACTIVITY)) as reach:
            yield Exchange(pool, deployment, commands, contributions, relay, consumer, tasks, reach)


async def _ended(relay: Relay, tasks: Sequence[asyncio.Task[None]]) -> None:
    relaying, confirming = tasks
    relay.stop()
    confirming.cancel()
    await asyncio.gather(relaying, confirming, return_exceptions=True)


def _routers(opening: Opening[Exchange]) -> list[APIRouter]:
    def contributions() -> ContributionQueries:
        return opening.parts.contributions

    return [
        *routers(lambda: opening.parts.commands, AGGREGATES),
        reading(contributions),
        preview.router(lambda: opening.parts.commands.foresee, contributions, AGGREGATES.refusals),
    ]


def exchange_app(settings: ServiceSettings, clock: Clock | None = None) -> FastAPI:
    """Return the application; its parts open when it starts to serve."""
    metrics = metrics_registry()
    meters = Meters(metrics)
    opening = Opening(lambda: open_exchange(settings, meters, clock or SystemClock()))

    async def read() -> positions.Positions:
        return await opening.parts.positions()

    async def measure() -> None:
        meters.positions.show(await read())

    app = application(
        "exchange", metrics, AGGREGATES.refusals, opening.lifespan, settings.host_names
    )
    app.include_router(health.router(opening.waiting, metrics, measure))
    app.include_router(positions.router(read))
    app.include_router(
        quarantine.router(lambda: opening.parts.pool, lambda: [opening.parts.consumer])
    )
    for routes in _routers(opening):
        app.include_router(routes)
    document(app, list(AGGREGATES.kinds.values()))
    return app
