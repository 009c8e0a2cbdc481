"""Insights in this process: a real database, and a log in memory that tests tell events to."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from services.insights.facts.dictionary import Codebook
from services.insights.projection.fold import Surroundings
from services.insights.projection.store import FOLDED, Pool
from services.insights.service import Insights, Meters
from shared.contracts import topics
from shared.log.port import Log
from shared.runtime.clock import FixedClock
from tests.services.insights.feed import NOON, Feed
from tests.support.memory_log import MemoryLog
from tests.support.polling import eventually
from tests.support.postgres import DEPLOYMENT


@pytest.fixture
async def pool(fresh_database: Callable[[str], str]) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(fresh_database("insights"), min_size=1, max_size=10) as pool:
        yield pool


@pytest.fixture
def log() -> MemoryLog:
    dead = [topics.PROVISIONED[topics.dead_letter(topic.name)] for topic in FOLDED]
    return MemoryLog([*FOLDED, topics.INSIGHTS_SERVICES, topics.INSIGHTS_CHANGES, *dead])


@pytest.fixture
def feed(log: MemoryLog) -> Feed:
    return Feed(log)


@dataclass
class Replicas:
    """Starts replicas of insights on one database; each is stopped at the end of the test."""

    pool: Pool
    log: Log
    feed: Feed
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOON))
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _numbers: Any = field(default_factory=count)

    async def start(self) -> Insights:
        around = self.surroundings()
        name = f"replica{next(self._numbers)}"
        insights = Insights(around, Meters(CollectorRegistry()), name)
        await insights.start()
        self.stack.push_async_callback(insights.close)
        await eventually(lambda: not insights.failing())
        return insights

    def surroundings(self) -> Surroundings:
        return Surroundings(
            pool=self.pool,
            log=self.log,
            codebook=Codebook(self.pool),
            clock=self.clock,
            deployment=DEPLOYMENT,
            owner="test",
            metrics=Meters(CollectorRegistry()).consumer,
        )

    async def folded(self, insights: Insights) -> None:
        """Return when everything that was told has been folded by somebody."""
        while True:
            reached = await insights.fold.store.positions()
            if all(reached.get(at, 0) >= told for at, told in self.feed.positions.items()):
                return


@pytest.fixture
async def replicas(pool: Pool, log: MemoryLog, feed: Feed) -> AsyncIterator[Replicas]:
    async with (replicas := Replicas(pool, log, feed)).stack:
        yield replicas
