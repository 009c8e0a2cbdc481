"""What registry said of services and participants, as far as one decision needs it.

Facts are looked up before a decision and handed in, so that deciding stays pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from shared.contracts.exchange import DirectoryPosition
from shared.contracts.vocabulary import ParticipantKind, Party


@dataclass(frozen=True, slots=True)
class Service:
    """``providers``: its agencies and linked organisations; ``seen``: where this stood."""

    service_id: str
    starts_on: date
    closed_on: date | None
    providers: frozenset[str]
    seen: DirectoryPosition


@dataclass(frozen=True, slots=True)
class Affiliation:
    """Whole days, both included; ``until`` None is still so."""

    organisation_id: str
    employed: bool
    since: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Participant:
    participant_id: str
    kind: ParticipantKind
    affiliations: tuple[Affiliation, ...]
    seen: DirectoryPosition


@dataclass(frozen=True, slots=True)
class Role:
    """A period in which a participant is of one party in one service: whole days, both included."""

    party: Party
    since: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody's part in a service on a day: what a decision asks the directory about."""

    service_id: str
    participant_id: str
    day: date


@dataclass(frozen=True, slots=True)
class Directory:
    """``roles``: (service, participant) -> periods. What is not in it is not known to registry."""

    services: Mapping[str, Service] = field(default_factory=dict)
    participants: Mapping[str, Participant] = field(default_factory=dict)
    roles: Mapping[tuple[str, str], tuple[Role, ...]] = field(default_factory=dict)
    agencies: frozenset[str] = frozenset()

    def party_on(self, presence: Presence) -> Party | None:
        """Return the party of that day; periods don't overlap, but the youngest would win."""
        roles = self.roles.get((presence.service_id, presence.participant_id), ())
        held = [role for role in roles if role.holds_on(presence.day)]
        return max(held, key=lambda role: role.since).party if held else None

    def affiliations_on(self, participant_id: str, day: date) -> Iterator[Affiliation]:
        known = self.participants.get(participant_id)
        return (each for each in (known.affiliations if known else ()) if each.holds_on(day))
