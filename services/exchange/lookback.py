"""What exchange itself holds that submissions ask about, looked up before they are built."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from services.exchange.identity import Identity
from shared.eventstore.folding import Fold
from shared.eventstore.port import Provenance
from shared.eventstore.store import Pool, PostgresEventStore

PLACES = """
SELECT asked.origin_id, c.contribution_id, c.service_id, c.revised_at,
    coalesce(m.moves, 0) AS moves, c.status = 'voided' AS voided,
    c.version, c.stated_status, c.stated_digest
FROM unnest($1::text[]) AS asked (origin_id)
LEFT JOIN moved_contribution AS m USING (origin_id)
JOIN contribution AS c ON c.contribution_id = coalesce(m.contribution_id, asked.origin_id)
"""


class RowId(msgspec.Struct, frozen=True, gc=False):
    """The id of a row in its own system, and what that is unique in; None: all of the system."""

    local_id: str
    id_scope: str | None


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a row of another system stands now; ``moves``: how often it went elsewhere.

    ``stated_status`` and ``stated_digest`` are of what its system said of it last.
    """

    contribution_id: str
    service_id: str
    revised_at: datetime | None
    moves: int
    voided: bool = False
    version: int = 0
    stated_status: str | None = None
    stated_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class RelatedStreams:
    """``states`` by their stream; ``places`` by the id that the row's first contribution had.

    ``origins``: that id, by the agency and the system that the row is of, its id there, and what
    that is unique in.
    """

    states: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[tuple[str, str, str, str | None], str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)

    def origin_id(self, sender: Provenance, row: RowId) -> str:
        return self.origins[sender.agency, sender.system, row.local_id, row.id_scope]


class Lookback:
    def __init__(self, pool: Pool, store: PostgresEventStore, identity: Identity) -> None:
        self._pool = pool
        self._store = store
        self._identity = identity

    async def related(
        self, streams: Mapping[str, Fold], rows: Iterable[tuple[Provenance, RowId]]
    ) -> RelatedStreams:
        """Return the streams as they stand, and the places of the rows."""
        folded = await self._store.folded(streams) if streams else {}
        origins = {
            (sender.agency, sender.system, row.local_id, scope): self._identity.contribution(
                sender, row.local_id, scope=scope
            )
            for sender, row in rows
            for scope in {row.id_scope, None}  # it may have come before without one
        }
        return RelatedStreams(
            states={stream_id: stream.state for stream_id, stream in folded.items()},
            origins=origins,
            places=await self._places(list(origins.values())) if origins else {},
        )

    async def _places(self, origins: Sequence[str]) -> dict[str, Place]:
        found = await self._pool.fetch(PLACES, origins)
        return {origin_id: Place(*rest) for origin_id, *rest in found}
