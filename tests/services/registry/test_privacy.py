"""Who somebody is stays in registry's own database: in no event, no answer and no log line."""

import asyncio
from collections.abc import Callable

import asyncpg
import psycopg
import pytest
from psycopg import sql

from tests.services.registry.client import Registry, event

pytestmark = pytest.mark.postgres
NAME, CONTACT, LOCAL_ID = "Annabelle Quist", "annabelle@example.org", "civil-registry-77123"
EVERYTHING_PUBLISHED = """
SELECT to_jsonb(e) - 'data' || jsonb_build_object('data', convert_from(e.data, 'UTF8'))
FROM event AS e
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
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


async def test_a_refused_registration_leaves_nothing_behind(
    registry: Registry, registry_dsn: str, as_admin: Callable[[str], str]
) -> None:
    details = {"name": NAME, "contact": CONTACT}
    key = {"Idempotency-Key": "k1"}
    await registry.post("/v1/participants", key, channel="paper")

    refused = [
        await registry.post("/v1/participants", headers, local_id=LOCAL_ID, details=details)
        for headers in (key, {"If-Match": '"7"'}, {"Coprod-Agency": "nobody"})
    ]

    assert [one.status_code for one in refused] == [409, 412, 404]
    with psycopg.connect(as_admin(registry_dsn)) as connection:
        for (table,) in connection.execute(TABLES).fetchall():
            statement = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))
            assert LOCAL_ID not in str(connection.execute(statement).fetchall()), table


async def test_of_many_who_register_one_person_at_once_all_are_told_the_same(
    registry: Registry,
) -> None:
    people = [f"{LOCAL_ID}-{number}" for number in range(20)]

    answers = await asyncio.gather(
        *(
            registry.bulk(
                *(event(f"{n}-{one}", "register-participant", local_id=one) for one in order)
            )
            for n, order in enumerate((people, people[::-1], people[10:] + people[:10]))
        )
    )

    told = [
        {item["id"].partition("-")[2]: item["body"]["participant_id"] for item in items}
        for items in answers
    ]
    assert told[0] == told[1] == told[2]
    assert len(set(told[0].values())) == len(people)
