"""Exchange's read models, changed in the transaction that appends the events they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from services.exchange.domain.contribution import CONFIRMED_AUTOMATICALLY_AFTER
from services.exchange.domain.life import Stated, Status, stated
from services.exchange.statement import digest_of
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionDisputed,
    ContributionRecorded,
    ContributionVoided,
    DisputeResolved,
)
from shared.contracts.vocabulary import Message, Outcome
from shared.eventstore.port import Connection, Recorded

Cells: TypeAlias = tuple[object, ...]

ADD = """
INSERT INTO contribution (
    contribution_id, version, status, revised_at, stated_status, stated_digest, recorded_at,
    confirm_due_at, service_id, giver_id, giver_party, occurred_at, phase, mode, kind, minutes
) SELECT * FROM unnest(
    $1::text[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[],
    $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::timestamptz[],
    $13::text[], $14::text[], $15::text[], $16::int[]
)
"""
# Leaving the state recorded is for ever: whatever status an event tells, nothing is due after it.
MOVE = """
UPDATE contribution AS c SET
    version = n.version,
    status = coalesce(n.status, c.status),
    revised_at = coalesce(n.revised_at, c.revised_at),
    stated_status = coalesce(n.stated_status, c.stated_status),
    stated_digest = coalesce(n.stated_digest, c.stated_digest),
    confirm_due_at = CASE WHEN n.status IS NULL THEN c.confirm_due_at END
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[])
    AS n (contribution_id, version, status, revised_at, stated_status, stated_digest)
WHERE c.contribution_id = n.contribution_id
"""
REWRITE = """
UPDATE contribution AS c SET
    giver_id = n.giver_id, giver_party = n.giver_party, occurred_at = n.occurred_at,
    phase = n.phase, mode = n.mode, kind = n.kind, minutes = n.minutes
FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
    $8::int[]
) AS n (contribution_id, giver_id, giver_party, occurred_at, phase, mode, kind, minutes)
WHERE c.contribution_id = n.contribution_id
"""
ADD_MOVE = """
INSERT INTO moved_contribution (origin_id, contribution_id, moves) VALUES ($1, $2, $3)
ON CONFLICT (origin_id) DO UPDATE
SET contribution_id = EXCLUDED.contribution_id, moves = EXCLUDED.moves
"""
ADD_WORDS = "INSERT INTO feedback_words (feedback_id, words) VALUES ($1, $2)"


@dataclass(frozen=True, slots=True)
class Moved:
    """The contribution ``origin_id`` stands elsewhere, for the ``moves``-th time."""

    origin_id: str
    moves: int


@dataclass(slots=True)
class _Row:
    """What a batch of events says of one contribution; None: nothing, so it stays as it was.

    ``recorded_at`` is there only where it is new.
    """

    contribution_id: str
    version: int = 0
    recorded_at: datetime | None = None
    status: Status | None = None
    act: Act | None = None
    stated: Stated = field(default_factory=Stated)


@dataclass(frozen=True, slots=True)
class Projection:
    """``moved`` (by the new contribution) and ``words`` (by feedback) are what no event says."""

    moved: Mapping[str, Moved] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        rows: dict[str, _Row] = {}
        said: set[str] = set()
        for one in recorded:
            contribution_id = _contribution_id(one.event)
            if contribution_id is None:
                said.add(getattr(one.event, "feedback_id", ""))
                continue
            if contribution_id not in rows:
                rows[contribution_id] = _Row(contribution_id)
            _tell(rows[contribution_id], one)
        await _write(connection, list(rows.values()))
        moves = [(moved.origin_id, new, moved.moves) for new, moved in self.moved.items()]
        if moves := [move for move in moves if move[1] in rows]:
            await connection.executemany(ADD_MOVE, moves)
        if words := [item for item in self.words.items() if item[0] in said]:
            await connection.executemany(ADD_WORDS, words)


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
        row.recorded_at = recorded.recorded_at
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


async def _write(connection: Connection, rows: Sequence[_Row]) -> None:
    new = [_new_cells(row, row.act, row.recorded_at) for row in rows if row.act and row.recorded_at]
    known = [row for row in rows if row.recorded_at is None]
    if new:
        await connection.execute(ADD, *zip(*new, strict=True))
    if known:
        await connection.execute(MOVE, *zip(*map(_state_cells, known), strict=True))
    if rewritten := [(row.contribution_id, *_act_cells(row.act)) for row in known if row.act]:
        await connection.execute(REWRITE, *zip(*rewritten, strict=True))


def _new_cells(row: _Row, act: Act, recorded_at: datetime) -> Cells:
    awaits = row.status is Status.RECORDED
    due = recorded_at + CONFIRMED_AUTOMATICALLY_AFTER if awaits else None
    return (*_state_cells(row), recorded_at, due, act.service_id, *_act_cells(act))


def _state_cells(row: _Row) -> Cells:
    said = row.stated
    return (
        row.contribution_id,
        row.version,
        row.status,
        said.revised_at,
        said.status,
        None if said.act is None else digest_of(said.act),
    )


def _act_cells(act: Act) -> Cells:
    return (
        act.giver_id,
        act.giver_party,
        act.occurred_at,
        act.phase,
        act.mode,
        act.kind,
        act.minutes,
    )
