from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest_asyncio

from services.exchange.app import exchange_app
from services.registry.app import registry_app
from tests.support.service import embedded_settings, serving
from tests.tools.importing.office import Office
from tools.bulk import Service


@pytest_asyncio.fixture
async def office(fresh_database: Callable[[str], str]) -> AsyncIterator[Office]:
    """A registry and an exchange that nobody has used, and the files of an agency."""
    log = fresh_database("log")
    async with AsyncExitStack() as stack:
        registry, exchange = [
            await stack.enter_async_context(serving(app))
            for app in (
                registry_app(embedded_settings(fresh_database("registry"), log)),
                exchange_app(embedded_settings(fresh_database("exchange"), log)),
            )
        ]
        yield Office(Service("registry", registry), Service("exchange", exchange))
