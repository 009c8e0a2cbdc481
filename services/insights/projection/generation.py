"""Projection: which generation of the fold serves, and the row of each that is being built."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from services.insights.projection.store import FOLDED_TOPICS, Pool, consumer_name

ACTIVE = "SELECT version FROM projection_active"
NEWEST = """
SELECT p.version, p.state, p.started_at, p.finished_at, p.report, a.version AS active,
    (SELECT coalesce(sum(position), 0) FROM consumer_position
     WHERE consumer = 'insights.fold.v' || p.version AND topic = ANY($1)) AS folded
FROM projection AS p, projection_active AS a ORDER BY p.version DESC LIMIT 1
"""
PURGE = (
    "DELETE FROM consumer_position WHERE consumer = $1",
    "DELETE FROM unknown_event WHERE consumer = $1",
    "DELETE FROM quarantine WHERE consumer = $1",
)
INACTIVE = "SELECT version FROM projection WHERE version <> (SELECT version FROM projection_active)"
DELETE = "DELETE FROM projection WHERE version = $1"
BEGIN = """
INSERT INTO projection (state) VALUES ('folding') RETURNING version
"""
MOVE = "UPDATE projection SET state = $2 WHERE version = $1"
FINISH = """
UPDATE projection SET state = $2, report = $3, finished_at = clock_timestamp() WHERE version = $1
"""
SWITCH = "UPDATE projection_active SET version = $1"
# The new generation met the same records itself: what the old one holds of them is settled.
SETTLE_QUARANTINE = """
UPDATE quarantine SET status = 'discarded', settled_at = clock_timestamp(), settled_by = 'rebuild'
WHERE consumer = $1 AND status = 'held'
"""


class BuildState(StrEnum):
    FOLDING = "folding"
    COMPARING = "comparing"
    SWITCHING = "switching"
    SWITCHED = "switched"
    DIFFERENT = "different"
    FAILED = "failed"
    ABANDONED = "abandoned"


RUNNING = frozenset({BuildState.FOLDING, BuildState.COMPARING, BuildState.SWITCHING})


@dataclass(frozen=True, slots=True)
class Build:
    """The newest generation. ``active``: the one that serves; ``folded``: events it has taken."""

    version: int
    active: int
    state: BuildState
    started_at: datetime
    finished_at: datetime | None
    folded: int
    report: dict[str, Any] | None


class Projections:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def active(self) -> int:
        return int(await self._pool.fetchval(ACTIVE))

    async def newest(self) -> Build:
        (row,) = await self._pool.fetch(NEWEST, FOLDED_TOPICS)
        return Build(
            version=row["version"],
            active=row["active"],
            state=BuildState(row["state"]),
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            folded=int(row["folded"]),
            report=orjson.loads(row["report"]) if row["report"] else None,
        )

    async def begin(self) -> int:
        """Remove every generation that does not serve, and return the number of a new one."""
        async with self._pool.acquire() as connection, connection.transaction():
            for row in await connection.fetch(INACTIVE):
                for statement in PURGE:
                    await connection.execute(statement, consumer_name(row["version"]))
                await connection.execute(DELETE, row["version"])
            return int(await connection.fetchval(BEGIN))

    async def move(self, version: int, state: BuildState) -> None:
        await self._pool.execute(MOVE, version, state)

    async def finish(self, version: int, state: BuildState, report: dict[str, Any]) -> None:
        await self._pool.execute(FINISH, version, state, orjson.dumps(report).decode())

    async def switch(self, version: int, report: dict[str, Any]) -> None:
        """Let this generation serve from now on, in every replica: one row says which does."""
        async with self._pool.acquire() as connection, connection.transaction():
            old = consumer_name(await connection.fetchval(ACTIVE))
            await connection.execute(SWITCH, version)
            await connection.execute(SETTLE_QUARANTINE, old)
            await connection.execute("DELETE FROM unknown_event WHERE consumer = $1", old)
            written = orjson.dumps(report).decode()
            await connection.execute(FINISH, version, BuildState.SWITCHED, written)
