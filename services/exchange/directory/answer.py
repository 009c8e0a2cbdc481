"""What registry said of services and participants, as far as one decision needs it.

Facts are looked up before a decision and handed in, so that deciding stays pure.
"""

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec
from msgspec.structs import replace

from shared.contracts.exchange import DirectoryPosition
from shared.contracts.vocabulary import ParticipantKind, Party


class Service(msgspec.Struct, frozen=True, gc=False):
    """``providers``: its agencies and linked organisations; ``seen``: where this stood."""

    service_id: str
    starts_on: date
    closed_on: date | None
    providers: frozenset[str]
    seen: DirectoryPosition


class Affiliation(msgspec.Struct, frozen=True, gc=False):
    """Whole days, both included; ``until`` None is still so."""

    organisation_id: str
    employed: bool
    since: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


class Participant(msgspec.Struct, frozen=True, gc=False):
    participant_id: str
    kind: ParticipantKind
    affiliations: tuple[Affiliation, ...]
    seen: DirectoryPosition


class Role(msgspec.Struct, frozen=True, gc=False):
    """A period in which a participant is of one party in one service: whole days, both included."""

    party: Party
    since: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day <= self.until)


class Presence(msgspec.Struct, frozen=True, gc=False):
    """Somebody's part in a service on a day: what a decision asks the directory about."""

    service_id: str
    participant_id: str
    day: date


class DirectoryAnswer(msgspec.Struct, frozen=True):
    """``roles``: (service, participant) -> periods. What is not in it is not known to registry."""

    services: Mapping[str, Service] = {}
    participants: Mapping[str, Participant] = {}
    roles: Mapping[tuple[str, str], tuple[Role, ...]] = {}
    agencies: frozenset[str] = frozenset()

    def assuming(self, assumed: "DirectoryAnswer") -> "DirectoryAnswer":
        """Return what registry would say if it knew ``assumed`` as well."""
        roles = dict(self.roles)
        for presence, periods in assumed.roles.items():
            roles[presence] = (*roles.get(presence, ()), *periods)
        services = dict(self.services)
        for service_id, service in assumed.services.items():
            known = services.get(service_id)
            services[service_id] = (
                service if known is None else replace(known, starts_on=service.starts_on)
            )
        return DirectoryAnswer(
            services, {**assumed.participants, **self.participants}, roles, self.agencies
        )

    def party_on(self, presence: Presence) -> Party | None:
        """Return the party of that day; periods don't overlap, but the youngest would win."""
        roles = self.roles.get((presence.service_id, presence.participant_id), ())
        held = [role for role in roles if role.holds_on(presence.day)]
        return max(held, key=lambda role: role.since).party if held else None

    def affiliations_on(self, participant_id: str, day: date) -> Iterator[Affiliation]:
        known = self.participants.get(participant_id)
        return (each for each in (known.affiliations if known else ()) if each.holds_on(day))
