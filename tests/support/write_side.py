"""Registry and exchange in this process, as one who only writes to them needs them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from services.exchange.app import exchange_app
from services.registry.app import registry_app
from tests.support.service import embedded_settings, serving
from tools.bulk import ServiceClient


@asynccontextmanager
async def write_side(
    fresh_database: Callable[[str], str],
) -> AsyncIterator[tuple[ServiceClient, ServiceClient]]:
    """Return a registry and an exchange that nobody has used, with one log between them."""
    log = fresh_database("log")
    apps = {
        "registry": registry_app(embedded_settings(fresh_database("registry"), log)),
        "exchange": exchange_app(embedded_settings(fresh_database("exchange"), log)),
    }
    async with AsyncExitStack() as stack:
        registry, exchange = [
            ServiceClient(name, await stack.enter_async_context(serving(app)))
            for name, app in apps.items()
        ]
        yield registry, exchange


async def heads(services: tuple[ServiceClient, ServiceClient]) -> dict[str, int]:
    """Return how much each store holds, by topic and partition."""
    stores = [await service.get("/v1/positions") for service in services]
    return {at: position for store in stores for at, position in store["heads"].items()}
