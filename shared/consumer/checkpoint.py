"""The rows that say how far each consumer has come, and the epoch that says who may move them."""

from collections.abc import Mapping, Sequence

from shared.consumer.handler import Claim
from shared.consumer.sequencing import Checkpoint, Sequencer
from shared.contracts.catalogue import BY_NAME
from shared.eventstore.port import Connection
from shared.log.port import OLDEST, TopicPartition

# Sorted, so that two processes that claim at once wait for each other instead of deadlocking.
CLAIM = """
INSERT INTO consumer_position AS p (consumer, topic, partition, owner)
SELECT $1, c.topic, c.partition, $4 FROM unnest($2::text[], $3::int[]) AS c (topic, partition)
ORDER BY c.topic, c.partition
ON CONFLICT (consumer, topic, partition)
    DO UPDATE SET epoch = p.epoch + 1, owner = excluded.owner
RETURNING topic, partition, next_offset, position, epoch, broken_run
"""
# The first statement of a batch's transaction. A row that does not move was claimed by others.
ADVANCE = """
UPDATE consumer_position AS p
SET next_offset = a.next_offset, position = a.position, broken_run = a.broken_run
FROM unnest(
    $2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::int[]
) AS a (topic, partition, epoch, base, next_offset, position, broken_run)
WHERE p.consumer = $1 AND p.topic = a.topic AND p.partition = a.partition
    AND p.epoch = a.epoch AND p.next_offset = a.base
RETURNING p.topic, p.partition
"""
STANDING = """
SELECT topic, partition, next_offset, position, epoch, broken_run FROM consumer_position
WHERE consumer = $1
"""
# A new epoch fences the running consumer, which claims again and starts from the offset set here.
RESET = """
UPDATE consumer_position SET next_offset = $3, epoch = epoch + 1
WHERE topic = $1 AND ($2::int IS NULL OR partition = $2)
RETURNING consumer, partition
"""
HOLD = """
SELECT epoch FROM consumer_position WHERE consumer = $1 AND topic = $2 AND partition = $3 FOR UPDATE
"""
ADD_UNKNOWN = """
INSERT INTO unknown_event (consumer, topic, partition, position, type) VALUES ($1, $2, $3, $4, $5)
"""
UNKNOWN_TYPES = "SELECT DISTINCT type FROM unknown_event WHERE consumer = $1 ORDER BY type"


class Fenced(Exception):
    """Some rows did not move, so the transaction must not commit."""

    def __init__(self, lost: set[TopicPartition]) -> None:
        super().__init__(f"no longer ours: {sorted(lost)}")
        self.lost = lost


async def claim(
    conn: Connection, consumer: str, partitions: Sequence[TopicPartition], owner: str
) -> dict[TopicPartition, Checkpoint]:
    """Take the partitions over: from now on nobody else's epoch holds."""
    rows = await conn.fetch(
        CLAIM, consumer, [at.topic for at in partitions], [at.partition for at in partitions], owner
    )
    return {
        TopicPartition(row["topic"], row["partition"]): Checkpoint(
            row["next_offset"], row["position"], row["epoch"], row["broken_run"]
        )
        for row in rows
    }


def claims(standings: Mapping[TopicPartition, Checkpoint]) -> list[Claim]:
    return [Claim(*at, standing.position, standing.epoch) for at, standing in standings.items()]


async def advance(
    conn: Connection,
    consumer: str,
    before: Mapping[TopicPartition, Checkpoint],
    intakes: Mapping[TopicPartition, Sequencer],
) -> set[TopicPartition]:
    """Move the rows from where the batch began; return those that did not move."""
    moves = [
        (*at, before[at].epoch, before[at].offset, after.offset, after.position, after.broken_run)
        for at, after in ((at, intake.standing) for at, intake in sorted(intakes.items()))
    ]
    rows = await conn.fetch(
        ADVANCE, consumer, *(list(column) for column in zip(*moves, strict=True))
    )
    return set(intakes) - {TopicPartition(row["topic"], row["partition"]) for row in rows}


async def arrived(
    conn: Connection, consumer: str, intakes: Mapping[TopicPartition, Sequencer]
) -> set[TopicPartition]:
    """Return the partitions that stand, under our epoch, where the batch was to bring them.

    When the connection broke during a commit, this tells whether that commit happened.
    """
    rows = {
        TopicPartition(r["topic"], r["partition"]): r for r in await conn.fetch(STANDING, consumer)
    }
    return {
        at
        for at, intake in intakes.items()
        if at in rows
        and rows[at]["epoch"] == intake.standing.epoch
        and rows[at]["next_offset"] == intake.standing.offset
        and rows[at]["position"] == intake.standing.position
    }


async def read(conn: Connection, consumer: str) -> dict[TopicPartition, int]:
    """Return the last position taken, by partition, whoever holds the partition."""
    rows = await conn.fetch(STANDING, consumer)
    return {TopicPartition(row["topic"], row["partition"]): row["position"] for row in rows}


async def stored(conn: Connection, consumer: str) -> dict[TopicPartition, tuple[int, int]]:
    """Return where each partition is to be read on, and its epoch, whoever holds it."""
    rows = await conn.fetch(STANDING, consumer)
    return {
        TopicPartition(r["topic"], r["partition"]): (r["next_offset"], r["epoch"]) for r in rows
    }


async def overtaken(
    conn: Connection, consumer: str, held: Mapping[TopicPartition, Checkpoint]
) -> set[TopicPartition]:
    """Return the partitions whose epoch has passed: others have claimed them, or a reset has."""
    found = await stored(conn, consumer)
    return {at for at, held_here in held.items() if found.get(at, (0, 0))[1] != held_here.epoch}


async def reset(
    conn: Connection, topic: str, partition: int | None
) -> list[tuple[str, TopicPartition]]:
    """Have the partition, or all of the topic, read again from the oldest record there is.

    What was taken stays taken: positions are kept, and say what of it comes next. Returns which
    consumers' partitions were set back.
    """
    rows = await conn.fetch(RESET, topic, partition, OLDEST)
    return sorted((row["consumer"], TopicPartition(topic, row["partition"])) for row in rows)


async def hold(conn: Connection, consumer: str, at: TopicPartition, epoch: int) -> bool:
    """Keep anybody from claiming the partition until the transaction ends, if it still is ours."""
    return bool(await conn.fetchval(HOLD, consumer, *at) == epoch)


async def add_unknown(
    conn: Connection, consumer: str, intakes: Mapping[TopicPartition, Sequencer]
) -> None:
    rows = [
        (consumer, *at, event.position, event.type)
        for at, intake in intakes.items()
        for event in intake.unknown
    ]
    if rows:
        await conn.executemany(ADD_UNKNOWN, rows)


async def missed_types(conn: Connection, consumer: str) -> tuple[str, ...]:
    """Return the types that were skipped by an older build and are known to this one."""
    rows = await conn.fetch(UNKNOWN_TYPES, consumer)
    return tuple(row["type"] for row in rows if row["type"] in BY_NAME)
