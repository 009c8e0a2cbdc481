"""Synchronisation: a contribution is made to be what a row of its agency's own system says it is.

Repeating a row changes nothing, whatever people did to the contribution in between: only what the
row says differently than before is applied. A row no newer than the last revision is left alone.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import reduce

import msgspec

from services.exchange.domain.contribution import CONFIRMED_AUTOMATICALLY_AFTER, Reason
from services.exchange.domain.life import (
    Confirmed,
    Disputed,
    Recorded,
    State,
    Stated,
    Status,
    Unknown,
    Voided,
    content,
    stated,
    status_of,
    waits_until,
)
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionRecorded,
    ContributionRevisionSeen,
    ContributionStatusStated,
    ContributionVoided,
    DisputeResolved,
)
from shared.contracts.vocabulary import Message, Outcome
from shared.eventstore.port import Rejected

STATED_BY_SOURCE = "stated_by_source"


class Effect(StrEnum):
    RECORDED = "recorded"
    MOVED = "moved"
    CORRECTED = "corrected"
    STATUS_CHANGED = "status_changed"
    VOIDED = "voided"
    UNCHANGED = "unchanged"
    STALE = "stale"


class Synchronise(msgspec.Struct, frozen=True, gc=False):
    """``act`` is the row as stamped ``at`` this moment; ``by`` is the system it comes from."""

    act: Act
    status: Status
    by: str
    at: datetime
    revised_at: datetime | None = None


def synchronise(command: Synchronise, state: State) -> list[Message]:
    """Return the events that make the contribution what the row says; ``[]`` for nothing new.

    Raises:
        Rejected: the row wants a status that can't be reached from the present one.
    """
    if is_stale(command, state):
        return []
    if isinstance(state, Unknown):
        before = Stated()
        due_at = _confirm_due_at(command)
        recorded = Recorded(command.act, confirm_due_at=due_at)
        changes: list[Message] = [ContributionRecorded(act=command.act, confirm_due_at=due_at)]
        changes += _transition(command, recorded, command.status, command.act)
    else:
        before = state.stated
        changes = _changes(command, state)
    return changes + _unsaid(command, reduce(stated, changes, before))


def _confirm_due_at(command: Synchronise) -> datetime | None:
    """Return until when a new row waits; one that is confirmed already never does."""
    if command.status is Status.CONFIRMED:
        return None
    return command.at + CONFIRMED_AUTOMATICALLY_AFTER


def is_stale(command: Synchronise, state: State) -> bool:
    """Whether a revision at least as new as this one was applied before."""
    if isinstance(state, Unknown) or command.revised_at is None:
        return False
    return state.stated.revised_at is not None and command.revised_at <= state.stated.revised_at


def says_the_same(command: Synchronise, state: State) -> bool:
    """Whether the row says what it said when it was last applied."""
    if isinstance(state, Unknown):
        return False
    return not _edited(command.act, state) and command.status is state.stated.status


def effect(command: Synchronise, events: Sequence[Message], state: State) -> Effect:
    """Return what the row did, from its events and the state after them."""
    kinds: set[type[Message]] = {type(event) for event in events}
    if ContributionRecorded in kinds:
        return Effect.RECORDED
    corrected = any(
        isinstance(event, DisputeResolved) and event.outcome is Outcome.CORRECTED
        for event in events
    )
    if corrected or ContributionCorrected in kinds:
        return Effect.CORRECTED
    private: set[type[Message]] = {ContributionRevisionSeen, ContributionStatusStated}
    if kinds - private:
        return Effect.VOIDED if isinstance(state, Voided) else Effect.STATUS_CHANGED
    if is_stale(command, state) and not says_the_same(command, state):
        return Effect.STALE
    return Effect.UNCHANGED


def _changes(
    command: Synchronise, state: Recorded | Confirmed | Disputed | Voided
) -> list[Message]:
    stays = command.status is state.stated.status
    target = (status_of(state) if stays else None) or command.status
    act = state.act
    if _edited(command.act, state):
        act = command.act.model_copy(update={"recorded_by": state.act.recorded_by})
    return _transition(command, state, target, act)


def _edited(act: Act, state: Recorded | Confirmed | Disputed | Voided) -> bool:
    said = content(act)
    before = state.stated.act or state.act
    return said not in (content(before), content(state.act))


def _transition(
    command: Synchronise,
    state: Recorded | Confirmed | Disputed | Voided,
    target: Status,
    act: Act,
) -> list[Message]:
    """Return the shortest way from the state to the target and the act; a void stays as it was."""
    if isinstance(state, Voided) or target is Status.VOIDED:
        return _voided(command, state, target)
    if isinstance(state, Disputed) and target is Status.CONFIRMED:
        same = act == state.act
        outcome, before = (Outcome.REJECTED, None) if same else (Outcome.CORRECTED, state.act)
        return [DisputeResolved(act=act, by=command.by, outcome=outcome, before=before)]
    counted, due_at = isinstance(state, Confirmed), waits_until(state)
    changes: list[Message] = []
    if act is not state.act and act != state.act:
        corrected = ContributionCorrected(
            before=state.act, after=act, by=command.by, counted=counted, confirm_due_at=due_at
        )
        changes.append(corrected)
    if target is status_of(state):
        return changes
    if target is Status.CONFIRMED:
        confirmed = ContributionConfirmed(act=act, by=command.by, confirm_due_at=due_at)
        return [*changes, confirmed]
    if target is Status.DISPUTED:
        disputed = ContributionDisputed(
            act=act,
            by=command.by,
            reason_code=STATED_BY_SOURCE,
            counted=counted,
            confirm_due_at=due_at,
        )
        return [*changes, disputed]
    raise Rejected(Reason.STATUS_UNREACHABLE, status=status_of(state), wanted=target)


def _voided(
    command: Synchronise, state: Recorded | Confirmed | Disputed | Voided, target: Status
) -> list[Message]:
    match state:
        case Voided() if target is not Status.VOIDED:
            raise Rejected(Reason.STATUS_UNREACHABLE, status=Status.VOIDED, wanted=target)
        case Voided():
            return []
        case Disputed(act=act):
            return [DisputeResolved(act=act, by=command.by, outcome=Outcome.UPHELD)]
        case _:
            return [
                ContributionVoided(
                    act=state.act,
                    by=command.by,
                    reason_code=STATED_BY_SOURCE,
                    counted=isinstance(state, Confirmed),
                    confirm_due_at=waits_until(state),
                )
            ]


def _unsaid(command: Synchronise, said: Stated) -> list[Message]:
    """Return private events for what the row said and no public event says."""
    contribution_id = command.act.contribution_id
    private: list[Message] = []
    if said.status is not command.status:
        private.append(
            ContributionStatusStated(contribution_id=contribution_id, status=command.status.value)
        )
    if command.revised_at is not None:
        private.append(
            ContributionRevisionSeen(contribution_id=contribution_id, revised_at=command.revised_at)
        )
    return private
