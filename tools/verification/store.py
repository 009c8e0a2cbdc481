"""The event stores read with the read-only role: pages of events, and what holds within a store."""

from collections.abc import AsyncGenerator
from typing import TypeAlias

import asyncpg

from shared.contracts.envelope import Event
from shared.eventstore.store import page
from shared.log.port import TopicPartition
from tools.verification.report import Report

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
PAGE_EVENTS = 2_000

PARTITIONS = """
SELECT topic, partition, head.position AS head, events.counted, events.highest
FROM head FULL JOIN (
    SELECT topic, partition, count(*) AS counted, max(position) AS highest
    FROM event WHERE topic IS NOT NULL GROUP BY topic, partition
) AS events USING (topic, partition)
ORDER BY topic, partition
"""
STREAMS = """
SELECT stream_id, stream.version AS version, events.counted, events.highest
FROM stream FULL JOIN (
    SELECT stream_id, count(*) AS counted, max(version) AS highest
    FROM event GROUP BY stream_id
) AS events USING (stream_id)
WHERE stream.version IS DISTINCT FROM events.counted
    OR stream.version IS DISTINCT FROM events.highest
LIMIT 100
"""
STREAM_COUNT = "SELECT count(*) FROM stream"
RELAYED = "SELECT topic, partition, position FROM relay"
DEPLOYMENT = "SELECT id FROM deployment"


async def relayed(pool: Pool) -> dict[TopicPartition, int]:
    """Return how far the relay says it has published each partition."""
    rows = await pool.fetch(RELAYED)
    return {TopicPartition(row["topic"], row["partition"]): row["position"] for row in rows}


async def deployment(pool: Pool) -> str:
    found: str = await pool.fetchval(DEPLOYMENT)
    return found


async def events(
    pool: Pool, partition: TopicPartition, deployment_id: str
) -> AsyncGenerator[Event, None]:
    """Yield the published events of a partition in the order of their positions, page by page."""
    after = 0
    while stored := await page(pool, partition.topic, partition.partition, after, PAGE_EVENTS):
        for event in stored:
            yield event.published(deployment_id)
        after = stored[-1].position


async def check_density(name: str, pool: Pool, report: Report) -> dict[TopicPartition, int]:
    """Hold positions and versions to be dense; return the head of each partition.

    Each check is one statement, so that it sees one moment of a store under load.
    """
    heads: dict[TopicPartition, int] = {}
    for row in await pool.fetch(PARTITIONS):
        partition = TopicPartition(row["topic"], row["partition"])
        heads[partition] = row["head"] or 0
        report.compared["partitions of stores"] += 1
        if not row["head"] == row["counted"] == row["highest"]:
            report.problem(
                "positions are dense",
                f"{name}: {partition.topic}/{partition.partition} has its head at {row['head']}, "
                f"{row['counted']} events, the highest at {row['highest']}",
            )
    report.compared["streams"] += await pool.fetchval(STREAM_COUNT)
    for row in await pool.fetch(STREAMS):
        report.problem(
            "versions are dense",
            f"{name}: stream {row['stream_id']} is at version {row['version']}, has "
            f"{row['counted']} events, the highest of version {row['highest']}",
        )
    return heads
