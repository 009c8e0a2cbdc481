"""What a service that consumes brings: how its tables and its memory follow the events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from shared.consumer.sequencing import Checkpoint, Sequencer
from shared.contracts.envelope import Event
from shared.eventstore.port import Connection
from shared.log.port import TopicPartition


class Claim(NamedTuple):
    """A partition just taken over. ``position`` is that of the last event taken, 0 for none."""

    topic: str
    partition: int
    position: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that come next: each once, in order, without holes, of this deployment, valid.

    ``positions`` are those that the batch brings each partition to. They can be ahead of its last
    event (and there can be none): a quarantined record or an unknown type uses up its position too.
    ``messages`` are the events decoded, one for one, as the consumer was told to. ``replayed``
    marks one quarantined event that is taken after all, long after its position was passed; such a
    batch moves no position. ``story`` then is every event of its key that was taken, in order and
    itself among them, where the consumer was told that its topic needs that.
    """

    events: Mapping[TopicPartition, Sequence[Event]]
    positions: Mapping[TopicPartition, int]
    messages: Mapping[TopicPartition, Sequence[Any]] = field(default_factory=dict)
    replayed: bool = False
    story: Sequence[Any] = ()


class Handler(Protocol):
    async def restore(self, claims: Sequence[Claim]) -> None:
        """Make the memory of these partitions what the tables say at the claimed positions."""
        ...

    async def apply(self, conn: Connection, batch: Batch) -> None:
        """Write what the events mean, in the transaction that moved the positions.

        It can run again for the same batch, after a rollback. What it raises, other than a database
        that is away or a conflict that passes, ends the process.
        """
        ...

    async def committed(self, batch: Batch) -> None:
        """Change the memory; the batch of the last ``apply`` is durable now."""
        ...

    async def forget(self, partitions: Sequence[TopicPartition]) -> None:
        """Drop the memory of these partitions: others have claimed them, or may."""
        ...


def batch_of(
    before: Mapping[TopicPartition, Checkpoint], intakes: Mapping[TopicPartition, Sequencer]
) -> Batch:
    """Return what the intakes bring, from how their partitions stood before."""
    return Batch(
        events={at: intake.events for at, intake in intakes.items() if intake.events},
        positions={
            at: intake.standing.position
            for at, intake in intakes.items()
            if intake.standing.position != before[at].position
        },
        messages={at: intake.messages for at, intake in intakes.items() if intake.events},
    )
