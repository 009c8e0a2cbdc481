"""What a running insights sends is, field for field, what its published documents say.

The documents let a reader meet fields that it does not know; here no object may have any, so that a
new field has to be declared.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from services.insights.app import insights_app
from services.insights.gateway.stream import HEARTBEAT
from services.insights.metrics.thresholds import LENSES
from services.insights.projection.store import Pool
from shared.contracts import documents
from shared.contracts.exchange import ContributionDisputed, ContributionRecorded
from shared.contracts.snapshot_document import SNAPSHOT_TYPE
from shared.contracts.topics import INSIGHTS_SERVICES
from shared.contracts.vocabulary import Message
from shared.log.embedded.log import EmbeddedLog
from shared.runtime.clock import FixedClock
from tests.services.insights.feed import NOON, Feed, registered, renamed
from tests.support.archetypes import (
    Story,
    consultation,
    home_visits,
    participatory_budget,
    repair_cafe,
    youth_court,
)
from tests.support.conformance import listening
from tests.support.polling import eventually
from tests.support.service import embedded_settings, readiness

pytestmark = pytest.mark.postgres
STORIES = (youth_court, home_visits, participatory_budget, consultation, repair_cafe)
SERVICES = len(STORIES) + 1  # and one of which nothing happened
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Running:
    client: httpx.AsyncClient
    log_url: str


@pytest.fixture
async def running(fresh_database: Callable[[str], str]) -> AsyncIterator[Running]:
    """An insights that listens, and was told of services of several kinds."""
    settings = embedded_settings(fresh_database("insights"), fresh_database("log"))
    app, leaving = insights_app(settings, FixedClock(NOON))
    log = EmbeddedLog(settings.log_url or "")
    await log.start()
    async with listening(app) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        await readiness(client, until='"ready"')
        await Feed(log).tell(told())
        yield Running(client, settings.log_url or "")
        await leaving()
    await log.stop()


def told() -> Iterator[Message]:
    yield registered("service-0", local_id=None, provides="care")
    for number, story in enumerate(STORIES, start=1):
        yield registered(f"service-{number}")
        yield from renamed([*story().events, *undecided()], f"service-{number}")


def undecided() -> list[Message]:
    """Return two acts that do not count yet, one of them disputed."""
    waits, disputed = (Story().act("u1", 1, contribution_id=name) for name in ("waits", "disputed"))
    return [
        ContributionRecorded(act=waits, confirm_due_at=NOON + timedelta(days=13)),
        ContributionRecorded(act=disputed, confirm_due_at=NOON + timedelta(days=13)),
        ContributionDisputed(act=disputed, by="u2", reason_code="mistake", counted=False),
    ]


def closed(node: Any) -> Any:
    """Return the schema with no room for a field that it does not name."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {name: closed(value) for name, value in node.items()}
    return {**schema, "additionalProperties": False} if "properties" in node else schema


def checked(document: Document, schema: Document, value: object) -> None:
    """Hold a value to a schema of the closed document."""
    whole = {**schema, "components": document["components"]}
    wrong = best_match(Draft202012Validator(whole).iter_errors(value))
    assert wrong is None, (wrong.json_path, wrong.message)


async def frames(running: Running, view: str, first: int) -> list[ServerSentEvent]:
    """Return the frames of one client, up to the ``first`` services that it is shown."""
    shown: dict[str, ServerSentEvent] = {}
    query = {"view": view}
    async with aconnect_sse(running.client, "GET", "/v1/stream", params=query) as source:
        async for event in source.aiter_sse():
            shown[event.json()["service"]["service_id"]] = event
            if len(shown) == first:
                return list(shown.values())
    raise AssertionError(shown)


@pytest.mark.parametrize("view", ["full", "glance"])
async def test_every_frame_of_the_stream_is_as_documented(running: Running, view: str) -> None:
    document = closed(documents.asyncapi("insights"))
    messages = document["components"]["messages"]

    for event in await frames(running, view, SERVICES):
        message = messages[event.event]
        checked(document, message["headers"], {"event": event.event, "id": event.id})
        checked(document, message["payload"], event.json())

    assert HEARTBEAT == b"event: heartbeat\ndata: {}\n\n"
    checked(document, messages["heartbeat"]["headers"], {"event": "heartbeat"})
    checked(document, messages["heartbeat"]["payload"], {})


async def test_every_record_of_the_compacted_topic_is_as_documented(running: Running) -> None:
    document = closed(documents.asyncapi("insights"))
    await frames(running, "full", SERVICES)  # every service has been published by then

    async with asyncpg.create_pool(running.log_url) as pool:
        await eventually(lambda: _published(pool))
        records = await _published(pool)

    for record in records:
        message = document["components"]["messages"][SNAPSHOT_TYPE]
        checked(document, message["payload"], orjson.loads(record))


async def _published(pool: Pool) -> list[bytes]:
    """Return the value of every record, once every service has one."""
    query = "SELECT value FROM log_latest WHERE topic = $1"
    found = [row["value"] for row in await pool.fetch(query, INSIGHTS_SERVICES.name)]
    return found if len(found) == SERVICES else []


async def test_every_answer_about_a_service_is_as_documented(running: Running) -> None:
    document = closed((await running.client.get("/openapi.json")).json())
    await frames(running, "glance", SERVICES)

    for path in ("/v1/services", *_asked()):
        answer = await running.client.get(path)
        assert answer.status_code == 200, answer.text
        kind = path.partition("?")[0].split("/")[4:]
        route = "/".join(
            ("/v1/services", *(["{service}", *kind] if path != "/v1/services" else ()))
        )
        schema = document["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]
        checked(document, schema["schema"], answer.json())


def _asked() -> Iterator[str]:
    for service in (f"/v1/services/service-{number}" for number in range(SERVICES)):
        yield service
        yield f"{service}/verdict?window=28d"
        yield f"{service}/verdict?window=life"
        for lens in LENSES:
            yield f"{service}/metrics?window=life&lens={lens}"
    for metric in ("A1", "E1b", "Q4"):
        yield f"/v1/services/service-1/history?metric={metric}&step=30"
    yield "/v1/services/service-1/trends?step=30"
