"""An event store on a fresh database of its own."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from shared.eventstore.store import Pool, PostgresEventStore
from shared.runtime.clock import FixedClock
from tests.shared.eventstore.provider import T0


@pytest.fixture
async def pool(fresh_database: Callable[[str], str]) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(fresh_database("registry"), min_size=1, max_size=8) as opened:
        yield opened


@pytest.fixture
def store(pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(pool, clock=FixedClock(T0))
