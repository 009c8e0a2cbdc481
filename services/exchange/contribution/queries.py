"""What exchange serves to be read: contributions, one whole or many in pages."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

import asyncpg
import msgspec
from pydantic import BaseModel

from services.exchange.contribution import life
from services.exchange.contribution import rules as contribution
from services.exchange.contribution.life import Status
from shared.contracts.exchange import Act
from shared.contracts.vocabulary import Mode, Party, Phase
from shared.eventstore.store import Pool, PostgresEventStore
from shared.http.paging import Key, KeyText, Page, decode_cursor, page_of

PAGE = """
SELECT contribution_id, service_id, status, giver_id, giver_party, occurred_at, recorded_at, phase,
    mode, kind, minutes, confirm_due_at, version
FROM contribution
WHERE service_id = $1 AND ($2::text IS NULL OR status = $2)
    AND ($3::timestamptz IS NULL OR (recorded_at, contribution_id) < ($3, $4))
ORDER BY recorded_at DESC, contribution_id DESC LIMIT $5
"""
STANDING = """
SELECT contribution_id, id_scope, local_id, occurred_at, recorded_at, minutes
FROM contribution
WHERE service_id = $1 AND source = $2 AND status <> 'voided'
    AND ($3::timestamptz IS NULL OR (recorded_at, contribution_id) > ($3, $4))
ORDER BY recorded_at, contribution_id LIMIT $5
"""
TIMES = "SELECT recorded_at, confirm_due_at FROM contribution WHERE contribution_id = $1"
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class RecordedKey(Key, frozen=True):
    """``recorded``: in microseconds since 1970, to the year 6500."""

    recorded: Annotated[int, msgspec.Meta(ge=0, le=2**57)]
    contribution_id: KeyText

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        return cls((row["recorded_at"] - EPOCH) // MICROSECOND, row["contribution_id"])

    def values(self) -> tuple[datetime, str]:
        return EPOCH + self.recorded * MICROSECOND, self.contribution_id


class ContributionsKey(RecordedKey, frozen=True, tag="contributions"):
    """Those recorded last come first."""


class StandingKey(RecordedKey, frozen=True, tag="standing"):
    """Those recorded first come first."""


class ContributionItem(BaseModel):
    """``confirm_due_at``: when it will be confirmed without anybody's word; null if it won't."""

    contribution_id: str
    service_id: str
    status: Status
    giver_id: str
    giver_party: Party
    occurred_at: datetime
    recorded_at: datetime
    phase: Phase | None
    mode: Mode | None
    kind: str | None
    minutes: int | None
    confirm_due_at: datetime | None
    version: int


class ContributionView(BaseModel):
    """The act as it stands, with everything that was stamped on it."""

    contribution_id: str
    status: Status
    act: Act
    recorded_at: datetime
    confirm_due_at: datetime | None
    version: int


class StandingRow(BaseModel):
    """A row by its own system's id, and what it became; what was voided does not stand."""

    local_id: str
    id_scope: str | None
    contribution_id: str
    occurred_at: datetime
    recorded_at: datetime
    minutes: int | None


class ContributionQueries:
    def __init__(self, pool: Pool, store: PostgresEventStore) -> None:
        self._pool = pool
        self._store = store

    async def contributions(
        self, service_id: str, status: Status | None, cursor: str | None, limit: int
    ) -> Page[ContributionItem]:
        """Return a service's contributions, those recorded last first."""
        last = decode_cursor(cursor, ContributionsKey).values() if cursor else (None, None)
        rows = await self._pool.fetch(PAGE, service_id, status, *last, limit + 1)
        return page_of(rows, limit, _item, ContributionsKey.of)

    async def standing(
        self, service_id: str, source: str, cursor: str | None, limit: int
    ) -> Page[StandingRow]:
        """Return the rows of one system that stand in a service, those recorded first first."""
        last = decode_cursor(cursor, StandingKey).values() if cursor else (None, None)
        rows = await self._pool.fetch(STANDING, service_id, source, *last, limit + 1)
        return page_of(rows, limit, lambda row: StandingRow(**row), StandingKey.of)

    async def contribution(self, contribution_id: str) -> ContributionView | None:
        stream_id = contribution.stream_id(contribution_id)
        folded = (await self._store.folded({stream_id: life.FOLD}))[stream_id]
        state: life.State = folded.state
        status = life.status_of(state)
        if isinstance(state, life.Unknown) or status is None:
            return None
        (times,) = await self._pool.fetch(TIMES, contribution_id)
        return ContributionView(
            contribution_id=contribution_id,
            status=status,
            act=state.act,
            version=folded.version,
            **times,
        )


def _item(row: asyncpg.Record) -> ContributionItem:
    return ContributionItem(**row)
