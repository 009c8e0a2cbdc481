"""The consumer's handler of the simulation: a table of what was applied, and a memory of it."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from shared.consumer import Batch, Claim
from shared.eventstore.port import Connection
from shared.log.port import TopicPartition
from tests.simulation.postgres import Pool, Row, Session, statement

ADD = "INSERT INTO ledger (topic, partition, position, subject, epoch) VALUES ($1, $2, $3, $4, $5)"
APPLIED = "SELECT position FROM ledger WHERE topic = $1 AND partition = $2"

Remembered: TypeAlias = Callable[[TopicPartition, Sequence[int], int], None]
"""Is told of a partition the positions that a memory has just taken in, and under which epoch."""


@statement(ADD)
async def add(session: Session, *values: object) -> Sequence[Row]:
    names = ("topic", "partition", "position", "subject", "epoch")
    number = session.database.number()  # not unique by position: what is applied twice must show
    session.put("ledger", (number,), dict(zip(names, values, strict=True)))
    return []


@statement(APPLIED)
async def applied(session: Session, topic: str, partition: int) -> Sequence[Row]:
    return [
        Row(("position",), (row["position"],))
        for _, row in session.scan("ledger")
        if (row["topic"], row["partition"]) == (topic, partition)
    ]


class Ledger:
    """``memory``: partition -> positions; it must always be what the table holds."""

    def __init__(self, pool: Pool, remembered: Remembered) -> None:
        self._pool, self._remembered = pool, remembered
        self._epochs: dict[TopicPartition, int] = {}
        self.memory: dict[TopicPartition, list[int]] = {}

    async def restore(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            at = TopicPartition(claim.topic, claim.partition)
            self._epochs[at] = claim.epoch
            self.memory[at] = []
            if claim.position:
                rows = await self._pool.fetch(APPLIED, *at)
                self.memory[at] = sorted(position for (position,) in rows)

    async def apply(self, conn: Connection, batch: Batch) -> None:
        for at, events in batch.events.items():
            for event in events:
                row = (*at, event.position, event.subject, self._epochs[at])
                await conn.execute(ADD, *row)

    async def committed(self, batch: Batch) -> None:
        for at, events in batch.events.items():
            positions = [event.position for event in events]
            self.memory[at].extend(positions)
            self._remembered(at, positions, self._epochs[at])

    async def forget(self, partitions: Sequence[TopicPartition]) -> None:
        for at in partitions:
            del self.memory[at]
