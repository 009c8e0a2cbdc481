"""Registry keeps to the OpenAPI document that it publishes."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import validate

from services.registry.app import registry_app
from tests.services.registry.client import Registry
from tests.support.conformance import complaints, listening
from tests.support.odd_requests import failures
from tests.support.service import embedded_settings, readiness

pytestmark = pytest.mark.postgres


async def test_the_document_is_valid(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    validate(document)


async def test_the_service_conforms_to_its_document(
    fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    app = registry_app(embedded_settings(fresh_database("registry"), fresh_database("log")))

    async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        await readiness(client, until='"ready"')
        await Registry(client).post("/v1/agencies", agency_id="local", name="Town")

        assert await failures(client, "local") == []
        assert not await complaints(url, tmp_path, examples=8)
