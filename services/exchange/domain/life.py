"""The states of a contribution, and how each event moves it from one to the next.

Recorded, then confirmed, disputed or voided; confirmed, then disputed or voided; disputed, then
confirmed or voided. A correction keeps the state. Only a confirmed contribution counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, assert_never

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

SYSTEM = "system:"
AUTOMATIC = "system:exchange"
LOOKED_UP = frozenset({"giver_in_provider_org", "recorded_by", "directory"})


class Status(StrEnum):
    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Stated:
    """What the system that the contribution came from last said of it, whoever changed it since."""

    act: Act | None = None
    status: Status | None = None
    revised_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Recorded:
    act: Act
    stated: Stated = Stated()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """``resolution`` is how a dispute ended, if one did."""

    act: Act
    by: str
    resolution: Outcome | None = None
    stated: Stated = Stated()


@dataclass(frozen=True, slots=True)
class Disputed:
    act: Act
    stated: Stated = Stated()


@dataclass(frozen=True, slots=True)
class Voided:
    act: Act
    resolution: Outcome | None = None
    stated: Stated = Stated()


State: TypeAlias = Unknown | Recorded | Confirmed | Disputed | Voided
INITIAL: State = Unknown()


def evolve(state: State, event: Message) -> State:
    """Return the state after the event; each carries its act whole, so none is out of place."""
    after = _moved(state, event)
    if isinstance(after, Unknown):
        return after
    before = Stated() if isinstance(state, Unknown) else state.stated
    return replace(after, stated=_stated(before, event, status_of(after)))


def content(act: Act) -> Mapping[str, object]:
    """Return what the act says, without what exchange looked up: what is equal says the same."""
    said = {name: value for name, value in act if name not in LOOKED_UP}
    return said | {"receivers": [receiver.participant_id for receiver in act.receivers]}


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


def _moved(state: State, event: Message) -> State:
    match event:
        case ContributionRecorded(act=act):
            moved: State = Recorded(act)
        case ContributionConfirmed(act=act, by=by):
            moved = Confirmed(act, by)
        case ContributionDisputed(act=act):
            moved = Disputed(act)
        case DisputeResolved(act=act, outcome=Outcome.UPHELD as outcome):
            moved = Voided(act, outcome)
        case DisputeResolved(act=act, by=by, outcome=outcome):
            moved = Confirmed(act, by, outcome)
        case ContributionVoided(act=act):
            moved = Voided(act)
        case ContributionCorrected(after=act) if not isinstance(state, Unknown):
            moved = replace(state, act=act)
        case _:
            moved = state
    return moved


def _stated(  # noqa: PLR0911  # one return a case
    before: Stated, event: Message, status: Status | None
) -> Stated:
    match event:
        case ContributionRevisionSeen(revised_at=revised_at):
            return replace(before, revised_at=revised_at)
        case ContributionStatusStated(status=said):
            return replace(before, status=Status(said))
        case _ if not _by_source(event):
            return before
        case ContributionRecorded(act=act):
            return Stated(act, status, before.revised_at)
        case ContributionCorrected(after=act):
            return replace(before, act=act)
        case DisputeResolved(act=act, outcome=Outcome.CORRECTED):
            return replace(before, act=act, status=status)
        case _:
            return replace(before, status=status)


def _by_source(event: Message) -> bool:
    match event:
        case ContributionRecorded(act=act):
            return act.recorded_by.startswith(SYSTEM)
        case ContributionConfirmed(by=by, automatic=automatic):
            return by.startswith(SYSTEM) and not automatic
        case (
            ContributionDisputed(by=by)
            | DisputeResolved(by=by)
            | ContributionCorrected(by=by)
            | ContributionVoided(by=by)
        ):
            return by.startswith(SYSTEM)
        case _:
            return False
