"""Synchronisation: a contribution is made to be what a row of its agency's own system says it is.

Repeating a row changes nothing, whatever people did to the contribution in between: only what the
row says differently than before is applied. What a row does not speak of stays as it is. A row no
newer than the last revision is left alone.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import reduce

import msgspec

from services.exchange.contribution.life import (
    GONE_FROM_SOURCE,
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
from services.exchange.contribution.rules import CONFIRMED_AUTOMATICALLY_AFTER, Reason
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
    RESTORED = "restored"
    CORRECTED = "corrected"
    STATUS_CHANGED = "status_changed"
    VOIDED = "voided"
    UNCHANGED = "unchanged"
    STALE = "stale"


class Synchronise(msgspec.Struct, frozen=True, gc=False):
    """``act`` is the row as enriched ``at`` this moment; ``by`` is the system it comes from.

    ``silent``: the fields of the act that the row does not speak of. Without a ``status`` it does
    not speak of that either. ``replaces``: the void contribution that the row was before.
    """

    act: Act
    status: Status | None
    by: str
    at: datetime
    revised_at: datetime | None = None
    silent: frozenset[str] = frozenset()
    replaces: str | None = None


def synchronise(command: Synchronise, state: State) -> list[Message]:
    """Return the events that make the contribution what the row says; ``[]`` for nothing new.

    Raises:
        Rejected: the row wants a status that can't be reached from the present one.
    """
    if is_stale(command, state):
        return []
    if isinstance(state, Unknown):
        before = Stated()
        status = command.status or Status.CONFIRMED
        due_at = _confirm_due_at(status, command.at)
        recorded = Recorded(command.act, confirm_due_at=due_at)
        changes: list[Message] = [
            ContributionRecorded(act=command.act, confirm_due_at=due_at, replaces=command.replaces)
        ]
        changes += _transition(command, recorded, status, command.act)
    else:
        before = state.stated
        changes = _changes(command, state)
    return changes + _unsaid(command, reduce(stated, changes, before))


def _confirm_due_at(status: Status, at: datetime) -> datetime | None:
    """Return until when a new row waits; one that is confirmed already never does."""
    return None if status is Status.CONFIRMED else at + CONFIRMED_AUTOMATICALLY_AFTER


def retract(by: str, state: State) -> list[Message]:
    """Return the events that void what its system no longer has; ``[]`` for what is void.

    Raises:
        Rejected: there is no such contribution.
    """
    if isinstance(state, Unknown):
        raise Rejected(Reason.UNKNOWN)
    if isinstance(state, Voided):
        return []
    counted = isinstance(state, Confirmed)
    return [ContributionVoided(act=state.act, by=by, reason_code=GONE_FROM_SOURCE, counted=counted)]


def is_stale(command: Synchronise, state: State) -> bool:
    """Whether a revision at least as new as this one was applied before."""
    if isinstance(state, Unknown) or command.revised_at is None:
        return False
    return state.stated.revised_at is not None and command.revised_at <= state.stated.revised_at


def says_the_same(command: Synchronise, state: State) -> bool:
    """Whether the row says what it said when it was last applied."""
    if isinstance(state, Unknown):
        return False
    return not _edited(command, state) and command.status in {None, state.stated.status}


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


def changed(before: Act, after: Act) -> list[str]:
    """Return the names of what the second says otherwise."""
    was = content(before)
    return sorted(name for name, value in content(after).items() if value != was[name])


def _changes(
    command: Synchronise, state: Recorded | Confirmed | Disputed | Voided
) -> list[Message]:
    stays = command.status in {None, state.stated.status}
    target = (status_of(state) if stays else None) or command.status or Status.CONFIRMED
    act = state.act
    if _edited(command, state):
        kept = {"recorded_by", *_silent(command, state)}
        if "giver_org" in kept:
            kept.add("giver_in_provider_org")
        act = command.act.model_copy(update={name: getattr(state.act, name) for name in kept})
    return _transition(command, state, target, act)


def _edited(command: Synchronise, state: Recorded | Confirmed | Disputed | Voided) -> bool:
    silent = _silent(command, state)
    said, before, now = (
        {name: value for name, value in content(act).items() if name not in silent}
        for act in (command.act, state.stated.act or state.act, state.act)
    )
    return said not in (before, now)


def _silent(
    command: Synchronise, state: Recorded | Confirmed | Disputed | Voided
) -> frozenset[str]:
    """Return what the row does not speak of.

    Where it names no organisation it speaks of the giver's own, as registry knows it today. That
    stands where none was named before, and where another person gave.
    """
    before = state.stated.act or state.act
    if before.giver_org is None or before.giver_id != command.act.giver_id:
        return command.silent - {"giver_org"}
    return command.silent


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
    if command.status is not None and said.status is not command.status:
        private.append(
            ContributionStatusStated(contribution_id=contribution_id, status=command.status.value)
        )
    if command.revised_at is not None:
        private.append(
            ContributionRevisionSeen(contribution_id=contribution_id, revised_at=command.revised_at)
        )
    return private
