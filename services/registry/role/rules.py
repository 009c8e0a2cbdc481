"""Role: the party of one participant in one service, one at a time, in periods of whole UTC days.

Life: any number of periods, one after the other: assumed, its start moved back, ended.
Stream: ``role-{service}-{participant}``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TypeAlias, assert_never

from shared.contracts.registry import RoleAssumed, RoleEnded, RoleStartMoved
from shared.contracts.vocabulary import Message, ParticipantKind, Party
from shared.eventstore.folding import Fold
from shared.eventstore.port import Rejected


class Reason(StrEnum):
    UNKNOWN_SERVICE = "unknown_service"
    UNKNOWN_PARTICIPANT = "unknown_participant"
    SERVICE_CLOSED = "service_closed"
    OTHER_PARTY = "other_party"
    PERIODS_OVERLAP = "periods_overlap"
    START_NOT_EARLIER = "role_start_not_earlier"
    NO_SUCH_ROLE = "no_such_role"
    ENDS_BEFORE_START = "ends_before_start"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose role, where, with what registry knows of both; None where it knows nothing."""

    service_id: str
    participant_id: str
    service_known: bool
    participant_kind: ParticipantKind | None
    service_closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Assume:
    place: Place
    party: Party
    since: date


@dataclass(frozen=True, slots=True)
class MoveStart:
    """The period of ``party`` that comes next after ``since`` is to begin then already."""

    place: Place
    party: Party
    since: date


@dataclass(frozen=True, slots=True)
class End:
    place: Place
    until: date


@dataclass(frozen=True, slots=True)
class Period:
    """``until`` is the last day, included; None while it lasts."""

    party: Party
    since: date
    until: date | None = None

    def covers(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


Command: TypeAlias = Assume | MoveStart | End
State: TypeAlias = tuple[Period, ...]
"""The periods in order of time; only the last can be without an end."""
INITIAL: State = ()


def stream_id(service_id: str, participant_id: str) -> str:
    return f"role-{service_id}-{participant_id}"


def decide(command: Command, state: State) -> list[Message]:
    """Return the events this command causes; ``[]`` when it is already in effect.

    Raises:
        Rejected: a rule refuses the command; ``reason`` is a ``Reason``.
    """
    kind = _kind_of(command.place)
    match command:
        case Assume():
            return _assume(command, kind, state)
        case MoveStart():
            return _move_start(command, kind, state)
        case End():
            return _end(command, kind, state)
        case _:
            assert_never(command)


def _kind_of(place: Place) -> ParticipantKind:
    if not place.service_known:
        raise Rejected(Reason.UNKNOWN_SERVICE, service_id=place.service_id)
    if place.participant_kind is None:
        raise Rejected(Reason.UNKNOWN_PARTICIPANT, participant_id=place.participant_id)
    return place.participant_kind


def _assume(command: Assume, kind: ParticipantKind, state: State) -> list[Message]:
    if any((p.party, p.since) == (command.party, command.since) for p in state):
        return []
    last = state[-1] if state else None
    if last is not None and last.until is None and last.covers(command.since):
        if last.party is command.party:
            return []
        raise Rejected(Reason.OTHER_PARTY, party=last.party, since=last.since)
    if last is not None and (last.until is None or command.since <= last.until):
        raise Rejected(Reason.PERIODS_OVERLAP, since=last.since, until=last.until or "open")
    closed_on = command.place.service_closed_on
    if closed_on is not None and command.since > closed_on:
        raise Rejected(Reason.SERVICE_CLOSED, closed_on=closed_on)
    return [
        RoleAssumed(
            service_id=command.place.service_id,
            participant_id=command.place.participant_id,
            participant_kind=kind,
            party=command.party,
            since=command.since,
        )
    ]


def _move_start(command: MoveStart, kind: ParticipantKind, state: State) -> list[Message]:
    if any((p.party, p.since) == (command.party, command.since) for p in state):
        return []
    around = next((p for p in state if p.covers(command.since)), None)
    if around is not None and around.party is command.party:
        raise Rejected(Reason.START_NOT_EARLIER, since=around.since, asked=command.since)
    if around is not None:
        raise Rejected(Reason.PERIODS_OVERLAP, party=around.party, since=around.since)
    following = next((p for p in state if p.since > command.since), None)
    if following is None:
        raise Rejected(Reason.NO_SUCH_ROLE, party=command.party)
    if following.party is not command.party:
        raise Rejected(Reason.OTHER_PARTY, party=following.party, since=following.since)
    return [
        RoleStartMoved(
            service_id=command.place.service_id,
            participant_id=command.place.participant_id,
            participant_kind=kind,
            party=command.party,
            since_before=following.since,
            since=command.since,
        )
    ]


def _end(command: End, kind: ParticipantKind, state: State) -> list[Message]:
    if any(period.until == command.until for period in state):
        return []
    if not state or state[-1].until is not None:
        raise Rejected(Reason.NO_SUCH_ROLE, participant_id=command.place.participant_id)
    last = state[-1]
    if command.until < last.since:
        raise Rejected(Reason.ENDS_BEFORE_START, since=last.since, asked=command.until)
    return [
        RoleEnded(
            service_id=command.place.service_id,
            participant_id=command.place.participant_id,
            participant_kind=kind,
            party=last.party,
            until=command.until,
        )
    ]


def evolve(state: State, event: Message) -> State:
    match event:
        case RoleAssumed():
            return (*state, Period(event.party, event.since))
        case RoleStartMoved():
            return _replaced(state, event.since_before, since=event.since)
        case RoleEnded():
            return (*state[:-1], *(replace(last, until=event.until) for last in state[-1:]))
        case _:
            return state


FOLD = Fold(INITIAL, evolve)


def _replaced(periods: Sequence[Period], began_on: date, *, since: date) -> State:
    return tuple(replace(p, since=since) if p.since == began_on else p for p in periods)
