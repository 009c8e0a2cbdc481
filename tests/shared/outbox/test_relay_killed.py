"""Relays that are killed at any moment, in real processes: nothing lost, nothing reordered."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import asyncpg
import pytest

from shared.contracts.topics import REGISTRY_SERVICES
from shared.eventstore.handling import handle
from shared.eventstore.store import Pool, PostgresEventStore
from shared.log.embedded.log import EmbeddedLog
from shared.log.port import TopicPartition
from shared.outbox.relay import progress
from shared.runtime.clock import SystemClock
from tests.shared.eventstore.provider import link, project_nothing
from tests.support.log import position_of

pytestmark = [pytest.mark.postgres, pytest.mark.system]
KILLS = 6
TAKEOVER_SECONDS_MAX = 5


@asynccontextmanager
async def two_relays(store_dsn: str, log_dsn: str) -> AsyncIterator[list[Process]]:
    """Run two processes; what is in the list at the end is ended."""

    running = [await start(store_dsn, log_dsn), await start(store_dsn, log_dsn)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            await process.wait()


async def start(store_dsn: str, log_dsn: str) -> Process:
    module = ("-m", "tests.support.relay_process", store_dsn, log_dsn)
    return await asyncio.create_subprocess_exec(sys.executable, *module)


async def test_killed_relays_lose_and_reorder_nothing(fresh_database: Callable[[str], str]) -> None:
    store_dsn, log_dsn = fresh_database("registry"), fresh_database("log")
    dice = Random(7)
    async with (
        asyncpg.create_pool(store_dsn, min_size=1, max_size=4) as pool,
        two_relays(store_dsn, log_dsn) as running,
    ):
        store = PostgresEventStore(pool, clock=SystemClock())
        for number in range(KILLS):
            await write(store, number, dice)
            await relayed_past(pool, dice.random())
            victim = running.pop(0)
            victim.kill()
            await victim.wait()
            await write(store, number + 1000, dice)
            running.append(await start(store_dsn, log_dsn))
        await relayed_past(pool, 1.0)
        await compare(store, log_dsn)


async def write(store: PostgresEventStore, number: int, dice: Random) -> None:
    services = [f"s{dice.randrange(40)}" for _ in range(300)]
    commands = [link(service, f"{number}-{i}") for i, service in enumerate(services)]
    await handle(store, commands, project_nothing)


async def relayed_past(pool: Pool, share: float) -> None:
    """Wait until that share of all events is in the log.

    Raises:
        TimeoutError: nobody took over from a process that died.
    """
    async with asyncio.timeout(TAKEOVER_SECONDS_MAX * 4):
        while True:
            found = (await progress(pool)).values()
            if sum(done for _, done in found) >= share * sum(head for head, _ in found):
                return
            await asyncio.sleep(0.005)


async def compare(store: PostgresEventStore, log_dsn: str) -> None:
    """Assert that each partition, without repeats, is what the store holds, byte by byte."""
    log = EmbeddedLog(log_dsn)
    await log.start()
    for (topic, partition), head in (await store.heads()).items():
        kept: list[bytes | None] = []
        for record in await log.read_all(TopicPartition(topic, partition)):
            position = position_of(record)
            assert position <= len(kept) + 1
            if position == len(kept) + 1:
                kept.append(record.value)
        assert kept == [event.data for event in await store.page(topic, partition, 0, head)]
        assert len(kept) == head
    await log.stop()
    assert {topic for topic, _ in await store.heads()} == {REGISTRY_SERVICES.name}
