"""The production fold in the simulation: its projector beside the ledger, and what its SQL does."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from services.insights.facts import dictionary as codebook
from services.insights.facts.dictionary import Codebook
from services.insights.projection import store
from services.insights.projection.memory import Live
from services.insights.projection.projector import Projector
from services.insights.projection.store import FactStore
from services.insights.projection.store import Pool as AsyncpgPool
from shared.consumer import Batch, Claim
from shared.eventstore.port import Connection
from shared.log.port import TopicPartition
from tests.simulation.ledger import Ledger, Remembered
from tests.simulation.postgres import Pool, Row, Session, statement
from tests.simulation.statements import rows

PROJECTION = 1
CHUNK = (
    *("projection", "topic", "partition", "first_position", "last_position", "services"),
    *("counts", "packed"),
)
SERVICE = (
    *("projection", "service_id", "partition", "agency_ids", "local_id", "name", "provides"),
    *("starts_on", "closed_on", "providers"),
)


class Fold:
    """A handler of two: the ledger that every event is counted in, and the projector."""

    def __init__(self, pool: Pool, today: date, remembered: Remembered) -> None:
        self.ledger = Ledger(pool, remembered)
        asyncpg_pool = cast("AsyncpgPool", pool)
        facts, self._codes = FactStore(asyncpg_pool, PROJECTION), Codebook(asyncpg_pool)
        self.live = Live(facts, self._codes, _unwatched, today)
        self._projector = Projector(facts, self._codes, self.live)

    async def restore(self, claims: Sequence[Claim]) -> None:
        await self.ledger.restore(claims)
        await self._projector.restore(claims)

    async def apply(self, conn: Connection, batch: Batch) -> None:
        await self.ledger.apply(conn, batch)
        await self._projector.apply(conn, batch)

    async def committed(self, batch: Batch) -> None:
        await self.ledger.committed(batch)
        await self._projector.committed(batch)

    async def forget(self, partitions: Sequence[TopicPartition]) -> None:
        await self.ledger.forget(partitions)
        await self._projector.forget(partitions)


def _unwatched(_service_id: str) -> None:
    """Nobody publishes snapshots here."""


@statement(store.SAVE_CHUNKS)
async def save_chunks(session: Session, projection: int, *columns: Any) -> Sequence[Row]:
    for values in zip(*columns, strict=True):
        row = dict(zip(CHUNK, (projection, *values), strict=True))
        row["services"] = [int(code) for code in row["services"].strip("{}").split(",")]
        key = (row["topic"], row["partition"], row["last_position"])
        if session.get("fact_chunk", key) is not None:
            raise AssertionError(f"the facts up to {key} are there already")
        session.put("fact_chunk", key, row)
    return []


@statement(store.READ_CHUNKS)
async def read_chunks(
    session: Session, _projection: int, partition: int, topics: Sequence[str], code: int | None
) -> Sequence[Row]:
    found = [
        row
        for _, row in sorted(session.scan("fact_chunk"))
        if row["partition"] == partition
        and row["topic"] in topics
        and (code is None or code in row["services"])
    ]
    return rows(("topic", "partition", "first_position", "services", "counts", "packed"), found)


@statement(store.SAVE_SERVICE)
async def save_service(session: Session, *values: Any) -> Sequence[Row]:
    session.put("service_info", (values[1],), dict(zip(SERVICE, values, strict=True)))
    return []


@statement(store.READ_SERVICES)
async def read_services(session: Session, _projection: int, partition: int | None) -> Sequence[Row]:
    found = [row for _, row in session.scan("service_info") if row["partition"] == partition]
    return rows(SERVICE[1:], found)


@statement(store.READ_POSITIONS)
async def read_positions(
    session: Session, consumer: str, partition: int | None, topics: Sequence[str]
) -> Sequence[Row]:
    found: list[Mapping[str, Any]] = [
        row
        for key, row in session.scan("consumer_position")
        if key[0] == consumer and partition in (None, key[2]) and key[1] in topics
    ]
    return rows(("topic", "partition", "position"), found)


@statement(codebook.FIND)
async def find_codes(
    session: Session, kinds: Sequence[str], values: Sequence[str]
) -> Sequence[Row]:
    names_found = [
        (*name, row["code"])
        for name in zip(kinds, values, strict=True)
        if (row := session.get("code", name)) is not None
    ]
    return [Row(("kind", "value", "code"), found) for found in names_found]


@statement(codebook.ADD)
async def add_codes(session: Session, kinds: Sequence[str], values: Sequence[str]) -> Sequence[Row]:
    for name in sorted(zip(kinds, values, strict=True)):
        number = session.database.number()
        await session.lock("code", name)
        if session.get("code", name) is None:
            session.put("code", name, {"code": number})
    return []


@statement(codebook.NAMES)
async def names(session: Session, codes: Sequence[int]) -> Sequence[Row]:
    return [
        Row(("code", "value"), (row["code"], name[1]))
        for name, row in session.scan("code")
        if row["code"] in codes
    ]
