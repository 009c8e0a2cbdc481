"""What events change in exchange's read models, in the statement that appends them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from services.exchange.contribution.life import Stated, Status, stated
from services.exchange.contribution.statement import digest_of
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionDisputed,
    ContributionRecorded,
    ContributionVoided,
    DisputeResolved,
)
from shared.contracts.vocabulary import Message, Outcome
from shared.eventstore.port import Recorded

Row: TypeAlias = dict[str, object]
GONE = "gone"
"""The stated status of what its source no longer has."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The contribution ``origin_id`` stands elsewhere, for the ``moves``-th time."""

    origin_id: str
    moves: int


@dataclass(frozen=True, slots=True)
class Origin:
    """The row that a contribution stands for: of which system, and its id there."""

    source: str
    id_scope: str | None
    local_id: str


@dataclass(slots=True)
class _Row:
    """What a batch of events says of one contribution; None: nothing, so it stays as it was.

    ``recorded_at`` and ``confirm_due_at`` are there only where it is new.
    """

    contribution_id: str
    version: int = 0
    recorded_at: datetime | None = None
    confirm_due_at: datetime | None = None
    status: Status | None = None
    act: Act | None = None
    stated: Stated = field(default_factory=Stated)


@dataclass(frozen=True, slots=True)
class Projection:
    """What no event says: ``moved`` and ``origins``, by contribution."""

    moved: Mapping[str, Moved] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def __call__(self, recorded: Sequence[Recorded]) -> Sequence[Row]:
        """Return what the database's ``change_read_models`` is to do, nothing or more."""
        rows: dict[str, _Row] = {}
        for one in recorded:
            contribution_id = _contribution_id(one.event)
            if contribution_id is None:
                continue
            if contribution_id not in rows:
                rows[contribution_id] = _Row(contribution_id)
            _tell(rows[contribution_id], one)
        changes: dict[str, Sequence[Row]] = {
            **_contributions(list(rows.values()), self.origins),
            "replace_contributions": self._replaced(rows),
        }
        return [{"change": name, "rows": cells} for name, cells in changes.items() if cells]

    def _replaced(self, rows: Collection[str]) -> Sequence[Row]:
        last = {  # one row may move more than once in a batch, and is known by where it ended up
            moved.origin_id: (new, moved.moves) for new, moved in self.moved.items() if new in rows
        }
        return [
            {"origin_id": origin, "contribution_id": new, "moves": moves}
            for origin, (new, moves) in last.items()
        ]


def _contributions(rows: Sequence[_Row], origins: Mapping[str, Origin]) -> dict[str, Sequence[Row]]:
    known = [row for row in rows if row.recorded_at is None]
    return {
        "add_contributions": [
            _new_cells(row, row.act, row.recorded_at) | _origin_cells(row, origins)
            for row in rows
            if row.act and row.recorded_at
        ],
        "move_contributions": [_state_cells(row) for row in known],
        "rewrite_contributions": [
            {"contribution_id": row.contribution_id, **_act_cells(row.act)}
            for row in known
            if row.act
        ],
    }


def _contribution_id(event: Message) -> str | None:
    act = _act(event)
    return getattr(event, "contribution_id", None) if act is None else act.contribution_id


def _act(event: Message) -> Act | None:
    """Return the act as it is from this event on; each that may change it carries it whole."""
    said = vars(event)
    act: Act | None = said.get("act") or said.get("after")
    return act


def _tell(row: _Row, recorded: Recorded) -> None:
    event = recorded.event
    if type(event) is ContributionRecorded:
        row.recorded_at, row.confirm_due_at = recorded.recorded_at, event.confirm_due_at
    row.version = recorded.version
    row.status = _status(event) or row.status
    row.stated = stated(row.stated, event)
    row.act = _act(event) or row.act


def _status(event: Message) -> Status | None:
    if type(event) is DisputeResolved:
        return Status.VOIDED if event.outcome is Outcome.UPHELD else Status.CONFIRMED
    return _STATUSES.get(type(event))


_STATUSES: Mapping[type[Message], Status] = {
    ContributionRecorded: Status.RECORDED,
    ContributionConfirmed: Status.CONFIRMED,
    ContributionDisputed: Status.DISPUTED,
    ContributionVoided: Status.VOIDED,
}


def _new_cells(row: _Row, act: Act, recorded_at: datetime) -> Row:
    awaits = row.status is Status.RECORDED
    return {
        **_state_cells(row),
        "recorded_at": recorded_at,
        "confirm_due_at": row.confirm_due_at if awaits else None,
        "service_id": act.service_id,
        **_act_cells(act),
    }


def _origin_cells(row: _Row, origins: Mapping[str, Origin]) -> Row:
    origin = origins.get(row.contribution_id)
    if origin is None:
        return {}
    return {"source": origin.source, "id_scope": origin.id_scope, "local_id": origin.local_id}


def _state_cells(row: _Row) -> Row:
    said = row.stated
    return {
        "contribution_id": row.contribution_id,
        "version": row.version,
        "status": row.status,
        "revised_at": said.revised_at,
        "stated_status": GONE if said.gone else said.status,
        "stated_digest": None if said.act is None else f"\\x{digest_of(said.act).hex()}",
    }


def _act_cells(act: Act) -> Row:
    return {
        "giver_id": act.giver_id,
        "giver_party": act.giver_party,
        "occurred_at": act.occurred_at,
        "phase": act.phase,
        "mode": act.mode,
        "kind": act.kind,
        "minutes": act.minutes,
    }
