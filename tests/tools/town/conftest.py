from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from tests.support.write_side import write_side
from tools.bulk import ServiceClient


@pytest_asyncio.fixture
async def services(
    fresh_database: Callable[[str], str],
) -> AsyncIterator[tuple[ServiceClient, ServiceClient]]:
    """A registry and an exchange that nobody has used."""
    async with write_side(fresh_database) as services:
        yield services
