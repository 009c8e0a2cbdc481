"""Facts and directory of one projection in PostgreSQL, written with the positions of the fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg

from services.insights.facts.chunk import Chunk
from services.insights.projection.directory import ServiceInfo
from shared.contracts.registry import AgencyRegistered
from shared.contracts.topics import EXCHANGE_ACTIVITY, REGISTRY_AGENCIES, REGISTRY_SERVICES
from shared.eventstore.port import Connection
from shared.log.port import TopicPartition

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

SOURCES = (REGISTRY_SERVICES, EXCHANGE_ACTIVITY)
"""Where a service's facts come from; both put a service into the partition of the same number."""

FOLDED = (REGISTRY_AGENCIES, *SOURCES)
SOURCE_TOPICS = tuple(topic.name for topic in SOURCES)
FOLDED_TOPICS = tuple(topic.name for topic in FOLDED)

SAVE_CHUNKS = """
INSERT INTO fact_chunk
    (projection, topic, partition, first_position, last_position, services, counts, packed)
SELECT $1, topic, partition, first_position, last_position, services::integer[], counts, packed
FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[], $7::bytea[],
        $8::bytea[])
    AS chunk (topic, partition, first_position, last_position, services, counts, packed)
"""
SAVE_SERVICE = """
INSERT INTO service_info (projection, service_id, partition, agency_ids, local_id, name, provides,
    starts_on, closed_on, providers)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (projection, service_id) DO UPDATE SET
    agency_ids = excluded.agency_ids, local_id = excluded.local_id, name = excluded.name,
    provides = excluded.provides, starts_on = excluded.starts_on, closed_on = excluded.closed_on,
    providers = excluded.providers
"""
SAVE_AGENCY = """
INSERT INTO agency_info (projection, agency_id, name, jurisdiction) VALUES ($1, $2, $3, $4)
ON CONFLICT (projection, agency_id) DO UPDATE SET
    name = excluded.name, jurisdiction = excluded.jurisdiction
"""
READ_CHUNKS = """
SELECT topic, partition, first_position, services, counts, packed FROM fact_chunk
WHERE projection = $1 AND partition = $2 AND topic = ANY($3)
    AND ($4::integer IS NULL OR services @> ARRAY[$4::integer])
ORDER BY topic, last_position
"""
SERVICES = """
SELECT service_id, partition, agency_ids, local_id, name, provides, starts_on, closed_on, providers
FROM service_info WHERE projection = $1
"""
READ_SERVICES = SERVICES + "AND ($2::integer IS NULL OR partition = $2)"
NAMED = SERVICES + "AND (service_id = $2 OR local_id = $2) ORDER BY service_id"
PAGE = SERVICES + "AND service_id > $2 ORDER BY service_id LIMIT $3"
READ_AGENCIES = "SELECT agency_id, name FROM agency_info WHERE projection = $1"
READ_POSITIONS = """
SELECT topic, partition, position FROM consumer_position
WHERE consumer = $1 AND ($2::integer IS NULL OR partition = $2) AND topic = ANY($3)
"""

INCARNATION = "SELECT extract(epoch FROM created_at) * 1000 FROM deployment"
COUNT_RETRIED = "SELECT count(*) FROM quarantine WHERE consumer = $1 AND status = 'retried'"


def consumer_name(projection: int) -> str:
    """Return the name under which a projection reads the log and keeps its positions."""
    return f"insights.fold.v{projection}"


