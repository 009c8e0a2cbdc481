"""How far a service's events are: stored, published, and (of others' events) taken in."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel

from shared.eventstore.store import Pool
from shared.outbox.relay import progress


class Positions(BaseModel):
    """Each maps ``topic/partition`` to the last position there.

    ``heads`` are stored, ``relayed`` published; ``replica`` is what was taken in of other services.
    """

    deployment: str
    heads: dict[str, int]
    relayed: dict[str, int]
    replica: dict[str, int] = {}


async def positions(
    pool: Pool, deployment: str, replica: Mapping[tuple[str, int], int] | None = None
) -> Positions:
    found = await progress(pool)
    return Positions(
        deployment=deployment,
        heads={f"{topic}/{at}": head for (topic, at), (head, _) in found.items()},
        relayed={f"{topic}/{at}": relayed for (topic, at), (_, relayed) in found.items()},
        replica={f"{topic}/{at}": position for (topic, at), position in (replica or {}).items()},
    )


def router(read: Callable[[], Awaitable[Positions]]) -> APIRouter:
    routes = APIRouter(tags=["operation"])

    @routes.get("/v1/positions")
    async def show_positions() -> Positions:
        """Say how far the events are, by topic and partition."""
        return await read()

    return routes


class PositionMeters:
    """Events stored and not yet published, by topic, as of the last scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._appended = Gauge(
            "coprod_appended_events", "Published events stored", ["topic"], registry=registry
        )
        self._lag = Gauge(
            "coprod_relay_lag_events", "Stored, not yet published", ["topic"], registry=registry
        )

    def show(self, found: Positions) -> None:
        appended, published = _by_topic(found.heads), _by_topic(found.relayed)
        for topic, events in appended.items():
            self._appended.labels(topic).set(events)
            self._lag.labels(topic).set(events - published.get(topic, 0))


def _by_topic(found: Mapping[str, int]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for partition, position in found.items():
        topic = partition.rpartition("/")[0]
        sums[topic] = sums.get(topic, 0) + position
    return sums
