"""All events of one key once more, in their order, for tables that can't take one of them late.

What a description or an end says depends on what was said before and after it. So when a record is
taken out of quarantine after all, the handler is given the whole story of its key, to begin anew.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.consumer.handler import Batch
from shared.consumer.quarantine import Pool, QuarantinedRecord, RetryRefused
from shared.consumer.sequencing import Broken, Decode, examine
from shared.log.port import Log, TopicPartition

LEFT = """
SELECT position FROM quarantine
WHERE consumer = $1 AND topic = $2 AND partition = $3 AND position IS NOT NULL
    AND status <> 'retried' AND id <> $4
"""


class ReplaySource(NamedTuple):
    """Up to which position a partition was taken, of which deployment, and how it is decoded."""

    position: int
    deployment: str
    decode: Decode


async def retold(pool: Pool, log: Log, held: QuarantinedRecord, taken: ReplaySource) -> list[Any]:
    """Return the messages of the held record's key, itself among them.

    What else of the key is in quarantine, or was given up, is left out.
    """
    at = TopicPartition(held.record.topic, held.record.partition)
    left = {row["position"] for row in await pool.fetch(LEFT, held.consumer, *at, held.id)}
    found: dict[int, tuple[str, Any]] = {}
    for record in [held.record, *await log.read_all(at)]:
        told = examine(record, taken.deployment, taken.decode)
        if isinstance(told, Broken) or told[1] is None:
            continue
        event, message = told
        if event.position <= taken.position and event.position not in left:
            found.setdefault(event.position, (event.key, message))
    key, _ = found[held.position or 0]
    return [message for _, (whose, message) in sorted(found.items()) if whose == key]


def replayed(
    held: QuarantinedRecord, story: Sequence[object], deployment: str, decode: Decode
) -> Batch:
    """Return the batch that takes a quarantined record after all.

    Raises:
        RetryRefused: this build can't take it either, or it has no position to take.
    """
    at = TopicPartition(held.record.topic, held.record.partition)
    examined = examine(held.record, deployment, decode)
    if isinstance(examined, Broken):
        raise RetryRefused("still_broken", f"{examined.reason}: {examined.detail}")
    event, message = examined
    if message is None:
        raise RetryRefused("still_broken", f"this build does not know {event.type}")
    if held.position is None:
        detail = "it used no position up; rewind the relay and discard it"
        raise RetryRefused("no_position", detail)
    return Batch({at: [event]}, {}, {at: [message]}, replayed=True, story=story)
