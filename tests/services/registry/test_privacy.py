"""Who somebody is stays in registry's own database: in no event, no answer and no log line."""

import asyncpg
import pytest

from tests.services.registry.client import Registry, event

pytestmark = pytest.mark.postgres
NAME, CONTACT, LOCAL_ID = "Annabelle Quist", "annabelle@example.org", "civil-registry-77123"
EVERYTHING_PUBLISHED = """
SELECT to_jsonb(e) - 'data' || jsonb_build_object('data', convert_from(e.data, 'UTF8'))
FROM event AS e
"""
EVERYTHING_REMEMBERED = (
    "SELECT convert_from(body, 'UTF8') || convert_from(headers, 'UTF8') FROM idempotency"
)


async def test_no_event_and_no_answer_says_who_somebody_is(
    registry: Registry, registry_dsn: str, capfd: pytest.CaptureFixture[str]
) -> None:
    details = {"name": NAME, "contact": CONTACT}
    service_id = await registry.service()

    items = await registry.bulk(
        event("1", "register-participant", local_id=LOCAL_ID, details=details),
        event("2", "register-participant", local_id=LOCAL_ID, details=details, nickname=NAME),
    )
    person = items[0]["body"]["participant_id"]
    alone = await registry.post("/v1/participants", local_id=LOCAL_ID, details=details)
    await registry.post(
        f"/v1/services/{service_id}/roles", participant_id=person, party="user", since="2026-01-01"
    )

    connection = await asyncpg.connect(registry_dsn)
    stored = await connection.fetch(EVERYTHING_PUBLISHED)
    remembered = await connection.fetch(EVERYTHING_REMEMBERED)
    published = [await connection.fetchval("SELECT count(*) FROM event")]
    await connection.close()
    said = [str(row[0]) for row in (*stored, *remembered)] + [str(items), alone.text]
    assert published[0] >= 5
    for text in (*said, *capfd.readouterr()):
        for secret in (NAME, CONTACT, LOCAL_ID):
            assert secret not in text