@dataclass(frozen=True, slots=True)
class Folded:
    """What one batch adds: all of it is written with the positions, or none."""

    chunks: Sequence[Chunk] = ()
    services: Mapping[str, ServiceInfo] = field(default_factory=dict)
    agencies: Mapping[str, AgencyRegistered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """A service's chunks, and the positions up to which they are all that there is."""

    chunks: Sequence[Chunk]
    positions: Mapping[TopicPartition, int]


class FactStore:
    """Facts and directory of one projection."""

    def __init__(self, pool: Pool, projection: int) -> None:
        self._pool = pool
        self.projection = projection
        self.consumer = consumer_name(projection)
        self._incarnation: int | None = None

    async def save(self, connection: Connection, folded: Folded) -> None:
        """Write in the caller's transaction."""
        if folded.chunks:
            await connection.execute(SAVE_CHUNKS, self.projection, *_columns(folded.chunks))
        for info in folded.services.values():
            await connection.execute(SAVE_SERVICE, self.projection, *_row(info))
        for agency in folded.agencies.values():
            await connection.execute(
                SAVE_AGENCY,
                self.projection,
                agency.agency_id,
                agency.name,
                agency.jurisdiction,
            )

    async def services(self, partition: int | None = None) -> dict[str, ServiceInfo]:
        """Return the services that registry registered, of one partition or all."""
        rows = await self._pool.fetch(READ_SERVICES, self.projection, partition)
        return {row["service_id"]: _info(row) for row in rows}

    async def named(self, name: str) -> list[ServiceInfo]:
        """Return the services with this id, or that an agency calls so."""
        rows = await self._pool.fetch(NAMED, self.projection, name)
        return [_info(row) for row in rows]

    async def page(self, after: str, limit: int) -> list[ServiceInfo]:
        """Return services by id, from the first above ``after`` on."""
        rows = await self._pool.fetch(PAGE, self.projection, after, limit)
        return [_info(row) for row in rows]

    async def agencies(self) -> dict[str, str]:
        """Return agency id -> name."""
        rows = await self._pool.fetch(READ_AGENCIES, self.projection)
        return {row["agency_id"]: row["name"] for row in rows}

    async def positions(
        self, partition: int | None = None, topics: Sequence[str] = FOLDED_TOPICS
    ) -> dict[TopicPartition, int]:
        """Return how far the fold has come, in one partition or all."""
        rows = await self._pool.fetch(READ_POSITIONS, self.consumer, partition, topics)
        return {TopicPartition(row["topic"], row["partition"]): row["position"] for row in rows}

    async def incarnation(self) -> int:
        """Return when this database was made, in milliseconds: it numbers projections anew."""
        if self._incarnation is None:
            self._incarnation = int(await self._pool.fetchval(INCARNATION))
        return self._incarnation

    async def retried(self) -> int:
        """Return how many events were folded out of order, which no position tells."""
        return int(await self._pool.fetchval(COUNT_RETRIED, self.consumer))

    async def read(self, partition: int, service_code: int | None = None) -> Reading:
        """Return the chunks of a partition, or those of one service in it, at one moment."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            positions = await connection.fetch(
                READ_POSITIONS, self.consumer, partition, SOURCE_TOPICS
            )
            rows = await connection.fetch(
                READ_CHUNKS, self.projection, partition, SOURCE_TOPICS, service_code
            )
        return Reading(
            chunks=[_chunk(row) for row in rows],
            positions={
                TopicPartition(r["topic"], r["partition"]): r["position"] for r in positions
            },
        )


def _columns(chunks: Sequence[Chunk]) -> Sequence[list[Any]]:
    return (
        [chunk.source.topic for chunk in chunks],
        [chunk.source.partition for chunk in chunks],
        [chunk.first_position for chunk in chunks],
        [chunk.last_position for chunk in chunks],
        # as text: an array of arrays of several lengths is no array
        ["{" + ",".join(map(str, chunk.services)) + "}" for chunk in chunks],
        [chunk.counts for chunk in chunks],
        [chunk.packed for chunk in chunks],
    )


def _chunk(row: asyncpg.Record) -> Chunk:
    return Chunk(
        source=TopicPartition(row["topic"], row["partition"]),
        first_position=row["first_position"],
        services=tuple(row["services"]),
        counts=row["counts"],
        packed=row["packed"],
    )


def _row(info: ServiceInfo) -> Sequence[Any]:
    return (
        info.service_id,
        info.partition,
        list(info.agency_ids),
        info.local_id,
        info.name,
        info.provides,
        info.starts_on,
        info.closed_on,
        list(info.providers),
    )


def _info(row: asyncpg.Record) -> ServiceInfo:
    fields = dict(row)
    return ServiceInfo(
        **{
            **fields,
            "agency_ids": tuple(fields["agency_ids"]),
            "providers": tuple(fields["providers"]),
        }
    )
