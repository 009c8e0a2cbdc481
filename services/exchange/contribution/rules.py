"""Contribution: what one participant gave to one public service, and whether it counts.

Its life is told in ``life``: only a confirmed contribution counts. Stream: ``contribution-{id}``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, assert_never

from services.exchange.contribution.life import (
    AUTOMATIC,
    Confirmed,
    Disputed,
    Recorded,
    State,
    Unknown,
    Voided,
    content,
    status_of,
    waits_until,
)
from shared.contracts.exchange import (
    Act,
    ContributionConfirmed,
    ContributionCorrected,
    ContributionDisputed,
    ContributionRecorded,
    ContributionVoided,
    DisputeResolved,
)
from shared.contracts.vocabulary import Message, Outcome
from shared.eventstore.port import Rejected

CONFIRMED_AUTOMATICALLY_AFTER = timedelta(
    days=14
)  # from when it was recorded, not from when it was


class Reason(StrEnum):
    UNKNOWN = "unknown_contribution"
    ALREADY_RECORDED = "already_recorded"
    OWN_CONTRIBUTION = "own_contribution"
    VOIDED = "contribution_voided"
    DISPUTED = "contribution_disputed"
    NOT_DISPUTED = "not_disputed"
    REASON_MISSING = "reason_missing"
    CHANGES_MISSING = "changes_missing"
    CHANGES_UNWANTED = "changes_unwanted"
    STATUS_UNREACHABLE = "status_unreachable"
    STANDS_ELSEWHERE = "stands_in_another_service"
    STANDS_WITHOUT_SCOPE = "stands_without_scope"


@dataclass(frozen=True, slots=True)
class Record:
    act: Act
    at: datetime


@dataclass(frozen=True, slots=True)
class Confirm:
    by: str


@dataclass(frozen=True, slots=True)
class ConfirmAutomatically:
    """Time has passed since it was recorded; the caller knows that it has."""


@dataclass(frozen=True, slots=True)
class Dispute:
    by: str
    reason_code: str | None


@dataclass(frozen=True, slots=True)
class Resolve:
    """``corrected`` is the act as it is from now on, with the outcome of that name only."""

    by: str
    outcome: Outcome
    corrected: Act | None = None


@dataclass(frozen=True, slots=True)
class Correct:
    by: str
    after: Act


@dataclass(frozen=True, slots=True)
class Void:
    by: str
    reason_code: str | None


Command: TypeAlias = Record | Confirm | ConfirmAutomatically | Dispute | Resolve | Correct | Void


def stream_id(contribution_id: str) -> str:
    return f"contribution-{contribution_id}"


def decide(  # noqa: PLR0911  # one return a command
    command: Command, state: State
) -> list[Message]:
    """Return the events this command causes; ``[]`` when it is already in effect.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    match command:
        case Record():
            return _record(command, state)
        case Confirm():
            return _confirm(command, state)
        case ConfirmAutomatically():
            return _confirm_automatically(state)
        case Dispute():
            return _dispute(command, state)
        case Resolve():
            return _resolve(command, state)
        case Correct():
            return _correct(command, state)
        case Void():
            return _void(command, state)
        case _:
            assert_never(command)


def _record(command: Record, state: State) -> list[Message]:
    if isinstance(state, Unknown):
        due_at = command.at + CONFIRMED_AUTOMATICALLY_AFTER
        return [ContributionRecorded(act=command.act, confirm_due_at=due_at)]
    if content(command.act) == content(state.act):
        return []
    raise Rejected(Reason.ALREADY_RECORDED, contribution_id=state.act.contribution_id)


def _confirm(command: Confirm, state: State) -> list[Message]:
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Voided():
            raise Rejected(Reason.VOIDED)
        case Recorded() | Confirmed() | Disputed() if state.act.giver_id == command.by:
            raise Rejected(Reason.OWN_CONTRIBUTION, participant_id=command.by)
        case Disputed():
            raise Rejected(Reason.DISPUTED)
        case Recorded():
            due_at = state.confirm_due_at
            return [ContributionConfirmed(act=state.act, by=command.by, confirm_due_at=due_at)]
        case Confirmed():
            return []
        case _:
            assert_never(state)


def _confirm_automatically(state: State) -> list[Message]:
    if isinstance(state, Recorded):
        return [
            ContributionConfirmed(
                act=state.act, by=AUTOMATIC, automatic=True, confirm_due_at=state.confirm_due_at
            )
        ]
    return []  # somebody was faster: confirmed it, voided it, or stopped the clock by disputing it


def _dispute(command: Dispute, state: State) -> list[Message]:
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Voided():
            raise Rejected(Reason.VOIDED)
        case Disputed():
            return []
        case Recorded() | Confirmed():
            return [
                ContributionDisputed(
                    act=state.act,
                    by=command.by,
                    reason_code=_reason_given(command.reason_code),
                    counted=isinstance(state, Confirmed),
                    confirm_due_at=waits_until(state),
                )
            ]
        case _:
            assert_never(state)


def _resolve(command: Resolve, state: State) -> list[Message]:
    if (command.corrected is not None) is not (command.outcome is Outcome.CORRECTED):
        needed = command.corrected is None
        raise Rejected(Reason.CHANGES_MISSING if needed else Reason.CHANGES_UNWANTED)
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Disputed(act=act):
            if command.outcome is not Outcome.UPHELD:
                _refuse_giver(command.by, act, command.corrected or act)
            resolved = command.corrected or act
            before = act if command.corrected else None
            return [
                DisputeResolved(act=resolved, by=command.by, outcome=command.outcome, before=before)
            ]
        case Confirmed() | Voided() if _resolved_so(command, state):
            return []
        case Recorded() | Confirmed() | Voided():
            raise Rejected(Reason.NOT_DISPUTED, status=status_of(state))
        case _:
            assert_never(state)


def _resolved_so(command: Resolve, state: Confirmed | Voided) -> bool:
    if state.resolution is not command.outcome:
        return False
    return command.corrected is None or content(command.corrected) == content(state.act)


def _correct(command: Correct, state: State) -> list[Message]:
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Voided():
            raise Rejected(Reason.VOIDED)
        case Recorded() | Confirmed() | Disputed() if content(state.act) == content(command.after):
            return []
        case Recorded() | Confirmed() | Disputed():
            if isinstance(state, Confirmed):
                # what counts was vouched for by somebody other than the giver; it stays so
                _refuse_giver(command.by, state.act, command.after)
                _refuse_giver(state.by, command.after)
            return [
                ContributionCorrected(
                    before=state.act,
                    after=command.after,
                    by=command.by,
                    counted=isinstance(state, Confirmed),
                    confirm_due_at=waits_until(state),
                )
            ]
        case _:
            assert_never(state)


def _void(command: Void, state: State) -> list[Message]:
    match state:
        case Unknown():
            raise Rejected(Reason.UNKNOWN)
        case Voided():
            return []
        case Recorded() | Confirmed() | Disputed():
            return [
                ContributionVoided(
                    act=state.act,
                    by=command.by,
                    reason_code=_reason_given(command.reason_code),
                    counted=isinstance(state, Confirmed),
                    confirm_due_at=waits_until(state),
                )
            ]
        case _:
            assert_never(state)


def _refuse_giver(by: str, *acts: Act) -> None:
    if any(act.giver_id == by for act in acts):
        raise Rejected(Reason.OWN_CONTRIBUTION, participant_id=by)


def _reason_given(reason_code: str | None) -> str:
    if not reason_code:
        raise Rejected(Reason.REASON_MISSING)
    return reason_code
