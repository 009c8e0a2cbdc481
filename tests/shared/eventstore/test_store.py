"""The promises of the event table: dense positions in commit order; events never change."""

import asyncio
from collections import defaultdict
from random import Random

import asyncpg
import pytest

from shared.clock import SystemClock
from shared.contracts import catalogue, envelope
from shared.eventstore.handling import handle
from shared.eventstore.store import Pool, PostgresEventStore
from tests.shared.eventstore.provider import (
    link,
    note_in_private,
    project_and_fail,
    project_nothing,
)

pytestmark = pytest.mark.postgres
LARGE_EVENTS = """
INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type, subject,
                   key, time, recorded_at, actor, data)
SELECT 's', n, 't', 0, n, gen_random_uuid(), '', '', '', '', now(), now(), '',
    convert_to(repeat('x', 1000000), 'utf8')
FROM generate_series(1, 40) AS n
"""


async def write(store: PostgresEventStore, writer: int, batches: int) -> None:
    dice = Random(writer)
    for number in range(batches):
        services = [f"s{dice.randrange(12)}" for _ in range(dice.randint(1, 6))]
        commands = [link(s, f"{writer}-{number}-{i}") for i, s in enumerate(services)]
        try:
            await handle(
                store, commands, project_and_fail if dice.random() < 0.2 else project_nothing
            )
        except asyncpg.CaseNotFoundError:
            continue


async def test_a_page_of_large_events_ends_early(store: PostgresEventStore, pool: Pool) -> None:
    await pool.execute(LARGE_EVENTS)

    page = await store.page("t", 0, 0, 1000)
    rest = await store.page("t", 0, page[-1].position, 1000)

    assert 1 < len(page) < 30
    assert page[0].position == 1
    assert rest[0].position == len(page) + 1


async def test_concurrent_writers_leave_no_hole_and_versions_follow_positions(
    store: PostgresEventStore, pool: Pool
) -> None:
    await asyncio.gather(*(write(store, writer, 25) for writer in range(8)))

    for (topic, partition), head in (await store.heads()).items():
        page = await store.page(topic, partition, 0, 10_000)
        assert [event.position for event in page] == list(range(1, head + 1))
        versions: dict[str, list[int]] = defaultdict(list)
        for event in page:
            versions[event.subject].append(event.version)
        for seen in versions.values():
            assert seen == list(range(1, len(seen) + 1))
    assert (
        await pool.fetchval(
            "SELECT count(*) FROM stream s WHERE version <> "
            "(SELECT max(version) FROM event e WHERE e.stream_id = s.stream_id)"
        )
        == 0
    )


async def test_a_reader_that_follows_positions_never_misses_one(
    store: PostgresEventStore,
) -> None:
    writing = asyncio.gather(*(write(store, writer, 15) for writer in range(6)))
    seen: dict[tuple[str, int], int] = defaultdict(int)

    while not writing.done():
        for topic, partition in await store.heads():
            for event in await store.page(topic, partition, seen[topic, partition], 50):
                assert event.position == seen[topic, partition] + 1
                seen[topic, partition] = event.position
    await writing


async def test_events_cannot_be_changed_or_removed(store: PostgresEventStore, pool: Pool) -> None:
    await handle(store, [link("s1", "o1")], project_nothing)

    for statement in ("UPDATE event SET data = ''", "DELETE FROM event", "TRUNCATE event"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changed"):
            await pool.execute(statement)


async def test_what_is_stored_is_what_is_published_and_the_actor_is_not(
    store: PostgresEventStore, pool: Pool
) -> None:
    command = link("s1", "o1")
    await handle(store, [command, note_in_private("s1")], project_nothing)
    ((topic, partition),) = await store.heads()

    (stored,) = await store.page(topic, partition, 0, 10)

    event = stored.published("deployment")
    (recorded, _) = await store.read("service-s1")
    assert event.data == catalogue.encode(recorded.event)
    assert (event.sequence, event.position, event.key) == (1, 1, "s1")
    assert event.source == "/agencies/local/systems/api"
    assert await pool.fetchval("SELECT DISTINCT actor FROM event") == "ann"
    assert b"ann" not in b"".join(value for _, value in envelope.headers(event))
    assert envelope.parse(topic, partition, envelope.headers(event), event.data) == event


async def test_a_commit_wakes_the_relay_and_a_refusal_does_not(pool: Pool) -> None:
    wakes: list[str] = []
    store = PostgresEventStore(pool, clock=SystemClock(), on_commit=lambda: wakes.append("woken"))

    await handle(store, [link("s1", "o1")], project_nothing)
    await handle(store, [link("s1", "o1")], project_nothing)

    assert wakes == ["woken"]


async def test_a_transaction_that_hangs_is_ended_and_holds_up_nobody(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.fetchval(
            "SELECT move_streams("
            + ",".join(["'{}'"] * 9)
            + ", now(), "
            + ",".join(["'{}'"] * 6)
            + ")"
        )
        settings = [
            await connection.fetchval("SELECT current_setting($1)", name)
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        ]

    assert settings == ["1s", "5s", "2s"]
