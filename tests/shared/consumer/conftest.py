from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from shared.consumer import Consumer
from shared.consumer.quarantine import Pool
from shared.contracts import topics
from shared.log.port import Log, TopicPartition
from tests.support import ledger
from tests.support.ledger import Ledger
from tests.support.log import LOG_TOPICS
from tests.support.memory_log import MemoryLog
from tests.support.postgres import DEPLOYMENT
from tests.support.stream import AT

CONSUMED = (topics.REGISTRY_SERVICES,)


@pytest.fixture
async def pool(
    fresh_database: Callable[[str], str], as_admin: Callable[[str], str]
) -> AsyncIterator[Pool]:
    dsn = fresh_database("exchange")
    admin = await asyncpg.connect(as_admin(dsn))
    await admin.execute(ledger.CREATE)
    await admin.close()
    async with asyncpg.create_pool(dsn, min_size=1, max_size=6) as pool:
        yield pool


@dataclass
class Readers:
    """Starts consumers on one database; each is stopped at the end of the test."""

    pool: Pool
    log: Log
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self, handler: Ledger, log: Log | None = None, **options: Any) -> Consumer:
        consumer = Consumer(
            self.pool,
            log or self.log,
            name="reader",
            topics=CONSUMED,
            handler=handler,
            deployment=DEPLOYMENT,
            owner=handler.owner,
            **options,
        )
        await consumer.start()
        self.stack.push_async_callback(consumer.stop)
        return consumer

    async def applied(self, at: TopicPartition = AT) -> list[int]:
        return [row["position"] for row in await self.pool.fetch(ledger.POSITIONS, *at)]

    async def position(self, at: TopicPartition = AT) -> Any:
        return await self.pool.fetchval(
            "SELECT position FROM consumer_position WHERE topic = $1 AND partition = $2", *at
        )


@pytest.fixture
def log() -> MemoryLog:
    dead = [topics.PROVISIONED[topics.dead_letter(topic.name)] for topic in CONSUMED]
    return MemoryLog([*LOG_TOPICS, *CONSUMED, *dead])


@pytest.fixture
async def readers(pool: Pool, log: MemoryLog) -> AsyncIterator[Readers]:
    async with (readers := Readers(pool, log)).stack:
        yield readers
