"""Exchange keeps to the OpenAPI document that it publishes."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import validate

from services.exchange.app import exchange_app
from tests.support.conformance import complaints, listening
from tests.support.odd_requests import failures
from tests.support.service import embedded_settings, readiness

pytestmark = pytest.mark.postgres


async def test_the_service_conforms_to_its_valid_document(
    fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    app = exchange_app(embedded_settings(fresh_database("exchange"), fresh_database("log")))

    async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        await readiness(client, until='"ready"')
        validate((await client.get("/openapi.json")).json())

        assert await failures(client, "some-id") == []
        assert not await complaints(url, tmp_path, examples=3)
