"""What insights folded, event by event: facts against the same facts made of the stores by SQL.

Each event up to the position of the fold has to be accounted for: folded, quarantined or, being of
a type that the fold did not know, passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.insights.projection.store import SOURCES
from shared.log.port import TopicPartition
from tools.oracle.facts import FROM_EVENTS, FactFile, Row, from_events
from tools.verification.report import Report
from tools.verification.store import Pool

CHECK = "facts equal their recomputation"
ACCOUNTS = "every published event is accounted for"
PAGE_EVENTS = 5_000

SERVING = "SELECT version FROM projection_active"
CHUNKS = """
SELECT first_position, counts, packed FROM fact_chunk
WHERE projection = $1 AND topic = $2 AND partition = $3
    AND last_position > $4 AND first_position <= $5
"""
NAMES = "SELECT code, value FROM code WHERE code = ANY($1::integer[])"
QUARANTINED = """
SELECT topic, partition, position, log_offset, status FROM quarantine WHERE consumer = $1
"""
PASSED_OVER = "SELECT topic, partition, position FROM unknown_event WHERE consumer = $1"


@dataclass(slots=True)
class Left:
    """What a consumer did not take of one partition: positions, and quarantined offsets."""

    quarantined: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)
    put_away: set[int] = field(default_factory=set)

    @property
    def positions(self) -> set[int]:
        return self.quarantined | self.unknown


async def left_by(pool: Pool, consumer: str) -> dict[TopicPartition, Left]:
    """Return what the consumer did not take, without what a later retry took."""
    found: dict[TopicPartition, Left] = {}
    for topic, partition, position, offset, status in await pool.fetch(QUARANTINED, consumer):
        left = found.setdefault(TopicPartition(topic, partition), Left())
        left.put_away.add(offset)
        if position is not None and status != "retried":
            left.quarantined.add(position)
    for topic, partition, position in await pool.fetch(PASSED_OVER, consumer):
        found.setdefault(TopicPartition(topic, partition), Left()).unknown.add(position)
    return found


def check_accounts(
    consumer: str, at: TopicPartition, taken: int, left: Left, report: Report
) -> None:
    """Check that quarantined and skipped events exist, each left out for one reason."""
    folded = taken - len(left.positions)
    report.compared["events accounted for"] += taken
    report.compared["events folded"] += folded
    report.compared["events quarantined"] += len(left.quarantined)
    report.compared["events passed over"] += len(left.unknown)
    beyond = [position for position in left.positions if not 1 <= position <= taken]
    twice = left.quarantined & left.unknown
    if beyond or twice:
        report.problem(
            ACCOUNTS,
            f"{consumer} took {taken} events of {at.topic}/{at.partition}, and left others: "
            f"{sorted(beyond)[:5]}, twice {sorted(twice)[:5]}",
        )


def check_strangers(
    consumer: str, at: TopicPartition, strangers: Sequence[int], left: Left, report: Report
) -> None:
    """Check that every record that was read and is no event was put into quarantine."""
    lost = [offset for offset in strangers if offset not in left.put_away]
    report.compared["strange records put away"] += len(strangers) - len(lost)
    if lost:
        report.problem(
            ACCOUNTS,
            f"{consumer} dropped {len(lost)} records of {at.topic}/{at.partition} that are no "
            f"events, for instance at offset {lost[0]}",
        )


async def check_facts(
    pools: Mapping[str, Pool],
    taken: Mapping[TopicPartition, int],
    left: Mapping[TopicPartition, Left],
    report: Report,
) -> None:
    """Compare all facts of the serving projection, up to the positions taken."""
    serving = await pools["insights"].fetchval(SERVING)
    producers = {topic.name: topic.producer for topic in SOURCES}
    for at, upto in taken.items():
        if at.topic not in producers:
            continue
        skipped = sorted(left.get(at, Left()).positions)
        for after in range(0, upto, PAGE_EVENTS):
            last = min(upto, after + PAGE_EVENTS)
            rows = await pools[producers[at.topic]].fetch(FROM_EVENTS, *at, after, last, skipped)
            due = {row["position"]: from_events(row["facts"]) for row in rows}
            found = await _stored(pools["insights"], serving, at, after, last)
            _compare(at, due, found, report)


def _compare(
    at: TopicPartition,
    due: Mapping[int, Sequence[Row]],
    found: Mapping[int, Sequence[Row]],
    report: Report,
) -> None:
    report.compared["facts"] += sum(map(len, found.values()))
    for position in sorted(due.keys() | found.keys()):
        told, expected = found.get(position, []), due.get(position, [])
        if told != expected:
            report.problem(
                CHECK, f"{at.topic}/{at.partition} position {position}: {told}, not {expected}"
            )


async def _stored(
    pool: Pool, serving: int, at: TopicPartition, after: int, last: int
) -> dict[int, list[Row]]:
    rows = await pool.fetch(CHUNKS, serving, *at, after, last)
    chunks = [FactFile(row["first_position"], row["counts"], row["packed"]) for row in rows]
    codes = set().union(*(chunk.codes() for chunk in chunks))
    names = {row[0]: row[1] for row in await pool.fetch(NAMES, list(codes))}
    found: dict[int, list[Row]] = {}
    for chunk in chunks:
        for position, facts in chunk.events(names):
            if after < position <= last:
                found.setdefault(position, []).extend(facts)  # twice would show as too many
    return found
