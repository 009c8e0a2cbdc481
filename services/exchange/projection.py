"""Exchange's read models, changed in the transaction that appends the events they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from services.exchange.domain.contribution import CONFIRMED_AUTOMATICALLY_AFTER
from services.exchange.domain.life import Status
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionRecorded,
    ContributionRevisionSeen,
    ContributionVoided,
    DisputeResolved,
)
from shared.contracts.vocabulary import Outcome
from shared.eventstore.port import Connection, Recorded

Cells: TypeAlias = tuple[object, ...]

ADD = """
INSERT INTO contribution (
    contribution_id, version, revised_at, status, recorded_at, confirm_due_at, service_id, giver_id,
    giver_party, occurred_at, phase, mode, kind, minutes
) SELECT * FROM unnest(
    $1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::timestamptz[],
    $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[], $12::text[], $13::text[],
    $14::int[]
)
"""
# Leaving the state recorded is for ever: whatever status an event tells, nothing is due after it.
MOVE = """
UPDATE contribution AS c SET
    version = n.version,
    revised_at = coalesce(n.revised_at, c.revised_at),
    status = coalesce(n.status, c.status),
    confirm_due_at = CASE WHEN n.status IS NULL THEN c.confirm_due_at END
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[])
    AS n (contribution_id, version, revised_at, status)
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


@dataclass(frozen=True, slots=True)
class _Row:
    """``recorded_at`` only where it is new; None in the others: as it was."""

    contribution_id: str
    version: int = 0
    recorded_at: datetime | None = None
    revised_at: datetime | None = None
    status: Status | None = None
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """``moved`` (by the new contribution) and ``words`` (by feedback) are what no event says."""

    moved: Mapping[str, Moved] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        rows: dict[str, _Row] = {}
        said: set[str] = set()
        for one in recorded:
            contribution_id = getattr(one.event, "contribution_id", None) or _of(one)
            if contribution_id is not None:
                before = rows.get(contribution_id, _Row(contribution_id))
                rows[contribution_id] = _after(before, one)
            said.add(str(getattr(one.event, "feedback_id", "")))
        await _write(connection, list(rows.values()))
        moves = [(moved.origin_id, new, moved.moves) for new, moved in self.moved.items()]
        if moves := [move for move in moves if move[1] in rows]:
            await connection.executemany(ADD_MOVE, moves)
        if words := [item for item in self.words.items() if item[0] in said]:
            await connection.executemany(ADD_WORDS, words)


def _of(recorded: Recorded) -> str | None:
    act = _act(recorded)
    return None if act is None else act.contribution_id


def _act(recorded: Recorded) -> Act | None:
    match recorded.event:
        case (
            ContributionRecorded(act=act)
            | ContributionConfirmed(act=act)
            | ContributionDisputed(act=act)
            | DisputeResolved(act=act)
            | ContributionVoided(act=act)
            | ContributionCorrected(after=act)
        ):
            return act
        case _:
            return None


def _after(row: _Row, recorded: Recorded) -> _Row:
    event = recorded.event
    row = replace(row, version=recorded.version)
    match event:
        case ContributionRecorded():
            row = replace(row, recorded_at=recorded.recorded_at, status=Status.RECORDED)
        case ContributionConfirmed():
            row = replace(row, status=Status.CONFIRMED)
        case ContributionDisputed():
            row = replace(row, status=Status.DISPUTED)
        case ContributionVoided() | DisputeResolved(outcome=Outcome.UPHELD):
            row = replace(row, status=Status.VOIDED)
        case DisputeResolved():
            row = replace(row, status=Status.CONFIRMED)
        case ContributionRevisionSeen(revised_at=revised_at):
            row = replace(row, revised_at=revised_at)
        case _:
            pass
    return replace(row, act=_act(recorded) or row.act)


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
    return row.contribution_id, row.version, row.revised_at, row.status


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
