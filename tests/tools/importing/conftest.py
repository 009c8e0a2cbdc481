from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from tests.support.write_side import write_side
from tests.tools.importing.office import Office


@pytest_asyncio.fixture
async def office(fresh_database: Callable[[str], str]) -> AsyncIterator[Office]:
    """The office of an agency that has registered and recorded nothing yet."""
    async with write_side(fresh_database) as services:
        yield Office(*services)
