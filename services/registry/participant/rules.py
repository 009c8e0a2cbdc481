"""Participant: a person or a group, known by an opaque id, and the organisations it belongs to.

Life: registered; affiliated and no longer so, any number of times. Stream: ``participant-{id}``.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TypeAlias, assert_never

from shared.contracts.registry import (
    AffiliationDeclared,
    AffiliationEnded,
    ParticipantRegistered,
)
from shared.contracts.vocabulary import Channel, Message, ParticipantKind
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected


class Reason(StrEnum):
    UNKNOWN_AGENCY = "unknown_agency"
    UNKNOWN_PARTICIPANT = "unknown_participant"
    AFFILIATED_OTHERWISE = "affiliated_otherwise"
    AFFILIATIONS_OVERLAP = "affiliations_overlap"
    NOT_AFFILIATED = "not_affiliated"
    ENDS_BEFORE_START = "ends_before_start"


@dataclass(frozen=True, slots=True)
class Register:
    """``agency_known``: registry has registered the agency."""

    participant_id: str
    agency_id: str
    agency_known: bool
    kind: ParticipantKind
    channel: Channel | None


@dataclass(frozen=True, slots=True)
class DeclareAffiliation:
    participant_id: str
    organisation_id: str
    employed: bool
    since: date


@dataclass(frozen=True, slots=True)
class EndAffiliation:
    participant_id: str
    organisation_id: str
    until: date


@dataclass(frozen=True, slots=True)
class Affiliation:
    """``until`` is the last day, included; None while it lasts."""

    employed: bool
    since: date
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody registered it."""


@dataclass(frozen=True, slots=True)
class Registered:
    """``affiliations``: organisation and its period, in the order they were declared."""

    kind: ParticipantKind
    affiliations: tuple[tuple[str, Affiliation], ...] = ()

    def of(self, organisation_id: str) -> list[Affiliation]:
        return [
            period for organisation, period in self.affiliations if organisation == organisation_id
        ]


Command: TypeAlias = Register | DeclareAffiliation | EndAffiliation
State: TypeAlias = Unknown | Registered
INITIAL: State = Unknown()


def stream_id(participant_id: str) -> str:
    return f"participant-{participant_id}"


def decide(command: Command, state: State) -> list[Message]:
    """Return the events this command causes; ``[]`` when it is already in effect.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    if isinstance(command, Register):
        return _register(command, state)
    if isinstance(state, Unknown):
        raise Rejected(Reason.UNKNOWN_PARTICIPANT, participant_id=command.participant_id)
    match command:
        case DeclareAffiliation():
            return _declare(command, state)
        case EndAffiliation():
            return _end(command, state)
        case _:
            assert_never(command)


def _register(command: Register, state: State) -> list[Message]:
    if isinstance(state, Registered):
        return []  # an agency's id of somebody always means the same participant
    if not command.agency_known:
        raise Rejected(Reason.UNKNOWN_AGENCY, agency_id=command.agency_id)
    return [
        ParticipantRegistered(
            participant_id=command.participant_id,
            agency_id=command.agency_id,
            kind=command.kind,
            channel=command.channel,
        )
    ]


def _declare(command: DeclareAffiliation, state: Registered) -> list[Message]:
    periods = state.of(command.organisation_id)
    if any((p.employed, p.since) == (command.employed, command.since) for p in periods):
        return []
    last = periods[-1] if periods else None
    if last is not None and last.until is None:
        raise Rejected(
            Reason.AFFILIATED_OTHERWISE, since=last.since, employed=str(last.employed).lower()
        )
    if last is not None and last.until is not None and command.since <= last.until:
        raise Rejected(Reason.AFFILIATIONS_OVERLAP, until=last.until, asked=command.since)
    return [
        AffiliationDeclared(
            participant_id=command.participant_id,
            organisation_id=command.organisation_id,
            employed=command.employed,
            since=command.since,
        )
    ]


def _end(command: EndAffiliation, state: Registered) -> list[Message]:
    periods = state.of(command.organisation_id)
    if any(period.until == command.until for period in periods):
        return []
    if not periods or periods[-1].until is not None:
        raise Rejected(Reason.NOT_AFFILIATED, organisation_id=command.organisation_id)
    if command.until < periods[-1].since:
        raise Rejected(Reason.ENDS_BEFORE_START, since=periods[-1].since, asked=command.until)
    return [
        AffiliationEnded(
            participant_id=command.participant_id,
            organisation_id=command.organisation_id,
            until=command.until,
        )
    ]


def evolve(state: State, event: Message) -> State:
    match event, state:
        case ParticipantRegistered(), _:
            return Registered(event.kind)
        case AffiliationDeclared(), Registered():
            declared = (event.organisation_id, Affiliation(event.employed, event.since))
            return replace(state, affiliations=(*state.affiliations, declared))
        case AffiliationEnded(), Registered():
            return replace(state, affiliations=tuple(_ended(event, *a) for a in state.affiliations))
        case _:
            return state


FOLD = Fold(INITIAL, evolve)


def _ended(
    event: AffiliationEnded, organisation_id: str, period: Affiliation
) -> tuple[str, Affiliation]:
    if organisation_id == event.organisation_id and period.until is None:
        return organisation_id, replace(period, until=event.until)
    return organisation_id, period
