"""A consumer's handler that writes down each event it is given, in a table and in memory."""

from collections.abc import Sequence

from shared.consumer import Batch, Claim
from shared.eventstore.port import Connection
from shared.log.port import TopicPartition

CREATE = """
CREATE TABLE IF NOT EXISTS ledger (
    topic text, partition int, position bigint, subject text, owner text,
    line bigint GENERATED ALWAYS AS IDENTITY
);
GRANT SELECT, INSERT ON ledger TO PUBLIC
"""
# Not unique on purpose: what is applied twice must show.
ADD = "INSERT INTO ledger (topic, partition, position, subject, owner) VALUES ($1, $2, $3, $4, $5)"
POSITIONS = "SELECT position FROM ledger WHERE topic = $1 AND partition = $2 ORDER BY line"


class Ledger:
    def __init__(self, owner: str = "one") -> None:
        self.owner = owner
        self.claims: list[Claim] = []
        self.forgotten: list[TopicPartition] = []
        self.memory: dict[TopicPartition, list[int]] = {}
        self.reached: dict[TopicPartition, int] = {}
        self.failures: list[Exception] = []  # raised, one an attempt, after the writes

    async def restore(self, claims: Sequence[Claim]) -> None:
        self.claims.extend(claims)
        for claim in claims:
            self.memory[TopicPartition(claim.topic, claim.partition)] = []

    async def apply(self, conn: Connection, batch: Batch) -> None:
        for at, events in batch.events.items():
            rows = [(*at, event.position, event.subject, self.owner) for event in events]
            await conn.executemany(ADD, rows)
        if self.failures:
            raise self.failures.pop(0)

    async def committed(self, batch: Batch) -> None:
        self.reached.update(batch.positions)
        for at, events in batch.events.items():
            self.memory[at].extend(event.position for event in events)

    async def forget(self, partitions: Sequence[TopicPartition]) -> None:
        for at in partitions:
            self.forgotten.append(at)
            del self.memory[at]
