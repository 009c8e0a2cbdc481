"""Events as relays publish them, position after position, for whatever folds them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any

from shared.contracts import catalogue
from shared.contracts.envelope import Event, headers
from shared.contracts.exchange import Act
from shared.contracts.registry import ServiceRegistered
from shared.contracts.topics import Topic
from shared.contracts.vocabulary import Message
from shared.log.partitioner import partition_of
from shared.log.port import Log, OutgoingRecord, TopicPartition
from tests.support.archetypes import DAY
from tests.support.postgres import DEPLOYMENT

NOON = datetime.combine(DAY, time(12), UTC)


def registered(service_id: str, **changes: Any) -> ServiceRegistered:
    return ServiceRegistered(
        **{
            "service_id": service_id,
            "agency_ids": ("local",),
            "local_id": f"local-{service_id}",
            "name": f"The {service_id}",
            "starts_on": date(2020, 1, 1),
            **changes,
        }
    )


@dataclass
class Feed:
    """Publishes events to a log; each partition counts its positions from 1."""

    log: Log
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    records: list[tuple[TopicPartition, OutgoingRecord]] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: count(1))

    async def tell(self, events: Iterable[Message]) -> None:
        """Publish in order; what goes to one partition in a row goes at once."""
        batches: dict[TopicPartition, list[OutgoingRecord]] = {}
        for event in events:
            at, record = self.record(event)
            batches.setdefault(at, []).append(record)
        for at, records in batches.items():
            await self.publish(at, records)

    async def publish(self, at: TopicPartition, records: Sequence[OutgoingRecord]) -> None:
        self.records.extend((at, record) for record in records)
        await self.log.publish(at.topic, at.partition, records)

    def record(self, event: Message) -> tuple[TopicPartition, OutgoingRecord]:
        kind = catalogue.BY_MODEL[type(event)]
        assert kind.topic is not None
        key = key_of(event, kind.topic)
        at = TopicPartition(kind.topic.name, partition_of(key, kind.topic.partitions))
        self.positions[at] = self.positions.get(at, 0) + 1
        envelope = Event(
            id=f"event-{next(self._ids)}",
            source="/agencies/local/systems/api",
            type=kind.name,
            subject=key,
            time=NOON,
            recorded_at=NOON,
            sequence=1,
            topic=at.topic,
            partition=at.partition,
            position=self.positions[at],
            key=key,
            deployment=DEPLOYMENT,
            data=catalogue.encode(event),
        )
        return at, OutgoingRecord(key.encode(), envelope.data, headers(envelope))


def key_of(event: Message, topic: Topic) -> str:
    for holder in (event, getattr(event, "act", None), getattr(event, "after", None)):
        if (key := getattr(holder, topic.key, None)) is not None:
            return str(key)
    raise AssertionError(f"{event} has no {topic.key}")


def renamed(events: Iterable[Message], service_id: str) -> list[Message]:
    """Return the same events of another service."""
    changed = []
    for event in events:
        act = getattr(event, "act", None)
        update = (
            {"act": act.model_copy(update={"service_id": service_id})}
            if isinstance(act, Act)
            else {"service_id": service_id}
        )
        changed.append(event.model_copy(update=update))
    return changed
