"""Records as a relay publishes them: events of one service's partition, numbered from 1."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from msgspec.structs import replace

from shared.contracts import catalogue
from shared.contracts.envelope import Event, headers
from shared.contracts.registry import ServiceClosed
from shared.log.port import Log, OutgoingRecord, TopicPartition
from tests.support.postgres import DEPLOYMENT

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
AT = TopicPartition("registry.services.v1", 3)


def event(position: int, at: TopicPartition = AT) -> Event:
    closed = ServiceClosed(service_id=f"service-{position}", closed_on=date(2025, 3, 1))
    return Event(
        id=f"{at.topic}-{at.partition}-{position}",
        source="/agencies/local/systems/api",
        type=catalogue.BY_MODEL[ServiceClosed].name,
        subject=closed.service_id,
        time=NOON,
        recorded_at=NOON,
        sequence=1,
        topic=at.topic,
        partition=at.partition,
        position=position,
        key=closed.service_id,
        deployment=DEPLOYMENT,
        data=catalogue.encode(closed),
    )


def record(event: Event) -> OutgoingRecord:
    return OutgoingRecord(event.key.encode(), event.data, headers(event))


def spoilt(position: int, at: TopicPartition = AT) -> OutgoingRecord:
    """A record whose headers are right and whose data are not."""
    return record(replace(event(position, at), data=b'{"service_id": 7}'))


def renamed(position: int, type_name: str, at: TopicPartition = AT) -> OutgoingRecord:
    """A record of a type that no build knows yet."""
    good = record(event(position, at))
    named = [("ce_type", type_name.encode()) if n == "ce_type" else (n, v) for n, v in good.headers]
    return replace(good, headers=named)


async def publish(log: Log, positions: Iterable[int], at: TopicPartition = AT) -> None:
    await log.publish(*at, [record(event(position, at)) for position in positions])
