"""The read models hold nothing of the public language that the events do not say."""

from collections.abc import Callable

import asyncpg
import orjson
import pytest

from services.registry.aggregates import CHANGES
from services.registry.projection import project
from shared.eventstore.store import PostgresEventStore
from shared.runtime.clock import SystemClock
from tests.services.registry.client import Registry

pytestmark = pytest.mark.postgres
TABLES = ("agency", "service", "service_provider", "participant", "affiliation", "role_period")
CHANGE = "SELECT change_read_models($1)"
STREAMS = "SELECT stream_id FROM event ORDER BY topic, partition, position"


async def test_read_models_can_be_made_again_from_the_events(
    registry: Registry, registry_dsn: str, fresh_database: Callable[[str], str]
) -> None:
    await _some_history(registry)

    async with asyncpg.create_pool(registry_dsn) as live:
        store = PostgresEventStore(live, clock=SystemClock())
        ordered = dict.fromkeys(row["stream_id"] for row in await live.fetch(STREAMS))
        histories = await store.read_many(sorted(ordered, key=_agencies_first))
        async with asyncpg.create_pool(fresh_database("registry")) as again:
            for history in histories.values():
                changes = orjson.dumps(project(history, CHANGES, {})).decode()
                await again.execute(CHANGE, changes)

            for table in TABLES:
                rows = f"SELECT to_jsonb(t) FROM {table} AS t ORDER BY 1"
                assert await again.fetch(rows) == await live.fetch(rows), table


def _agencies_first(stream_id: str) -> tuple[int, str]:
    kinds = ("agency", "service", "participant", "role")
    return kinds.index(stream_id.partition("-")[0]), stream_id


async def _some_history(registry: Registry) -> None:
    service_id = await registry.service(starts_on="2026-02-01")
    path = f"/v1/services/{service_id}"
    person = await registry.participant(channel="phone")
    await registry.http.patch(path, json={"name": "Books", "starts_on": "2026-01-01"})
    await registry.post(f"{path}/providers", organisation_id="friends")
    await registry.post(f"{path}/providers", organisation_id="neighbours")
    await registry.http.delete(f"{path}/providers/friends")
    await registry.post(f"{path}/close", closed_on="2026-09-01")
    roles = f"{path}/roles"
    await registry.post(roles, participant_id=person, party="user", since="2026-03-01")
    await registry.post(f"{roles}/{person}/move-start", party="user", since="2026-02-01")
    await registry.post(f"{roles}/{person}/end", until="2026-04-01")
    await registry.post(roles, participant_id=person, party="professional", since="2026-05-01")
    affiliations = f"/v1/participants/{person}/affiliations"
    await registry.post(affiliations, organisation_id="org", employed=False, since="2026-01-01")
    await registry.post(f"{affiliations}/org/end", until="2026-02-01")
