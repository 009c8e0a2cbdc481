"""Insights keeps to the OpenAPI document that it publishes."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import validate

from services.insights.app import insights_app
from shared.log.embedded.log import EmbeddedLog
from shared.runtime.clock import FixedClock
from tests.services.insights.feed import NOON, Feed, registered
from tests.support.archetypes import time_bank
from tests.support.conformance import complaints, listening
from tests.support.odd_requests import failures
from tests.support.service import embedded_settings, readiness

pytestmark = pytest.mark.postgres


async def test_the_service_conforms_to_its_valid_document(
    fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    settings = embedded_settings(fresh_database("insights"), fresh_database("log"))
    app, leaving = insights_app(settings, FixedClock(NOON))
    log = EmbeddedLog(settings.log_url or "")
    await log.start()

    async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        await readiness(client, until='"ready"')
        await Feed(log).tell([registered("service-1"), *time_bank().events])
        validate((await client.get("/openapi.json")).json())

        assert await failures(client, "service-1") == []
        assert not await complaints(url, tmp_path, examples=3)
        await leaving()

    await log.stop()
