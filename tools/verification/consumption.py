"""Compares the positions of the consumers with the stores, and finds what they did not take."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from services.insights.projection.store import consumer_name
from shared.contracts.catalogue import BY_NAME
from shared.log.port import TopicPartition
from tools.verification.report import Report
from tools.verification.store import Pool

CONSUMERS = ("exchange", "insights")
CHECK = "consumers are not ahead of the stores"

SERVING = "SELECT version FROM projection_active"
POSITIONS = "SELECT consumer, topic, partition, position FROM consumer_position"
OFFSETS = "SELECT topic, partition, next_offset FROM consumer_position WHERE consumer = $1"
HELD = """
SELECT consumer, topic, partition, count(*) AS records, min(reason) AS reason FROM quarantine
WHERE status = 'held' AND consumer = ANY($1)
GROUP BY consumer, topic, partition ORDER BY consumer, topic, partition
"""
UNKNOWN = """
SELECT consumer, type, count(*) AS events FROM unknown_event WHERE consumer = ANY($1)
GROUP BY consumer, type ORDER BY consumer, type
"""


async def positions(pools: Mapping[str, Pool]) -> dict[tuple[str, TopicPartition], int]:
    """Return (consumer, partition) -> last position taken, of exchange and of the serving fold."""
    serving = consumer_name(await pools["insights"].fetchval(SERVING))
    found: dict[tuple[str, TopicPartition], int] = {}
    for name in CONSUMERS:
        for consumer, topic, partition, position in await pools[name].fetch(POSITIONS):
            if name != "insights" or consumer == serving:
                found[consumer, TopicPartition(topic, partition)] = position
    return found


async def offsets(pool: Pool, consumer: str) -> dict[TopicPartition, int]:
    """Return the first offset of each partition that the consumer has not dealt with."""
    return {
        TopicPartition(topic, partition): offset
        for topic, partition, offset in await pool.fetch(OFFSETS, consumer)
    }


def check_positions(
    taken: Mapping[tuple[str, TopicPartition], int],
    heads: Mapping[TopicPartition, int],
    report: Report,
) -> None:
    """Check that positions read before the heads are not beyond them."""
    for (consumer, partition), position in taken.items():
        report.compared["positions of consumers"] += 1
        if position > heads.get(partition, 0):
            report.problem(
                CHECK,
                f"{consumer} took position {position} of {partition.topic}/{partition.partition}, "
                f"where the store ends at {heads.get(partition, 0)}",
            )


async def check_records(
    pools: Mapping[str, Pool], consumers: AbstractSet[str], report: Report
) -> None:
    """Report the events that these consumers missed; note the events of unknown types."""
    names = list(consumers)
    for pool in (pools[name] for name in CONSUMERS):
        for consumer, topic, partition, records, reason in await pool.fetch(HELD, names):
            report.problem(
                "nothing is quarantined",
                f"{consumer} holds {records} records of {topic}/{partition} ({reason}): "
                "see `coprod quarantine list`",
            )
        for consumer, kind, events in await pool.fetch(UNKNOWN, names):
            if kind in BY_NAME:
                report.problem(
                    "no known event was passed over",
                    f"{consumer} passed over {events} events of {kind}, which an earlier build did "
                    "not know: `coprod rebuild` takes them in",
                )
            else:
                report.note(f"{consumer} passed over {events} events of the unknown type {kind}")
