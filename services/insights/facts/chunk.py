"""Chunk: the facts of one batch of one partition, with the position of the event behind each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from services.insights.facts.encoding import pack, unpack
from services.insights.facts.fact import Fact
from shared.log.port import TopicPartition


@dataclass(frozen=True, slots=True)
class Chunk:
    """``counts``: one byte an event from first to last position, how many facts it made."""

    source: TopicPartition
    first_position: int
    services: tuple[int, ...]
    counts: bytes
    packed: bytes

    @property
    def last_position(self) -> int:
        return self.first_position + len(self.counts) - 1

    def events(self) -> Iterator[tuple[int, list[Fact]]]:
        """Yield the position of each event that made facts, and those, in the order of the log."""
        facts = iter(unpack(self.packed))
        for offset, count in enumerate(self.counts):
            if count:
                yield self.first_position + offset, list(islice(facts, count))


def chunk_of(source: TopicPartition, events: Sequence[tuple[int, Sequence[Fact]]]) -> Chunk | None:
    """Return the facts of events in the order of their positions; None when there are none."""
    made = [(position, facts) for position, facts in events if facts]
    if not made:
        return None
    first = made[0][0]
    counts = bytearray(made[-1][0] - first + 1)
    for position, facts in made:
        counts[position - first] = len(facts)
    every = [fact for _, facts in made for fact in facts]
    services = sorted({fact.service for fact in every})
    return Chunk(source, first, tuple(services), bytes(counts), pack(every))
