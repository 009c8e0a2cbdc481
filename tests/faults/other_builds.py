"""What other builds leave behind: their events in a store, and services that know more types."""

import json
import uuid
from pathlib import Path
from typing import Any

from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.log.partitioner import partition_of
from tests.faults.world import World
from tools.deployment.supervisor import ROOT

NEWER_TYPE = "org.coprod.exchange.need.published.v1"
# As the store appends: the position is taken from the head, which is held to commit.
STORE = """
WITH moved AS (
    INSERT INTO head AS h (topic, partition, position) VALUES (%(topic)s, %(partition)s, %(count)s)
    ON CONFLICT (topic, partition) DO UPDATE SET position = h.position + excluded.position
    RETURNING position - %(count)s AS before
), begun AS (
    INSERT INTO stream (stream_id, version, topic, partition, key)
    VALUES (%(stream)s, %(count)s, %(topic)s, %(partition)s, %(key)s)
)
INSERT INTO event (stream_id, version, topic, partition, position, event_id, source, type,
    subject, key, time, recorded_at, actor, data)
SELECT %(stream)s, nth, %(topic)s, %(partition)s, before + nth, gen_random_uuid(), '/agencies/a',
    %(type)s, %(stream)s, %(key)s, now(), now(), 'a', %(data)s
FROM moved, generate_series(1, %(count)s) AS nth
RETURNING topic || '/' || partition || ':' || position
"""
NEWEST = "SELECT data FROM event WHERE type = %(type)s ORDER BY recorded_at DESC LIMIT 1"
# Python imports a module of this name by itself when it starts.
NEWER = """
from shared.contracts.event_type import event
from shared.contracts.topics import EXCHANGE_ACTIVITY
from shared.contracts.vocabulary import Message

@event("exchange.need.published", EXCHANGE_ACTIVITY, key="need_id")
class NeedPublished(Message):
    need_id: str
"""


async def store(w: World, service_id: str, type_name: str, data: bytes, count: int = 1) -> set[str]:
    """Append an event of exchange's, or more in a row, to a new stream; return the positions."""
    topic = EXCHANGE_ACTIVITY
    rows = await w.postgres.fetch(
        STORE,
        database="exchange",
        topic=topic.name,
        partition=partition_of(service_id, topic.partitions),
        stream=f"other-{uuid.uuid4().hex}",
        key=service_id,
        type=type_name,
        data=data,
        count=count,
    )
    return {str(position) for (position,) in rows}


async def newest(w: World, type_name: str) -> dict[str, Any]:
    """Return the data of the newest event of a type."""
    ((data,),) = await w.postgres.fetch(NEWEST, database="exchange", type=type_name)
    found: dict[str, Any] = json.loads(data)
    return found


def newer_build(directory: Path) -> dict[str, str]:
    """Return the environment in which a service is a build that knows one type more."""
    place = directory / "newer"
    place.mkdir(exist_ok=True)
    (place / "sitecustomize.py").write_text(NEWER)
    return {"PYTHONPATH": f"{place}:{ROOT}"}


def this_build() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}
