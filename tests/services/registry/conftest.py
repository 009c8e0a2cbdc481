from collections.abc import AsyncIterator, Callable

import httpx
import pytest_asyncio

from services.registry.app import registry_app
from tests.services.registry.client import Registry
from tests.support.service import embedded_settings, serving


@pytest_asyncio.fixture
async def registry_dsn(fresh_database: Callable[[str], str]) -> str:
    return fresh_database("registry")


@pytest_asyncio.fixture
async def http(
    registry_dsn: str, fresh_database: Callable[[str], str]
) -> AsyncIterator[httpx.AsyncClient]:
    app = registry_app(embedded_settings(registry_dsn, fresh_database("log")))
    async with serving(app) as client:
        yield client


@pytest_asyncio.fixture
async def registry(http: httpx.AsyncClient) -> Registry:
    """A registry that knows the agency ``local``."""
    client = Registry(http)
    await client.post("/v1/agencies", agency_id="local", name="Town")
    return client
