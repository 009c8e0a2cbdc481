"""The states of a contribution, and how each event moves it from one to the next.

Recorded, then confirmed, disputed or voided; confirmed, then disputed or voided; disputed, then
confirmed or voided. A correction keeps the state. Only a confirmed contribution counts.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, assert_never

import msgspec

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
from shared.eventstore.folding import Fold

SYSTEM = "system:"
AUTOMATIC = "system:exchange"
GONE_FROM_SOURCE = "gone_from_source"
LOOKED_UP = frozenset({"giver_in_provider_org", "recorded_by", "directory"})


class Status(StrEnum):
    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    VOIDED = "voided"


class Stated(msgspec.Struct, frozen=True, gc=False):
    """What the system that the contribution came from last said of it, whoever changed it since.

    ``gone``: the system no longer had it, which is why it is void.
    """

    act: Act | None = None
    status: Status | None = None
    revised_at: datetime | None = None
    gone: bool = False


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """Nothing was recorded."""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """``confirm_due_at`` is None only where its source confirms it in the same breath."""

    act: Act
    stated: Stated = Stated()
    confirm_due_at: datetime | None = None


class Confirmed(msgspec.Struct, frozen=True, gc=False):
    """``resolution`` is how a dispute ended, if one did."""

    act: Act
    by: str
    resolution: Outcome | None = None
    stated: Stated = Stated()


class Disputed(msgspec.Struct, frozen=True, gc=False):
    act: Act
    stated: Stated = Stated()


class Voided(msgspec.Struct, frozen=True, gc=False):
    act: Act
    resolution: Outcome | None = None
    stated: Stated = Stated()


State: TypeAlias = Unknown | Recorded | Confirmed | Disputed | Voided
INITIAL: State = Unknown()


def evolve(state: State, event: Message) -> State:
    """Return the state after the event; each carries its act whole, so none is out of place."""
    move = _MOVES.get(type(event))  # not a match: this is asked three times for every row imported
    if move is None:
        return state
    before = _NOTHING_STATED if isinstance(state, Unknown) else state.stated
    return move(state, event, stated(before, event))


def stated(before: Stated, event: Message) -> Stated:
    """Return what the contribution's source has said of it after the event."""
    state = _STATEMENTS.get(type(event))
    return before if state is None else state(before, event)


def content(act: Act) -> Mapping[str, object]:
    """Return what the act says, without what exchange looked up: what is equal says the same."""
    said = dict(vars(act))
    for name in LOOKED_UP:
        del said[name]
    said["receivers"] = [receiver.participant_id for receiver in act.receivers]
    return said


def status_of(state: State) -> Status | None:
    match state:
        case Unknown():
            return None
        case Recorded():
            return Status.RECORDED
        case Confirmed():
            return Status.CONFIRMED
        case Disputed():
            return Status.DISPUTED
        case Voided():
            return Status.VOIDED
        case _:
            assert_never(state)


def waits_until(state: State) -> datetime | None:
    """Return when the act counts without anybody's word; None where it does not wait for that."""
    return state.confirm_due_at if isinstance(state, Recorded) else None


def _resolved(_state: State, event: DisputeResolved, stated: Stated) -> State:
    if event.outcome is Outcome.UPHELD:
        return Voided(event.act, event.outcome, stated)
    return Confirmed(event.act, event.by, event.outcome, stated)


def _still(state: State, act: Act | None, stated: Stated) -> State:
    """Return the same state, of another act or with another word of its source."""
    match state:
        case Unknown():
            return state
        case Confirmed(act=before, by=by, resolution=resolution):
            return Confirmed(act or before, by, resolution, stated)
        case Voided(act=before, resolution=resolution):
            return Voided(act or before, resolution, stated)
        case Recorded(act=before, confirm_due_at=due_at):
            return Recorded(act or before, stated, due_at)
        case Disputed(act=before):
            return Disputed(act or before, stated)
        case _:
            assert_never(state)


_NOTHING_STATED = Stated()
_MOVES: Mapping[type[Message], Callable[[State, Any, Stated], State]] = {
    ContributionRecorded: lambda _, event, stated: Recorded(
        event.act, stated, event.confirm_due_at
    ),
    ContributionConfirmed: lambda _, event, stated: Confirmed(event.act, event.by, None, stated),
    ContributionDisputed: lambda _, event, stated: Disputed(event.act, stated),
    DisputeResolved: _resolved,
    ContributionVoided: lambda _, event, stated: Voided(event.act, None, stated),
    ContributionCorrected: lambda state, event, stated: _still(state, event.after, stated),
    ContributionRevisionSeen: lambda state, _, stated: _still(state, None, stated),
    ContributionStatusStated: lambda state, _, stated: _still(state, None, stated),
}


def _says_recorded(before: Stated, event: ContributionRecorded) -> Stated:
    if not event.act.recorded_by.startswith(SYSTEM):
        return before
    return Stated(event.act, Status.RECORDED, before.revised_at)


def _says_confirmed(before: Stated, event: ContributionConfirmed) -> Stated:
    if event.automatic or not event.by.startswith(SYSTEM):
        return before
    return Stated(before.act, Status.CONFIRMED, before.revised_at)


def _says_disputed(before: Stated, event: ContributionDisputed) -> Stated:
    if not event.by.startswith(SYSTEM):
        return before
    return Stated(before.act, Status.DISPUTED, before.revised_at)


def _says_resolved(before: Stated, event: DisputeResolved) -> Stated:
    if not event.by.startswith(SYSTEM):
        return before
    act = event.act if event.outcome is Outcome.CORRECTED else before.act
    status = Status.VOIDED if event.outcome is Outcome.UPHELD else Status.CONFIRMED
    return Stated(act, status, before.revised_at)


def _says_corrected(before: Stated, event: ContributionCorrected) -> Stated:
    if not event.by.startswith(SYSTEM):
        return before
    return Stated(event.after, before.status, before.revised_at)


def _says_voided(before: Stated, event: ContributionVoided) -> Stated:
    if not event.by.startswith(SYSTEM):
        return before
    gone = event.reason_code == GONE_FROM_SOURCE
    return Stated(before.act, Status.VOIDED, before.revised_at, gone)


_STATEMENTS: Mapping[type[Message], Callable[[Stated, Any], Stated]] = {
    ContributionRecorded: _says_recorded,
    ContributionConfirmed: _says_confirmed,
    ContributionDisputed: _says_disputed,
    DisputeResolved: _says_resolved,
    ContributionCorrected: _says_corrected,
    ContributionVoided: _says_voided,
    ContributionRevisionSeen: lambda before, event: Stated(
        before.act, before.status, event.revised_at, before.gone
    ),
    ContributionStatusStated: lambda before, event: Stated(
        before.act, Status(event.status), before.revised_at
    ),
}


FOLD = Fold(INITIAL, evolve)
