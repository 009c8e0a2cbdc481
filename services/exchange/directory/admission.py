"""Who may take part in which service on which day: rules that every kind of command shares."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from services.exchange.directory.answer import DirectoryAnswer, Participant, Presence, Service
from shared.contracts.vocabulary import ParticipantKind, Party
from shared.eventstore.port import Rejected

AHEAD_MAX = timedelta(minutes=5)  # clocks of honest senders differ by less
DAY_AHEAD_MAX = timedelta(hours=14)  # a day that is known by its name has begun first in Kiritimati
SYSTEM = "system:"


class Reason(StrEnum):
    UNKNOWN_SERVICE = "unknown_service"
    SERVICE_NOT_STARTED = "service_not_started"
    SERVICE_CLOSED = "service_closed"
    IN_THE_FUTURE = "in_the_future"
    UNKNOWN_PARTICIPANT = "unknown_participant"
    NOT_A_PERSON = "not_a_person"
    NO_PARTY = "no_party_on_that_day"


UNKNOWN_FOR_NOW = frozenset({Reason.UNKNOWN_SERVICE, Reason.UNKNOWN_PARTICIPANT, Reason.NO_PARTY})
"""Refusals that a directory which is a moment behind would cause as well."""


def open_service(
    directory: DirectoryAnswer, service_id: str, at: datetime, now: datetime
) -> Service:
    """Return the service if it takes what happened ``at``.

    Raises:
        Rejected: it is not known, has not started or is closed on that day, or ``at`` is to come.
    """
    service = directory.services.get(service_id)
    if service is None:
        raise Rejected(Reason.UNKNOWN_SERVICE, service_id=service_id)
    not_to_come(at, now)
    day = at.astimezone(UTC).date()
    if day < service.starts_on:
        raise Rejected(
            Reason.SERVICE_NOT_STARTED, service_id=service_id, starts_on=service.starts_on, day=day
        )
    if service.closed_on is not None and day > service.closed_on:
        raise Rejected(
            Reason.SERVICE_CLOSED, service_id=service_id, closed_on=service.closed_on, day=day
        )
    return service


def not_to_come(at: datetime, now: datetime) -> None:
    """Let pass what has happened.

    Raises:
        Rejected: it is later than the clocks of honest senders can differ, or it is a whole day,
            which is written as its beginning in UTC, that has begun nowhere yet.
    """
    whole_day = at.astimezone(UTC).time() == time.min
    if at > now + (DAY_AHEAD_MAX if whole_day else AHEAD_MAX):
        raise Rejected(Reason.IN_THE_FUTURE, at=at.isoformat())


def known_participant(directory: DirectoryAnswer, participant_id: str) -> Participant:
    """Return the participant, a person or a group.

    Raises:
        Rejected: registry knows nobody of that id.
    """
    participant = directory.participants.get(participant_id)
    if participant is None:
        raise Rejected(Reason.UNKNOWN_PARTICIPANT, participant_id=participant_id)
    return participant


def known_person(directory: DirectoryAnswer, participant_id: str) -> Participant:
    """Return the participant, who is not a group.

    Raises:
        Rejected: registry knows nobody of that id, or it is a group's.
    """
    participant = known_participant(directory, participant_id)
    if participant.kind is not ParticipantKind.PERSON:
        raise Rejected(Reason.NOT_A_PERSON, participant_id=participant_id)
    return participant


def party_held(directory: DirectoryAnswer, presence: Presence) -> Party:
    """Return the participant's party in that service on that day.

    Raises:
        Rejected: registry knows nobody of that id, or no party of theirs there on that day.
    """
    known_participant(directory, presence.participant_id)
    party = directory.party_on(presence)
    if party is None:
        raise Rejected(
            Reason.NO_PARTY,
            participant_id=presence.participant_id,
            service_id=presence.service_id,
            day=presence.day,
        )
    return party
