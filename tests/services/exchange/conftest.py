from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from tests.services.exchange.counter import Counter, open_counter, put, town


@pytest_asyncio.fixture
async def counter(fresh_database: Callable[[str], str]) -> AsyncIterator[Counter]:
    """A command service whose replica knows the town."""
    counter = await open_counter(fresh_database("exchange"))
    await put(counter.pool, *town())
    yield counter
    await counter.pool.close()
