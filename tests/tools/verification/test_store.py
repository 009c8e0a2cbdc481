"""Holes in a store, and consumers that are ahead of it, are found on a real database."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from shared.contracts.topics import REGISTRY_AGENCIES
from shared.log.port import TopicPartition
from tools.verification.consumption import check_positions, check_records
from tools.verification.report import Report
from tools.verification.store import Pool, check_density

pytestmark = pytest.mark.postgres

HERE = TopicPartition(REGISTRY_AGENCIES.name, 0)
HEAD = "INSERT INTO head VALUES ($1, $2, $3)"
STREAM = "INSERT INTO stream VALUES ($1, $2, $3, 0, 'k')"
EVENT = """
INSERT INTO event VALUES ($1, $2, $3, 0, $4, gen_random_uuid(), 's', 't', 'u', 'k', now(), now(),
    NULL, NULL, 'a', '{}')
"""
QUARANTINED = """
INSERT INTO quarantine (consumer, topic, partition, log_offset, reason, detail, headers)
VALUES ($1, $2, 0, 7, 'broken', 'd', '[]')
"""
UNKNOWN = "INSERT INTO unknown_event VALUES ($1, $2, 0, 3, $3)"


@pytest.fixture
async def pool(fresh_database: Callable[[str], str]) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(fresh_database("exchange"), min_size=1, max_size=1) as made:
        yield made


async def store_events(pool: Pool, positions: list[int], *, head: int, version: int) -> None:
    await pool.execute(HEAD, *HERE, head)
    await pool.execute(STREAM, "stream", version, HERE.topic)
    for number, position in enumerate(positions, start=1):
        await pool.execute(EVENT, "stream", number, HERE.topic, position)


async def test_a_sound_store_is_clean(pool: Pool) -> None:
    await store_events(pool, [1, 2, 3], head=3, version=3)
    report = Report()

    heads = await check_density("exchange", pool, report)

    assert report.clean
    assert heads == {HERE: 3}
    assert report.compared["streams"] == 1


@pytest.mark.parametrize(
    ("positions", "head", "version", "check"),
    [
        ([1, 3], 3, 2, "positions are dense"),
        ([1, 2], 3, 2, "positions are dense"),
        ([1, 2, 3], 2, 3, "positions are dense"),
        ([1, 2], 2, 3, "versions are dense"),
    ],
)
async def test_holes_are_found(
    pool: Pool, positions: list[int], head: int, version: int, check: str
) -> None:
    await store_events(pool, positions, head=head, version=version)
    report = Report()

    await check_density("exchange", pool, report)

    assert report.counts[check] == 1


def test_a_consumer_ahead_of_the_store_is_found() -> None:
    report = Report()

    check_positions({("c", HERE): 4, ("d", HERE): 3}, {HERE: 3}, report)

    assert sum(report.counts.values()) == 1
    assert report.compared["positions of consumers"] == 2


async def test_what_a_serving_consumer_holds_back_is_found(pool: Pool) -> None:
    known, unknown = "org.coprod.registry.agency.registered.v1", "org.coprod.registry.new.v9"
    for consumer in ("serving", "earlier"):
        await pool.execute(QUARANTINED, consumer, HERE.topic)
    await pool.execute(UNKNOWN, "serving", HERE.topic, known)
    await pool.execute(UNKNOWN, "earlier", HERE.topic, known)
    await pool.execute(UNKNOWN, "serving", f"{HERE.topic}.other", unknown)
    report = Report()

    await check_records({"exchange": pool, "insights": pool}, {"serving"}, report)

    assert report.counts["nothing is quarantined"] == 2  # once for each of the two databases
    assert report.counts["no known event was passed over"] == 2
    assert any(unknown in note for note in report.notes)
